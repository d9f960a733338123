"""Programs that `programs.py` opens workbooks with where somebody installed them; nothing of the project needs one.

pip install betteroffice-xlsx cellrune python-calamine aspose-cells-python spire-xls
npm install --prefix build/node hyperformula
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter

Cell = tuple[str, str]
Values = list[dict[Cell, Any]]
SCRIPT = Path(__file__).with_name("hyperformula.js")


def installed(package: str) -> str:
    """Its version, empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def by_betteroffice(path: Path, edits: Sequence[Mapping[Cell, Any]], cells: Iterable[Cell]) -> Values:
    from betteroffice_xlsx import Workbook

    wanted, results = list(cells), []
    for edit in edits:
        book = Workbook.open(path.read_bytes())
        for (sheet, address), value in edit.items():
            book.set(sheet, address, value)
        book.recalculate()
        found = ((cell, book.value(*cell)) for cell in wanted)
        results.append({cell: getattr(value, "value", value) for cell, value in found})
    return results


def by_cellrune(path: Path, edits: Sequence[Mapping[Cell, Any]], cells: Iterable[Cell]) -> Values:
    from cellrune import Workbook

    wanted, results = [(cell, coordinate_to_tuple(cell[1])) for cell in cells], []
    for edit in edits:
        book = Workbook.open_path(str(path))
        for (sheet, address), value in edit.items():
            (book.set_text if isinstance(value, str) else book.set_number)(sheet, address, value)
        book.calculate()
        corners: dict[str, tuple[int, int]] = {}
        for (sheet, _), (row, column) in wanted:
            bottom, right = corners.get(sheet, (1, 1))
            corners[sheet] = max(row, bottom), max(column, right)
        grids = {
            sheet: book.read_values(sheet, "A1", f"{get_column_letter(column)}{row}")
            for sheet, (row, column) in corners.items()
        }
        results.append({cell: grids[cell[0]][row - 1][column - 1].get("value") for cell, (row, column) in wanted})
    return results


def by_aspose(path: Path, edits: Sequence[Mapping[Cell, Any]], cells: Iterable[Cell]) -> Values:
    os.environ.setdefault("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")  # where ICU is not installed
    from aspose.cells import Workbook

    wanted, results = list(cells), []
    for edit in edits:
        book = Workbook(str(path))
        for (sheet, address), value in edit.items():
            book.worksheets.get(sheet).cells.get(address).put_value(value)
        book.calculate_formula()
        results.append({(sheet, at): book.worksheets.get(sheet).cells.get(at).value for sheet, at in wanted})
    return results


def by_spire(path: Path, edits: Sequence[Mapping[Cell, Any]], cells: Iterable[Cell]) -> Values:
    os.environ.setdefault("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
    from spire.xls import Workbook

    wanted, results = list(cells), []
    for edit in edits:
        book = Workbook()
        book.LoadFromFile(str(path))
        sheets = {sheet.Name: sheet for sheet in book.Worksheets}
        for (sheet, address), value in edit.items():
            setattr(sheets[sheet].Range[address], "Text" if isinstance(value, str) else "NumberValue", value)
        book.CalculateAllValue()
        ranges = {(sheet, at): sheets[sheet].Range[at] for sheet, at in wanted}
        results.append({cell: one.FormulaStringValue or one.FormulaNumberValue for cell, one in ranges.items()})
    return results


def by_hyperformula(node: Path) -> Callable[[Path, Sequence[Mapping[Cell, Any]], Iterable[Cell]], Values]:
    """HyperFormula on what SheetJS reads; `node` is the folder of both."""

    def recalculate(path: Path, edits: Sequence[Mapping[Cell, Any]], cells: Iterable[Cell]) -> Values:
        wanted = list(cells)
        asked = {"edits": [[[*cell, value] for cell, value in edit.items()] for edit in edits], "cells": wanted}
        done = subprocess.run(
            ["node", SCRIPT, str(path)], input=json.dumps(asked), capture_output=True, text=True, check=True,
            env={**os.environ, "NODE_PATH": str(node / "node_modules")},
        )  # fmt: skip
        return [dict(zip(wanted, values, strict=True)) for values in json.loads(done.stdout)]

    return recalculate


def read_calamine(path: Path) -> dict[Cell, Any]:
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(str(path))
    return {
        (title, f"{get_column_letter(column)}{row}"): value
        for title in book.sheet_names
        for row, line in enumerate(book.get_sheet_by_name(title).to_python(skip_empty_area=False), start=1)
        for column, value in enumerate(line, start=1)
    }


ENGINES = {
    "BetterOffice": ("betteroffice-xlsx", by_betteroffice),
    "CellRune": ("cellrune", by_cellrune),
    "Aspose.Cells": ("aspose-cells-python", by_aspose),
    "Spire.XLS": ("spire-xls", by_spire),
}
