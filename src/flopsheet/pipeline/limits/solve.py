"""The last values of an input, computed from the columns of runs or of a model."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import numpy as np

from flopsheet.catalog import Catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.diagnostics import BeyondDoubles, ComputeError, not_finite
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import vectorised
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.limits import budgets
from flopsheet.pipeline.limits.alike import Alike, WorkingRows
from flopsheet.pipeline.limits.budgets import Budget
from flopsheet.pipeline.limits.dials import LIMITS, Limit
from flopsheet.pipeline.limits.parts import Part
from flopsheet.pipeline.limits.program import Points, Step, at_point, name_and_point, program, recomputed
from flopsheet.pipeline.limits.rows import rows_of, rows_of_runs
from flopsheet.pipeline.limits.subjects import Subjects, repeated, runs_of
from flopsheet.pipeline.tables import Column
from flopsheet.records import frozen


@frozen
class Solved:
    """One limit in every run, or of a model: its steps with their numbers, and what is computed anew at its points."""

    subjects: Subjects
    limit: Limit
    program: tuple[Step | Points, ...]
    numbers: Mapping[str, Column]
    parts: tuple[Part, ...]
    fixed: Mapping[str, Column]
    """The parts that the input does not move."""
    points: Mapping[str, Mapping[str, Column]]
    """At each the inputs that vary and the parts that depend on them."""
    built: Column
    """What was shown of each as it was built, which decides where the sheet has a row."""

    def column(self, name: str) -> Column:
        """A step of each run, or a metric of each at a point."""
        metric, point = name_and_point(name)
        return self.numbers[name] if name in self.numbers else self.points[point][metric]

    def as_it_is(self) -> Column:
        """What is shown of each run as it is."""
        return _shown(self.subjects, self.limit, self.numbers["now"])

    def has_input(self, at: int) -> bool:
        """Whether a run was built with the input at all: a mixture of experts may have no dense FFN, of width 0."""
        return bool(self.built[at] > 0)


def solve(values: Values, kind: RunKind, catalog: Catalog, built: Values | None = None) -> list[Solved]:
    """Every limit of the runs of a kind; none where a run far away is beyond what doubles hold.

    Where a workbook was edited, `built` has what it was built from.
    """
    subjects = runs_of(values, kind, catalog, built)
    try:
        return [
            _solved(subjects, limit, program(kind, limit, subjects.n_groups), rows)
            for limit, rows in zip(LIMITS[kind], rows_of_runs(kind, catalog), strict=True)
        ]
    except BeyondDoubles:
        return []


def solve_budget(subjects: Subjects, limits: Sequence[Limit], budget: Budget, claimed: Column) -> Iterator[Solved]:
    """The limits within a budget, given its bound for each run; of inputs that the metric reads."""
    catalog = subjects.catalog
    may_be_absent = bool(catalog.metrics[budget.metric].absent)
    for limit in limits:
        if budget.metric in recomputed(limit, (budget.metric,), catalog):
            steps = budgets.program(limit, budget, may_be_absent=may_be_absent)
            try:
                rows = rows_of(limit, (budget.metric,), catalog)
                yield _solved(subjects, limit, steps, rows, {budgets.CLAIMED: claimed})
            except ComputeError:  # a metric of the spec may have no value where no run is
                continue


def _most(subjects: Subjects, function: str, gathered: tuple[str, ...]) -> Column:
    """The most that the layer groups of each have."""
    if function != "at_max" or len(set(gathered)) > 1:
        raise LookupError(f"{function}(…) of {', '.join(gathered)} in a limit, which reads the most of one name")
    found: Column = subjects.column(gathered[0]).reshape(len(subjects), -1).max(axis=1)
    return found


def _shown(subjects: Subjects, limit: Limit, now: Column) -> Column:
    """What is shown of the value of each as it is."""

    def read(name: str) -> Column:
        return now if name == "x" else subjects.column(name)

    return np.broadcast_to(np.asarray(evaluate(limit.shown, read, None, vectorised()), np.float64), len(subjects))


def _solved(
    subjects: Subjects,
    limit: Limit,
    steps: Sequence[Step | Points],
    rows: WorkingRows,
    given: Mapping[str, Column] = MappingProxyType({}),
) -> Solved:
    """What steps give, in each run; at points some rows are computed anew."""
    functions = vectorised()
    numbers: dict[str, Column] = dict(given)
    points: dict[str, Mapping[str, Column]] = {}
    fixed = _computed(subjects, rows.fixed, {})

    def read(name: str) -> Column:
        if name in numbers:
            return numbers[name]
        metric, point = name_and_point(name)
        there = points[point] if point else {}
        return there[metric] if metric in there else subjects.column(metric)

    most = partial(_most, subjects)
    for step in steps:
        if isinstance(step, Points):
            tried = [numbers[at_point("x", point)] for point in step.names]
            points |= zip(step.names, _at_points(subjects, limit, tried, fixed, rows.moved), strict=True)
            continue
        with np.errstate(all="ignore"):
            number = evaluate(step.node, read, most, functions)
        numbers[step.name] = np.broadcast_to(np.asarray(number, np.float64), len(subjects))
    then = subjects.as_built
    built = _shown(then, limit, np.asarray(evaluate(limit.now, then.column, partial(_most, then), functions)))
    return Solved(subjects, limit, tuple(steps), numbers, rows.parts, fixed, points, built)


def _at_points(
    subjects: Subjects, limit: Limit, tried: Sequence[Column], fixed: Mapping[str, Column], moved: Sequence[Alike]
) -> Iterator[dict[str, Column]]:
    """The inputs that vary and the parts that depend on them, at points that are all computed at once."""
    times = len(tried)
    every = subjects.repeated(times)
    inputs = every.varied(limit, np.asarray(tried, np.float64).ravel())
    known = {name: repeated(column, times) for name, column in fixed.items()}
    found = {**inputs, **_computed(every, moved, {**known, **inputs})}
    apart = {name: column.reshape(times, -1) for name, column in found.items()}
    return ({name: columns[point] for name, columns in apart.items()} for point in range(times))


class _Read(dict[str, Column]):
    """What formulas read of each subject: what is computed anew, else what it has as it is."""

    def __init__(self, subjects: Subjects, known: Mapping[str, Column]) -> None:
        super().__init__(known)
        self.subjects = subjects

    def __missing__(self, name: str) -> Column:
        found = self[name] = self.subjects.column(name)
        return found


class _ReadByAll(dict[str, Column]):
    """What a formula of several parts reads: for each of them what stands there, of each subject."""

    def __init__(self, every: _Read, alike: Alike) -> None:
        super().__init__()
        self.every, self.alike = every, alike

    def __missing__(self, name: str) -> Column:
        each = self.alike.stacked.get(name) or (name,) * len(self.alike.parts)
        columns = [self.every[one] if isinstance(one, str) else np.full(len(self.every.subjects), one) for one in each]
        found = self[name] = np.concatenate(columns)
        return found


def _computed(subjects: Subjects, rows: Sequence[Alike], known: Mapping[str, Column]) -> dict[str, Column]:
    """Some parts in their order; an error where one is not finite."""
    functions, every = vectorised(), _Read(subjects, known)
    found: dict[str, Column] = {}

    def of_group(name: str) -> Column:
        column = every[name]
        return column if len(column) == len(subjects.owners) else subjects.of_groups(column)

    def gather(function: str, names: tuple[str, ...]) -> Column:
        return subjects.gathered(function, [every[name] for name in names])

    def gather_in_group(function: str, names: tuple[str, ...]) -> Column:
        return subjects.of_groups(gather(function, names))

    with np.errstate(all="ignore"):
        for alike in rows:
            times, (first, *others) = len(alike.parts), alike.parts

            def gather_for_all(function: str, names: tuple[str, ...], times: int = times) -> Column:
                return repeated(gather(function, names), times)

            length = len(subjects.owners) if first.is_finer else len(subjects) * times
            read, of_finer = (of_group, gather_in_group) if first.is_finer else (every.__getitem__, gather)
            if others:
                read, of_finer = _ReadByAll(every, alike).__getitem__, gather_for_all
            value = evaluate(alike.node, read, of_finer, functions, remember=False)
            column = np.asarray(value, np.float64) + 0.0
            column = column if column.shape == (length,) else np.broadcast_to(column, length)
            made = dict(zip((part.name for part in alike.parts), column.reshape(times, -1), strict=True))
            found |= made
            every |= made
    _check([part for alike in rows for part in alike.parts], found, subjects.catalog.absent)
    return found


def _check(parts: Sequence[Part], found: Mapping[str, Column], absent: Container[str]) -> None:
    """BeyondDoubles where a number is infinite, ComputeError where one that is always given has no value."""
    given = [part for part in parts if part.of not in absent]
    for some, is_wrong, error in ((parts, np.isinf, BeyondDoubles), (given, np.isnan, ComputeError)):
        if some and is_wrong(np.concatenate([found[part.name] for part in some])).any():
            wrong = next(part for part in some if is_wrong(found[part.name]).any())
            raise error(not_finite(wrong.of, {}))
