"""What reviewers typed into Inputs: every input as it is now, with its expression where it has one."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flopsheet import diagnostics
from flopsheet.catalog import RUNS
from flopsheet.diagnostics import Problem
from flopsheet.formula import Node, evaluate, names
from flopsheet.review.expressions import Translator
from flopsheet.review.input_cells import Key, Plain, Slot, every_slot, plain
from flopsheet.review.rebuild import Returned
from flopsheet.review.xlsx.cells import Stored
from flopsheet.review.xlsx.formula_text import meaning
from flopsheet.spec import Given
from flopsheet.spec.entries import NONE
from flopsheet.workbook.model.sheet import Scalar
from flopsheet.yamlio.source import Path, spell

TOLERANCE = 1e-9  # a spreadsheet program stores 15 digits
NUMERAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
YES = {"yes", "true", "1", "wahr", "vrai", "verdadero", "vero"}
NO = {"no", "false", "0", "falsch", "faux", "falso"}


@dataclass(frozen=True)
class Change:
    """An input that the workbook says otherwise than the spec."""

    slot: Slot
    now: Plain

    @property
    def path(self) -> str:
        return spell(self.slot.path)

    def __str__(self) -> str:
        return f"{self.path}: {shown(self.slot.built)} → {shown(self.now)}"


def shown(value: Plain) -> str:
    """A value as YAML would have it, on one line."""
    return str(value).lower() if isinstance(value, bool) else diagnostics.shown(str(value), 200)


@dataclass
class Typed:
    """Every input by its key; what changed; what cannot be understood; what a person should know."""

    slots: dict[Key, Slot]
    givens: dict[Key, Given] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_inputs(returned: Returned) -> Typed:
    """All inputs of a workbook that came back."""
    return _Reader(returned).read()


class _Reader:
    def __init__(self, returned: Returned) -> None:
        self.returned = returned
        slots = {slot.key: slot for slot in every_slot(returned.layout)}
        self.typed = Typed(slots)
        assert isinstance(returned.text.data, dict)
        self.data = returned.text.data
        self.translator = Translator(slots)
        self.constants: dict[Key, Scalar] = {}
        self.nodes: dict[Key, Node] = {}
        self.known: dict[Key, Scalar] = {}
        self.pending: set[Key] = set()

    def read(self) -> Typed:
        for slot in self.typed.slots.values():
            self.take(slot, self.returned.stored(slot.spot))
        for slot in self.typed.slots.values():
            self.settle(slot)
        return self.typed

    def blame(self, slot: Slot, finding: diagnostics.Finding) -> None:
        self.typed.problems.append(diagnostics.in_cell(slot.address, spell(slot.path), finding))

    def keep(self, slot: Slot) -> None:
        """The cell counts as it was built."""
        if slot.given.node is not None:
            self.nodes[slot.key] = slot.given.node
        else:
            self.constants[slot.key] = slot.given.value

    def take(self, slot: Slot, stored: Stored) -> None:
        """What one cell says, before anything is computed."""
        if stored.formula and slot.formula and self.is_kept(slot, stored):
            self.keep(slot)
        elif slot.is_derived:
            if stored.formula or not self.holds(slot, stored, slot.given.value):
                self.blame(slot, diagnostics.derived_cell(self.words(stored)))
            self.keep(slot)
        elif stored.is_error:
            self.blame(slot, diagnostics.error_in_cell(str(stored.value), shown(slot.built)))
            self.keep(slot)
        elif stored.formula:
            self.take_formula(slot, stored)
        else:
            self.take_value(slot, stored)

    def words(self, stored: Stored) -> str:
        return f"'={stored.formula}'" if stored.formula else "nothing" if stored.value is None else f"'{stored.value}'"

    def is_kept(self, slot: Slot, stored: Stored) -> bool:
        """Whether a formula is the one that was built, however a program spells it."""
        sheet = slot.spot.sheet
        if meaning(stored.formula, sheet) == meaning(slot.formula, sheet):
            return True
        return meaning(stored.formula, sheet, brackets=False) == meaning(slot.formula, sheet, brackets=False) and (
            stored.value is None or self.holds(slot, stored, slot.given.value)
        )

    def holds(self, slot: Slot, stored: Stored, value: Scalar) -> bool:
        return same(_scalar(slot, stored)[0], value)

    def take_formula(self, slot: Slot, stored: Stored) -> None:
        """A formula of the reviewer's own: an expression of inputs beside it, or else only its value counts."""
        translated = self.translator.translate(slot, stored.formula)
        if translated is not None:
            self.nodes[slot.key] = translated
            return
        if stored.value is None:
            self.blame(slot, diagnostics.formula_without_value(stored.formula))
            self.keep(slot)
            return
        self.take_value(slot, stored)
        if slot.key in self.constants:
            value = shown(plain(slot.entry, Given(self.constants[slot.key])))
            self.typed.notes.append(diagnostics.formula_as_value(slot.address, stored.formula, value))

    def take_value(self, slot: Slot, stored: Stored) -> None:
        value, finding = _scalar(slot, stored)
        if value is None:
            assert finding is not None
            self.blame(slot, finding)
            self.keep(slot)
        else:
            self.constants[slot.key] = value
            if slot.is_number and isinstance(stored.value, str) and not isinstance(value, str):
                self.typed.notes.append(diagnostics.number_as_text(slot.address, stored.value))

    # Values ----------------------------------------------------------------------------------------------------------

    def now(self, key: Key) -> Scalar:
        """The value of an input as the workbook computes it; not a number where it has none."""
        if key in self.constants:
            return self.constants[key]
        if key not in self.known:
            if key in self.pending:
                return math.nan  # a circle
            self.pending.add(key)
            self.known[key] = self.computed(self.nodes[key], key)
            self.pending.discard(key)
        return self.known[key]

    def computed(self, node: Node, key: Key) -> Scalar:
        world, _, at = key
        slot = self.typed.slots[key]
        table = slot.world.table(slot.grain)

        def value_of(read: str) -> Scalar:
            above = None if slot.world.grain(read) == slot.grain else table.above.get(slot.world.grain(read))
            return self.now((world, read, at if above is None else above[at]))

        def gathered(_: str, read: tuple[str, ...]) -> float:
            rows = slot.world.children["layer_group", slot.grain][at]
            return sum(float(self.now((world, read[0], row))) for row in rows)

        try:
            value = float(evaluate(node, value_of, gathered)) + 0.0
        except (ArithmeticError, TypeError, ValueError):
            return math.nan
        return value if math.isfinite(value) else math.nan

    def settle(self, slot: Slot) -> None:
        """Whether an input is as it was built, now that everything has its value."""
        key, built = slot.key, slot.given
        value = self.now(key)
        node = self.nodes.get(key)
        if node is not None and node is not built.node and isinstance(value, float) and math.isnan(value):
            self.blame(slot, diagnostics.no_value_in_cell(self.returned.stored(slot.spot).formula))
            node = self.nodes[key] = built.node or node
            value = self.known[key] = built.value
        if node is built.node and (node is not None or same(value, built.value)):
            self.typed.givens[key] = Given(value, node)
        elif built.node is not None and same(value, self.computed(built.node, key)):
            self.typed.givens[key] = Given(value, built.node)
        else:
            given = Given(value, node if node is not None and names(node) else None)
            now = plain(slot.entry, given)
            self.typed.givens[key] = given
            if given.node is None and built.node is None and same(value, built.value):
                return
            self.typed.changes.append(Change(slot, now))
            if is_variant(self.data, slot.path):
                self.blame(slot, diagnostics.variant_of_a_sweep(str(slot.path[1])))


