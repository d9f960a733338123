"""The Limits sheet: how far each run can go in one input at a time, and what breaks one step further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from flopsheet.catalog.entries import inside_sentence
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node
from flopsheet.formula.nodes import Name, names
from flopsheet.pipeline.limits import budget_words, words
from flopsheet.pipeline.limits.budgets import Budget, called
from flopsheet.pipeline.limits.solve import Set, Solved, set_on, solve, solve_set
from flopsheet.records import frozen
from flopsheet.spec import Expectation
from flopsheet.workbook.layout.blocks import Placed
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import local
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT, letters
from flopsheet.workbook.model.sheet import Cell, Cells, Sheet
from flopsheet.workbook.model.sizes import folded, heights_of, widths_of
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.model.tail import settle
from flopsheet.workbook.sheets.limit_working import SHEET, Source, Working

TOP = 4
MOST_RUNS = 8  # of a kind: each limit of a run is worked out in some hundred cells
MOST_BUDGETS = 6  # of a kind
NOW_AT, LAST_AT, NEXT_AT, LEFT_AT, LACKS_AT, HELD_AT, SAYS_AT = range(FIRST, FIRST + 7)
WIDE = {HELD_AT: 46.0, SAYS_AT: 90.0}  # texts
HEADS = {
    LABEL: "Run and input", UNIT: "Unit", HELD_AT: "What else changes", SAYS_AT: words.HEADS["says"],
    NOW_AT: words.HEADS["now"], LAST_AT: words.HEADS["last"], NEXT_AT: words.HEADS["next"],
    LEFT_AT: words.HEADS["left"], LACKS_AT: words.HEADS["left_next"],
}  # fmt: skip
HEADS_OF_BUDGETS = HEADS | {LEFT_AT: "Metric at limit", LACKS_AT: "Metric beyond"}
MIB = "#,##0"


def _line(working: Working, row: int, label: str, said: Mapping[int, Cell]) -> Iterator[Placed]:
    """A limit in the tables on top: what it is about, the value as it is, and what is said of it."""
    limit, look = working.solved.limit, working.catalog.unit_of(working.solved.limit.input)
    yield (row, LABEL), Cell(label, style="label", indent=1)
    yield (row, HELD_AT), Cell(limit.held, style="name")
    yield (row, UNIT), Cell(look.heading or "", style="unit")
    shown = {"x": working.live("now")}
    shown |= {name: working.live(name) for name in names(limit.shown) if name != "x"}
    yield (row, NOW_AT), local(SHEET, limit.shown, shown, "linked", "#,##0")
    yield from (((row, column), cell) for column, cell in said.items())


def _said(
    working: Working, read: Mapping[str, str], node: Node, style: StyleName = "calc", format: str = "#,##0"
) -> Cell:
    """A formula over steps, which have names of their own in it."""
    return local(SHEET, node, {name: working.live(read[name]) for name in names(node)}, style, format)


def _of_memory(working: Working, kind: RunKind) -> dict[int, Cell]:
    said, fewest = partial(_said, working, words.read(kind)), working.solved.limit.fewest
    return {
        LAST_AT: said(words.value(fewest=fewest)), NEXT_AT: said(words.NEXT_VALUE),
        LEFT_AT: said(words.LEFT_MIB, format=MIB), LACKS_AT: said(words.LEFT_NEXT_MIB, format=MIB),
        SAYS_AT: said(words.sentence(fewest=fewest), "text"),
    }  # fmt: skip


def _of_budget(working: Working, budget: Budget) -> dict[int, Cell]:
    said = partial(_said, working, {name: name for name in budget_words.READ})
    unit, format = working.catalog.unit_of(budget.metric).label, working.catalog.format(budget.metric)
    return {
        LAST_AT: said(budget_words.VALUE), NEXT_AT: said(words.NEXT_VALUE),
        LEFT_AT: said(Name("last_spent"), format=format), LACKS_AT: said(Name("next_spent"), format=format),
        SAYS_AT: said(budget_words.sentence(budget.claim, unit), "text"),
    }  # fmt: skip


@frozen
class Line:
    """One limit to be shown: of which run, how it was found, and the budget where it is not of memory."""

    source: Source
    solved: Solved
    run: int
    set: Set | None = None

    @property
    def within(self) -> str:
        return called(self.set.budget, self.set.bound, self.source.table_set.catalog) if self.set else ""

    def cells(self, row: int, below: int) -> tuple[Working, Iterator[Placed]]:
        """Its working, from a row of the details on, and its line in the table."""
        working = Working(self.source, self.solved, self.run, below, self.within)
        kind = self.source.table_set.run_kind
        said = _of_budget(working, self.set.budget) if self.set else _of_memory(working, kind)
        return working, _line(working, row, working.label if self.set else self.solved.limit.label, said)


Part = tuple[str, Mapping[int, str], list[tuple[str, list[Line]]]]  # a title, heads, and lines below bands


def _parts(sources: Sequence[Source], expectations: Sequence[Expectation]) -> Iterator[Part]:
    """The tables: runs of each kind against memory, then budgets."""
    for source in sources:
        kind, of_kind = source.table_set.run_kind, source.table_set
        every = solve(of_kind.values, kind, of_kind.catalog)
        bands = [
            (str(run), [Line(source, solved, at) for solved in every])
            for at, (run,) in enumerate(of_kind.table("run").keys[:MOST_RUNS])
        ]
        yield kind.capitalize(), HEADS, bands
    within = []
    for source in sources:
        of_kind = source.table_set
        runs = [str(run) for (run,) in of_kind.table("run").keys]
        for one in set_on(expectations, of_kind.run_kind, runs, of_kind.catalog)[:MOST_BUDGETS]:
            found = solve_set(of_kind.values, of_kind.run_kind, one, of_kind.catalog)
            lines = [Line(source, solved, one.at, one) for solved in found]
            within.append((f"{one.run}, {inside_sentence(called(one.budget, one.bound, of_kind.catalog))}", lines))
    if within:
        yield "Budgets", HEADS_OF_BUDGETS, within


def sheet(
    table_sets: Sequence[TableSet],
    cell_index: CellIndex,
    blocks: Mapping[str, Sequence[Block]],
    expectations: Sequence[Expectation],
) -> Sheet:
    """The whole sheet: a table of every run's limits, and below how each is found."""
    sources = [Source(one, cell_index, {block.grain: block for block in blocks[one.name]}) for one in table_sets]
    parts = list(_parts(sources, expectations))
    cells: Cells = {(1, LABEL): Cell("Limits", style="title")}
    cells[2, LABEL] = Cell(
        "How far each run can go in one input, the others unchanged, before it no longer fits its device or a budget.",
        style="subtitle",
    )
    row = TOP
    below = TOP + sum(1 + sum(1 + len(lines) for _, lines in bands) for _, _, bands in parts) + 2
    table_end, details = below - 2, []
    cells[below - 1, LABEL] = Cell("How each limit is found", style="section")
    for title, heads, bands in parts:
        for column in range(LABEL, SAYS_AT + 1):
            is_number = column in heads and column not in {LABEL, UNIT, *WIDE}
            head = title if column == LABEL else heads.get(column, "")
            cells[row, column] = Cell(head, style="block_right" if is_number else "block")
        row += 1
        for name, lines in bands:
            for column in range(LABEL, SAYS_AT + 1):
                cells[row, column] = Cell(name if column == LABEL else "", style="band")
            row += 1
            for line in lines:
                working, placed = line.cells(row, below)
                cells |= dict(working.cells(SAYS_AT + 1))
                details.append((working.top + 1, working.bottom, True))
                cells |= dict(placed)
                row, below = row + 1, working.bottom + 1
    tail = settle(cells)
    cells |= folded(cells, tail)
    widths = widths_of(cells, tail) | WIDE
    return Sheet(
        SHEET, cells, widths, heights_of(cells, widths), freeze=f"{letters(FIRST)}{TOP}", title_rows="1:3",
        outline_rows=tuple(details), print_rows=table_end, print_to=SAYS_AT, tail=tail, tab="CC79A7",
    )  # fmt: skip
