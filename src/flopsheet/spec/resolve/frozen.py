"""Frozen parts of a model: `frozen: [embedding, experts]` as the inputs that say so one by one."""

from __future__ import annotations

from typing import Any

from flopsheet import diagnostics
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved
from flopsheet.spec.schema.listed import FROZEN, frozen_parts
from flopsheet.yamlio.source import spell


def spread(draft: Draft, said: RawInputs) -> Resolved[RawInputs]:
    """The inputs of a run with one for each part in the place of a list of them."""
    if FROZEN not in said:
        return Resolved(said, [])
    listed = said[FROZEN]
    found = {key: value for key, value in said.items() if key != FROZEN}
    faults: list[Fault] = []
    for at, part in enumerate(listed.value):
        key, path = f"{FROZEN}_{part}", (*listed.path, at)
        if key in found:
            faults.append(draft.fault(path, diagnostics.said_twice(part, spell(found[key].path))))
        found[key] = RawInput(True, path)
    return Resolved(found, faults)


def say(run: dict[str, Any], key: str, value: object) -> bool:
    """Says whether one part is frozen in the list of a run; whether it has one."""
    part = key.removeprefix(f"{FROZEN}_")
    if FROZEN not in run or key == part or part not in frozen_parts():
        return False
    others = [one for one in run[FROZEN] if one != part]
    run[FROZEN] = [*others, part] if value else others
    if not run[FROZEN]:
        del run[FROZEN]
    return True
