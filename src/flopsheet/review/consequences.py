"""Which wrong values of a workbook follow from cells whose formula was replaced, and which stand alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from flopsheet.review.xlsx.formula_text import REFERENCE, tokenize
from flopsheet.workbook.model.references import CellRef, column_number


def find_consequences(causes: Collection[CellRef], wrong: Mapping[CellRef, str]) -> set[CellRef]:
    """The `wrong` cells, given with their formulas, that read one of the causes, directly or through each other.

    A cell with the right value passes nothing on, so the others need not be looked at.
    """
    by_sheet: dict[str, list[CellRef]] = {}
    for cell_ref in {*causes, *wrong}:
        by_sheet.setdefault(cell_ref.sheet.casefold(), []).append(cell_ref)
    readers: dict[CellRef, list[CellRef]] = {}
    for cell_ref, formula in wrong.items():
        for read in _read(formula, cell_ref.sheet, by_sheet):
            readers.setdefault(read, []).append(cell_ref)
    reached, ahead = set(causes), list(causes)
    while ahead:
        for reader in readers.get(ahead.pop(), ()):
            if reader not in reached:
                reached.add(reader)
                ahead.append(reader)
    return reached - set(causes)


def _read(formula: str, sheet: str, known: Mapping[str, list[CellRef]]) -> Iterator[CellRef]:
    """Those of the known cells that a formula on a sheet refers to."""
    pieces = tokenize(formula)
    at, title = 0, sheet
    while at < len(pieces):
        kind, text = pieces[at]
        if kind == "sheet":
            title = text[:-1].strip("'").replace("''", "'")
        elif kind == "cell":
            is_range = [piece[0] for piece in pieces[at + 1 : at + 3]] == ["sign", "cell"] and pieces[at + 1][1] == ":"
            at += 2 if is_range else 0
            (top, left), (bottom, right) = _spot(text), _spot(pieces[at][1])
            for cell_ref in known.get(title.casefold(), ()):
                if top <= cell_ref.row <= bottom and left <= cell_ref.column <= right:
                    yield cell_ref
            title = sheet
        at += 1


def _spot(text: str) -> tuple[int, int]:
    """The row and the column of a reference such as `$F$12`."""
    found = REFERENCE.fullmatch(text.upper())
    assert found
    return int(found["row"]), column_number(found["column"])
