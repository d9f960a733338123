"""What is told of every limit of every run, whatever it is written as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from flopsheet.catalog import Catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import vectorised
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.limits import words
from flopsheet.pipeline.limits.dials import Limit
from flopsheet.pipeline.limits.solve import Solved, as_it_is, solve
from flopsheet.records import frozen


@frozen
class Told:
    """One limit of a run: the value as it is, the last that fits or a word, and one step further."""

    run: str
    limit: Limit
    now: float
    last: float | str
    left_bytes: float
    """What a device has left at the last value; below zero where it lacks them."""
    next: float
    left_next_bytes: float
    says: str


def tell(runs: Mapping[RunKind, Values], catalog: Catalog) -> Iterator[Told]:
    """Every limit, run by run."""
    for kind, values in runs.items():
        names = [str(run) for (run,) in values.tables["run"].keys]
        columns = [_of_limit(names, solved, kind, values, catalog) for solved in solve(values, kind, catalog)]
        yield from (told for of_run in zip(*columns, strict=True) for told in of_run)


def _of_limit(names: Sequence[str], solved: Solved, kind: RunKind, values: Values, catalog: Catalog) -> list[Told]:
    """One limit of every run."""
    limit, now = solved.limit, as_it_is(values, solved, catalog)
    read = {word: solved.column(name) for word, name in words.read(kind).items()}
    says = np.atleast_1d(evaluate(words.sentence(fewest=limit.fewest), read.__getitem__, None, vectorised()))
    told = []
    for at, run in enumerate(names):
        row = {word: float(column[at]) for word, column in read.items()}
        last = evaluate(words.value(fewest=limit.fewest), row.__getitem__)
        told.append(Told(run, limit, float(now[at]), last, row["left"], row["next"], row["left_next"], str(says[at])))
    return told
