"""A plan → an .xlsx file: openpyxl, with the value beside every formula, and the same bytes every time."""

from __future__ import annotations

import gc
import io
import os
import sys
import tempfile
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import Cell as PlainCell
from openpyxl.formatting.rule import FormulaRule
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet import _writer
from openpyxl.worksheet.cell_range import MultiCellRange
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from flopsheet import errors
from flopsheet.errors import FileError, UsageError
from flopsheet.files import write_bytes
from flopsheet.workbook.charts import add_chart
from flopsheet.workbook.layout import letters
from flopsheet.workbook.model import Cell, Plan, Sheet, Validation
from flopsheet.workbook.styles import FONT, STYLES, Style

LONGEST_TEXT = 32_767
PAGE_WIDTH = 230  # characters of a landscape page at a size that can still be read
ONE_PAGE = 84  # rows of a Summary that still fit one page
LXML_REASONS = {
    "IO_ENOSPC": "no space left on device",
    "IO_EFBIG": "file too large",
}
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = 4_354_819_199  # seconds up to the end of 2107, the last year that a zip archive can tell
_saving = threading.Lock()


class FormulaCell(PlainCell):
    """A formula together with the value that it has; openpyxl's own cell holds only one of them."""

    __slots__ = ("cached",)


def save(plan: Plan, target: str | os.PathLike[str]) -> None:
    """Writes the workbook, whole or not at all."""
    try:
        data = to_bytes(plan)
    except Exception as error:  # openpyxl writes each sheet into a temporary file first
        if not isinstance(error, OSError) and type(error).__name__ != "SerialisationError":  # lxml's, where it is there
            raise
        _close_frames(error)
        reason = getattr(error, "strerror", None) or LXML_REASONS.get(str(error), str(error))
        raise FileError(errors.cannot_write_temporary(tempfile.gettempdir(), reason.lower())) from None
    write_bytes(target, data)


