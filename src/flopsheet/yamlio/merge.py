"""Several specs as one, as merge patches (RFC 7386) of one another; every value keeps the place where it was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flopsheet.yamlio.source import Path, Source


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
    keys |= {path: place for path, place in right.keys.items() if path not in keys}
    values |= {path: place for path, place in right.values.items() if path not in values}
    return left._replace(data=data, keys=keys, values=values)


def _laid(left: Any, right: Any, path: Path, keys: dict[Path, Any], values: dict[Path, Any]) -> Any:
    """The value at a path; where `right` replaces or removes it, the places of `left` are forgotten.

    A null that has nothing to remove stays, and is refused like any other: it is a value that somebody forgot.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        laid = dict(left)
        for key, value in right.items():
            inner = (*path, key)
            if value is None and key in left:
                del laid[key]
                forget(inner, keys, values)
            else:
                laid[key] = _laid(left[key], value, inner, keys, values) if key in left else value
        return laid
    forget(path, keys, values)
    return right


def forget(path: Path, *places: dict[Path, Any]) -> None:
    """Removes the places of a value and of what is below it, since another takes its place."""
    for known_places in places:
        for known in [known for known in known_places if known[: len(path)] == path]:
            del known_places[known]
