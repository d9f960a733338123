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
