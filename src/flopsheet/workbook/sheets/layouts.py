"""The Layouts sheet: the best layouts of each search side by side, and which terms make each lose against the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from flopsheet.formula import parse
from flopsheet.records import frozen
from flopsheet.spec import Search
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, local, mirror, sentence
from flopsheet.workbook.model.references import LABEL, NAME, CellRef, absolute_span, span
from flopsheet.workbook.model.sheet import Cell, Chart, Series, Sheet
from flopsheet.workbook.model.styles import PALETTE

SHEET = "Layouts"
TOP, CHART_ROWS = 4, 20
VALUES = 3  # the first column of values
WIDTHS = {LABEL: 30.0, NAME: 60.0}
COLUMN_WIDTH = 14.0
STEP, MARGIN = "predicted_seconds_per_step", "margin_share"
SHOWN = (STEP, "predicted_mfu", "device_gib", MARGIN)
TAB = "CC79A7"
MORE_FORMAT = "+0.000;-0.000;0.000"
CHART_TITLE = "Time of a step against memory that is left"
MORE = parse("live - best")
Placed = tuple[tuple[int, int], Cell]
# What is said of a layout, but for the best; what rounding alone can cause is no difference.
CASES = (
    ("abs(more) <= 1e-12 * step", "As fast as the first."),
    ("more < 0", "{0 - more:.3} s faster than the first, as Inputs stand now."),
    ("", "{more:.3} s slower; most of it: {term}, {largest:.3} s."),
)
BEST = "The best of its search, against which the others lose."
MOST, TERM = "most", "term"


@frozen
class Listed:
    """The layouts of one search, from a row of the sheet on."""

    search: Search
    table_set: TableSet
    cell_index: CellIndex
    top: int

    @cached_property
    def rows(self) -> list[int]:
        """Where the runs stand among all training runs."""
        names = [str(key) for (key,) in self.table_set.table("run").keys]
        return [names.index(name) for name in self.search.found]

    @property
    def bottom(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def first(self) -> int:
        """The row of the best layout, below the heading and the header."""
        return self.top + 2

    @cached_property
    def varied(self) -> list[str]:
        """The inputs that differ."""
        return [key for key, values in self.search.axes.items() if len(values) > 1]

    @cached_property
    def terms(self) -> list[str]:
        """The parts of the time of a step that any of the layouts has."""
        parts = self.table_set.catalog.metrics[STEP].dependencies
        return [name for name in parts if not self.table_set.is_unused(name)]

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of each input and metric, then of what a step and each of its terms take more than in the best."""
        names = [*self.varied, *SHOWN, more(STEP), TERM, MOST, *map(more, self.terms)]
        return {name: VALUES + at for at, name in enumerate(names)}

    @property
    def headers(self) -> dict[str, str]:
        """What stands above each column."""
        catalog = self.table_set.catalog
        named = {
            name: f"{catalog.entry(name).label} {catalog.unit_of(name).heading}".strip()
            for name in (*self.varied, *SHOWN)
        }
        more_of = {more(name): catalog.metrics[name].label for name in self.terms}
        return {**named, more(STEP): "More than the first s", TERM: "Most of it", MOST: "Of it s", **more_of}

    def place(self, name: str, row: int) -> CellRef:
        return CellRef(SHEET, row, self.columns[name])

    def live(self, name: str, run: int) -> Live:
        return Live(self.cell_index.of(self.table_set, name)[run], self.table_set.value(name, run))

    def cells(self) -> Iterator[Placed]:
        heading = f"{self.search.name}: the best of {self.search.size:,} layouts as they were searched"
        for column in range(LABEL, max(self.columns.values()) + 1):
            yield (self.top, column), Cell(heading if column == LABEL else "", style="band")
        terms = self.place(more(self.terms[0]), self.top)
        yield terms[1:], Cell("Seconds more than the first, by term", style="band")
        yield (self.top + 1, LABEL), Cell("Layout", style="header_left")
        yield (self.top + 1, NAME), Cell("Against the first", style="header_left")
        for name, header in self.headers.items():
            yield self.place(name, self.top + 1)[1:], Cell(header, style="header_wrapped")
        for at in range(len(self.rows)):
            yield from self.line(at)

    def line(self, at: int) -> Iterator[Placed]:
        """One layout: its inputs, its numbers, what it takes more than the first, and in which term."""
        catalog, row, run = self.table_set.catalog, self.first + at, self.rows[at]
        yield (row, LABEL), Cell(self.search.found[at], style="label")
        for name in (*self.varied, *SHOWN):
            yield self.place(name, row)[1:], mirror(SHEET, self.live(name, run), "linked", catalog.format(name))
        found: dict[str, Live] = {}
        for name in (STEP, *self.terms):
            pair = {"live": self.live(name, run), "best": self.live(name, self.rows[0])}
            cell, place = local(SHEET, MORE, pair, "calc", MORE_FORMAT), self.place(more(name), row)
            found[name] = Live(place, cell.value)
            yield place[1:], cell
        parts = [float(found[name].value) for name in self.terms]
        most = parts.index(max(parts))
        among = span([found[name].cell_ref for name in self.terms], SHEET)
        first, last = (self.place(more(self.terms[end]), self.top + 1).absolute for end in (0, -1))
        term = Live(self.place(TERM, row), self.headers[more(self.terms[most])])
        largest = Live(self.place(MOST, row), parts[most])
        formula = f"INDEX({first}:{last},1,MATCH(MAX({among}),{among},0))"
        yield term.cell_ref[1:], Cell(term.value, formula, "calc")
        yield largest.cell_ref[1:], Cell(largest.value, f"MAX({among})", "calc", MORE_FORMAT)
        step = Live(self.place(STEP, row), self.table_set.value(STEP, run))
        told = {"more": found[STEP], "step": step, "term": term, "largest": largest}
        yield (row, NAME), sentence(SHEET, CASES, told) if at else Cell(BEST)

    def series(self, colour: str) -> Series:
        """The layouts as points: memory that is left, and the time of a step."""
        figures = {}
        for name in (STEP, MARGIN):
            ends = [self.place(name, row) for row in (self.first, self.bottom)]
            values = tuple(float(self.table_set.value(name, run)) for run in self.rows)
            figures[name] = absolute_span(ends), values
        (ref, points), (x_ref, x_points) = figures[STEP], figures[MARGIN]
        title = CellRef(SHEET, self.first, LABEL)
        name = self.search.found[0]
        return Series(f"{SHEET}!{title.absolute}", name, ref, points, colour, x_ref, x_points, "marker")


