"""Whether the expectations of a spec hold: one formula per claim, which the report and the Checks sheet evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.entries import FAIL, OK
from flopsheet.formula import evaluate, parse
from flopsheet.formula.nodes import Call, Node, Text
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.tables import Tables
from flopsheet.spec import Expectation, Spec

Scalar: TypeAlias = float | str

CLAIMS = {
    "equals": parse("abs(live - claimed) <= within * abs(claimed)"),
    "text": parse("live == claimed"),
    "at_least": parse("live >= claimed"),
    "at_most": parse("live <= claimed"),
}


def claims(expectation: Expectation) -> list[tuple[str, Scalar]]:
    """The claims of one expectation, by kind."""
    found: list[tuple[str, Scalar]] = []
    if expectation.equals is not None:
        kind = "text" if isinstance(expectation.equals, str) else "equals"
        found.append((kind, expectation.equals if kind == "text" else float(expectation.equals)))
    for kind, value in (("at_least", expectation.at_least), ("at_most", expectation.at_most)):
        if value is not None:
            found.append((kind, float(value)))
    return found


def verdict(kind: str, *, absent: bool = False) -> Node:
    """Whether a claim holds, as a word; none does of a number that may be `absent` and is."""
    node = Call("where", (CLAIMS[kind], Text(OK), Text(FAIL)))
    return Call("where", (parse("given(live)"), node, Text(FAIL))) if absent else node


def holds(kind: str, live: Scalar, claimed: Scalar, within: float) -> bool:
    """Whether a claim holds for a value."""
    values: Mapping[str, Scalar] = {"live": live, "claimed": claimed, "within": within}
    return bool(evaluate(verdict(kind, absent=kind != "text"), values.__getitem__) == OK)


def row_in(tables: Tables, grain: str, subject: str, context_length: float | None) -> int:
    """The row of a model, run or scenario in its table."""
    key = (subject, int(context_length or 0)) if grain == "scenario" else (subject,)
    return tables[grain].keys.index(key)


def table_set_of(grain: str) -> str:
    """The table set in which the metrics of a grain stand."""
    return next((kind for kind, grains in RUNS.items() if grain in grains), "study")


def failed(
    spec: Spec, values: Values, runs: Mapping[str, Values], catalog: Catalog
) -> Iterator[tuple[Expectation, str, Scalar, Scalar]]:
    """Each claim that does not hold: its expectation, its kind, the value claimed and the value found."""
    for expectation in spec.expectations:
        grain = catalog.metrics[expectation.metric].grain
        of_grain = runs.get(table_set_of(grain), values)
        row = row_in(of_grain.tables, grain, expectation.subject, expectation.context_length)
        found = of_grain.plain(grain, expectation.metric)[row]
        for kind, claimed in claims(expectation):
            if not holds(kind, found, claimed, expectation.within):
                yield expectation, kind, claimed, found
