"""What limits are about: the runs of a kind, or a model at a context length, with a value of every name for each."""

from __future__ import annotations

import dataclasses
from dataclasses import field
from functools import cached_property

import numpy as np

from flopsheet.catalog import KEYS, RUNS, Catalog
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import vectorised
from flopsheet.pipeline.frames import AGGREGATES, Values
from flopsheet.pipeline.limits.dials import Limit
from flopsheet.pipeline.limits.parts import FINER
from flopsheet.pipeline.tables import Column, Rows
from flopsheet.records import frozen

MAIN = "main"


@frozen
class Subjects:
    """Some runs, or a model: `grain` is that which has a row for each of them."""

    values: Values
    built: Values
    """Those that a workbook was built with, before it was edited: they decide where the sheet has a row."""
    catalog: Catalog
    grain: Grain
    times: int = 1
    """How often each occurs, all of them one time after the other."""
    columns: dict[str, Column] = field(default_factory=dict)
    once: Subjects | None = None
    """Each of them once, where they occur several times."""
    copies: dict[int, Subjects] = field(default_factory=dict)

    def repeated(self, times: int) -> Subjects:
        """The same several times over, for as many values of an input."""
        found = self.copies.get(times)
        if found is None:
            found = self.copies[times] = dataclasses.replace(self, times=times, columns={}, once=self, copies={})
        return found

    @cached_property
    def as_built(self) -> Subjects:
        """The same before the workbook was edited."""
        return self if self.built is self.values else Subjects(self.built, self.built, self.catalog, self.grain)

    @cached_property
    def size(self) -> int:
        return len(self.values.tables[self.grain])

    def __len__(self) -> int:
        return self.size * self.times

    @cached_property
    def n_groups(self) -> int:
        """Layer groups of each."""
        return len(self.values.tables["layer_group"]) // self.size

    @cached_property
    def owners(self) -> Rows:
        """Whose each layer group is."""
        return np.arange(len(self)).repeat(self.n_groups)

    def is_finer(self, name: str) -> bool:
        """Whether each layer group has a value of its own."""
        return name not in KEYS and self.catalog.entry(name).grain in FINER

    def column(self, name: str) -> Column:
        """An input or metric of each, or of each of their layer groups."""
        found = self.columns.get(name)
        if found is None:
            found = self.columns[name] = self._column(name)
        return found

    def _column(self, name: str) -> Column:
        if self.once is not None:
            return repeated(self.once.column(name), self.times)
        grain = KEYS[name] if name in KEYS else self.catalog.entry(name).grain
        column, above = self.values.column(grain, name), self.values.tables[self.grain].above
        found: Column = column[above[grain]] if grain in above else column
        return found

    def of_groups(self, column: Column) -> Column:
        """A value of each as one of each of its layer groups."""
        found: Column = column.repeat(self.n_groups)
        return found

    def gathered(self, function: str, columns: list[Column]) -> Column:
        """A function of what layer groups have, for each that they belong to."""
        if self.n_groups == 1:  # which is the sum, the first and the largest
            return columns[-1]
        return AGGREGATES[function](self.owners, len(self), *columns)

    def main(self, limit: Limit) -> Column:
        """1 for the layer groups that are meant: those with the most of an input, or the first of them."""
        own = self.column(limit.group_input).reshape(len(self), -1)
        found = (own == own.max(axis=1, keepdims=True)) & (own > 0)
        if limit.first_alone:
            found &= found.cumsum(axis=1) == 1
        meant: Column = found.astype(np.float64).ravel()
        return meant

    def varied(self, limit: Limit, x: Column) -> dict[str, Column]:
        """The inputs that vary, with one value of `x` for each."""

        def of_each(name: str) -> Column:
            return x if name == "x" else self.column(name)

        def of_group(name: str) -> Column:
            if name == MAIN:
                return self.main(limit)
            return self.column(name) if name != "x" and self.is_finer(name) else self.of_groups(of_each(name))

        read = {name: of_group if self.is_finer(name) else of_each for name in limit.varied}
        found = {name: evaluate(node, read[name], None, vectorised()) for name, node in limit.varied.items()}
        return {name: np.asarray(column, np.float64) for name, column in found.items()}


def repeated(column: Column, times: int) -> Column:
    """A column several times over."""
    found: Column = column[np.arange(len(column) * times) % len(column)]
    return found


def runs_of(values: Values, kind: RunKind, catalog: Catalog, built: Values | None = None) -> Subjects:
    """The runs of a kind; where a workbook was edited, `built` has what it was built from."""
    return Subjects(values, values if built is None else built, catalog, RUNS[kind][0])
