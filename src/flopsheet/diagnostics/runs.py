"""Wording: hardware and runs that are unknown or incomplete."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flopsheet.diagnostics.problem import Finding, nearest, quoted, shown


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
