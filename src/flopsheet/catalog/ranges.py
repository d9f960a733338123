"""Checks made from what inputs allow: data validation refuses typing, but not pasting."""

from __future__ import annotations

from flopsheet.catalog.entries import Input
from flopsheet.quantities import TRUTH

CHECK = "check_input_"


def check_name(entry: Input) -> str:
    """The name of the verdict on one input."""
    return f"{CHECK}{entry.name}"


def allowed(entry: Input) -> str:
    """What an input may be, in words."""
    if entry.choices:
        return entry.choices_called or f"one of {', '.join(map(str, entry.choices))}"
    kind = "a whole number" if entry.whole else "a number"
    least = plain(entry.least or 0)
    if entry.absent:
        kind = f"none, or {kind}"
    return f"{kind} of {least} or more" if entry.most is None else f"{kind} from {least} to {plain(entry.most)}"


def message(entry: Input, *, is_text: bool) -> str:
    """The template of what is told of an input that is out of its range, be it a text or a number."""
    value = f"'{{{entry.name}}}'" if is_text else f"{{{entry.name}:.3}}"
    return f"{entry.name} is {value}, which must be {allowed(entry)}"


def range_check(entry: Input) -> dict[str, str]:
    """A verdict on one input, as a catalogue entry: one of its choices, or a whole number within its bounds."""
    name = entry.name
    if entry.choices:
        held = "0"
        for choice in reversed(entry.choices):
            held = f"where({name} == {choice}, 1, {held})"
    else:
        held = f"where({name} >= {plain(entry.least or 0)}, 1, 0)"
        if entry.most is not None:
            held = f"where({name} <= {plain(entry.most)}, {held}, 0)"
        if entry.whole:
            held = f"where(floor({name}) == {name}, {held}, 0)"
        # A text is no number, but more than any to a spreadsheet.
        held = f"where(given({name}), {held}, {1 if entry.absent else 0})"
    words = allowed(entry)
    return {
        "name": check_name(entry),
        "label": f"{entry.label} in range",
        "unit": TRUTH,
        "formula": f"{held} == 1",
        "doc": f"{words[0].upper()}{words[1:]}.",
    }


def plain(number: float) -> str:
    """A bound as a formula and a reader spell it."""
    return f"{number:.0f}" if number == int(number) else f"{number:.15g}"
