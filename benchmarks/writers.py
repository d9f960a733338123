"""The same cells, written by flopsheet, by openpyxl, XlsxWriter and PyExcelerate; one way to a process.

    python writers.py flopsheet|sheet|openpyxl|xlsxwriter|pyexcelerate CELLS TARGET

It prints CPU seconds and peak memory in MB.

CELLS is a spec for flopsheet and for one sheet of it. For the others it is what `dump` made of the spec's plan: pieces
of the cells of a sheet, read one by one with the clock stopped, so that neither time nor memory of a loop holds more
than its library needs.
flopsheet's seconds hold everything: reading the spec, computing, planning, writing.
"""

from __future__ import annotations

import dataclasses
import pickle
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PIECE = 5_000
ALONE = "Forward FLOPs"  # the sheet that is written alone, since no whole workbook is as small as a thousand cells
Piece = tuple[str, list[tuple[int, int, Any, Any]]]


def dump(spec: Path, target: Path) -> tuple[int, int, int]:
    """A spec's cells for the loops; how many there are, of these formulas, and how many stand on the sheet `ALONE`."""
    import flopsheet
    from flopsheet.workbook import plan

    count = formulas = alone = 0
    with target.open("wb") as file:
        for sheet in plan.plan_workbook(flopsheet.compute(spec).study).sheets:
            cells = [
                (row, column, f"={cell.formula}" if cell.formula else cell.value, cell.value if cell.formula else None)
                for (row, column), cell in sorted(sheet.cells.items())
            ]
            count += len(cells)
            alone += len(cells) if sheet.title == ALONE else 0
            formulas += sum(cell.formula != "" for cell in sheet.cells.values())
            for start in range(0, len(cells), PIECE):
                pickle.dump((sheet.title, cells[start : start + PIECE]), file)
    return count, formulas, alone


def pieces(path: str, watch: Watch) -> Iterator[Piece]:
    with open(path, "rb") as file:
        while True:
            watch.stop()
            try:
                piece = pickle.load(file)
            except EOFError:
                return
            finally:
                watch.start()
            yield piece


class Watch:
    """CPU seconds of this process while it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.start()

    def start(self) -> None:
        self.began = time.process_time()

    def stop(self) -> None:
        self.seconds += time.process_time() - self.began


def write_flopsheet(spec: str, target: str) -> float:
    from flopsheet import api
    from flopsheet.workbook.write import xlsx  # noqa: F401  # imported, as the libraries are for the loops

    watch = Watch()
    api.build(spec, target)
    watch.stop()
    return watch.seconds


def write_sheet(spec: str, target: str) -> float:
    """One sheet, planned while the clock stands."""
    import flopsheet
    from flopsheet.workbook import plan
    from flopsheet.workbook.write import xlsx

    book = plan.plan_workbook(flopsheet.compute(spec).study)
    alone = dataclasses.replace(book, sheets=(book.sheet(ALONE),))
    xlsx.save(alone, target)  # what is imported and made but once
    watch = Watch()
    xlsx.save(alone, target)
    watch.stop()
    return watch.seconds


def write_openpyxl(cells: str, target: str) -> float:
    from openpyxl import Workbook

    watch = Watch()
    book = Workbook()
    book.remove(book.active)
    for title, piece in pieces(cells, watch):
        sheet = book[title] if title in book.sheetnames else book.create_sheet(title)
        for row, column, value, _ in piece:
            sheet.cell(row, column, value)
    book.save(target)
    watch.stop()
    return watch.seconds


def write_xlsxwriter(cells: str, target: str) -> float:
    import xlsxwriter

    watch = Watch()
    book = xlsxwriter.Workbook(target)
    for title, piece in pieces(cells, watch):
        sheet = book.get_worksheet_by_name(title) or book.add_worksheet(title)
        for row, column, value, cached in piece:
            if cached is not None:
                sheet.write_formula(row - 1, column - 1, value, None, cached)
            elif isinstance(value, str):
                sheet.write_string(row - 1, column - 1, value)
            else:
                sheet.write_number(row - 1, column - 1, value)
    book.close()
    watch.stop()
    return watch.seconds


def write_pyexcelerate(cells: str, target: str) -> float:
    """Whole sheets at once, its fastest way, of rows gathered with the clock stopped; no value beside a formula."""
    from pyexcelerate import Workbook

    watch = Watch()
    watch.stop()
    sheets: dict[str, list[list[Any]]] = {}
    for title, piece in pieces(cells, Watch()):
        rows = sheets.setdefault(title, [])
        for row, column, value, _ in piece:
            rows.extend([] for _ in range(row - len(rows)))
            rows[row - 1].extend([None] * (column - 1 - len(rows[row - 1])))
            rows[row - 1].append(value)
    watch.start()
    book = Workbook()
    for title, rows in sheets.items():
        book.new_sheet(title, data=rows)
    book.save(target)
    watch.stop()
    return watch.seconds


def peak_mb() -> float:
    """Of this process; the system's own count starts with what the process had that began it, /proc's with its own."""
    status = Path("/proc/self/status")
    if status.exists():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    ways = {
        "flopsheet": write_flopsheet,
        "sheet": write_sheet,
        "openpyxl": write_openpyxl,
        "xlsxwriter": write_xlsxwriter,
        "pyexcelerate": write_pyexcelerate,
    }
    print(ways[sys.argv[1]](sys.argv[2], sys.argv[3]), peak_mb())
