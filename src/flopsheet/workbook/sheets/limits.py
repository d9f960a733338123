"""The Limits sheet: how far each run can go in one input at a time, and what breaks one step further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

from flopsheet.catalog import RUNS, Metric
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, to_excel
from flopsheet.formula.nodes import names
from flopsheet.formula.operators import picked
from flopsheet.pipeline.limits import words
from flopsheet.pipeline.limits.program import CALLED, LAST, NOW, Point, Step, at
from flopsheet.pipeline.limits.solve import MAIN, Solved, main, n_groups, solve
from flopsheet.records import frozen
from flopsheet.workbook.layout.blocks import Placed
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, local, unit_of
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef, letters, span
from flopsheet.workbook.model.sheet import Cell, Cells, Scalar, Sheet
from flopsheet.workbook.model.sizes import folded, heights_of, widths_of
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.model.tail import settle

SHEET = "Limits"
TOP = 4
MOST_RUNS = 8  # of a kind: each limit of a run is worked out in some hundred cells
NOW_AT, LAST_AT, NEXT_AT, LEFT_AT, LACKS_AT, HELD_AT, SAYS_AT = range(FIRST, FIRST + 7)
WIDE = {HELD_AT: 46.0, SAYS_AT: 90.0}  # texts
HEADS = {
    LABEL: "Run and input", UNIT: "Unit", HELD_AT: "What else changes", SAYS_AT: words.HEADS["says"],
    NOW_AT: words.HEADS["now"], LAST_AT: words.HEADS["last"], NEXT_AT: words.HEADS["next"],
    LEFT_AT: words.HEADS["left"], LACKS_AT: words.HEADS["left_next"],
}  # fmt: skip
MIB = "#,##0"
STEP = "[>=1000000000000000]0.000E+00;#,##0.##"  # where nothing limits, an end lies at 1e300
POINTS = (NOW, *CALLED)
MARK = "\x00"  # around what stands for a reference in a formula that is not yet at a point


@frozen
class Source:
    """The runs of a kind where they are computed."""

    table_set: TableSet
    cell_index: CellIndex
    blocks: Mapping[str, Block]
    """By grain; their rows have also what is linked."""

    @cached_property
    def groups(self) -> int:
        """Layer groups of each run."""
        return n_groups(self.table_set.values)

    def is_finer(self, name: str) -> bool:
        """Whether it has a value for each layer group."""
        return self.table_set.grain(name) in {"layer_group", "layer_run", "run_layer", RUNS[self.table_set.run_kind][1]}

    def cell_ref(self, name: str, run: int, group: int) -> CellRef:
        """Where a name of a run, or of one of its layer groups, is computed or linked."""
        if self.table_set.grain(name) == "hardware":  # a choice, looked up beside the run
            block = next(block for block in self.blocks.values() if name in block.rows)
            return block.cell_ref(name, FIRST + run)
        cell_refs = self.cell_index.of(self.table_set, name)
        if self.is_finer(name):
            return cell_refs[run * self.groups + group]
        return cell_refs[run if len(cell_refs) > 1 else 0]


class Working:
    """One limit of a run: its points side by side with what is computed anew at each, then the steps below.

    The runs of a kind stand side by side in the same rows, as each has the same steps.
    """

    def __init__(self, source: Source, solved: Solved, run: int, top: int) -> None:
        self.source, self.solved, self.run, self.top = source, solved, run, top
        self.catalog = source.table_set.catalog
        found = {step.name for step in solved.program if isinstance(step, Point)} | {NOW}
        self.points = [point for point in POINTS if point in found]
        self.steps = {step.name: step for step in solved.program if isinstance(step, Step)}
        self.anew = [*solved.limit.varied, *(name for name in solved.points[LAST] if name not in solved.limit.varied)]
        of_points = [step.partition("@")[0] for step in self.steps if "@" in step]
        plain = [name for name in self.steps if "@" not in name]
        marked = [MAIN] if solved.limit.of_groups else []
        listed = [*plain[:4], *marked, "", *dict.fromkeys(["x", *self.anew, *of_points]), *plain[4:]]
        self.rows = {name: top + 1 + step for step, name in enumerate(listed)}
        self.left = FIRST + run * len(self.points) * source.groups
        self.read: dict[tuple[str, int, bool], _At] = {}

    def at(self, point: str, group: int, *, is_input: bool = False) -> _At:
        """What formulas at a point read, for one layer group."""
        key = point, group, is_input
        if key not in self.read:
            self.read[key] = _At(self, point, group, is_input=is_input)
        return self.read[key]

    @property
    def bottom(self) -> int:
        return max(self.rows.values())

    @property
    def right(self) -> int:
        """Its last column."""
        return self.column(self.points[-1], self.source.groups - 1)

    def column(self, point: str, group: int = 0) -> int:
        return self.left + self.points.index(point) * self.source.groups + group

    def place(self, name: str, group: int = 0) -> CellRef:
        """Where a name stands that a formula reads: a step, a metric at a point, or the run as it is."""
        metric, _, point = name.partition("@")
        if name == MAIN:
            return CellRef(SHEET, self.rows[MAIN], self.left + group)
        if name in self.steps:
            return CellRef(SHEET, self.rows[metric], self.column(point or NOW))
        if point and metric in self.anew:
            return CellRef(SHEET, self.rows[metric], self.column(point, group if self.source.is_finer(metric) else 0))
        return self.source.cell_ref(metric, self.run, group)

    def value(self, name: str, group: int = 0) -> Scalar:
        """The number of a step, or of a metric at a point."""
        metric, _, point = name.partition("@")
        if name in self.steps:
            return float(self.solved.numbers[name][self.run])
        finer = self.source.is_finer(metric)
        row = self.run * self.source.groups + group if finer else self.run
        if point and metric in self.anew:
            return float(self.solved.points[point][metric][row])
        return self.source.table_set.value(metric, row)

    def live(self, name: str) -> Live:
        return Live(self.place(name), self.value(name))

    def labels(self, right: int) -> Iterator[Placed]:
        """What each row is, for all runs; `right` is the last column of the band above."""
        for column in range(LABEL, right + 1):
            yield (self.top, column), Cell(self.solved.limit.label if column == LABEL else "", style="band")
        yield (self.rows[""], LABEL), Cell("Computed anew", style="header_left")
        for step in reversed(self.steps.values()):  # the first of those that share a row says what it is
            label = "Value that is tried" if step.name.startswith("x@") else step.label
            yield from self._label(self.place(step.name).row, label, step.name.partition("@")[0])
        if self.solved.limit.of_groups:
            yield from self._label(self.rows[MAIN], "Layers that are meant", MAIN)
        for name in self.anew:
            entry = self.catalog.entry(name)
            yield from self._label(self.rows[name], entry.label, name)
            yield (self.rows[name], UNIT), Cell(unit_of(entry), style="unit")

    def _label(self, row: int, label: str, name: str) -> Iterator[Placed]:
        yield (row, LABEL), Cell(label, style="label")
        yield (row, NAME), Cell(name, style="name")

    def cells(self) -> Iterator[Placed]:
        run = str(self.source.table_set.table("run").keys[self.run][0])
        yield (self.top, self.left), Cell(run, style="band")
        for point in self.points:
            yield (self.rows[""], self.column(point)), Cell(CALLED.get(point, "As it is"), style="header")
        for step in self.steps.values():
            formula = self.at("", 0).text(step.node)
            yield self.place(step.name)[1:], Cell(self.value(step.name), formula, "calc", STEP)
        if self.solved.limit.of_groups:
            yield from self.main_cells()
        for name in self.anew:
            yield from self.row(name)

    def row(self, name: str) -> Iterator[Placed]:
        """An input that varies, or a metric that depends on it, at every point."""
        entry, limit = self.catalog.entry(name), self.solved.limit
        format = self.catalog.units[entry.unit].format
        finer = self.source.is_finer(name)
        for point in self.points[1:]:
            for group in range(self.source.groups if finer else 1):
                node = entry.ast if isinstance(entry, Metric) else limit.varied[name]
                formula = self.at(point, group, is_input=name in limit.varied).text(node)
                cell_ref = CellRef(SHEET, self.rows[name], self.column(point, group))
                yield cell_ref[1:], Cell(self.value(at(name, point), group), formula, "calc", format)

    def main_cells(self) -> Iterator[Placed]:
        """1 for the layer groups that are meant."""
        limit, groups = self.solved.limit, self.source.groups
        found = main(self.source.table_set.values, limit).reshape(-1, groups)[self.run]
        own = [self.source.cell_ref(limit.of_groups, self.run, group).seen_from(SHEET) for group in range(groups)]
        among = ",".join(own)
        for group in range(groups):
            formula = f"IF({own[group]}>0,1,0)"
            if groups > 1:
                formula = f"IF({own[group]}=MAX({among}),{formula},0)"
            if group and limit.first_alone:
                formula = f"IF(MAX({','.join(own[:group])})<{own[group]},{formula},0)"
            yield self.place(MAIN, group)[1:], Cell(float(found[group]), formula, "calc", "0")


class _At(dict[str, str]):
    """What stands for each mark of a formula at a point of a working, for one layer group.

    What does not depend on the input stands where the run does.
    """

    def __init__(self, working: Working, point: str, group: int, *, is_input: bool = False) -> None:
        self.working, self.point, self.group, self.is_input = working, point, group, is_input

    def text(self, node: Node) -> str:
        """A formula at this point."""
        pieces = list(_pieces(node))
        pieces[1::2] = map(self.__getitem__, pieces[1::2])
        return "".join(pieces)

    def __missing__(self, mark: str) -> str:
        kind, *names = mark.split()
        found: str = getattr(self, kind)(*names)
        self[mark] = found
        return found

    def named(self, name: str) -> str:
        """The name at the point where it differs there; an input that varies is made from the values as they are."""
        if name == "x":
            return at(name, self.point)
        moved = self.point and not self.is_input and name in self.working.anew
        return at(name, self.point) if moved else name

    def cell(self, name: str) -> str:
        return self.working.place(self.named(name), self.group).seen_from(SHEET)

    def range(self, name: str) -> str:
        named = self.named(name)
        return span([self.working.place(named, group) for group in range(self.working.source.groups)], SHEET)

    def pick(self, pick: str, key: str, name: str) -> str:
        return picked(pick, self.range(key), self.range(name))

    def first(self, name: str) -> str:
        return self.working.place(self.named(name), 0).seen_from(SHEET)


class _Marks:
    """References of a formula that is written once and read at many points: what `_At` puts there, in words."""

    def cell(self, name: str) -> str:
        return f"{MARK}cell {name}{MARK}"

    def range(self, name: str) -> str:
        return f"{MARK}range {name}{MARK}"

    def pick(self, pick: str, key: str, name: str) -> str:
        return f"{MARK}pick {pick} {key} {name}{MARK}"

    def first(self, name: str) -> str:
        return f"{MARK}first {name}{MARK}"


@lru_cache(1024)
def _pieces(node: Node) -> tuple[str, ...]:
    """The text of a formula; every second piece is a mark."""
    return tuple(to_excel(node, _Marks()).split(MARK))


def _lines(working: Working, row: int, kind: RunKind) -> Iterator[Placed]:
    """What is said of a limit in the table on top."""
    limit = working.solved.limit
    unit = working.catalog.unit_of(next(iter(limit.varied)))
    read = {word: working.live(name) for word, name in words.read(kind).items()}

    def said(node: Node, style: StyleName, format: str = "#,##0") -> Cell:
        return local(SHEET, node, {name: read[name] for name in names(node)}, style, format)

    yield (row, LABEL), Cell(limit.label, style="label", indent=1)
    yield (row, HELD_AT), Cell(limit.held, style="name")
    yield (row, UNIT), Cell(unit.heading or "", style="unit")
    yield (row, SAYS_AT), said(words.sentence(fewest=limit.fewest), "text")
    shown = {"x": Live(working.place("now"), working.value("now"))}
    shown |= {name: Live(working.place(name), working.value(name)) for name in names(limit.shown) if name != "x"}
    yield (row, NOW_AT), local(SHEET, limit.shown, shown, "linked", "#,##0")
    yield (row, LAST_AT), said(words.value(fewest=limit.fewest), "calc")
    yield (row, NEXT_AT), said(words.NEXT_VALUE, "calc")
    yield (row, LEFT_AT), said(words.LEFT_MIB, "calc", MIB)
    yield (row, LACKS_AT), said(words.LEFT_NEXT_MIB, "calc", MIB)


def sheet(table_sets: Sequence[TableSet], cell_index: CellIndex, blocks: Mapping[str, Sequence[Block]]) -> Sheet:
    """The whole sheet: a table of every run's limits, and below how each is found."""
    cells: Cells = {(1, LABEL): Cell("Limits", style="title")}
    cells[2, LABEL] = Cell(
        "How far each run can go in one input, the others unchanged, before it no longer fits its device.",
        style="subtitle",
    )
    solved = {one.name: solve(one.values, one.run_kind, one.catalog) for one in table_sets}
    shown = {one.name: range(min(MOST_RUNS, len(one.table("run")))) for one in table_sets}
    lines = sum(1 + len(shown[kind]) * (1 + len(found)) for kind, found in solved.items())
    row, below = TOP, TOP + lines + 2
    table_end = below - 2
    details = []
    cells[below - 1, LABEL] = Cell("How each limit is found", style="section")
    for one in table_sets:
        source = Source(one, cell_index, {block.grain: block for block in blocks[one.name]})
        for column in range(LABEL, SAYS_AT + 1):
            title = one.name.capitalize() if column == LABEL else HEADS.get(column, "")
            is_number = column in HEADS and column not in {LABEL, UNIT, *WIDE}
            cells[row, column] = Cell(title, style="block_right" if is_number else "block")
        row += 1
        workings = []
        for found in solved[one.name]:
            worked = [Working(source, found, run, below) for run in shown[one.name]]
            cells |= dict(worked[0].labels(max(worked[-1].right, SAYS_AT)))
            for working in worked:
                cells |= dict(working.cells())
            workings.append(worked)
            details.append((below + 1, worked[0].bottom, True))
            below = worked[0].bottom + 1
        for run in shown[one.name]:
            for column in range(LABEL, SAYS_AT + 1):
                name = str(one.table("run").keys[run][0])
                cells[row, column] = Cell(name if column == LABEL else "", style="band")
            row += 1
            for worked in workings:
                cells |= dict(_lines(worked[run], row, one.run_kind))
                row += 1
    tail = settle(cells)
    cells |= folded(cells, tail)
    widths = widths_of(cells, tail) | WIDE
    return Sheet(
        SHEET, cells, widths, heights_of(cells, widths), freeze=f"{letters(FIRST)}{TOP}", title_rows="1:3",
        outline_rows=tuple(details), print_rows=table_end, print_to=SAYS_AT, tail=tail, tab="CC79A7",
    )  # fmt: skip
