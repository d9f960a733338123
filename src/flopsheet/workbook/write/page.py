"""How a sheet is printed: which of its cells, which way up, how large."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, chain, combinations, product
from math import fsum
from typing import TypeAlias

from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from flopsheet.records import NamedTuple
from flopsheet.workbook.model.references import FIRST, LABEL, MOST_COLUMNS, letters
from flopsheet.workbook.model.sheet import Sheet
from flopsheet.workbook.model.sizes import EXCEL_CM, POINT_CM, ROW_CM

PAPER_CM = 21.0, 29.7
SIDES, TOP, BOTTOM, RUNNING = 0.3, 0.5, 0.75, 0.3  # margins, in inches as the file has them
INCH_CM = 2.54
SIZES = range(100, 65, -5)  # percent: ten points become seven at the least
LARGER, SMALLER = range(100, 75, -5), range(75, 0, -5)  # of parts, and where these are too large for a page
SPARE = 1.1  # how much wider than in Excel columns may be
WIDEST_CM = 0.25  # of a column one character wide, with the letters of a program that lacks ours
SLACK = 1.05  # programs differ in how high a row is
HIGH = 12  # rows that a page may repeat
KEPT, FULL = 3, 0.7  # rows that stand below a heading on its page, and how full a page is at least that ends early


class Way(NamedTuple):
    """How a sheet lies on paper: on how many pages, which way up, at what percentage, where its parts end."""

    pages: int
    is_upright: bool
    percent: int
    parts: tuple[int, ...] = ()
    beside: int = 1
    """Pages side by side."""
    is_fitted: bool = False
    """Whether the program makes the columns as wide as a page, however wide its letters are."""
    is_tight: bool = False
    """Whether letters that are much wider than ours would make a column stand on a page of its own."""


Ways: TypeAlias = Iterable[Way]


def set_up_page(worksheet: Worksheet, sheet: Sheet) -> None:
    """Paper, margins, size, what is printed and what is repeated on each page."""
    sheet = replace(sheet, title_rows=_title_rows(sheet))
    last = _printed_to(sheet) or max(sheet.widths)
    bottom = sheet.print_rows or sheet.extent.bottom
    worksheet.oddFooter.center.text = _without(sheet.unprinted) if sheet.unprinted else "flopsheet"
    worksheet.page_setup.paperSize = worksheet.PAPERSIZE_A4
    worksheet.page_setup.fitToWidth, worksheet.page_setup.fitToHeight = 1, 0
    parts = sheet.print_parts
    if parts:
        width = fsum(_widths(sheet, last)) * EXCEL_CM
        tried = (_best(_of_parts(sheet, width, sizes)) for sizes in (LARGER, *((size,) for size in SMALLER)))
        if way := next(filter(None, tried), None):
            parts, worksheet.page_setup.fitToHeight = way.parts, way.pages
            has_room = width * way.percent * SPARE <= 100 * _room(is_upright=way.is_upright)[0]
            if has_room:  # its height sets the size, which programs do not find where a sheet has several parts
                worksheet.page_setup.scale, way = way.percent, way._replace(is_fitted=False)
            else:
                way = way._replace(is_fitted=True)
    else:
        whole, (last, way) = last, _held(sheet, last, bottom)
        if sheet.print_spare and last < whole:
            worksheet.oddFooter.center.text = _without(sheet.print_spare)
        elif 0 < last < whole:
            counts = (len(_widths(sheet, end)) - len(_widths(sheet, FIRST - 1)) for end in (last, whole))
            worksheet.oddFooter.center.text = "the first {} of {} columns; all are in the workbook".format(*counts)
        if way and not way.is_fitted:
            worksheet.page_setup.scale = way.percent
            for end in _ends(sheet, way, bottom) if sheet.is_printed else ():
                worksheet.row_breaks.append(Break(end))
    worksheet.sheet_properties.pageSetUpPr.fitToPage = not way or way.is_fitted
    worksheet.page_setup.orientation = "portrait" if way and way.is_upright else "landscape"
    worksheet.page_margins.left = worksheet.page_margins.right = SIDES
    worksheet.page_margins.top, worksheet.page_margins.bottom = TOP, BOTTOM
    worksheet.page_margins.header = worksheet.page_margins.footer = RUNNING
    worksheet.oddFooter.left.text = "&A"
    worksheet.oddFooter.right.text = "Page &P of &N"
    if sheet.title_rows:
        worksheet.print_title_rows = sheet.title_rows
    if sheet.title_columns:
        worksheet.print_title_cols = sheet.title_columns
    if not sheet.is_printed or not last:
        worksheet.print_area = f"{letters(sheet.extent.right + 2)}1"  # an empty cell: nothing is there to be printed
    elif parts:
        tops = (1, *(row + 1 for row in parts[:-1]))
        worksheet.print_area = [f"A{top}:{letters(last)}{end}" for top, end in zip(tops, parts, strict=True)]
    elif sheet.print_to or sheet.print_rows:
        worksheet.print_area = f"A1:{letters(last)}{bottom}"


def _title_rows(sheet: Sheet) -> str:
    """The rows that each page repeats, with the names above the columns where all have the same.

    Those far down, below charts, are repeated without what stands above them.
    """
    if not (sheet.title_rows and sheet.title_columns):
        return sheet.title_rows
    bottom, heads = sheet.print_rows or sheet.extent.bottom, list[int]()
    for row in range(1, bottom + 1):
        label = sheet.cells.get((row, LABEL))
        if label and label.style == "header_left" and (row, FIRST) in sheet.cells:
            heads.append(row)
    if not heads or heads[-1] - heads[0] >= len(heads):
        return sheet.title_rows
    return f"{1 if heads[-1] <= HIGH else heads[0]}:{heads[-1]}"


def _without(what: str) -> str:
    """What the footer says of a sheet of which something is not printed."""
    return f"without {what}, which is in the workbook"


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


def _widths(sheet: Sheet, last: int) -> list[float]:
    """Of the columns up to the last that is printed, without those that are folded away."""
    folded = set(sheet.outline_columns)
    return [width for column, width in sorted(sheet.widths.items()) if column <= last and column not in folded]


def _held(sheet: Sheet, last: int, bottom: int) -> tuple[int, Way | None]:
    """The last column that is printed, and how: of a sheet that takes too many pages the columns that fewer hold."""
    way = _best(_of_rows(sheet, _widths(sheet, last), bottom))
    if sheet.print_spare:
        rest = _best(_of_rows(sheet, _widths(sheet, last - 1), bottom))
        return (last - 1, rest) if way and rest and rest.pages < way.pages else (last, way)
    if not (sheet.most_pages and way and way.pages > sheet.most_pages):
        return last, way
    cuts = [(end, _best(_of_rows(sheet, _widths(sheet, end), bottom))) for end in sheet.print_cuts if end < last]
    held = ((end, cut) for most in (1, sheet.most_pages) for end, cut in reversed(cuts) if cut and cut.pages <= most)
    return next(held, (0, way))


def _room(*, is_upright: bool) -> tuple[float, float]:
    """Width and height of what is printed on a page."""
    width, height = PAPER_CM if is_upright else PAPER_CM[::-1]
    return width - 2 * SIDES * INCH_CM, height - (TOP + BOTTOM) * INCH_CM


def _heights(sheet: Sheet, top: int, bottom: int) -> dict[int, float]:
    """Of the rows between two that are printed, without those that are folded away."""
    hidden = {row for first, last, closed in sheet.outline_rows if closed for row in range(first, last + 1)}
    return {
        row: SLACK * (sheet.heights[row] * POINT_CM if row in sheet.heights else ROW_CM)
        for row in range(top, bottom + 1)
        if row not in hidden
    }


def _best(ways: Ways) -> Way | None:
    """With the fewest pages; among these with the fewest side by side, of which the last may be empty; the largest.

    A size of its own is preferred to one that a program finds, unless it is tight.
    """
    return min(ways, key=lambda way: (way.pages, way.beside, way.is_tight, way.is_fitted, -way.percent), default=None)


def _of_parts(sheet: Sheet, width: float, sizes: Sequence[int]) -> Iterator[Way]:
    """Each way to print a sheet of parts, neighbours on one page where they fit; a program finds the size by itself."""
    *inner, end = sheet.print_parts
    choices = chain.from_iterable(combinations(inner, count) for count in range(len(inner) + 1))
    for chosen, percent, is_upright in product(choices, sizes, (True, False)):
        room, page = _room(is_upright=is_upright)
        ends = *chosen, end
        tops = 1, *(row + 1 for row in chosen)
        highest = max(fsum(_heights(sheet, top, row).values()) for top, row in zip(tops, ends, strict=True))
        if width * percent <= 100 * room and highest * percent <= 100 * page:
            yield Way(len(ends), is_upright, percent, ends)


def _of_rows(sheet: Sheet, widths: Sequence[float], bottom: int) -> Iterator[Way]:
    """Each way to print rows on as many pages as it takes; none where they are too wide for a page and must not be cut.

    A size of its own or the width of a page, no number of pages: who unfolds rows gets more pages, not smaller type.
    """
    down, repeated = list(_heights(sheet, 1, bottom).values()), _repeated(sheet)
    for character, percent, is_upright in product((WIDEST_CM, EXCEL_CM * SPARE), SIZES, (True, False)):
        across = [width * character for width in widths]
        room, page = (100 * size / percent for size in _room(is_upright=is_upright))
        beside = _pages(across, fsum(across[:2]), room)
        if beside == 1 or sheet.title_columns:
            pages = beside * _pages(down, repeated, page)
            yield Way(pages, is_upright, percent, beside=beside, is_tight=character < WIDEST_CM)
    width = fsum(widths) * EXCEL_CM
    for is_upright in (True, False):
        room, page = _room(is_upright=is_upright)
        fitted = int(100 * room / width)
        if SIZES[-1] <= fitted <= SIZES[0]:
            yield Way(_pages(down, repeated, 100 * page / fitted), is_upright, fitted, is_fitted=True)


def _repeated(sheet: Sheet) -> float:
    """How high the rows are that stand on every page."""
    return fsum(_heights(sheet, *map(int, sheet.title_rows.split(":"))).values()) if sheet.title_rows else 0.0


def _ends(sheet: Sheet, way: Way, bottom: int) -> list[int]:
    """The rows after which pages end early: else the heading of a block might stand alone at the foot of one.

    None where that would take more pages, or leave one too empty.
    """
    blocks = {row for (row, column), cell in sheet.cells.items() if column == LABEL and cell.style == "block"}
    heights = _heights(sheet, 1, bottom)
    page = 100 * _room(is_upright=way.is_upright)[1] / way.percent
    rows, start, room, pages = list(heights), 0, page, way.beside
    repeated, ends = _repeated(sheet), list[int]()
    while True:
        below = list(accumulate(heights[row] for row in rows[start:]))
        surely, perhaps = (start + bisect(below, room * spare) for spare in (1.0, SLACK**2))
        if surely == len(rows):
            return ends if pages <= way.pages else []
        starts = [
            row for row in rows[start + 1 : surely] if row in blocks and below[rows.index(row) - start] > FULL * room
        ]
        if starts and blocks.intersection(rows[surely - KEPT : perhaps]):
            ends.append(starts[-1] - 1)
            start = rows.index(starts[-1])
        else:
            start = max(surely, start + 1)
        room, pages = page - repeated, pages + way.beside


def _pages(sizes: Sequence[float], repeated: float, room: float) -> int:
    """The pages that rows or columns of some sizes take, if the first of them are repeated on each."""
    pages, left = 1, room
    for size in sizes:
        if size > left:
            pages, left = pages + 1, room - repeated
        left -= size
    return pages
