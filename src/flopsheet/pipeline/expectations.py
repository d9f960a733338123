"""Whether the expectations of a spec hold: one formula per claim, which the report and the Checks sheet evaluate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.entries import FAIL, OK, Scalar
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.formula import evaluate, parse
from flopsheet.formula.nodes import Call, Node, Text
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.tables import Tables
from flopsheet.quantities import TEXT_UNIT, read_change
from flopsheet.records import NamedTuple, frozen
from flopsheet.spec import Expectation, Spec
from flopsheet.spec.entries import BOUNDS, CHANGES

HOLDS = {
    "equals": parse("abs(live - claimed) <= within * abs(claimed)"),
    "text": parse("live == claimed"),
    "at_least": parse("live >= claimed"),
    "at_most": parse("live <= claimed"),
    "at_least_change": parse("live - base >= claimed"),
    "at_most_change": parse("live - base <= claimed"),
}


class Called(NamedTuple):
    """What claims are called: one of them, several, and what they are where they hold."""

    one: str
    many: str
    met: str

    @property
    def a(self) -> str:
        return f"{'an' if self.one[0] in 'aeiou' else 'a'} {self.one}"


BUDGETS = Called("budget", "budgets", "met")
FIGURES = Called("expected figure", "expected figures", "matched")
MIXED = Called("budget or expected figure", "budgets and expected figures", "met")


def called(kinds: Iterable[str]) -> Called:
    """What claims of some kinds are called together: a number that is to be equalled is no budget."""
    among = {kind == "equals" for kind in kinds}
    return MIXED if len(among) == 2 else FIGURES if True in among else BUDGETS


def called_in(spec: Spec) -> Called:
    """What the expectations of a spec are called."""
    return called(kind for one in spec.expectations for kind, _ in (*claims(one), *changes(one)))


def claims(expectation: Expectation) -> list[tuple[str, Scalar]]:
    """The claims of one expectation, by kind."""
    found: list[tuple[str, Scalar]] = []
    if expectation.equals is not None:
        kind = "text" if isinstance(expectation.equals, str) else "equals"
        found.append((kind, expectation.equals if kind == "text" else float(expectation.equals)))
    for kind in BOUNDS:
        if (value := getattr(expectation, kind)) is not None:
            found.append((kind, float(value)))
    return found


def changes(expectation: Expectation) -> list[tuple[str, tuple[float, bool]]]:
    """The bounds of a change, by kind: how much, and whether it is a share."""
    said = ((kind, getattr(expectation, kind)) for kind in CHANGES)
    read = ((kind, read_change(value)) for kind, value in said)
    return [(kind, change) for kind, change in read if change]


def verdict(kind: str, *, absent: bool = False, missed: str = FAIL) -> Node:
    """Whether a claim holds, as a word, `missed` where not; none holds of a number that may be `absent` and is."""
    node = Call("where", (HOLDS[kind], Text(OK), Text(missed)))
    return Call("where", (parse("given(live)"), node, Text(missed))) if absent else node


def holds(kind: str, values: Mapping[str, Scalar]) -> bool:
    """Whether a claim holds for the `live` value and those `claimed`, `within` and of the `base`."""
    return bool(evaluate(verdict(kind, absent=kind != "text"), values.__getitem__) == OK)


def row_in(tables: Tables, grain: Grain, subject: str, context_length: float | None) -> int:
    """The row of a model, run or scenario in its table."""
    key = (subject, int(context_length or 0)) if grain == "scenario" else (subject,)
    return tables[grain].keys.index(key)


def table_set_of(grain: Grain) -> RunKind | Literal["study"]:
    """The table set in which the metrics of a grain stand."""
    return next((kind for kind, grains in RUNS.items() if grain in grains), "study")


@frozen
class Numbers:
    """What expectations are held to: the numbers of a study and of its runs."""

    values: Values
    runs: Mapping[RunKind, Values]
    catalog: Catalog

    def find(self, expectation: Expectation) -> Scalar | None:
        """The number that an expectation is about; None where there is none."""
        metric = self.catalog.metrics.get(expectation.metric)
        if metric is None:
            return None
        kind = table_set_of(metric.grain)
        of_grain = self.values if kind == "study" else self.runs.get(kind, self.values)
        if metric.grain not in of_grain.tables:
            return None
        try:
            row = row_in(of_grain.tables, metric.grain, expectation.subject, expectation.context_length)
        except ValueError:
            return None
        return of_grain.plain(metric.grain, expectation.metric)[row]

    def find_lacking(self, expectation: Expectation) -> float | None:
        """How many bytes are missing where a text such as `fits` says whether memory is enough; None otherwise."""
        metric = self.catalog.metrics[expectation.metric]
        if metric.unit != TEXT_UNIT or len(metric.dependencies) != 1:
            return None
        [margin] = metric.dependencies
        if self.catalog.unit_of(margin).label != "B":
            return None
        left = self.find(expectation._replace(metric=margin))
        return -left if isinstance(left, float | int) and left < 0 else None


class Missed(NamedTuple):
    """A claim that does not hold: its expectation and kind, the value claimed, that found, that of the base.

    `lacking` are the bytes that a device lacks, where the claim is that a run fits.
    """

    expectation: Expectation
    claim: str
    claimed: Scalar
    found: Scalar
    base: float | None = None
    lacking: float | None = None


def failed(spec: Spec, numbers: Numbers, base: Numbers | None = None) -> Iterator[Missed]:
    """Each claim that does not hold, those of changes where there is a base that has the number."""
    for expectation in spec.expectations:
        found = numbers.find(expectation)
        if found is None:
            continue  # an expectation of another spec
        for kind, claimed in claims(expectation):
            if not holds(kind, {"live": found, "claimed": claimed, "within": expectation.within}):
                yield Missed(expectation, kind, claimed, found, None, numbers.find_lacking(expectation))
        before = base.find(expectation) if base else None
        if isinstance(before, float | int) and not math.isnan(before):
            for kind, bound in changes(expectation):
                change, is_share = bound
                most = {"live": found, "base": float(before), "claimed": change * abs(before) if is_share else change}
                if not holds(kind, most):
                    yield Missed(expectation, kind, str(getattr(expectation, kind)), found, float(before))
