"""A report's summary for a terminal: tables that fit its width, their rows named again in each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from flopsheet.output.headline import summarise
from flopsheet.output.sentences import remedies, unfit, unsearched
from flopsheet.output.summary import Summary

if TYPE_CHECKING:
    from rich.table import Table

    from flopsheet.api import Report

MOST_ROWS = 60
GAP, EDGES = 3, 2  # blanks between two columns, and at both ends


def to_text(report: Report, width: int | None) -> str:
    """The title and the summary, as wide as the terminal where no width is given."""
    lines = [(unfit(report), "bold red"), *((said, "") for said in remedies(report)), (unsearched(report), "yellow")]
    return _printed(partial(to_tables, report), width, report.spec.title, lines, list(_missed(report)))


def _missed(report: Report) -> Iterator[tuple[str, str]]:
    """The expectations that do not hold, each with its style."""
    for one in report.missed():
        is_warning = one.expectation.is_warning
        said = one.with_note(report.catalog)
        yield (f"! {said}", "yellow") if is_warning else (f"✘ {said}", "bold red")


def to_tables(report: Report, width: int) -> Iterator[Table]:
    """The summary as tables that are no wider than the terminal."""
    return fit(summarise(report, MOST_ROWS), width)


def tables_to_text(summaries: Iterable[Summary], width: int | None) -> str:
    """Tables as wide as the terminal where no width is given."""
    return _printed(partial(fit, summaries), width)


def _printed(
    tables: Callable[[int], Iterable[Table]],
    width: int | None,
    title: str = "",
    above: Sequence[tuple[str, str]] = (),
    missed: Sequence[tuple[str, str]] = (),
) -> str:
    from io import StringIO

    from rich.console import Console

    console = Console(width=width, highlight=False, file=StringIO() if width else None)
    with console.capture() as captured:
        if title:
            console.print(title, style="bold", markup=False)
            for line, style in above:
                if line:
                    console.print(line, style=style, markup=False)
            console.print()
        for table in tables(console.width):
            console.print(table)
        for line, style in missed:
            console.print(line, style=style, markup=False)
    return captured.get()


def fit(summaries: Iterable[Summary], width: int) -> Iterator[Table]:
    """Tables that are no wider than the terminal."""
    for summary in summaries:
        yield from _fit(summary, width)


def _fit(summary: Summary, width: int) -> Iterator[Table]:
    """One table where it fits; several that repeat the names of the rows where it does not."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    widths = [_needed(title, [line[at] for line in summary.body]) for at, title in enumerate(summary.header)]
    parts = list(_parts(widths, summary.n_keys, width))
    for number, columns in enumerate(parts):
        title = summary.title if number == 0 else None
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for at in columns:
            justify = "left" if at in summary.texts else "right"
            table.add_column(summary.header[at], justify=justify, width=widths[at])  # type: ignore[arg-type]
        for line in summary.body:
            table.add_row(*(Text(line[at]) for at in columns))
        if summary.more and number == len(parts) - 1:
            table.caption = f"… and {summary.more:,} more: --format csv shows all"
        yield table


def _needed(title: str, cells: Sequence[str]) -> int:
    """The width of a column whose cells stay on one line and whose title breaks between words."""
    return max(map(len, [*title.split(), *cells]))


def _parts(widths: Sequence[int], n_keys: int, width: int) -> Iterator[list[int]]:
    """The columns of each table; those that name the rows stand in all."""
    keys = list(range(n_keys))
    room = width - EDGES - sum(widths[at] + GAP for at in keys)
    part: list[int] = []
    used = 0
    for at in range(n_keys, len(widths)):
        if part and used + widths[at] + GAP > room:
            yield keys + part
            part, used = [], 0
        part.append(at)
        used += widths[at] + GAP
    yield keys + part
