"""Wording: values of a spec that are of another kind, out of range, or none at all."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from flopsheet import quantities
from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Finding, Problem, nearest, quoted, shown
from flopsheet.numerics import LARGEST_INPUT

SCALED = ("B", "B/s")  # units of which people write billions without saying so
MOST_BILLIONS = 1e4  # 10 TB


def kind_of(value: object) -> str:
    """A value of a spec in words: `true`, `'text'`, `a list`."""
    match value:
        case None:
            return "an empty value"
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


def bounds(value: float, least: float | None, most: float, unit: str) -> str:
    if least is not None and most < LARGEST_INPUT:
        return f"write {least:,.15g} to {most:,.15g}"
    if value > most:
        return f"write at most {most:,.0f}"
    if unit not in SCALED or not 0 < value < MOST_BILLIONS:
        return f"write {least:,.15g} or more"
    return f"write it in {unit}: {value:.15g} G{unit} is {value:.15g}e9, {value:.15g} T{unit} is {value:.15g}e12"


def number_problem(
    value: object, least: float | None, most: float, *, whole: bool, unit: str = "count"
) -> Finding | None:
    if isinstance(value, str) and (finding := refused_suffix(value, unit)):
        return finding
    if isinstance(value, bool) or not isinstance(value, int | float):
        return not_a_number(value, no_number_in(value, "whole number" if whole else "number", unit))
    if (least is not None and value < least) or value > most:
        return out_of_range(value, least, most, unit)
    return not_whole(value) if whole and not float(quantities.to_whole(value)).is_integer() else None


@diagnostic("FS451", "suffix")
def refused_suffix(text: str, unit: str) -> Wording | None:
    """A number has a suffix that is ambiguous, or of another unit.

    Why: 8k is 8,000 to some and 8,192 to others, and 80G does not say of what.
    Fix: Write one of the numbers that the message shows, or a suffix of the right unit.
    Example:
        context_lengths: [8k]
    """
    return quantities.refusal(text, unit)


@diagnostic("FS452", "not-a-number")
def not_a_number(value: object, remedy: str) -> Wording:
    """A number is expected, and something else is given.

    Why: Numbers are written in digits or with a suffix, without commas, quotes or percent signs.
    Fix: Write what the message says.
    Example:
        context_lengths: ["long"]
    """
    return f"{kind_of(value)} is not a number", remedy


@diagnostic("FS453", "out-of-range")
def out_of_range(value: float, least: float | None, most: float, unit: str) -> Wording:
    """A number is outside the bounds of its input.

    Why: A width of zero or a trillion layers is a typing error.
    Fix: Write a number within the bounds that the message shows.
    Example:
        models:
          m: {model: gpt2-small, n_layers: 0}
    """
    return f"{kind_of(value)} is out of range", bounds(value, least, most, unit)


@diagnostic("FS454", "not-whole")
def not_whole(value: float) -> Wording:
    """A number that counts something has a fraction.

    Why: There is no half head or half layer.
    Fix: Write a whole number.
    Example:
        models:
          m: {model: gpt2-small, n_layers: 12.5}
    """
    return f"{kind_of(value)} is not a whole number", f"write {math.floor(value):,} or {math.ceil(value):,}"


POWERS = {  # of a thousand
    prefix.lower(): len(str(factor)) // 3 for prefix, factor in {"k": 10**3, "B": 10**9, **quantities.LARGE}.items()
}
# How a number is written elsewhere, compiled when looked for: 150M, 80 GB, 40 GiB, 700W; 4,096 and 131_072; 40%.
SUFFIXED = (
    rf"(?P<number>[0-9]+(?:\.[0-9]+)?) ?(?P<prefix>(?i:[{''.join(POWERS)}])?)(?P<binary>i?)"
    r"(?:[bB]|[bB]/s|bytes|FLOPS?|FLOP/s|[wW])?"
)
GROUPED = r"[0-9]{1,3}(?:[, ][0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:_[0-9]+)+(?:\.[0-9]+)?"
PERCENT = r"([0-9]+(?:\.[0-9]+)?) ?%"


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
    if finding := refused_suffix(text.strip(), unit):
        return finding
    digits = spelled_out(text.strip())
    if digits not in {"", text.strip()}:
        return not_a_number(text, f"write {digits}")
    remedy = quantities.written_in_prose(text.strip(), unit)
    return not_a_number(text, remedy) if remedy else None


def no_number_in(value: object, wanted: str = "number", unit: str = quantities.COUNTED) -> str:
    """What to write for what is not a number."""
    if isinstance(value, str) and (digits := spelled_out(value)):
        return "remove the quotes" if digits == value else f"write {digits}"
    in_prose = quantities.written_in_prose(value.strip(), unit) if isinstance(value, str) else ""
    return in_prose or f"write a {wanted}"


@diagnostic("FS455", "not-a-choice")
def choice_problem(value: object, choices: Sequence[int | str]) -> Wording | None:
    """A value is not one of the choices of its input.

    Why: Formulas are defined for the listed choices only.
    Fix: Write one of them.
    Example:
        weights: bf61
    """
    if not isinstance(value, bool) and value in choices:
        return None
    words = [str(choice) for choice in choices]
    near = nearest(value, words) if isinstance(value, str) else None
    remedy = f"did you mean {kind_of(choices[words.index(near)])}? " if near else ""
    return f"{kind_of(value)} is not a choice", f"{remedy}choices: {quoted(words)}"


@diagnostic("FS456", "not-a-flag")
def flag_problem(value: object) -> Wording | None:
    """true or false is expected, and something else is given.

    Why: YAML 1.2 reads yes, no, on and off as texts.
    Fix: Write `true` or `false`.
    Example:
        $ flopsheet import config-with-a-flag-in-words.json
    """
    return None if isinstance(value, bool) else (f"{kind_of(value)} is neither true nor false", "write true or false")


@diagnostic("FS457", "not-a-text")
def text_problem(value: object, most: int) -> Wording | None:
    """A text is expected and something else is given, or the text is empty or too long.

    Why: It names something, or is shown in a cell.
    Fix: Write a text, in quotes where YAML reads it as a number.
    Example:
        title: 7
    """
    if not isinstance(value, str):
        remedy = "write one, or remove the key" if value is None else "write a text"
        return f"{kind_of(value)} is not a text", "put it in quotes" if isinstance(value, int | float) else remedy
    if not value.strip():
        return "the text is empty", "write something, or remove the key"
    if len(value) > most:
        return f"the text has {len(value):,} characters", f"at most {most:,} are allowed"
    return None


@diagnostic("FS458", "list-for-input")
def list_for_input(grain: str) -> Wording:
    """A list is given for an input, which has one value.

    Why: Several values of one input make several models.
    Fix: Write one value, or the list under `sweep:`.
    Example:
        models:
          m: {model: gpt2-small, n_layers: [12, 24]}
    """
    where = "write one spec for each value" if grain == "study" else "write one, or the list under sweep:"
    return "a list is not a number", where


def reference_problem(kind: str, value: object, most: int) -> Finding | None:
    """What is no name of a model or of a kind of hardware."""
    return not_a_name(kind, value) if isinstance(value, dict | list) else text_problem(value, most)


@diagnostic("FS459", "not-a-name")
def not_a_name(kind: str, value: object) -> Wording:
    """A mapping or a list is given where a name belongs.

    Why: A run refers to a model and to hardware by name.
    Fix: Give it a name in its section, and write that name here.
    Example:
        serving:
          chat: {model: {model: gpt2-small}, prompt_length: 1, generated_length: 1, n_sequences: 1, hardware: h100-sxm}
    """
    if isinstance(value, list):
        return "a list is not a name", "write one, or the list under sweep:"
    where = "models" if kind == "model" else kind
    return "a mapping is not a name", f"give it a name under {where}:, and write that name here"


def claimed_problem(value: object, most: float) -> Finding | None:
    """What is no number of any unit."""
    if isinstance(value, str) and quantities.is_read(value):
        return None  # whether of the unit of its metric is seen when that is known
    return number_problem(value, None, most, whole=False, unit=quantities.UNKNOWN)


def change_problem(value: object, most: float) -> Finding | None:
    """What is neither a percentage nor a number of any unit."""
    change = quantities.read_change(value)
    return claimed_problem(value if change is None else change[0], most)


@diagnostic("FS660", "expectation-value")
def equals_problem(value: object) -> Wording | None:
    """The expected value is neither a number nor a text.

    Why: A metric is one or the other.
    Fix: Write what the metric should be.
    Example:
        expect:
        - {that: m.n_params, equals: [1]}
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return f"{kind_of(value)} is neither a number nor a text", "write what the metric should be"
    return None


