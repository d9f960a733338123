"""Numbers with a suffix, as people write them: 15T tokens, 128Ki positions, 80GB, 900GB/s, 989TFLOP/s."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from flopsheet.records import NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

NUMBER = r"[-+]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
SUFFIXED = rf"(?P<number>{NUMBER}) ?(?P<suffix>[A-Za-z]{{1,5}}(?:/s)?)"  # compiled where a text is first read

LARGE = {"M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
COUNT = {"M": 10**6, "B": 10**9, "T": 10**12, **{prefix: BINARY[prefix] for prefix in ("Ki", "Mi", "Gi", "Ti")}}
THOUSAND = {"k": "Ki", "K": "Ki"}  # 1,000 or 1,024: refused; with the prefix that says the second


def _of(unit: str, prefixes: Mapping[str, int]) -> dict[str, int]:
    return {f"{prefix}{unit}": factor for prefix, factor in prefixes.items()}


class Kind(NamedTuple):
    """What a number is of: its suffixes, what a message calls it, and how one is written."""

    name: str
    suffixes: Mapping[str, int]
    example: str
    base: str = ""  # the unit that the suffixes end with


PLAIN = Kind("a plain number", COUNT, "15T or 128Ki")
BYTES = Kind("bytes", _of("B", LARGE | BINARY), "80GB or 80GiB", "B")
BYTE_RATE = Kind("bytes per second", _of("B/s", LARGE | BINARY), "900GB/s", "B/s")
FLOPS = Kind("FLOP", _of("FLOP", LARGE), "5TFLOP", "FLOP")
FLOP_RATE = Kind("FLOP per second", _of("FLOP/s", LARGE), "989TFLOP/s", "FLOP/s")
BITS = r"(?P<prefix>[kE]|[MGTP]i?)(?:b|bits?)(?P<rate>ps|/s)?"  # rates of networks are in bits, eighths of bytes
COUNTED = "count"
UNKNOWN = ""  # the unit of a number where something else in the spec tells which it is
TEXT_UNIT, TRUTH = "text", "verdict"
NO_NUMBER = frozenset({TEXT_UNIT, TRUTH})  # units of words
KINDS = (PLAIN, BYTES, BYTE_RATE, FLOPS, FLOP_RATE)

COUNTABLE = frozenset({COUNTED, "token", "width", "parameters"})  # units of which 1,024 may be meant by a thousand

# Unit of the catalogue → kind, and what one of the unit is; every other unit takes a plain number.
OF_UNIT: Mapping[str, tuple[Kind, int]] = {
    "B": (BYTES, 1),
    "GB": (BYTES, 10**9),
    "GiB": (BYTES, 2**30),
    "B/s": (BYTE_RATE, 1),
    "FLOP": (FLOPS, 1),
    "TFLOP": (FLOPS, 10**12),
    "FLOP/s": (FLOP_RATE, 1),
}


def kind_of_unit(unit: str) -> Kind:
    """What numbers of a unit of the catalogue may be written with."""
    return OF_UNIT.get(unit, (PLAIN, 1))[0]


def base_of(unit: str) -> str:
    """The unit that stands for all those whose numbers are written alike."""
    return kind_of_unit(unit).base or COUNTED


def to_whole(value: float) -> float:
    """The whole number that a number is to 15 significant digits, which is how spreadsheets compare; or else itself.

    1600 * 110 % is 1760.0000000000002 in binary, and 1760 to everybody who reads it.
    """
    if value == value // 1 or not math.isfinite(value):
        return value
    told = float(f"{value:.15g}")
    return told if told.is_integer() else value


def read_change(value: object) -> tuple[float, bool] | None:
    """How much more or less: `5 %` is (0.05, True), an amount such as 2e9 is (2e9, False); None of what is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value), False
    found = re.fullmatch(rf"({NUMBER}) ?%", value.strip()) if isinstance(value, str) else None
    return (float(_exact(found[1]) / 100), True) if found else None


