"""The report that a workbook was built from, read back from its Provenance sheet, and where its cells must stand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

from flopsheet import __version__, diagnostics
from flopsheet.api import Report, compute_for_workbook
from flopsheet.diagnostics import FileError, SizeError, SpecError
from flopsheet.review.xlsx.cells import BLANK, Book, Cells, Stored
from flopsheet.spec.load import from_source
from flopsheet.workbook import arrange
from flopsheet.workbook.model import embedded
from flopsheet.workbook.model.references import UNIT, CellRef
from flopsheet.workbook.model.sheet import Cell, Sheet
from flopsheet.workbook.model.styles import HEADERS
from flopsheet.workbook.sheets import inputs, summary
from flopsheet.workbook.sheets.reference import DATA, DATA_DIGEST, MADE_BY, PROVENANCE, SPEC
from flopsheet.yamlio import source
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import Source

MOST_FACTS = 40  # rows at the top of Provenance that name what the workbook is


@dataclass(frozen=True)
class Returned:
    """A workbook that came back: its cells, and the report that it was built from."""

    book: Book
    version: str
    text: Source
    built: Report

    @property
    def source(self) -> str:
        return self.book.source

    @cached_property
    def layout(self) -> arrange.WorkbookLayout:
        return arrange.lay_out(self.built.study, self.built.study)

    @cached_property
    def inputs_sheet(self) -> Sheet:
        """The sheet Inputs as it was built."""
        study = self.built.study
        return inputs.sheet(self.layout.inputs, study.table_sets(study))[0]

    def stored(self, cell_ref: CellRef) -> Stored:
        return self.book.cells(cell_ref.sheet).get((cell_ref.row, cell_ref.column), BLANK)

    @property
    def note(self) -> str:
        """What to tell of its version, where that is not ours."""
        if self.version == __version__:
            return ""
        return diagnostics.workbook_of_other_version(self.source, self.version, __version__)


def read_back(path: str | os.PathLike[str]) -> Returned:
    """The workbook at a path; FileError where it is none of ours, or stands no longer as it was laid out."""
    book = Book(path)
    if PROVENANCE not in book.parts and {summary.SHEET, inputs.SHEET} <= book.parts.keys():
        raise FileError(diagnostics.brief_report(book.source))
    cells = book.cells(PROVENANCE) if PROVENANCE in book.parts else {}
    facts = _facts(cells)
    if not {MADE_BY, SPEC, DATA_DIGEST} <= facts.keys():
        raise FileError(diagnostics.not_ours(book.source, "Provenance does not name what it was built from"))
    text = _spec(book, cells, facts[DATA_DIGEST], facts[SPEC])
    try:
        built = compute_for_workbook(from_source(text, facts[SPEC]))
    except (SpecError, SizeError) as error:
        fact = f"its spec is not valid here ({error.problems[0].fact})"
        raise FileError(diagnostics.not_ours(book.source, fact)) from None
    returned = Returned(book, facts[MADE_BY].removeprefix("flopsheet "), text, built)
    check_layout(returned)
    return returned


def _facts(cells: Cells) -> dict[str, str]:
    """The names and texts at the top of Provenance."""
    found: dict[str, str] = {}
    for row in range(1, MOST_FACTS):
        label, value = (cells.get((row, column), BLANK).value for column in (1, 2))
        if isinstance(label, str) and isinstance(value, str | float):
            found.setdefault(label.strip(), f"{value:.15g}" if isinstance(value, float) else value)
    return found


def _spec(book: Book, cells: Cells, wanted: str, name: str) -> Source:
    """The spec as data, as a text that gives the same spec again."""
    starts = [row for (row, column), cell in cells.items() if column == 1 and cell.value == DATA]
    if not starts:
        raise FileError(diagnostics.not_ours(book.source, "Provenance does not contain the spec"))
    lines, row = [], max(starts) + 1
    while isinstance(line := cells.get((row, 2), BLANK).value, str):
        lines.append(line)
        row += 1
    if embedded.digest(lines) != wanted.strip():
        raise FileError(diagnostics.data_changed(book.source))
    try:
        data = embedded.from_lines(lines)
        if not isinstance(data, dict):
            raise ValueError("it is no mapping")
        return source.parse(to_yaml(data), name)
    except (ValueError, SpecError):
        raise FileError(diagnostics.not_ours(book.source, "the spec stored on Provenance cannot be read")) from None


def check_layout(returned: Returned) -> None:
    """Whether names, units and headers on Inputs stand where the workbook had them; FileError names the first."""
    found = returned.book.cells(inputs.SHEET)
    # Of a row that moved its name says most.
    tail, cells = returned.inputs_sheet.tail, returned.inputs_sheet.cells
    ordered = sorted(cells.items(), key=lambda item: (item[0][0], item[0][1] != tail, item[0][1]))
    for (row, column), cell in ordered:
        if _is_fixed(cell, row, column in {UNIT, tail}):
            wanted = str(cell.value).strip()
            value = found.get((row, column), BLANK).value
            text = "" if value is None else str(value).strip()
            if text != wanted:
                address = f"{inputs.SHEET}!{CellRef(inputs.SHEET, row, column).address}"
                problem = diagnostics.other_layout(
                    returned.source, returned.version, __version__, address, wanted, text
                )
                raise FileError(problem)


def _is_fixed(cell: Cell, row: int, tells: bool) -> bool:
    """Names, units and headers: texts that tell what a cell is; `tells` of a cell in a column of such."""
    if cell.formula or not isinstance(cell.value, str) or row <= 3:
        return False
    return cell.style in HEADERS or (tells and cell.style in {"name", "unit", "header_left"})
