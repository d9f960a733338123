"""A third engine that recomputes a workbook: formualizer, in Rust, written apart from IronCalc and LibreOffice.

Used as `engines.recalculate_ironcalc` is. It loads a workbook sooner than it undoes an edit, so each edit has its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import formualizer
from openpyxl.utils.cell import coordinate_to_tuple

from engines import Cell, Edits, Value

ERRORS = {
    "Div": "#DIV/0!",
    "Na": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}


def recalculate_formualizer(path: Path | str, edits: Edits, cells: Iterable[Cell]) -> list[dict[Cell, Value]]:
    """The values of `cells` after each mapping of edits, computed by formualizer."""
    wanted = [(sheet, address, coordinate_to_tuple(address)) for sheet, address in cells]
    results = []
    for edit in edits:
        book = formualizer.load_workbook(str(path))
        _type(book, edit)
        book.evaluate_all()
        names = set(book.sheet_names)
        if unknown := {sheet for sheet, _, _ in wanted} - names:
            raise KeyError(f"no sheet {', '.join(sorted(unknown))}")
        results.append({(sheet, address): _plain(book.get_value(sheet, *at)) for sheet, address, at in wanted})
    return results


def _type(book: formualizer.Workbook, edit: Mapping[Cell, float | str]) -> None:
    for (sheet, address), value in edit.items():
        at = coordinate_to_tuple(address)
        if isinstance(value, str) and value.startswith("="):
            book.set_formula(sheet, *at, value)
        elif isinstance(value, str):
            book.set_value(sheet, *at, formualizer.LiteralValue.text(value))
        else:
            book.set_value(sheet, *at, formualizer.LiteralValue.number(float(value)))


def _plain(value: object) -> Value:
    """A value as the other engines give it."""
    if isinstance(value, dict):
        return ERRORS.get(value["kind"], f"#{value['kind']}")
    assert value is None or isinstance(value, float | int | str | bool), value
    return value
