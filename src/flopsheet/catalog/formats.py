"""Number formats: the words for them, which metric is the bytes of each, and what devices multiply them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flopsheet.catalog.entries import Function
from flopsheet.formula.arms import FORMATS, Choice, choices_and_values
from flopsheet.formula.nodes import Call, Name, Node, Text
from flopsheet.formula.vocabulary import MATCH
from flopsheet.records import NamedTuple
from flopsheet.yamlio.source import Data

BYTES = "format_bytes"  # the function that looks one up
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
            _look_up(BYTES, (), self.bytes_of, "Bytes of one number in a format, its scales included."),
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


def groups(functions: Mapping[str, Function]) -> dict[str, tuple[Choice, ...]]:
    """The word that stands for all formats in `match(…)`, where the catalogue has any."""
    looked_up = functions.get(BYTES)
    if not looked_up or not isinstance(looked_up.ast, Call):
        return {}
    return {FORMATS: tuple(word for word, _ in choices_and_values(looked_up.ast))}


def spell_out(raw: Data, words: tuple[str, ...]) -> Data:
    """An input as written, with every format where its choices are `formats` or have that word among them."""
    choices = raw.get("choices", ())
    if choices == FORMATS:
        return {**raw, "choices": words, "choices_called": CALLED}
    if FORMATS not in choices:
        return raw
    others = [choice for choice in choices if choice != FORMATS]
    return {**raw, "choices": (*others, *words), "choices_called": f"{', '.join(others)} or {CALLED}"}


def _look_up(name: str, more: tuple[str, ...], values: Mapping[str, str], doc: str) -> Function:
    arms = ", ".join(f"{word}: {value}" for word, value in values.items())
    parts: list[Node] = [part for word, value in values.items() for part in (Text(word), Name(value))]
    return Function(name, ("name", *more), Call(MATCH, (Name("name"), *parts)), f"match(name, {arms})", doc)
