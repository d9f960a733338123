"""Many variants of a sweep at once: one of each kind is resolved as a model, the others are columns beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flopsheet import catalog
from flopsheet.catalog import Input
from flopsheet.catalog.grains import Grain
from flopsheet.formula import evaluate, names
from flopsheet.formula.evaluate import vectorised
from flopsheet.formula.nodes import Aggregate
from flopsheet.records import frozen
from flopsheet.spec.entries import InputValue, ModelSpec
from flopsheet.spec.resolve import rules
from flopsheet.spec.resolve.draft import Fault, RawInputs, values_of
from flopsheet.spec.resolve.normalize import normalize
from flopsheet.spec.sweep.axes import label
from flopsheet.spec.sweep.expand import Sweep

Column: TypeAlias = NDArray[Any]  # float64, numbers of points, or texts
Values: TypeAlias = dict[str, Any]  # a column, or what all variants have


@frozen
class Variants:
    """Variants of one kind: their names, the inputs of the model and of each layer group."""

    numbers: Column
    names: Column
    inputs: Values
    groups: tuple[tuple[str, Values], ...]

    def __len__(self) -> int:
        return len(self.names)


def of_model(model: ModelSpec) -> Variants:
    """One model that is not swept."""
    groups = tuple((group.name, values_of(group.inputs)) for group in model.groups)
    return Variants(np.zeros(1, dtype=np.int64), np.array([model.name], dtype=object), values_of(model.inputs), groups)


class InvalidVariant(Exception):
    """A variant is not possible; `faults` says why."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults


