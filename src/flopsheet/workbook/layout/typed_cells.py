"""Cells whose formula and value come from one definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flopsheet.catalog import Entry, Input, sentences
from flopsheet.catalog.entries import Scalar
from flopsheet.formula import Node, evaluate, parse
from flopsheet.formula.excel import literal
from flopsheet.formula.marked import pieces, pieces_of
from flopsheet.formula.operators import indexed, picked
from flopsheet.numerics import ROUNDING
from flopsheet.quantities import NO_NUMBER
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CHOSEN_BY, Block, CellIndex, TableSet
from flopsheet.workbook.model.references import CellRef, absolute_span, all_seen_from, count_cells, letters, span
from flopsheet.workbook.model.sheet import Cell, cells_alike
from flopsheet.workbook.model.styles import StyleName

# A difference that rounding alone can cause is no change.
CHANGE = parse(f"where(abs(live - built) <= {ROUNDING} * abs(built), 0, where(built == 0, 1, (live - built) / built))")
MOST_ONE_BY_ONE = 8  # cells of a row
# What stands in a formula that is not yet in a column for that, and on both sides of the mark of what it gathers there.
COLUMN, GATHERED = "\x00", "\x01"


class InBlock(dict[str, str]):
    """What stands for each mark in the formulas of a block, which are the same in every column of a row but for what
    they gather: rows read the same names again and again.
    """

    def __init__(self, block: Block, cell_index: CellIndex) -> None:
        super().__init__()
        self.block, self.cell_index = block, cell_index

    def __missing__(self, mark: str) -> str:
        kind, name = mark.split(maxsplit=1)
        found = self[mark] = self.cell(name) if kind == "cell" else f"{GATHERED}{mark}{GATHERED}"
        return found

    def cell(self, name: str) -> str:
        block = self.block
        if name not in block.beside:
            return f"{COLUMN}{block.rows[name]}"
        cell_refs = self.cell_index.of(block.table_set, name)
        first, is_alone = cell_refs[0], cell_refs[0] == cell_refs[-1] and len(block.columns) > 1
        assert first.sheet == block.sheet, f"{name} of {block.sheet} stands on {first.sheet}"
        return first.held(column=True, row=False) if is_alone else f"{COLUMN}{first.row}"

    def gathered(self, mark: str) -> Iterable[str]:
        """What stands in each column for a range of finer rows, the first of them, or the one that is picked."""
        kind, *names = mark.split()
        if kind == "pick":
            pick, *names = names
            cells = zip(*(self.finer(name, first=False) for name in names), strict=True)
            return (picked(pick, *keys_and_values) for keys_and_values in cells)
        [name] = names
        return self.finer(name, first=kind == "first")

    def finer(self, name: str, *, first: bool) -> Iterator[str]:
        """How a formula in each column of a block refers to the finer cells below it, or to the first of them."""
        table_set, sheet = self.block.table_set, self.block.sheet
        cell_refs = self.cell_index.of(table_set, name)
        below = table_set.children[table_set.grain(name), self.block.grain]
        for row in range(len(self.block.columns)):
            rows = below[row]
            if first:
                yield cell_refs[rows[0]].seen_from(sheet)
            else:
                yield span([cell_refs[at] for at in rows], sheet)


def row_formulas(here: InBlock, name: str) -> list[str]:
    """A metric's formula in each row of its table: written once, then moved along."""
    text = list(pieces(here.block.table_set.catalog.metrics[name].text))
    marks = text[1::2]
    text[1::2] = map(here.__getitem__, marks)
    written = "".join(text)
    formulas = [written.replace(COLUMN, letters(column)) for column in here.block.columns]
    for mark in dict.fromkeys(marks) if GATHERED in written else ():
        if (stands := here[mark])[0] == GATHERED:
            found = here.gathered(mark)
            formulas = [formula.replace(stands, cells) for formula, cells in zip(formulas, found, strict=True)]
    return formulas


def metric_cells(here: InBlock, name: str, style: StyleName) -> Iterator[Cell]:
    """A metric's formula and value in each row of its table."""
    table_set = here.block.table_set
    return cells_alike(table_set.column(name), row_formulas(here, name), style, table_set.catalog.format(name))


def linked_rows(block: Block, cell_index: CellIndex, name: str) -> Iterator[Cell]:
    """References to the home of an input or metric, one in each column of a block that reads it.

    They are folded away, so they make no column wider.
    """
    table_set = block.table_set
    grain, table, values = table_set.grain(name), table_set.table(block.grain), table_set.column(name)
    rows = range(len(table)) if grain == block.grain else table.above[grain].tolist()
    cell_refs = cell_index.of(table_set, name)
    words = entry.absent if isinstance(entry := table_set.catalog.inputs.get(name), Input) else ""
    if grain in CHOSEN_BY and grain != block.grain:
        choices = all_seen_from(cell_index.of(table_set, CHOSEN_BY[grain]), block.sheet)
        among, found = absolute_span(cell_index.cell_refs["study", CHOSEN_BY[grain]]), absolute_span(cell_refs)
        runs = range(len(table)) if block.grain == "run" else table.above["run"].tolist()
        formulas = [indexed(found, f"MATCH({choices[run]},{among},0)") for run in runs]
    else:
        seen = all_seen_from(cell_refs, block.sheet)
        formulas = [seen[at] for at in rows]
    if words:
        formulas = [linked_formula(formula, words) for formula in formulas]
    shown = [values[at] for at in rows]
    return cells_alike(shown, formulas, "fitted_linked", table_set.catalog.format(name))


