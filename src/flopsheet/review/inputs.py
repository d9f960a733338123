"""What reviewers typed into Inputs: every input as it is now, with its expression where it has one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import field

from flopsheet import diagnostics, quantities
from flopsheet.catalog import RUNS
from flopsheet.catalog.entries import Scalar
from flopsheet.diagnostics import Problem
from flopsheet.formula import Node, evaluate, names
from flopsheet.numerics import STORED
from flopsheet.records import frozen
from flopsheet.review.expressions import Translator
from flopsheet.review.input_cells import InputCell, Key, Plain, list_input_cells, plain
from flopsheet.review.rebuild import Returned
from flopsheet.review.xlsx.cells import Stored, Value
from flopsheet.review.xlsx.formula_text import normalize_formula
from flopsheet.spec import InputValue
from flopsheet.spec.entries import NONE
from flopsheet.yamlio.source import Data, Path, spell

NUMERAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
GROUPED = 10_000  # from here on
YES = {"yes", "true", "1", "wahr", "vrai", "verdadero", "vero"}
NO = {"no", "false", "0", "falsch", "faux", "falso"}


@frozen
class Change:
    """An input that the workbook says otherwise than the spec."""

    input_cell: InputCell
    now: Plain

    @property
    def path(self) -> str:
        return spell(self.input_cell.path)

    def __str__(self) -> str:
        return f"{self.path}: {format_input(self.input_cell.built)} → {format_input(self.now)}"


def format_input(value: Plain) -> str:
    """A value for a message, on one line: as in YAML, but with the digits of large whole numbers in groups."""
    match value:
        case bool():
            return str(value).lower()
        case int() if abs(value) >= GROUPED:
            return f"{value:,}"
    return diagnostics.shown(str(value), 200)


@frozen
class InputReading:
    """Every input by its key; what changed; what cannot be understood; what a person should know.

    `unsayable` are edits that are understood, but for which a spec has no place.
    """

    input_cells: dict[Key, InputCell]
    givens: dict[Key, InputValue] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unsayable: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_inputs(returned: Returned) -> InputReading:
    """All inputs of a workbook that came back."""
    return _Reader(returned).read()


class _Reader:
    def __init__(self, returned: Returned) -> None:
        self.returned = returned
        assert isinstance(returned.text.data, dict)
        self.data = returned.text.data
        listed = list_input_cells(returned.layout, self.data)
        input_cells = {input_cell.key: input_cell for input_cell in listed}
        self.reading = InputReading(input_cells)
        self.translator = Translator(input_cells)
        self.constants: dict[Key, Scalar] = {}
        self.nodes: dict[Key, Node] = {}
        self.known: dict[Key, Scalar] = {}
        self.pending: set[Key] = set()

    def read(self) -> InputReading:
        for input_cell in self.reading.input_cells.values():
            self.take(input_cell, self.returned.stored(input_cell.cell_ref))
        for input_cell in self.reading.input_cells.values():
            self.settle(input_cell)
        return self.reading

    def report(self, input_cell: InputCell, finding: diagnostics.Finding) -> None:
        self.reading.problems.append(diagnostics.in_cell(input_cell.address, spell(input_cell.path), finding))

    def keep(self, input_cell: InputCell) -> None:
        """The cell counts as it was built."""
        if input_cell.given.ast is not None:
            self.nodes[input_cell.key] = input_cell.given.ast
        else:
            self.constants[input_cell.key] = input_cell.given.value

    def take(self, input_cell: InputCell, stored: Stored) -> None:
        """What one cell says, before anything is computed."""
        if stored.formula and input_cell.formula and self.is_kept(input_cell, stored):
            self.keep(input_cell)
        elif input_cell.is_derived:
            if stored.formula or not self.holds(input_cell, stored, input_cell.given.value):
                self.report(input_cell, diagnostics.derived_cell(self.words(stored)))
            self.keep(input_cell)
        elif stored.is_error:
            self.report(input_cell, diagnostics.error_in_cell(str(stored.value), format_input(input_cell.built)))
            self.keep(input_cell)
        elif stored.formula:
            self.take_formula(input_cell, stored)
        else:
            self.take_value(input_cell, stored)

    def words(self, stored: Stored) -> str:
        return (
            f"'={stored.formula}'"
            if stored.formula
            else "nothing"
            if stored.value is None
            else f"'{_word(stored.value)}'"
        )

    def is_kept(self, input_cell: InputCell, stored: Stored) -> bool:
        """Whether a formula is the one that was built, however a program spells it."""
        sheet = input_cell.cell_ref.sheet
        if normalize_formula(stored.formula, sheet) == normalize_formula(input_cell.formula, sheet):
            return True
        return normalize_formula(stored.formula, sheet, brackets=False) == normalize_formula(
            input_cell.formula, sheet, brackets=False
        ) and (stored.value is None or self.holds(input_cell, stored, input_cell.given.value))

    def is_as_built(self, input_cell: InputCell) -> bool:
        """Whether another build wrote what a cell holds, since constants of the catalogue may have changed."""
        was = self.returned.stored(input_cell.was)
        return not self.returned.is_ours and was.value is not None and was == self.returned.stored(input_cell.cell_ref)

    def holds(self, input_cell: InputCell, stored: Stored, value: Scalar) -> bool:
        return same(_scalar(input_cell, stored)[0], value)

    def take_formula(self, input_cell: InputCell, stored: Stored) -> None:
        """A formula of the reviewer's own: an expression of inputs beside it, or else only its value counts."""
        translated = self.translator.translate(input_cell, stored.formula)
        if translated is not None:
            self.nodes[input_cell.key] = translated
            return
        if stored.value is None:
            self.report(input_cell, diagnostics.formula_without_value(stored.formula))
            self.keep(input_cell)
            return
        self.take_value(input_cell, stored)
        if input_cell.key in self.constants:
            value = format_input(plain(input_cell.entry, InputValue(self.constants[input_cell.key])))
            self.reading.notes.append(diagnostics.formula_as_value(input_cell.address, stored.formula, value))

    def take_value(self, input_cell: InputCell, stored: Stored) -> None:
        value, finding = _scalar(input_cell, stored)
        if value is None:
            assert finding is not None
            self.report(input_cell, finding)
            self.keep(input_cell)
        else:
            self.constants[input_cell.key] = value
            if input_cell.is_number and isinstance(stored.value, str) and not isinstance(value, str):
                number = (
                    ""
                    if NUMERAL.fullmatch(_trimmed(stored.value))
                    else format_input(plain(input_cell.entry, InputValue(value)))
                )
                self.reading.notes.append(diagnostics.number_as_text(input_cell.address, stored.value, number))
            elif not input_cell.is_number and not _is_choice_of_cell(stored.value, value):
                note = diagnostics.choice_counts_as(input_cell.address, _word(stored.value), _word(value))
                self.reading.notes.append(note)

    # Values ----------------------------------------------------------------------------------------------------------

    def now(self, key: Key) -> Scalar:
        """The value of an input as the workbook computes it; not a number where it has none."""
        if key in self.constants:
            return self.constants[key]
        if key not in self.known:
            if key in self.pending:
                return math.nan  # a circle
            self.pending.add(key)
            self.known[key] = self.compute(self.nodes[key], key)
            self.pending.discard(key)
        return self.known[key]

    def compute(self, node: Node, key: Key) -> Scalar:
        table_set, _, at = key
        input_cell = self.reading.input_cells[key]
        table = input_cell.table_set.table(input_cell.grain)

        def value_of(read: str) -> Scalar:
            above = (
                None
                if input_cell.table_set.grain(read) == input_cell.grain
                else table.above.get(input_cell.table_set.grain(read))
            )
            return self.now((table_set, read, at if above is None else above[at]))

        def gathered(function: str, read: tuple[str, ...]) -> float:
            if function != "sum":
                raise LookupError(f"{function}(…) in an input")
            rows = input_cell.table_set.children["layer_group", input_cell.grain][at]
            return math.fsum(float(self.now((table_set, read[0], row))) for row in rows)

        try:
            found = evaluate(node, value_of, gathered)
            if input_cell.entry.follows:
                return str(found)
            value = input_cell.entry.number(float(found))
        except (ArithmeticError, TypeError, ValueError):
            return math.nan
        return value if math.isfinite(value) else math.nan

    def settle(self, input_cell: InputCell) -> None:
        """Whether an input is as it was built, now that everything has its value."""
        key, built = input_cell.key, input_cell.given
        value = self.now(key)
        node = self.nodes.get(key)
        if node is not None and node is not built.ast and isinstance(value, float) and math.isnan(value):
            self.report(input_cell, diagnostics.no_value_in_cell(self.returned.stored(input_cell.cell_ref).formula))
            node = self.nodes[key] = built.ast or node
            value = self.known[key] = built.value
        if node is built.ast and (node is not None or same(value, built.value)):
            self.reading.givens[key] = InputValue(value, node)
        elif built.ast is not None and same(value, self.compute(built.ast, key)):
            self.reading.givens[key] = InputValue(value, built.ast)
        else:
            given = InputValue(value, node if node is not None and names(node) else None)
            now = plain(input_cell.entry, given)
            self.reading.givens[key] = given
            if given.ast is None and (self.is_as_built(input_cell) or (built.ast is None and same(value, built.value))):
                return
            self.reading.changes.append(Change(input_cell, now))
            if is_variant(self.data, input_cell.path):
                kind = "model" if input_cell.path[0] == "models" else "run"
                finding = diagnostics.variant_of_a_sweep(str(input_cell.path[1]), kind)
                path = spell(input_cell.path)
                self.reading.unsayable.append(diagnostics.in_cell(input_cell.address, path, finding))


