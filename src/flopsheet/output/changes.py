"""A change of one number in few digits: `49.33 → 154.5 GiB (3.1×)`, `57.4 → 59.2 % (+1.8 pp)`, `12.67 M → no price`."""

from __future__ import annotations

from decimal import Decimal

from flopsheet.catalog.entries import Unit
from flopsheet.numerics import EXACT
from flopsheet.output.number_styles import COUNTED, format_value

Value = float | str | None

NOTHING = "–"
ARROW = " → "
PLAIN = {"parameters", "count"}  # of which a label says enough
MOST_DIGITS = 12  # that tell two results apart
FACTOR = 2  # from where on a rise is told as a factor


def number(value: Value, unit: Unit, *, exact: bool = False) -> str:
    """A value of a unit, with four digits that count, without the unit; `exact` with all that its style has, if any."""
    if value is None or isinstance(value, str):
        return NOTHING if value is None else value
    # Of what is no whole thing, every digit would be up to fifteen.
    if exact and (unit.style not in {"exact", "count"} or value.is_integer()):
        return _minus(format_value(value, unit).removesuffix(" %").removesuffix("×"))
    if unit.style == "percent":
        return _minus(f"{100 * value:.1f}")
    if abs(value) >= 1e6:
        power, prefix = next(one for one in COUNTED if abs(value) >= one[0])
        return _minus(f"{_digits(value / power)} {prefix}")
    return _minus(_digits(value))


def exact_number(value: float) -> str:
    """A number that somebody wrote, with every digit: `15.5 T`, `1,600`, `0.85`."""
    for power, prefix in COUNTED:
        text = f"{value / power:.6g}"
        if abs(value) >= power and "e" not in text and float(text) * power == value:
            return _minus(f"{text} {prefix}")
    return _minus(f"{value:,.0f}" if value.is_integer() and abs(value) < EXACT else f"{value:,.15g}")


def _digits(value: float) -> str:
    """Four digits, or all before the point: `0.827`, `12.67`, `1,308`, `393,216`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def pair(before: Value, after: Value, unit: Unit) -> tuple[str, str]:
    """Both values, each with its unit; with more digits where few say the same twice."""
    texts = [
        (number(before, unit), number(after, unit)),
        (number(before, unit, exact=True), number(after, unit, exact=True)),
        *((_in_digits(before, unit, digits), _in_digits(after, unit, digits)) for digits in range(5, MOST_DIGITS + 1)),
    ]
    before_text, after_text = next((one for one in texts if one[0] != one[1]), texts[1])
    return with_unit(before_text, before, unit), with_unit(after_text, after, unit)


def _in_digits(value: Value, unit: Unit, digits: int) -> str:
    if value is None or isinstance(value, str):
        return number(value, unit)
    shown = 100 * value if unit.style == "percent" else value
    # What stands before the point is never rounded: no reader counts in powers of ten.
    return _minus(f"{shown:,.0f}" if abs(shown) >= 10**digits else f"{shown:,.{digits}g}")


def with_unit(text: str, value: Value, unit: Unit) -> str:
    """A number followed by its unit, a text as it is."""
    if value is None or isinstance(value, str):
        return text
    if unit.style in {"percent", "times"}:
        return f"{text} %" if unit.style == "percent" else f"{text}×"
    label = "" if not unit.beside or unit.label in PLAIN else unit.plural
    return f"{text} {label}".strip()


def change(before: Value, after: Value, unit: Unit | None) -> str:
    """How much more or less: percentage points of a share, a factor of what doubles, else a percentage."""
    if before is None or after is None or isinstance(before, str) or isinstance(after, str):
        return ""
    if unit and unit.style == "percent":
        points = 100 * (after - before)
        return _minus(f"{points:+.1f} pp" if abs(points) >= 0.05 else f"{points:+.1g} pp")
    if not before:
        return ""
    ratio = after / before
    if ratio >= FACTOR:
        return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.2g}×"
    percent = 100 * (after - before) / abs(before)
    return _minus(f"{percent:+,.0f} %" if abs(percent) >= 10 else f"{Decimal(f'{percent:.2g}'):+f} %")


def told(label: str, before: Value, after: Value, unit: Unit) -> str:
    """`time 412.5 → 426.2 days (+3.3 %)`."""
    texts = pair(before, after, unit)
    same = with_unit("", 0.0, unit)
    first = texts[0].removesuffix(same).strip() if same and texts[1].endswith(same) else texts[0]
    more = change(before, after, unit)
    return f"{label} {first}{ARROW}{texts[1]}{f' ({more})' if more else ''}"
