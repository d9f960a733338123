"""Wording: values of a spec that are of another kind, out of range, or none at all."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from flopsheet import quantities
from flopsheet.diagnostics.problem import Finding, Problem, nearest, quoted, shown


def kind_of(value: object) -> str:
    """A value of a spec in words: `true`, `'text'`, `a list`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"'{shown(value)}'"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case float():
            return f"{value:,.15g}"
        case int():
            return shown(f"{value:,}")
    return type(value).__name__


def bounds(value: float, least: float | None, most: float) -> str:
    if least is not None and most < 1e15:
        return f"write {least:,.15g} to {most:,.15g}"
    return f"write at most {most:,.0f}" if value > most else f"write {least:,.15g} or more"


def number_problem(
    value: object, least: float | None, most: float, *, whole: bool, unit: str = "count"
) -> Finding | None:
    if isinstance(value, str) and (finding := quantities.refusal(value, unit)):
        return finding
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{kind_of(value)} is not a number", no_number_in(value, "whole number" if whole else "number")
    if (least is not None and value < least) or value > most:
        return f"{kind_of(value)} is out of range", bounds(value, least, most)
    if whole and value != int(value):
        return f"{kind_of(value)} is not a whole number", f"write {math.floor(value):,} or {math.ceil(value):,}"
    return None


# How a number is written elsewhere, compiled when looked for: 150M, 80 GB, 40 GiB, 700W; 4,096 and 131_072; 40%.
SUFFIXED = (
    r"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<prefix>[kKmMgGbBtTpP]?)(?P<binary>i?)"
    r"(?:[bB]|[bB]/s|bytes|FLOPS?|FLOP/s|[wW])?"
)
GROUPED = r"[0-9]{1,3}(?:[, ][0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:_[0-9]+)+(?:\.[0-9]+)?"
PERCENT = r"([0-9]+(?:\.[0-9]+)?) ?%"
POWERS = {"k": 1, "m": 2, "g": 3, "b": 3, "t": 4, "p": 5}


def spelled_out(text: str) -> str:
    """The number, in digits, of a text in which somebody wrote it as elsewhere; empty where it is something else."""
    if not text[:1].isdigit() or "*" in text:
        return ""
    if re.fullmatch(GROUPED, text):
        return re.sub("[, _]", "", text)
    if found := re.fullmatch(PERCENT, text):
        return f"{float(found[1]) / 100:.15g}"
    found = re.fullmatch(SUFFIXED, text)
    if not found:
        return ""
    number, power = found["number"], POWERS.get(found["prefix"].lower(), 0)
    if found["binary"]:
        return f"{float(number) * 1024**power:.15g}"
    if power == 1 and text.endswith(found["prefix"]):
        return f"{float(number) * 1000:.15g} or {float(number) * 1024:.15g}"
    return f"{number}e{3 * power}" if power else number


def number_written_otherwise(text: str, unit: str) -> Finding | None:
    """A text that is a number elsewhere, such as 4,096, or has a suffix of another unit."""
    if finding := quantities.refusal(text.strip(), unit):
        return finding
    digits = spelled_out(text.strip())
    return (f"{kind_of(text)} is not a number", f"write {digits}") if digits not in {"", text.strip()} else None


def no_number_in(value: object, wanted: str = "number") -> str:
    """What to write for what is not a number."""
    if isinstance(value, str) and (digits := spelled_out(value)):
        return "remove the quotes" if digits == value else f"write {digits}"
    return f"write a {wanted}"


def choice_problem(value: object, choices: Sequence[int | str]) -> Finding | None:
    if not isinstance(value, bool) and value in choices:
        return None
    words = [str(choice) for choice in choices]
    near = nearest(value, words) if isinstance(value, str) else None
    remedy = f"did you mean {kind_of(choices[words.index(near)])}? " if near else ""
    return f"{kind_of(value)} is not a choice", f"{remedy}choices: {quoted(words)}"


def flag_problem(value: object) -> Finding | None:
    return None if isinstance(value, bool) else (f"{kind_of(value)} is neither true nor false", "write true or false")


def text_problem(value: object, most: int) -> Finding | None:
    if not isinstance(value, str):
        remedy = "write one, or remove the key" if value is None else "write a text"
        return f"{kind_of(value)} is not a text", "put it in quotes" if isinstance(value, int | float) else remedy
    if not value.strip():
        return "the text is empty", "write something, or remove the key"
    if len(value) > most:
        return f"the text has {len(value):,} characters", f"{most:,} are the most"
    return None


def list_for_input(grain: str) -> Finding:
    """Several values for an input, which has one."""
    where = "write one spec for each value" if grain == "study" else "write one, or the list under sweep:"
    return "a list is not a number", where


def reference_problem(kind: str, value: object, most: int) -> Finding | None:
    """What is no name of a model or of a kind of hardware."""
    if isinstance(value, dict):
        where = "models" if kind == "model" else kind
        return "a mapping is not a name", f"give it a name under {where}:, and write that name here"
    if isinstance(value, list):
        return "a list is not a name", "write one, or the list under sweep:"
    return text_problem(value, most)


def claimed_problem(value: object, most: float) -> Finding | None:
    """What is no number of any unit."""
    if isinstance(value, str) and quantities.is_read(value):
        return None  # whether of the unit of its metric is seen when that is known
    return number_problem(value, None, most, whole=False)


def equals_problem(value: object) -> Finding | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return f"{kind_of(value)} is neither a number nor a text", "write what the metric should be"
    return None


def version_problem(value: object) -> Finding | None:
    return None if type(value) is int and value == 1 else ("this version of the format is unknown", "write version: 1")


def not_plain(value: object, path: str) -> Problem:
    return Problem(f"{type(value).__name__} is no type of a spec", "give texts, numbers, lists and mappings", path)


def not_a_text_key(key: object, path: str) -> Problem:
    return Problem(f"keys are text, but {shown(repr(key))} is none", "give it as a str", path)


def gives(text: str, finding: Finding | None) -> Finding | None:
    """What is wrong with the value of an expression, which the line of the file does not show."""
    return (f"{shown(text)} = {finding[0]}", finding[1]) if finding else None


def no_number(text: str) -> Finding:
    return f"'{shown(text)}' is true or false, not a number", "write where(condition, a, b)"


def no_value(text: str) -> Finding:
    return f"'{shown(text)}' has no value", "check for a division by zero or a number out of range"
