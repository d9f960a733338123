"""The Training and Serving sheets: their charts, which stand above the rows."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.model.references import FIRST, LABEL, CellRef, absolute_span, quoted
from flopsheet.workbook.model.sheet import Cell, Chart, ChartKind, Draw, Series
from flopsheet.workbook.model.sizes import EXCEL_CM, TAIL_WIDTHS, VALUE_WIDTH, WIDTHS
from flopsheet.workbook.model.styles import PALETTE

SHEETS = {"training": "Training", "serving": "Serving"}
CHART_ROW, CHART_ROWS = 4, 20
SIZES, GAP = (15.2, 13.0, 15.0), 0.3  # widths of the charts from left to right, and what stays between two, in cm
MOST_LINES = 8
CLASSES = {
    "training": (
        "weight_gib_device", "gradient_gib_device", "optimizer_gib_device", "activation_gib_device",
        "logits_gib_device", "working_gib_device", "reserved_gib_device",
    ),
    "serving": (
        "served_weight_gib_device", "served_cache_gib_device", "served_workspace_gib_device",
        "served_reserved_gib_device",
    ),
}  # fmt: skip
CAPACITY = {"training": "capacity_gib", "serving": "served_capacity_gib_device"}
TITLES = {
    "training": {
        "memory": "Memory of the most-loaded device against its capacity",
        "time": "Time of each run",
        "cost": "Device-hours of each run; a price on Inputs gives its cost",
    },
    "serving": {
        "memory": "Memory of the fullest device against its capacity",
        "roofline": "Roofline: what bounds prefill and decoding on one device",
        "cache": "Cache of all sequences against context length",
    },
}


PRICED = "Cost of each run, at the price on Inputs"


def first_row(table_set: TableSet) -> int:
    """The first row below the charts."""
    return CHART_ROW + CHART_ROWS


def columns(blocks: Sequence[Block]) -> tuple[int, ...]:
    """The column in which each chart begins, edge to edge as far as columns are as narrow as they may be.

    It does not depend on any figure: an edit moves numbers and never cells.
    """
    n_values = max(len(block.columns) for block in blocks)
    widths = [*WIDTHS.values(), *(VALUE_WIDTH,) * n_values, *TAIL_WIDTHS]
    found, left = [LABEL], 0.0
    for size in SIZES[:-1]:
        wanted, column = left + size + GAP, found[-1]
        while left < wanted:
            left += (widths[column - 1] if column <= len(widths) else VALUE_WIDTH) * EXCEL_CM
            column += 1
        found.append(column)
    return tuple(found)


def title_cells(table_set: TableSet, blocks: Sequence[Block]) -> dict[tuple[int, int], Cell]:
    """The titles of the charts, in the cells that the charts cover."""
    titles = zip(columns(blocks), _titles(table_set).values(), strict=True)
    return {(CHART_ROW, column): Cell(text, style="lead") for column, text in titles}


def _is_priced(table_set: TableSet) -> bool:
    """Whether a training run has a cost as it is built; without a price its chart would be empty."""
    costs = table_set.built.plain(table_set.grain("run_cost"), "run_cost") if table_set.name == "training" else ()
    return any(cost for cost in costs if not isinstance(cost, str))


def _titles(table_set: TableSet) -> dict[str, str]:
    """The title of each chart, from left to right."""
    return TITLES[table_set.name] | ({"cost": PRICED} if _is_priced(table_set) else {})


def charts(table_set: TableSet, cell_index: CellIndex, blocks: Sequence[Block]) -> tuple[Chart, ...]:
    """The charts of the sheet of a kind of run, from left to right."""
    artist = _ChartBuilder(table_set, cell_index, columns(blocks))
    if table_set.name == "training":
        return (
            artist.memory(),
            artist.columns("time", "days", "Days", "#,##0"),
            artist.columns(
                "cost", *(("run_cost", "USD") if _is_priced(table_set) else ("device_hours", "Hours")), "#,##0"
            ),
        )
    return artist.memory(), artist.roofline(), artist.cache()


def memory(table_set: TableSet, cell_index: CellIndex) -> Chart:
    """The chart of memory alone, for another sheet."""
    return _ChartBuilder(table_set, cell_index, (LABEL,) * len(SIZES)).memory()


class _ChartBuilder:
    """Draws rows of one table set, a point or a line for each run."""

    def __init__(self, table_set: TableSet, cell_index: CellIndex, begin: Sequence[int]) -> None:
        self.table_set, self.cell_index = table_set, cell_index
        self.place = dict(zip(TITLES[table_set.name], zip(begin, SIZES, strict=True), strict=True))
        self.sheet = SHEETS[table_set.name]
        self.names = [str(key) for (key,) in table_set.table("run").keys]
        # Run names stand in the header of the sheet's first block, and on Inputs above each run.
        row = cell_index.of(table_set, "run_model")[0].row - 1
        self.name_spots = [CellRef("Inputs", row, FIRST + at) for at in range(len(self.names))]

    def row(self, name: str) -> tuple[str, tuple[float | None, ...]]:
        """The reference to a metric of every run, and its values; None where it has none."""
        cell_refs = self.cell_index.of(self.table_set, name)
        values = (self.table_set.value(name, at) for at in range(len(cell_refs)))
        return absolute_span(cell_refs), tuple(None if isinstance(value, str) else value for value in values)

    def series(self, name: str, colour: str, draw: Draw = "column") -> Series:
        ref, points = self.row(name)
        label = CellRef(self.sheet, self.cell_index.of(self.table_set, name)[0].row, LABEL)
        title = self.table_set.catalog.metrics[name].label
        return Series(_one(label), title, ref, points, colour, draw=draw)

    def chart(
        self, kind: ChartKind, which: str, x_title: str, y_title: str, series: Sequence[Series], **more: object
    ) -> Chart:
        column, size = self.place[which]
        anchor = CellRef(self.sheet, CHART_ROW, column)
        return Chart(
            kind, _one(anchor), _titles(self.table_set)[which], anchor.address, x_title, y_title,
            absolute_span(self.name_spots), tuple(self.names), tuple(series), width_cm=size, height_cm=9.6,
            y_most=None, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def memory(self) -> Chart:
        classes = CLASSES[self.table_set.name]
        used = [name for name in classes if any(self.row(name)[1]) or name == classes[0]]
        series = [self.series(name, PALETTE[classes.index(name)]) for name in used]
        series.append(self.series(CAPACITY[self.table_set.name], "1F2933", "line"))
        return self.chart("columns", "memory", "Run", "GiB", series, y_format="#,##0")

    def columns(self, which: str, name: str, y_title: str, format: str) -> Chart:
        return self.chart("columns", which, "Run", y_title, [self.series(name, PALETTE[0])], y_format=format)

    def roofline(self) -> Chart:
        """A roof for each kind of device and format in use, and the points below it."""
        series, seen = [], set()
        for at in range(min(len(self.names), MOST_LINES)):
            roof = tuple(self.table_set.value(f"roof_{axis}_2", at) for axis in ("intensity", "flops"))
            if roof not in seen:
                seen.add(roof)
                series.append(self.line(at, "roof_intensity", "roof_flops", 3, "999999", "line"))
        for stage, colour in (("prefill", PALETTE[0]), ("decode", PALETTE[2])):
            x_ref, x_points = self.row(f"{stage}_intensity")
            ref, points = self.row(f"{stage}_achieved")
            label = CellRef(self.sheet, self.cell_index.of(self.table_set, f"{stage}_achieved")[0].row, LABEL)
            title = self.table_set.catalog.metrics[f"{stage}_achieved"].label
            series.append(Series(_one(label), title, ref, points, colour, x_ref, x_points, "marker"))
        return self.chart(
            "scatter", "roofline", "FLOP per byte (log scale)", "FLOP/s (log scale)", series,
            x_log=10, y_log=10, y_format='[>=1000000000000]#,##0,,,,"T";[>=1000000000]#,##0,,,"G";#,##0,,"M"',
            x_format='[>=1000000]#,##0,,"M";[>=1000]#,##0,"k";General',
        )  # fmt: skip

    def cache(self) -> Chart:
        series = [
            self.line(at, "context_at", "cache_gib_at", 6, PALETTE[at % len(PALETTE)], "both")
            for at in range(min(len(self.names), MOST_LINES))
        ]
        return self.chart(
            "scatter", "cache", "Context length (tokens, log scale)", "GiB", series, x_log=2, y_format="#,##0"
        )

    def line(self, at: int, x: str, y: str, count: int, colour: str, draw: Draw) -> Series:
        """One run over several rows of its own column."""
        found = {}
        for axis in (x, y):
            listed = [f"{axis}_{step}" for step in range(1, count + 1)]
            cell_refs = [self.cell_index.of(self.table_set, name)[at] for name in listed]
            found[axis] = absolute_span(cell_refs), tuple(float(self.table_set.value(name, at)) for name in listed)
        return Series(_one(self.name_spots[at]), self.names[at], *found[y], colour, *found[x], draw)


def _one(cell_ref: CellRef) -> str:
    return f"{quoted(cell_ref.sheet)}!{cell_ref.absolute}"
