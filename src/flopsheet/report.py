"""The public interface: a spec computed, and the workbook made from it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from flopsheet import __version__, errors, frames
from flopsheet.catalog import Catalog
from flopsheet.catalog import load as load_catalog
from flopsheet.errors import SizeError
from flopsheet.frames import Values
from flopsheet.spec import Expectation, Spec
from flopsheet.spec import load as load_spec
from flopsheet.tables import tabulate, tabulate_runs

if TYPE_CHECKING:
    import pandas as pd

    from flopsheet.workbook.arrange import Layout, Study
    from flopsheet.workbook.layout import Spot

MOST_HELD = 1_000_000  # layer groups × context lengths in memory at once
SpecLike: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]


# How a message says a claim.
CLAIMS = {"equals": "equals", "text": "equals", "at_least": "at least", "at_most": "at most"}


@dataclass(frozen=True)
class Finding:
    """An expectation that does not hold: what was claimed, and the value that was found."""

    expectation: Expectation
    claim: str
    claimed: float | str
    found: float | str

    def told(self, catalog: Catalog) -> str:
        """One line: `gpt2-xl.n_params is 2,127,057,600, expected at most 2,000,000,000`."""
        from flopsheet.summaries import formatted

        that, metric = self.expectation, catalog.metrics[self.expectation.metric]
        at = f" at {that.context_length:,.0f}" if that.context_length else ""
        found, claimed = (formatted(value, catalog.units[metric.unit]) for value in (self.found, self.claimed))
        return f"{that.subject}.{that.metric}{at} is {found}, expected {CLAIMS[self.claim]} {claimed}"


@dataclass(frozen=True)
class Report:
    """A computed spec.

    `frames[grain]` is a DataFrame with one row per model, layer group, scenario, layer run, training or serving run,
    and one column per input and metric.
    """

    spec: Spec
    values: Values
    runs: Mapping[str, Values]
    catalog: Catalog

    @cached_property
    def frames(self) -> dict[str, pd.DataFrame]:
        return frames.to_frames(self.values, self.runs, self.catalog)

    def findings(self) -> Iterator[Finding]:
        """The expectations of the spec that do not hold."""
        from flopsheet.workbook import checks

        for expectation in self.spec.expectations:
            grain = self.catalog.metrics[expectation.metric].grain
            values = self.runs.get(checks.world_of(grain), self.values)
            row = checks.row_in(values.tables, grain, expectation.subject, expectation.context_length)
            found = values.column(grain, expectation.metric)[row]
            for claim, claimed in checks.claims(expectation):
                if not checks.holds(claim, found, claimed, expectation.within):
                    yield Finding(expectation, claim, claimed, found)

    @cached_property
    def study(self) -> Study:
        """What the workbook is planned from."""
        from flopsheet.workbook import arrange, context

        choice = context.default_choice(self.spec, self.values)
        return arrange.Study(self.spec, self.values, self.runs, self.catalog, __version__, choice)

    def cells(self, name: str) -> tuple[Spot, ...]:
        """Where the workbook computes an input or metric: a cell for each row of its frame, or none at all."""
        spots = self._layout.homes.spots
        return next((spots[world.name, name] for world in self._layout.worlds if (world.name, name) in spots), ())

    @cached_property
    def _layout(self) -> Layout:
        from flopsheet.workbook import arrange

        return arrange.lay_out(self.study, self.study)


def compute(spec: SpecLike) -> Report:
    """Every metric of a spec, given as a path or as a mapping.

    Raises SpecError with all problems of the spec, FileError where it cannot be read, ComputeError where a metric is
    not finite.
    """
    return compute_spec(load_spec(spec))


def compute_spec(spec: Spec) -> Report:
    """Every metric of a spec that is already read."""
    held = len(spec.context_lengths) * sum(len(model.groups) for model in spec.models)
    if held > MOST_HELD:
        raise SizeError(errors.too_many_to_hold(held, MOST_HELD))
    catalog = spec.catalog or load_catalog()
    runs = {kind: frames.compute_runs(tabulate_runs(spec, kind), catalog) for kind in spec.runs}
    return Report(spec, frames.compute(tabulate(spec), catalog), runs, catalog)


def compute_for_workbook(spec: Spec) -> Report:
    """Every metric of a spec that fits into a workbook; SizeError before anything is computed where it does not."""
    from flopsheet.workbook import arrange

    n_groups = sum(len(model.groups) for model in spec.models)
    arrange.check_columns(n_groups, len(spec.context_lengths))
    return compute_spec(spec)


def build(spec: SpecLike | Report, target: str | os.PathLike[str]) -> Report:
    """Computes a spec and writes its workbook; the target is replaced in one step or not at all."""
    from flopsheet.workbook import plan, write

    report = spec if isinstance(spec, Report) else compute_for_workbook(load_spec(spec))
    write.save(plan.build(report.study), target)
    return report
