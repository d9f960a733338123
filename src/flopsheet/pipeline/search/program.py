"""Formulas of the catalogue as steps over a grid: each step knows on which axes it depends, equal steps are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TypeAlias

import numpy as np

from flopsheet.catalog import KEYS, Catalog
from flopsheet.formula import Node
from flopsheet.formula.evaluate import vectorised
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Number, Operation, Text
from flopsheet.formula.operators import ABSENT, GATHERERS
from flopsheet.pipeline.tables import Array, Column
from flopsheet.records import NamedTuple

# Of a step: one for the whole grid, or a column with a row for each combination, in two dimensions one for each group.
Value: TypeAlias = float | str | bool | Array
NEGATIVE, LIFT = "negative", "lift"


class Constant(NamedTuple):
    """What is alike in the whole grid: a number, a text or a truth, or a column with a row for each layer group."""

    value: Value


class Leaf(NamedTuple):
    """An input that an axis of the grid gives."""

    axis: int
    values: Column


class Given(NamedTuple):
    """An input that the spec says as an expression of others."""

    node: Node


Source: TypeAlias = Constant | Leaf | Given


class ArrayStep(NamedTuple):
    """One operation over arrays; a row for each combination of the axes in `mask`, above it one for each group."""

    operation: str
    arguments: tuple[int, ...]
    mask: int
    is_layered: bool


class Program(NamedTuple):
    """Steps in their order: some have a constant or a leaf in place of an operation."""

    steps: tuple[ArrayStep, ...]
    known: Mapping[int, Constant | Leaf]
    outputs: tuple[int, ...]
    """The steps that give what was asked for."""
    n_groups: int


class Compiler:
    """Collects the steps of formulas; `sources` are the inputs, `n_groups` the layer groups of the model.

    `within` are the axes that have several values in one block of the grid, `whole` those of them that have all.
    """

    def __init__(self, catalog: Catalog, sources: Mapping[str, Source], n_groups: int, within: int, whole: int) -> None:
        self.catalog, self.sources, self.n_groups = catalog, sources, n_groups
        self.within, self.whole = within, whole
        self.functions = vectorised()
        self.steps: list[ArrayStep] = []
        self.known: dict[int, Constant | Leaf] = {}
        self.same: dict[tuple[object, ...], int] = {}
        self.named: dict[str, int] = {}

    def compile(self, wanted: Iterable[Node]) -> Program:
        """The steps of these formulas."""
        with np.errstate(all="ignore"):
            outputs = tuple([self.visit(node) for node in wanted])
        return Program(tuple(self.steps), self.known, outputs, self.n_groups)

    def visit(self, node: Node) -> int:
        match node:
            case Name(name):
                return self.name(name)
            case Number(value) | Text(value):
                return self.constant(value)
            case Operation(symbol, left, right):
                return self.apply(symbol, (self.visit(left), self.visit(right)))
            case Negative(operand):
                return self.apply(NEGATIVE, (self.visit(operand),))
            case Call("where", (condition, yes, no)):
                holds = self.visit(condition)
                if isinstance(known := self.known.get(holds), Constant) and not isinstance(known.value, np.ndarray):
                    return self.visit(yes if known.value else no)  # the other may divide by 0
                return self.apply("where", (holds, self.visit(yes), self.visit(no)))
            case Call(function) if function == ABSENT:
                return self.constant(np.nan)  # whatever a cell says there
            case Call(function, arguments):
                return self.apply(function, tuple([self.visit(argument) for argument in arguments]))
            case Aggregate("at_min" | "at_max", (_, name)) if self.n_groups == 1:
                return self.apply("first", (self.name(name),))
            case Aggregate(function, names):
                return self.apply(function, tuple(map(self.name, names)))

    def name(self, name: str) -> int:
        if name not in self.named:
            match self.sources.get(name):
                case Constant(value):
                    self.named[name] = self.constant(value)
                case Leaf() as leaf:
                    self.named[name] = self.leaf(leaf)
                case Given(node):
                    self.named[name] = self.visit(node)
                case None:
                    assert name not in KEYS
                    self.named[name] = self.visit(self.catalog.metrics[name].ast)
        return self.named[name]

    def leaf(self, leaf: Leaf) -> int:
        if len(leaf.values) == 1 or (leaf.values == leaf.values[0]).all():
            return self.constant(leaf.values[0])
        key = (Leaf, leaf.axis, tuple(leaf.values.tolist()))
        return self.add(key, ArrayStep("", (), 1 << leaf.axis, False), leaf)

    def constant(self, value: Value) -> int:
        """What needs no operation; a column whose rows are alike is one value."""
        if isinstance(value, np.ndarray) and value.ndim == 2:
            if not (value == value[0]).all():
                key = (Constant, value.dtype.str, tuple(value.reshape(-1).tolist()))
                return self.add(key, ArrayStep("", (), 0, True), Constant(value))
            value = value[0, 0]
        plain: float | str | bool = value.item() if isinstance(value, np.ndarray | np.generic) else value
        return self.add((Constant, type(plain), plain), ArrayStep("", (), 0, False), Constant(plain))

    def apply(self, operation: str, arguments: tuple[int, ...]) -> int:
        """The step of an operation; its value where all of what it reads is known."""
        if all(isinstance(self.known.get(at), Constant) for at in arguments):
            values = [self.known[at].value for at in arguments]  # type: ignore[union-attr]
            return self.constant(computed(self.functions, operation, values, self.n_groups))
        mask = reduce(or_, (self.steps[at].mask for at in arguments))
        is_layered = operation not in GATHERERS and any(self.steps[at].is_layered for at in arguments)
        lifted = tuple(self.lift(at, mask) for at in arguments)
        return self.add((operation, *lifted), ArrayStep(operation, lifted, mask, is_layered), None)

    def lift(self, at: int, mask: int) -> int:
        """A step with a row for each combination of more axes; one that is alike in a block needs none."""
        step = self.steps[at]
        is_static, stays = not step.mask & ~self.whole, not mask & ~self.whole
        if not step.mask & self.within or (step.mask & self.within == mask & self.within and is_static == stays):
            return at
        return self.add((LIFT, at, mask), ArrayStep(LIFT, (at,), mask, step.is_layered), None)

    def add(self, key: tuple[object, ...], step: ArrayStep, known: Constant | Leaf | None) -> int:
        if key not in self.same:
            self.same[key] = len(self.steps)
            if known is not None:
                self.known[len(self.steps)] = known
            self.steps.append(step)
        return self.same[key]


def computed(
    functions: Mapping[str, Callable[..., Value]], operation: str, values: Sequence[Value], n_groups: int
) -> Value:
    """The value of an operation; groups are the first axis of what has two."""
    if operation == NEGATIVE:
        return np.negative(values[0])
    if operation not in GATHERERS:
        return functions[operation](*values)
    columns = [_by_group(value, n_groups) for value in values]
    if operation == "sum":
        total: Value = 0.0  # row by row, as a spreadsheet adds
        for row in columns[0]:
            total = np.add(total, row)
        return total
    if operation == "first":
        return columns[0][0]
    keys, found = columns
    best, chosen = keys[0], found[0]
    for key, value in zip(keys[1:], found[1:], strict=True):  # the first of equals wins
        is_better = np.greater(key, best) if operation == "at_max" else np.less(key, best)
        best, chosen = np.where(is_better, key, best), np.where(is_better, value, chosen)
    return chosen


def _by_group(value: Value, n_groups: int) -> list[Value]:
    return list(value) if isinstance(value, np.ndarray) and value.ndim == 2 else [value] * n_groups
