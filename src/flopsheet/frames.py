"""Input tables and the catalogue's formulas → a NumPy column for each name; a pandas DataFrame per grain on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from flopsheet import errors
from flopsheet.catalog import KEYS, OF_RUNS, RUNS, Catalog, Metric
from flopsheet.errors import ComputeError
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import vectorised
from flopsheet.formula.nodes import Name
from flopsheet.tables import Table, Tables, key_of

if TYPE_CHECKING:
    import pandas as pd

Column = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Values:
    """Every input and metric of every table as a column, float64 or text."""

    tables: Tables
    columns: Mapping[str, Mapping[str, Column]]

    def column(self, grain: str, name: str) -> Column:
        return self.columns[grain][name]


def compute(tables: Tables, catalog: Catalog, wanted: Iterable[str] | None = None) -> Values:
    """The columns of the metrics of these tables, or of those wanted and what they read.

    ComputeError where one is not finite.
    """
    columns: dict[str, dict[str, Column]] = {grain: _inputs(table) for grain, table in tables.items()}
    functions = vectorised()
    above = {grain: {of: np.asarray(rows) for of, rows in table.above.items()} for grain, table in tables.items()}

    for name in catalog.order if wanted is None else catalog.closure(wanted):
        metric = catalog.metrics[name]
        if metric.grain not in tables:
            continue
        table = tables[metric.grain]

        def value_of(read: str, table: Table = table) -> Column:
            if read in columns[table.grain]:
                return columns[table.grain][read]
            grain = KEYS[read] if read in KEYS else catalog.entry(read).grain
            column = columns[grain][read]
            return column if len(column) == 1 else column.take(above[table.grain][grain])  # a single one fits every row

        def aggregate(function: str, names: tuple[str, ...], table: Table = table) -> Column:
            finer = tables[catalog.entry(names[0]).grain]
            owner = above[finer.grain][table.grain]
            return AGGREGATES[function](owner, len(table), *(columns[finer.grain][read] for read in names))

        with np.errstate(all="ignore"):
            result = evaluate(metric.node, value_of, aggregate, functions)
        columns[metric.grain][name] = _checked(metric, table, _of_length(np.asarray(result), len(table)))
    return Values(tables, columns)


def _inputs(table: Table) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name, givens in table.inputs.items():
        if isinstance(givens, np.ndarray):  # variants of a sweep come as columns
            columns[name] = givens
            continue
        values = [given.value for given in givens]
        text = any(isinstance(value, str) for value in values)
        columns[name] = np.array(values, dtype=object if text else np.float64)
    for key in KEYS:
        if KEYS[key] == table.grain and key in table.key_names:  # finer rows read it there
            columns[key] = np.array(key_of(table, key), dtype=object)
    return columns


def _sum(owner: Column, count: int, values: Column) -> Column:
    return np.bincount(owner, weights=values, minlength=count)


def _first(owner: Column, count: int, values: Column) -> Column:
    _, position = np.unique(owner, return_index=True)
    return values[position]


def _at_min(owner: Column, count: int, key: Column, values: Column) -> Column:
    order = np.lexsort((np.arange(len(key)), key, owner))  # the first of equals wins, as in a spreadsheet's MATCH
    return values[order[np.searchsorted(owner[order], np.arange(count))]]


def _at_max(owner: Column, count: int, key: Column, values: Column) -> Column:
    return _at_min(owner, count, -key, values)


AGGREGATES: Mapping[str, Callable[..., Column]] = {"sum": _sum, "first": _first, "at_min": _at_min, "at_max": _at_max}


def _of_length(result: Column, length: int) -> Column:
    return result if result.shape == (length,) else np.broadcast_to(result, length)


def _checked(metric: Metric, table: Table, column: Column) -> Column:
    if column.dtype == object or column.dtype.kind == "U":
        return column.astype(object)
    # No negative zero. What an operation has just made is nobody else's yet: it is mended in place.
    fresh = column.flags.writeable and column.dtype == np.float64 and not isinstance(metric.node, Name)
    column = np.add(column, 0.0, out=column if fresh else None, dtype=np.float64)
    with np.errstate(all="ignore"):
        may_be_infinite = not np.isfinite(column.sum())  # one pass; finite numbers can add up to infinity
    if may_be_infinite and not (finite := np.isfinite(column)).all():
        row = table.keys[int(finite.argmin())]
        raise ComputeError(errors.not_finite(metric.name, dict(zip(table.key_names, row, strict=True))))
    return column


def compute_runs(tables: Tables, catalog: Catalog) -> Values:
    """The columns of a world of runs: everything about a run, and of the finer grains what that reads."""
    return compute(tables, catalog, [metric.name for metric in catalog.metrics.values() if metric.grain in OF_RUNS])


def to_frames(values: Values, runs: Mapping[str, Values], catalog: Catalog) -> dict[str, pd.DataFrame]:
    """One DataFrame per grain, indexed by the names of its rows; flags as booleans, numbers as float64.

    A run's frame has its context length and what it shares with runs of the other kind.
    """
    frames = {grain: _frame(table, [values.columns[grain]], catalog) for grain, table in values.tables.items()}
    for kind, of_kind in runs.items():
        of_run, of_layer = RUNS[kind]
        columns = [of_kind.columns[grain] for grain in ("context", "run", of_run)]
        frames[of_run] = _frame(of_kind.tables[of_run], columns, catalog)
        frames[of_layer] = _frame(of_kind.tables[of_layer], [of_kind.columns[of_layer]], catalog)
    return frames


def _frame(table: Table, parts: Sequence[Mapping[str, Column]], catalog: Catalog) -> pd.DataFrame:
    import pandas as pd  # half a second that only those who ask for a frame should wait

    index: pd.Index[Any] = pd.MultiIndex.from_tuples(table.keys, names=table.key_names)
    if len(table.key_names) == 1:
        index = index.get_level_values(0)
    columns = {name: column for part in parts for name, column in part.items() if name not in KEYS}
    for name in columns.keys() & catalog.inputs.keys():
        if catalog.inputs[name].is_flag:
            columns[name] = columns[name] == "yes"
    return pd.DataFrame(columns, index=index)