def _close_frames(error: Exception) -> None:
    """Ends the writers that the error left half-way; they fail once more, which is nothing new to tell."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    sys.unraisablehook = hook


def to_bytes(plan: Plan) -> bytes:
    """The file's content; the same for the same plan, whatever the time, the process or the machine."""
    book = Workbook()
    book.remove(book.active)
    look = _Look(book)
    for sheet in plan.sheets:
        _fill(book.create_sheet(sheet.title), sheet, look)
    stamp = _stamp()
    book.properties.creator = "flopsheet"
    book.properties.title = plan.title
    book.properties.created = book.properties.modified = stamp
    for name, value in plan.properties.items():
        book.custom_doc_props.append(StringProperty(name=name, value=value))
    book.calculation.fullCalcOnLoad = True
    buffer = io.BytesIO()
    with _saving, _cached_values(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _FixedTime(archive, stamp)
        ExcelWriter(book, archive).save()
    return buffer.getvalue()


def _stamp() -> datetime:
    """SOURCE_DATE_EPOCH where it is set, a fixed day otherwise."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not seconds:
        return EPOCH.replace(tzinfo=None)
    if not (seconds.isdecimal() and seconds.isascii() and len(seconds) <= 10 and int(seconds) <= LATEST):
        raise UsageError(errors.no_epoch(seconds))
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


class _FixedTime:
    """Makes every member of an archive carry one time, and the document's own `modified` with it."""

    def __init__(self, archive: zipfile.ZipFile, stamp: datetime) -> None:
        plain: Callable[..., None] = archive.writestr
        date = max(stamp.timetuple()[:6], (1980, 1, 1, 0, 0, 0))

        def writestr(name: str | zipfile.ZipInfo, data: str | bytes, *_: Any) -> None:
            name = name.filename if isinstance(name, zipfile.ZipInfo) else name
            if name == "docProps/core.xml":
                data = _with_modified(data if isinstance(data, bytes) else data.encode(), stamp)
            member = zipfile.ZipInfo(name, date)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            plain(member, data)

        def write(filename: str, arcname: str | None = None) -> None:
            writestr(arcname or filename, Path(filename).read_bytes())

        archive.writestr = writestr  # type: ignore[method-assign,assignment]
        archive.write = write  # type: ignore[method-assign,assignment]


def _with_modified(xml: bytes, stamp: datetime) -> bytes:
    """openpyxl overwrites `modified` with the clock while saving."""
    start = xml.index(b"<dcterms:modified")
    begin, end = xml.index(b">", start) + 1, xml.index(b"</dcterms:modified>")
    return xml[:begin] + stamp.strftime("%Y-%m-%dT%H:%M:%SZ").encode() + xml[end:]


@contextmanager
def _cached_values() -> Iterator[None]:
    """For the duration of a save, formula cells are written with their value.

    openpyxl has no public way to give a formula a value. It looks its cell writer up as a module global for each cell;
    ours writes the formula cells and leaves all others to it. It is process-wide, hence the lock around it.
    """
    plain = _writer.write_cell

    def write_cell(xf: Any, worksheet: Any, cell: Any, styled: Any) -> None:
        is_formula = type(cell) is FormulaCell
        if not is_formula and type(cell._value) is not float:  # its own way writes 16 digits of 17
            plain(xf, worksheet, cell, styled)
            return
        attributes = {"r": cell.coordinate}
        if styled:
            attributes["s"] = f"{cell.style_id:d}"
        value = cell.cached if is_formula else cell._value
        if isinstance(value, str):
            attributes["t"] = "str"
            text = value
        else:
            text = repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
        with xf.element("c", attributes):
            if is_formula:
                with xf.element("f"):
                    xf.write(cell.value[1:])
            with xf.element("v"):
                xf.write(text)

    _writer.write_cell = write_cell
    try:
        yield
    finally:
        _writer.write_cell = plain


class _Look:
    """One prepared style array per kind of cell and number format; building styles cell by cell is slow."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.scratch = book.create_sheet("scratch")
        self.prepared: dict[tuple[str, str, int], Any] = {}
        book.remove(self.scratch)

    def of(self, planned: Cell) -> Any:
        key = (planned.style, planned.format, planned.indent)
        if key not in self.prepared:
            look = STYLES[planned.style]
            cell = PlainCell(self.scratch, row=1, column=1)
            cell.font = font(look)
            if look.fill:
                cell.fill = PatternFill("solid", fgColor=look.fill)
            cell.alignment = Alignment(
                horizontal=look.align or None,
                vertical="center",
                wrap_text=look.wrap or None,
                indent=look.indent + planned.indent,
            )
            if look.top or look.bottom:
                cell.border = Border(
                    top=Side("thin", look.top) if look.top else None,
                    bottom=Side("thin", look.bottom) if look.bottom else None,
                )
            cell.number_format = planned.format
            cell.protection = Protection(locked=not look.unlocked)
            self.prepared[key] = cell._style
        return self.prepared[key]


def font(look: Style) -> Font:
    return Font(
        name="Consolas" if look.mono else FONT, size=look.size, bold=look.bold or None, italic=look.italic or None,
        color=look.colour, underline="single" if look.underline else None,
    )  # fmt: skip


def _fill(worksheet: Worksheet, sheet: Sheet, look: _Look) -> None:
    for (row, column), cell in sorted(sheet.cells.items()):
        placed = _cell(worksheet, row, column, cell)
        placed._style = look.of(cell)
        worksheet._cells[row, column] = placed
        if cell.link:
            placed.hyperlink = Hyperlink(ref=placed.coordinate, location=cell.link, display=str(cell.value))
            placed._style = look.of(cell)  # openpyxl gave it a style of its own
    for column, width in sheet.widths.items():
        worksheet.column_dimensions[letters(column)].width = width
    for row, height in sheet.heights.items():
        worksheet.row_dimensions[row].height = height
    for first, last, closed in sheet.outline_rows:
        worksheet.row_dimensions.group(first, last, outline_level=1, hidden=closed)
    for column in sheet.outline_columns:  # one by one: openpyxl's group() gives all of them the first one's width
        worksheet.column_dimensions[letters(column)].outlineLevel = 1
    worksheet.sheet_properties.outlinePr.summaryBelow = False
    worksheet.sheet_properties.outlinePr.summaryRight = False
    for validation in sheet.validations:
        worksheet.add_data_validation(_validation(validation))
    for highlight in sheet.highlights:
        style = STYLES[highlight.style]
        differential = DifferentialStyle(
            font=Font(color=style.colour, bold=style.bold or None),
            fill=PatternFill(bgColor=style.fill, fill_type="solid") if style.fill else None,
        )
        rule = FormulaRule(formula=[highlight.formula], stopIfTrue=False)
        rule.dxf = differential
        worksheet.conditional_formatting.add(highlight.cells, rule)
    for chart in sheet.charts:
        add_chart(worksheet, chart)
    _set_up_page(worksheet, sheet)


def _cell(worksheet: Worksheet, row: int, column: int, cell: Cell) -> PlainCell:
    if cell.formula:
        formula = FormulaCell(worksheet, row=row, column=column)
        formula._value, formula.data_type, formula.cached = "=" + cell.formula, "f", cell.value
        return formula
    plain = PlainCell(worksheet, row=row, column=column)
    if isinstance(cell.value, str):
        # Set without openpyxl's guessing: text that begins with '=' stays text.
        text = cell.value.strip()[:LONGEST_TEXT]  # the attribute that keeps outer blanks is no part of the schema
        plain._value, plain.data_type = (text or None), "s" if text else "n"
    else:
        plain._value = (
            int(cell.value) if cell.value == int(cell.value) and abs(cell.value) < 2**53 else float(cell.value)
        )
        plain.data_type = "n"
    return plain


def _validation(validation: Validation) -> DataValidation:
    common: dict[str, Any] = {
        "allow_blank": False,
        "showErrorMessage": True,
        "showInputMessage": True,
        "errorStyle": "stop",
        "errorTitle": "Not possible",
        "error": validation.error,
        "promptTitle": validation.prompt_title,
        "prompt": validation.prompt,
    }
    if validation.kind == "list":
        rule = DataValidation(type="list", formula1=validation.choices, **common)
    else:
        rule = DataValidation(
            type=validation.kind,
            operator="between",
            formula1=f"{validation.least:.15G}",
            formula2=f"{validation.most:.15G}",
            **common,
        )
    rule.sqref = MultiCellRange(" ".join(validation.cells))
    return rule


def _printed_to(sheet: Sheet) -> int:
    """The last column that is printed; 0 where nothing says so."""
    if sheet.print_to or not sheet.print_rows:
        return sheet.print_to
    return max(column for row, column in sheet.cells if row <= sheet.print_rows)


def _set_up_page(worksheet: Worksheet, sheet: Sheet) -> None:
    worksheet.sheet_view.showGridLines = False
    worksheet.sheet_view.zoomScale = 90
    worksheet.sheet_properties.tabColor = sheet.tab
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True
    worksheet.page_setup.orientation = "landscape"
    worksheet.page_setup.paperSize = worksheet.PAPERSIZE_A4
    printed = [width for column, width in sheet.widths.items() if column <= (_printed_to(sheet) or column)]
    worksheet.page_setup.fitToWidth = max(1, round(sum(printed) / PAGE_WIDTH)) if sheet.title_columns else 1
    worksheet.page_setup.fitToHeight = (
        1 if sheet.title == "Summary" and max(row for row, _ in sheet.cells) <= ONE_PAGE else 0
    )
    worksheet.page_margins.left = worksheet.page_margins.right = 0.4
    worksheet.page_margins.top, worksheet.page_margins.bottom = 0.5, 0.75
    worksheet.page_margins.header = worksheet.page_margins.footer = 0.3
    worksheet.oddFooter.left.text = "&A"
    worksheet.oddFooter.center.text = "flopsheet"
    worksheet.oddFooter.right.text = "Page &P of &N"
    if sheet.freeze:
        worksheet.freeze_panes = sheet.freeze
    if sheet.title_rows:
        worksheet.print_title_rows = sheet.title_rows
    if sheet.title_columns:
        worksheet.print_title_cols = sheet.title_columns
    if sheet.print_to or sheet.print_rows:
        bottom = sheet.print_rows or max(row for row, _ in sheet.cells)
        worksheet.print_area = f"A1:{letters(_printed_to(sheet))}{bottom}"
    worksheet.protection.sheet = True
    worksheet.protection.formatColumns = worksheet.protection.formatRows = False
    worksheet.protection.selectLockedCells = False
