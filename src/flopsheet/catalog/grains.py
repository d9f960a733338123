"""The tables that metrics live in, from coarse to fine, and which of them each one can read."""

from __future__ import annotations

# Grain -> the coarser grains that a row of it belongs to, one row of each.
PARENTS: dict[str, tuple[str, ...]] = {
    "study": (),
    "model": ("study",),
    "layer_group": ("model",),
    "context": ("study",),
    "scenario": ("model", "context"),
    "layer_run": ("layer_group", "scenario"),
}
GRAINS = tuple(PARENTS)

# The name of a row, readable as a text in formulas, and the grain that it names.
KEYS = {"model": "model"}


def coarser(grain: str) -> tuple[str, ...]:
    """Every grain above this one, nearest first."""
    above: dict[str, None] = {}
    for parent in PARENTS[grain]:
        above[parent] = None
        above.update(dict.fromkeys(coarser(parent)))
    return tuple(above)
