"""Python data as YAML text, so that a spec given as a mapping goes the way of a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flopsheet import diagnostics
from flopsheet.diagnostics import Problem, SpecError
from flopsheet.numerics import LARGEST_NUMBER
from flopsheet.yamlio.source import DEEPEST, Data, Path, spell


def to_yaml(data: Data) -> str:
    """A mapping of texts, numbers, truth values, lists and mappings as JSON, which is YAML."""
    import json  # only where a spec is no file

    problems: list[Problem] = []
    plain = _plain(data, (), problems)
    if problems:
        raise SpecError(problems)
    return json.dumps(plain, indent=1, ensure_ascii=False)


def _plain(value: Any, path: Path, problems: list[Problem]) -> Any:
    """The value as JSON knows it; what no file could say becomes a problem."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        if not -LARGEST_NUMBER < value < LARGEST_NUMBER:  # neither is NaN
            word = str(value) if isinstance(value, float) else f"1e{math.log10(abs(value)):.0f}"
            problems.append(diagnostics.not_a_cell_number(None, spell(path), word))
        return value
    if len(path) == DEEPEST:
        raise SpecError(diagnostics.too_deep(None, DEEPEST))
    if isinstance(value, Mapping):
        problems += [diagnostics.not_a_text_key(key, spell(path)) for key in value if not isinstance(key, str)]
        return {key: _plain(item, (*path, key), problems) for key, item in value.items() if isinstance(key, str)}
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, index), problems) for index, item in enumerate(value)]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return _plain(value.tolist(), path, problems)
    problems.append(diagnostics.not_plain(value, spell(path)))
    return None
