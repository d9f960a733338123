"""What an expression in a cell of Inputs refers to: the inputs beside it."""

from __future__ import annotations

from math import fsum

from flopsheet.catalog.entries import Scalar
from flopsheet.pipeline.tables import Table
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.model.references import span


class InputRefs:
    """What an expression in an input cell reads: inputs of the same model or run, in its own columns."""

    def __init__(self, table_set: TableSet, cell_index: CellIndex, table: Table, row: int) -> None:
        self.table_set, self.cell_index, self.table, self.row = table_set, cell_index, table, row

    def at(self, name: str) -> int:
        """The row of a name in its own table; the tables of a run have one row each for it."""
        above = self.table.above.get(self.table_set.grain(name))
        return self.row if above is None else above[self.row]

    def cell(self, name: str) -> str:
        return self.cell_index.of(self.table_set, name)[self.at(name)].address

    def range(self, name: str) -> str:
        cell_refs = self.cell_index.of(self.table_set, name)
        return span(
            [cell_refs[at] for at in self.table_set.children["layer_group", "model"][self.row]], cell_refs[0].sheet
        )

    def first(self, name: str) -> str:
        raise AssertionError("an input gathers sums only")

    def pick(self, pick: str, key: str, name: str) -> str:
        raise AssertionError("an input gathers sums only")

    def value(self, name: str) -> Scalar:
        """What the cell of a name holds."""
        return self.table_set.value(name, self.at(name))

    def sum(self, name: str) -> float:
        """The sum over the layer groups of a model."""
        rows = self.table_set.children["layer_group", "model"][self.row]
        return fsum(float(self.table_set.value(name, row)) for row in rows)
