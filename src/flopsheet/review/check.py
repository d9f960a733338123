"""A workbook's stored values against pandas: its inputs are pulled, everything is computed anew, cell by cell."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from flopsheet import diagnostics
from flopsheet.catalog.entries import Scalar
from flopsheet.diagnostics import FileError, Problem
from flopsheet.numerics import STORED, STORED_PLACES
from flopsheet.review.consequences import find_consequences
from flopsheet.review.inputs import format_input
from flopsheet.review.moved import Moved, find_moved, find_rows
from flopsheet.review.pull import Pulled
from flopsheet.review.xlsx.cells import BLANK, Cells, Stored
from flopsheet.review.xlsx.formula_text import normalize_formula
from flopsheet.workbook import plan
from flopsheet.workbook.model.references import LABEL, CellRef
from flopsheet.workbook.model.sheet import Cell, Sheet
from flopsheet.workbook.sheets import compare, context

LONG_DECIMAL = re.compile(r"\d+\.\d{16,}")

Kind: TypeAlias = Literal["value", "typed over", "formula", "moved"]


@dataclass(frozen=True)
class Disagreement:
    """A formula cell that does not hold what pandas computes, or no longer the formula that was built."""

    address: str
    name: str
    found: str
    wanted: str
    kind: Kind
    follows: bool = False
    """Whether it is a value that follows from cells whose formula was replaced."""

    def __str__(self) -> str:
        about = f"{self.address} ({self.name})" if self.name else self.address
        match self.kind:
            case "moved":
                return (
                    f"{about} should hold {self.wanted} and holds {self.found}: rows or columns of the sheet were "
                    "inserted, removed or sorted, and none of its formula cells was compared"
                )
            case "typed over":
                return f"{about}: {self.found} is typed over the formula {self.wanted}"
            case "formula":
                return f"{about}: the formula is {self.found}, it was {self.wanted}"
        return f"{about}: {self.found} is stored, {self.wanted} is right"


@dataclass(frozen=True)
class Checked:
    """How many formula cells were compared, how many of them hold no value, and those that disagree.

    `skipped` stand on sheets on which rows or columns were moved, or another build of flopsheet has none like them.
    """

    count: int
    missing: int
    disagreements: tuple[Disagreement, ...]
    skipped: int = 0
    is_stale: bool = False
    """Whether inputs differ from the spec and the values are still those without the edits."""
    failing_checks: str = ""
    """What the workbook must say where checks of its own fail."""
    rewritten: int = 0
    """How many formulas another build of flopsheet wrote differently."""


def check_workbook(pulled: Pulled) -> Checked:
    """Every formula cell of a workbook compared with pandas.

    FlopsheetError where its inputs cannot be read or have no results, or where no value is stored.
    """
    if pulled.reading.problems:
        raise diagnostics.SpecError(pulled.reading.problems)
    unsettled = [
        input_cell
        for key, input_cell in pulled.reading.input_cells.items()
        if _is_nan(pulled.reading.givens[key].value)
    ]
    if unsettled:
        input_cell = unsettled[0]
        raise diagnostics.SpecError(diagnostics.no_value_with_edits(input_cell.entry.name, input_cell.address))
    returned = pulled.returned
    choice, unreadable = _read_choice(pulled)
    draft = plan.draft_workbook(replace(pulled.report.study, choice=choice), returned.built.study)
    expressions = {
        input_cell.cell_ref for input_cell in pulled.reading.input_cells.values() if not input_cell.is_derived
    }
    compared = _Comparison(expressions) if returned.is_ours else _ComparisonByName(expressions)
    for sheet in draft.sheets:
        has_it = returned.is_ours or sheet.title in returned.book.parts
        compared.add(sheet, returned.book.cells(sheet.title) if has_it else {})
    if unreadable and returned.is_ours and compared.moved.keys().isdisjoint({context.SHEET, compare.SHEET}):
        raise unreadable
    if compared.count and compared.missing == compared.count:
        raise FileError(diagnostics.no_stored_values(returned.source, compared.missing, compared.count))
    failing = draft.verdict.words if draft.verdict.has_failures else ""
    # How many inputs differ is itself a formula.
    counted = returned.stored(returned.layout.inputs.changed).value
    is_stale = counted == 0 and bool(pulled.reading.changes)
    return compared.result(is_stale, failing)


def _read_choice(pulled: Pulled) -> tuple[context.Selections, diagnostics.SpecError | None]:
    """What is chosen on Context and Compare; as built, and why, where it cannot be read."""
    try:
        return _choice(pulled), None
    except diagnostics.SpecError as error:
        return pulled.report.study.choice, error


def _held_text(text: str) -> str:
    return f"'{diagnostics.shown(text)}'" if text else "nothing"


def _is_nan(value: Scalar) -> bool:
    return isinstance(value, float) and math.isnan(value)


@dataclass
class _Comparison:
    """Sheets as they are stored against what they must be; `expressions` are cells that may be typed over."""

    expressions: Collection[CellRef]
    rows: Mapping[int, int] = field(default_factory=dict)
    """Where rows of the sheet at hand stand, if that is not where they are built."""
    count: int = 0
    missing: int = 0
    skipped: int = 0
    rewritten: int = 0
    moved: dict[str, Moved] = field(default_factory=dict)
    values: dict[CellRef, Disagreement] = field(default_factory=dict)
    wrong: dict[CellRef, str] = field(default_factory=dict)
    """The formulas of the cells whose values are wrong."""
    replaced: dict[CellRef, Disagreement] = field(default_factory=dict)
    """What is typed over a formula."""
    formulas: dict[CellRef, tuple[Disagreement, tuple[str, ...]]] = field(default_factory=dict)
    """Each with the pieces of the right formula: what refers to a sheet whose cells were moved was rewritten."""

    def add(self, sheet: Sheet, stored_cells: Cells) -> None:
        if moved := find_moved(sheet, stored_cells):
            self.moved[sheet.title] = moved
            self.skipped += moved.n_formulas
            return
        for (row, column), cell in sheet.cells.items():
            if not cell.formula:
                continue
            self.count += 1
            stored = stored_cells.get((row, column), BLANK)
            self.missing += bool(stored.formula) and stored.value is None
            self.compare(sheet, CellRef(sheet.title, row, column), cell, stored)

    def compare(self, sheet: Sheet, cell_ref: CellRef, cell: Cell, stored: Stored) -> None:
        if cell_ref not in self.expressions:
            if not stored.formula:
                self.tell_typed_over(sheet, cell_ref, cell, stored)
            elif not _alike(stored.formula, cell.formula, cell_ref.sheet):
                texts = f"={_cut(stored.formula)}", f"={_cut(cell.formula)}"
                pieces = normalize_formula(cell.formula, cell_ref.sheet)
                self.formulas[cell_ref] = self.told(sheet, cell_ref, *texts, "formula"), pieces
        self.compare_value(sheet, cell_ref, cell, stored)

    def tell_typed_over(self, sheet: Sheet, cell_ref: CellRef, cell: Cell, stored: Stored) -> None:
        held = "nothing" if stored.value is None else _shown(stored.value)
        self.replaced[cell_ref] = self.told(sheet, cell_ref, held, f"={_cut(cell.formula)}", "typed over")

    def compare_value(self, sheet: Sheet, cell_ref: CellRef, cell: Cell, stored: Stored) -> None:
        # LibreOffice keeps what an .ods shows: nothing, where the format hides a zero.
        is_hidden = stored.value == "" and cell.value == 0 and cell.format.endswith('""')
        if stored.value is not None and not is_hidden and not agrees(stored.value, cell.value):
            self.values[cell_ref] = self.told(sheet, cell_ref, _shown(stored.value), _shown(cell.value), "value")
            self.wrong[cell_ref] = cell.formula

    def told(self, sheet: Sheet, cell_ref: CellRef, stored: str, right: str, kind: Kind) -> Disagreement:
        there = cell_ref._replace(row=self.rows.get(cell_ref.row, cell_ref.row))
        return Disagreement(there.seen_from(""), _name(sheet, cell_ref), stored, right, kind)

    def result(self, is_stale: bool, failing_checks: str) -> Checked:
        """What the sheets that were added give."""
        repeated = self.repeated()
        count, skipped = self.count - len(repeated), self.skipped + len(repeated)
        disagreements = self.disagreements(without=repeated)
        return Checked(count, self.missing, disagreements, skipped, is_stale, failing_checks, self.rewritten)

    def repeated(self) -> Collection[CellRef]:
        """Cells that differ only because they repeat what is left out; they are left out too."""
        return ()

    def disagreements(self, without: Collection[CellRef]) -> tuple[Disagreement, ...]:
        """What was moved, then what replaces formulas, then values, those that follow from it last."""
        moved = (
            Disagreement(one.cell_ref.seen_from(""), "", _held_text(one.found), _held_text(one.wanted), "moved")
            for one in self.moved.values()
        )
        titles = {f"{title.casefold()}!" for title in self.moved}
        formulas = {at: one for at, (one, pieces) in self.formulas.items() if titles.isdisjoint(pieces)}
        causes = formulas | self.replaced
        values = {at: one for at, one in self.values.items() if at not in without}
        following = find_consequences(causes, {at: self.wrong[at] for at in values}) if causes else set()
        alone = (one for at, one in values.items() if at not in following)
        following_values = (replace(one, follows=True) for at, one in values.items() if at in following)
        return (*moved, *causes.values(), *alone, *following_values)


@dataclass
class _ComparisonByName(_Comparison):
    """The same of a workbook that another build of flopsheet wrote: its rows may stand elsewhere.

    A formula that is written differently is counted; a sentence whose words it changes is left out, and so are those
    that repeat it.
    """

    reworded: set[CellRef] = field(default_factory=set)
    other_words: dict[CellRef, str] = field(default_factory=dict)
    """The formulas of the cells that hold other words and are written as ours are."""

    def add(self, sheet: Sheet, stored_cells: Cells) -> None:
        is_moved = find_moved(sheet, stored_cells) is not None
        self.rows = find_rows(sheet, stored_cells) if is_moved else {row: row for row, _ in sheet.cells}
        for (row, column), cell in sheet.cells.items():
            if not cell.formula:
                continue
            cell_ref = CellRef(sheet.title, row, column)
            stored = stored_cells.get((self.rows.get(row, 0), column), BLANK)
            is_same = not is_moved and _alike(stored.formula, cell.formula, sheet.title)
            is_reworded = isinstance(stored.value, str) and not is_same and not agrees(stored.value, cell.value)
            if stored == BLANK or (is_reworded and isinstance(cell.value, str)):
                self.skipped += 1
                if is_reworded:
                    self.reworded.add(cell_ref)
                continue
            self.count += 1
            self.missing += stored.value is None
            self.rewritten += bool(stored.formula) and not is_moved and not is_same
            if not stored.formula and cell_ref not in self.expressions:
                self.tell_typed_over(sheet, cell_ref, cell, stored)
            self.compare_value(sheet, cell_ref, cell, stored)
            if cell_ref in self.wrong and isinstance(stored.value, str) and isinstance(cell.value, str):
                self.other_words[cell_ref] = cell.formula

    def repeated(self) -> Collection[CellRef]:
        return find_consequences(self.reworded, self.other_words)


def _alike(stored: str, right: str, sheet: str) -> bool:
    """Whether two formulas of a sheet are the same but for how a program spells them."""
    return stored == right or any(
        normalize_formula(stored, sheet, brackets=brackets) == normalize_formula(right, sheet, brackets=brackets)
        for brackets in (True, False)
    )


def _name(sheet: Sheet, cell_ref: CellRef) -> str:
    """What the row is about: the metric that its name column says, or else its label."""
    for column in (sheet.tail, LABEL):
        cell = sheet.cells.get((cell_ref.row, column))
        if cell is not None and isinstance(cell.value, str) and not cell.formula and column != cell_ref.column:
            return diagnostics.shown(cell.value)
    return ""


def _cut(formula: str) -> str:
    return diagnostics.shown(formula, 80)


def _shown(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return f"'{diagnostics.shown(value)}'" if isinstance(value, str) else format_input(f"{value:,.15g}")


def agrees(stored: float | str | bool, computed: Scalar) -> bool:
    """Whether a stored value is the computed one, as far as a program writes digits.

    Spreadsheets compare texts without case. Gnumeric computes with 80 bits and writes 2.13 into some texts as
    2.1300000000000000001.
    """
    if isinstance(stored, str) or isinstance(computed, str):
        return isinstance(stored, str) and _plain(stored) == str(computed).strip().casefold()
    return abs(float(stored) - computed) <= max(STORED * abs(computed), STORED_PLACES)


def _plain(text: str) -> str:
    return LONG_DECIMAL.sub(lambda found: f"{float(found[0]):.15g}", text.strip().casefold())


class _Controls:
    """Reads the cells of Context and Compare with which a reviewer chooses what those sheets show."""

    def __init__(self, pulled: Pulled) -> None:
        self.returned = pulled.returned
        self.problems: list[Problem] = []

    def word(self, cell_ref: CellRef, choices: Sequence[str]) -> int:
        """The position of what a drop-down holds."""
        value = self.returned.stored(cell_ref).value
        for at, choice in enumerate(choices):
            if isinstance(value, str) and value.strip().casefold() == choice.casefold():
                return at
        finding = diagnostics.no_choice_in_cell(_held(value), diagnostics.quoted(choices))
        self.problems.append(diagnostics.in_cell(cell_ref.seen_from(""), "", finding))
        return 0

    def number(self, cell_ref: CellRef, least: float, finding: Callable[[str], diagnostics.Finding]) -> float:
        value = self.returned.stored(cell_ref).value
        if isinstance(value, float) and value >= least:
            return value
        self.problems.append(diagnostics.in_cell(cell_ref.seen_from(""), "", finding(_held(value))))
        return least


def _held(value: float | str | bool | None) -> str:
    return "nothing" if value is None else str(value)


def _choice(pulled: Pulled) -> context.Selections:
    """What the controls of the Context and Compare sheets hold."""
    controls, laid = _Controls(pulled), pulled.returned.layout
    models = [model.name for model in pulled.spec.models]
    [model_spot] = laid.cell_index.of(laid.what_if, "model")
    model = models[controls.word(model_spot, models)]
    cell_refs = laid.cell_index.of(laid.what_if, "context_length")
    lengths = tuple(controls.number(cell_ref, 1, diagnostics.no_length_in_cell) for cell_ref in cell_refs)
    table_set = laid.compared.table_set
    scenarios = [compare.scenario_name(table_set, row) for row in range(len(table_set.table("scenario")))]
    first, second = (
        controls.word(CellRef(compare.SHEET, compare.CHOICE_ROW, column), scenarios)
        for column in (compare.A, compare.B)
    )
    step = controls.number(laid.compared.step, -1, diagnostics.no_step_in_cell)
    if controls.problems:
        raise diagnostics.SpecError(controls.problems)
    return context.Selections(model, lengths, compare.Pair(first, second, step))
