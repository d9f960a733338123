"""The input cells of a workbook: where each stands, what it held, and what the spec calls it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from flopsheet.catalog import RUNS, Input
from flopsheet.catalog.entries import YES
from flopsheet.catalog.grains import Grain
from flopsheet.formula import to_excel
from flopsheet.formula.nodes import Aggregate
from flopsheet.formula.unparse import to_text
from flopsheet.numerics import EXACT
from flopsheet.spec import InputValue
from flopsheet.spec.entries import NONE, SECONDS, SECONDS_INPUT
from flopsheet.spec.runs import MEASURED
from flopsheet.spec.schema import data_model
from flopsheet.workbook import arrange
from flopsheet.workbook.layout.cells import TableSet, TableSetName
from flopsheet.workbook.model.references import CellRef
from flopsheet.workbook.sheets import inputs
from flopsheet.workbook.sheets.input_refs import InputRefs
from flopsheet.yamlio.source import Data, Path

Key = tuple[TableSetName, str, int]  # table set, input, row of its table
Plain = bool | int | float | str


@dataclass(frozen=True)
class InputCell:
    """One input cell; `path` is where a spec would say its value."""

    table_set: TableSet
    entry: Input
    at: int
    cell_ref: CellRef
    was: CellRef
    """Where the workbook itself says what the cell held when it was built."""
    given: InputValue
    path: Path
    choices: tuple[int | str, ...]
    is_derived: bool
    formula: str

    @property
    def key(self) -> Key:
        return self.table_set.name, self.entry.name, self.at

    @property
    def address(self) -> str:
        """Where it stands, as a message says it: `Inputs!F9`."""
        return f"{self.cell_ref.sheet}!{self.cell_ref.address}"

    @property
    def grain(self) -> Grain:
        return self.entry.grain

    @property
    def is_number(self) -> bool:
        return self.entry.is_number

    @cached_property
    def built(self) -> Plain:
        """What it held, as a spec says it."""
        return plain(self.entry, self.given)


def plain(entry: Input, given: InputValue) -> Plain:
    """A value as a spec says it: expressions as their text, flags as truth values, whole numbers without a point."""
    if given.ast is not None and not isinstance(given.ast, Aggregate):
        return to_text(given.ast)
    if entry.is_flag:
        return given.value == YES
    if entry.absent and given.value == entry.absent:
        return NONE
    if isinstance(given.value, str):
        return next((choice for choice in entry.choices if str(choice) == given.value), given.value)
    return int(given.value) if given.value == int(given.value) and abs(given.value) < EXACT else float(given.value)


def list_input_cells(laid: arrange.WorkbookLayout, data: Data) -> Iterator[InputCell]:
    """All input cells of a spec that says `data`, in the order of the sheet."""
    for row in laid.inputs.rows:
        table_set = row.table_set
        table = table_set.table(row.entry.grain)
        choices = row.entry.choices
        if row.entry.chooses:
            choices = tuple(str(key[0]) for key in laid.inputs.table_set.table(row.entry.chooses).keys)
        for at, cell_ref in enumerate(row.live):
            given = table.given[row.entry.name][at]
            formula = to_excel(given.ast, InputRefs(table_set, laid.cell_index, table, at)) if given.ast else ""
            is_derived = inputs.is_derived(row.entry, given, table_set, at)
            yield InputCell(
                table_set,
                row.entry,
                at,
                cell_ref,
                row.built[at],
                given,
                _path(table_set, row.entry, at, data),
                choices,
                is_derived,
                formula,
            )


def _path(table_set: TableSet, entry: Input, at: int, data: Data) -> Path:
    """Where a spec says an input of one row."""
    table = table_set.table(entry.grain)
    if table_set.name in RUNS:
        run = str(table.keys[at][0])
        name = "model" if entry.name == "run_model" else entry.name
        if run in (data.get(MEASURED) or {}):
            return (MEASURED, run, SECONDS if name == SECONDS_INPUT else name)
        return (table_set.name, run, name)
    match entry.grain:
        case "study":
            return ("conventions", entry.name) if entry in data_model.conventions() else (entry.name,)
        case "context":
            return ("context_lengths", at)
        case "model":
            return ("models", str(table.keys[at][0]), entry.name)
        case "layer_group":
            model = table.above["model"][at]
            siblings = table_set.children["layer_group", "model"][model]
            name = str(table_set.table("model").keys[model][0])
            if len(siblings) == 1 and not table.keys[at][1]:
                return ("models", name, entry.name)
            key = "n_layers" if entry.name == "n_group_layers" else entry.name
            return ("models", name, "layers", siblings.index(at), key)
    return (entry.grain, str(table.keys[at][0]), entry.name)