@dataclass
class Resolution:
    """Resolves the variants of a sweep in columns.

    A kind is what decides which inputs are expressions and which rules apply: choices, expressions, zeros. Variants of
    a kind differ in numbers only, so that the expressions of one of them hold for all.
    """

    sweep: Sweep
    kinds: dict[int, ModelSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.functions = vectorised()
        self.axes = self.sweep.grid.axes
        self.labels = [np.array(labels, dtype=object) for labels in self.sweep.labels]
        self.kind_of = [self.kinds_of(at) for at in range(len(self.axes))]

    def is_plain(self, key: str, value: object) -> bool:
        """Whether a swept value is a number that may stand in a column; zeros switch parts of a model off."""
        entry = self.sweep.draft.inputs.get(key)
        return bool(entry and entry.is_number and not isinstance(value, str | bool) and value)

    def kinds_of(self, axis: int) -> Column:
        """The kind of each point of an axis, as a number."""
        seen: dict[tuple[str, ...], int] = {}
        found = []
        for at in range(len(self.axes[axis])):
            said = self.axes[axis].said(at)
            kind = tuple("a number" if self.is_plain(key, value) else label(value) for key, value, _ in said)
            found.append(seen.setdefault(kind, len(seen)))
        return np.array(found, dtype=np.int64)

    def resolve(self, numbers: Sequence[int]) -> Iterator[Variants]:
        """The variants, kind by kind; InvalidVariant at the first that is not possible."""
        chosen = np.asarray(numbers, dtype=np.int64)
        points = self.sweep.grid.points(chosen)
        kind = np.zeros(len(chosen), dtype=np.int64)
        for which, at in zip(self.kind_of, points, strict=True):
            kind = kind * (int(which.max()) + 1) + which[at]
        for one in np.unique(kind):
            rows = np.flatnonzero(kind == one)
            if one not in self.kinds:
                self.kinds[one] = self.validate_variant(int(chosen[rows[0]]))
            yield self.of_kind(self.kinds[one], chosen[rows], [at[rows] for at in points])

    def validate_variant(self, number: int) -> ModelSpec:
        """One variant as a model of its own; InvalidVariant with what is wrong with it."""
        model, faults = self.sweep.resolve(number)
        if model is None or faults:
            raise InvalidVariant(faults)
        return model

    def of_kind(self, template: ModelSpec, numbers: Column, points: Sequence[Column]) -> Variants:
        swept: Values = {}
        for axis, at in zip(self.axes, points, strict=True):
            for key, values in zip(axis.keys, axis.values, strict=True):
                if self.is_plain(key, values[at[0]]):
                    column = np.array([v if self.is_plain(key, v) else np.nan for v in values], dtype=np.float64)
                    swept[key] = numbers_of(self.sweep.draft.inputs[key], column)[at]
        doubtful = np.zeros(len(numbers), dtype=bool)
        whole = self.scope(template.inputs, swept, {}, doubtful)
        groups = [(group.name, self.scope(group.inputs, swept, whole, doubtful)) for group in template.groups]
        if isinstance(template.inputs["n_layers"].ast, Aggregate):
            total = sum(own["n_group_layers"] for _, own in groups)
            whole["n_layers"] = total
            doubtful |= np.asarray(swept.get("n_layers", total) != total)
        self.mark_suspect(whole, [own for _, own in groups], int(numbers[0]), doubtful)
        for number in numbers[doubtful].tolist():
            self.validate_variant(number)
        whole = {key: whole[key] for key in template.inputs}
        return Variants(numbers, self.named(numbers, points), whole, tuple(groups))

    def scope(self, inputs: Mapping[str, InputValue], swept: Values, above: Values, doubtful: Column) -> Values:
        """The inputs of a model or of a layer group as columns."""
        found: Values = {}
        nodes = {}
        for key, given in inputs.items():
            if key in swept and not isinstance(given.ast, Aggregate):
                found[key] = swept[key]
            elif given.ast is None:
                found[key] = given.value
            elif not isinstance(given.ast, Aggregate):
                nodes[key] = given.ast
        for key in catalog.sort_by_dependencies({key: names(node) for key, node in nodes.items()}):
            with np.errstate(all="ignore"):
                value = evaluate(nodes[key], (above | found).__getitem__, functions=self.functions)
            found[key] = numbers_of(self.sweep.draft.inputs[key], np.asarray(value, dtype=np.float64))
            doubtful |= out_of_range(self.sweep.draft.inputs[key], found[key])
        return {key: found[key] for key in inputs if key in found}

    def mark_suspect(self, whole: Values, groups: Sequence[Values], number: int, doubtful: Column) -> None:
        """Marks variants that break a rule; resolving the first by itself then tells what is wrong."""
        said = self.sweep.raw_inputs(number)
        layers = said["layers"].value if "layers" in said else [{}]
        shared = {**self.sweep.draft.study, **whole}
        self.mark(rules.Row(shared, groups, self.functions), said, "model", doubtful)
        for own, layer in zip(groups, layers, strict=True):
            known = said | normalize(self.sweep.draft, (), layer).value
            self.mark(rules.Row({**shared, **own}, (), self.functions), known, "layer_group", doubtful)

    def mark(self, row: rules.Row, said: RawInputs, grain: Grain, doubtful: Column) -> None:
        for rule in rules.of_grains(grain):
            if rule.unless_said not in said:
                with np.errstate(all="ignore"):
                    doubtful |= ~np.asarray(row.holds(rule), dtype=bool)

    def named(self, numbers: Column, points: Sequence[Column]) -> Column:
        """The names of the variants."""
        if self.sweep.style == 2:
            return np.array([self.sweep.variant(number) for number in numbers.tolist()], dtype=object)
        found = np.full(len(numbers), self.sweep.name, dtype=object)
        for labels, at in zip(self.labels, points, strict=True):
            found = found + " " + labels[at]
        return found


def numbers_of(entry: Input, column: Column) -> Column:
    """A column as the tables hold it; see Input.number."""
    found = np.array(column + 0.0, ndmin=1)
    if entry.whole and (odd := np.isfinite(found) & (np.floor(found) != found)).any():
        found[odd] = [entry.number(value) for value in found[odd].tolist()]
    return found.reshape(column.shape)


def out_of_range(entry: Input, column: Column) -> Column:
    """Where an expression gives what its input does not allow."""
    if entry.choices:
        return ~np.isin(column, [float(choice) for choice in entry.choices])
    bad = ~np.isfinite(column) | (column > entry.largest)
    if entry.least is not None:
        bad |= column < entry.least
    return bad | (np.floor(column) != column) if entry.whole else bad
