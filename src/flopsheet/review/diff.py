"""Two specs or workbooks, in any mix: what differs in inputs, in results and in formulas, each apart."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath

from flopsheet import diagnostics
from flopsheet.api import Report, compute
from flopsheet.catalog import RUNS, Catalog, Metric
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import Grain
from flopsheet.diagnostics import SpecError
from flopsheet.numerics import ROUNDING
from flopsheet.output.failed import FailedExpectation
from flopsheet.pipeline.frames import Values
from flopsheet.review.claims import ClaimDifference, differing_claims
from flopsheet.review.input_cells import InputCell, Plain, list_input_cells
from flopsheet.review.pull import Pulled, pull
from flopsheet.review.xlsx.cells import BLANK, Cells, Stored
from flopsheet.spec import Spec
from flopsheet.workbook import arrange, plan
from flopsheet.workbook.sheets import reference
from flopsheet.yamlio.source import OLE, ZIP, spell

SPREADSHEETS = {
    ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".fods", ".csv", ".tsv", ".gnumeric", ".numbers",
}  # fmt: skip
NAME, FORMULA = 1, reference.FORMULA + 1  # columns of the Formulas sheet


@dataclass(frozen=True)
class Side:
    """One of the two: a computed spec, or a workbook's inputs computed."""

    name: str
    report: Report
    formulas: Mapping[str, str]
    pulled: Pulled | None = None

    @cached_property
    def failing_checks(self) -> str:
        """What a workbook's Summary says where checks of its own fail; a spec whose checks fail is refused."""
        if self.pulled is None or not self.pulled.reading.changes:
            return ""
        draft = plan.draft_workbook(self.report.study, self.pulled.returned.built.study)
        return draft.verdict.words if draft.verdict.has_failures else ""


@dataclass(frozen=True)
class Difference:
    """One thing that differs; None where only the other side has it. `metric` is None for inputs and formulas."""

    subject: str
    before: Plain | None
    after: Plain | None
    metric: Metric | None = None

    @property
    def change(self) -> float | None:
        """The relative change, where both are numbers and the first is not zero."""
        numbers = [float(one) for one in (self.before, self.after) if type(one) is int or type(one) is float]
        return (numbers[1] - numbers[0]) / abs(numbers[0]) if len(numbers) == 2 and numbers[0] else None


@dataclass(frozen=True)
class Budget:
    """An expectation of B that one side misses and the other does not, or a bound of the change that B misses."""

    missed: FailedExpectation
    before: bool | None
    """Whether A meets it; None where A does not have that number, or the bound is one of a change."""
    after: bool


@dataclass(frozen=True)
class Compared:
    """Everything that differs. `only` names what just one side has: ("model", "gpt2-xl") → 0 or 1."""

    sides: tuple[Side, Side]
    only: Mapping[tuple[str, str], int]
    inputs: tuple[Difference, ...]
    results: tuple[Difference, ...]
    formulas: tuple[Difference, ...]
    budgets: tuple[Budget, ...] = ()
    claims: tuple[ClaimDifference, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.only or self.inputs or self.results or self.formulas or self.budgets or self.claims)


def side(path: str | os.PathLike[str]) -> Side:
    """A spec or a workbook; FlopsheetError where it cannot be read or computed."""
    name = os.fspath(path)
    if not _is_workbook(name):
        report = compute(name)
        sheet, _ = reference.formulas(report.catalog, lambda name: name)
        return Side(name, report, _formulas({at: Stored(cell.value) for at, cell in sheet.cells.items()}))
    pulled = pull(name)
    if pulled.reading.problems:
        raise SpecError(pulled.reading.problems)
    book = pulled.returned.book
    return Side(name, pulled.report, _formulas(book.cells(reference.FORMULAS)), pulled)


