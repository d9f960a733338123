"""The input cells of a workbook: where each stands, what it held, and what the spec calls it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from flopsheet.catalog import RUNS, Input
from flopsheet.formula import to_excel
from flopsheet.formula.nodes import Aggregate
from flopsheet.formula.unparse import to_text
from flopsheet.spec import Given
from flopsheet.spec.entries import NONE
from flopsheet.spec.schema import data_model
from flopsheet.workbook.layout import arrange
from flopsheet.workbook.layout.cells import Spot, World
from flopsheet.workbook.sheets import inputs

Key = tuple[str, str, int]  # world, input, row of its table
Path = tuple[str | int, ...]
Plain = bool | int | float | str


@dataclass(frozen=True)
class Slot:
    """One input cell; `path` is where a spec would say its value."""

    world: World
    entry: Input
    at: int
    spot: Spot
    given: Given
    path: Path
    choices: tuple[int | str, ...]
    is_derived: bool
    formula: str

    @property
    def key(self) -> Key:
        return self.world.name, self.entry.name, self.at

    @property
    def address(self) -> str:
        """Where it stands, as a message says it: `Inputs!F9`."""
        return f"{self.spot.sheet}!{self.spot.address}"

    @property
    def grain(self) -> str:
        return self.entry.grain

    @property
    def is_number(self) -> bool:
        return self.entry.is_number

    @cached_property
    def built(self) -> Plain:
        """What it held, as a spec says it."""
        return plain(self.entry, self.given)


def plain(entry: Input, given: Given) -> Plain:
    """A value as a spec says it: expressions as their text, flags as truth values, whole numbers without a point."""
    if given.node is not None and not isinstance(given.node, Aggregate):
        return to_text(given.node)
    if entry.is_flag:
        return given.value == "yes"
    if entry.absent and given.value == entry.absent:
        return NONE
    if isinstance(given.value, str):
        return next((choice for choice in entry.choices if str(choice) == given.value), given.value)
    return int(given.value) if given.value == int(given.value) and abs(given.value) < 2**53 else float(given.value)


def every_slot(laid: arrange.Layout) -> Iterator[Slot]:
    """All input cells, in the order of the sheet."""
    for row in laid.inputs.rows:
        world = row.world
        table = world.table(row.entry.grain)
        choices = row.entry.choices
        if row.entry.chooses:
            choices = tuple(str(key[0]) for key in laid.inputs.world.table(row.entry.chooses).keys)
        for at, spot in enumerate(row.live):
            given = table.given[row.entry.name][at]
            formula = to_excel(given.node, inputs.Beside(world, laid.homes, table, at)) if given.node else ""
            is_derived = inputs.is_derived(row.entry, given, world, at)
            yield Slot(world, row.entry, at, spot, given, _path(world, row.entry, at), choices, is_derived, formula)


def _path(world: World, entry: Input, at: int) -> Path:
    """Where a spec says an input of one row."""
    table = world.table(entry.grain)
    if world.name in RUNS:
        return (world.name, str(table.keys[at][0]), "model" if entry.name == "run_model" else entry.name)
    match entry.grain:
        case "study":
            return ("conventions", entry.name) if entry in data_model.conventions() else (entry.name,)
        case "context":
            return ("context_lengths", at)
        case "model":
            return ("models", str(table.keys[at][0]), entry.name)
        case "layer_group":
            model = table.above["model"][at]
            siblings = world.children["layer_group", "model"][model]
            name = str(world.table("model").keys[model][0])
            if len(siblings) == 1 and not table.keys[at][1]:
                return ("models", name, entry.name)
            key = "n_layers" if entry.name == "n_group_layers" else entry.name
            return ("models", name, "layers", siblings.index(at), key)
    return (entry.grain, str(table.keys[at][0]), entry.name)
