"""A plan → an .xlsx file: openpyxl, with the value beside every formula, and the same bytes every time."""

from __future__ import annotations

import io
import os
import posixpath
import zipfile
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

from openpyxl import Workbook
from openpyxl.cell import Cell as StyledCell
from openpyxl.compat import safe_string
from openpyxl.packaging.custom import StringProperty
from openpyxl.packaging.relationship import Relationship
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.dimensions import SheetDimension
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter
from openpyxl.xml.constants import ARC_CORE, ARC_SHARED_STRINGS, ARC_WORKBOOK_RELS, SHARED_STRINGS
from openpyxl.xml.functions import Element, SubElement, tostring

from flopsheet import diagnostics
from flopsheet.diagnostics import UsageError
from flopsheet.workbook.model.references import coordinates, letters
from flopsheet.workbook.model.sheet import Cell, Draft, Plan, Sheet
from flopsheet.workbook.model.styles import FAINT, FONT, NAMES, SHOWN, STYLES, Style, StyleName, Written
from flopsheet.workbook.write.charts import Drawing, add_chart, describe
from flopsheet.workbook.write.page import set_up_page
from flopsheet.workbook.write.rows import Texts, hyperlinks, sheet_data
from flopsheet.workbook.write.spelling import respelled
from flopsheet.yamlio.files import write_bytes

EMPTY_ROWS, EMPTY_LINKS = b"<sheetData/>", b"<hyperlinks/>"
FIRST_OF_OURS = 500  # of the numbers of formats that a condition brings; below it are those of cells
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
COMPRESSION = 6  # zlib's own choice; 7 takes 3 % of a build for files that are one percent smaller
MEMORY = 5  # of zlib: its codes suit fewer letters each than with 8, its own choice, and files are two percent smaller
LATEST = 4_354_819_199  # seconds up to the end of 2107, the last year that a zip archive can tell


def save(plan: Plan | Draft, target: str | os.PathLike[str]) -> None:
    """Writes the workbook, whole or not at all."""
    write_bytes(target, to_bytes(plan))


def to_bytes(plan: Plan | Draft) -> bytes:
    """The file's content; the same for the same plan, whatever the time, the process or the machine."""
    book = Workbook()
    book.remove(book.active)
    look = _StyleTable(book)
    for title in plan.titles:
        book.create_sheet(title)
    stamp = _stamp()
    book.properties.creator = "flopsheet"
    book.properties.title = plan.title
    book.properties.created = book.properties.modified = stamp
    for name, value in plan.properties.items():
        book.custom_doc_props.append(StringProperty(name=name, value=value))
    book.calculation.fullCalcOnLoad = True
    book.security = None  # openpyxl's default is an empty element that protects nothing
    buffer = io.BytesIO()
    with _Archive(buffer, stamp) as archive:
        _BookWriter(book, archive, plan.sheets, look).save()
    return buffer.getvalue()


