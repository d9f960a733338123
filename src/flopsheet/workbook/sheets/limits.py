"""The Limits sheet: how far each run can go in one input at a time, and what breaks one step further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flopsheet.catalog import Catalog
from flopsheet.catalog.entries import inside_sentence
from flopsheet.formula import parse
from flopsheet.formula.marked import pieces_of
from flopsheet.formula.nodes import Call, Text, names
from flopsheet.pipeline.limits import remedies
from flopsheet.pipeline.limits.dials import MARGIN
from flopsheet.pipeline.limits.sets import MODELS, Kind, Set, Within, every_set, within_model, within_runs
from flopsheet.pipeline.limits.solve import Solved, solve
from flopsheet.pipeline.limits.subjects import MAIN
from flopsheet.pipeline.limits.told import last_value
from flopsheet.records import frozen
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet, TableSetName
from flopsheet.workbook.layout.typed_cells import Live, live_of, local
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT, CellRef, letters
from flopsheet.workbook.model.sheet import Cell, Cells, Fold, Sheet
from flopsheet.workbook.model.sizes import folded, heights_of, widths_of
from flopsheet.workbook.model.styles import TABS, StyleName
from flopsheet.workbook.model.tail import settle
from flopsheet.workbook.sheets.limit_cells import WorkingCells
from flopsheet.workbook.sheets.limit_lines import (
    HEADS,
    HEADS_OF_BUDGETS,
    HELD_AT,
    LAST_AT,
    NOW_AT,
    SAYS_AT,
    WIDE,
    WIDTHS,
    line,
    of_budget,
    of_memory,
)
from flopsheet.workbook.sheets.limit_links import (
    SHEET,
    Links,
    Source,
    Subject,
    is_of_family,
    rows_of_model,
    rows_of_run,
)
from flopsheet.workbook.sheets.limit_working import Working

TOP = 4
MOST_RUNS = 8  # of a kind: each limit of a run is worked out in some hundred cells
MOST_BUDGETS = 6  # of a kind
FITS = "fits"  # beside the name of a run
LEFT_OUT = "{:,} more {}, whose limits `flopsheet show` lists"


def are_models(spec: Spec, catalog: Catalog) -> bool:
    """Whether the spec sets a budget on a model."""
    return bool(every_set(spec, catalog)[MODELS])


def _chosen(sets: Sequence[Set]) -> tuple[list[Set], list[Set]]:
    """Those that have room on the sheet, and those that have not."""
    return list(sets[:MOST_BUDGETS]), list(sets[MOST_BUDGETS:])


def _within(specs: tuple[Spec, Spec], source: Source, kind: Kind, sets: Sequence[Set]) -> list[Within]:
    of_kind, (spec, built) = source.table_set, specs
    if kind == MODELS:
        return [within_model(spec, one, of_kind.catalog, built) for one in sets]
    return within_runs(of_kind.values, kind, sets, of_kind.catalog, of_kind.built)


def _said_of(one: Set, catalog: Catalog) -> str:
    """A budget and what it is about: `continued, days: at most 14 days`."""
    return f"{one.about}, {inside_sentence(one.called(catalog))}"


def _read_elsewhere(solved: Solved) -> Iterator[str]:
    """The names of other sheets that formulas at points read."""
    steps, parts = {*solved.numbers, *solved.fixed, MAIN, "x"}, [part for part in solved.parts if part.is_moved]
    anew = {*steps, *solved.limit.varied, *(part.name for part in parts)}
    for node in solved.limit.varied.values():
        yield from (name for name in _names(pieces_of(node)) if name not in steps)
    stages = [part for part in solved.parts if not part.is_moved and is_of_family(part.name)]
    for part in (*parts, *stages):
        yield from (name for name in _names(part.pieces) if name not in anew)


def _names(text: Sequence[str]) -> Iterator[str]:
    """What a formula reads, in any way."""
    for mark in text[1::2]:
        kind, *names = mark.split()
        yield from names[1:] if kind == "pick" else names


def _solved(runs: TableSet) -> list[Solved]:
    """The limits of the inputs that any of the runs was built with."""
    every = solve(runs.values, runs.run_kind, runs.catalog, runs.built)
    return [solved for solved in every if any(map(solved.has_input, range(len(runs.table("run")))))]


@frozen
class Listed:
    """The runs of a kind that have room on the sheet, by number, with their limits and the rows that they stand in."""

    table_set: TableSet
    names: Mapping[int, str]
    solved: Sequence[Solved]
    bands: Mapping[int, int]
    """The row with the name of each."""
    rows: Mapping[tuple[int, str], int]
    """By run and limit."""

    @property
    def left_out(self) -> int:
        """How many have no room."""
        return len(self.table_set.table("run")) - len(self.names)

    def last(self, run: int, limit: str) -> Live:
        """The last value that fits."""
        solved = next(one for one in self.solved if one.limit.name == limit)
        cell_ref = CellRef(SHEET, self.rows[run, limit], LAST_AT)
        return Live(cell_ref, last_value(solved, run, self.table_set.run_kind))


def listed(of_runs: Sequence[TableSet]) -> list[Listed]:
    """What the table on top lists of the runs of each kind, from its first row on."""
    row, found = TOP, []
    for one in of_runs:
        names = dict(enumerate(str(run) for (run,) in one.table("run").keys[:MOST_RUNS]))
        solved, bands, rows = _solved(one), {}, {}
        for run in names:
            bands[run] = row = row + 1
            for name in (each.limit.name for each in solved if each.has_input(run)):
                rows[run, name] = row = row + 1
        found.append(Listed(one, names, solved, bands, rows))
        row += 1 + bool(found[-1].left_out)
    return found


def fitting(runs: Listed, cell_index: CellIndex) -> list[Live]:
    """Beside the name of each run: that it fits, or which single change would make it fit; none without limits."""
    said = {row: _fitting(runs, cell_index, run) for run, row in runs.bands.items()}
    return [Live(CellRef(SHEET, row, NOW_AT), cell.value) for row, cell in said.items() if cell]


def _fitting(runs: Listed, cell_index: CellIndex, run: int) -> Cell | None:
    if not runs.solved:
        return None
    table_set, kind = runs.table_set, runs.table_set.run_kind
    read = {name: runs.last(run, limit) for name, limit in remedies.LIMITS[kind].items()}
    node = Call("where", (parse("margin < 0"), remedies.remedy(kind), Text(FITS)))
    metrics = {name: MARGIN[kind] if name == "margin" else name for name in names(node) if name not in read}
    read |= {said: live_of(table_set, cell_index, name, run) for said, name in metrics.items()}
    return local(SHEET, node, read, "band")


def _run(source: Source, run: int, solved: Solved) -> Subject:
    """A run of a kind."""
    n_groups, (name,) = solved.subjects.n_groups, source.table_set.table("run").keys[run]
    return Subject(run, str(name), rows_of_run(source.table_set, run, n_groups), n_groups)


def _subject(source: Source, within: Within, solved: Solved) -> Subject:
    """What a budget is about."""
    one = within.set
    if one.kind != MODELS:
        return _run(source, within.at, solved)
    row = rows_of_model(source.table_set, one.subject, one.context_length)
    return Subject((one.subject, one.context_length), one.subject, row, solved.subjects.n_groups)


class _Writer:
    """Fills the tables on top from one row on, the workings below from another."""

    def __init__(self, lines: int) -> None:
        self.cells: Cells = {}
        self.row = TOP
        self.below = TOP + lines + 2
        self.details: list[Fold] = []
        self.shared: list[tuple[tuple[int, int], ...]] = []

    def head(self, title: str, heads: Mapping[int, str]) -> None:
        for column in range(LABEL, HELD_AT + 1):
            is_number = column in heads and column not in {LABEL, UNIT, *WIDE}
            head = title if column == LABEL else heads.get(column, "")
            style: StyleName = "block_right" if is_number else "block"
            self.cells[self.row, column] = Cell(head, style=style, indent=int(column in WIDE))
        self.row += 1

    def band(self, name: str, said: Cell | None = None) -> None:
        self.cells.update(bar(self.row, name, "band", range(LABEL, HELD_AT + 1)))
        if said:
            self.cells[self.row, NOW_AT] = said
        self.row += 1

    def leave_out(self, count: int, what: str) -> None:
        """How many have no room on the sheet, if any."""
        if count:
            self.band(LEFT_OUT.format(count, what))

    def link(self, links: Links) -> None:
        """What the workings of a source read on other sheets."""
        if links.subjects:
            bottom = links.put(self.below)
            self.cells |= dict(links.cells(HELD_AT))
            self.details.append((self.below + 1, bottom, True))
            self.below = bottom + 1

    def work(self, links: Links, solved: Solved, subjects: Mapping[int, Subject], said: str = "") -> list[Working]:
        """How a limit is found, of runs side by side."""
        worked = [
            Working(links, solved, at, subject, self.below, nth) for nth, (at, subject) in enumerate(subjects.items())
        ]
        first, *others = written = [WorkingCells(working) for working in worked]
        for other in others:  # its rows and formulas are the same
            other.stacked = first.stacked
        self.cells |= dict(first.labels(max(worked[-1].right, HELD_AT), said))
        for one in written:
            self.cells |= dict(one.cells())
            self.shared += [tuple(cell_ref[1:] for cell_ref in alike) for alike in one.shared]
        bottom = max(working.bottom for working in worked)
        self.details.append((self.below + 1, bottom, True))
        self.below = bottom + 1
        return worked

    def line(self, working: Working, label: str, said: Mapping[int, Cell]) -> None:
        self.cells |= dict(line(working, self.row, label, said))
        self.row += 1


def sheet(
    specs: tuple[Spec, Spec],
    study: TableSet,
    runs: Sequence[Listed],
    cell_index: CellIndex,
    blocks: Mapping[TableSetName, Sequence[Block]],
) -> Sheet:
    """The whole sheet: a table of every run's limits, one of those within budgets, and below how each is found.

    Of the two specs the first is as it is now, the second as the workbook was built from it: it decides on rows.
    """
    sources = _sources(study, runs, cell_index, blocks)
    sets = {kind: _chosen(found) for kind, found in every_set(specs[0], study.catalog).items()}
    within = [(kind, one) for kind in sources for one in _within(specs, sources[kind], kind, sets[kind][0])]
    left_out = [one for kind in sources for one in sets[kind][1]]
    links = {kind: Links(source) for kind, source in sources.items()}
    _need(links, runs, within)
    writer = _Writer(_n_lines(runs, within, left_out))
    table_end = writer.below - 2
    for of_kind in links.values():
        writer.link(of_kind)
    for one in runs:
        _write_runs(writer, links[one.table_set.run_kind], one, cell_index)
    if within:
        writer.head("Budgets (memory aside)", HEADS_OF_BUDGETS)
    for kind, each in within:
        _write_budget(writer, links[kind], each)
    writer.leave_out(len(left_out), "budgets")
    for of_set in left_out:
        writer.cells[writer.row, LABEL] = Cell(_said_of(of_set, study.catalog), style="label", indent=1)
        writer.row += 1
    return _finished(writer, table_end)


def _sources(
    study: TableSet,
    runs: Sequence[Listed],
    cell_index: CellIndex,
    blocks: Mapping[TableSetName, Sequence[Block]],
) -> dict[Kind, Source]:
    """What limits are about: the models of the study, and each kind of runs."""
    sources: dict[Kind, Source] = {MODELS: Source(study, cell_index, {})}
    for table_set in (one.table_set for one in runs):
        by_grain: dict[str, Block] = {block.grain: block for block in blocks[table_set.name]}
        sources[table_set.run_kind] = Source(table_set, cell_index, by_grain)
    return sources


def _need(links: Mapping[Kind, Links], runs: Sequence[Listed], within: Sequence[tuple[Kind, Within]]) -> None:
    """Has a link for each name of another sheet that a working will read."""
    for one in runs:
        of_kind = links[one.table_set.run_kind]
        read = {name: None for solved in one.solved for name in _read_elsewhere(solved)}
        for run in one.names if one.solved else ():
            of_kind.need(_run(of_kind.source, run, one.solved[0]), read)
    for kind, each in within:
        for solved in each.solved:
            links[kind].need(_subject(links[kind].source, each, solved), _read_elsewhere(solved))


def _n_lines(runs: Sequence[Listed], within: Sequence[tuple[Kind, Within]], left_out: Sequence[Set]) -> int:
    """How many lines the tables on top have, with their headings."""
    of_runs = sum(1 + len(one.bands) + len(one.rows) + bool(one.left_out) for one in runs)
    of_budgets = sum(1 + len(one.solved) for _, one in within) + bool(within) + len(left_out) + bool(left_out)
    return of_runs + of_budgets


def _write_runs(writer: _Writer, links: Links, one: Listed, cell_index: CellIndex) -> None:
    """The table of the runs of a kind, and how each of their limits is found."""
    kind = one.table_set.run_kind
    writer.head(kind.capitalize(), HEADS)
    workings = [
        writer.work(links, solved, {run: _run(links.source, run, solved) for run in one.names}) for solved in one.solved
    ]
    for run, name in one.names.items():
        assert writer.row == one.bands[run], f"{name} stands in row {writer.row}, not in {one.bands[run]}"
        writer.band(name, _fitting(one, cell_index, run))
        for worked in (each[run] for each in workings if (run, each[run].solved.limit.name) in one.rows):
            writer.line(worked, worked.solved.limit.label, of_memory(worked, kind))
    writer.leave_out(one.left_out, "runs")


def _write_budget(writer: _Writer, links: Links, within: Within) -> None:
    """The lines of a budget, and how each limit within it is found."""
    said = _said_of(within.set, links.source.table_set.catalog)
    writer.band(said)
    for solved in within.solved:
        subject = _subject(links.source, within, solved)
        [working] = writer.work(links, solved, {within.at: subject}, said)
        writer.line(working, working.label, of_budget(working, within.set.budget))


def _finished(writer: _Writer, table_end: int) -> Sheet:
    cells = writer.cells
    cells[1, LABEL] = Cell("Limits", style="title")
    cells[2, LABEL] = Cell(
        "How far each run or model can go in one input, the others unchanged, within its device and its budgets; "
        "a context may be longer than the model was trained for.",
        style="subtitle",
    )
    cells[table_end + 1, LABEL] = Cell("How each limit is found", style="section")
    tail = settle(cells)
    cells |= folded(cells, tail)
    widths = widths_of(cells, tail) | WIDTHS
    return Sheet(
        SHEET, cells, widths, heights_of(cells, widths), freeze=f"{letters(FIRST)}{TOP}", title_rows="1:3",
        outline_rows=tuple(writer.details), shared=tuple(writer.shared),
        is_printed=False, print_rows=table_end, print_to=SAYS_AT, tail=tail, tab=TABS["runs"],
    )  # fmt: skip
