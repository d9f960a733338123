"""What is kept of a search: the best layouts, the front of time against margin, and how many fail which rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from flopsheet.pipeline.tables import Numbers, Rows, Truths

NO_VALUE = "no_value"  # what layouts are counted under that have no value of the metric


@dataclass
class Kept:
    """Layouts by number with three figures each, of which less is better.

    They are ranked by the objective, and by `time` where that is equal; the front weighs the objective against `other`.
    """

    number: Rows
    objective: Numbers
    time: Numbers
    other: Numbers

    @classmethod
    def none(cls) -> Kept:
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.number)

    def take(self, which: Rows | Truths) -> Kept:
        return Kept(self.number[which], self.objective[which], self.time[which], self.other[which])

    def join(self, other: Kept) -> Kept:
        return Kept(
            np.concatenate((self.number, other.number)),
            np.concatenate((self.objective, other.objective)),
            np.concatenate((self.time, other.time)),
            np.concatenate((self.other, other.other)),
        )

    @property
    def columns(self) -> tuple[Rows, Numbers, Numbers, Numbers]:
        return self.number, self.objective, self.time, self.other


@dataclass
class Found:
    """The result over some layouts; that over more is the same in whatever order the parts are added."""

    keep: int
    best: Kept = field(default_factory=Kept.none)
    front: Kept = field(default_factory=Kept.none)
    """No other is better in both figures; by the objective."""
    fails: Counter[str] = field(default_factory=Counter)
    """Layouts by the first rule that they break, by what fills a device, by the bound that they miss."""
    n_valid: int = 0
    """Layouts that break no rule, fit and keep every bound."""
    n_seen: int = 0

    def add(self, layouts: Kept) -> None:
        """Adds layouts that are valid."""
        self.n_valid += len(layouts)
        if not len(layouts):
            return
        near = layouts
        if len(self.best) == self.keep:
            last, time = self.best.objective[-1], self.best.time[-1]
            is_equal = (layouts.objective == last) & (layouts.time <= time)
            near = layouts.take((layouts.objective < last) | is_equal)
        elif len(layouts) > 4 * self.keep:
            least = np.partition(layouts.objective, self.keep - 1)[self.keep - 1]
            near = layouts.take(layouts.objective <= least)
        if len(near):
            self.best = _least(self.best.join(near), self.keep)
        if len(self.front):
            layouts = layouts.take(self.may_join(layouts))
        if len(layouts):
            self.front = _front(self.front.join(layouts))

    def may_join(self, layouts: Kept) -> Truths:
        """Whether none of the front is at least as good in both figures, or only one that comes later in the grid."""
        at = np.searchsorted(self.front.objective, layouts.objective, side="right") - 1
        nearest = self.front.take(np.maximum(at, 0))
        is_equal = (layouts.objective == nearest.objective) & (layouts.other == nearest.other)
        joins: Truths = (at < 0) | (layouts.other < nearest.other) | (is_equal & (layouts.number < nearest.number))
        return joins

    def merge(self, other: Found) -> None:
        """Adds the result over other layouts."""
        self.best = _least(self.best.join(other.best), self.keep)
        self.front = _front(self.front.join(other.front))
        self.fails.update(other.fails)
        self.n_valid += other.n_valid
        self.n_seen += other.n_seen


def _least(layouts: Kept, keep: int) -> Kept:
    """Those with the least objective, each once; of equals those with less time, then those first in the grid."""
    layouts = layouts.take(np.lexsort((layouts.number, layouts.time, layouts.objective)))
    is_new = np.append(True, layouts.number[1:] != layouts.number[:-1])[: len(layouts)]
    return layouts.take(np.flatnonzero(is_new)[:keep])


def _front(layouts: Kept) -> Kept:
    """Those that no other equals or beats in both figures; of equals the first in the grid."""
    layouts = layouts.take(np.lexsort((layouts.number, layouts.other, layouts.objective)))
    least_before = np.minimum.accumulate(np.concatenate([[np.inf], layouts.other[:-1]]))
    return layouts.take(layouts.other < least_before)
