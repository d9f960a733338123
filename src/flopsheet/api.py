"""The public interface: a spec computed, and the workbook made from it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from flopsheet import __version__, diagnostics
from flopsheet.catalog import Catalog, load_catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.diagnostics import SizeError
from flopsheet.output import data_frames
from flopsheet.output.failed import FailedExpectation, Findings
from flopsheet.pipeline import frames
from flopsheet.pipeline.expectations import called_in
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.tables import tabulate, tabulate_runs
from flopsheet.records import frozen
from flopsheet.spec import Spec, load_spec

if TYPE_CHECKING:
    import pandas as pd

    from flopsheet.pipeline.expectations import Numbers
    from flopsheet.workbook.arrange import WorkbookInput, WorkbookLayout
    from flopsheet.workbook.layout.cells import TableSetName
    from flopsheet.workbook.model.references import CellRef

MOST_HELD = 1_000_000  # layer groups × context lengths in memory at once
SpecLike: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]


@frozen
class Report:
    """A computed spec, made by `flopsheet.compute`.

    `frames` has its numbers, `summary()` the headline ones, `findings` the expectations that do not hold. A notebook
    shows the headline tables.

    >>> import flopsheet
    >>> spec = {"version": 1, "title": "Two Llamas", "context_lengths": [8192, "128Ki"],
    ...         "models": {"7b": {"model": "llama-2-7b"}, "70b": {"model": "llama-3-70b"}},
    ...         "expect": [{"that": "70b.n_params", "at_most": "60B"}]}
    >>> flopsheet.compute(spec)
    Report('Two Llamas': 2 models, 2 contexts; 1 of 1 budget not met)
    """

    spec: Spec
    values: Values
    runs: Mapping[RunKind, Values]
    catalog: Catalog

    def __repr__(self) -> str:
        spec = self.spec
        counts = [(len(spec.models), "model"), (len(spec.context_lengths), "context")]
        counts += [(len(spec.runs[kind]), f"{kind} run") for kind in spec.runs]
        about = ", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in counts)
        if budgets := len(spec.expectations):
            missed, them = len(self.findings.expectations), called_in(spec)
            word = them.one if budgets == 1 else them.many
            about += f"; {missed:,} of {budgets:,} {word} not" if missed else f"; {budgets:,} {word}"
            about += f" {them.met}"
        return f"Report({diagnostics.shown(spec.title)!r}: {about})"

    def _repr_html_(self) -> str:
        """The headline tables, for a notebook."""
        from flopsheet.output import notebook

        return notebook.to_html(self)

    @cached_property
    def frames(self) -> data_frames.Frames:
        """Every input and metric: a DataFrame for each grain, a column for each name.

        `study` has one row, `model` one per model, `layer_group` per (model, group), `context` per context_length,
        `scenario` per (model, context_length), `layer_run` per (model, context_length, group), `hardware` per kind;
        where the spec has runs, `training_run` and `serving_run` have one per run, `training_layer` and
        `serving_layer` one per (run, group). These names are the index, so `reset_index()` makes them columns.

        Columns that count whole things are int64 where every value is whole and below 2**53; from there on, and for
        every other number, they are float64. Yes and no are bool, words text; checks say ok, note or FAIL.
        `frame.attrs["units"]` maps each column to its unit (`flopsheet list units`): amounts are in bytes, FLOP and
        seconds, unless the name says otherwise (`weight_gb`, `kv_cache_gib`). A scenario has the `n_params` of its
        model beside its own numbers. The meaning and source of each metric: `flopsheet list metrics`, docs/metrics.md.

        A name that is no frame raises `UnknownFrameError`, a KeyError that lists the frames.

        >>> import flopsheet
        >>> spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "llama-3-70b"}}}
        >>> report = flopsheet.compute(spec)
        >>> report.frames["model"].loc["m", "n_params"].item()  # as published
        70553706496
        >>> report.frames["scenario"].attrs["units"]["flops_forward"]
        'FLOP'
        >>> report.frames["models"]
        Traceback (most recent call last):
        flopsheet.output.data_frames.UnknownFrameError: no frame is called 'models'; did you mean 'model'? frames: \
