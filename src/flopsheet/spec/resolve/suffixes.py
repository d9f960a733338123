"""Numbers with a suffix in a spec, such as 15T or 80GiB, replaced with the numbers that they are."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from flopsheet import catalog, quantities
from flopsheet.spec.entries import CLAIMS
from flopsheet.spec.schema.shapes import LIST, RANGE, Shape, below, keys_of, unit_of
from flopsheet.yamlio.source import Path, Source

OWN_BOUNDS = frozenset({"default", "least", "most"})


def replace(source: Source, shape: Shape) -> Source:
    """The spec with a number wherever its shape has one and the text says one with a suffix of its unit.

    What has another suffix stays, and is refused with the rest of what is wrong. The text stays as its author wrote it.
    """
    found = [
        (path, number)
        for path, text in _suffixed(source.data, ())
        if (number := quantities.read_quantity(text, _unit(source.data, shape, path))) is not None
    ]
    if not found:
        return source
    data: Any = copy.deepcopy(source.data)
    for path, number in found:
        holder = data
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = number
    return source._replace(data=data)


def _suffixed(data: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text that may be a number with a suffix."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _suffixed(value, (*path, key))
    elif isinstance(data, list):
        for at, value in enumerate(data):
            yield from _suffixed(value, (*path, at))
    elif isinstance(data, str) and quantities.is_suffixed(data):
        yield path, data


def _unit(data: Any, shape: Shape, path: Path) -> str:
    """The unit of the number that belongs at a path; unknown where none does."""
    if len(path) == 3 and path[0] == "expect" and path[2] in CLAIMS:
        return _claimed_unit(data, data["expect"][path[1]])
    if len(path) == 3 and path[0] == "inputs" and path[2] in OWN_BOUNDS:
        return str(data["inputs"][path[1]].get("unit", quantities.UNKNOWN))
    for at in range(len(path) - 3):
        if path[at : at + 2] == ("sweep", "exclude") and isinstance(path[at + 2], int):
            path = (*path[: at + 1], path[at + 3], 0)  # {input: value} is one of the values of that input
            break
    for part in path:
        if shape["type"] == "tagged-union":
            shape = below(shape, RANGE if isinstance(part, str) else LIST)
        if (keys := keys_of(shape)) is not None and part not in keys:
            return quantities.UNKNOWN
        shape = below(shape, part)
    return unit_of(shape)


def _claimed_unit(data: Mapping[str, Any], claim: Mapping[str, Any]) -> str:
    """The unit of the metric that an expectation is about."""
    name = str(claim.get("that", "")).rpartition(".")[2]
    own = data.get("metrics")
    for metric in own if isinstance(own, list) else ():
        if isinstance(metric, dict) and metric.get("name") == name:
            return str(metric.get("unit", quantities.UNKNOWN))
    metrics = catalog.load_catalog().metrics
    return metrics[name].unit if name in metrics else quantities.UNKNOWN
