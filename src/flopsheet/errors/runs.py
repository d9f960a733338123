"""Wording: hardware and runs whose inputs do not fit together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flopsheet.errors.problem import Finding, nearest, quoted, shown
from flopsheet.errors.specs import divisors


def unknown_hardware(name: str, known: Sequence[str]) -> Finding:
    chip = re.split(r"[-_ ]", name.casefold())[0]
    of_chip = [one for one in known if one.startswith(chip)]
    near = nearest(name, known)
    if of_chip and near not in of_chip:  # of h100-80gb the chip tells more than the memory
        near = of_chip[0]
    remedy = f"did you mean '{near}'?" if near else f"known: {quoted(known)}"
    return f"no hardware is called '{shown(name)}'", f"{remedy} (flopsheet list hardware)"


def missing_of_hardware(names: Sequence[str]) -> Finding:
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here, or extends: a kind that ships"


def missing_of_run(names: Sequence[str]) -> Finding:
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here"


def devices_do_not_multiply(devices: float, tensor: float, stages: float, context: float, data: float) -> Finding:
    each = tensor * stages * context
    ways = f"tensor {tensor:g} · pipeline {stages:g} · context {context:g}"
    if devices % each:
        near = max(1, round(devices / each)) * each
        verb = "device does" if devices == 1 else "devices do"
        return f"{devices:,.0f} {verb} not split by {ways}", f"write n_devices: {near:,.0f}, or split otherwise"
    fact = f"{ways} · data {data:g} is {each * data:,.0f}, not the {devices:,.0f} devices"
    return fact, f"write data_parallel: {devices / each:,.0f}, or leave it out"


def way_does_not_divide(key: str, value: float, what: str, number: float) -> Finding:
    choices = [divisor for divisor in range(1, 65) if number % divisor == 0] if number <= 4096 else []
    near = quoted(choices or divisors(number, value))
    return f"{key} {value:g} does not divide {what}", f"write one of {near}"


def more_stages_than_layers(stages: float, chunks: float, layers: float) -> Finding:
    of = f"{stages:g} stages" if chunks == 1 else f"{stages:g} stages of {chunks:g} chunks"
    return f"{of} are more than the {layers:,.0f} layers", f"write at most {layers:,.0f} in all"


def interleaved_without_stages() -> Finding:
    return "interleaved stages need a pipeline", "write pipeline_parallel: 2 or more, or virtual_stages: 1"


def expert_parallel_without_experts() -> Finding:
    return "the model has no experts to share", "write expert_parallel: 1"


def batch_does_not_split(whole: float, micro: float, data: float) -> Finding:
    step = micro * data
    low = int(whole // step) * int(step)
    near = f"{low:,} or {low + int(step):,}" if low else f"{int(step):,}"
    fact = f"a global batch of {whole:,.0f} is no multiple of micro-batch {micro:g} · data parallel {data:g}"
    return fact, f"write {near}"


def no_units_for(device: str, format: str, able: Sequence[str]) -> Finding:
    remedy = f"write one of {', '.join(able)}" if able else f"give peak_flops_{format}: under hardware:"
    return f"{shown(device)} has no units for {format}", remedy
