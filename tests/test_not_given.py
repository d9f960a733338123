"""What is not given has no number: no price is no cost, in tables, files, cells and charts, and in both engines."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import openpyxl
import pytest

from books import book_of, book_with
from commands import run
from edits import disagreements_of, formulas, planned
from engines import recalculate_ironcalc
from flopsheet import compute
from flopsheet.catalog import load_catalog
from flopsheet.yamlio import source
from flopsheet.yamlio.source import spell
from review_helpers import input_cells_of, type_into

SPEC = """\
version: 1
context_lengths: [1024]
models: {m: {model: llama-2-7b}}
training:
  priced: {model: m, hardware: h100-sxm, context_length: 1024, n_devices: 8}
  unpriced: {model: m, hardware: h200, context_length: 1024, n_devices: 8}
hardware: {h100-sxm: {price_per_hour: 2.5}}
"""
FREE = SPEC.replace("2.5}", "0}")
STUDY = source.parse(SPEC, "spec.yaml").data


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    return str(tmp_path / "spec.yaml")


def shown(spec: str, *arguments: str) -> str:
    done = run("show", spec, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_frame_has_nan_where_no_price_is_given(spec: str) -> None:
    costs = compute(spec).frames["training_run"]["run_cost"]
    assert [math.isnan(cost) for cost in costs] == [False, True]


def test_a_price_of_zero_is_a_price(tmp_path: Path) -> None:
    (tmp_path / "free.yaml").write_text(FREE, encoding="utf-8")
    assert compute(tmp_path / "free.yaml").frames["training_run"]["run_cost"].iloc[0] == 0


def test_a_price_is_set_on_the_command_line_for_hardware_that_ships(spec: str) -> None:
    # By hand: 8 devices for so many hours at 3 USD.
    run = json.loads(shown(spec, "--format", "json", "--set", "hardware.h200.price_per_hour=3"))["training"]["unpriced"]
    assert run["run_cost"] == pytest.approx(8 * run["hours"] * 3, rel=1e-12)


def test_json_has_null(spec: str) -> None:
    runs = json.loads(shown(spec, "--format", "json"))["training"]
    assert [runs[name]["run_cost"] is None for name in runs] == [False, True]


def test_csv_has_an_empty_field(spec: str) -> None:
    rows = list(csv.DictReader(io.StringIO(shown(spec, "--format", "csv", "--rows", "training"))))
    assert [row["run_cost"] == "" for row in rows] == [False, True]


def test_a_table_says_no_price(spec: str) -> None:
    lines = [line for line in shown(spec).splitlines() if line.strip().startswith("unpriced")]
    assert "no price" in lines[0]  # below it stand its limits


def test_a_difference_from_no_price_has_no_percentage(spec: str, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(SPEC.replace("hardware: {h100-sxm: {price_per_hour: 2.5}}\n", ""), "utf-8")
    done = run("diff", spec, str(tmp_path / "other.yaml"), "--format", "json")
    [cost] = [row for row in json.loads(done.stdout)["results"] if row["metric"] == "run_cost"]
    assert (cost["b"], cost.get("change")) == ("no price", None)


def test_a_claim_about_what_is_not_given_does_not_hold(tmp_path: Path) -> None:
    (tmp_path / "claim.yaml").write_text(f"{SPEC}expect: [{{that: unpriced.run_cost, at_most: 1e9}}]\n", "utf-8")
    [finding] = compute(tmp_path / "claim.yaml").findings
    told = "unpriced.run_cost has no value (no price), expected at most 1,000,000,000"
    assert finding.to_text(load_catalog()) == told


def test_a_chart_has_a_gap() -> None:
    charts = openpyxl.load_workbook(book_with({"Training"}, STUDY).path)["Training"]._charts
    points = [chart.series[0].val.numRef.numCache.pt for chart in charts]
    assert [point.idx for point in points[2]] == [0]


def test_cells_follow_a_price_that_is_typed_or_taken_away() -> None:
    report = book_of(STUDY).report
    prices = [input_cell for input_cell in input_cells_of(report) if input_cell.entry.name == "price_per_hour"]
    cells = {input_cell.path[1]: (input_cell.cell_ref.sheet, input_cell.cell_ref.address) for input_cell in prices}
    typed = {cells["h100-sxm"]: "no price", cells["h200"]: 3.0}
    edited = compute(
        {**report.spec.data, "hardware": {"h100-sxm": {"price_per_hour": "none"}, "h200": {"price_per_hour": 3}}}
    )
    wanted = formulas(planned(edited, report))
    [got] = recalculate_ironcalc(book_of(STUDY).spoiled, [typed], list(wanted))
    assert disagreements_of(got, wanted) == {}


def test_a_cleared_price_is_pulled_as_none(tmp_path: Path) -> None:
    report = book_of(STUDY).report
    [price] = [
        input_cell
        for input_cell in input_cells_of(report)
        if spell(input_cell.path) == "hardware.h100-sxm.price_per_hour"
    ]
    type_into(book_of(STUDY).path, {(price.cell_ref.sheet, price.cell_ref.address): None}, tmp_path / "back.xlsx")
    done = run("pull", str(tmp_path / "back.xlsx"))
    assert "hardware.h100-sxm.price_per_hour: 2.5 → none" in done.stdout + done.stderr


def test_an_own_metric_of_what_is_not_given_is_not_given_either(tmp_path: Path) -> None:
    metric = "{name: half, label: Half, grain: training_run, unit: USD, formula: run_cost / 2, doc: Half of it.}"
    (tmp_path / "own.yaml").write_text(f"{SPEC}metrics: [{metric}]\n", "utf-8")
    halves = compute(tmp_path / "own.yaml").frames["training_run"]["half"]
    assert [math.isnan(half) for half in halves] == [False, True]


def test_gradients_of_a_group_inside_a_node_need_no_network() -> None:
    device = {"extends": "h100-sxm", "network_bandwidth": "none"}
    runs = {f"on-{n}": {"model": "m", "hardware": "lone", "context_length": 1024, "n_devices": n} for n in (8, 16)}
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": {"model": "llama-2-7b"}}}
    found = compute({**spec, "hardware": {"lone": device}, "training": runs}).frames["training_run"]
    assert found["gradient_exchange_seconds"].isna().tolist() == [False, True]


# The H100 has fitted efficiencies, which ship; data-parallel groups of 16 devices need the network between nodes.
APART = {
    "version": 1,
    "context_lengths": [1024],
    "models": {"m": {"model": "llama-2-7b"}},
    "hardware": {"apart": {"extends": "h100-sxm", "network_bandwidth": "none", "price_per_hour": 2}},
    "training": {"t": {"model": "m", "hardware": "apart", "context_length": 1024, "n_devices": 16}},
    "serving": {
        "s": {
            "model": "m", "hardware": "apart", "prompt_length": 512, "generated_length": 128, "n_devices": 16,
            "tensor_parallel": 16,
        }
    },
}  # fmt: skip
FOLLOWING = (
    "seconds_data_parallel", "predicted_days", "predicted_days_range", "predicted_cost_range", "tokens_per_second",
    "mfu", "run_cost",
)  # fmt: skip
FOLLOWING_SERVED = (
    "predicted_seconds_per_token", "predicted_token_range", "predicted_cost_per_million",
    "predicted_cost_per_million_range",
)  # fmt: skip


def test_what_follows_says_what_is_not_given_however_far_away() -> None:
    runs = compute(APART).runs
    words = [runs["training"].plain("training_run", name) for name in FOLLOWING]
    words += [runs["serving"].plain("serving_run", name) for name in FOLLOWING_SERVED]
    assert words == [["not given"]] * len(words)


def test_cells_say_which_of_several_things_is_not_given() -> None:
    shared = book_of(APART)
    cells = {
        input_cell.entry.name: (input_cell.cell_ref.sheet, input_cell.cell_ref.address)
        for input_cell in input_cells_of(shared.report)
        if input_cell.path[:2] == ("hardware", "apart")
    }
    typed = {cells["network_bandwidth"]: 50e9, cells["price_per_hour"]: "no price"}
    device = {"extends": "h100-sxm", "network_bandwidth": 50e9, "price_per_hour": "none"}
    edited = compute({**APART, "hardware": {"apart": device}})
    as_built, wanted = formulas(planned(shared.report, shared.report)), formulas(planned(edited, shared.report))
    got = recalculate_ironcalc(shared.spoiled, [{}, typed], list(wanted))
    assert [disagreements_of(*pair) for pair in zip(got, (as_built, wanted), strict=True)] == [{}, {}]
