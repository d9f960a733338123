"""The Layouts sheet: the best layouts of each search side by side, and what makes each lose against the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from flopsheet.catalog.entries import inside_sentence
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import parse
from flopsheet.formula.operators import picked
from flopsheet.numerics import ROUNDING
from flopsheet.pipeline.search.kinds import KINDS, Kind
from flopsheet.records import frozen
from flopsheet.spec import Search
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, local, mirror, sentence
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import LABEL, CellRef, absolute_span, coordinates, span
from flopsheet.workbook.model.sheet import Cell, Cells, Chart, Placed, Series, Sheet
from flopsheet.workbook.model.sizes import heights_of, width_of
from flopsheet.workbook.model.styles import PALETTE, TABS

SHEET = "Layouts"
TOP, CHART_ROWS = 4, 20
SAYS, VALUES = 2, 3  # the columns of the sentence and of the first value
LABEL_WIDTH, SAYS_WIDTH, COLUMN_WIDTH = 16.0, 44.0, 12.8  # at least, always, at least
FEWEST_PRINTED = 10  # columns of numbers: the charts above are as wide
MORE_FORMAT = {  # no -0.000
    "training": "[>=0.0005]+0.000;[<=-0.0005]-0.000;0.000",
    "serving": "[>=0.000005]+0.00000;[<=-0.000005]-0.00000;0.00000",
}
MORE = parse("live - best")
# Of what is minimised, and of what is maximised; a cost has no value where there is no price.
GAP = parse("where(given(live), where(given(best), live - best, 0), 0)")
GAP_LESS = parse("where(given(live), where(given(best), best - live, 0), 0)")
SPREAD = frozenset({"band", "lead", "header_folded"})  # styles of what makes no column wider
BEST = "The best of its search; the others are compared with it."
MOST, TERM, METRIC = "most", "term", "metric"
CHARTED = {"training": "Time of a step", "serving": "Time per token"}
AXIS = {"training": "Predicted time of one step (s)", "serving": "Predicted time per token (s)"}
# How the time is told: in what unit, and what a second is of it.
TOLD = {"training": ("s", "1"), "serving": ("ms", "1000")}
# What rounding alone can cause is no difference.
SAME, SAME_GAP = f"abs(more) <= {ROUNDING} * time", f"abs(gap) <= {ROUNDING} * abs(metric)"


def cases(kind: RunKind) -> tuple[tuple[str, str], ...]:
    """What is said of a layout, but for the best, where the time is what is compared."""
    (unit, of_second), increase = TOLD[kind], "largest increase: {term}"
    return (
        (SAME, "As fast as the first."),
        ("more < 0", f"{{0 - {of_second} * more:.3}} {unit} faster than the first, with the current Inputs."),
        ("", f"{{{of_second} * more:.3}} {unit} slower; {increase}, {{{of_second} * largest:.3}} {unit}."),
    )


def cases_beside(kind: RunKind, label: str, number: str, *, is_maximised: bool) -> tuple[tuple[str, str], ...]:
    """The same where something else is compared: that first, and of equals the time."""
    (same, _), (faster, told_faster), (_, told_slower) = cases(kind)
    lower = inside_sentence(label)
    less, more = ("more", "less") if is_maximised else ("less", "more")
    both = f"where({SAME_GAP}, where({{}}, 1, 0), 0) > 0"
    return (
        (both.format(same), f"Equal to the first in {lower} and in time."),
        (both.format(faster), f"Equal to the first in {lower}; {told_faster}"),
        (SAME_GAP, f"Equal to the first in {lower}; {told_slower}"),
        ("gap < 0", f"{{0 - gap:{number}}} {less} than the first with the current Inputs ({lower})."),
        ("", f"{{gap:{number}}} {more} than the first ({lower})."),
    )


@frozen
class Listed:
    """The layouts of one search, from a row of the sheet on."""

    search: Search
    table_set: TableSet
    cell_index: CellIndex
    top: int

    @property
    def kind(self) -> Kind:
        return KINDS[self.search.kind]

    @property
    def shown(self) -> tuple[str, ...]:
        """The numbers beside the inputs that vary: what is compared first."""
        names = dict.fromkeys((self.search.metric, self.kind.time, *self.kind.shown))
        return tuple(name for name in names if name not in self.varied)

    @property
    def is_by_time(self) -> bool:
        return self.search.metric == self.kind.time

    @cached_property
    def rows(self) -> list[int]:
        """Where the runs stand among all of their kind."""
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
        """The parts of the time that any of the layouts has."""
        parts = self.kind.time_terms(self.table_set.catalog)
        return [name for name in parts if not self.table_set.is_unused(name)]

    @cached_property
    def columns(self) -> dict[str, int]:
        """The column of each input and metric, then of what the time and each term are more than in the best."""
        gap = [] if self.is_by_time else [METRIC]
        names = [*self.varied, *self.shown, *gap, more(self.kind.time), TERM, MOST, *map(more, self.terms)]
        return {name: VALUES + at for at, name in enumerate(names)}

    @property
    def headers(self) -> dict[str, str]:
        """What stands above each column."""
        catalog = self.table_set.catalog
        named = {
            name: ", ".join(filter(None, (catalog.entry(name).label, catalog.unit_of(name).heading)))
            for name in (*self.varied, *self.shown)
        }
        more_of = {more(name): catalog.metrics[name].label for name in self.terms}
        if not self.is_by_time:
            than = "Less" if self.search.is_maximised else "More"
            named[METRIC] = f"{than} than the first: {catalog.entry(self.search.metric).label}"
        return {
            **named,
            more(self.kind.time): "More than the first, s",
            TERM: "Largest increase",
            MOST: "This increase, s",
            **more_of,
        }

    def cell_ref(self, name: str, row: int) -> CellRef:
        return CellRef(SHEET, row, self.columns[name])

    def live(self, name: str, run: int) -> Live:
        return Live(self.cell_index.of(self.table_set, name)[run], self.table_set.value(name, run))

    def cells(self) -> Iterator[Placed]:
        by = inside_sentence(self.table_set.catalog.entry(self.search.metric).label)
        heading = f"{self.search.name}: the best of {self.search.size:,} layouts by {by}, as they were searched"
        yield from bar(self.top, heading, "band", range(LABEL, max(self.columns.values()) + 1))
        terms = self.cell_ref(more(self.terms[0]), self.top)
        yield terms[1:], Cell("Seconds more than the first, by term", style="band")
        yield (self.top + 1, LABEL), Cell("Layout", style="header_left")
        yield (self.top + 1, SAYS), Cell("Against the first", style="header_left")
        for name, header in self.headers.items():
            yield self.cell_ref(name, self.top + 1)[1:], Cell(header, style="header_folded")
        for at in range(len(self.rows)):
            yield from self.line(at)

    def line(self, at: int) -> Iterator[Placed]:
        """One layout: its inputs, its numbers, what it takes more than the first, and in which term."""
        catalog, row, run = self.table_set.catalog, self.first + at, self.rows[at]
        yield (row, LABEL), Cell(self.search.found[at], style="label")
        for name in (*self.varied, *self.shown):
            yield self.cell_ref(name, row)[1:], mirror(SHEET, self.live(name, run), "linked", catalog.format(name))
        found: dict[str, Live] = {}
        time = self.kind.time
        for name in (time, *self.terms):
            pair = {"live": self.live(name, run), "best": self.live(name, self.rows[0])}
            cell, home = local(SHEET, MORE, pair, "calc", self.more_format), self.cell_ref(more(name), row)
            found[name] = Live(home, cell.value)
            yield home[1:], cell
        parts = [float(found[name].value) for name in self.terms]
        most = parts.index(max(parts))
        among = span([found[name].cell_ref for name in self.terms], SHEET)
        first, last = (self.cell_ref(more(self.terms[end]), self.top + 1).absolute for end in (0, -1))
        term = Live(self.cell_ref(TERM, row), self.headers[more(self.terms[most])])
        largest = Live(self.cell_ref(MOST, row), parts[most])
        formula = picked("MAX", among, f"{first}:{last}")
        if at:  # the best has no increase over itself
            yield term.cell_ref[1:], Cell(term.value, formula, "calc")
            yield largest.cell_ref[1:], Cell(largest.value, f"MAX({among})", "calc", self.more_format)
        shown = Live(self.cell_ref(time, row), self.table_set.value(time, run))
        told = {"more": found[time], "time": shown, "term": term, "largest": largest}
        said = cases(self.kind.name)
        if not self.is_by_time:
            gap = self.gap(run)
            yield self.cell_ref(METRIC, row)[1:], gap
            told |= {"gap": Live(self.cell_ref(METRIC, row), gap.value), "metric": self.live(self.search.metric, run)}
            entry = catalog.entry(self.search.metric)
            number = "," if entry.unit == "count" else ",.4"
            said = cases_beside(self.kind.name, entry.label, number, is_maximised=self.search.is_maximised)
        said_of_it = sentence(SHEET, said, told) if at else Cell(BEST)
        yield (row, SAYS), said_of_it._replace(style="wrapped")

    @property
    def more_format(self) -> str:
        return MORE_FORMAT[self.kind.name]

    def gap(self, run: int) -> Cell:
        """What a layout has more of what is minimised than the first, or less of what is maximised."""
        metric, format = self.search.metric, self.table_set.catalog.format(self.search.metric)
        pair = {"live": self.live(metric, run), "best": self.live(metric, self.rows[0])}
        return local(SHEET, GAP_LESS if self.search.is_maximised else GAP, pair, "calc", format)

    def series(self, colour: str) -> Series:
        """The layouts as points: memory that is left, and the time."""
        figures = {}
        for name in (self.kind.time, self.kind.margin_share):
            ends = [self.cell_ref(name, row) for row in (self.first, self.bottom)]
            values = tuple(float(self.table_set.value(name, run)) for run in self.rows)
            figures[name] = absolute_span(ends), values
        (ref, points), (x_ref, x_points) = figures.values()
        title = CellRef(SHEET, self.first, LABEL)
        name = self.search.found[0]
        return Series(title.anywhere, name, ref, points, colour, x_ref, x_points, "marker")


def more(name: str) -> str:
    """The column of what a metric is more than in the best layout."""
    return f"more {name}"


def chart(found: Sequence[Listed], kind: RunKind, top: int) -> Chart:
    """The time against the memory that is left, a point for each layout."""
    anchor = CellRef(SHEET, top, LABEL)
    series = tuple(one.series(PALETTE[at % len(PALETTE)]) for at, one in enumerate(found))
    return Chart(
        "scatter", anchor.anywhere, chart_title(kind), anchor.address,
        "Memory left (share of the capacity)", AXIS[kind], series[0].x_ref, (), series,
        end=CellRef(SHEET, top + CHART_ROWS - 1, VALUES).address,
        y_format="#,##0.0" if kind == "training" else "0.000", x_format="0%", y_most=None, from_zero=False,
    )  # fmt: skip


def chart_title(kind: RunKind) -> str:
    return f"{CHARTED[kind]} against memory that is left"


def by_kind(found: Sequence[Listed]) -> dict[RunKind, list[tuple[Listed, int]]]:
    """The searches of each kind of run, each with the row where its charts begin; those of a kind stand together."""
    kinds = dict.fromkeys(one.search.kind for one in found)
    in_order = [one for kind in kinds for one in found if one.search.kind == kind]
    tops = [(one, TOP + CHART_ROWS * at) for at, one in enumerate(in_order)]
    return {kind: [(one, top) for one, top in tops if one.search.kind == kind] for kind in kinds}


def listed(searches: Sequence[Search], of_runs: Sequence[TableSet], cell_index: CellIndex) -> list[Listed]:
    """The searches whose layouts are runs of the study, one below the other under the chart."""
    of_kind = {table_set.name: table_set for table_set in of_runs}
    drawn = [search for search in searches if search.found and search.kind in of_kind]
    found: list[Listed] = []
    row = TOP + CHART_ROWS * len(drawn)
    for search in drawn:
        found.append(Listed(search, of_kind[search.kind], cell_index, row))
        row = found[-1].bottom + 2
    return found


def sheet(found: Sequence[Listed], beside: Mapping[RunKind, Sequence[tuple[Cell, Chart]]]) -> Sheet:
    """The whole sheet; `beside` are the charts of each search of a kind of run, with their titles."""
    cells: Cells = {at: cell for one in found for at, cell in one.cells()}
    cells[1, LABEL] = Cell(SHEET, style="title")
    cells[2, LABEL] = Cell(
        "The best layouts of each search are runs on Training or Serving; change one on Inputs and this sheet follows.",
        style="subtitle",
    )
    charts = []
    for kind, searches in by_kind(found).items():
        top = searches[0][1]
        cells[top, LABEL] = Cell(chart_title(kind), style="lead")
        charts.append(chart([one for one, _ in searches], kind, top))
        for title, drawn in beside.get(kind, ()):
            cells[coordinates(drawn.anchor)] = title
            charts.append(drawn)
    widths = _widths(cells)
    tops = range(TOP, TOP + CHART_ROWS * len(found), CHART_ROWS)
    titles = tuple((top, top, True) for top in tops)  # folded: the charts have them
    printed = max(one.columns[one.shown[-1]] for one in found)
    return Sheet(
        SHEET, cells, widths, heights_of(cells, widths), freeze="C4", title_rows="1:3", title_columns="A:B",
        outline_rows=titles, charts=tuple(charts), tab=TABS["runs"], print_to=max(printed, VALUES + FEWEST_PRINTED - 1),
        unprinted="the table of seconds by term",
    )  # fmt: skip


def _widths(cells: Cells) -> dict[int, float]:
    """Columns as wide as what stands in them, whose headers go over several lines; sentences go over two."""
    widths = {LABEL: LABEL_WIDTH, SAYS: SAYS_WIDTH}
    for (_, column), cell in cells.items():
        if column >= VALUES and cell.style not in SPREAD:
            widths[column] = max(widths.get(column, COLUMN_WIDTH), width_of(cell))
        elif column == LABEL and cell.style == "label":
            widths[column] = max(widths[column], width_of(cell))
    return widths
