"""The formulas of a row of a block, metric or link: written once, then moved along its columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flopsheet.catalog import Input
from flopsheet.formula.excel import literal
from flopsheet.formula.marked import pieces
from flopsheet.formula.operators import indexed, picked
from flopsheet.workbook.layout.cells import CHOSEN_BY, Block, CellIndex
from flopsheet.workbook.model.references import absolute_span, all_seen_from, letters, span
from flopsheet.workbook.model.sheet import Cell, cells_alike
from flopsheet.workbook.model.styles import StyleName

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


def linked_cells(here: InBlock, name: str) -> Iterator[Cell]:
    """References to the home of an input or metric, one in each column of a block that reads it.

    They are folded away, so they make no column wider.
    """
    block, cell_index, table_set = here.block, here.cell_index, here.block.table_set
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
