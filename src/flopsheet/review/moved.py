"""Sheets on which rows or columns stand elsewhere: they were moved after the build, or another one wrote them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from flopsheet.records import NamedTuple
from flopsheet.review.xlsx.cells import BLANK, Cells
from flopsheet.workbook.model.references import CellRef
from flopsheet.workbook.model.sheet import Cell, Sheet


class Moved(NamedTuple):
    """A sheet whose cells were moved: the first that shows it, what it holds and what it should hold."""

    cell_ref: CellRef
    found: str
    wanted: str
    n_formulas: int


def find_moved(sheet: Sheet, stored: Cells) -> Moved | None:
    """Whether a text stands in another row or column, where something else was built; a text typed over does not.

    Of a sheet without formulas nothing is compared.
    """
    texts = {place: cell.value for place, cell in sheet.cells.items() if _is_text(cell)}
    missed = [place for place, text in texts.items() if _text_at(stored, place) != str(text).strip()]
    n_formulas = sum(1 for cell in sheet.cells.values() if cell.formula)
    if not missed or not n_formulas:
        return None
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, cell in stored.items():
        if isinstance(cell.value, str) and not cell.formula:
            places[cell.value.strip()].append(place)
    for row, column in sorted(missed):
        wanted = str(texts[row, column]).strip()
        for at in places[wanted]:
            if (at[0] == row or at[1] == column) and _text_of(sheet.cells, at) != wanted:
                cell_ref = CellRef(sheet.title, row, column)
                return Moved(cell_ref, _text_at(stored, (row, column)), wanted, n_formulas)
    return None


def find_rows(sheet: Sheet, stored: Cells) -> dict[int, int]:
    """Where the rows of a sheet stand in what is stored: each by its name, where both say that once."""
    ours = _rows({place: str(cell.value) for place, cell in sheet.cells.items() if _is_text(cell)}, sheet.tail)
    texts = {at: one.value for at, one in stored.items() if isinstance(one.value, str) and not one.formula}
    columns = [_rows(texts, column) for column in sorted({column for _, column in texts})]
    theirs = max(columns, key=lambda rows: len(rows.keys() & ours.keys()), default={})
    return {row: theirs[name] for name, row in ours.items() if name in theirs}


def _rows(texts: Mapping[tuple[int, int], str], at: int) -> dict[str, int]:
    """The row of each text that stands once in a column."""
    found = defaultdict(list)
    for (row, column), text in texts.items():
        if column == at:
            found[text.strip()].append(row)
    return {text: rows[0] for text, rows in found.items() if len(rows) == 1}


def _is_text(cell: Cell) -> bool:
    return not cell.formula and isinstance(cell.value, str) and bool(cell.value.strip())


def _text_at(stored: Cells, place: tuple[int, int]) -> str:
    value = stored.get(place, BLANK).value
    return "" if value is None else str(value).strip()


def _text_of(cells: Mapping[tuple[int, int], Cell], place: tuple[int, int]) -> str:
    cell = cells.get(place)
    return str(cell.value).strip() if cell and not cell.formula else ""