def _is_workbook(name: str) -> bool:
    """By its name, or by what it holds."""
    if FilePath(name).suffix.lower() in SPREADSHEETS:
        return True
    try:
        with open(name, "rb") as file:
            return file.read(4).startswith((ZIP[:2], OLE))
    except (OSError, ValueError):
        return False


def _formulas(cells: Cells) -> dict[str, str]:
    """The formula of every name on a Formulas sheet."""
    rows = sorted(row for row, column in cells if column == NAME and row >= reference.FIRST_LINE)
    found = {}
    for row in rows:
        name, text = (cells.get((row, column), BLANK).value for column in (NAME, FORMULA))
        found[str(name).strip()] = str(text if text is not None else "").strip()
    return found


def compare(one: str | os.PathLike[str], other: str | os.PathLike[str], *, everything: bool = False) -> Compared:
    """What differs between two specs or workbooks; results are the headlines, or everything."""
    return compare_sides(side(one), side(other), everything=everything)


def compare_sides(before: Side, after: Side, *, everything: bool = False) -> Compared:
    """The same of two that were read."""
    edited = _edited_lengths(before.report, after.report)
    only = {
        (kind, name): at
        for kind in ("model", "context length", *(f"{kind} run" for kind in RUNS))
        for at, (mine, theirs) in enumerate(
            ((_names(before.report, kind), _names(after.report, kind)),
             (_names(after.report, kind), _names(before.report, kind)))
        )
        for name in mine
        if name not in theirs and not (kind == "context length" and name in _told(edited))
    }  # fmt: skip
    return Compared(
        (before, after),
        only,
        tuple(_input_differences(before.report, after.report, edited)),
        tuple(_result_differences(before.report, after.report, everything, edited)),
        tuple(_formula_differences(before, after)),
        tuple(_budgets(before.report, after.report)),
        tuple(_claims(before.report.spec, after.report.spec, edited)),
    )


def _claims(before: Spec, after: Spec, edited: Mapping[float, float]) -> Iterable[ClaimDifference]:
    """None where both expect the same: one at a context length that a reviewer edited away is no change of his."""
    if before.data.get("expect") == after.data.get("expect"):
        return ()
    return differing_claims(before.expectations, after.expectations, edited)


def _formula_differences(before: Side, after: Side) -> Iterator[Difference]:
    """Formulas that differ, and names that one side's catalogue lacks; a workbook lists only those that it has."""
    for name in dict.fromkeys((*before.formulas, *after.formulas)):
        mine, theirs = before.formulas.get(name), after.formulas.get(name)
        lacking = before if mine is None else after if theirs is None else None
        if mine != theirs and not (lacking and _defines(lacking.report.catalog, name)):
            yield Difference(name, mine, theirs)


def _defines(catalog: Catalog, name: str) -> bool:
    return name in catalog.inputs or name in catalog.metrics or name.partition("(")[0] in catalog.functions


def _edited_lengths(before: Report, after: Report) -> dict[float, float]:
    """Context lengths that were edited in place: those of one side alone that stand at the same place."""
    ours, theirs = before.spec.context_lengths, after.spec.context_lengths
    return {one: other for one, other in zip(ours, theirs, strict=False) if one not in theirs and other not in ours}


def _told(edited: Mapping[float, float]) -> set[str]:
    return {f"{length:,.0f}" for pair in edited.items() for length in pair}


def _budgets(before: Report, after: Report) -> Iterator[Budget]:
    """The budgets of B about which the two sides answer otherwise, and the changes that B does not allow."""
    ours = {(one.expectation, one.claim): one for one in before.missed(expected=after.spec)}
    theirs = {(one.expectation, one.claim): one for one in after.missed(before)}
    for key in dict.fromkeys((*theirs, *ours)):
        was, now = ours.get(key), theirs.get(key)
        if now is not None and now.base is not None:
            yield Budget(now, None, after=False)
        elif (was is None) != (now is None):
            missed = now or was
            assert missed is not None
            has_number = before.numbers.find(missed.expectation) is not None
            yield Budget(missed, was is None if has_number else None, after=now is None)


