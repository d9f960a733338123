"""`sweep:` of a model or run: the combinations of its values as variants with readable names, made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from flopsheet import diagnostics
from flopsheet.records import frozen
from flopsheet.spec.entries import ModelSpec
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved
from flopsheet.spec.resolve.inherit import inherit
from flopsheet.spec.resolve.models import resolve_model
from flopsheet.spec.resolve.names import Names
from flopsheet.spec.resolve.normalize import normalize
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.kinds import SWEEP_WORDS, input_of
from flopsheet.spec.schema.shapes import MOST_NAME
from flopsheet.spec.sweep import axes
from flopsheet.spec.sweep.axes import Grid, label, word
from flopsheet.spec.sweep.exclude import Condition, Exclude, Partial, find_kept, read_condition, readable
from flopsheet.yamlio.source import Data, Path

MOST_COMBINATIONS = 10_000_000  # of one sweep
MOST_HELD = data_model.MOST_MODELS
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
    draft: Draft = field(repr=False)

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

    def find(self, name: str) -> int | None:
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
        found = find_kept(self.excludes, range(number, number + 1), self.grid, self.said, self.draft.inputs)
        return number if len(found) else None

    def kept(self) -> Iterator[Sequence[int]]:
        """The combinations that are not excluded, some at a time."""
        for start in range(0, self.grid.size, AT_ONCE):
            some = range(start, min(start + AT_ONCE, self.grid.size))
            yield find_kept(self.excludes, some, self.grid, self.said, self.draft.inputs) if self.excludes else some

    def first(self) -> str:
        """The name of the first variant; empty where every combination is excluded."""
        return next((self.variant(some[0]) for some in self.kept() if len(some)), "")

    def raw_inputs(self, number: int) -> RawInputs:
        """What a combination says: the model's own inputs, the swept ones over them."""
        own: RawInputs = {}
        for key, value, path in self.grid.said(number):
            inputs, _ = normalize(self.draft, (), {key: value})
            own |= {name: RawInput(one.value, path) for name, one in inputs.items()}
        return {**self.said, **own}

    def resolve(self, number: int) -> Resolved[ModelSpec | None]:
        """A combination as a model."""
        return resolve_model(self.draft, self.variant(number), self.raw_inputs(number), self.path)

    def excludes_everything(self) -> Fault:
        return self.draft.fault((*self.path, "sweep", "exclude"), diagnostics.excludes_everything(), key=True)


class Families(NamedTuple):
    """The models in the order of the file, and their names."""

    members: tuple[ModelSpec | Sweep, ...]
    names: Names


class Expanded(NamedTuple, Generic[Variant]):
    """The valid variants of a sweep, and whether these are all."""

    variants: list[Variant]
    is_whole: bool


def families(draft: Draft) -> Resolved[Families]:
    """The models, swept ones still unexpanded."""
    merged, faults = inherit(draft)
    swept = draft.swept()
    members: list[ModelSpec | Sweep] = []
    unresolved: list[str] = []
    for name, said in merged.items():
        member, wrong = _family(draft, name, said, swept)
        faults += wrong
        if member is not None:
            members.append(member)
        elif name in swept:
            unresolved.append(name)
    return Resolved(Families(tuple(members), _names(draft, members, (), unresolved)), faults)


def models(draft: Draft) -> Resolved[Families]:
    """The models, each swept one as its variants."""
    merged, faults = inherit(draft)
    swept = draft.swept()
    members: list[ModelSpec | Sweep] = []
    found: list[ModelSpec] = []
    variants: list[ModelSpec] = []
    unresolved: list[str] = []
    for name, said in merged.items():
        member, wrong = _family(draft, name, said, swept)
        faults += wrong
        if isinstance(member, ModelSpec):
            found.append(member)
        elif member is not None:
            members.append(member)
            told = {fault.key for fault in faults}
            expanded, wrong = expand(member, member.resolve, len(found), MOST_HELD, told)
            found += expanded.variants
            variants += expanded.variants
            faults += wrong
            unresolved += [] if expanded.is_whole else [name]
        elif name in swept:
            unresolved.append(name)
    return Resolved(Families(tuple(found), _names(draft, members, variants, unresolved)), faults)


def _names(
    draft: Draft, members: Sequence[ModelSpec | Sweep], variants: Sequence[ModelSpec], unresolved: Sequence[str]
) -> Names:
    swept = draft.swept()
    listed = [name for name in draft.listed("models") if name not in swept]
    first = {member.name: member.first for member in members if isinstance(member, Sweep)}
    return Names((*listed, *(model.name for model in variants)), tuple(unresolved), first)


def _family(draft: Draft, name: str, said: RawInputs, swept: Sequence[str]) -> Resolved[ModelSpec | Sweep | None]:
    """A model, or the sweep that stands for its variants; None where it is faulty."""
    path: Path = ("models", name)
    faults = check_name(draft, path, swept)
    member: ModelSpec | Sweep | None = None
    wrong: list[Fault] = []
    if name not in swept:
        member, wrong = resolve_model(draft, name, said)
    elif draft.is_valid(path):
        member, wrong = read_sweep(draft, path, said, OF_MODELS)
    return Resolved(member, [*faults, *wrong])


