"""Wording: formulas that leave the language, results that are not finite."""

from __future__ import annotations

from flopsheet.diagnostics.problem import Place, Problem, shown


def formula_syntax(
    text: str, fact: str, remedy: str, column: int, width: int, place: Place | None, path: str
) -> Problem:
    """A formula that leaves the language; the caret stands in the file's line where the formula is on it as written."""
    if place is None:
        return Problem(fact, remedy, path, Place("formula", 1, column + 1, text, width))
    if not text:
        return Problem(fact, remedy, path, place)
    start = place.text.find(text, place.column - 1)
    if start < 0:
        return Problem(f"{fact}, at column {column + 1} of '{shown(text)}'", remedy, path, place)
    return Problem(fact, remedy, path, Place(place.source, place.line, start + column + 1, place.text, width))


def not_finite(metric: str, row: dict[str, object]) -> Problem:
    where = ", ".join(f"{name} {value}" for name, value in row.items())
    remedy = "check the inputs for zeros and for sizes out of range"
    return Problem("the result is not a finite number", remedy, f"{metric} ({where})")
