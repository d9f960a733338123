"""The library as pandas users meet it: names, frames with types and units, summaries, errors, a notebook."""

from __future__ import annotations

import copy
import dataclasses
import doctest
import pickle
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

import flopsheet
import flopsheet.api
from flopsheet.diagnostics import problem
from studies import SPECS

SHAPE = {"n_layers": 12, "d_model": 768, "n_heads": 12, "ffn": "gelu", "d_ff": 3072, "vocab_size": 50257}
STUDY = {
    "version": 1,
    "title": "<b>13B</b> candidates",
    "context_lengths": [1024, 4096],
    "models": {"a": SHAPE, "b": {"extends": "a", "n_layers": 24}, "<i>": {"extends": "a"}},
    "training": {"t": {"model": "a", "context_length": 1024, "global_batch_size": 8, "hardware": "h100-sxm"}},
    "expect": [{"that": "a.n_params", "at_least": "1M", "at_most": "1M"}, {"that": "b.n_params", "at_least": "1M"}],
}


@cache
def report() -> flopsheet.Report:
    return flopsheet.compute(STUDY)


@cache
def with_every_kind_of_run() -> flopsheet.Report:
    return flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml")


def test_a_shell_completes_the_interface() -> None:
    assert {"compute", "build", "Report", "SpecError", "Problem"} <= set(dir(flopsheet)) & set(flopsheet.__all__)


def test_everything_that_is_exported_is_there() -> None:
    assert [name for name in flopsheet.__all__ if not hasattr(flopsheet, name)] == []


def test_a_report_is_shown_in_one_line() -> None:
    counts = "3 models, 2 contexts, 1 training run; 1 of 2 budgets not met"
    assert repr(report()) == f"Report('<b>13B</b> candidates': {counts})"


def test_a_report_without_budgets_says_nothing_of_them() -> None:
    bare = {key: value for key, value in STUDY.items() if key not in {"expect", "training"}}
    assert repr(flopsheet.compute(bare)) == "Report('<b>13B</b> candidates': 3 models, 2 contexts)"


def test_a_notebook_shows_the_headline_tables_and_escapes_every_name() -> None:
    html = report()._repr_html_()
    assert [html.count(text) for text in ("<table>", "</table>", "<b>", "<i>", "<th>&lt;i&gt;</th>")] == [5, 5, 0, 0, 3]


@pytest.mark.parametrize("grain", sorted(with_every_kind_of_run().frames))
def test_every_frame_can_reset_its_index(grain: str) -> None:
    frame = with_every_kind_of_run().frames[grain]
    assert list(frame.reset_index().columns) == [*frame.index.names, *frame.columns]


@pytest.mark.parametrize("grain", sorted(with_every_kind_of_run().frames))
def test_every_column_has_a_unit_of_the_list(grain: str) -> None:
    report = with_every_kind_of_run()
    frame = report.frames[grain]
    units = frame.attrs["units"]
    assert (list(units), set(units.values()) - set(report.catalog.units)) == (list(frame.columns), set())


def test_whole_counts_are_integers_and_other_numbers_floats() -> None:
    frame = report().frames["model"]
    # 12·(4·768² + 2·768·3072 + 2·768) + 2·50257·768 + 768: RMSNorm, untied, rotary.
    wanted = 12 * (4 * 768**2 + 2 * 768 * 3072 + 2 * 768) + 2 * 50257 * 768 + 768
    assert (frame["n_params"]["a"], frame["n_params"].dtype, frame["weight_gb"].dtype) == (wanted, "int64", "float64")


def test_a_count_that_a_double_does_not_hold_exactly_stays_a_float() -> None:
    study = {**STUDY, "batch_size": 10**9, "context_lengths": [1024, 131072]}
    frame = flopsheet.compute(study).frames["scenario"]
    assert (frame["flops_forward"].max() > 2**53, frame["flops_forward"].dtype) == (True, "float64")


