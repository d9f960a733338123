"""How wide columns and how high rows must be for what stands in them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from functools import lru_cache

from flopsheet.workbook.layout import FIRST, LABEL, MATHS, NAME, NOTE, UNIT, shown
from flopsheet.workbook.model import Cell, Scalar
from flopsheet.workbook.styles import FOLDED, STYLES

WIDTHS = {LABEL: 40.0, NAME: 32.0, UNIT: 11.0, MATHS: 46.0, NOTE: 25.0}
WORD_WIDTH = 0.9  # of a letter in a name, where a digit has 1
FOLDED_WIDTH = 24  # letters in a line of a text that is folded: names of a sweep's variants are long
ROW_CM, CHARACTER_CM = 0.53, 0.2  # of a row as high as its text, of a column one character wide
Cells = Mapping[tuple[int, int], Cell]


def folded(cells: Cells) -> dict[tuple[int, int], Cell]:
    """The long texts of several words in columns of values, in the style that goes over several lines."""
    return {at: cell._replace(style=f"{cell.style}_{FOLDED}") for at, cell in cells.items() if _is_folded(at[1], cell)}


def _is_folded(column: int, cell: Cell) -> bool:
    text = cell.value
    is_long = column >= FIRST and isinstance(text, str) and len(text) > FOLDED_WIDTH and " " in text
    return is_long and f"{cell.style}_{FOLDED}" in STYLES


def _lines(text: str) -> list[str]:
    """A text as it is folded."""
    return textwrap.wrap(text, FOLDED_WIDTH, break_long_words=False, break_on_hyphens=False)


def widths_of(cells: Cells) -> dict[int, float]:
    """Value columns as wide as their longest number or header, the first one as its longest label or name."""
    widths = WIDTHS | dict.fromkeys(range(FIRST, max(column for _, column in cells) + 1), 12.0)
    for (_, column), cell in cells.items():
        if column >= FIRST and cell.style not in {"text", "block", "band", "lead"}:
            width = width_of(cell)
            if width > widths[column]:
                widths[column] = width
        elif column == LABEL and cell.style.startswith("label"):
            widths[LABEL] = max(widths[LABEL], len(str(cell.value)) * WORD_WIDTH + 2.0)
    return widths


def width_of(cell: Cell) -> float:
    """The width that a number or a word takes."""
    if cell.style.endswith(FOLDED):
        return _width(max(_lines(str(cell.value)), key=len), "General")
    return _width(cell.value, cell.format)


@lru_cache(1024)  # side by side, cells repeat each other
def _width(value: Scalar, format: str) -> float:
    return len(shown(Cell(value, format=format))) * 1.08 + 2.0


def heights_of(cells: Cells, widths: Mapping[int, float]) -> dict[int, float]:
    """Rows whose formula or folded name wraps get the height that it needs."""
    heights: dict[int, float] = {}
    for (row, column), cell in cells.items():
        if STYLES[cell.style].wrap and isinstance(cell.value, str):
            is_folded = cell.style.endswith(FOLDED)
            lines = len(_lines(cell.value)) if is_folded else -(-len(cell.value) // max(1, int(widths[column] * 1.12)))
            if lines > 1:
                heights[row] = max(heights.get(row, 0.0), 12.5 * lines + 2)
    return heights