def _names(report: Report, kind: str) -> list[str]:
    spec = report.spec
    if kind == "model":
        return [model.name for model in spec.models]
    if kind == "context length":
        return [f"{one:,.0f}" for one in spec.context_lengths]
    return [run.name for of, runs in spec.runs.items() if kind == f"{of} run" for run in runs]


def _input_differences(before: Report, after: Report, edited: Mapping[float, float]) -> Iterator[Difference]:
    """Inputs that are said otherwise; what follows from others by one expression in both does not count."""
    old_title, new_title = (str(one.spec.data.get("title", "")) or None for one in (before, after))
    if old_title != new_title:
        yield Difference("title", old_title, new_title)
    ours, theirs = _slots(before), _slots(after)
    both = {input_cell.path[:2] for input_cell in ours.values()} & {
        input_cell.path[:2] for input_cell in theirs.values()
    }
    for path in dict.fromkeys((*ours, *theirs)):
        input_cell, other = ours.get(path), theirs.get(path)
        either = input_cell or other
        assert either is not None
        if either.path[0] == "context_lengths":
            length = input_cell.given.value if input_cell else None
            if length not in edited:
                continue
        elif either.path[:2] not in both:
            continue
        was, now = input_cell.built if input_cell else None, other.built if other else None
        if was != now:
            yield Difference(path, was, now)


def _slots(report: Report) -> dict[str, InputCell]:
    laid = arrange.lay_out(report.study, report.study)
    listed = list_input_cells(laid, report.spec.data)
    return {spell(input_cell.path): input_cell for input_cell in listed if not input_cell.is_derived}


def _table_sets(before: Report, after: Report) -> Iterator[tuple[Values, Values, Sequence[Grain]]]:
    """The values of the study and of each kind of run, with the grains whose results are told."""
    yield before.values, after.values, tuple(before.values.tables)
    for kind in RUNS:
        if kind in before.runs and kind in after.runs:
            yield before.runs[kind], after.runs[kind], ("run", *RUNS[kind])


def _result_differences(
    before: Report, after: Report, everything: bool, edited: Mapping[float, float]
) -> Iterator[Difference]:
    headlines = [metric.name for metric in before.catalog.headlines]
    for ours, theirs, grains in _table_sets(before, after):
        for grain in grains:
            table, other = ours.tables[grain], theirs.tables.get(grain)
            names = [name for name in before.catalog.order if before.catalog.metrics[name].grain == grain]
            rows = {key: at for at, key in enumerate(other.keys)} if other else {}
            for at, key in enumerate(table.keys):
                same = tuple(edited.get(part, part) if isinstance(part, int) else part for part in key)
                there = 0 if grain == "study" else rows.get(same)
                if there is None:
                    continue
                for name in names:
                    if everything or name in headlines:
                        was, now = _value(ours, grain, name, at), _value(theirs, grain, name, there)
                        if not _same(was, now):
                            metric = before.catalog.metrics[name]
                            yield Difference(_about(grain, key, same), was, now, metric)


def _same(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(one - other) <= ROUNDING * abs(one)


def _value(values: Values, grain: Grain, name: str, row: int) -> Scalar:
    value: Scalar = values.plain(grain, name)[row]
    return value if isinstance(value, str) else float(value)


def _about(grain: Grain, key: tuple[object, ...], other: tuple[object, ...]) -> str:
    """`gpt2-xl at 1,024`; `gpt2-xl at 2,048 (was 1,024)` where a context length was edited in place."""
    if grain == "study":
        return "the study"
    words = [
        f"at {now:,.0f}{f' (was {was:,})' if now != was else ''}"
        if isinstance(was, int) and isinstance(now, int | float)
        else diagnostics.shown(str(was))
        for was, now in zip(key, other, strict=True)
        if was != ""
    ]
    return " ".join(words)
