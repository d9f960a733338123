"""Several specs as one: mappings merge, lists and scalars replace; every value keeps the place where it was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flopsheet.source import Path, Source


def merge(sources: Sequence[Source]) -> Source:
    """The specs from left to right."""
    merged, *others = sources
    for other in others:
        merged = _over(merged, other)
    return merged


def _over(left: Source, right: Source) -> Source:
    """What `right` says on top of `left`."""
    keys, values = dict(left.keys), dict(left.values)
    data = _laid(left.data, right.data, (), keys, values)
    fresh = {path: place for path, place in right.keys.items() if path not in keys}
    values |= {path: place for path, place in right.values.items() if path not in values}
    return replace(left, data=data, keys=keys | fresh, values=values)


def _laid(left: Any, right: Any, path: Path, keys: dict[Path, Any], values: dict[Path, Any]) -> Any:
    """The value at a path; where `right` replaces it, the places of `left` are forgotten."""
    if isinstance(left, dict) and isinstance(right, dict):
        laid = dict(left)
        for key, value in right.items():
            inner = (*path, key)
            laid[key] = _laid(left[key], value, inner, keys, values) if key in left else value
        return laid
    for places in (keys, values):
        for known in [known for known in places if known[: len(path)] == path]:
            del places[known]
    return right