def expand(
    entry: Sweep,
    resolve: Callable[[int], Resolved[Variant | None]],
    held: int,
    most: int,
    told: Collection[tuple[Path, str]],
) -> Resolved[Expanded[Variant]]:
    """The variants of a sweep, where with those that are held they are not too many.

    Of the faulty ones the first that is not `told` elsewhere is reported, and how many fail.
    """
    numbers = [number for some in entry.kept() for number in some]
    if not numbers:
        return Resolved(Expanded([], True), [entry.excludes_everything()])
    if held + len(numbers) > most:
        finding = diagnostics.too_many_variants(held + len(numbers), most, entry.path[0])
        return Resolved(Expanded([], False), [entry.draft.fault((*entry.path, "sweep"), finding, key=True)])
    found: list[Variant] = []
    first: list[Fault] = []
    for number in numbers:
        made, faults = resolve(number)
        if made is not None and not faults:
            found.append(made)
        elif not first:
            first = [fault for fault in faults if fault.key not in told]
    failed = len(numbers) - len(found)
    counted = [
        fault._replace(problem=diagnostics.failing_variants(fault.problem, failed, len(numbers))) for fault in first
    ]
    return Resolved(Expanded(found, not failed), counted)


def check_name(draft: Draft, path: Path, swept: Sequence[str]) -> list[Fault]:
    """A model or run that is called like a variant of a swept one could not be told from it."""
    name = str(path[-1])
    return [
        draft.fault(path, diagnostics.could_be_a_variant(name, base), key=True)
        for base in swept
        if name.casefold().startswith(f"{base.casefold()} ") and ("=" in name or "#" in name)
    ]


def read_sweep(draft: Draft, of: Path, said: RawInputs, grains: frozenset[str]) -> Resolved[Sweep | None]:
    """The sweep of a model or run, whose inputs have these grains; None where it is faulty."""
    name, path = str(of[-1]), (*of, "sweep")
    raw = draft.data[str(of[0])][name]["sweep"]
    grid, faults = axes.read_grid(draft, path, raw)
    faults += _check_keys(draft, path, raw, said)
    if not grid.axes and not faults:
        faults.append(draft.fault(path, diagnostics.sweeps_nothing(), key=True))
    if grid.size > MOST_COMBINATIONS:
        faults.append(draft.fault(path, diagnostics.too_many_combinations(grid.size, MOST_COMBINATIONS), key=True))
    if faults:
        return Resolved(None, faults)
    style, length = _style(name, grid)
    if length > MOST_NAME:
        faults.append(draft.fault(of, diagnostics.variant_names_too_long(length, MOST_NAME), key=True))
    known = readable(draft.inputs, said, grid.keys, grains)
    excludes, wrong = _excludes(draft, (*path, "exclude"), raw.get("exclude") or [], grid, known)
    faults += wrong
    return Resolved(None if faults else Sweep(name, of, said, grid, excludes, style, draft), faults)


def _check_keys(draft: Draft, path: Path, raw: Data, said: RawInputs) -> list[Fault]:
    """No input twice, and none that a layer group says itself."""
    zipped = raw.get("zip") or {}
    places = {key: (*path, key) for key in raw if key not in SWEEP_WORDS}
    faults = [
        draft.fault((*path, "zip", key), diagnostics.said_twice(key, key), key=True) for key in zipped if key in places
    ]
    places |= {key: (*path, "zip", key) for key in zipped}
    if "ffn" in places and "ffn_matrices" in places:
        faults.append(draft.fault(places["ffn"], diagnostics.said_twice("ffn", "ffn_matrices"), key=True))
    for at, group in enumerate(said["layers"].value if "layers" in said else ()):
        own, _ = normalize(draft, (), {key: value for key, value in group.items() if key != "n_layers"})
        for key, where in places.items():
            if input_of(key) in own:
                finding = diagnostics.said_by_a_group(key, group.get("name", f"layers[{at}]"))
                faults.append(draft.fault(where, finding, key=True))
    return faults


def _excludes(
    draft: Draft, path: Path, raw: Sequence[Any], grid: Grid, known: Sequence[str]
) -> Resolved[tuple[Exclude, ...]]:
    found: list[Exclude] = []
    faults: list[Fault] = []
    for at, item in enumerate(raw):
        if isinstance(item, str):
            condition = read_condition(draft, (*path, at), item, known)
            if isinstance(condition, Condition):
                found.append(condition)
            else:
                faults += condition
        else:
            partial_, wrong = _partial(draft, (*path, at), item, grid)
            found.append(partial_)
            faults += wrong
    return Resolved(tuple(found), faults)


def _partial(draft: Draft, path: Path, item: Data, grid: Grid) -> Resolved[Partial]:
    """`{d_model: 4096}`: for each axis the points that have the value."""
    where = {key: at for at, axis in enumerate(grid.axes) for key in axis.keys}
    found: dict[int, frozenset[int]] = {}
    faults = [] if item else [draft.fault(path, diagnostics.excludes_nothing())]
    for key, value in item.items():
        if key not in where:
            faults.append(draft.fault((*path, key), diagnostics.not_varied(key, list(where)), key=True))
            continue
        axis = grid.axes[where[key]]
        known = [label(one) for one in axis.values[axis.keys.index(key)]]
        meant = label(value) if isinstance(value, str | int | float) else diagnostics.kind_of(value)
        if meant not in known:
            faults.append(draft.fault((*path, key), diagnostics.not_a_value_of(key, meant, known)))
        points = frozenset(at for at, one in enumerate(known) if one == meant)
        found[where[key]] = found.get(where[key], points) & points
    return Resolved(Partial(found), faults)


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
    return next(((style, length) for style, length in enumerate(lengths) if length <= MOST_NAME), (2, lengths[2]))
