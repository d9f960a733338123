"""How wide columns and how high rows must be for what stands in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from math import fsum

from flopsheet.catalog.entries import EVERY_DECIMAL, Scalar
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT
from flopsheet.workbook.model.sheet import Cell, Cells
from flopsheet.workbook.model.styles import FOLDED, HEADERS, STYLES, varied

WIDTHS = {LABEL: 40.0, UNIT: 11.0}
VALUE_WIDTH = 12.0  # at least
TAIL_WIDTHS = (32.0, 25.0, 60.0)  # of names, notes and formulas
NOTE_LETTER, WIDEST_NOTE = 0.8, 80.0  # of a small letter, and of the column of notes
LETTER, DIGIT = 1.08, 1.04  # of cells: some letters are wider than a digit, which is as wide as any other
# Those that are much narrower or wider, in bold Calibri, whose advance widths Carlito has too.
LETTERS = {
    letter: width
    for letters, width in (
        (" .,:·'ijlI", 0.54), ("()-f", 0.63), ("rtJ", 0.7), ("csz/L", 0.85), ("gkvxyF", 0.95), ("0123456789", DIGIT),
        ("ABKRVX", 1.2), ("DGHNOQU", 1.35), ("mw%", 1.61), ("MW", 1.8),
    )
    for letter in letters
}  # fmt: skip
WORD_WIDTH = 0.9  # of a letter in a name, where a digit has 1
NARROW, NARROW_BY = frozenset(" ,."), 0.45  # what takes less room than a digit, in any font, and how much less
WIDEST = 60.0  # a number of 300 digits is a working value that nothing limits; Excel refuses columns wider than 255
NAME_WIDTH = 12  # letters in a line of a name that is folded at its hyphens
AT_HYPHENS = re.compile(r"(?<=-)(?=[^\W\d])")  # programs break no line in front of a digit
FOLDED_WIDTH = 18  # letters in a line of a text that is folded: names of a sweep's variants are long
ROW_CM = 0.53  # of a row as high as its text
POINT_CM = 2.54 / 72
EXCEL_CM = 7 / 96 * 2.54  # of a column one digit wide in Excel
RUNNING = frozenset({"text", "block", "band", "lead", "name"})  # styles of texts that run over empty cells
YIELDING = RUNNING | {name for name, style in STYLES.items() if style.shrink or (style.wrap and style.fill)}
"""Styles of cells that make no column wider."""
WRAPPED = frozenset(name for name, style in STYLES.items() if style.wrap)


def folded(cells: Cells, tail: int) -> Cells:
    """The long texts of several words in columns of values, in the style that goes over several lines.

    So are names above columns that are wider than what stands below them.
    """
    found, names = {}, {}
    for at, cell in cells.items():
        if isinstance(cell[0], str) and FIRST <= at[1] < tail:
            if _is_folded(cell):
                found[at] = cell
            elif _may_break(cell):
                names[at] = cell
    if names:  # most sheets have none
        below = widths_of(cells, tail, without=HEADERS)
        found |= {at: cell for at, cell in names.items() if width_of(cell) > below[at[1]]}
    return {at: cell._replace(style=varied(cell.style, FOLDED)) for at, cell in found.items()}


def _is_folded(cell: Cell) -> bool:
    text = str(cell.value)
    return len(text) > FOLDED_WIDTH and " " in text and f"{cell.style}_{FOLDED}" in STYLES


def _may_break(cell: Cell) -> bool:
    """Whether it is a name above a column that has a hyphen to break at."""
    return cell.style in HEADERS and " " not in (text := str(cell.value)) and len(_lines(text)) > 1


def _lines(text: str) -> list[str]:
    """A text as it is folded: at its spaces, or else at its hyphens."""
    if " " in text:
        return textwrap.wrap(text, FOLDED_WIDTH, break_long_words=False, break_on_hyphens=False)
    lines = [""]
    for piece in AT_HYPHENS.split(text):
        if lines[-1] and len(lines[-1] + piece) > NAME_WIDTH:
            lines.append("")
        lines[-1] += piece
    return lines


def _lines_within(text: str, width: float) -> int:
    """How many lines a folded text takes in a column, which may be wider than its own lines are."""
    if " " not in text:
        return len(_lines(text))
    lines, left = 1, 0.0
    for word in text.split():
        taken = fsum(LETTERS.get(letter, LETTER) for letter in f" {word}")
        if left and left + taken > width - 2.0:
            lines, left = lines + 1, 0.0
        left += taken
    return lines


def widths_of(cells: Cells, tail: int, without: Iterable[str] = ()) -> dict[int, float]:
    """Value columns as wide as their longest number or header, the first one as its longest label or name.

    `tail` is the first of the columns behind the values; cells in some styles may be left out.
    """
    widths = WIDTHS | dict.fromkeys(range(FIRST, tail), VALUE_WIDTH) | dict(enumerate(TAIL_WIDTHS, start=tail))
    taken: dict[tuple[object, ...], float] = {}  # side by side, cells repeat each other
    yielding = YIELDING.union(without)
    for (_, column), cell in cells.items():
        if FIRST <= column < tail:
            value, _, style, format, _, _ = cell
            if style in yielding:
                continue
            width = taken.get((value, style, format))
            if width is None:
                width = taken[value, style, format] = min(width_of(cell), WIDEST)
            if width > widths[column]:
                widths[column] = width
        elif column == tail + 1 and cell.style.startswith("note"):
            widths[column] = max(widths[column], min(len(str(cell.value)) * NOTE_LETTER + 2.0, WIDEST_NOTE))
        elif column == LABEL and cell.style.startswith("label"):
            widths[LABEL] = max(widths[LABEL], len(str(cell.value)) * WORD_WIDTH + 2.0)
    return widths


def width_of(cell: Cell) -> float:
    """The width that a number or a word takes."""
    if cell.style.endswith(FOLDED):
        return _width(max(_lines(str(cell.value)), key=len), "General")
    return _width(cell.value, cell.format)


def _width(value: Scalar, format: str) -> float:
    if isinstance(value, str):
        return fsum([LETTERS.get(letter, LETTER) for letter in value]) + 2.0
    text = _spelling(format)(value)
    return (len(text) - NARROW_BY * sum(map(text.count, NARROW))) * DIGIT + 2.0


@cache
def _spelling(format: str) -> Callable[[float], str]:
    """Roughly how a number format displays a number."""
    if format.startswith("[>="):  # one section for large values, the others for smaller ones
        least, _, sections = format.removeprefix("[>=").partition("]")
        large, small = map(_spelling, sections.split(";", 1))
        bound = float(least)
        return lambda value: small(value) if value < bound else large(value)
    if format.endswith('"') and format.count(";") == 2:  # a word for zero
        number, _, zero = format.split(";")
        others = _spelling(number)
        return lambda value: others(value) if value else zero
    unit = 1000 ** (format.count(",") - format.count("#,##"))
    if "E+" in format:
        return "{:.4e}".format
    if EVERY_DECIMAL in format:
        hundred = 100 if "%" in format else 1
        return lambda value: f"{value / unit * hundred:,.8f}".rstrip("0") + "00"
    if "%" in format:
        return lambda value: f"{value / unit:.2%}"
    if "." in format:
        return lambda value: f"{value / unit:,.3f}"
    return lambda value: f"{value / unit:,.0f}" if abs(value) >= unit or not value else f"{value / unit:.6g}"


def heights_of(cells: Cells, widths: Mapping[int, float]) -> dict[int, float]:
    """Rows whose formula or folded name wraps get the height that it needs."""
    heights: dict[int, float] = {}
    for (row, column), cell in cells.items():
        if cell[2] in WRAPPED and isinstance(cell.value, str):
            if cell.style.endswith(FOLDED):
                lines = _lines_within(cell.value, widths[column])
            else:
                lines = -(-len(cell.value) // max(1, int(widths[column] * 1.12)))
            if lines > 1:
                heights[row] = max(heights.get(row, 0.0), 12.5 * lines + 2)
    return heights