def is_suffixed(text: str) -> bool:
    """Whether a text may be a number with a suffix."""
    return re.fullmatch(SUFFIXED, text) is not None


def read_quantity(text: str, unit: str) -> int | float | None:
    """The number that a text says in a unit, exactly: `15T` is 15000000000000; None where it says none."""
    found = None if unit in NO_NUMBER or unit == UNKNOWN else re.fullmatch(SUFFIXED, text)
    kind, one = OF_UNIT.get(unit, (PLAIN, 1))
    factor = found and kind.suffixes.get(found["suffix"])
    if not found or not factor:
        return None
    value = _exact(found["number"]) * factor / one
    return int(value) if value.denominator == 1 else float(value)


def is_read(text: str) -> bool:
    """Whether a text is a number of some unit."""
    return any(read_quantity(text, kind.base or COUNTED) is not None for kind in KINDS)


def refusal(text: str, unit: str) -> tuple[str, str] | None:
    """Why a text with a suffix is no number of a unit, and what to write; None where no suffix is the reason."""
    if in_bytes := _in_bytes(text, unit):
        return in_bytes
    found = re.fullmatch(SUFFIXED, text)
    if not found or (is_read(text) if unit == UNKNOWN else read_quantity(text, unit) is not None):
        return None
    kind = kind_of_unit(unit)
    number, suffix = found["number"], found["suffix"]
    prefix = suffix[:1]
    if prefix in THOUSAND and suffix[1:].casefold() in {"", "b", kind.base.casefold()}:
        value = _exact(number)
        if kind is PLAIN and unit not in COUNTABLE:
            return f"'{text}' is not a number", f"write {_plain(value * 1000)}"
        fact = f"'{text}' is {_digits(value * 1000)} to some and {_digits(value * 1024)} to others"
        return fact, f"write {_plain(value * 1000)} or {number}{THOUSAND[prefix]}{kind.base}"
    if kind is not PLAIN and suffix in COUNT | LARGE | BINARY:
        return _without_unit(text, number, suffix, kind)
    if kind is PLAIN and suffix == "G":
        return f"'{text}' is not a number", f"write {number}B"
    other = next((one for one in KINDS if one is not kind and suffix in one.suffixes), None)
    if other:
        fact = f"'{text}' is in {other.name}, expected {kind.name}"
        return fact, f"write {_in_kind(number, suffix.removesuffix(other.base), kind)}"
    alike = next((one for one in kind.suffixes if one.casefold() == suffix.casefold()), None)
    return (f"'{text}' is not a number", f"write {number}{alike}") if alike else None


def _in_bytes(text: str, unit: str) -> tuple[str, str] | None:
    """Why bits are no bytes, and how many bytes they are; None of what is not in bits."""
    found, kind = re.fullmatch(rf"({NUMBER}) ?{BITS}", text), kind_of_unit(unit)
    if not found or kind not in (BYTES, BYTE_RATE) or (kind is BYTE_RATE) != bool(found["rate"]):
        return None
    suffix = f"{found['prefix']}{kind.base}"
    value = _exact(found[1]) / 8
    written = f"{_plain(value)}{suffix}" if suffix in kind.suffixes else _plain(value * 1000)
    return f"'{text}' is in bits, expected {kind.name}", f"write {written}"


def _in_kind(number: str, prefix: str, kind: Kind) -> str:
    """A number of another kind as one of this kind, where that has the prefix; an example otherwise."""
    prefixes = ("B",) if kind is PLAIN and prefix == "G" else (prefix, prefix.removesuffix("i"))
    return next(
        (f"{number}{one}{kind.base}" for one in prefixes if f"{one}{kind.base}" in kind.suffixes),
        f"a number such as {kind.example}",
    )


