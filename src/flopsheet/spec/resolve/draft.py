"""What resolution reads of a spec, and what it gives: a value and what is wrong, merged once at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from flopsheet import catalog, diagnostics
from flopsheet.catalog import Input
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import Grain
from flopsheet.diagnostics import Finding, Problem
from flopsheet.records import frozen
from flopsheet.spec.entries import CustomEntries, InputValue
from flopsheet.yamlio.source import Data, Path, Source, spell

Value = TypeVar("Value")


class RawInput(NamedTuple):
    """A raw value and where the spec says it; an empty path is the catalogue's default."""

    value: Any
    path: Path


RawInputs: TypeAlias = dict[str, RawInput]


class Fault(NamedTuple):
    """Something wrong at a path. `problem` may add which model inherits it; path and fact tell faults apart."""

    path: Path
    fact: str
    problem: Problem

    @property
    def key(self) -> tuple[Path, str]:
        return self.path, self.fact


class Resolved(NamedTuple, Generic[Value]):
    """What a part of a spec resolves to, and what is wrong with it."""

    value: Value
    faults: list[Fault]


def merge_faults(faults: Iterable[Fault]) -> list[Problem]:
    """The problems, each once although several models may inherit it."""
    first: dict[tuple[Path, str], Problem] = {}
    for fault in faults:
        first.setdefault(fault.key, fault.problem)
    return [*first.values()]


@frozen
class Draft:
    """A spec whose shape was checked and whose inputs are not yet resolved."""

    source: Source = field(repr=False)
    data: Data
    faulty: frozenset[Path]
    """Where its shape is wrong, and everything above."""
    inputs: Mapping[str, Input] = field(repr=False)
    """Everything that it may say: the catalogue's inputs and its own."""
    custom_defaults: Mapping[str, Path]
    """Where it says the defaults of its own inputs."""
    study: Mapping[str, Scalar] = field(default_factory=dict)
    """The values of the study's own inputs, which every rule may read."""

    def is_valid(self, path: Path) -> bool:
        """Whether the shape at and below a path was found valid."""
        return path not in self.faulty

    def fault(self, path: Path, finding: Finding, *, key: bool = False, of: Path = ()) -> Fault:
        """What is wrong at a path, or with its key; `of` is the model or run that it depends on.

        That one is named where the value is not its own.
        """
        told = diagnostics.inherited(finding, *map(str, of)) if of and path[:2] != of else finding
        return Fault(path, finding.fact, diagnostics.located(told, spell(path), self.source.place(path, key=key)))

    def listed(self, key: str) -> Data:
        """What stands under a key of the spec by name; nothing where its shape is wrong, which was told."""
        listed = self.data.get(key)
        return listed if isinstance(listed, dict) else {}

    def swept(self, key: str = "models") -> list[str]:
        """The models, or runs of a kind, that stand for their variants."""
        return [name for name, entry in self.listed(key).items() if isinstance(entry, dict) and "sweep" in entry]

    def inputs_of(self, grain: Grain) -> tuple[Input, ...]:
        return tuple(entry for entry in self.inputs.values() if entry.grain == grain)

    def grain(self, name: str) -> str:
        """The grain of an input; empty for other keys."""
        entry = self.inputs.get(name)
        return entry.grain if entry else ""


def draft(source: Source, faulty: Iterable[Path], own: CustomEntries) -> Draft:
    """The draft of a text, given the paths where its shape is wrong and what it defines itself."""
    above = frozenset(path[:length] for path in faulty for length in range(len(path) + 1))
    inputs = {**catalog.load_inputs().inputs, **{entry.name: entry for entry in own.inputs}}
    return Draft(source, source.data if isinstance(source.data, dict) else {}, above, inputs, own.defaults)


def values_of(inputs: Mapping[str, InputValue]) -> dict[str, Scalar]:
    """The values of inputs, without the expressions that gave them."""
    return {name: given.value for name, given in inputs.items()}
