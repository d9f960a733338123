"""Input tables and the catalogue's formulas → a pandas DataFrame per grain: inputs first, then a column per metric."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import cached_property, partial
from itertools import repeat
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flopsheet import diagnostics
from flopsheet.catalog import KEYS, Catalog, Metric
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import Grain
from flopsheet.diagnostics import ComputeError
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import vectorised
from flopsheet.formula.nodes import Name
from flopsheet.formula.operators import Value
from flopsheet.pipeline.tables import FEW_ROWS, Column, Numbers, Rows, Table, Tables, frame_of
from flopsheet.records import frozen

Kind = TypeVar("Kind", bound=np.generic)  # of numbers or texts


@frozen
class Values:
    """Every input and metric: a DataFrame per grain, its index naming the rows, its columns float64 or text."""

    tables: Tables
    frames: Mapping[Grain, pd.DataFrame]
    absent: Mapping[str, str] = field(default_factory=dict)
    """What is said of the inputs and metrics that may have no number; columns have NaN there."""
    words: Mapping[str, Column] = field(default_factory=dict)
    """The same row by row, of metrics where it depends on what is not given."""

    def column(self, grain: Grain, name: str) -> Column:
        """An input, a metric or a name of the rows as an array, texts as objects."""
        return _column(self.frames[grain], name)

    def plain(self, grain: Grain, name: str) -> list[Scalar]:
        """The same as Python's floats and texts; where a number is not given, the words for that."""
        return self._plain[grain][name]

    @cached_property
    def _plain(self) -> dict[str, dict[str, list[Scalar]]]:
        return {grain: _lists(frame, {**self.absent, **self.words}) for grain, frame in self.frames.items()}


def _lists(frame: pd.DataFrame, absent: Mapping[str, str | Column]) -> dict[str, list[Scalar]]:
    """The columns of a frame as lists, whole: cell by cell, a DataFrame is slow."""
    lists = dict(zip(frame.columns, frame.to_numpy(object).T.tolist(), strict=True))
    for name in absent.keys() & lists.keys():
        words = absent[name]
        each = repeat(words) if isinstance(words, str) else words.tolist()
        lists[name] = [word if value != value else value for value, word in zip(lists[name], each, strict=False)]
    return lists | {key: frame.index.get_level_values(key).tolist() for key in frame.index.names if key in KEYS}


def _column(frame: pd.DataFrame, name: str) -> Column:
    if name in KEYS:  # finer rows read it there
        return frame.index.get_level_values(name).to_numpy(object)
    found: Column = frame[name].to_numpy()
    return found


def compute_values(tables: Tables, catalog: Catalog, wanted: Iterable[str] | None = None) -> Values:
    """The frames of these tables with their metrics, or with those wanted and what they read.

    Metrics are computed in the catalogue's order, each a whole column, and join their inputs once all are there:
    hundreds of insertions, one after the other, would cost a DataFrame more than the arithmetic.
    ComputeError where one is not finite.
    """
    return _values(tables, catalog, catalog.order if wanted is None else catalog.closure(wanted))


def _values(tables: Tables, catalog: Catalog, order: Iterable[str]) -> Values:
    metrics, words = _computed(tables, catalog, order)
    frames = {grain: _joined(table.inputs, metrics[grain]) for grain, table in tables.items()}
    return Values(tables, frames, catalog.absent, words)


def recomputed(values: Values, tables: Tables, catalog: Catalog, names: Iterable[str]) -> dict[str, Column]:
    """Some metrics with the inputs of other tables of the same rows; what they read besides is as it was."""
    metrics, _ = _computed(tables, catalog, names, values)
    return {name: column for columns in metrics.values() for name, column in columns.items()}