def linked_formula(reference: str, words: str) -> str:
    """A reference; where a number may be missing, an empty cell is no 0 but says the words for that."""
    return f"IF(ISNUMBER({reference}),{reference},{literal(words)})" if words else reference


def unit_of(entry: Entry) -> str:
    """The unit as a row names it; words and verdicts have none."""
    return "" if entry.unit in NO_NUMBER else entry.unit


@frozen
class Live:
    """A value somewhere in the workbook, under the name that a local formula gives it."""

    cell_ref: CellRef
    value: Scalar


def live_of(table_set: TableSet, cell_index: CellIndex, name: str, row: int = 0) -> Live:
    """An input or metric in a row of its table."""
    return Live(cell_index.of(table_set, name)[row], table_set.value(name, row))


def local(
    sheet: str, node: Node, values: Mapping[str, Live], style: StyleName = "calc", format: str = "General"
) -> Cell:
    """A formula over named cells: its text and its value from the same node."""
    text = list(pieces_of(node))
    seen = {mark: values[mark.removeprefix("cell ")].cell_ref.seen_from(sheet) for mark in set(text[1::2])}
    text[1::2] = map(seen.__getitem__, text[1::2])
    return Cell(evaluate(node, lambda name: values[name].value), "".join(text), style, format)


def first_that_holds(cases: Sequence[tuple[str, str]]) -> Node:
    """The text of the first case whose condition holds, which may be empty; the last has none."""
    return sentences.first_that_holds(cases, may_be_empty=True)


def sentence(
    sheet: str, cases: Sequence[tuple[str, str]], values: Mapping[str, Live], style: StyleName = "text"
) -> Cell:
    """A cell that says the first case whose condition holds."""
    return local(sheet, first_that_holds(cases), values, style)


def count_text(sheet: str, corners: Sequence[Sequence[CellRef]], values: Sequence[Scalar], word: str) -> Cell:
    """How many cells of some rectangles, each given by its first and last cell, read a word."""
    formula = "+".join(counting(word, f"{first.address}:{last.address}") for first, last in corners) or "0"
    return Cell(float(sum(value == word for value in values)), formula, "calc", "#,##0")


def reads(wanted: str, among: str) -> str:
    """The spreadsheet text of whether a cell of a row or column holds something; a cell with an error does not.

    The range has two corners, of one cell too: some programs find nothing in a cell that stands alone.
    """
    return f"ISNUMBER({_place(wanted, among)})"


def first_place(wanted: str, among: str, otherwise: int = 1) -> str:
    """The spreadsheet text of the place of the first cell that holds something."""
    return f"IF({reads(wanted, among)},{_place(wanted, among)},{otherwise})"


def _place(wanted: str, among: str) -> str:
    return f"MATCH({wanted},{among},0)"


def counting(word: str, among: str) -> str:
    """The spreadsheet text of how many cells of a range read a word; a cell with an error reads none."""
    first, _, last = among.partition(":")
    if last in {"", of_sheet := first.rpartition("!")[2]}:
        return f"IF({reads(literal(word), f'{first}:{of_sheet}')},1,0)"
    return counting_where(f"={literal(word)}", literal(word), among)


def counting_where(comparison: str, criterion: str, among: str) -> str:
    """The same of how many of some cells compare so, which COUNTIF says by a criterion.

    COUNTIF counts old values in one office suite. SUMPRODUCT is an error where one cell is, and some programs compare
    only a part of a range in it: there a range does not equal itself in all its cells.
    """
    compares = f"ISNUMBER(1/(SUMPRODUCT(1*({among}={among}))={count_cells(among)}))"
    return f"IF({compares},SUMPRODUCT(1*({among}{comparison})),COUNTIF({among},{criterion}))"


def counting_larger(own: str, among: str) -> str:
    """The spreadsheet text of how many cells of a range hold a larger number than one cell."""
    return counting_where(f">{own}", f'">"&{own}', among)


def count_differences(
    sheet: str, live: Sequence[CellRef], built: Sequence[CellRef], pairs: Sequence[tuple[Scalar, Scalar]]
) -> Cell:
    """In how many places two rows of cells differ."""
    return Cell(float(sum(now != then for now, then in pairs)), _where_different(sheet, live, built), "calc", "#,##0")


def sum_of_different(sheet: str, live: Sequence[CellRef], built: Sequence[CellRef]) -> str:
    """The spreadsheet text of the sum of the second row's numbers where two rows of cells differ."""
    return _where_different(sheet, live, built, [cell_ref.seen_from(sheet) for cell_ref in built])


def _where_different(
    sheet: str, live: Sequence[CellRef], built: Sequence[CellRef], numbers: Sequence[str] | None = None
) -> str:
    """A few cells are compared one by one: some programs compare no ranges inside of SUMPRODUCT."""
    if len(live) <= MOST_ONE_BY_ONE:
        pairs = zip(live, built, numbers or ["1"] * len(live), strict=True)
        return "+".join(f"IF({now.seen_from(sheet)}<>{then.seen_from(sheet)},{one},0)" for now, then, one in pairs)
    summed = f",{span(built, sheet)}" if numbers else ""
    return f"SUMPRODUCT(--({span(live, sheet)}<>{span(built, sheet)}){summed})"


def mirror(sheet: str, live: Live, style: StyleName = "linked", format: str = "General") -> Cell:
    """The same value as another cell."""
    return Cell(live.value, live.cell_ref.seen_from(sheet), style, format)
