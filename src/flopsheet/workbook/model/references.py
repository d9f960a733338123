"""Columns of a sheet, and references to its cells as formulas spell them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from flopsheet.records import NamedTuple

LABEL, UNIT, FIRST = 1, 2, 3  # columns; values begin at FIRST
SENTENCE = FIRST  # where a sentence begins: it runs over the empty cells beside it

MOST_ROWS, MOST_COLUMNS = 1_048_576, 16_384  # of a sheet in Excel
# What explains a row stands behind its values: the name in the spec, the shape or a note, the formula. Blocks use these
# numbers, which no sheet has; `tail.settle` puts the columns behind the last value of all blocks of a sheet.
NAME, NOTE, MATHS = TAIL = (20_001, 20_002, 20_003)

# The same objects wherever a column is named: a million cells would hold one each.
COLUMNS = tuple(range(MOST_COLUMNS + 1))


@cache
def letters(column: int) -> str:
    """`1` → `A`, `28` → `AB`."""
    if column > MOST_COLUMNS:
        raise ValueError(f"column {column} has no letters: what stands behind the values is read by no formula")
    text = ""
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


@lru_cache(maxsize=20_000)  # texts of files that somebody sent, too
def column_number(text: str) -> int:
    """`A` → 1, `AB` → 28."""
    number = 0
    for letter in text:
        number = number * 26 + ord(letter) - 64
    return number


def coordinates(address: str) -> tuple[int, int]:
    """`AB7` → (7, 28)."""
    letter = address.rstrip("0123456789")
    return int(address[len(letter) :]), column_number(letter)


def count_cells(area: str) -> int:
    """`B2:C4`, with or without `$` and the name of a sheet → 6."""
    first, last = (coordinates(corner) for corner in area.rpartition("!")[2].replace("$", "").split(":"))
    return (last[0] - first[0] + 1) * (last[1] - first[1] + 1)


class CellRef(NamedTuple):
    """One cell of the workbook; a tuple for the same reason as a Cell."""

    sheet: str
    row: int
    column: int

    @property
    def address(self) -> str:
        return f"{letters(self.column)}{self.row}"

    @property
    def absolute(self) -> str:
        return self.held(column=True, row=True)

    @property
    def anywhere(self) -> str:
        """The same with the sheet's name, for charts, conditions and formulas of any sheet: `Inputs!$C$9`."""
        return f"{quoted(self.sheet)}!{self.absolute}"

    @property
    def link(self) -> str:
        """The cell as a link leads to it: `Inputs!C9`."""
        return f"{quoted(self.sheet)}!{self.address}"

    def held(self, *, column: bool, row: bool) -> str:
        """The address with a `$` before what stays as the formula that has it is moved."""
        return f"{'$' if column else ''}{letters(self.column)}{'$' if row else ''}{self.row}"

    def seen_from(self, sheet: str) -> str:
        """The reference to this cell in a formula on a sheet."""
        return self.address if sheet == self.sheet else self.link


def all_seen_from(cell_refs: Sequence[CellRef], sheet: str) -> list[str]:
    """The references to cells of one sheet in formulas on a sheet."""
    there = cell_refs[0].sheet if cell_refs else sheet
    prefix = "" if there == sheet else f"{quoted(there)}!"
    return [f"{prefix}{letters(column)}{row}" for _, row, column in cell_refs]


def quoted(sheet: str) -> str:
    """A sheet's name as formulas spell it."""
    return f"'{sheet}'" if " " in sheet else sheet


def between(first: str, last: str) -> str:
    """The reference from one address to another; one cell stands alone, as some programs write `F12:F12` anyway."""
    return first if first == last else f"{first}:{last}"


def span(cell_refs: Sequence[CellRef], sheet: str) -> str:
    """The reference to a row or column of cells: `F12:H12`; cells that don't adjoin are listed, one stands alone."""
    first, last = cell_refs[0], cell_refs[-1]
    if len(cell_refs) == 1:
        return first.seen_from(sheet)
    prefix = "" if first.sheet == sheet else f"{quoted(first.sheet)}!"
    across = all(
        cell_ref.row == first.row and cell_ref.column == first.column + at for at, cell_ref in enumerate(cell_refs)
    )
    down = all(
        cell_ref.column == first.column and cell_ref.row == first.row + at for at, cell_ref in enumerate(cell_refs)
    )
    if across or down:
        return f"{prefix}{first.address}:{last.address}"
    return ",".join(cell_ref.seen_from(sheet) for cell_ref in cell_refs)


def column_span(column: int, first: int, last: int, *, held: bool = True) -> str:
    """The reference to the cells of a column between two rows, of a single one too: `$F$4:$F$9`, else `F4:F9`."""
    hold, letter = "$" if held else "", letters(column)
    return f"{hold}{letter}{hold}{first}:{hold}{letter}{hold}{last}"


def held_span(cell_refs: Sequence[CellRef], *, column: bool, row: bool) -> str:
    """The reference to cells of one row on the same sheet, with `$` before what stays."""
    first = cell_refs[0].held(column=column, row=row)
    return first if len(cell_refs) == 1 else between(first, cell_refs[-1].held(column=column, row=row))


def absolute_span(cell_refs: Sequence[CellRef]) -> str:
    """The same with the sheet's name and `$`, for charts and drop-downs."""
    first, last = min(cell_refs), max(cell_refs)  # kinds of hardware stand in an order of their own
    return f"{first.anywhere}:{last.absolute}"


def rectangles(rows: Sequence[Sequence[CellRef]]) -> list[tuple[CellRef, CellRef]]:
    """The first and the last cell of ranges: rows that lie under each other with the same columns are one."""
    merged: list[tuple[CellRef, CellRef]] = []
    for row in rows:
        first, last = row[0], row[-1]
        if merged and first.row == last.row:
            top, bottom = merged[-1]
            if (first.row, first.column, last.column) == (bottom.row + 1, top.column, bottom.column):
                merged[-1] = top, last
                continue
        merged.append((first, last))
    return merged
