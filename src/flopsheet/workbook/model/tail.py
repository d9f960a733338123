"""Where the columns that explain a row stand: behind the last value of the sheet."""

from __future__ import annotations

from operator import itemgetter

from flopsheet.workbook.model.references import FIRST, TAIL, letters
from flopsheet.workbook.model.sheet import Cell, Cells, Highlight

# What goes on without a gap to the last column: bars, and the rules above subtotals and totals.
BARS = frozenset({"block", "band", "header_left", "name_subtotal", "name_total"})


def settle(cells: Cells) -> int:
    """Puts names, notes and formulas behind the last value, in place; gives the first of these columns.

    A copy of a million cells would be the most memory that a build ever takes.
    """
    tail = max((column for column in set(map(itemgetter(1), cells)) if column < TAIL[0]), default=FIRST) + 1
    moved = [at for at in cells if at[1] >= TAIL[0]]
    for row, column in moved:
        cell = cells[row, tail + column - TAIL[0]] = cells.pop((row, column))
        if column == TAIL[0] and cell.style in BARS:
            bar = Cell("", style=cell.style)
            for between in range(tail - 1, FIRST - 1, -1):
                if (row, between) in cells:
                    break
                cells[row, between] = bar
    return tail


def hairlines(cells: Cells, tail: int) -> Highlight:
    """A thin line below every fifth row, which leads the eye from a label to the last value and to the formula.

    Rows without a label, such as those behind a chart, have none.
    """
    bottom = max(map(itemgetter(0), cells))
    top = min(row for (row, _), cell in cells.items() if cell.style in {"block", "band"})  # of rows, not of charts
    return Highlight(f"A{top}:{letters(tail + len(TAIL) - 1)}{bottom}", "hairline", f'AND(MOD(ROW(),5)=0,$A{top}<>"")')