study, model, layer_group, context, scenario, layer_run
        """
        return data_frames.to_frames(self.values, self.runs, self.catalog)

    def summary(self) -> dict[str, pd.DataFrame]:
        """The tables of the workbook's Summary: `models`, `scenarios` and, if the spec has runs, `training` and
        `serving`.

        Each is a DataFrame of the headline columns of the frame of its rows, with the same index, types and units.

        >>> import flopsheet
        >>> spec = {"version": 1, "context_lengths": [1024], "models": {"m": {"model": "llama-2-7b"}}}
        >>> list(flopsheet.compute(spec).summary())
        ['models', 'scenarios']
        """
        return data_frames.summarise(self.frames, self.catalog)

    @cached_property
    def limits(self) -> pd.DataFrame:
        """How far each run can go in one input, the others unchanged, before it no longer fits its device.

        One row per (run, input): the last value that fits (or `nothing fits`, or `no limit`), the memory left on a
        device there, the value one step further, the memory left then, and the same in words. Without runs it has no
        rows.

        >>> import flopsheet
        >>> spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "llama-3-8b"}}}
        >>> run = {"model": "m", "prompt_length": 8000, "generated_length": 192, "hardware": "h100-sxm"}
        >>> report = flopsheet.compute(spec | {"serving": {"chat": run}})
        >>> batch = report.frames["serving_run"]["largest_batch"]["chat"]
        >>> bool(report.limits.loc[("chat", "largest_batch"), "limit"] == batch)
        True
        """
        return data_frames.limits(self.runs, self.catalog)

    @cached_property
    def budget_limits(self) -> pd.DataFrame:
        """How far each run can go in one input within each of its budgets, `at_most` or `at_least` in `expect:`.

        One row per (run, metric, claim, input): the last value that meets the budget, whether it is the largest or the
        smallest (`limit_is`), the metric there and one step further, and the same in words. There is no number if the
        budget sets no limit or no value meets it, and there are no rows if no run has a budget.

        >>> import flopsheet
        >>> spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "llama-3-8b"}}}
        >>> run = {"model": "m", "prompt_length": 8000, "generated_length": 192, "hardware": "h100-sxm"}
        >>> spec |= {"serving": {"chat": run}, "expect": [{"that": "chat.served_gib_device", "at_most": 60}]}
        >>> flopsheet.compute(spec).budget_limits["limit_is"].dropna().unique().tolist()
        ['at_most']
        """
        return data_frames.budget_limits(self.spec, self.runs, self.catalog)

    @cached_property
    def findings(self) -> Findings:
        """The expectations of the spec that do not hold, in its order; empty if all hold.

        Each `FailedExpectation` has the `expectation`, the `claim` (`equals`, `text`, `at_least` or `at_most`), the
        value that is `claimed` and the one that was `found`. Those of `level: warn` are `warnings`.
        """
        return Findings(one for one in self.missed() if not one.expectation.is_warning)

    @property
    def warnings(self) -> Findings:
        """The expectations of `level: warn` that do not hold."""
        return Findings(one for one in self.missed() if one.expectation.is_warning)

    @property
    def numbers(self) -> Numbers:
        """The numbers that expectations are compared with."""
        from flopsheet.pipeline import expectations

        return expectations.Numbers(self.values, self.runs, self.catalog)

    def missed(self, base: Report | None = None, expected: Spec | None = None) -> Findings:
        """All expectations that do not hold; bounds of a change (`at_most_change`) against a base.

        A number that the base does not have is not compared. `expected` is a spec whose expectations apply instead, to
        the numbers that this report has.
        """
        from flopsheet.pipeline import expectations

        failed = expectations.failed(expected or self.spec, self.numbers, base.numbers if base else None)
        return Findings(FailedExpectation(*one) for one in failed)

    def notes(self) -> list[str]:
        """What is unusual though it breaks no rule, in words: sequences that leave devices idle, less than one step."""
        from flopsheet.pipeline.notes import notes

        return [note for values in (self.values, *self.runs.values()) for note in notes(values, self.catalog)]

    @cached_property
    def study(self) -> WorkbookInput:
        """What the workbook is planned from."""
        from flopsheet.workbook import arrange
        from flopsheet.workbook.sheets import context

        choice = context.default_choice(self.spec, self.values)
        return arrange.WorkbookInput(self.spec, self.values, self.runs, self.catalog, __version__, choice)

    def cells(self, name: str, kind: TableSetName | Literal[""] = "") -> tuple[CellRef, ...]:
        """Where the workbook computes an input or metric, of one kind of run if given: a cell per row, or none."""
        cell_refs = self._layout.cell_index.cell_refs
        if kind:
            return cell_refs.get((kind, name), ())
        return next(
            (
                cell_refs[table_set.name, name]
                for table_set in self._layout.table_sets
                if (table_set.name, name) in cell_refs
            ),
            (),
        )

    @cached_property
    def _layout(self) -> WorkbookLayout:
        from flopsheet.workbook import arrange

        return arrange.lay_out(self.study, self.study)


def compute(spec: SpecLike) -> Report:
    """Every metric of a spec, given as the path of a YAML file (`-` is stdin) or as a mapping of plain data.

    Raises SpecError with all problems of the spec at once, FileError if it cannot be read, ComputeError if a metric is
    not finite, SizeError if its sweeps exceed what is held in memory; all of them are FlopsheetErrors. docs/spec.md
    describes specs.

    >>> import flopsheet
    >>> model = {"n_layers": 12, "d_model": 768, "n_heads": 12, "ffn": "gelu", "d_ff": "4 * d_model"}
    >>> model["vocab_size"] = 50257
    >>> report = flopsheet.compute({"version": 1, "context_lengths": [1024], "models": {"small": model}})
    >>> report.frames["model"]["n_params_ffn"].item()  # 12 layers · 2 matrices · 768 · 3072
    56623104
    """
    return compute_spec(load_spec(spec))


def compute_spec(spec: Spec) -> Report:
    """Every metric of a spec that is already read."""
    held = len(spec.context_lengths) * sum(len(model.groups) for model in spec.models)
    if held > MOST_HELD:
        raise SizeError(diagnostics.too_many_to_hold(held, MOST_HELD))
    catalog = spec.catalog or load_catalog()
    runs = {kind: frames.compute_runs(tabulate_runs(spec, kind), catalog) for kind in spec.runs}
    return Report(spec, frames.compute_values(tabulate(spec), catalog), runs, catalog)


def compute_for_workbook(spec: Spec) -> Report:
    """Every metric of a spec that fits into a workbook; SizeError before anything is computed where it does not."""
    from flopsheet.workbook import arrange

    n_groups = sum(len(model.groups) for model in spec.models)
    arrange.check_columns(n_groups, len(spec.context_lengths))
    return compute_spec(spec)


def compute_with_layouts(spec: Spec) -> Report:
    """The same with the best layouts of the spec's searches among its training runs."""
    if not spec.searches:
        return compute_for_workbook(spec)
    from flopsheet.pipeline.search.layouts import with_layouts

    return compute_for_workbook(with_layouts(spec))


