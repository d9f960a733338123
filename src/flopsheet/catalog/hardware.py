"""Kinds of hardware that ship with the package: every figure with its source."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from flopsheet.catalog.entries import Scalar
from flopsheet.records import NamedTuple
from flopsheet.yamlio import source
from flopsheet.yamlio.files import read_shipped


class Hardware(NamedTuple):
    """One kind of device: its inputs, and where each of them comes from."""

    name: str
    label: str
    inputs: Mapping[str, Scalar]
    sources: Mapping[str, str]


@cache
def hardware() -> dict[str, Hardware]:
    """The kinds by name."""
    data = source.parse(read_shipped(__file__, "data", "hardware.yaml"), "hardware.yaml").data
    assert isinstance(data, dict)
    found = {}
    for name, entry in data.items():
        figures = {key: figure for key, figure in entry.items() if key != "label"}
        values = {key: figure["value"] for key, figure in figures.items()}
        inputs = {key: value if isinstance(value, str) else float(value) for key, value in values.items()}
        found[name] = Hardware(name, entry["label"], inputs, {key: figure["source"] for key, figure in figures.items()})
    return found