def _stamp() -> datetime:
    """SOURCE_DATE_EPOCH where it is set, a fixed day otherwise."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not seconds:
        return EPOCH.replace(tzinfo=None)
    if not (seconds.isdecimal() and seconds.isascii() and len(seconds) <= 10 and int(seconds) <= LATEST):
        raise UsageError(diagnostics.no_epoch(seconds))
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


class _Archive(zipfile.ZipFile):
    """A zip file whose members all carry one time, and the document's own `modified` with them."""

    def __init__(self, buffer: io.BytesIO, stamp: datetime) -> None:
        super().__init__(buffer, "w")
        self.stamp = stamp

    def member(self, name: str) -> zipfile.ZipInfo:
        found = zipfile.ZipInfo(name, max(self.stamp.timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
        found.compress_type = zipfile.ZIP_DEFLATED
        found.external_attr = 0o644 << 16
        return found

    def open(self, *about: Any, **more: Any) -> Any:
        """A member that is being written, with a compressor for which zipfile has no setting."""
        part: Any = super().open(*about, **more)
        part._compressor = zlib.compressobj(COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS, MEMORY)
        return part

    def writestr(self, name: str | zipfile.ZipInfo, data: Any, *_: Any) -> None:
        name = name.filename if isinstance(name, zipfile.ZipInfo) else name
        data = data if isinstance(data, bytes) else data.encode()
        if name == ARC_CORE:
            data = _with_modified(data, self.stamp)
        elif name == ARC_WORKBOOK_RELS:
            data = _with_texts(data)
        super().writestr(self.member(name), respelled(data))


def _with_modified(xml: bytes, stamp: datetime) -> bytes:
    """openpyxl overwrites `modified` with the clock while saving."""
    start = xml.index(b"<dcterms:modified")
    begin, end = xml.index(b">", start) + 1, xml.index(b"</dcterms:modified>")
    return xml[:begin] + stamp.strftime("%Y-%m-%dT%H:%M:%SZ").encode() + xml[end:]


def _with_texts(relations: bytes) -> bytes:
    """openpyxl, which writes each text where it stands, relates the workbook to no table of texts."""
    table = Relationship(type="sharedStrings", Target=posixpath.basename(ARC_SHARED_STRINGS))
    table.id = f"rId{relations.count(b'<Relationship ') + 1}"
    end = b"</Relationships>"
    return relations.replace(end, tostring(table.to_tree()) + end)


class _TextTable:
    """The table of texts as openpyxl's list of parts asks for one."""

    path, mime_type = f"/{ARC_SHARED_STRINGS}", SHARED_STRINGS


class _BookWriter(ExcelWriter):
    """openpyxl's writer of a workbook, with the cells of each sheet from its plan."""

    def __init__(self, book: Workbook, archive: _Archive, sheets: Iterable[Sheet], look: _StyleTable) -> None:
        super().__init__(book, archive)
        self.sheets, self.look = iter(sheets), look
        self.texts = Texts()

    def _write_worksheets(self) -> None:
        """As openpyxl does it, and the texts of all sheets behind them."""
        super()._write_worksheets()
        with self._archive.open(self._archive.member(ARC_SHARED_STRINGS), "w") as stream:
            stream.write(self.texts.table())
        self.manifest.append(_TextTable)

    def write_worksheet(self, worksheet: Worksheet) -> None:
        """As openpyxl does it, but that the rows go straight into the archive."""
        sheet = next(self.sheets)
        _set_up(worksheet, sheet)
        worksheet._drawing = Drawing(worksheet._charts, [describe(chart) for chart in sheet.charts])
        around = _SheetWriter(worksheet, sheet, self.look)
        around.write()
        worksheet._rels = around._rels
        before, after = respelled(around.out.getvalue()).split(EMPTY_ROWS)
        with self._archive.open(self._archive.member(worksheet.path[1:]), "w") as stream:
            stream.write(before)
            for piece in sheet_data(sheet, self.look.number, self.texts):
                stream.write(piece)
            stream.write(after.replace(EMPTY_LINKS, hyperlinks(sheet), 1))
        self.manifest.append(worksheet)


class _SheetWriter(WorksheetWriter):
    """openpyxl's writer of a sheet, which is told what it would ask the cells: they are written elsewhere."""

    def __init__(self, worksheet: Worksheet, sheet: Sheet, look: _StyleTable) -> None:
        super().__init__(worksheet, io.BytesIO())
        self.sheet, self.look = sheet, look

    def write_dimensions(self) -> None:
        top, left, bottom, right = self.sheet.extent
        corners = f"{letters(left)}{top}:{letters(right)}{bottom}"
        self.xf.send(SheetDimension(corners).to_tree())

    def write_format(self) -> None:
        """As openpyxl does it, with the depth of the outline, without which its buttons are missing at first."""
        format = self.ws.sheet_format
        format.outlineLevelRow = int(bool(self.sheet.outline_rows))
        format.outlineLevelCol = int(bool(self.sheet.outline_columns))
        self.xf.send(format.to_tree())

    def write_cols(self) -> None:
        """As openpyxl spells them; its object for each column costs as much as the cells of one."""
        columns = Element("cols")
        outlined = set(self.sheet.outline_columns)
        for column, width in sorted(self.sheet.widths.items()):
            level = {"outlineLevel": "1", "hidden": "1"} if column in outlined else {}
            place = {"min": str(column), "max": str(column)}
            SubElement(columns, "col", {**level, "width": safe_string(width), "customWidth": "1", **place})
        self.xf.send(columns)

    def write_validations(self) -> None:
        """As openpyxl spells them; its object for each looks at everything that it is given, and at itself again."""
        if not self.sheet.validations:
            return
        validations = Element("dataValidations", {"count": str(len(self.sheet.validations))})
        for validation in self.sheet.validations:
            by_column = sorted(validation.cells, key=lambda address: coordinates(address)[::-1])
            is_list = validation.kind == "list"
            about = SubElement(validations, "dataValidation", {
                "sqref": " ".join(by_column), "showDropDown": "0", "showInputMessage": "1", "showErrorMessage": "1",
                "allowBlank": "0", "errorTitle": "Invalid value", "error": validation.error,
                "promptTitle": validation.prompt_title, "prompt": validation.prompt, "type": validation.kind,
                "errorStyle": "stop", **({} if is_list else {"operator": "between"}),
            })  # fmt: skip
            ends = (f"{validation.least:.15G}", f"{validation.most:.15G}")
            for at, formula in enumerate((validation.choices,) if is_list else ends, start=1):
                SubElement(about, f"formula{at}").text = formula
        self.xf.send(validations)

    def write_formatting(self) -> None:
        """As openpyxl spells it, without its dozen objects for each rule."""
        of_cells: dict[str, Element] = {}
        for priority, highlight in enumerate(self.sheet.highlights, start=1):
            first, _, last = highlight.cells.partition(":")
            cells = first if first == last else highlight.cells
            about = of_cells.setdefault(cells, Element("conditionalFormatting", {"sqref": cells}))
            place = {"priority": str(priority), "dxfId": str(self.look.differential(highlight.style))}
            rule = SubElement(about, "cfRule", {"type": "expression", **place, "stopIfTrue": "0"})
            SubElement(rule, "formula").text = highlight.formula
        for about in of_cells.values():
            self.xf.send(about)

    def write_rows(self) -> None:
        self.xf.send(Element("sheetData"))

    def write_hyperlinks(self) -> None:
        """A place for them: hundreds of elements take longer to write than to spell."""
        self.xf.send(Element("hyperlinks"))


class _StyleTable:
    """One prepared style array per kind of cell and number format; building styles cell by cell is slow."""

    def __init__(self, book: Workbook) -> None:
        self.book = book
        self.scratch = book.create_sheet("scratch")
        self.prepared: dict[tuple[StyleName, str, int], int] = {}
        self.bare: dict[tuple[StyleName, int], StyledCell] = {}
        self.differentials: dict[StyleName | Written, int] = {}
        book.remove(self.scratch)

    def number(self, planned: Cell) -> int:
        """The style's place in the workbook's list."""
        key = (planned.style, planned.format, planned.indent)
        if key not in self.prepared:
            bare = self._bare(planned.style, planned.indent)
            # A cell of its own: openpyxl keeps the style itself, no copy of it, and a later change would change it.
            cell = StyledCell(self.scratch, row=1, column=1, style_array=bare._style)
            cell.number_format = planned.format
            self.prepared[key] = cell.style_id
        return self.prepared[key]

    def _bare(self, name: StyleName, indent: int) -> StyledCell:
        """A cell with everything of a style but a number format: openpyxl compares each part with all that it has."""
        if (name, indent) not in self.bare:
            look = STYLES[name]
            cell = self.bare[name, indent] = StyledCell(self.scratch, row=1, column=1)
            cell.font = font(look)
            if look.fill:
                cell.fill = PatternFill("solid", fgColor=look.fill)
            if look.top or look.bottom:
                cell.border = Border(
                    top=Side("thin", look.top) if look.top else None,
                    bottom=Side("thin", look.bottom) if look.bottom else None,
                )
            cell.protection = Protection(locked=not look.unlocked)
            cell.alignment = Alignment(
                horizontal=look.align or None,
                vertical="bottom" if look.low else "center",
                wrap_text=look.wrap or None,
                shrink_to_fit=look.shrink or None,
                indent=look.indent + indent,
            )
        return self.bare[name, indent]

    def differential(self, name: StyleName | Written) -> int:
        """The place of what a highlight changes; openpyxl would write one for each highlight, and compare them all."""
        if name not in self.differentials:
            changed = DifferentialStyle()
            if name in NAMES:
                look = STYLES[cast(StyleName, name)]
                changed.font = Font(color=look.colour, bold=look.bold or None)
                changed.fill = PatternFill(bgColor=look.fill, fill_type="solid") if look.fill else None
            if name == "hairline":
                changed.border = Border(bottom=Side("thin", FAINT))
            if name in SHOWN:
                number = FIRST_OF_OURS + list(SHOWN).index(name)
                changed.numFmt = NumberFormat(numFmtId=number, formatCode=SHOWN[name])
            self.differentials[name] = self.book._differential_styles.add(changed)
        return self.differentials[name]


def font(look: Style) -> Font:
    return Font(
        name="Consolas" if look.mono else FONT, size=look.size, bold=look.bold or None, italic=look.italic or None,
        color=look.colour, underline="single" if look.underline else None,
    )  # fmt: skip


def _set_up(worksheet: Worksheet, sheet: Sheet) -> None:
    """Everything of a sheet but its cells."""
    worksheet.sheet_properties.outlinePr.summaryBelow = False
    worksheet.sheet_properties.outlinePr.summaryRight = False
    for chart in sheet.charts:
        add_chart(worksheet, chart)
    set_up_page(worksheet, sheet)
    worksheet.sheet_view.showGridLines = False
    worksheet.sheet_view.zoomScale = 90
    worksheet.sheet_properties.tabColor = sheet.tab
    if sheet.freeze:
        worksheet.freeze_panes = sheet.freeze
    worksheet.protection.sheet = True
    worksheet.protection.formatColumns = worksheet.protection.formatRows = False
    worksheet.protection.selectLockedCells = False
