"""How far each run can go: a table for readers, an object of JSON, lines of CSV and columns of Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from flopsheet.catalog import Catalog
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.output.rows import CSV, number
from flopsheet.output.summary import Summary
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.limits import words
from flopsheet.pipeline.limits.told import Told, ToldBudget, tell, tell_budgets
from flopsheet.spec import Spec

TITLE = "How far each run can go"
HEADER = ("Run", "Input", *(words.HEADS[head] for head in ("now", "last", "says")))
TITLE_OF_BUDGETS = "How far each run and model can go within its budgets, memory aside"
HEADER_OF_BUDGETS = ("Run or model", "Budget", *HEADER[1:])
NAMED = ("run", "input")
NUMBERS = ("now", "limit", "left_bytes", "next", "left_next_bytes")
COLUMNS = (*NAMED, *NUMBERS, "says")
TEXTS = frozenset(COLUMNS) - frozenset(NUMBERS)


def tables(spec: Spec, runs: Mapping[RunKind, Values], catalog: Catalog, most: int | None) -> Iterator[Summary]:
    """The tables, with so many rows at most: against memory, and against budgets where there are any."""
    told = [(one.run, one.limit.label, *_values(one)) for one in tell(runs, catalog)]
    if told:
        yield _table(TITLE, HEADER, 2, told, most)
    within = [
        (one.set.about, one.set.called(catalog), catalog.entry(one.limit.input).label, *_values(one))
        for one in tell_budgets(spec, runs, catalog)
    ]
    if within:
        yield _table(TITLE_OF_BUDGETS, HEADER_OF_BUDGETS, 3, within, most)


def _values(told: Told | ToldBudget) -> tuple[str, str, str]:
    return _shown(told.now), _shown(told.last), told.says


def _table(
    title: str, header: tuple[str, ...], n_keys: int, rows: Sequence[tuple[str, ...]], most: int | None
) -> Summary:
    body = tuple(rows[: most or None])
    return Summary(title, header, body, n_keys, frozenset({*range(n_keys), len(header) - 1}), len(rows) - len(body))


def _shown(value: Scalar) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}"


def _line(told: Told) -> tuple[Scalar | None, ...]:
    """What programs read of a limit, in the order of the columns; a word in place of a number is told by `says`."""
    last = None if isinstance(told.last, str) else told.last
    numbers = (told.now, last, told.left_bytes, told.next, told.left_next_bytes)
    return (
        told.run, told.limit.name, *(None if one is None else number(one, whole=True) for one in numbers), told.says
    )  # fmt: skip


def as_json(runs: Mapping[RunKind, Values], catalog: Catalog) -> str:
    """By run and input."""
    found: dict[str, list[str]] = {}
    for told in tell(runs, catalog):
        _, name, *rest = _line(told)
        said = json.dumps(dict(zip(COLUMNS[len(NAMED) :], rest, strict=True)), ensure_ascii=False)
        found.setdefault(told.run, []).append(f"{json.dumps(name)}: {said}")
    lines = (f"{json.dumps(run, ensure_ascii=False)}: {{{', '.join(each)}}}" for run, each in found.items())
    return "{\n" + ",\n".join(lines) + "\n}" if found else "{}"


def budgets_as_json(spec: Spec, runs: Mapping[RunKind, Values], catalog: Catalog) -> str:
    """A list of the limits within budgets."""
    return json.dumps([dict(line) for line in within_budgets(spec, runs, catalog)], ensure_ascii=False)


def within_budgets(
    spec: Spec, runs: Mapping[RunKind, Values], catalog: Catalog
) -> Iterator[Mapping[str, Scalar | None]]:
    """What programs read of a limit within a budget; `limit_is` says whether it is the most or the least.

    `run` is the model where the budget is one of a model, which has a `context_length` where its metric depends on it.
    """
    for told in tell_budgets(spec, runs, catalog):
        one = told.set
        numbers = {
            "context_length": one.context_length, "bound": one.bound, "now": told.now,
            "limit": None if isinstance(told.last, str) else told.last,
            "value": told.spent, "next": told.next, "next_value": told.next_spent,
        }  # fmt: skip
        yield {
            "run": one.subject, "metric": one.budget.metric, "claim": one.budget.claim, "input": told.limit.input,
            **{name: None if one is None else number(one, whole=True) for name, one in numbers.items()},
            "limit_is": told.kind or None, "says": told.says,
        }  # fmt: skip


def as_csv(runs: Mapping[RunKind, Values], catalog: Catalog) -> str:
    """A line for each limit of each run."""
    lines = [",".join(COLUMNS)]
    for told in tell(runs, catalog):
        cells = (
            CSV.absent if one is None else CSV.text(one) if isinstance(one, str) else repr(one) for one in _line(told)
        )
        lines.append(",".join(cells))
    return "\n".join([*lines, ""])


def as_columns(runs: Mapping[RunKind, Values], catalog: Catalog) -> Iterator[tuple[str, list[Scalar | None]]]:
    """The same column by column."""
    lines = [_line(told) for told in tell(runs, catalog)]
    return ((name, [line[at] for line in lines]) for at, name in enumerate(COLUMNS))
