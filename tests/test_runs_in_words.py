"""What sheets say of runs in words: for how many sequences a time is predicted, which points lie upon each other."""

from __future__ import annotations

from typing import Any

import pytest

import flopsheet
from edits import sheet_of
from flopsheet.api import Report
from flopsheet.output.sentences import brief

MODEL = {"n_layers": 4, "d_model": 1024, "n_heads": 8, "vocab_size": 1000, "ffn": "swiglu", "d_ff": 4096}
RUN = {"model": "m", "prompt_length": 512, "generated_length": 64, "n_devices": 1, "hardware": "h100-sxm"}
BATCHES = {"one": 1, "many": 256, "many-again": 256, "few": 4, "some": 16}
STUDY: dict[str, Any] = {"version": 1, "context_lengths": [1024], "models": {"m": MODEL}}
SPEC = {**STUDY, "serving": {name: {**RUN, "n_sequences": n} for name, n in BATCHES.items()}}


@pytest.fixture(scope="module")
def report() -> Report:
    return flopsheet.compute(SPEC)


@pytest.fixture(scope="module")
def said(report: Report) -> list[str]:
    """Every text of the Summary."""
    return [str(cell.value) for cell in sheet_of("Summary", report).cells.values()]


def test_a_predicted_time_is_told_with_the_sequences_that_it_is_of(report: Report, said: list[str]) -> None:
    most = report.frames["serving_run"]["largest_batch"]
    begun = [f"{run}: {n} of at most {most[run]:,.0f} sequences on 1 h100-sxm" for run, n in BATCHES.items()]
    assert [line.partition(";")[0] for line in said if "of at most" in line] == begun[:4]
    assert {f"{n} of {most[run]:,.0f}" for run, n in BATCHES.items()} <= set(said)


def test_the_summary_says_how_many_runs_it_has_no_sentence_of(said: list[str]) -> None:
    assert [line for line in said if line.startswith("…")] == ["… 1 more on Serving"]


def test_the_bounds_beside_a_prediction_have_its_units_and_its_prefill(report: Report, said: list[str]) -> None:
    runs = report.frames["serving_run"]
    # By hand, of all sequences: prefill of all, and a decoding step for each of the 64 tokens; 1,000 ms a second.
    seconds = (runs["prefill_seconds"] + 64 * runs["decode_seconds"])["many"] / 64
    assert f"{1000 * seconds:.1f}" in said
    numbers = [cell.value for cell in sheet_of("Summary", report).cells.values() if isinstance(cell.value, float)]
    assert 256 / seconds in [pytest.approx(number, rel=1e-12) for number in numbers]


def test_points_of_the_roofline_that_lie_upon_each_other_have_one_name(report: Report) -> None:
    _, roofline, _ = sheet_of("Serving", report).charts
    named = {one.title: one.named for one in roofline.series if one.draw == "marker"}
    assert [(title, named[title]) for title in ("many: decoding, 1 more here", "many-again: decoding")] == [
        ("many: decoding, 1 more here", "r"), ("many-again: decoding", "unnamed"),
    ]  # fmt: skip
    assert {named[f"{run}: decoding"] for run in ("one", "few", "some")} == {"r"}


def test_runs_with_caches_of_one_size_have_no_largest(report: Report) -> None:
    alike = {name: SPEC["serving"][name] for name in ("many", "many-again")}
    titles = [
        str(sheet_of("Serving", one).charts[2].title) for one in (report, flopsheet.compute({**SPEC, "serving": alike}))
    ]
    # 2 values of 8 heads of 128 in bf16 and 4 layers for each of 256 · 576 tokens: 2.25 GiB.
    assert titles == ["many has the largest cache: 2 GiB at its length", "Cache of each run: 2 GiB at its length"]


def test_a_limit_without_a_step_beyond_it_shows_none() -> None:
    spec = {**SPEC, "serving": {"run": {**RUN, "n_devices": 2, "tensor_parallel": 2, "n_sequences": 8}}}
    cells = sheet_of("Limits", flopsheet.compute(spec)).cells
    [row] = [row for (row, column), cell in cells.items() if (column, cell.value) == (1, "Fewest devices") and row < 30]
    assert [cells[row, column].value for column in (4, 5, 7, 8)] == [2, "–", "–", "fewer are not possible"]