def _without_unit(text: str, number: str, suffix: str, kind: Kind) -> tuple[str, str]:
    """A count where a number of bytes or FLOP belongs."""
    if suffix == kind.base:  # B, the only one that is both
        fact = f"'{text}' is {number} bytes to some and {number} billion bytes to others"
        return fact, f"write {number} or {number}G{suffix}"
    prefixes = ("G", "Gi") if suffix == "B" else (suffix, f"{suffix}i") if suffix in LARGE else (suffix,)
    ways = [f"{number}{prefix}{kind.base}" for prefix in prefixes if f"{prefix}{kind.base}" in kind.suffixes]
    return f"'{text}' lacks a unit", f"write {' or '.join(ways) or f'a number such as {kind.example}'}"


# What a number is followed by in prose: its size, and words for units of the catalogue (or of none).
SCALES = {"thousand": "", "million": "M", "mn": "M", "billion": "G", "bn": "G", "trillion": "T", "tn": "T"}
CALLED = {
    "$": "USD", "usd": "USD", "dollar": "USD", "dollars": "USD", "€": "EUR", "eur": "EUR", "euro": "EUR", "£": "GBP",
    "euros": "EUR", "gbp": "GBP", "h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "day",
    "days": "day", "week": "week", "weeks": "week", "min": "min", "minutes": "min", "s": "s", "sec": "s",
    "second": "s", "seconds": "s", "ms": "ms", "w": "W", "watt": "W", "watts": "W", "kw": "kW", "token": "token",
    "tokens": "token", "gpus": COUNTED, "devices": COUNTED, "layers": COUNTED, "params": "parameters",
    "parameters": "parameters", "byte": "B", "bytes": "B",
}  # fmt: skip
IN_PROSE = (
    rf"(?P<currency>[$€£]?) ?(?P<number>{NUMBER}) ?(?P<suffix>[kKMGBT]?|[KMGT]i)"
    rf"(?: ?(?P<scale>(?i:{'|'.join(SCALES)})))?(?: ?(?P<word>[A-Za-z]+|[$€£])(?:(?:/| per )[A-Za-z]+)?)?"
)


def written_in_prose(text: str, unit: str) -> str:
    """What to write for a number with a word for its size or unit, such as `500 billion` or `2.5 USD`; else empty."""
    found = re.fullmatch(IN_PROSE, text)
    word = found and (found["word"] or found["currency"]).casefold()
    if not found or (word and word not in CALLED) or not (word or found["scale"]):
        return ""
    kind, scale = kind_of_unit(unit), (found["scale"] or "").casefold()
    if scale == "thousand" or found["suffix"] in THOUSAND:
        digits = _plain(_exact(found["number"]) * 1000)
    elif scale:
        digits = _in_kind(found["number"], SCALES[scale], kind)
    else:
        digits = found["number"] + found["suffix"]
    own = unit.partition("/")[0]
    if not word or CALLED[word] == own or {CALLED[word], own} <= COUNTABLE:
        is_named = bool(word) and kind is PLAIN and unit not in COUNTABLE
        return f"write the number alone, in {unit}: {digits}" if is_named else f"write {digits}"
    return "write the number alone" + ("" if unit in COUNTABLE | {UNKNOWN, "share", "ratio"} else f", in {unit}")


@cache
def pattern(unit: str) -> str:
    """A regular expression of what `read_quantity` takes for a number of a unit, of any where that is unknown."""
    kinds = KINDS if unit == UNKNOWN else (kind_of_unit(unit),)
    suffixes = dict.fromkeys(suffix for kind in kinds for suffix in kind.suffixes)
    return rf"^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+) ?({'|'.join(suffixes)})$"


def _exact(digits: str) -> Fraction:
    """The very number that digits say, which is 4.35 * 100 in no float."""
    from fractions import Fraction  # takes as long to import as a mistake to be told

    return Fraction(digits)


def _plain(value: Fraction) -> str:
    return f"{float(value):.15g}"


def _digits(value: Fraction) -> str:
    return f"{float(value):,.15g}"
