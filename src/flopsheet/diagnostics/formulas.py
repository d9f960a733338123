"""Wording: formulas that leave the language, results that are not finite."""

from __future__ import annotations

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Finding, Place, Problem, located, shown


def formula_syntax(text: str, finding: Finding, column: int, width: int, place: Place | None, path: str) -> Problem:
    """A formula that leaves the language; the caret stands in the file's line where the formula is on it as written."""
    if place is None:
        return located(finding, path, Place("formula", 1, column + 1, text, width))
    if not text:
        return located(finding, path, place)
    start = place.text.find(text, place.column - 1)
    if start < 0:
        told = finding._replace(fact=f"{finding.fact}, at column {column + 1} of '{shown(text)}'")
        return located(told, path, place)
    return located(finding, path, Place(place.source, place.line, start + column + 1, place.text, width))


@diagnostic("FS601", "formula-syntax")
def out_of_language(fact: str, remedy: str) -> Wording:
    """A formula is not in the language.

    Why: It becomes a formula of the workbook, so it can use only what a spreadsheet has, too.
    Fix: Correct the spot above the caret; docs/spec.md#formulas describes the whole language.
    Example:
        metrics:
        - {name: mine, label: Mine, unit: count, grain: model, formula: n_params % 2, doc: Mine.}
    """
    return fact, remedy


@diagnostic("FS602", "formula-meaning")
def not_in_catalogue(fact: str, remedy: str) -> Wording:
    """A formula reads a name, a unit, a grain or a choice that does not fit there.

    Why: A metric reads its own row and the rows above it, and both sides of a sum have one unit.
    Fix: Do what the message says; `flopsheet list metrics` has names, units and grains.
    Example:
        metrics:
        - {name: mine, label: Mine, unit: count, grain: model, formula: 2 * n_parms, doc: Mine.}
    """
    return fact, remedy


@diagnostic("FS631", "result-not-finite")
def not_finite(metric: str, row: dict[str, object]) -> Problem:
    """A metric has no finite value.

    Why: It divides by zero, or inputs of extreme size exceed what a double holds; a cell would show an error.
    Fix: Check the inputs for zeros and for sizes out of range.
    Example:
        metrics:
        - {name: mine, label: Mine, unit: count, grain: model, formula: 1 / (n_params - n_params), doc: Mine.}
    """
    where = ", ".join(f"{name} {value}" for name, value in row.items())
    remedy = "check the inputs for zeros and for sizes out of range"
    return Problem("the result is not a finite number", remedy, f"{metric} ({where})")
