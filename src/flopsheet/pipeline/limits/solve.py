"""The last values of every run of a kind, computed from its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.diagnostics import ComputeError
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import vectorised
from flopsheet.pipeline.expectations import claims
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.frames import recomputed as recomputed_columns
from flopsheet.pipeline.limits import budgets
from flopsheet.pipeline.limits.budgets import Budget
from flopsheet.pipeline.limits.dials import LIMITS, Limit
from flopsheet.pipeline.limits.program import Point, Step, program, recomputed, wanted
from flopsheet.pipeline.tables import Column, Table
from flopsheet.records import frozen
from flopsheet.spec import Expectation

MAIN = "main"
OF_GROUPS: Grain = "layer_group"


@frozen
class Solved:
    """One limit in every run: its steps with their numbers, and the runs computed anew at its points."""

    limit: Limit
    program: tuple[Step | Point, ...]
    numbers: Mapping[str, Column]
    points: Mapping[str, Mapping[str, Column]]
    """At each the inputs that vary and the metrics that depend on them, in the order of their tables."""

    @property
    def anew(self) -> tuple[str, ...]:
        """What is computed anew at each point, the inputs that vary first."""
        return tuple(next(iter(self.points.values())))

    def column(self, name: str) -> Column:
        """A step of each run, or a metric of each at a point."""
        metric, _, point = name.partition("@")
        return self.numbers[name] if name in self.numbers else self.points[point][metric]


def solve(values: Values, kind: RunKind, catalog: Catalog) -> list[Solved]:
    """Every limit of the runs of a kind; none where a run far away is beyond what doubles hold."""
    groups = n_groups(values)
    try:
        return [
            _solved(values, limit, program(kind, limit, groups), wanted(kind, limit, catalog), catalog)
            for limit in LIMITS[kind]
        ]
    except ComputeError:
        return []


def solve_budget(values: Values, kind: RunKind, budget: Budget, claimed: Column, catalog: Catalog) -> list[Solved]:
    """The limits of the runs of a kind within a budget, given its bound in each; of inputs that the metric reads."""
    may_be_absent = bool(catalog.metrics[budget.metric].absent)
    found = []
    for limit in LIMITS[kind]:
        if budget.metric in recomputed(limit, (budget.metric,), catalog):
            steps = budgets.program(limit, budget, may_be_absent=may_be_absent)
            try:
                found.append(_solved(values, limit, steps, (budget.metric,), catalog, {budgets.CLAIMED: claimed}))
            except ComputeError:
                continue
    return found


@frozen
class Set:
    """A budget that the spec sets on a run."""

    run: str
    at: int
    """Which run of its kind."""
    budget: Budget
    bound: float


def set_on(expectations: Sequence[Expectation], kind: RunKind, names: Sequence[str], catalog: Catalog) -> list[Set]:
    """The budgets of runs of a kind: bounds above 0 of metrics of theirs."""
    grain, _ = RUNS[kind]
    return [
        Set(one.subject, names.index(one.subject), Budget(one.metric, claim), float(bound))
        for one in expectations
        if one.subject in names and catalog.metrics[one.metric].grain == grain
        for claim, bound in claims(one)
        if claim in budgets.SPENT and not isinstance(bound, str) and bound > 0
    ]


def solve_set(values: Values, kind: RunKind, one: Set, catalog: Catalog) -> list[Solved]:
    """The limits of runs within a budget of one of them; it is asked of all, and its own line is read."""
    claimed = np.full(len(values.tables["run"]), one.bound)
    return solve_budget(values, kind, one.budget, claimed, catalog)


def n_groups(values: Values) -> int:
    """Layer groups of each run."""
    return len(values.tables[OF_GROUPS]) // len(values.tables["run"])


def _solved(
    values: Values,
    limit: Limit,
    steps: Sequence[Step | Point],
    read_there: Sequence[str],
    catalog: Catalog,
    given: Mapping[str, Column] = MappingProxyType({}),
) -> Solved:
    """What steps give, in each run; at points what is read there is computed anew."""
    numbers: dict[str, Column] = dict(given)
    points: dict[str, Mapping[str, Column]] = {}
    names_anew = recomputed(limit, read_there, catalog)
    length = len(values.tables["run"])

    def read(name: str) -> Column:
        if name in numbers:
            return numbers[name]
        metric, _, point = name.partition("@")
        there = points[point] if point else {}
        return there[metric] if metric in there else _of_run(values, metric, catalog)

    def most(_: str, gathered: tuple[str, ...]) -> Column:
        found: Column = values.column(OF_GROUPS, gathered[0]).reshape(length, -1).max(axis=1)
        return found

    for step in steps:
        if isinstance(step, Point):
            inputs = varied(values, limit, numbers[step.x], catalog)
            points[step.name] = {
                **inputs,
                **recomputed_columns(values, _tables(values, inputs, catalog), catalog, names_anew),
            }
            continue
        with np.errstate(all="ignore"):
            found = evaluate(step.node, read, most, vectorised())
        numbers[step.name] = np.broadcast_to(np.asarray(found, np.float64), length)
    return Solved(limit, tuple(steps), numbers, points)


def as_it_is(values: Values, solved: Solved, catalog: Catalog) -> Column:
    """What is shown of each run as it is."""

    def read(name: str) -> Column:
        return solved.numbers["now"] if name == "x" else _of_run(values, name, catalog)

    found: Column = np.asarray(evaluate(solved.limit.shown, read, None, vectorised()), np.float64)
    return found


def varied(values: Values, limit: Limit, x: Column, catalog: Catalog) -> dict[str, Column]:
    """The inputs that vary, with one value of `x` for each run."""
    each = n_groups(values)

    def of_run(name: str) -> Column:
        return x if name == "x" else _of_run(values, name, catalog)

    def of_group(name: str) -> Column:
        if name == MAIN:
            return main(values, limit)
        is_finer = name != "x" and catalog.entry(name).grain == OF_GROUPS
        return values.column(OF_GROUPS, name) if is_finer else of_run(name).repeat(each)

    read = {name: of_group if catalog.inputs[name].grain == OF_GROUPS else of_run for name in limit.varied}
    found = {name: evaluate(node, read[name], None, vectorised()) for name, node in limit.varied.items()}
    return {name: np.asarray(column, np.float64) for name, column in found.items()}


def _tables(values: Values, inputs: Mapping[str, Column], catalog: Catalog) -> dict[Grain, Table]:
    """The tables of the runs with other inputs."""
    tables = dict(values.tables)
    for name, column in inputs.items():
        table = tables[catalog.inputs[name].grain]
        tables[table.grain] = replace(table, columns={**table.columns, name: column})
    return tables


def main(values: Values, limit: Limit) -> Column:
    """1 for the layer groups of each run that are meant: those with the most of an input, or the first of them."""
    own = values.column(OF_GROUPS, limit.of_groups).reshape(len(values.tables["run"]), -1)
    found = (own == own.max(axis=1, keepdims=True)) & (own > 0)
    if limit.first_alone:
        found &= found.cumsum(axis=1) == 1
    meant: Column = found.astype(np.float64).ravel()
    return meant


def _of_run(values: Values, name: str, catalog: Catalog) -> Column:
    """An input or metric in the order of runs."""
    grain = catalog.entry(name).grain
    column: Column = values.column(grain, name)
    length = len(values.tables["run"])
    if len(column) == length and grain != "hardware":
        return column
    found: Column = column[values.tables["run"].above[grain]]
    return found