def build(spec: SpecLike | Report, target: str | os.PathLike[str], *, brief: bool = False) -> Report:
    """Computes a spec and writes its workbook; the target is replaced in one step or not at all.

    A brief one is Summary, Inputs and the results as values, to be attached to a message. Takes what `compute` takes,
    or the report that it gave, and returns the report. Raises what `compute` raises,
    SizeError where the study is wider than Excel's 16,384 columns, and FileError where the target cannot be written.

    >>> import flopsheet, os, tempfile
    >>> spec = {"version": 1, "context_lengths": [1024], "models": {"m": {"model": "llama-2-7b"}}}
    >>> target = os.path.join(tempfile.mkdtemp(), "m.xlsx")
    >>> report = flopsheet.build(spec, target)
    >>> os.path.exists(target)
    True
    """
    from flopsheet.workbook import plan
    from flopsheet.workbook.write import xlsx

    report = spec if isinstance(spec, Report) else compute_with_layouts(load_spec(spec))
    with _without_collector():
        if brief:
            from flopsheet.workbook import brief as short

            used = [str(kind) for values in report.runs.values() for kind in values.plain("run", "hardware")]
            xlsx.save(short.shorten(plan.plan_workbook(report.study, only=short.HELD), used), target)
        else:
            xlsx.save(plan.draft_workbook(report.study), target)
    return report


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rests Python's cyclic collector: a plan is up to millions of tuples without cycles, walked again as it grows."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
