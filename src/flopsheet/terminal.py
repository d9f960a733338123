"""A report's summary for a terminal: tables that fit its width, side by side columns in the next one below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flopsheet.views import summary

if TYPE_CHECKING:
    from rich.table import Table

    from flopsheet.report import Report

MOST_ROWS = 60
KEYS = 2  # columns that name a scenario, repeated in every table
GAP, EDGES = 3, 2  # blanks between two columns, and at both ends
TEXTS = {"Model", "What dominates"}


def to_tables(report: Report, width: int) -> Iterator[Table]:
    """The summary as one table where it fits, as several with the rows' names repeated where it does not."""
    from rich import box
    from rich.table import Table

    header, body = summary(report, MOST_ROWS)
    widths = [_needed(title, [line[at] for line in body]) for at, title in enumerate(header)]
    for number, columns in enumerate(_parts(widths, width)):
        title = report.spec.title if number == 0 else None
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for at in columns:
            table.add_column(header[at], justify="left" if header[at] in TEXTS else "right", width=widths[at])
        for line in body:
            table.add_row(*(line[at] for at in columns))
        yield table


def left_out(report: Report) -> int:
    """How many scenarios the tables do not show."""
    return max(0, len(report.values.tables["scenario"]) - MOST_ROWS)


def _needed(title: str, cells: Sequence[str]) -> int:
    """The width of a column whose cells stay on one line and whose title breaks between words."""
    return max(map(len, [*title.split(), *cells]))


def _parts(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """The columns of each table; the first ones stand in all."""
    keys = list(range(KEYS))
    room = width - EDGES - sum(widths[at] + GAP for at in keys)
    part: list[int] = []
    used = 0
    for at in range(KEYS, len(widths)):
        if part and used + widths[at] + GAP > room:
            yield keys + part
            part, used = [], 0
        part.append(at)
        used += widths[at] + GAP
    yield keys + part
