"""The report that a workbook was built from, read back from its Provenance sheet, and where its cells must stand."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache

from flopsheet import __version__, diagnostics
from flopsheet.api import Report, compute_for_workbook
from flopsheet.catalog.build_digest import build_digest
from flopsheet.diagnostics import FileError, SizeError, SpecError
from flopsheet.review.xlsx.cells import BLANK, Book, Cells, Stored
from flopsheet.spec.load import from_source
from flopsheet.workbook import arrange
from flopsheet.workbook.model import embedded
from flopsheet.workbook.model.references import UNIT, CellRef
from flopsheet.workbook.model.sheet import Cell, Sheet
from flopsheet.workbook.model.styles import HEADERS
from flopsheet.workbook.sheets import inputs, summary
from flopsheet.workbook.sheets.reference import BUILD_DIGEST, DATA, DATA_DIGEST, MADE_BY, PROVENANCE, SPEC
from flopsheet.yamlio import source
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import Source

MOST_FACTS = 40  # rows at the top of Provenance that name what the workbook is


@dataclass(frozen=True)
class Rebuilt:
    """What the spec of a workbook gives: the report that it was built from, and its cells as they were."""

    text: Source
    report: Report

    @cached_property
    def inputs_sheet(self) -> Sheet:
        """The sheet Inputs as it was built."""
        study = self.report.study
        return inputs.sheet(self.report._layout.inputs, study.table_sets(study))[0]

    @cached_property
    def fixed(self) -> list[tuple[int, int, str]]:
        """Names, units and headers of Inputs, in the order in which one that moved is told: its name says most."""
        tail, cells = self.inputs_sheet.tail, self.inputs_sheet.cells
        texts = [
            (row, column, str(cell.value).strip())
            for (row, column), cell in cells.items()
            if _is_fixed(cell, row, column in {UNIT, tail})
        ]
        return sorted(texts, key=lambda text: (text[0], text[1] != tail, text[1]))


@dataclass(frozen=True)
class Returned:
    """A workbook that came back: its cells, and what it was built from."""

    book: Book
    version: str
    is_ours: bool
    """Whether this build of flopsheet wrote it, so that every cell must stand where it would put it."""
    rebuilt: Rebuilt

    @property
    def source(self) -> str:
        return self.book.source

    @property
    def text(self) -> Source:
        return self.rebuilt.text

    @property
    def built(self) -> Report:
        return self.rebuilt.report

    @property
    def layout(self) -> arrange.WorkbookLayout:
        return self.built._layout

    @property
    def inputs_sheet(self) -> Sheet:
        return self.rebuilt.inputs_sheet

    def stored(self, cell_ref: CellRef) -> Stored:
        return self.book.cells(cell_ref.sheet).get((cell_ref.row, cell_ref.column), BLANK)

    @property
    def note(self) -> str:
        """What to tell of what wrote it, where that is not this build of flopsheet."""
        return "" if self.is_ours else diagnostics.written_elsewhere(self.source, self.version, __version__)


def read_back(path: str | os.PathLike[str]) -> Returned:
    """The workbook at a path; FileError where it is none of ours, or stands no longer as it was laid out."""
    book = Book(path)
    if PROVENANCE not in book.parts and {summary.SHEET, inputs.SHEET} <= book.parts.keys():
        raise FileError(diagnostics.brief_report(book.source))
    cells = book.cells(PROVENANCE) if PROVENANCE in book.parts else {}
    facts = _facts(cells)
    if not {MADE_BY, SPEC, DATA_DIGEST} <= facts.keys():
        raise FileError(diagnostics.not_ours(book.source, "Provenance does not name what it was built from"))
    lines = _lines(book, cells, facts[DATA_DIGEST])
    version = facts[MADE_BY].removeprefix("flopsheet ")
    is_ours = version == __version__ and facts.get(BUILD_DIGEST, "").strip() == build_digest()
    try:
        rebuilt = _rebuilt(lines, facts[SPEC])
    except (SpecError, SizeError) as error:
        problem = diagnostics.spec_not_valid_here(book.source, version, __version__, error.problems[0].fact)
        raise FileError(problem) from None
    if rebuilt is None:
        raise FileError(diagnostics.not_ours(book.source, "the spec stored on Provenance cannot be read"))
    returned = Returned(book, version, is_ours, rebuilt)
    check_layout(returned)
    return returned


@lru_cache(maxsize=1)  # a workbook and the same one edited are often read one after the other
def _rebuilt(lines: tuple[str, ...], name: str) -> Rebuilt | None:
    """What the stored spec gives, None where it cannot be read; SpecError or SizeError where it is not valid."""
    text = _text(lines, name)
    return text and Rebuilt(text, compute_for_workbook(from_source(text, name)))


def _text(lines: tuple[str, ...], name: str) -> Source | None:
    """The spec as a text that gives the same spec again."""
    try:
        data = embedded.from_lines(lines)
        return source.parse(to_yaml(data), name) if isinstance(data, dict) else None
    except (ValueError, SpecError):
        return None


def _facts(cells: Cells) -> dict[str, str]:
    """The names and texts at the top of Provenance."""
    found: dict[str, str] = {}
    for row in range(1, MOST_FACTS):
        label, value = (cells.get((row, column), BLANK).value for column in (1, 2))
        if isinstance(label, str) and isinstance(value, str | float):
            found.setdefault(label.strip(), f"{value:.15g}" if isinstance(value, float) else value)
    return found


def _lines(book: Book, cells: Cells, wanted: str) -> tuple[str, ...]:
    """The spec as data, in the lines in which it is stored."""
    starts = [row for (row, column), cell in cells.items() if column == 1 and cell.value == DATA]
    if not starts:
        raise FileError(diagnostics.not_ours(book.source, "Provenance does not contain the spec"))
    lines, row = [], max(starts) + 1
    while isinstance(line := cells.get((row, 2), BLANK).value, str):
        lines.append(line)
        row += 1
    if embedded.digest(lines) != wanted.strip():
        raise FileError(diagnostics.data_changed(book.source))
    return tuple(lines)


def check_layout(returned: Returned) -> None:
    """Whether names, units and headers on Inputs stand where the workbook had them; FileError names the first."""
    found = returned.book.cells(inputs.SHEET)
    for row, column, wanted in returned.rebuilt.fixed:
        value = found.get((row, column), BLANK).value
        text = "" if value is None else str(value).strip()
        if text != wanted:
            address = f"{inputs.SHEET}!{CellRef(inputs.SHEET, row, column).address}"
            writer = "" if returned.is_ours else diagnostics.writer(returned.version, __version__)
            raise FileError(diagnostics.other_layout(returned.source, writer, address, wanted, text))


def _is_fixed(cell: Cell, row: int, tells: bool) -> bool:
    """Names, units and headers: texts that tell what a cell is; `tells` of a cell in a column of such."""
    if cell.formula or not isinstance(cell.value, str) or row <= 3:
        return False
    return cell.style in HEADERS or (tells and cell.style in {"name", "unit", "header_left"})
