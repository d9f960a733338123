"""Formats by part: `weights: {default: bf16, experts: mxfp4}` as the inputs that its parts are."""

from __future__ import annotations

from typing import Any

from flopsheet import diagnostics
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved
from flopsheet.spec.schema import data_model
from flopsheet.yamlio.source import spell


def spread(draft: Draft, said: RawInputs) -> Resolved[RawInputs]:
    """The inputs with those of parts in the place of each mapping of them."""
    found = dict(said)
    faults: list[Fault] = []
    for name, whole in said.items():
        if not isinstance(whole.value, dict) or not (parts := data_model.parts_of(name)):
            continue
        del found[name]
        for part, value in whole.value.items():
            path = (*whole.path, part)
            key = name if part == data_model.DEFAULT else parts[part].name
            if key in said and key != name:
                faults.append(draft.fault(path, diagnostics.said_twice(part, spell(said[key].path)), key=True))
            found[key] = RawInput(value, path)
    return Resolved(found, faults)


def say(mapping: dict[str, Any], key: str, value: object) -> bool:
    """Says the format of one part in the mapping of all its parts; whether there is one."""
    for whole, said in mapping.items():
        if isinstance(said, dict) and (parts := data_model.parts_of(str(whole))):
            names = {data_model.DEFAULT: whole, **{part: entry.name for part, entry in parts.items()}}
            if brief := next((part for part, name in names.items() if name == key), None):
                said[brief] = value
                return True
    return False
