"""How far each run can go: a table for readers, an object of JSON, lines of CSV and columns of Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flopsheet.catalog import Catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.output.rows import CSV, number
from flopsheet.output.summary import Summary
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.limits import words
from flopsheet.pipeline.limits.told import Told, tell

TITLE = "How far each run can go"
HEADER = ("Run", "Input", *(words.HEADS[head] for head in ("now", "last", "says")))
NAMED = ("run", "input")
NUMBERS = ("now", "limit", "left_bytes", "next", "left_next_bytes")
COLUMNS = (*NAMED, *NUMBERS, "says")
TEXTS = frozenset(COLUMNS) - frozenset(NUMBERS)


def tables(runs: Mapping[RunKind, Values], catalog: Catalog, most: int | None) -> Iterator[Summary]:
    """The table, with so many rows at most; none without runs."""
    told = list(tell(runs, catalog))
    if told:
        body = tuple(
            (one.run, one.limit.label, _shown(one.now), _shown(one.last), one.says) for one in told[: most or None]
        )
        yield Summary(TITLE, HEADER, body, 2, frozenset({0, 1, len(HEADER) - 1}), len(told) - len(body))


def _shown(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.0f}"


def _line(told: Told) -> tuple[Any, ...]:
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
        run, name, *rest = _line(told)
        said = json.dumps(dict(zip(COLUMNS[len(NAMED) :], rest, strict=True)), ensure_ascii=False)
        found.setdefault(run, []).append(f"{json.dumps(name)}: {said}")
    lines = (f"{json.dumps(run, ensure_ascii=False)}: {{{', '.join(each)}}}" for run, each in found.items())
    return "{\n" + ",\n".join(lines) + "\n}" if found else "{}"


def as_csv(runs: Mapping[RunKind, Values], catalog: Catalog) -> str:
    """A line for each limit of each run."""
    lines = [",".join(COLUMNS)]
    for told in tell(runs, catalog):
        cells = (
            CSV.absent if one is None else CSV.text(one) if isinstance(one, str) else repr(one) for one in _line(told)
        )
        lines.append(",".join(cells))
    return "\n".join([*lines, ""])


def as_columns(runs: Mapping[RunKind, Values], catalog: Catalog) -> Iterator[tuple[str, list[Any]]]:
    """The same column by column."""
    lines = [_line(told) for told in tell(runs, catalog)]
    return ((name, [line[at] for line in lines]) for at, name in enumerate(COLUMNS))
