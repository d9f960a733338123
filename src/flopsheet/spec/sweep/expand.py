"""`sweep:` of a model or run: the combinations of its values as variants with readable names, made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar

from flopsheet import diagnostics
from flopsheet.records import frozen
from flopsheet.spec.entries import ModelSpec
from flopsheet.spec.resolve.models import Resolver
from flopsheet.spec.resolve.scope import RawInput, RawInputs
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.kinds import SWEEP_WORDS
from flopsheet.spec.sweep import axes
from flopsheet.spec.sweep.axes import Grid, label, word
from flopsheet.spec.sweep.exclude import Exclude, Partial, find_kept, read_condition, readable
from flopsheet.yamlio.source import Path

MOST_COMBINATIONS = 10_000_000  # of one sweep
MOST_HELD = 10_000  # models in memory at once, in a workbook or a report
AT_ONCE = 50_000  # combinations that are looked at together
OF_MODELS = frozenset({"model", "layer_group"})

Variant = TypeVar("Variant")


@frozen
class Sweep:
    """A model or run and the values that some of its inputs take; combinations are numbered, the last axis fastest."""

    name: str
    path: Path
    said: RawInputs
    grid: Grid
    excludes: tuple[Exclude, ...]
    style: int
    """How variants are named: 0 by the names of inputs, 1 by their symbols, 2 by number."""

    @cached_property
    def labels(self) -> tuple[tuple[str, ...], ...]:
        """What each point of each axis adds to the name."""
        return tuple(
            tuple(
                " ".join(f"{word(key, self.style)}={label(v)}" for key, v, _ in axis.said(at))
                for at in range(len(axis))
            )
            for axis in self.grid.axes
        )

    @property
    def n_groups(self) -> int:
        """Layer groups of each variant."""
        return len(self.said["layers"].value) if "layers" in self.said else 1

    def variant(self, number: int) -> str:
        """The name of a combination."""
        if self.style == 2:
            return f"{self.name} #{number + 1:0{len(str(self.grid.size))}}"
        named = (labels[at] for labels, at in zip(self.labels, self.grid.points(number), strict=True))
        return " ".join((self.name, *named))

    def find(self, name: str, resolver: Resolver) -> int | None:
        """The combination of a name, where there is one that is not excluded."""
        if not name.startswith(f"{self.name} "):
            return None
        words, number = name[len(self.name) + 1 :].split(" "), 0
        if self.style == 2:
            digits = words[0].removeprefix("#")
            number = int(digits) - 1 if digits.isdecimal() else -1
        else:
            for axis, labels, stride in zip(self.grid.axes, self.labels, self.grid.strides, strict=True):
                word_of_axis, words = " ".join(words[: len(axis.keys)]), words[len(axis.keys) :]
                if word_of_axis not in labels:
                    return None
                number += labels.index(word_of_axis) * stride
        if not 0 <= number < self.grid.size or self.variant(number) != name:
            return None
        found = find_kept(self.excludes, range(number, number + 1), self.grid, self.said, resolver)
        return number if len(found) else None

    def kept(self, resolver: Resolver) -> Iterator[Sequence[int]]:
        """The combinations that are not excluded, some at a time."""
        for start in range(0, self.grid.size, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, self.grid.size))
            yield find_kept(self.excludes, numbers, self.grid, self.said, resolver) if self.excludes else numbers

    def first(self, resolver: Resolver) -> str:
        """The name of the first variant; empty where every combination is excluded."""
        return next((self.variant(some[0]) for some in self.kept(resolver) if len(some)), "")

    def raw_inputs(self, resolver: Resolver, number: int) -> RawInputs:
        """What a combination says: the model's own inputs, the swept ones over them."""
        own: RawInputs = {}
        for key, value, path in self.grid.said(number):
            own |= {name: RawInput(one.value, path) for name, one in resolver.normalize((), {key: value}).items()}
        return {**self.said, **own}

    def resolve(self, resolver: Resolver, number: int) -> ModelSpec | None:
        return resolver.model(self.variant(number), self.raw_inputs(resolver, number), self.path)


def models(resolver: Resolver) -> Iterator[ModelSpec]:
    """Every model of a spec, each swept one as its variants."""
    held = 0
    for entry in families(resolver):
        if isinstance(entry, ModelSpec):
            held += 1
            yield entry
            continue
        for model in variants(resolver, entry, partial(entry.resolve, resolver), held, MOST_HELD):
            held += 1
            resolver.names.append(model.name)
            yield model


def variants(
    resolver: Resolver, entry: Sweep, resolve: Callable[[int], Variant | None], held: int, most: int
) -> Iterator[Variant]:
    """The variants of a sweep, where with those that are held they are not too many.

    Of the faulty ones the first is told, and how many fail.
    """
    numbers = [number for some in entry.kept(resolver) for number in some]
    if not numbers:
        resolver.report((*entry.path, "sweep", "exclude"), diagnostics.excludes_everything(), key=True)
        return
    if held + len(numbers) > most:
        finding = diagnostics.too_many_variants(held + len(numbers), most, entry.path[0])
        resolver.report((*entry.path, "sweep"), finding, key=True)
        resolver.unresolved.append(entry.name)
        return
    before, failed, told = len(resolver.problems), 0, len(resolver.problems)
    for number in numbers:
        faults = resolver.faults
        made = resolve(number)
        if made is not None and resolver.faults == faults:
            yield made
            continue
        failed += 1
        told = told if told > before else len(resolver.problems)
        del resolver.problems[told:]
    if failed:
        resolver.unresolved.append(entry.name)
    for at in range(before, told):
        resolver.problems[at] = diagnostics.failing_variants(resolver.problems[at], failed, len(numbers))