def is_variant(data: Mapping[str, Any], path: Path) -> bool:
    """Whether an input belongs to a variant of a sweep, which stands in no spec by itself."""
    return path[0] in {"models", *RUNS} and path[1] not in data[str(path[0])]


def same(one: Scalar | None, other: Scalar) -> bool:
    """Whether two values are equal as far as a program stores them."""
    if one is None or isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(one - other) <= TOLERANCE * abs(other)


def _scalar(slot: Slot, stored: Stored) -> tuple[Scalar | None, diagnostics.Finding | None]:
    """The value of a cell as its input understands it, or why it has none."""
    value, entry, built = stored.value, slot.entry, shown(slot.built)
    text = " ".join(str(value).replace("\xa0", " ").split()) if isinstance(value, str) else ""
    if entry.absent and (value is None or (isinstance(value, str) and text.casefold() in {"", NONE, entry.absent})):
        return entry.absent, None
    if value is None or (isinstance(value, str) and not text):
        return None, diagnostics.empty_cell(built)
    if entry.is_flag:
        word = text.casefold() if text else f"{float(value):g}"
        return ("yes", None) if word in YES else ("no", None) if word in NO else _no_choice(word, entry.choices)
    if not entry.is_number:
        word = text or (f"{float(value):.15g}" if not isinstance(value, bool) else str(value))
        found = next((choice for choice in slot.choices if str(choice).casefold() == word.casefold()), None)
        return (
            (str(found), None)
            if isinstance(found, str)
            else ((float(found), None) if found is not None else _no_choice(word, slot.choices))
        )
    if text and not NUMERAL.fullmatch(text):
        return None, diagnostics.text_for_number(text, built)
    if isinstance(value, bool):
        return None, diagnostics.text_for_number(str(value).upper(), built)
    number = float(text or value)
    return (number + 0.0, None) if math.isfinite(number) else (None, diagnostics.text_for_number(text, built))


def _no_choice(word: str, choices: Sequence[int | str]) -> tuple[None, diagnostics.Finding]:
    return None, diagnostics.no_choice_in_cell(word, diagnostics.quoted(choices))