def more(name: str) -> str:
    """The column of what a metric is more than in the best layout."""
    return f"more {name}"


def chart(found: Sequence[Listed]) -> Chart:
    """The time of a step against the memory that is left, a point for each layout."""
    anchor = CellRef(SHEET, TOP, LABEL)
    series = tuple(one.series(PALETTE[at % len(PALETTE)]) for at, one in enumerate(found))
    return Chart(
        "scatter", f"{SHEET}!{anchor.absolute}", CHART_TITLE, anchor.address, "Memory left (share of the capacity)",
        "Predicted time of one step (s)", series[0].x_ref, (), series, width_cm=24.0, height_cm=9.6,
        y_format="#,##0.0", x_format="0%", y_most=None, from_zero=False,
    )  # fmt: skip


def sheet(found: Sequence[Listed]) -> Sheet:
    """The whole sheet."""
    cells: dict[tuple[int, int], Cell] = {at: cell for one in found for at, cell in one.cells()}
    cells[1, LABEL] = Cell(SHEET, style="title")
    cells[2, LABEL] = Cell(
        "The best layouts of each search are runs on Training; change one on Inputs and this sheet follows.",
        style="subtitle",
    )
    cells[TOP, LABEL] = Cell(CHART_TITLE, style="lead")
    widths = dict.fromkeys(range(VALUES, max(column for _, column in cells) + 1), COLUMN_WIDTH) | WIDTHS
    return Sheet(SHEET, cells, widths, freeze="C4", title_rows="1:3", charts=(chart(found),), tab=TAB)


def listed(searches: Sequence[Search], table_sets: Sequence[TableSet], cell_index: CellIndex) -> list[Listed]:
    """The searches whose layouts are runs of the study, one below the other under the chart."""
    found: list[Listed] = []
    row = TOP + CHART_ROWS
    of_training = [table_set for table_set in table_sets if table_set.name == "training"]
    for search in searches:
        for table_set in of_training if search.found else ():
            found.append(Listed(search, table_set, cell_index, row))
            row = found[-1].bottom + 2
    return found
