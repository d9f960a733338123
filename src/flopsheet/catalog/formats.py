"""Number formats: the words for them, which metric is the bytes of each, and what devices multiply them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from flopsheet.catalog.entries import Function
from flopsheet.formula.nodes import Call, Name, Node, Text
from flopsheet.formula.vocabulary import MATCH
from flopsheet.yamlio.source import Data

FORMATS = "formats"  # in the place of an input's choices
CALLED = "a number format"  # what a reader is told in the place of a long list
KEYS = frozenset({"formats", "units"})  # of a metric that is the bytes of some formats


class Formats(NamedTuple):
    """Format → the metric of its bytes; format → the units of a device that multiply it, where 16 bits don't."""

    bytes_of: Mapping[str, str]
    units: Mapping[str, str]

    @property
    def functions(self) -> tuple[Function, ...]:
        """What formulas look up by the format that an input names."""
        by_units = {name: self.units.get(name, "others") for name in self.bytes_of}
        return (
            _look_up("format_bytes", (), self.bytes_of, "Bytes of one number in a format, its scales included."),
            _look_up(
                "by_units",
                ("fp8", "fp4", "others"),
                by_units,
                "What belongs to formats that fp8 or fp4 units multiply, and to all others.",
            ),
        )


def read_formats(metrics: Iterable[Data]) -> Formats:
    """The formats that metrics say they are the bytes of."""
    listed = [metric for metric in metrics if FORMATS in metric]
    return Formats(
        {name: metric["name"] for metric in listed for name in metric[FORMATS]},
        {name: unit for metric in listed for name, unit in metric.get("units", {}).items()},
    )


def _look_up(name: str, more: tuple[str, ...], values: Mapping[str, str], doc: str) -> Function:
    arms = ", ".join(f"{word}: {value}" for word, value in values.items())
    parts: list[Node] = [part for word, value in values.items() for part in (Text(word), Name(value))]
    return Function(name, ("name", *more), Call(MATCH, (Name("name"), *parts)), f"match(name, {arms})", doc)
