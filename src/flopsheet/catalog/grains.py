"""The tables that metrics live in, from coarse to fine, and which of them each one can read."""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

Grain: TypeAlias = Literal[
    "study", "model", "layer_group", "context", "scenario", "layer_run", "hardware", "run", "run_layer", "training_run",
    "training_layer", "serving_run", "serving_layer",
]  # fmt: skip
RunKind: TypeAlias = Literal["training", "serving"]

# Grain -> the coarser grains that a row of it belongs to, one row of each.
PARENTS: dict[Grain, tuple[Grain, ...]] = {
    "study": (),
    "model": ("study",),
    "layer_group": ("model",),
    "context": ("study",),
    "scenario": ("model", "context"),
    "layer_run": ("layer_group", "scenario"),
    "hardware": ("study",),
    "run": ("scenario", "hardware"),
    "run_layer": ("run", "layer_run"),
    "training_run": ("run",),
    "training_layer": ("training_run", "run_layer"),
    "serving_run": ("run",),
    "serving_layer": ("serving_run", "run_layer"),
}
GRAINS = tuple(PARENTS)

# The name of a row, readable as a text in formulas, and the grain that it names.
KEYS: dict[str, Grain] = {"model": "model"}

# A run is a model at a context length of its own on a kind of hardware. Each kind of run is a table set of its own: the
# same catalogue over tables that have one model, context and scenario for every run.
RUNS: dict[RunKind, tuple[Grain, Grain]] = {
    "training": ("training_run", "training_layer"),
    "serving": ("serving_run", "serving_layer"),
}
OF_RUNS: frozenset[Grain] = frozenset({"run", "run_layer", *(grain for grains in RUNS.values() for grain in grains)})


@cache
def coarser(grain: Grain) -> tuple[Grain, ...]:
    """Every grain above this one, nearest first."""
    above: dict[Grain, None] = {}
    for parent in PARENTS[grain]:
        above[parent] = None
        above.update(dict.fromkeys(coarser(parent)))
    return tuple(above)


# The grains that have a row for each layer group.
OF_LAYERS: frozenset[Grain] = frozenset(grain for grain in GRAINS if "layer_group" in (grain, *coarser(grain)))