def is_variant(data: Data, path: Path) -> bool:
    """Whether an input belongs to a variant of a sweep, which stands in no spec by itself."""
    return path[0] in {"models", *RUNS} and path[1] not in data[str(path[0])]


def same(one: Scalar | None, other: Scalar) -> bool:
    """Whether two values are equal as far as a program stores them."""
    if one is None or isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(one - other) <= STORED * abs(other)


def _scalar(input_cell: InputCell, stored: Stored) -> tuple[Scalar | None, diagnostics.Finding | None]:
    """The value of a cell as its input understands it, or why it has none."""
    value, entry, built = stored.value, input_cell.entry, format_input(input_cell.built)
    text = _trimmed(value) if isinstance(value, str) else ""
    if entry.absent and (value is None or (isinstance(value, str) and text.casefold() in {"", NONE, entry.absent})):
        return entry.absent, None
    if value is None or (isinstance(value, str) and not text):
        return None, diagnostics.empty_cell(built)
    if entry.is_flag:
        word = text.casefold() if text else f"{float(value):g}"
        return ("yes", None) if word in YES else ("no", None) if word in NO else _no_choice(word, entry.choices)
    if not entry.is_number:
        word = text or (f"{float(value):.15g}" if not isinstance(value, bool) else str(value))
        found = next((choice for choice in input_cell.choices if str(choice).casefold() == word.casefold()), None)
        return (
            (str(found), None)
            if isinstance(found, str)
            else ((float(found), None) if found is not None else _no_choice(word, input_cell.choices))
        )
    if text and not NUMERAL.fullmatch(text):
        quantity = quantities.read_quantity(text, entry.unit)  # 600B, as in a spec
        return (float(quantity), None) if quantity is not None else (None, diagnostics.text_for_number(text, built))
    if isinstance(value, bool):
        return None, diagnostics.text_for_number(str(value).upper(), built)
    number = float(text or value)
    return (entry.number(number), None) if math.isfinite(number) else (None, diagnostics.text_for_number(text, built))


def _trimmed(text: str) -> str:
    return " ".join(text.replace("\xa0", " ").split())


def _is_choice_of_cell(held: Value, choice: Scalar) -> bool:
    """Whether a formula takes what a cell holds for a choice: programs compare texts without case, but with blanks."""
    if isinstance(held, str) and isinstance(choice, str):
        return held.casefold() == choice.casefold()
    return type(held) is type(choice) and held == choice


def _word(value: Value) -> str:
    """What a cell holds, as it shows it."""
    return (
        f"{value:.15g}" if isinstance(value, float) else str(value).upper() if isinstance(value, bool) else str(value)
    )


def _no_choice(word: str, choices: Sequence[int | str]) -> tuple[None, diagnostics.Finding]:
    return None, diagnostics.no_choice_in_cell(word, diagnostics.quoted(choices))
