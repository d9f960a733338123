"""What is told of every limit of every run, whatever it is written as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from flopsheet.catalog import Catalog
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import vectorised
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.limits import budget_words, words
from flopsheet.pipeline.limits.dials import Limit
from flopsheet.pipeline.limits.sets import Set, every_within
from flopsheet.pipeline.limits.solve import Solved, solve
from flopsheet.records import frozen
from flopsheet.spec import Spec


@frozen
class Told:
    """One limit of a run: the value as it is, the last that fits or a word, and one step further."""

    run: str
    limit: Limit
    now: float
    last: Scalar
    left_bytes: float
    """What a device has left at the last value; below zero where it lacks them."""
    next: float
    left_next_bytes: float
    says: str


def tell(runs: Mapping[RunKind, Values], catalog: Catalog) -> Iterator[Told]:
    """Every limit of an input that a run has, run by run."""
    for kind, values in runs.items():
        names = [str(run) for (run,) in values.tables["run"].keys]
        every = solve(values, kind, catalog)
        columns = [_of_limit(names, solved, kind) for solved in every]
        for at, of_run in enumerate(zip(*columns, strict=True)):
            yield from (told for told, solved in zip(of_run, every, strict=True) if solved.has_input(at))


def _of_limit(names: Sequence[str], solved: Solved, kind: RunKind) -> list[Told]:
    """One limit of every run."""
    limit, now = solved.limit, solved.as_it_is()
    read = {word: solved.column(name) for word, name in words.read(kind).items()}
    says = np.atleast_1d(evaluate(words.sentence(fewest=limit.fewest), read.__getitem__, None, vectorised()))
    told = []
    for at, run in enumerate(names):
        row = {word: float(column[at]) for word, column in read.items()}
        last = last_value(solved, at, kind)
        told.append(Told(run, limit, float(now[at]), last, row["left"], row["next"], row["left_next"], str(says[at])))
    return told


def last_value(solved: Solved, at: int, kind: RunKind) -> Scalar:
    """The last value of a limit of a run that fits, or the word that stands in its place."""
    read = words.read(kind)
    found: Scalar = evaluate(words.value(fewest=solved.limit.fewest), lambda name: float(solved.column(read[name])[at]))
    return found


@frozen
class ToldBudget:
    """One limit of a run, or of a model, within a budget."""

    set: Set
    limit: Limit
    now: float
    kind: str
    """`at_most`, `at_least`, or empty where there is no such value."""
    last: Scalar
    spent: float
    """The metric there."""
    next: float
    next_spent: float
    says: str


def tell_budgets(spec: Spec, runs: Mapping[RunKind, Values], catalog: Catalog) -> Iterator[ToldBudget]:
    """Every limit within each budget of the spec, those of models first."""
    for within in every_within(spec, runs, catalog):
        yield from (_within(within.set, solved, within.at, catalog) for solved in within.solved)


def _within(one: Set, solved: Solved, at: int, catalog: Catalog) -> ToldBudget:
    row = {name: float(solved.numbers[name][at]) for name in budget_words.READ}
    now = float(solved.as_it_is()[at])
    last = evaluate(budget_words.VALUE, row.__getitem__)
    node = budget_words.sentence(one.budget.claim, catalog.unit_of(one.budget.metric).plural)
    says = str(evaluate(node, row.__getitem__))
    spent = row["last_spent"], row["next"], row["next_spent"]
    kind = str(evaluate(budget_words.KIND, row.__getitem__))
    return ToldBudget(one, solved.limit, now, kind, last, *spent, says)
