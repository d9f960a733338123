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
        least = f"{entry.least or 0:.0f}"
        doc = f"A whole number of {least} or more."
        held = f"where({name} >= {least}, 1, 0)"
        if entry.most is not None:
            doc = f"A whole number from {least} to {entry.most:.0f}."
            held = f"where({name} <= {entry.most:.0f}, {held}, 0)"
        held = f"where(floor({name}) == {name}, {held}, 0)"
    return {
        "name": f"check_input_{name}",
        "label": f"{entry.label} is possible",
        "unit": "verdict",
        "formula": f"{held} == 1",
        "doc": doc,
    }
