"""Plain data as YAML that a person reads gladly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flopsheet.yamlio import source
from flopsheet.yamlio.source import Data

WIDEST = 118  # columns
PLAIN = re.compile(r"[^\W_]([\w. ()+*/^-]*[\w)])?")  # texts that need no quotes in YAML: words, 4 * d_model


def flow(value: object) -> str:
    """A value in YAML's flow style: `{n_layers: 12, ffn: swiglu}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{word(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    return word(value) if isinstance(value, str) else json.dumps(value)


def word(text: str) -> str:
    """A text as YAML reads it back: in quotes only where it has to be."""
    is_plain = PLAIN.fullmatch(text) and isinstance(source.resolve(text), str)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def block(data: Data, indent: str = "") -> Iterator[str]:
    """A mapping in lines, each value on its key's line where it fits; of a spec, every model and claim has its own."""
    for key, value in data.items():
        is_wide = len(f"{indent}{word(key)}: {flow(value)}") > WIDEST
        if isinstance(value, Mapping) and value and (is_wide or _holds_mappings(value.values())):
            yield f"{indent}{word(key)}:"
            yield from block(value, f"{indent}  ")
        else:
            yield from entry(key, value, indent)


def entry(key: str, value: object, indent: str = "") -> Iterator[str]:
    """A key and its value on a line; each mapping in a list has a line of its own."""
    if isinstance(value, list) and _holds_mappings(value):
        yield f"{indent}{word(key)}:"
        yield from (f"{indent}- {flow(item)}" for item in value)
    else:
        yield f"{indent}{word(key)}: {flow(value)}"


def _holds_mappings(values: Iterable[object]) -> bool:
    return any(isinstance(value, Mapping) for value in values)