@diagnostic("FS461", "version")
def version_problem(value: object) -> Wording | None:
    """The version of the format is not 1.

    Why: A later format may mean something else by the same keys.
    Fix: Write `version: 1`.
    Example:
        version: 2
        context_lengths: [1024]
        models:
          m: {model: gpt2-small}
    """
    return None if type(value) is int and value == 1 else ("this version of the format is unknown", "write version: 1")


@diagnostic("FS028", "not-plain-data")
def not_plain(value: object, path: str) -> Problem:
    """A mapping from Python has an object that no file could contain.

    Why: A spec is plain data: texts, numbers, truth values, lists and mappings.
    Fix: Convert it first.
    Example:
        >>> flopsheet.compute({"version": 1, "title": object()})
    """
    return Problem(
        f"{type(value).__name__} is not a type that a spec can contain", "use texts, numbers, lists and mappings", path
    )


@diagnostic("FS029", "key-not-str")
def not_a_text_key(key: object, path: str) -> Problem:
    """A mapping from Python has a key that is not a str.

    Why: Keys of a spec are names.
    Fix: Give it as a str.
    Example:
        >>> flopsheet.compute({"version": 1, "models": {70: {"model": "gpt2-small"}}})
    """
    return Problem(f"keys are text, but {shown(repr(key))} is not", "give it as a str", path)


def gives(text: str, finding: Finding | None) -> Finding | None:
    """What is wrong with the value of an expression, which the line of the file does not show."""
    return finding._replace(fact=f"{shown(text)} = {finding.fact}") if finding else None


@diagnostic("FS462", "expression-is-condition")
def no_number(text: str) -> Wording:
    """An expression gives true or false where a number belongs.

    Why: A comparison is a condition, not a size.
    Fix: Write `where(condition, a, b)`.
    Example:
        models:
          m: {model: gpt2-small, d_ff: d_model > 4}
    """
    return f"'{shown(text)}' is true or false, not a number", "write where(condition, a, b)"


@diagnostic("FS463", "expression-without-value")
def no_value(text: str) -> Wording:
    """An expression has no finite value.

    Why: It divides by zero, or its result is out of range.
    Fix: Check what it divides by.
    Example:
        models:
          m: {model: gpt2-small, d_ff: d_model / (n_heads - n_heads)}
    """
    return f"'{shown(text)}' has no finite value", "check for a division by zero or a number out of range"
