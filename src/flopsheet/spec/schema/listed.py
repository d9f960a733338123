"""Inputs of a training run that it may list under one key: layers of each stage, frozen parts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from flopsheet import catalog
from flopsheet.catalog import Input
from flopsheet.spec.schema.shapes import LAYOUT, LIST, Field, Shape, either, list_of, number, one_of, optional, text

STAGE_LAYERS, MOST_STAGES = "stage_layers", 16  # each stage has an input of its own
FROZEN = "frozen"


def fields(inputs: Iterable[Input]) -> dict[str, Field]:
    """The lists that a run with these inputs may have."""
    if not any(entry.name.startswith(f"{STAGE_LAYERS}_") for entry in inputs):
        return {}
    return {
        STAGE_LAYERS: optional(
            _stage_layers(),
            "Layers of each stage: a list, [10, 10, 11, 9], or a layout of Megatron-LM, Et*10|(t*10|)*2t*10L.",
        ),
        FROZEN: optional(
            list_of(one_of(frozen_parts())), "Parts that are not trained, as a list: [embedding, experts]."
        ),
    }


@cache
def frozen_parts() -> tuple[str, ...]:
    """The parts of a model that a run may list as frozen."""
    flags = (entry.name for entry in catalog.load_inputs().inputs.values() if entry.is_flag)
    return tuple(name.removeprefix(f"{FROZEN}_") for name in flags if name.startswith(f"{FROZEN}_"))


def _stage_layers() -> Shape:
    """The layers of each stage of a pipeline: `[10, 10, 11, 9]`, or `Et*10|(t*10|)*2t*10L`."""
    listed = list_of(number(0, None, whole=True, expression=False), most=MOST_STAGES)
    return either({LIST: listed, LAYOUT: text(1000)}, lambda value: LIST if isinstance(value, list) else LAYOUT)
