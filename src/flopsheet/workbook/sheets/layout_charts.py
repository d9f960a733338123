"""Charts of the Layouts sheet of the best layouts: what fills a device, what a step is made of."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.catalog.grains import RunKind
from flopsheet.workbook.layout.typed_cells import Live, sentence
from flopsheet.workbook.model.references import LABEL, CellRef, absolute_span
from flopsheet.workbook.model.sheet import Cell, Chart, Series
from flopsheet.workbook.model.styles import INK, MANY, PALETTE
from flopsheet.workbook.sheets.layouts import CHART_ROWS, SHEET, TOLD, VALUES, Listed, by_kind
from flopsheet.workbook.sheets.run_metrics import CAPACITY, CLASSES
from flopsheet.workbook.sheets.runs import SHEETS

MOST = 10  # layouts that are drawn
WIDE = 5  # columns of a chart
BESIDE = VALUES, VALUES + WIDE, VALUES + 2 * WIDE
BELOW = LABEL, VALUES, VALUES + 2 * WIDE
FORMATS = {"training": "#,##0.0", "serving": "0.000"}
AXIS = {"training": "Seconds of a step", "serving": "Seconds per token"}


def beside(found: Sequence[Listed]) -> dict[RunKind, list[tuple[Cell, Chart]]]:
    """The charts of each search, by kind of run: those of the first stand beside the chart of its kind."""
    return {
        kind: [chart for at, (one, top) in enumerate(searches) for chart in drawn(one, top, BELOW if at else BESIDE)]
        for kind, searches in by_kind(found).items()
    }


def drawn(one: Listed, top: int, columns: Sequence[int]) -> list[tuple[Cell, Chart]]:
    """The two charts of a search, each with its title; none where its runs do not stand side by side.

    `columns` are where the first begins, where it ends and the second begins, and where that ends.
    """
    runs = one.rows[:MOST]
    if runs != list(range(runs[0], runs[0] + len(runs))):
        return []
    classes = CLASSES[one.kind.name]
    used = [name for name in classes if not one.table_set.is_unused(name) or name == classes[0]]
    memory = [_series(one, name, runs, PALETTE[classes.index(name)]) for name in used]
    memory.append(_series(one, CAPACITY[one.kind.name], runs, INK, is_line=True))
    time = [_series(one, name, runs, MANY[at]) for at, name in enumerate(one.terms)]
    unit, of_second = TOLD[one.kind.name]
    margin, best = one.live(one.kind.margin_share, runs[0]), one.live(one.kind.time, runs[0])
    last = one.live(one.kind.time, runs[-1])
    first, other = (Live(CellRef(SHEET, one.first + at, LABEL), one.search.found[at]) for at in (0, len(runs) - 1))
    said = [("", "{first}, the best layout, needs {100 * (1 - margin):.1} % of a device")]
    times = [("", f"{{first}} takes {{{of_second} * best:.2}} {unit}, {{other}} {{{of_second} * last:.2}} {unit}")]
    titles = (
        sentence(SHEET, said, {"first": first, "margin": margin}, "lead"),
        sentence(SHEET, times, {"first": first, "best": best, "other": other, "last": last}, "lead"),
    )
    return [
        (title, _chart(one, title, top, (columns[at], columns[at + 1]), *axis, series))
        for at, (title, axis, series) in enumerate(
            zip(titles, (("GiB", "#,##0"), (AXIS[one.kind.name], FORMATS[one.kind.name])), (memory, time), strict=True)
        )
    ]


def _series(one: Listed, name: str, runs: Sequence[int], colour: str, *, is_line: bool = False) -> Series:
    cell_refs = one.cell_index.of(one.table_set, name)
    sheet = SHEETS[one.kind.name]
    label = CellRef(sheet, cell_refs[0].row, LABEL)
    points = [one.table_set.value(name, run) for run in runs]
    return Series(
        label.anywhere, one.table_set.catalog.metrics[name].label,
        absolute_span([cell_refs[run] for run in runs]),
        tuple(None if isinstance(point, str) else float(point) for point in points), colour,
        draw="line" if is_line else "column",
    )  # fmt: skip


def _chart(
    one: Listed, title: Cell, top: int, columns: tuple[int, int], y_title: str, y_format: str, series: Sequence[Series]
) -> Chart:
    anchor, end = CellRef(SHEET, top, columns[0]), CellRef(SHEET, top + CHART_ROWS - 1, columns[1])
    names = [CellRef(SHEET, one.first + at, LABEL) for at in range(len(one.rows[:MOST]))]
    return Chart(
        "columns", anchor.anywhere, str(title.value), anchor.address, "", y_title, absolute_span(names),
        tuple(one.search.found[:MOST]), tuple(series), end=end.address, y_most=None, y_format=y_format,
    )  # fmt: skip
