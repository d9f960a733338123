"""How many cells of a range hold what, and which is the first: formulas that every program computes alike."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.catalog.entries import Scalar
from flopsheet.formula.excel import literal
from flopsheet.workbook.model.references import CellRef, count_cells, span
from flopsheet.workbook.model.sheet import Cell

MOST_ONE_BY_ONE = 8  # cells of a row


def count_text(sheet: str, corners: Sequence[tuple[CellRef, CellRef]], values: Sequence[Scalar], word: str) -> Cell:
    """How many cells of some rectangles, each given by its first and last cell, read a word."""
    formula = "+".join(counting(word, f"{first.address}:{last.address}") for first, last in corners) or "0"
    return Cell(float(sum(value == word for value in values)), formula, "calc", "#,##0")


def reads(wanted: str, among: str) -> str:
    """The spreadsheet text of whether a cell of a row or column holds something; a cell with an error does not.

    The range has two corners, of one cell too: some programs find nothing in a cell that stands alone.
    """
    return f"ISNUMBER({_place(wanted, among)})"


def first_place(wanted: str, among: str, otherwise: int = 1) -> str:
    """The spreadsheet text of the place of the first cell that holds something."""
    return f"IF({reads(wanted, among)},{_place(wanted, among)},{otherwise})"


def _place(wanted: str, among: str) -> str:
    return f"MATCH({wanted},{among},0)"


def counting(word: str, among: str) -> str:
    """The spreadsheet text of how many cells of a range read a word; a cell with an error reads none."""
    first, _, last = among.partition(":")
    if last in {"", of_sheet := first.rpartition("!")[2]}:
        return f"IF({reads(literal(word), f'{first}:{of_sheet}')},1,0)"
    return counting_where(f"={literal(word)}", literal(word), among)


def counting_where(comparison: str, criterion: str, among: str) -> str:
    """The same of how many of some cells compare so, which COUNTIF says by a criterion.

    COUNTIF counts old values in one office suite. SUMPRODUCT is an error where one cell is, and some programs compare
    only a part of a range in it: there a range does not equal itself in all its cells.
    """
    compares = f"ISNUMBER(1/(SUMPRODUCT(1*({among}={among}))={count_cells(among)}))"
    return f"IF({compares},SUMPRODUCT(1*({among}{comparison})),COUNTIF({among},{criterion}))"


def counting_larger(own: str, among: str) -> str:
    """The spreadsheet text of how many cells of a range hold a larger number than one cell."""
    return counting_where(f">{own}", f'">"&{own}', among)


def count_differences(
    sheet: str, live: Sequence[CellRef], built: Sequence[CellRef], pairs: Sequence[tuple[Scalar, Scalar]]
) -> Cell:
    """In how many places two rows of cells differ."""
    return Cell(float(sum(now != then for now, then in pairs)), _where_different(sheet, live, built), "calc", "#,##0")


def sum_of_different(sheet: str, live: Sequence[CellRef], built: Sequence[CellRef]) -> str:
    """The spreadsheet text of the sum of the second row's numbers where two rows of cells differ."""
    return _where_different(sheet, live, built, [cell_ref.seen_from(sheet) for cell_ref in built])


def _where_different(
    sheet: str, live: Sequence[CellRef], built: Sequence[CellRef], numbers: Sequence[str] | None = None
) -> str:
    """A few cells are compared one by one: some programs compare no ranges inside of SUMPRODUCT."""
    if len(live) <= MOST_ONE_BY_ONE:
        pairs = zip(live, built, numbers or ["1"] * len(live), strict=True)
        return "+".join(f"IF({now.seen_from(sheet)}<>{then.seen_from(sheet)},{one},0)" for now, then, one in pairs)
    summed = f",{span(built, sheet)}" if numbers else ""
    return f"SUMPRODUCT(--({span(live, sheet)}<>{span(built, sheet)}){summed})"
