"""A report in a notebook: one line about it, and the headline tables as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from flopsheet.output.headline import summarise
from flopsheet.output.summary import Summary

if TYPE_CHECKING:
    from flopsheet.api import Report

MOST_ROWS = 20  # of a table


def to_html(report: Report) -> str:
    """The headline tables, every text escaped; the first rows of long ones."""
    lines = [f"<p><code>{escape(repr(report))}</code></p>"]
    for table in summarise(report, MOST_ROWS):
        lines += _table(table)
    return "\n".join(["<div>", *lines, "</div>"])


def _table(table: Summary) -> Iterator[str]:
    yield "<table>"
    yield f'<caption style="text-align: left">{escape(table.title)}</caption>'
    yield "<thead><tr>" + "".join(f"<th>{escape(title)}</th>" for title in table.header) + "</tr></thead>"
    yield "<tbody>"
    for row in table.body:
        cells = ("th" if at < table.n_keys else "td" for at in range(len(row)))
        yield "<tr>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in zip(cells, row, strict=True)) + "</tr>"
    yield "</tbody></table>"
    if table.more:
        yield f"<p>{table.more:,} more</p>"
