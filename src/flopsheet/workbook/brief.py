"""A short report made of a planned workbook: Summary, Inputs and the results, as values, small enough to be attached.

Formulas would need the sheets that are left out; what a reviewer edits is the whole workbook.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import (
    FIRST,
    LABEL,
    CellRef,
    absolute_span,
    coordinates,
)
from flopsheet.workbook.model.sheet import Cell, Cells, Chart, Plan, Series, Sheet
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets import budgets, inputs, summary
from flopsheet.workbook.sheets.input_folds import title_of
from flopsheet.workbook.sheets.input_layout import CHANGED_ROW, HARDWARE
from flopsheet.workbook.sheets.runs import SHEETS

INPUTS = "inputs set by the spec, and defaults for the others"
POINT = "0.0##"  # of a figure that a chart draws
LEFT_OUT = "in the whole workbook"
SAID = "Values as built; 'flopsheet build' writes the live workbook."
RESULTS = ("Parameters", "Forward FLOPs", "KV cache", *SHEETS.values())
HELD = frozenset({summary.SHEET, inputs.SHEET, *RESULTS})
SUBTITLE = 2, LABEL  # its cell on every sheet
# Nothing follows an edit.
CONSTANT: dict[StyleName, StyleName] = {"input": "calc", "input_folded": "calc_folded", "fitted_input": "fitted_calc"}


def shorten(plan: Plan, hardware: Collection[str]) -> Plan:
    """The plan without formulas, working and what is folded; of the hardware only the kinds that are named."""
    titles = [sheet.title for sheet in plan.sheets if sheet.title in HELD]
    sheets = [_summary(plan.sheet(summary.SHEET), titles, plan.verdict.style)]
    for title in titles[1:]:
        sheet = plan.sheet(title)
        sheets.append(_shortened(_of_kinds(sheet, hardware) if title == inputs.SHEET else sheet))
    return replace(plan, sheets=tuple(sheets))


def _value(cell: Cell) -> Cell:
    return cell._replace(formula="", style=CONSTANT.get(cell.style, cell.style), link="")


def _summary(sheet: Sheet, titles: Collection[str], style: StyleName) -> Sheet:
    """The Summary with its charts, drawn from figures below it."""
    cells: Cells = {}
    for at, cell in sheet.cells.items():
        if at[0] <= sheet.print_parts[-1] and not (cell.style == "link" and at[1] != LABEL):  # nothing follows a switch
            cells[at] = _value(cell)
            if cell.link and _sheet_of(cell.link) not in HELD:  # it leads to a sheet that is not here
                cells[at] = cells[at]._replace(value=str(cell.value).replace(budgets.ELSEWHERE, LEFT_OUT))
    cells[2, LABEL] = cells[2, LABEL]._replace(value=f"{cells[2, LABEL].value} · {SAID}")
    first, _, last = next(iter(sheet.highlights)).cells.partition(":")
    row, end = coordinates(last)
    cells.update(bar(row, str(cells[coordinates(first)].value), style, range(LABEL, end + 1)))
    row = sheet.print_parts[-1] + 2
    cells[row, LABEL] = Cell("Sheets", style="lead")
    for title, purpose in _guide(sheet, titles):
        row += 1
        cells[row, LABEL] = title
        cells[row, LABEL + 1] = purpose
    row += 2
    charts = []
    for chart in sheet.charts:
        cells[row, LABEL], cells[row, LABEL + 1] = Cell("Chart above", style="lead"), Cell(chart.title, style="text")
        drawn, row = _drawn(cells, chart, row + 1)
        charts.append(drawn)
    own = tuple(one for one in sheet.highlights if "!" not in one.formula)
    return replace(sheet, cells=cells, charts=tuple(charts), highlights=own, print_parts=())


def _guide(sheet: Sheet, titles: Collection[str]) -> Iterator[tuple[Cell, Cell]]:
    """The lines of the list of sheets that are here."""
    for (row, column), cell in sheet.cells.items():
        if (column, cell.style) == (LABEL, "link") and _sheet_of(cell.link) in titles:
            purpose = sheet.cells[row, LABEL + 1]
            yield cell, purpose._replace(value=INPUTS) if cell.value == inputs.SHEET else purpose


def _sheet_of(link: str) -> str:
    return link.rpartition("!")[0].strip("'")


def _drawn(cells: Cells, chart: Chart, top: int) -> tuple[Chart, int]:
    """A chart over rows of figures from a row on, and the row below them."""

    def put(row: int, title: str, points: Collection[object]) -> str:
        cells[row, LABEL] = Cell(title, style="label")
        cell_refs = [CellRef(summary.SHEET, row, LABEL + 1 + at) for at in range(len(points))]
        for cell_ref, point in zip(cell_refs, points, strict=True):
            if isinstance(point, (int, float, str)):
                cells[cell_ref.row, cell_ref.column] = Cell(point, style="as_built", format=POINT)
        return absolute_span(cell_refs)

    x_ref = put(top, chart.x_title or "over", chart.x_points)
    listed: list[Series] = []
    for at, series in enumerate(chart.series, start=1):
        ref = put(top + at, series.title, series.points)
        title = CellRef(summary.SHEET, top + at, LABEL).anywhere
        listed.append(replace(series, ref=ref, title_ref=title, x_ref="", x_points=()))
    title_ref = CellRef(summary.SHEET, top - 1, LABEL + 1).anywhere
    return replace(chart, x_ref=x_ref, series=tuple(listed), title_ref=title_ref), top + len(listed) + 2


def _of_kinds(sheet: Sheet, hardware: Collection[str]) -> Sheet:
    """Inputs with those columns of the hardware that are named."""
    top = next(
        (
            row
            for (row, column), cell in sheet.cells.items()
            if (column, cell.value) == (LABEL, HARDWARE) and cell.style == "header_left"
        ),
        0,
    )
    if not top:
        return sheet
    named = [c for (row, c), cell in sorted(sheet.cells.items()) if row == top and FIRST <= c <= sheet.print_to]
    wanted = [column for column in named if sheet.cells[top, column].value in hardware]
    moved = {column: FIRST + at for at, column in enumerate(wanted)}
    cells: Cells = {}
    for (row, column), cell in sheet.cells.items():
        if row < top or column < FIRST:
            cells[row, column] = cell
        elif column in moved:
            cells[row, moved[column]] = cell
    return replace(sheet, cells=cells)


def _is_last(sheet: Sheet, row: int) -> bool:
    """Whether no input follows in the section of a row: all of it is folded then, and its heading has nothing below."""
    after = sheet.cells.get((row + 1, LABEL))
    return after is None or after.style != "label"


def _shortened(sheet: Sheet) -> Sheet:
    """A sheet of rows without those that are folded, the formulas and notes, and charts of sheets that are gone."""
    closed = {row for first, last, is_closed in sheet.outline_rows if is_closed for row in range(first, last + 1)}
    if sheet.title != inputs.SHEET:
        closed |= {row for first, last, _ in sheet.outline_rows for row in range(first, last + 1)}
        closed |= {coordinates(chart.anchor)[0] for chart in sheet.charts}
    last = sheet.print_to - 1 if sheet.title == inputs.SHEET else sheet.tail - 1  # without what an input was
    if sheet.title == inputs.SHEET:  # nothing is edited here, and nothing unfolded
        closed |= {first - 1 for first, last, is_closed in sheet.outline_rows if is_closed and _is_last(sheet, last)}
        closed.add(CHANGED_ROW)
        last = max(column for (_, column), cell in sheet.cells.items() if column <= last and cell.value != "")
    kept = {at: cell for at, cell in sheet.cells.items() if at[0] not in closed and at[1] <= last}
    if sheet.title not in SHEETS.values():
        kept[SUBTITLE] = kept[SUBTITLE]._replace(value=SAID)
    full = sorted({row for row, _ in kept})
    rows = {row: at for at, row in enumerate(full, start=1)}
    cells = {(rows[row], column): _value(cell) for (row, column), cell in kept.items()}
    cells |= {at: cell._replace(value=title_of(cell)) for at, cell in cells.items() if cell.style == "band"}
    used = max(column for _, column in cells)
    return replace(
        sheet, cells=cells, widths={column: width for column, width in sheet.widths.items() if column <= used},
        heights={}, freeze="C3", title_columns="", outline_rows=(), outline_columns=(),
        validations=(), highlights=(), charts=(), print_to=0, print_rows=0,
    )  # fmt: skip
