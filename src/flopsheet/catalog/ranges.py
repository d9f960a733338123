"""Checks made from what inputs allow: data validation refuses typing, but not pasting."""

from __future__ import annotations

from flopsheet.catalog.entries import Input


def range_check(entry: Input) -> dict[str, str]:
    """A verdict on one input, as a catalogue entry: one of its choices, or a whole number within its bounds."""
    name = entry.name
    if entry.choices:
        doc = f"One of {', '.join(map(str, entry.choices))}."
        conditions = [f"{name} == {choice}" for choice in entry.choices]
        held = "0"
        for condition in reversed(conditions):
            held = f"where({condition}, 1, {held})"
    else:
        kind = "A whole number" if entry.whole else "A number"
        least = plain(entry.least or 0)
        doc = f"{kind} of {least} or more."
        held = f"where({name} >= {least}, 1, 0)"
        if entry.most is not None:
            doc = f"{kind} from {least} to {plain(entry.most)}."
            held = f"where({name} <= {plain(entry.most)}, {held}, 0)"
        if entry.whole:
            held = f"where(floor({name}) == {name}, {held}, 0)"
    return {
        "name": f"check_input_{name}",
        "label": f"{entry.label} is possible",
        "unit": "verdict",
        "formula": f"{held} == 1",
        "doc": doc,
    }


def plain(number: float) -> str:
    """A bound as a formula and a reader spell it."""
    return f"{number:.0f}" if number == int(number) else f"{number:.15g}"
