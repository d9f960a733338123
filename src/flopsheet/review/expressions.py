"""A reviewer's own formula in an input cell → an expression that a spec can say, where it is plain arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog import RUNS
from flopsheet.diagnostics import FormulaError
from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import Aggregate
from flopsheet.review.input_cells import Key, Slot
from flopsheet.review.xlsx.formula_text import pieces

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

    def __init__(self, slots: Mapping[Key, Slot]) -> None:
        self.by_address = {(slot.spot.sheet, slot.spot.address): slot for slot in slots.values()}

    def translate(self, slot: Slot, formula: str) -> Node | None:
        """The formula as nodes; None where a spec cannot say it."""
        if formula.count("^") > 1 or not slot.is_number:
            return None  # a spreadsheet reads 2^3^2 from the left
        found: list[str] = []
        for kind, text in pieces(formula):
            if kind == "cell":
                read = self.by_address.get((slot.spot.sheet, text.replace("$", "").upper()))
                if read is None or not _can_read(slot, read):
                    return None
                found.append(read.entry.name)
            elif kind == "name" and text.upper() in FUNCTIONS:
                found.append(FUNCTIONS[text.upper()])
            elif kind == "sheet" and text.strip("'!").casefold() == slot.spot.sheet.casefold():
                continue
            elif kind == "number" or (kind == "sign" and text in SIGNS):
                found.append(text)
            else:
                return None
        try:
            return parse(" ".join(found))
        except FormulaError:
            return None


def _can_read(slot: Slot, read: Slot) -> bool:
    """Whether an expression of one input can read another: of the same model, layer group or run, and a number."""
    if not read.is_number or read.key == slot.key or read.world.name != slot.world.name:
        return False
    if slot.world.name in RUNS:
        return read.at == slot.at
    if isinstance(read.given.node, Aggregate) or read.grain not in READABLE.get(slot.grain, ()):
        return False
    table = slot.world.table(slot.grain)
    at = slot.at if read.grain == slot.grain else table.above[read.grain][slot.at]
    return read.at == at
