"""The best layouts of a search as training runs, and why each loses against the first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property

from flopsheet.catalog import Catalog, load_catalog
from flopsheet.pipeline import frames
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.search.best import Found
from flopsheet.pipeline.search.blocks import MOST
from flopsheet.pipeline.search.engine import CLASSES, USED
from flopsheet.pipeline.search.workers import Advance, search_all
from flopsheet.pipeline.tables import tabulate_runs
from flopsheet.records import frozen
from flopsheet.spec import Search, Spec
from flopsheet.spec.search import layout_run

STEP = "predicted_seconds_per_step"
GRAIN = "training_run"


@frozen
class Difference:
    """What a layout needs more than the best one, and of which parts that is made, the largest first."""

    metric: str
    amount: float
    parts: tuple[tuple[str, float], ...]


@frozen
class SearchResult:
    """The result of one search; `spec` has the best layouts, then those of the front, as its training runs."""

    search: Search
    found: Found
    spec: Spec
    catalog: Catalog
    n_best: int
    front: tuple[int, ...]
    """The rows of the front among the runs, by the objective."""

    @cached_property
    def values(self) -> Values:
        """The numbers of these runs."""
        return frames.compute_runs(tabulate_runs(self.spec, "training"), self.catalog)

    @cached_property
    def fails(self) -> Mapping[str, int]:
        """How many layouts fail what, the most frequent first."""
        counted = ((key, count) for key, count in self.found.fails.items() if count)
        return dict(sorted(counted, key=lambda one: (-one[1], one[0])))

    def difference(self, row: int) -> Difference:
        """What makes a layout lose against the best, term by term."""
        metric = self.search.metric
        parts = [(name, self._more(name, row)) for name in self.terms]
        sign = -1.0 if self.search.is_maximised else 1.0
        parts = sorted((part for part in parts if part[1]), key=lambda part: -part[1])
        return Difference(metric, sign * self._more(metric, row), tuple(parts))

    def _more(self, name: str, row: int) -> float:
        column = self.values.column(GRAIN, name)
        return float(column[row] - column[0])

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """The parts of what is compared: seconds of a step, or classes of memory."""
        needed = self.catalog.closure([self.search.metric])
        if STEP in needed:
            return self.catalog.metrics[STEP].dependencies
        return CLASSES if USED in needed else ()


def run_search(spec: Spec, search: Search, workers: int = 1, advance: Advance = lambda _: None) -> SearchResult:
    """Looks at every layout of a search, on so many processes; `advance` is told how many it has looked at."""
    return to_result(spec, search, search_all(spec, search, workers, advance, MOST))


def to_result(spec: Spec, search: Search, found: Found) -> SearchResult:
    """The layouts that were found, as runs."""
    best = [int(number) for number in found.best.number]
    at = {number: row for row, number in enumerate(best)}
    front = []
    for number in map(int, found.front.number):
        front.append(at.setdefault(number, len(at)))
    runs = tuple(layout_run(search, number, name_of(search, row, len(best))) for number, row in at.items())
    hardware = tuple(search.devices.values())
    of_runs = dataclasses.replace(spec, runs={"training": runs}, hardware=hardware, expectations=(), searches=())
    return SearchResult(search, found, of_runs, spec.catalog or load_catalog(), len(best), tuple(front))


def name_of(search: Search, row: int, n_best: int) -> str:
    """What a layout is called: by its rank, or by its place in the front."""
    return f"{search.name} {row + 1}" if row < n_best else f"{search.name} front {row - n_best + 1}"
