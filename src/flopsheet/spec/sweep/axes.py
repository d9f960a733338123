"""The values under `sweep:`: lists, ranges and pairs of them, and the combinations that they span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any, TypeVar

from flopsheet import diagnostics
from flopsheet.catalog import Input
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.records import frozen
from flopsheet.spec.resolve.draft import Draft, Fault, Resolved
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.kinds import SWEEP_WORDS
from flopsheet.yamlio.source import Data, Path

MOST_VALUES = 100_000  # of one input
Number = TypeVar("Number", bound=Any)  # int, or an array of them


@frozen
class Axis:
    """Inputs that change together: one of the grid, or those under `zip:`."""

    keys: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]  # one tuple per key
    paths: tuple[Path, ...]  # where each key's values stand; a list's item adds its index
    listed: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.values[0])

    def said(self, at: int) -> Iterator[tuple[str, Any, Path]]:
        for key, values, path, is_list in zip(self.keys, self.values, self.paths, self.listed, strict=True):
            yield key, values[at], (*path, at) if is_list else path


@frozen
class Grid:
    """The combinations of the points of some axes, numbered, the last axis fastest."""

    axes: tuple[Axis, ...]

    @cached_property
    def size(self) -> int:
        return prod(map(len, self.axes))

    @cached_property
    def strides(self) -> tuple[int, ...]:
        return tuple(prod(map(len, self.axes[at + 1 :])) for at in range(len(self.axes)))

    @property
    def keys(self) -> tuple[str, ...]:
        """The inputs that change."""
        return tuple(key for axis in self.axes for key in axis.keys)

    def points(self, number: Number) -> tuple[Number, ...]:
        """Which point of each axis a combination has, or each of an array of combinations."""
        return tuple(number // stride % len(axis) for stride, axis in zip(self.strides, self.axes, strict=True))

    def said(self, number: int) -> Iterator[tuple[str, Any, Path]]:
        """The inputs of a combination with their values, and where the spec says them."""
        for axis, at in zip(self.axes, self.points(number), strict=True):
            yield from axis.said(at)


def read_grid(draft: Draft, path: Path, raw: Data) -> Resolved[Grid]:
    """The grid under `sweep:`, without the axes that are faulty."""
    axes: list[Axis] = []
    faults: list[Fault] = []
    for key in raw:
        if key in SWEEP_WORDS:
            continue
        axis = _axis(draft, (*path, key), key, raw[key])
        if isinstance(axis, Fault):
            faults.append(axis)
        else:
            axes.append(axis)
    if raw.get("zip"):
        zipped, wrong = _zipped(draft, (*path, "zip"), raw["zip"])
        axes += [zipped] if zipped else []
        faults += wrong
    return Resolved(Grid(tuple(axes)), faults)


def _axis(draft: Draft, at: Path, key: str, raw: Any) -> Axis | Fault:
    """One input and its values, written as a list or as a range; or what is wrong with them."""
    if isinstance(raw, dict):
        values = _range(draft, at, raw, draft.inputs[key])
        return values if isinstance(values, Fault) else Axis((key,), (values,), (at,), (False,))
    if len(raw) > MOST_VALUES:
        return draft.fault(at, diagnostics.values_of_one_input(len(raw), MOST_VALUES))
    return _repeated(draft, at, raw) or Axis((key,), (tuple(raw),), (at,), (True,))


def _repeated(draft: Draft, path: Path, raw: Sequence[Any]) -> Fault | None:
    """The first value that occurs a second time."""
    seen: set[str] = set()
    for at, value in enumerate(raw):
        if label(value).casefold() in seen:
            return draft.fault((*path, at), diagnostics.repeated_value(label(value)))
        seen.add(label(value).casefold())
    return None


def _range(draft: Draft, path: Path, raw: Data, entry: Input) -> tuple[float, ...] | Fault:
    """The values from `from` to `to`; decimal, so that 0.1 to 0.3 has three."""
    from decimal import Decimal  # which few specs need, and each start takes time

    first, last, step = (Decimal(repr(raw.get(key, 1))) for key in ("from", "to", "step"))
    for key in ("from", "to", "step"):
        least, most = (None, LARGEST_INPUT) if key == "step" else (entry.least, entry.largest)
        if problem := diagnostics.number_problem(raw.get(key, 1), least, most, whole=entry.whole):
            return draft.fault((*path, key), problem)
    if step <= 0:
        return draft.fault((*path, "step"), diagnostics.step_not_positive(raw["step"]))
    if last < first:
        return draft.fault(path, diagnostics.empty_range(raw["from"], raw["to"]))
    if (last - first) / step >= MOST_VALUES:
        return draft.fault(path, diagnostics.values_of_one_input(float((last - first) / step) + 1, MOST_VALUES))
    values = (first + step * at for at in range(int((last - first) / step) + 1))
    return tuple(int(value) if value == int(value) else float(value) for value in values)


def _zipped(draft: Draft, path: Path, raw: Data) -> Resolved[Axis | None]:
    """The inputs under `zip:` as one axis; in it, values may repeat, pairs not."""
    single = []
    for key, values in raw.items():
        listed = not isinstance(values, dict)
        found = tuple(values) if listed else _range(draft, (*path, key), values, draft.inputs[key])
        if isinstance(found, Fault):
            return Resolved(None, [found])
        if not found:
            return Resolved(None, [])  # an empty list, which was told with the shape
        single.append((key, found, (*path, key), listed))
    if len({len(values) for _, values, _, _ in single}) > 1:
        finding = diagnostics.zip_of_different_lengths([(key, len(values)) for key, values, _, _ in single])
        return Resolved(None, [draft.fault(path, finding, key=True)])
    keys, values, paths, listed_ = zip(*single, strict=True)
    axis = Axis(keys, values, paths, listed_)
    seen: set[tuple[str, ...]] = set()
    for at in range(len(axis)):
        labels = tuple(label(value).casefold() for _, value, _ in axis.said(at))
        if labels in seen:
            _, _, where = next(axis.said(at))
            repeated = diagnostics.repeated_value(", ".join(f"{k} {label(v)}" for k, v, _ in axis.said(at)))
            return Resolved(None, [draft.fault(where, repeated)])
        seen.add(labels)
    return Resolved(axis, [])


def word(key: str, style: int) -> str:
    """What an input is called in the name of a variant."""
    return data_model.symbols().get(key, key) if style == 1 else key


def label(value: object) -> str:
    """A value in the name of a variant: as the spec says it, without blanks and without a spreadsheet's wildcards."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "".join(value.split()).replace("**", "^").replace("*", "·")
    return f"{value:.15g}"
