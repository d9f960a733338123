"""What stands beside the values on Inputs: what each means, what may be typed, what it was, what a program refuses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flopsheet.catalog import Input
from flopsheet.catalog.entries import Scalar
from flopsheet.formula.operators import as_text
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.workbook.layout.counting import sum_of_different
from flopsheet.workbook.model.references import CellRef
from flopsheet.workbook.model.sheet import Cell, Validation
from flopsheet.workbook.sheets.change_words import NOTHING

FIRST_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")
LOCKED = {
    "n_group_layers": "the layers of the model if it has one group",
    "n_layers": "the sum over the layer groups",
}


def note(entry: Input) -> Cell:
    """What an input means, in one sentence; its prompt says it whole."""
    return Cell(FIRST_SENTENCE.split(entry.doc)[0], style="aside")


def was(
    entry: Input,
    sides: tuple[Sequence[CellRef], Sequence[CellRef]],
    pairs: Sequence[tuple[Scalar, Scalar]],
    changed: CellRef,
    format: str,
) -> Cell:
    """What the one value that differs was, live and as built in the order of the columns, or how many do."""
    differing = [then for now, then in pairs if now != then]
    is_number = entry.is_number and not entry.absent
    several: Scalar = f"{len(differing)} changed" if differing else NOTHING
    if len(pairs) == 1:
        found = sides[1][0].address if entry.is_number else f'"was "&{sides[1][0].address}'
        before: Scalar = differing[0] if differing else NOTHING
        before = before if entry.is_number or not differing else f"was {as_text(before)}"
    elif is_number:
        then = sum_of_different(changed.sheet, *sides)
        found = f'IF({changed.address}=1,{then},{changed.address}&" changed")'
        before = differing[0] if len(differing) == 1 else several
    else:
        found, before = f'{changed.address}&" changed"', several
    formula = f'IF({changed.address}=0,"{NOTHING}",{found})'
    return Cell(before, formula, "was", _with_was(format) if entry.is_number else "General")


def _with_was(format: str) -> str:
    """A number format that puts "was" before every number."""
    sections = (section.rpartition("]") for section in format.replace("General", "0").split(";"))
    return ";".join(f'{condition}{bracket}"was "{rest}' for condition, bracket, rest in sections)


def allowed(entry: Input) -> str:
    """What may be typed, in words."""
    if entry.name in LOCKED and entry.name == "n_group_layers":
        return "derived where a model has one group"
    if entry.chooses:
        return f"a {entry.chooses} named on this sheet" if entry.chooses == "model" else "a kind named below"
    if entry.choices:
        return entry.choices_called or ", ".join(map(str, entry.choices))
    kind, least = "whole number" if entry.whole else "number", f"{entry.least or 0:,.15g}"
    has_most = entry.most is not None and entry.most < LARGEST_INPUT
    text = f"{kind}, {least} to {entry.most:,.15g}" if has_most else f"{kind}, {least} or more"
    if entry.absent:
        return f"{text}; or empty: {entry.absent}"
    return f"{text}; or {entry.default}" if isinstance(entry.default, str) else text


def validation(entry: Input, cells: tuple[str, ...], among: str) -> Validation:
    title, prompt = entry.label[:32], f"{entry.doc} Allowed: {allowed(entry)}."[:255]
    error = f"{entry.name} is {'one of' if entry.choices else 'a'} {allowed(entry)}."[:225]
    if entry.chooses:
        return Validation(cells, "list", title, prompt, "Choose one from the list.", choices=among)
    if entry.choices:
        choices = '"' + ",".join(map(str, entry.choices)) + '"'
        return Validation(cells, "list", title, prompt, error, choices=choices)
    least, most = entry.least or 0, entry.largest
    return Validation(cells, "whole" if entry.whole else "decimal", title, prompt, error, least=least, most=most)