def families(resolver: Resolver) -> Iterator[ModelSpec | Sweep]:
    """The models in the order of the file, swept ones still unexpanded."""
    merged, swept = resolver.merged_models(), resolver.swept()
    resolver.names += [name for name in resolver.listed() if name not in swept]
    for name, said in merged.items():
        path: Path = ("models", name)
        check_name(resolver, path, swept)
        if name not in swept:
            if (model := resolver.model(name, said)) is not None:
                yield model
        elif resolver.is_valid(path) and (entry := read(resolver, path, said, OF_MODELS)) is not None:
            yield entry
        else:
            resolver.unresolved.append(name)


def check_name(resolver: Resolver, path: Path, swept: Sequence[str]) -> None:
    """A model or run that is called like a variant of a swept one could not be told from it."""
    name = str(path[-1])
    for base in swept:
        if name.casefold().startswith(f"{base.casefold()} ") and ("=" in name or "#" in name):
            resolver.report(path, diagnostics.could_be_a_variant(name, base), key=True)


def read(resolver: Resolver, of: Path, said: RawInputs, grains: frozenset[str]) -> Sweep | None:
    """The sweep of a model or run, whose inputs have these grains; None where it is faulty, which is reported."""
    name, path = str(of[-1]), (*of, "sweep")
    raw = resolver.data[str(of[0])][name]["sweep"]
    before = len(resolver.problems)
    grid = axes.read(resolver, path, raw)
    _check_keys(resolver, path, raw, said)
    if not grid.axes and len(resolver.problems) == before:
        resolver.report(path, diagnostics.sweeps_nothing(), key=True)
    if grid.size > MOST_COMBINATIONS:
        resolver.report(path, diagnostics.too_many_combinations(grid.size, MOST_COMBINATIONS), key=True)
    if len(resolver.problems) > before:
        return None
    style, length = _style(name, grid)
    if length > data_model.MOST_NAME:
        resolver.report(of, diagnostics.variant_names_too_long(length, data_model.MOST_NAME), key=True)
    known = readable(resolver.inputs, said, grid.keys, grains)
    excludes = _excludes(resolver, (*path, "exclude"), raw.get("exclude") or [], grid, known)
    if len(resolver.problems) > before:
        return None
    found = Sweep(name, of, said, grid, excludes, style)
    resolver.variants[name] = partial(found.first, resolver)
    return found


def _check_keys(resolver: Resolver, path: Path, raw: Mapping[str, Any], said: RawInputs) -> None:
    """No input twice, and none that a layer group says itself."""
    zipped = raw.get("zip") or {}
    places = {key: (*path, key) for key in raw if key not in SWEEP_WORDS}
    for key in zipped:
        if key in places:
            resolver.report((*path, "zip", key), diagnostics.said_twice(key, key), key=True)
        places[key] = (*path, "zip", key)
    if "ffn" in places and "ffn_matrices" in places:
        resolver.report(places["ffn"], diagnostics.said_twice("ffn", "ffn_matrices"), key=True)
    for at, group in enumerate(said["layers"].value if "layers" in said else ()):
        own = resolver.normalize((), {key: value for key, value in group.items() if key != "n_layers"})
        for key, where in places.items():
            if ("ffn_matrices" if key == "ffn" else key) in own:
                resolver.report(where, diagnostics.said_by_a_group(key, group.get("name", f"layers[{at}]")), key=True)


def _excludes(
    resolver: Resolver, path: Path, raw: Sequence[Any], grid: Grid, known: Sequence[str]
) -> tuple[Exclude, ...]:
    found: list[Exclude] = []
    for at, item in enumerate(raw):
        if isinstance(item, str):
            condition = read_condition(resolver, (*path, at), item, known)
            found += [condition] if condition else []
        else:
            found.append(_partial(resolver, (*path, at), item, grid))
    return tuple(found)


def _partial(resolver: Resolver, path: Path, item: Mapping[str, Any], grid: Grid) -> Partial:
    """`{d_model: 4096}`: for each axis the points that have the value."""
    where = {key: at for at, axis in enumerate(grid.axes) for key in axis.keys}
    found: dict[int, frozenset[int]] = {}
    if not item:
        resolver.report(path, diagnostics.excludes_nothing())
    for key, value in item.items():
        if key not in where:
            resolver.report((*path, key), diagnostics.not_varied(key, list(where)), key=True)
            continue
        axis = grid.axes[where[key]]
        known = [label(one) for one in axis.values[axis.keys.index(key)]]
        meant = label(value) if isinstance(value, str | int | float) else diagnostics.kind_of(value)
        if meant not in known:
            resolver.report((*path, key), diagnostics.not_a_value_of(key, meant, known))
        points = frozenset(at for at, one in enumerate(known) if one == meant)
        found[where[key]] = found.get(where[key], points) & points
    return Partial(found)


def _style(name: str, grid: Grid) -> tuple[int, int]:
    """The most telling style of names that is short enough, and the length of the longest."""
    lengths = []
    for style in (0, 1):
        parts = (
            max(
                sum(len(word(key, style)) + 2 + len(label(value)) for key, value, _ in axis.said(at))
                for at in range(len(axis))
            )
            for axis in grid.axes
        )
        lengths.append(len(name) + sum(parts))
    lengths.append(len(name) + 2 + len(str(grid.size)))
    return next(
        ((style, length) for style, length in enumerate(lengths) if length <= data_model.MOST_NAME), (2, lengths[2])
    )
