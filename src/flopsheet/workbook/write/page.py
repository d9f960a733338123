"""How a sheet is printed: which of its cells, which way up, how large."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from openpyxl.worksheet.worksheet import Worksheet

from flopsheet.workbook.model.references import MOST_COLUMNS, letters
from flopsheet.workbook.model.sheet import Sheet
from flopsheet.workbook.model.sizes import CHARACTER_CM, POINT_CM, ROW_CM

PAPER_CM = 21.0, 29.7
SIDES, TOP, BOTTOM, RUNNING = 0.4, 0.5, 0.75, 0.3  # margins, in inches as the file has them
INCH_CM = 2.54
SMALLEST = 75  # percent: ten points become seven and a half
LEAST = 70  # where a sheet would take more pages otherwise: seven points
STEP = 5
WIDEST_CM = 0.25  # of a column one character wide, with the letters of a program that lacks ours
SLACK = 1.05  # programs differ in how high a row is


def set_up_page(worksheet: Worksheet, sheet: Sheet) -> None:
    """Paper, margins, size, what is printed and what is repeated on each page."""
    last = _printed_to(sheet) or max(sheet.widths)
    bottom = sheet.print_rows or sheet.extent.bottom
    folded = set(sheet.outline_columns)
    width = sum(width for column, width in sheet.widths.items() if column <= last and column not in folded)
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True
    worksheet.page_setup.paperSize = worksheet.PAPERSIZE_A4
    worksheet.page_setup.fitToWidth, worksheet.page_setup.fitToHeight = 1, 0
    parts = sheet.print_parts
    if parts:
        sizes = {way: _fitted(sheet, width, parts[-1:], is_upright=way) for way in (True, False)}
        is_upright = sizes[True] > sizes[False]  # the way in which it is larger
        if sizes[is_upright] < LEAST:
            is_upright = False
        else:
            parts = parts[-1:]
        if _fitted(sheet, width, parts, is_upright=is_upright) >= LEAST:
            worksheet.page_setup.fitToHeight = len(parts)
    else:
        is_upright = width * WIDEST_CM * SMALLEST <= 100 * _room(is_upright=True)[0]
        room, page = _room(is_upright=is_upright)
        percent = _percent(width * WIDEST_CM, _height(sheet, 1, bottom), room, page)
        if not percent and sheet.title_columns and width * CHARACTER_CM * LEAST > 100 * room:
            percent = LEAST  # on as many pages side by side as it takes
        if percent:
            worksheet.sheet_properties.pageSetUpPr.fitToPage = False
            worksheet.page_setup.scale = percent
    worksheet.page_setup.orientation = "portrait" if is_upright else "landscape"
    worksheet.page_margins.left = worksheet.page_margins.right = SIDES
    worksheet.page_margins.top, worksheet.page_margins.bottom = TOP, BOTTOM
    worksheet.page_margins.header = worksheet.page_margins.footer = RUNNING
    worksheet.oddFooter.left.text = "&A"
    worksheet.oddFooter.center.text = "flopsheet"
    worksheet.oddFooter.right.text = "Page &P of &N"
    if sheet.title_rows:
        worksheet.print_title_rows = sheet.title_rows
    if sheet.title_columns:
        worksheet.print_title_cols = sheet.title_columns
    if not sheet.is_printed:
        worksheet.print_area = f"{letters(sheet.extent.right + 2)}1"  # an empty cell: nothing is there to be printed
    elif parts:
        tops = (1, *(row + 1 for row in parts[:-1]))
        worksheet.print_area = [f"A{top}:{letters(last)}{end}" for top, end in zip(tops, parts, strict=True)]
    elif sheet.print_to or sheet.print_rows:
        worksheet.print_area = f"A1:{letters(last)}{bottom}"


def _printed_to(sheet: Sheet) -> int:
    """The last column that is printed; 0 where nothing says so."""
    if sheet.print_to or not sheet.print_rows:
        return sheet.print_to
    last = sheet.tail - 1 if sheet.tail else MOST_COLUMNS
    return max(
        column
        for (row, column), cell in sheet.cells.items()
        if row <= sheet.print_rows and column <= last and cell.value != ""  # bars go on above blocks that are wider
    )


def _room(*, is_upright: bool) -> tuple[float, float]:
    """Width and height of what is printed on a page."""
    width, height = PAPER_CM if is_upright else PAPER_CM[::-1]
    return width - 2 * SIDES * INCH_CM, height - (TOP + BOTTOM) * INCH_CM


def _height(sheet: Sheet, top: int, bottom: int) -> float:
    """Of the rows between two that are printed, without those that are folded away."""
    hidden = {row for first, last, closed in sheet.outline_rows if closed for row in range(first, last + 1)}
    return sum(
        sheet.heights[row] * POINT_CM if row in sheet.heights else ROW_CM
        for row in range(top, bottom + 1)
        if row not in hidden
    )


def _fitted(sheet: Sheet, width: float, parts: Sequence[int], *, is_upright: bool) -> float:
    """The size, in percent, at which each part fits on a page."""
    room, page = _room(is_upright=is_upright)
    tops = (1, *(row + 1 for row in parts[:-1]))
    highest = max(_height(sheet, top, end) for top, end in zip(tops, parts, strict=True))
    return 100 * min(room / (width * CHARACTER_CM), page / (highest * SLACK))


def _percent(width: float, height: float, room: float, page: float) -> int:
    """The largest size with as few pages as at the smallest one; 0 where that is too wide for a page.

    A size of its own, no number of pages: who unfolds rows gets more pages, not smaller type.
    """
    if width * SMALLEST > 100 * room:
        return 0
    pages = ceil(height * SLACK * SMALLEST / 100 / page)
    percents = range(100, SMALLEST, -STEP)
    fitting = (one for one in percents if width * one <= 100 * room and height * SLACK * one <= 100 * page * pages)
    return next(fitting, SMALLEST)
