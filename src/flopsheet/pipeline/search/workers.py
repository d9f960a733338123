"""A search as work for several processes: each looks at a few blocks at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from flopsheet.pipeline import cluster, workers
from flopsheet.pipeline.search.best import Found, Kept
from flopsheet.pipeline.search.blocks import Split
from flopsheet.pipeline.search.engine import Engine
from flopsheet.pipeline.workers import Advance
from flopsheet.records import frozen
from flopsheet.spec import Search, Spec

AT_ONCE = 4  # blocks at a time


@frozen
class SearchJob:
    """A search in blocks of at most so many layouts; a task is a range of blocks."""

    spec: Spec
    search: Search
    most: int

    @cached_property
    def split(self) -> Split:
        return Split(tuple(map(len, self.search.axes.values())), self.most)

    def start(self) -> Callable[[range], Found]:
        engine, held = Engine(self.spec, self.search, self.most), Found(self.search.keep)

        def work(part: range) -> Found:
            nonlocal held
            # The best of earlier parts, which were sent, leave out what they beat in later ones.
            found = held = Found(self.search.keep, held.best, held.front)
            for number in part:
                engine.search_block(number, found)
            interval = self.interval(part)
            best, front = (_within(kept, interval) for kept in (found.best, found.front))
            return dataclasses.replace(found, best=best, front=front)

        return work

    def interval(self, part: range) -> range:
        """The numbers of the layouts in some blocks."""
        _, first = self.split.block(part[0])
        parts, last = self.split.block(part[-1])
        return range(first, last + int(np.prod([len(values) for values in parts])))

    def is_result(self, part: range, result: object) -> bool:
        """Whether a result can be that over some blocks: every layout of them counted once, none of others kept."""
        if not isinstance(result, Found) or result.keep != self.search.keep:
            return False
        interval = self.interval(part)
        counts = [*result.fails.values(), result.n_valid]
        is_counted = all(isinstance(count, int) and count >= 0 for count in counts) and sum(counts) == len(interval)
        kept = (result.best, result.front)
        return (
            is_counted
            and result.n_seen == len(interval)
            and len(result.best) <= result.keep
            and all(_is_among(one, interval) and len(one) <= result.n_valid for one in kept)
        )


def _within(kept: Kept, interval: range) -> Kept:
    return kept.take((kept.number >= interval.start) & (kept.number < interval.stop))


def _is_among(kept: object, interval: range) -> bool:
    """Whether this is a table of layouts of an interval, each with its figures."""
    if not isinstance(kept, Kept) or not all(isinstance(column, np.ndarray) for column in kept.columns):
        return False
    number, *figures = kept.columns
    return (
        number.dtype == np.int64
        and all(column.dtype == np.float64 and column.shape == number.shape for column in figures)
        and number.ndim == 1
        and len(_within(kept, interval)) == len(number) == len(np.unique(number))
        and not any(np.isnan(column).any() for column in figures)
    )


def search_all(
    spec: Spec, search: Search, n_workers: int, advance: Advance, most: int, scheduler: str | None = None
) -> Found:
    """The result over the whole grid, in blocks of at most so many layouts, the same whatever does the work.

    `advance` is told how many layouts have been looked at since the last call.
    """
    job = SearchJob(_alone(spec), search, most)
    n_blocks = job.split.n_blocks
    n_workers = min(n_workers, n_blocks)
    found = Found(search.keep)
    at_once = max(1, min(AT_ONCE, n_blocks // (8 * n_workers)))
    parts: Sequence[range] = [range(start, min(start + at_once, n_blocks)) for start in range(0, n_blocks, at_once)]
    done = workers.results(job, parts, n_workers) if scheduler is None else cluster.results(job, parts, scheduler)
    for _, part in done:
        found.merge(part)
        advance(part.n_seen)
    return found


def _alone(spec: Spec) -> Spec:
    """What a search reads of a spec: it goes to every process."""
    return dataclasses.replace(spec, runs={}, expectations=(), searches=(), text="", data={})
