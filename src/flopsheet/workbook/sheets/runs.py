"""The Training and Serving sheets: their charts, which stand above the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import takewhile
from math import ceil, floor, fsum, log10

from flopsheet.catalog.entries import inside_sentence
from flopsheet.formula import parse
from flopsheet.formula.nodes import Text, substitute
from flopsheet.formula.operators import picked
from flopsheet.numerics import HALF
from flopsheet.pipeline.search.kinds import KINDS
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.layout.counting import counting
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, local
from flopsheet.workbook.model.references import FIRST, LABEL, CellRef, absolute_span, between
from flopsheet.workbook.model.sheet import Cell, Cells, Chart, ChartKind, Draw, Place, Series
from flopsheet.workbook.model.styles import INK, MANY, MUTED, PALETTE
from flopsheet.workbook.sheets.run_metrics import CAPACITY, CLASSES, MARGIN_SHARE

SHEETS = {"training": "Training", "serving": "Serving"}
CHART_ROW, CHART_ROWS = 4, 20
MOST_LINES = 8
UPON = 0.05  # of an axis: points that are nearer to each other have one name
NAME_DECADES = 0.5  # that half of the name of a point takes on the roofline
SCREEN = 6  # columns of runs that take the second and the third chart
IN_MILLIONS = '[>=1000000]#,##0.0##,," M";#,##0'
HOURS = "Device-hours of each run; a price on Inputs gives its cost"
PRICED = "Cost of each run, at the price on Inputs"
WORDS_ROW = CHART_ROW + CHART_ROWS  # of the titles, folded below the charts; under it the names of points
NAMES_ROW = WORDS_ROW + 1
STAGES = {"prefill": ("prefill", PALETTE[0]), "decode": ("decoding", PALETTE[2])}
AXES = ("intensity", "achieved")
# What a roof is of: the hardware and the format whose peak it has.
ROOF = substitute(
    first_that_holds([("", "{h} {format}")]),
    {"format": substitute(parse("where(m == as_weights, w, m)"), {"as_weights": Text("as_weights")})},
)


def first_row(table_set: TableSet) -> int:
    """The first row below the charts and their words."""
    return words_rows(table_set)[1] + 1


def print_to(table_set: TableSet) -> int:
    """The last column of the runs, where the second chart ends too."""
    return FIRST + len(table_set.table("run")) - 1


def print_cuts(table_set: TableSet) -> tuple[int, ...]:
    """The columns after which many runs may be cut on paper: those where a chart ends; the Summary has all runs."""
    end = print_to(table_set) + 1
    return tuple(column - 1 for column in _places(table_set)[1:]) if end - FIRST > SCREEN else ()


def print_rows(block: Block) -> int:
    """The last row that is printed: what follows stands on the Summary, explains the prediction, or is folded."""
    time = KINDS[block.table_set.run_kind].time  # a chart draws it, or the Summary has its result
    results = takewhile(lambda band: time not in band.rows, block.bands)
    return max(row for band in results if not band.collapsed for row in band.rows.values())


def _places(table_set: TableSet) -> tuple[int, int, int]:
    """Where the second and the third chart begin and the third ends: two charts are as wide as what is printed, the
    third one stands beside it for the screen.
    """
    end = print_to(table_set) + 1
    if end - FIRST > SCREEN:
        return FIRST, FIRST + SCREEN // 2, FIRST + SCREEN
    if end - FIRST > 1:
        return FIRST, end, end + 2
    return end, end + 2, end + 3  # too narrow for two


def words_rows(table_set: TableSet) -> tuple[int, int]:
    """The first and the last row of what the charts say: their titles, and the names of points."""
    n_names = min(len(table_set.table("run")), MOST_LINES) if table_set.name == "serving" else 0
    return WORDS_ROW, WORDS_ROW + n_names


def title_cells(table_set: TableSet, cell_index: CellIndex) -> Cells:
    """The titles of the charts and the names of points."""
    artist = _ChartBuilder(table_set, cell_index)
    cells = {(WORDS_ROW, column): title for column, title in artist.titles.items()}
    return cells | artist.point_names if table_set.name == "serving" else cells


def _is_priced(table_set: TableSet) -> bool:
    """Whether a training run has a cost as it is built; without a price its chart would be empty."""
    costs = table_set.built.plain(table_set.grain("run_cost"), "run_cost") if table_set.name == "training" else ()
    return any(cost for cost in costs if not isinstance(cost, str))


def charts(table_set: TableSet, cell_index: CellIndex) -> tuple[Chart, ...]:
    """The charts of the sheet of a kind of run, from left to right."""
    artist = _ChartBuilder(table_set, cell_index)
    if table_set.name == "training":
        cost = ("run_cost", "USD") if _is_priced(table_set) else ("device_hours", "Hours")
        return artist.memory(), artist.step_time(), artist.columns(artist.third, *cost, IN_MILLIONS)
    return artist.memory(), artist.roofline(), artist.cache()


def run_names(table_set: TableSet, cell_index: CellIndex) -> list[Live]:
    """The names of the runs, which stand on Inputs above their models."""
    models = cell_index.of(table_set, "run_model")
    names = [str(name) for (name,) in table_set.table("run").keys]
    return [Live(model._replace(row=model.row - 1), name) for model, name in zip(models, names, strict=True)]


class _ChartBuilder:
    """Draws rows of one table set, a point or a line for each run."""

    def __init__(self, table_set: TableSet, cell_index: CellIndex) -> None:
        self.table_set, self.cell_index = table_set, cell_index
        self.sheet = SHEETS[table_set.name]
        self.second, self.third, end = _places(table_set)
        self.ends = {LABEL: self.second, self.second: self.third, self.third: end}  # the column before which each ends
        named = run_names(table_set, cell_index)
        self.names, self.name_spots = [str(name.value) for name in named], [name.cell_ref for name in named]

    @cached_property
    def titles(self) -> dict[int, Cell]:
        """What each chart finds, by the column that it begins in."""
        if self.table_set.name == "serving":
            return {LABEL: self.fullest(), self.second: self.bounds(), self.third: self.most_cache()}
        last = Cell(PRICED if _is_priced(self.table_set) else HOURS, style="lead")
        return {LABEL: self.fullest(), self.second: self.slowest(), self.third: last}

    def title(self, text: str, formula: str) -> Cell:
        return Cell(text, formula, "lead")

    def span(self, name: str) -> str:
        """The cells of a metric of every run, as a formula on the sheet refers to them."""
        cell_refs = self.cell_index.of(self.table_set, name)
        return between(cell_refs[0].absolute, cell_refs[-1].absolute)

    def named(self, pick: str, name: str) -> tuple[str, str]:
        """The name of the run where a metric is least or largest, and the formula that says it."""
        points = [point for point in self.row(name)[1] if point is not None]
        at = points.index(min(points) if pick == "MIN" else max(points))
        return self.names[at], picked(pick, self.span(name), absolute_span(self.name_spots))

    def fullest(self) -> Cell:
        """Which run takes most of its device, and how much."""
        margin = MARGIN_SHARE[self.table_set.run_kind]
        name, of_name = self.named("MIN", margin)
        least = min(point for point in self.row(margin)[1] if point is not None)
        many, cells = len(self.names) > 1, self.span(margin)
        fits = "; every run fits" if many else "; it fits"
        text = (
            f"{name} needs {int((1 - least) * 100 + HALF)} % of a device{fits if least >= 0 else ', more than it has'}"
        )
        formula = (
            f'{of_name}&" needs "&INT((1-MIN({cells}))*100+{HALF})&" % of a device"'
            f'&IF(MIN({cells})>=0,"{fits}",", more than it has")'
        )
        return self.title(text, formula)

    @cached_property
    def parts(self) -> list[str]:
        """The parts of the predicted time of a step."""
        return list(KINDS["training"].time_terms(self.table_set.catalog))

    @cached_property
    def terms(self) -> list[str]:
        """Those that any run has as built: these are drawn."""
        return [name for name in self.parts if not self.table_set.is_unused(name)]

    def slowest(self) -> Cell:
        """What a step of the first run spends most of its time with; an edit may bring in a part that is not drawn."""
        if not self.terms:
            return Cell("Time of each run", style="lead")
        values = [self.row(name)[1][0] or 0.0 for name in self.parts]
        cells = [self.cell_index.of(self.table_set, name)[0] for name in self.parts]
        labels = [inside_sentence(self.table_set.catalog.metrics[name].label) for name in self.parts]
        among = ",".join(cell_ref.absolute for cell_ref in cells)
        total, run = fsum(values), self.name_spots[0].anywhere
        spelled = f'"{labels[-1]}"'
        for cell_ref, label in zip(cells[-2::-1], labels[-2::-1], strict=True):
            spelled = f'IF({cell_ref.absolute}=MAX({among}),"{label}",{spelled})'
        said = labels[values.index(max(values))]
        share = int(max(values) / total * 100 + HALF) if total else 0
        text = f"A step of {self.names[0]} is predicted to be {share} % {said}"
        formula = (
            f'IF(SUM({among})>0,"A step of "&{run}&" is predicted to be "'
            f'&INT(MAX({among})/SUM({among})*100+{HALF})&" % "&{spelled},"No time is predicted for "&{run})'
        )
        return self.title(text if total else f"No time is predicted for {self.names[0]}", formula)

    def bounds(self) -> Cell:
        """How many runs are bound by what."""
        said, formulas = [], []
        for stage, (word, _) in STAGES.items():
            found = [self.table_set.value(f"{stage}_bound", at) for at in range(len(self.names))]
            bound = "memory" if stage == "decode" else "compute"
            of = f" of {len(self.names)}"
            said.append(f"{word} bound by {bound} in {found.count(bound)}{of}")
            formulas.append(f'"{word} bound by {bound} in "&{counting(bound, self.span(f"{stage}_bound"))}&"{of}"')
        joined = '&", "&'.join(formulas)
        return self.title(f"Roofline: {', '.join(said)}", f'"Roofline: "&{joined}')

    def most_cache(self) -> Cell:
        """Whose cache is largest."""
        name, of_name = self.named("MAX", "served_cache_gib")
        points = [point for point in self.row("served_cache_gib")[1] if point is not None]
        most, cells = max(points), self.span("served_cache_gib")
        if len(self.names) == 1:
            text, of_name = f"Cache of {name}", f'"Cache of "&{of_name}'
        else:
            text = f"{name} has the largest cache" if min(points) < most else "Cache of each run"
            of_name = f'IF(MIN({cells})<MAX({cells}),{of_name}&" has the largest cache","Cache of each run")'
        formula = f'{of_name}&": "&INT(MAX({cells})+{HALF})&" GiB at its length"'
        return self.title(f"{text}: {int(most + HALF)} GiB at its length", formula)

    @cached_property
    def point_names(self) -> Cells:
        """What stands beside each roof and each point of the roofline."""
        cells: Cells = {}
        for at, name in enumerate(self.names[:MOST_LINES]):
            formats, hardware = ("weight_format", "compute_format"), self.live("hardware", at)
            weights, matmuls = (self.live(one, at) for one in formats)
            cells[NAMES_ROW + at, self.second] = local(
                self.sheet, ROOF, {"h": hardware, "w": weights, "m": matmuls}, "name"
            )
            spot = self.name_spots[at].seen_from(self.sheet)
            for step, (stage, (word, _)) in enumerate(STAGES.items()):
                more = self.crowds[stage][at] - 1
                told = f"{word}, {more} more here" if more > 0 else word
                said = Cell(f"{name}: {told}", f'{spot}&": {told}"', "name")
                cells[NAMES_ROW + at, self.second + 1 + step] = said
        return cells

    @cached_property
    def points(self) -> dict[str, list[tuple[float, ...]]]:
        """The points of each stage on the roofline, as built: an edit moves points and changes no name."""
        built = self.table_set.built
        found = {}
        for stage in STAGES:
            axes = (built.plain("serving_run", f"{stage}_{axis}")[:MOST_LINES] for axis in AXES)
            found[stage] = list(zip(*(map(float, axis) for axis in axes), strict=True))
        return found

    @cached_property
    def corners(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The ends of both axes of the roofline."""
        points = [point for of_stage in self.points.values() for point in of_stage]
        tops = [float(self.table_set.value("roof_flops_2", at)) for at in range(len(self.points["decode"]))]
        return _decades([x for x, _ in points], NAME_DECADES), _decades([*(y for _, y in points), *tops])

    @cached_property
    def crowds(self) -> dict[str, list[int]]:
        """How many points each name on the roofline stands for: the first of a crowd has the name of all, as built."""
        return {stage: _crowds(points, self.corners) for stage, points in self.points.items()}

    def live(self, name: str, at: int) -> Live:
        return Live(self.cell_index.of(self.table_set, name)[at], self.table_set.value(name, at))

    def row(self, name: str) -> tuple[str, tuple[float | None, ...]]:
        """The reference to a metric of every run, and its values; None where it has none."""
        cell_refs = self.cell_index.of(self.table_set, name)
        values = (self.table_set.value(name, at) for at in range(len(cell_refs)))
        return absolute_span(cell_refs), tuple(None if isinstance(value, str) else value for value in values)

    def series(self, name: str, colour: str, draw: Draw = "column") -> Series:
        ref, points = self.row(name)
        label = CellRef(self.sheet, self.cell_index.of(self.table_set, name)[0].row, LABEL)
        title = self.table_set.catalog.metrics[name].label
        return Series(label.anywhere, title, ref, points, colour, draw=draw)

    def chart(self, kind: ChartKind, column: int, y_title: str, series: Sequence[Series], **more: object) -> Chart:
        anchor, title = CellRef(self.sheet, CHART_ROW, column), str(self.titles[column].value)
        words = CellRef(self.sheet, WORDS_ROW, column)
        end = CellRef(self.sheet, CHART_ROW + CHART_ROWS - 1, self.ends[column])
        return Chart(
            kind, words.anywhere, title, anchor.address, str(more.pop("x_title", "")), y_title,
            absolute_span(self.name_spots), tuple(self.names), tuple(series), end=end.address, y_most=None,
            **more,  # type: ignore[arg-type]
        )  # fmt: skip

    def memory(self) -> Chart:
        classes = CLASSES[self.table_set.run_kind]
        used = [name for name in classes if not self.table_set.is_unused(name) or name == classes[0]]
        series = [self.series(name, PALETTE[classes.index(name)]) for name in used]
        series.append(self.series(CAPACITY[self.table_set.run_kind], INK, "line"))
        return self.chart("columns", LABEL, "GiB", series, y_format="#,##0")

    def step_time(self) -> Chart:
        """The predicted time of a step by part; days where none is predicted."""
        if not self.terms:
            return self.columns(self.second, "days", "Days", "#,##0")
        series = [self.series(name, MANY[at]) for at, name in enumerate(self.terms)]
        return self.chart("columns", self.second, "Seconds of a step", series, y_format="General")

    def columns(self, column: int, name: str, y_title: str, format: str) -> Chart:
        return self.chart("columns", column, y_title, [self.series(name, PALETTE[0])], y_format=format)

    def roofline(self) -> Chart:
        """A roof for each kind of device and format in use, and the points below it, each with its name."""
        series, seen = [], set()
        for at in range(len(self.points["decode"])):
            roof = tuple(self.table_set.value(f"roof_{axis}_2", at) for axis in ("intensity", "flops"))
            if roof not in seen:
                seen.add(roof)
                title = CellRef(self.sheet, NAMES_ROW + at, self.second)
                line = self.line(at, "roof_intensity", "roof_flops", 3, MUTED, "line")
                name = str(self.point_names[title.row, title.column].value)
                series.append(replace(line, title_ref=title.anywhere, title=name, named="l"))
        for step, (stage, (_, colour)) in enumerate(STAGES.items()):
            leading = [point for point, n in zip(self.points[stage], self.crowds[stage], strict=True) if n]
            for at, point in enumerate(self.points[stage]):
                x_ref, ref = (self.cell_index.of(self.table_set, f"{stage}_{axis}")[at].anywhere for axis in AXES)
                title = CellRef(self.sheet, NAMES_ROW + at, self.second + 1 + step)
                name = str(self.point_names[title.row, title.column].value)
                side: Place = _side(stage, leading, point) if self.crowds[stage][at] else "unnamed"
                series.append(Series(title.anywhere, name, ref, point[1:], colour, x_ref, point[:1], "marker", side))
        return self.chart(
            "scatter", self.second, "FLOP/s (log scale)", series, x_title="FLOP per byte (log scale)",
            x_log=10, y_log=10, y_format='[>=1000000000000]#,##0,,,,"T";[>=1000000000]#,##0,,,"G";#,##0,,"M"',
            x_format='[>=1000000]#,##0,,"M";[>=1000]#,##0,"k";General', x_ends=self.corners[0], y_ends=self.corners[1],
        )  # fmt: skip

    def cache(self) -> Chart:
        series = [
            self.line(at, "context_at", "cache_gib_at", 6, PALETTE[at % len(PALETTE)], "both")
            for at in range(min(len(self.names), MOST_LINES))
        ]
        return self.chart(
            "scatter", self.third, "GiB", series, x_title="Context length (tokens, log scale)", x_log=4,
            y_format="#,##0",
        )  # fmt: skip

    def line(self, at: int, x: str, y: str, count: int, colour: str, draw: Draw) -> Series:
        """One run over several rows of its own column."""
        found = {}
        for axis in (x, y):
            listed = [f"{axis}_{step}" for step in range(1, count + 1)]
            cell_refs = [self.cell_index.of(self.table_set, name)[at] for name in listed]
            found[axis] = absolute_span(cell_refs), tuple(float(self.table_set.value(name, at)) for name in listed)
        return Series(self.name_spots[at].anywhere, self.names[at], *found[y], colour, *found[x], draw)


def _crowds(points: Sequence[tuple[float, ...]], ends: Sequence[tuple[float, float]]) -> list[int]:
    """The number of points that lie upon each other, at the first of them; none at the others."""
    wide = [log10(most / least) * UPON for least, most in ends]
    counts = [0] * len(points)
    for point in points:
        near = (
            at
            for at, first in enumerate(points)
            if all(abs(log10(a / b)) <= most for a, b, most in zip(point, first, wide, strict=True))
            and (counts[at] or first == point)
        )
        counts[next(near)] += 1
    return counts


def _side(stage: str, points: Sequence[tuple[float, ...]], point: tuple[float, ...]) -> Place:
    """Where the name of a point stands: right of the slope; above or below the plateau, in turn from left to right."""
    if stage == "decode":
        return "r"
    x, y = point
    before = sum(other[1] == y and other[0] < x for other in points)
    above = y == max(other[1] for other in points)
    return "t" if above == (before % 2 == 0) else "b"


def _decades(points: Sequence[float], beyond: float = 0.0) -> tuple[float, float]:
    """The powers of ten around some points, with some part of a decade beyond the largest."""
    return 10.0 ** floor(log10(min(points))), 10.0 ** ceil(log10(max(points)) + beyond)
