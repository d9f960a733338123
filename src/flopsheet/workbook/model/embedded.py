"""The spec as data inside a workbook: lines of text that any spreadsheet program keeps, and the way back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from flopsheet.yamlio.source import Data

LONGEST = 120  # characters of a line, so that a reader and a page see all of it


def to_lines(data: Data) -> list[str]:
    """What a YAML text said, without its comments, as lines of ASCII.

    No line begins or ends with a blank and no two blanks stand together, which a cell may lose; `_x` is spelled
    otherwise, since `_x0041_` is an escape in a cell.
    """
    text = json.dumps(data, separators=(",", ":")).replace("_x", "\\u005fx").replace("  ", " \\u0020")
    lines = []
    while text:
        end = min(LONGEST, len(text))
        while end < len(text) and " " in text[end - 1 : end + 1]:
            end -= 1
        lines.append(text[:end])
        text = text[end:]
    return lines


def digest(lines: Iterable[str]) -> str:
    """The hash of the lines, so that a change of one is seen."""
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def from_lines(lines: Iterable[str]) -> Any:
    """What the lines say; ValueError where they are no data."""
    try:
        return json.loads("".join(lines), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no number")