def layouts_said(runs: dict[str, Any]) -> list[str]:
    """The lines of the Summary that say how runs are laid out."""
    cells = sheet_of("Summary", flopsheet.compute(STUDY | runs)).cells.values()
    return [str(cell.value) for cell in cells if str(cell.value).startswith(("micro-batch", "1 replica", "4 replicas"))]


def test_the_summary_says_below_each_run_how_it_is_laid_out() -> None:
    run = {"model": "m", "hardware": "h100-sxm", "context_length": 1024, "n_devices": 16}
    split = {"tensor_parallel": 2, "pipeline_parallel": 2, "virtual_stages": 2, "micro_batch_size": 4, "zero_stage": 1}
    runs = {"alone": {**run, "n_devices": 1}, "split": {**run, **split, "recomputation": "full"}}
    assert layouts_said({"training": runs}) == [
        "micro-batch 1",
        "micro-batch 4, TP 2, PP 2, 2 stages per device, DP 4, ZeRO 1, full recomputation",
    ]


def test_a_server_that_splits_every_matrix_over_all_of_its_devices_needs_no_line() -> None:
    whole, four = ({**RUN, "n_devices": 8, "n_sequences": 8, "tensor_parallel": tensor} for tensor in (8, 2))
    assert (layouts_said({"serving": {"whole": whole}}), layouts_said({"serving": {"whole": whole, "four": four}})) == (
        [],
        ["1 replica, TP 8", "4 replicas, TP 2"],
    )


def test_below_runs_the_shares_of_the_table_are_not_told_again(said: list[str]) -> None:
    without = flopsheet.compute(STUDY)
    told = [str(cell.value) for cell in sheet_of("Summary", without).cells.values()]
    assert [[line for line in lines if "the forward pass of" in line] for lines in (said, told)] == [
        [],
        ["At 1,024 tokens, the forward pass of m:"],
    ]


TRAINED = {"model": "m", "context_length": 1024, "n_devices": 1, "micro_batch_size": 1}


def test_a_run_without_n_tokens_is_one_step_whose_seconds_are_told() -> None:
    runs = {"only": {**TRAINED, "hardware": "h100-sxm", "assumed_mfu": 0.4}}
    report = flopsheet.compute({**STUDY, "training": runs})
    [said] = [
        str(one.value) for one in sheet_of("Summary", report).cells.values() if str(one.value).startswith("only: ")
    ]
    step = report.frames["training_run"].loc["only"]
    # By hand: the FLOPs of the step at 40 % of 989.4 TFLOP/s.
    assert step["flops_step"] / (0.4 * 989.4e12) == pytest.approx(step["seconds_per_step"])
    assert said.startswith(
        f"only: one step takes {step['seconds_per_step']:.3f} s on 1 h100-sxm at 40 % MFU (assumed), "
    )


def test_a_run_that_nobody_can_predict_is_told_with_what_to_give() -> None:
    runs = {"tune": {**TRAINED, "n_tokens": 1e8, "hardware": "rtx-4090"}}
    cells = sheet_of("Summary", flopsheet.compute({**STUDY, "training": runs})).cells.values()
    [said] = [str(cell.value) for cell in cells if str(cell.value).startswith("tune: ")]
    assert said.split("; fits with ")[0] == "tune: no prediction for rtx-4090: give assumed_mfu or a measured speed"


def test_a_run_without_a_time_is_told_so_in_a_terminal_too() -> None:
    runs = {"tune": {**TRAINED, "n_tokens": 1e8, "hardware": "rtx-4090"}}
    [said] = [line for line in brief(flopsheet.compute({**STUDY, "training": runs})) if line.startswith("tune: ")]
    assert said.split("; ")[1] == "no prediction for rtx-4090: give assumed_mfu or a measured speed"


@pytest.mark.parametrize(
    ("n_runs", "said"), [(5, "… 1 more run in the workbook"), (6, "… 2 more runs in the workbook")]
)
def test_the_runs_that_are_not_told_are_counted(n_runs: int, said: str) -> None:
    runs = {f"run{at}": {**TRAINED, "hardware": "h100-sxm"} for at in range(n_runs)}
    assert brief(flopsheet.compute({**STUDY, "training": runs}))[-1] == said
