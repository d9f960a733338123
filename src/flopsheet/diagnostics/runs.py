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
    Fix: Write them, or start from a kind that ships with `extends:`.
    Example:
        hardware:
          mine: {memory_bytes: 80GB}
    """
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here, or extends: a kind that ships"


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


@diagnostic("FS444", "row-without-time")
def row_without_time() -> Wording:
    """A measured row does not say what was measured.

    Why: The efficiencies of its hardware are fitted to that time.
    Fix: Write the seconds of one optimizer step, or one of the measured speeds of a training run.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm}
    """
    return "seconds is missing", "write seconds: … of one optimizer step, or a speed such as measured_tokens_per_second"


@diagnostic("FS445", "row-too-fast")
def row_too_fast(seconds: float, least: float) -> Wording:
    """A measured step is faster than its matmuls at the peak of the devices.

    Why: No efficiency explains it; the layout, the batch or the time is another one.
    Fix: Check the batch, the context length, the number of devices and the unit of the time.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm, global_batch_size: 512, seconds: 0.001}
    """
    fact = (
        f"{seconds:,.3g} s is less than the {least:,.3g} s that the matmuls of a step take at the peak of the hardware"
    )
    return fact, "write the seconds of one optimizer step; check global_batch_size, context_length and n_devices"


@diagnostic("FS446", "row-too-slow")
def row_too_slow(seconds: float, predicted: float) -> Wording:
    """A measured step takes many times as long as predicted.

    Why: Such a time is mostly something else than the terms of a step, or it is that of many steps.
    Fix: Write the seconds of one optimizer step.
    Example:
        measured:
          trial: {model: m, context_length: 1024, hardware: h100-sxm, seconds: 3600}
    """
    fact = f"{_seconds(seconds)} is {seconds / predicted:,.0f} times the {_seconds(predicted)} that are predicted"
    return fact, "write the seconds of one optimizer step, not of the run; check global_batch_size and n_devices"


@diagnostic("FS447", "row-not-predicted")
def row_not_predicted(words: str) -> Wording:
    """The time of a measured row cannot be predicted, whatever the efficiencies.

    Why: A figure of its hardware is missing, such as the bandwidth of the links that its layout uses.
    Fix: Write that figure under `hardware:`.
    Example:
        hardware:
          mine: {extends: h100-sxm, link_bandwidth: none}
        measured:
          trial: {model: m, context_length: 1024, hardware: mine, n_devices: 4, tensor_parallel: 4, seconds: 1}
    """
    return f"the time of this layout has no prediction ({words})", "write what is missing under hardware:"


def _seconds(value: float) -> str:
    return f"{value:,.0f} s" if value >= 100 else f"{value:.3g} s"