def test_yes_and_no_are_booleans_in_every_frame() -> None:
    frames = with_every_kind_of_run().frames
    texts = {
        (grain, name)
        for grain, frame in frames.items()
        for name in frame.select_dtypes(exclude=["number", "bool"])
        if set(frame[name]) <= {"yes", "no"}
    }
    flags = (("model", "tie_embeddings"), ("training_run", "fits"), ("serving_run", "served_fits"))
    assert (texts, [frames[grain][name].dtype for grain, name in flags]) == (set(), ["bool"] * 3)


def test_a_scenario_has_the_parameters_of_its_model_beside_its_numbers() -> None:
    frames = report().frames
    beside = frames["scenario"]["n_params"].groupby("model").unique().map(list)
    assert beside.to_dict() == {model: [count] for model, count in frames["model"]["n_params"].items()}


def test_the_summary_has_the_headline_columns_of_each_frame() -> None:
    tables = with_every_kind_of_run().summary()
    frames = with_every_kind_of_run().frames
    assert list(tables) == ["models", "scenarios", "training", "serving"]
    for table, grain in zip(tables.values(), ("model", "scenario", "training_run", "serving_run"), strict=True):
        pd.testing.assert_frame_equal(table, frames[grain][list(table.columns)])
    assert (next(iter(tables["models"])), tables["training"].attrs["units"]["days"]) == ("n_params", "day")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("scenarios", "no frame is called 'scenarios'; did you mean 'scenario'? frames: study, model, "),
        ("serving_run", "this spec has no serving run, so it has no such frame; frames: study, model, "),
        (3, "no frame is called '3'; frames: study, model, "),
    ],
)
def test_a_wrong_frame_name_is_refused_with_those_that_there_are(name: object, message: str) -> None:
    with pytest.raises(KeyError) as caught:
        report().frames[name]  # type: ignore[index]
    assert (str(caught.value).startswith(message), isinstance(caught.value, flopsheet.FlopsheetError)) == (True, True)


def test_findings_are_a_tuple() -> None:
    found = report().findings
    assert [(one.claim, one.claimed, one.expectation.subject) for one in found] == [("at_most", 10**6, "a")]
    assert isinstance(found, tuple)


def test_findings_may_still_be_called_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="leave the brackets out"):
        assert report().findings() == report().findings


def test_a_spec_error_has_every_problem_with_its_path() -> None:
    with pytest.raises(flopsheet.SpecError) as caught:
        flopsheet.compute({**STUDY, "context_length": 8, "models": {"a": {**SHAPE, "n_layers": 0}}})
    found: tuple[flopsheet.Problem, ...] = caught.value.problems
    assert {one.path for one in found} >= {"context_length", "models.a.n_layers"}


@pytest.mark.parametrize("module", [flopsheet.api, problem], ids=["api", "problem"])
def test_the_examples_of_docstrings_are_true(module: ModuleType) -> None:
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    classes = [one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__]
    # Before Python 3.13 the finder does not see cached properties.
    cached = [one.func for found in classes for one in vars(found).values() if isinstance(one, cached_property)]
    for example in (test for about in (module, *cached) for test in finder.find(about, globs=dict(vars(module)))):
        runner.run(example)
    assert (runner.failures, runner.tries > 1) == (0, True)


def test_the_examples_of_the_library_page_are_true() -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "library.md"
    done = doctest.testfile(str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert (done.failed, done.attempted > 8) == (0, True)


def test_frames_are_a_dict_whatever_of_it_is_asked_first() -> None:
    def frames() -> dict[str, pd.DataFrame]:
        return dataclasses.replace(report()).frames  # none of them made yet

    wanted = {grain: len(frame) for grain, frame in report().frames.items()}
    asked: list[dict[str, pd.DataFrame]] = [
        dict(frames()), {**frames()}, frames() | {}, frames().copy(), copy.deepcopy(frames()),
        pickle.loads(pickle.dumps(frames())), dict(zip(wanted, frames().values(), strict=True)),
        {grain: got for grain in wanted if (got := frames().get(grain)) is not None},
        {grain: frames().pop(grain) for grain in wanted},
    ]  # fmt: skip
    assert [{grain: len(frame) for grain, frame in found.items()} for found in asked] == [wanted] * len(asked)
