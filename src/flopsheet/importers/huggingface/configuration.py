"""config.json → plain data; what is no JSON object is refused with its place."""

from __future__ import annotations

import json
import os
from pathlib import PurePath
from typing import Any

from flopsheet import diagnostics
from flopsheet.diagnostics import Place, SpecError
from flopsheet.spec.schema.shapes import MOST_NAME, WILDCARDS
from flopsheet.yamlio.files import read_bytes
from flopsheet.yamlio.source import Data

LARGEST_FILE = 16 * 2**20  # bytes; the label tables of some configurations are long


class _Repeated(Exception):
    """A key that stands twice in one object."""


def read_config(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The object in a JSON file (`-` is stdin); FileError where it cannot be read, SpecError where it is no such."""
    name, content = read_bytes(path, LARGEST_FILE)
    if len(content) > LARGEST_FILE:
        raise SpecError(diagnostics.no_configuration(name, f"it is larger than {LARGEST_FILE // 2**20} MiB"))
    return _parsed(content, name)


def suggest_name(config: Data, path: str | os.PathLike[str]) -> str:
    """What to call the model: as the file says, else as the file or its folder is called, else its model_type."""
    file = PurePath(os.path.abspath(path))
    said = PurePath(str(config.get("_name_or_path") or "")).name
    for name in (said, file.stem if file.stem != "config" else file.parent.name):
        if os.fspath(path) == "-" and name != said:
            continue
        if name and not diagnostics.model_name_problem(name, MOST_NAME, WILDCARDS):
            return name
    return str(config.get("model_type") or "model")


def _parsed(content: bytes, name: str) -> dict[str, Any]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(diagnostics.not_utf8(Place(name, 1, 1), content[error.start], error.start)) from None
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        raise SpecError(diagnostics.not_json(Place(name, error.lineno, error.colno, line), error.msg)) from None
    except _Repeated as error:
        raise SpecError(diagnostics.said_twice_in_json(name, str(error))) from None
    except RecursionError:
        raise SpecError(diagnostics.no_configuration(name, "its lists and objects are nested too deep")) from None
    except ValueError as error:  # a number of too many digits, NaN
        raise SpecError(diagnostics.no_configuration(name, str(error))) from None
    if not isinstance(data, dict):
        raise SpecError(diagnostics.no_configuration(name, f"it holds {diagnostics.kind_of(data)}, not an object"))
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise _Repeated(key)
        data[key] = value
    return data


def _constant(word: str) -> float:
    """`"time_step_limit": [0.0, Infinity]` stands in files of state-space models, though JSON has no such number."""
    if word == "NaN":
        raise ValueError(f"{word} is no number")
    return float(word)
