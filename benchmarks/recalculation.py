"""How long other programs take over a workbook of ours after one edit of an input: IronCalc, LibreOffice."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import ironcalc
from openpyxl.utils.cell import coordinate_to_tuple
from processes import ROOT, Line

import flopsheet
import studies
from flopsheet.workbook import plan

sys.path.insert(0, str(ROOT / "tests"))
from engines import has_libreoffice, recalculate_libreoffice


def lines(folder: Path, repeats: int) -> Iterator[Line]:
    report = flopsheet.build(studies.study(50), folder / "edited.xlsx")
    cells = [cell for sheet in plan.plan_workbook(report.study).sheets for cell in sheet.cells.values()]
    per_formula = 1e3 * 1e5 / sum(cell.formula != "" for cell in cells)  # ms per 10⁵ of them
    cell_ref = report.cells("d_model")[0]
    values = [1000.0 + 8 * at for at in range(repeats + 1)]
    what = f"ms per 10⁵ formula cells after one edit ({cell_ref.sheet}!{cell_ref.address})"
    yield Line(f"IronCalc: {what}", tuple(t * per_formula for t in of_ironcalc(folder, cell_ref, values)), "ms")
    if has_libreoffice():
        found = tuple(t * per_formula for t in of_libreoffice(folder, cell_ref, values))
        yield Line(f"LibreOffice, everything anew: {what}", found, "ms")


def of_ironcalc(folder: Path, cell_ref: plan.CellRef, values: list[float]) -> list[float]:
    model = ironcalc.load_from_xlsx(str(folder / "edited.xlsx"), "en", "UTC")
    [sheet] = [at for at, each in enumerate(model.get_worksheets_properties()) if each["name"] == cell_ref.sheet]
    model.evaluate()
    found = []
    for value in values:
        model.update_cell_with_number(sheet, *coordinate_to_tuple(cell_ref.address), value)
        start = time.process_time()
        model.evaluate()
        found.append(time.process_time() - start)
    return found[1:]


def of_libreoffice(folder: Path, cell_ref: plan.CellRef, values: list[float]) -> list[float]:
    """By the clock, as it is another process: many edits less one edit, so that its start and the loading drop out."""
    found = []
    cell = (cell_ref.sheet, cell_ref.address)
    for _ in range(2):
        seconds = []
        for edits in (values[:1], values * 3):
            start = time.perf_counter()
            recalculate_libreoffice(folder / "edited.xlsx", [{cell: value} for value in edits], [cell])
            seconds.append(time.perf_counter() - start)
        found.append((seconds[1] - seconds[0]) / (len(values) * 8 - 1))
    return found
