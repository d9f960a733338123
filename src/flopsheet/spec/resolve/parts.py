"""Formats by part: `weights: {default: bf16, experts: mxfp4}` as the inputs that its parts are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flopsheet import diagnostics
from flopsheet.spec.resolve.scope import RawInput, RawInputs
from flopsheet.spec.schema import data_model
from flopsheet.yamlio.source import spell

if TYPE_CHECKING:
    from flopsheet.spec.resolve.models import Resolver


def spread(resolver: Resolver, said: RawInputs) -> RawInputs:
    """The inputs with those of parts in the place of each mapping of them; one said twice is reported."""
    found = dict(said)
    for name, whole in said.items():
        if not isinstance(whole.value, dict) or not (parts := data_model.parts_of(name)):
            continue
        del found[name]
        for part, value in whole.value.items():
            path = (*whole.path, part)
            key = name if part == data_model.DEFAULT else parts[part].name
            if key in said and key != name:
                resolver.report(path, diagnostics.said_twice(part, spell(said[key].path)), key=True)
            found[key] = RawInput(value, path)
    return found
