"""The difference of two specs as data: a merge patch (RFC 7386), and its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flopsheet.yamlio.dump import entry, word
from flopsheet.yamlio.source import Data

MARK = "; written by 'flopsheet pull'."  # by which a patch is known
HEAD = (
    "# What {source} changes in the spec '{name}'" + MARK + "\n"
    "# A merge patch (RFC 7386): a key replaces that key, a list the whole list, null removes the key.\n"
)


def difference(old: Data, new: Data) -> dict[str, Any]:
    """What has to be merged onto a mapping to get another; empty where they are alike."""
    changed: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            changed[key] = value
        elif isinstance(value, dict) and isinstance(old[key], dict):
            if inner := difference(old[key], value):
                changed[key] = inner
        elif not alike(old[key], value):
            changed[key] = value
    return changed


def alike(one: object, other: object) -> bool:
    """Whether two values say the same; true is not 1, but 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    return bool(one == other)


def to_text(patch: Data, source: str, name: str) -> str:
    """The patch as a file."""
    lines = list(_lines(patch)) or ["{}"]
    head = HEAD.format(source=" ".join(source.split()), name=" ".join(name.split()))
    return head + "\n".join(lines) + "\n"


def _lines(mapping: Data, indent: str = "") -> Iterator[str]:
    for key, value in mapping.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{word(key)}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield from entry(key, value, indent)