def _computed(
    tables: Tables, catalog: Catalog, order: Iterable[str], known: Values | None = None
) -> tuple[dict[str, dict[str, Column]], dict[str, Column]]:
    """The columns of metrics by grain, computed in an order, and what is said of those that are not given."""
    columns: dict[Grain, _Readable] = {}
    for grain, table in tables.items():
        above = {coarse: columns[coarse] for coarse in table.above}
        columns[grain] = _Readable(table, above, catalog, known.frames[grain] if known else table.inputs)
    metrics: dict[str, dict[str, Column]] = {grain: {} for grain in tables}
    words: dict[str, Column] = {}
    functions = vectorised()

    def gather(table: Table, function: str, names: tuple[str, ...]) -> Column:
        finer = catalog.entry(names[0]).grain
        values = (columns[finer][name] for name in names)
        return AGGREGATES[function](tables[finer].above[table.grain], len(table), *values)

    with np.errstate(all="ignore"):
        for name in order:
            metric = catalog.metrics[name]
            if metric.grain in tables:
                table = tables[metric.grain]
                few = len(table) <= FEW_ROWS
                of_name, of_finer = columns[metric.grain].__getitem__, partial(gather, table)
                result = evaluate(metric.ast, of_name, of_finer, functions, remember=few)
                needed = metric.has_value and evaluate(metric.has_value, of_name, None, functions, remember=few)
                made = _checked(metric, table, _of_length(np.asarray(result), len(table)), needed)
                if metric.words is not None and (lacks := made != made).any():
                    said = evaluate(metric.words, of_name, None, functions)
                    words[name] = _of_length(np.asarray(said, object), len(table))
                    made = np.where(lacks, words[name], made) if made.dtype == object else made
                columns[metric.grain][name] = metrics[metric.grain][name] = made
    return metrics, words


class _Readable(dict[str, Column]):
    """What formulas of a table read by name: its own columns, and a value for each row of those of coarser tables.

    Of many rows the latter are taken anew each time: held, they would fill the memory.
    """

    def __init__(self, table: Table, above: Mapping[Grain, _Readable], catalog: Catalog, frame: pd.DataFrame) -> None:
        super().__init__(table.columns)
        self.table, self.above, self.catalog, self.frame = table, above, catalog, frame

    def __missing__(self, name: str) -> Column:
        grain = KEYS[name] if name in KEYS else self.catalog.entry(name).grain
        if grain == self.table.grain:  # a name of the rows, or what is known
            found = _column(self.table.inputs if name in KEYS else self.frame, name)
        else:
            values = self.above[grain][name]
            found = values if len(values) == 1 else values.take(self.table.above[grain])
            if len(found) > FEW_ROWS:
                return found
        self[name] = found
        return found


def _joined(inputs: pd.DataFrame, metrics: Mapping[str, Column]) -> pd.DataFrame:
    return pd.concat([inputs, frame_of(metrics, inputs.index)], axis=1) if metrics else inputs


def _sum(owner: Rows, count: int, values: Numbers) -> Numbers:
    """The sum of a groupby, added row by row as a spreadsheet does; pandas compensates, which gives other bits."""
    return np.bincount(owner, weights=values, minlength=count).astype(np.float64, copy=False)


def _first(owner: Rows, count: int, values: Column) -> Column:
    _, position = np.unique(owner, return_index=True)
    return values[position]


def _at_min(owner: Rows, count: int, key: Numbers, values: Column) -> Column:
    order = np.lexsort((np.arange(len(key)), key, owner))  # the first of equals wins, as in a spreadsheet's MATCH
    return values[order[np.searchsorted(owner[order], np.arange(count))]]


def _at_max(owner: Rows, count: int, key: Numbers, values: Column) -> Column:
    return _at_min(owner, count, -key, values)


AGGREGATES: Mapping[str, Callable[..., Column]] = {"sum": _sum, "first": _first, "at_min": _at_min, "at_max": _at_max}


def _of_length(result: NDArray[Kind], length: int) -> NDArray[Kind]:
    return result if result.shape == (length,) else np.broadcast_to(result, length)


def _checked(metric: Metric, table: Table, column: Column, has_value: Value = None) -> Column:
    """A column of finite numbers, or of texts; `has_value` is 1 where it must have one, where not in every row."""
    if column.dtype == object or column.dtype.kind == "U":
        return column.astype(object)
    # No negative zero. What an operation has just made is nobody else's yet: it is mended in place.
    fresh = column.flags.writeable and column.dtype == np.float64 and not isinstance(metric.ast, Name)
    column = np.add(column, 0.0, out=column if fresh else None, dtype=np.float64)
    may_be_infinite = not np.isfinite(column.sum())  # one pass; finite numbers can add up to infinity
    if may_be_infinite and not (finite := np.isfinite(column) | (has_value is not None and has_value != 1)).all():
        row = table.keys[int(finite.argmin())]
        raise ComputeError(diagnostics.not_finite(metric.name, dict(zip(table.key_names, row, strict=True))))
    return column


def compute_runs(tables: Tables, catalog: Catalog) -> Values:
    """The columns of a kind of run: everything about a run, and of the finer grains what that reads."""
    return _values(tables, catalog, catalog.order_of_runs)
