"""A reviewer's own formula in an input cell → an expression that a spec can say, where it is plain arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog import RUNS
from flopsheet.diagnostics import FormulaError
from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import Aggregate
from flopsheet.review.input_cells import InputCell, Key
from flopsheet.review.xlsx.formula_text import tokenize

FUNCTIONS = {"MIN": "min", "MAX": "max", "ABS": "abs"}
SIGNS = set("+-*/^(),")
# Grain of the input -> the grains whose inputs its expression can read in a spec.
READABLE = {
    "layer_group": {"layer_group", "model"},
    "model": {"model"},
    "study": {"study"},
    "hardware": {"hardware"},
}


class Translator:
    """Knows which input stands in which cell."""

    def __init__(self, input_cells: Mapping[Key, InputCell]) -> None:
        self.by_address = {
            (input_cell.cell_ref.sheet, input_cell.cell_ref.address): input_cell for input_cell in input_cells.values()
        }

    def translate(self, input_cell: InputCell, formula: str) -> Node | None:
        """The formula as nodes; None where a spec cannot say it."""
        if formula.count("^") > 1 or not input_cell.is_number:
            return None  # a spreadsheet reads 2^3^2 from the left
        found: list[str] = []
        for kind, text in tokenize(formula):
            if kind == "cell":
                read = self.by_address.get((input_cell.cell_ref.sheet, text.replace("$", "").upper()))
                if read is None or not _can_read(input_cell, read):
                    return None
                found.append(read.entry.name)
            elif kind == "name" and text.upper() in FUNCTIONS:
                found.append(FUNCTIONS[text.upper()])
            elif kind == "sheet" and text.strip("'!").casefold() == input_cell.cell_ref.sheet.casefold():
                continue
            elif kind == "number" or (kind == "sign" and text in SIGNS):
                found.append(text)
            else:
                return None
        try:
            return parse(" ".join(found))
        except FormulaError:
            return None


def _can_read(input_cell: InputCell, read: InputCell) -> bool:
    """Whether an expression of one input can read another: of the same model, layer group or run, and a number."""
    if not read.is_number or read.key == input_cell.key or read.table_set.name != input_cell.table_set.name:
        return False
    if input_cell.table_set.name in RUNS:
        return read.at == input_cell.at
    if isinstance(read.given.ast, Aggregate) or read.grain not in READABLE.get(input_cell.grain, ()):
        return False
    table = input_cell.table_set.table(input_cell.grain)
    at = input_cell.at if read.grain == input_cell.grain else table.above[read.grain][input_cell.at]
    return read.at == at
