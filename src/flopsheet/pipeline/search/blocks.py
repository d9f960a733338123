"""A grid cut into blocks, and programs evaluated over one: each step over those combinations of its axes that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from typing import TypeAlias

import numpy as np

from flopsheet.formula.evaluate import vectorised
from flopsheet.pipeline.search.program import LIFT, Constant, Leaf, Program, Value, computed
from flopsheet.pipeline.tables import Rows, Truths
from flopsheet.records import frozen

MOST = 1 << 17  # combinations of a block
# Two sets of axes and the lengths of all -> for each combination of the first its number among those of the second.
Projections: TypeAlias = dict[tuple[int, int, tuple[int, ...]], Rows]


@frozen
class Split:
    """A grid cut into blocks: the last axes whole in each, of the one before some values, of the others one.

    Combinations are numbered, the last axis fastest, so that those of a block follow each other.
    """

    sizes: tuple[int, ...]
    most: int = MOST

    @cached_property
    def first_whole(self) -> int:
        """The first axis that is whole in a block; the rules thin out what depends on those before it."""
        least = next((axis for axis, size in enumerate(self.sizes) if size > 1), 0) + 1
        first = len(self.sizes)
        while first > least and prod(self.sizes[first - 1 :]) <= self.most:
            first -= 1
        return first

    @property
    def whole(self) -> int:
        """The axes that are whole in each block, as bits."""
        return sum(1 << axis for axis in range(self.first_whole, len(self.sizes)))

    @property
    def within(self) -> int:
        """The axes of which a block may have several values, as bits."""
        return self.whole | 1 << self.first_whole - 1

    @cached_property
    def n_whole(self) -> int:
        """The combinations of the axes that are whole."""
        return prod(self.sizes[self.first_whole :])

    @cached_property
    def cut_size(self) -> int:
        """Values of the axis that is cut."""
        return self.sizes[self.first_whole - 1]

    @cached_property
    def at_once(self) -> int:
        """Values of the axis that is cut in one block."""
        return max(1, self.most // self.n_whole)

    @property
    def n_cuts(self) -> int:
        return -(-self.cut_size // self.at_once)

    @property
    def n_blocks(self) -> int:
        return prod(self.sizes[: self.first_whole - 1]) * self.n_cuts

    def block(self, number: int) -> tuple[tuple[range, ...], int]:
        """The values of each axis in a block, and the number of its first combination."""
        number, part = divmod(number, self.n_cuts)
        start = part * self.at_once
        first = (number * self.cut_size + start) * self.n_whole
        parts = [range(start, min(start + self.at_once, self.cut_size))]
        for size in reversed(self.sizes[: self.first_whole - 1]):
            number, digit = divmod(number, size)
            parts.append(range(digit, digit + 1))
        return (*reversed(parts), *map(range, self.sizes[self.first_whole :])), first


class Block:
    """The combinations of a block by the axes that a step depends on, and which of them the rules allow."""

    def __init__(self, split: Split, parts: Sequence[range], projections: Projections) -> None:
        self.split, self.parts, self.projections = split, parts, projections
        self.lengths = tuple(map(len, parts))
        self.rows: dict[int, Rows | None] = {}
        """Of some axes the combinations that count, by number among these axes; None is all."""
        self.positions: dict[int, Rows] = {}
        self.indices: dict[tuple[int, bool, int, bool], Rows] = {}
        self.allowed: list[tuple[int, Truths]] = []

    def size(self, axes: int) -> int:
        return prod(length for axis, length in enumerate(self.lengths) if axes >> axis & 1)

    def project(self, to: int, of: int) -> Rows:
        """For each combination of some axes its number among fewer."""
        key = (to, of, self.lengths)
        if key not in self.projections:
            shape = [length if to >> axis & 1 else 1 for axis, length in enumerate(self.lengths)]
            inner = [length if of >> axis & 1 else 1 for axis, length in enumerate(self.lengths)]
            numbers = np.arange(prod(inner), dtype=np.int64).reshape(inner)
            self.projections[key] = np.broadcast_to(numbers, shape).reshape(-1)
        return self.projections[key]

    def allow(self, axes: int, column: Truths) -> None:
        """Notes which combinations of some axes a rule allows; what was known without it no longer holds."""
        self.allowed.append((axes, column))
        self.rows.clear()
        self.positions.clear()
        self.indices.clear()

    def rows_of(self, axes: int) -> Rows | None:
        """The combinations of some axes that break none of the rules about these axes; None where that is all."""
        if axes not in self.rows:
            found: Truths | None = None
            for of, column in self.allowed:
                if of and not of & ~axes:
                    here = column if of == axes else column.take(self.project(axes, of))
                    found = here if found is None else found & here
            self.rows[axes] = None if found is None or found.all() else np.flatnonzero(found)
        return self.rows[axes]

    def position(self, axes: int) -> Rows | None:
        """The place of each combination of some axes among those that count."""
        rows = self.rows_of(axes)
        if rows is None:
            return None
        if axes not in self.positions:
            found = np.zeros(self.size(axes), np.int64)
            found[rows] = np.arange(len(rows))
            self.positions[axes] = found
        return self.positions[axes]

    def index(self, of: int, is_static: bool, to: int, stays: bool) -> Rows | None:
        """Where the rows of more axes find theirs of fewer; None where they are the same."""
        key = (of, is_static, to, stays)
        if key not in self.indices:
            found = None if of == to else self.project(to, of)
            if not stays and (rows := self.rows_of(to)) is not None:
                found = rows if found is None else found.take(rows)
            if not is_static and (position := self.position(of)) is not None:
                assert found is not None
                found = position.take(found)
            if found is None:
                return None
            self.indices[key] = found
        return self.indices[key]


class Runner:
    """Evaluates a program over one block after the other; what no block changes is computed once."""

    def __init__(self, program: Program, split: Split) -> None:
        self.program, self.split = program, split
        self.functions = vectorised()
        self.within, self.whole = split.within, split.whole
        steps = program.steps
        self.is_static = [not step.mask & ~self.whole for step in steps]
        self.fixed: dict[int, Value] = {
            at: known.value if isinstance(known, Constant) else known.values
            for at, known in program.known.items()
            if self.is_static[at]
        }
        self.moving = [at for at in range(len(steps)) if not self.is_static[at]]
        last = {argument: at for at in self.moving for argument in steps[at].arguments}
        kept = set(program.outputs)
        self.frees: dict[int, list[int]] = {}
        for argument, at in last.items():
            if argument not in kept and not self.is_static[argument]:
                self.frees.setdefault(at, []).append(argument)
        self.needed = {argument for at in self.moving for argument in steps[at].arguments} | kept
        self.is_ready = False

    def prepare(self, block: Block) -> None:
        """Computes what is the same in every block."""
        last: dict[int, int] = {}
        still = [at for at in range(len(self.program.steps)) if self.is_static[at] and at not in self.fixed]
        for at in still:
            last |= dict.fromkeys(self.program.steps[at].arguments, at)
        for at in still:
            self.fixed[at] = self.step(at, self.fixed, block)
            for argument in self.program.steps[at].arguments:
                if last[argument] == at and argument not in self.needed:
                    self.fixed.pop(argument, None)
        self.is_ready = True

    def run(self, block: Block) -> list[Value]:
        """The outputs over a block."""
        if not self.is_ready:
            self.prepare(block)
        values: dict[int, Value] = {}
        for at in self.moving:
            values[at] = self.step(at, values, block)
            for argument in self.frees.get(at, ()):
                del values[argument]
        return [values[at] if at in values else self.fixed[at] for at in self.program.outputs]

    def step(self, at: int, values: Mapping[int, Value], block: Block) -> Value:
        step = self.program.steps[at]
        known = self.program.known.get(at)
        if isinstance(known, Leaf):
            part = block.parts[known.axis]
            found = known.values[part.start : part.stop]
            rows = block.rows_of(step.mask & self.within) if step.mask & self.within else None
            return found if rows is None else found.take(rows)
        arguments = [values[one] if one in values else self.fixed[one] for one in step.arguments]
        if step.operation != LIFT:
            return computed(self.functions, step.operation, arguments, self.program.n_groups)
        [source] = step.arguments
        of, to = self.program.steps[source].mask & self.within, step.mask & self.within
        index = block.index(of, self.is_static[source], to, self.is_static[at])
        [lifted] = arguments
        if index is None:
            return lifted
        assert isinstance(lifted, np.ndarray)
        return lifted.take(index, axis=-1)
