"""Wording: hardware and runs that are unknown or incomplete."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import nearest, quoted, shown


@diagnostic("FS441", "hardware-unknown")
def unknown_hardware(name: str, known: Sequence[str]) -> Wording:
    """No kind of hardware has that name.

    Why: Peak rates, memory and prices come from it.
    Fix: Write a name from `flopsheet list hardware`, or describe the device under `hardware:`.
    Example:
        serving:
          chat: {model: m, prompt_length: 512, generated_length: 64, n_sequences: 1, hardware: h1000}
    """
    chip = re.split(r"[-_ ]", name.casefold())[0]
    of_chip = [one for one in known if one.startswith(chip)]
    near = nearest(name, known)
    if of_chip and near not in of_chip:  # of h100-80gb the chip tells more than the memory
        near = of_chip[0]
    remedy = f"did you mean '{near}'?" if near else f"known: {quoted(known)}"
    return f"no hardware is called '{shown(name)}'", f"{remedy} (flopsheet list hardware)"


@diagnostic("FS442", "hardware-incomplete")
def missing_of_hardware(names: Sequence[str]) -> Wording:
    """A kind of hardware lacks figures that have no default.

    Why: Times and costs cannot be computed without them.
    Fix: Write them, or start from a built-in kind with `extends:`.
    Example:
        hardware:
          mine: {memory_bytes: 80GB}
    """
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here, or start from a built-in kind with extends:"


@diagnostic("FS443", "run-incomplete")
def missing_of_run(names: Sequence[str]) -> Wording:
    """A run lacks inputs that have no default.

    Why: A guess would give a number that nobody asked for.
    Fix: Write them in the run.
    Example:
        serving:
          chat: {model: m, prompt_length: 512, hardware: h100-sxm}
    """
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here"


@diagnostic("FS444", "layout-unreadable")
def layout_unreadable(text: str, reason: str) -> Wording:
    """A pipeline layout is not written as Megatron-LM writes one.

    Why: The layers of each stage follow from it.
    Fix: Write E, then a t for each layer, an m for each of multi-token prediction, L; | between stages, *n repeats.
    Example:
        training:
          run: {model: m, hardware: h100-sxm, context_length: 128, n_devices: 2, stage_layers: "Et|tx|L"}
    """
    short = shown(text) if len(text) <= 60 else f"{shown(text[:60])}…"
    return (
        f"the layout '{short}' cannot be read: {reason}",
        "write E, t for each layer, m for multi-token prediction and L, with | between stages: Et*3|(tt|)*4m|L",
    )


@diagnostic("FS445", "layout-stages")
def layout_of_other_stages(found: int, stages: int, virtual: int) -> Wording:
    """A pipeline layout has another number of stages than the run.

    Why: Each part between | is one chunk of one stage.
    Fix: Correct the layout, pipeline_parallel or virtual_stages.
    Example:
        training:
          run:
            {model: m, hardware: h100-sxm, context_length: 128, n_devices: 2, pipeline_parallel: 2,
             virtual_stages: 2, stage_layers: "Et|t|L"}
    """
    return (
        f"the layout has {found:,} stages, not {stages:,} · {virtual:,}",
        "make them pipeline_parallel times virtual_stages",
    )


@diagnostic("FS446", "layout-too-long")
def layout_too_long(stages: int, most: int) -> Wording:
    """A pipeline layout has more stages than can be listed one by one.

    Why: Each listed stage is a row of Inputs.
    Fix: Give the layers of the first and the last stage, which leaves the others an even share.
    Example:
        training:
          run:
            {model: m, hardware: h100-sxm, context_length: 128, n_devices: 17, stage_layers: "E|(t|)*15L"}
    """
    return (
        f"the layout has {stages:,} stages, at most {most:,} can be listed",
        "write first_stage_layers and last_stage_layers instead",
    )


@diagnostic("FS447", "layout-beside-expression")
def layout_beside_expression() -> Wording:
    """A pipeline layout is combined with stages that are given as an expression.

    Why: How the parts of a layout belong to stages is decided before expressions have values.
    Fix: Write pipeline_parallel and virtual_stages as numbers, or leave them out.
    Example:
        training:
          run:
            {model: m, hardware: h100-sxm, context_length: 128, n_devices: 2, pipeline_parallel: n_devices,
             stage_layers: "Et|tL"}
    """
    return (
        "a layout needs pipeline_parallel and virtual_stages as numbers",
        "write them as numbers, or leave them out",
    )
