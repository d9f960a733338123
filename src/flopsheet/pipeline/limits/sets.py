"""The budgets that a spec sets on runs and on models, and the limits within them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.pipeline.expectations import claims
from flopsheet.pipeline.frames import Values, compute_values
from flopsheet.pipeline.limits import budgets
from flopsheet.pipeline.limits.budgets import Budget
from flopsheet.pipeline.limits.dials import LIMITS, OF_MODELS
from flopsheet.pipeline.limits.solve import Solved, solve_budget
from flopsheet.pipeline.limits.subjects import Subjects, runs_of
from flopsheet.pipeline.tables import tabulate
from flopsheet.records import frozen
from flopsheet.spec import Expectation, Spec

MODELS: Literal["models"] = "models"
Kind: TypeAlias = RunKind | Literal["models"]
GRAINS: Mapping[Kind, frozenset[Grain]] = {
    **{kind: frozenset({of_run}) for kind, (of_run, _) in RUNS.items()},
    MODELS: frozenset({"model", "scenario"}),
}


@frozen
class Set:
    """A budget that the spec sets on a run, or on a model at a context length."""

    kind: Kind
    subject: str
    context_length: float | None
    budget: Budget
    bound: float

    @property
    def about(self) -> str:
        """The run, or the model with its context length where the metric depends on it."""
        return self.subject if self.context_length is None else f"{self.subject} at {self.context_length:,.0f}"

    def called(self, catalog: Catalog) -> str:
        """The budget for a reader."""
        return budgets.called(self.budget, self.bound, catalog)


@frozen
class Within:
    """A budget and the limits within it, with the place of its subject among those that were solved together."""

    set: Set
    at: int
    solved: Sequence[Solved]


def set_on(expectations: Sequence[Expectation], kind: Kind, names: Sequence[str], catalog: Catalog) -> list[Set]:
    """The budgets of runs of a kind, or of models: bounds above 0 of metrics of theirs."""
    return [
        Set(
            kind, one.subject, one.context_length and float(one.context_length), Budget(one.metric, claim), float(bound)
        )
        for one in expectations
        if one.subject in names and catalog.metrics[one.metric].grain in GRAINS[kind]
        for claim, bound in claims(one)
        if claim in budgets.SPENT and not isinstance(bound, str) and bound > 0
    ]


def every_set(spec: Spec, catalog: Catalog) -> dict[Kind, list[Set]]:
    """All budgets of a spec by what they are about, in its order."""
    named: dict[Kind, list[str]] = {MODELS: [model.name for model in spec.models]}
    named |= {kind: [run.name for run in spec.runs.get(kind, ())] for kind in RUNS}
    return {kind: set_on(spec.expectations, kind, names, catalog) for kind, names in named.items()}


def within_runs(
    values: Values, kind: RunKind, sets: Sequence[Set], catalog: Catalog, built: Values | None = None
) -> list[Within]:
    """The limits within budgets of runs: what several runs have of one metric is solved once.

    Where a workbook was edited, `built` has what it was built from.
    """
    subjects = runs_of(values, kind, catalog, built)
    names = [str(run) for (run,) in values.tables[subjects.grain].keys]
    found: dict[int, Within] = {}
    for together in _together(sets):
        claimed = np.full(len(subjects), sets[together[0]].bound)
        places = {number: names.index(sets[number].subject) for number in together}
        for number, at in places.items():
            claimed[at] = sets[number].bound
        solved = list(solve_budget(subjects, LIMITS[kind], sets[together[0]].budget, claimed))
        found |= {number: _within(sets[number], at, solved) for number, at in places.items()}
    return [found[number] for number in range(len(sets))]


def _together(sets: Sequence[Set]) -> Iterator[list[int]]:
    """The numbers of budgets of the same metric, of different runs."""
    left = list(range(len(sets)))
    while left:
        chosen: dict[str, int] = {}
        for number in left:
            if sets[number].budget == sets[left[0]].budget:
                chosen.setdefault(sets[number].subject, number)
        yield list(chosen.values())
        left = [number for number in left if number not in chosen.values()]


def within_model(spec: Spec, one: Set, catalog: Catalog, built: Spec | None = None) -> Within:
    """The limits of a model within one of its budgets; `built` is the spec before the workbook was edited."""
    values = _values_of_model(spec, one, catalog)
    as_built = values if built is None or built is spec else _values_of_model(built, one, catalog)
    subjects = Subjects(values, as_built, catalog, "scenario")
    return _within(one, 0, list(solve_budget(subjects, OF_MODELS, one.budget, np.array([one.bound]))))


def _values_of_model(spec: Spec, one: Set, catalog: Catalog) -> Values:
    """What the metric of a budget reads, of its model alone at its context length, or at the first if it has none."""
    model = next(each for each in spec.models if each.name == one.subject)
    lengths = (one.context_length or spec.context_lengths[0],)
    study = dataclasses.replace(spec, models=(model,), context_lengths=lengths, runs={}, expectations=())
    return compute_values(tabulate(study), catalog, [one.budget.metric])


def _within(one: Set, at: int, solved: Sequence[Solved]) -> Within:
    """The limits of the inputs that the subject was built with."""
    return Within(one, at, [each for each in solved if each.has_input(at)])


def every_within(spec: Spec, runs: Mapping[RunKind, Values], catalog: Catalog) -> Iterator[Within]:
    """The limits within each budget of a spec, those of models first."""
    sets = every_set(spec, catalog)
    for one in sets[MODELS]:
        yield within_model(spec, one, catalog)
    for kind, values in runs.items():
        yield from within_runs(values, kind, sets[kind], catalog)
