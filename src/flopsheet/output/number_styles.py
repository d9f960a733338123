"""A number as a text: in the style of its unit, as a percentage, or with a prefix where it is large."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flopsheet.catalog.entries import Scalar, Unit
from flopsheet.numerics import EXACT


def percent(share: float, format: str) -> str:
    """`57.4 %` of 0.574 and `.1%`: with a blank, which no format of Python has."""
    return f"{share:{format}}".replace("%", " %")


def _exact(number: float) -> str:
    if number == int(number) and abs(number) < EXACT:
        return f"{int(number):,}"
    return f"{number:,.15g}"


# How a text shows a number, by the style of its unit.
STYLES: dict[str, Callable[[float], str]] = {
    "exact": _exact,
    "count": lambda number: _exact(number) if abs(number) < EXACT else f"{number:.4g}",
    "percent": lambda number: percent(number, ".2%"),
    "times": lambda number: f"{number:,.2f}×",
    "2 decimals": lambda number: f"{number:,.2f}",
    "3 decimals": lambda number: f"{number:,.3f}",
    "rounded": lambda number: f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}",
}


def format_value(value: Scalar, unit: Unit) -> str:
    """A value in its unit's style: `2,127,057,600`, `57.41 %`, `38.05×`."""
    return value if isinstance(value, str) else STYLES[unit.style](float(value))


# Powers of 1,000 with what a number of them is followed by.
COUNTED = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def scaled(value: float, unit: str, scale: Sequence[tuple[float, str]]) -> str:
    """A large number for reading, rounded: `2.13 B`, `257.5 TFLOP`."""
    number = float(value)
    for power, prefix in scale:
        if abs(number) >= power:
            return f"{number / power:.{1 if abs(number) >= 100 * power else 2}f} {prefix}{unit}"
    return f"{_exact(number)} {unit}".strip()
