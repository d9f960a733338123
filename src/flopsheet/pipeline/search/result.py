"""The best layouts of a search as runs, and why each loses against the first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from flopsheet.catalog import Catalog, load_catalog
from flopsheet.catalog.grains import Grain
from flopsheet.pipeline import frames
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.search.best import Found
from flopsheet.pipeline.search.blocks import MOST
from flopsheet.pipeline.search.kinds import KINDS, Kind
from flopsheet.pipeline.search.workers import search_all
from flopsheet.pipeline.tables import tabulate_runs
from flopsheet.pipeline.workers import Advance
from flopsheet.records import frozen
from flopsheet.spec import Search, Spec
from flopsheet.spec.entries import Run
from flopsheet.spec.search import layout_run


@frozen
class Difference:
    """What a layout needs more of a metric than the best one, and of which parts that is made, the largest first."""

    metric: str
    amount: float
    parts: tuple[tuple[str, float], ...]


@frozen
class SearchResult:
    """The result of one search; `spec` has the best layouts, then those of the front, as its runs."""

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
        return frames.compute_runs(tabulate_runs(self.spec, self.search.kind), self.catalog)

    @property
    def runs(self) -> Sequence[Run]:
        return self.spec.runs[self.search.kind]

    @property
    def kind(self) -> Kind:
        return KINDS[self.search.kind]

    def grain(self, name: str) -> Grain:
        """The table that an input or metric stands in."""
        return self.catalog.entry(name).grain

    @cached_property
    def fails(self) -> Mapping[str, int]:
        """How many layouts fail what, the most frequent first."""
        counted = ((key, count) for key, count in self.found.fails.items() if count)
        return dict(sorted(counted, key=lambda one: (-one[1], one[0])))

    def differences(self, row: int) -> tuple[Difference, ...]:
        """What makes a layout lose against the best: by what is compared, and by the time term by term."""
        metric, terms = self.search.metric, self.terms
        sign = -1.0 if self.search.is_maximised else 1.0
        of_metric = Difference(metric, sign * self._more(metric, row), self._parts(terms.get(metric, ()), row))
        others = (name for name in terms if name != metric)
        return of_metric, *(Difference(name, self._more(name, row), self._parts(terms[name], row)) for name in others)

    def _parts(self, names: Iterable[str], row: int) -> tuple[tuple[str, float], ...]:
        parts = [(name, self._more(name, row)) for name in names]
        return tuple(sorted((part for part in parts if part[1]), key=lambda part: -part[1]))

    def _more(self, name: str, row: int) -> float:
        column = self.values.column(self.grain(name), name)
        return float(column[row] - column[0])

    @cached_property
    def terms(self) -> Mapping[str, Sequence[str]]:
        """What layouts differ in, with the parts of each: what is compared, and time; or classes of memory."""
        needed, kind = self.catalog.closure([self.search.metric]), self.kind
        classes = {"B": kind.classes, "GiB": kind.classes_gib}.get(self.catalog.unit_of(self.search.metric).label)
        if kind.time not in needed and kind.used in needed and classes:
            return {self.search.metric: classes}
        return {kind.time: kind.time_terms(self.catalog)}


def run_search(
    spec: Spec, search: Search, workers: int = 1, advance: Advance = lambda _: None, scheduler: str | None = None
) -> SearchResult:
    """Looks at every layout of a search, on so many processes or on the cluster of a scheduler.

    `advance` is told how many it has looked at.
    """
    return to_result(spec, search, search_all(spec, search, workers, advance, MOST, scheduler))


def to_result(spec: Spec, search: Search, found: Found) -> SearchResult:
    """The layouts that were found, as runs."""
    best = [int(number) for number in found.best.number]
    at = {number: row for row, number in enumerate(best)}
    front = []
    for number in map(int, found.front.number):
        front.append(at.setdefault(number, len(at)))
    runs = tuple(layout_run(search, number, name_of(search, row, len(best))) for number, row in at.items())
    hardware = tuple(search.devices.values())
    of_runs = dataclasses.replace(spec, runs={search.kind: runs}, hardware=hardware, expectations=(), searches=())
    return SearchResult(search, found, of_runs, spec.catalog or load_catalog(), len(best), tuple(front))


def name_of(search: Search, row: int, n_best: int) -> str:
    """What a layout is called: by its rank, or by its place in the front."""
    return f"{search.name} {row + 1}" if row < n_best else f"{search.name} front {row - n_best + 1}"
