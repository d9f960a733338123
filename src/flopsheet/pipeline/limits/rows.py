"""The rows of what is computed anew at the points of a limit: those of runs are kept as the catalogue is.

They follow from that alone, and take as long to find as a workbook of a few models to write.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache, lru_cache

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.cache import load_or_build
from flopsheet.catalog.grains import RunKind
from flopsheet.catalog.load import files_of_catalog, load_catalog
from flopsheet.pipeline.limits.alike import WorkingRows
from flopsheet.pipeline.limits.dials import LIMITS, Limit
from flopsheet.pipeline.limits.parts import parts
from flopsheet.pipeline.limits.program import recomputed, wanted

CODE = ("alike.py", "dials.py", "parts.py", "program.py", "rows.py")


def rows_of_runs(kind: RunKind, catalog: Catalog) -> tuple[WorkingRows, ...]:
    """The rows of each limit of the runs of a kind; metrics of a spec's own are read in none."""
    base = catalog.base or catalog
    return _kept()[kind] if base is load_catalog() else _of_runs(kind, base)


def rows_of(limit: Limit, read_there: tuple[str, ...], catalog: Catalog) -> WorkingRows:
    """The rows of a limit at whose points some metrics are read."""
    return _found(_Asked(limit, catalog), read_there)


@cache
def _kept() -> Mapping[RunKind, tuple[WorkingRows, ...]]:
    """Those of the catalogue that ships with the package."""
    return load_or_build("limits", _files(), _shipped)


def _files() -> list[str]:
    return [*files_of_catalog(), *(os.path.join(os.path.dirname(__file__), name) for name in CODE)]


def _shipped() -> Mapping[RunKind, tuple[WorkingRows, ...]]:
    found = {kind: _of_runs(kind, load_catalog()) for kind in RUNS}
    for rows in (rows for of_kind in found.values() for rows in of_kind):  # made here, so that it is kept with the rest
        _ = rows.fixed, rows.moved, [part.text for part in rows.parts]
    return found


def _of_runs(kind: RunKind, catalog: Catalog) -> tuple[WorkingRows, ...]:
    return tuple(rows_of(limit, wanted(kind, limit, catalog), catalog) for limit in LIMITS[kind])


class _Asked:
    """A limit under a catalogue, which are what they were asked with before only if they are the same."""

    def __init__(self, limit: Limit, catalog: Catalog) -> None:
        self.limit, self.catalog = limit, catalog

    def __hash__(self) -> int:
        return hash((id(self.limit), id(self.catalog)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.limit is other.limit and self.catalog is other.catalog


@lru_cache(64)  # a study that is told, written or checked has them again
def _found(asked: _Asked, read_there: tuple[str, ...]) -> WorkingRows:
    limit, catalog = asked.limit, asked.catalog
    return WorkingRows(parts(limit.varied, recomputed(limit, read_there, catalog), read_there, catalog))
