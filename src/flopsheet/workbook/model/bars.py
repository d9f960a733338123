"""Bars, which head blocks, bands and lists: a colour over the columns of a row, a title in the first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flopsheet.workbook.model.references import LABEL
from flopsheet.workbook.model.sheet import Cell, Placed
from flopsheet.workbook.model.styles import StyleName


def bar(row: int, title: str, style: StyleName, columns: Iterable[int]) -> Iterator[Placed]:
    """A bar over some columns."""
    titled, empty = Cell(title, style=style), Cell("", style=style)
    for column in columns:
        yield (row, column), titled if column == LABEL else empty
