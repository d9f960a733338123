"""What the time and cost of a training run follow: what was measured, what is assumed, or what the layout predicts."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import flopsheet
from books import book_of
from commands import run as command
from edits import disagreements_of, formulas, planned
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.api import compute
from flopsheet.diagnostics import SpecError
from flopsheet.output.sentences import brief
from review_helpers import input_cells_of
from studies import frames_of

MODEL = {"n_layers": 4, "d_model": 512, "n_heads": 8, "vocab_size": 1000, "ffn": "swiglu", "d_ff": 2048}
RUN = {"model": "m", "hardware": "h100-sxm", "n_devices": 8, "context_length": 1024, "n_tokens": 1e9}
IN_RUN = {"assumed_mfu", "measured_seconds_per_step", "time_basis", "tensor_parallel", "data_parallel"}
TOKENS_OF_STEP = 8 * 1024  # a sequence of 1,024 on each of 8 devices


def spec(**said):
    return {"version": 1, "context_lengths": [1024], "models": {"m": MODEL}, "training": {"run": RUN | said}}


def ran(**said):
    return frames_of(spec(**said))["training_run"].loc["run"]


@pytest.mark.parametrize(
    ("said", "is_called"),
    [
        ({}, "predicted"),
        ({"assumed_mfu": 0.3}, "assumed"),
        ({"measured_tokens_per_second": 1e6}, "measured"),
        ({"measured_seconds_per_step": 0.5}, "measured"),
        ({"assumed_mfu": 0.3, "measured_tokens_per_second": 1e6}, "measured"),
        ({"assumed_mfu": 0.3, "measured_tokens_per_second": 1e6, "time_basis": "assumed"}, "assumed"),
        ({"assumed_mfu": 0.3, "measured_tokens_per_second": 1e6, "time_basis": "predicted"}, "predicted"),
        ({"assumed_mfu": 0.3, "measured_seconds_per_step": 0.5, "time_basis": "measured"}, "measured"),
    ],
)
def test_time_follows_what_is_said_and_is_called_so(said, is_called):
    found = ran(**said)
    speeds = {
        "predicted": found["predicted_tokens_per_second"],
        "assumed": 0.3 * 8 * 989.4e12 / found["flops_per_token"],
        "measured": 1e6 if "measured_tokens_per_second" in said else TOKENS_OF_STEP / 0.5,
    }
    assert found["time_is"] == is_called
    assert found["days"] == pytest.approx(1e9 / speeds[is_called] / 86_400, rel=1e-12)


def test_a_range_of_days_stands_beside_every_run_whatever_it_follows():
    found = ran(assumed_mfu=0.3, n_tokens=1e12)
    low, high = found[["predicted_days_p10", "predicted_days_p90"]]
    assert found["predicted_days_range"] == f"{low:.1f} to {high:.1f}".replace(".0", "")


def test_a_range_of_twenty_days_and_more_has_no_decimals():
    found = ran(assumed_mfu=0.3, n_tokens=1e15)
    low, high = found[["predicted_days_p10", "predicted_days_p90"]]
    assert found["predicted_days_range"] == f"{low:,.0f} to {high:,.0f}"


def test_build_tells_the_range_of_a_predicted_time_and_not_of_an_assumed_one():
    def days(**said):
        report = compute(spec(n_tokens=1e15, **said))
        return re.search(r"[\d,.]+ days \(.*?\)", "\n".join(brief(report)))[0]

    found = ran(n_tokens=1e15)
    predicted, assumed = days(), days(assumed_mfu=0.3)
    # 1e15 tokens at 30 % of the peaks of 8 devices, of days with 86,400 s
    at_30_percent = found["flops_per_token"] * 1e15 / (0.3 * 8 * 989.4e12) / 86_400
    assert (predicted, assumed) == (
        f"{found['days']:,.0f} days (predicted, P10 to P90 {found['predicted_days_range']})",
        f"{at_30_percent:,.0f} days (assumed)",
    )


def test_a_range_of_costs_stands_beside_it():
    """Two dollars an hour for each of eight devices, for the days of the range."""
    priced = spec(assumed_mfu=0.3, n_tokens=1e12) | {"hardware": {"h100-sxm": {"price_per_hour": 2}}}
    found = frames_of(priced)["training_run"].loc["run"]
    low, high = (2 * 8 * 24 * found[name] for name in ("predicted_days_p10", "predicted_days_p90"))
    assert found["predicted_cost_range"] == f"{low:.2f} to {high:.2f}"


def test_a_range_of_costs_of_millions_is_told_in_millions():
    """Ninety dollars an hour for each of eight devices, for the days of the range."""
    found = frames_of(spec(n_tokens=1e15) | {"hardware": {"h100-sxm": {"price_per_hour": 90}}})["training_run"].loc[
        "run"
    ]
    low, high = (90 * 8 * 24 * found[name] / 1e6 for name in ("predicted_days_p10", "predicted_days_p90"))
    assert found["predicted_cost_range"] == f"{low:.2f} to {high:.2f} M"


def test_a_range_of_days_below_one_has_four_decimals():
    found = ran(assumed_mfu=0.3, n_tokens=1e11)
    low, high = found[["predicted_days_p10", "predicted_days_p90"]]
    assert high < 1
    assert found["predicted_days_range"] == f"{low:.4f} to {high:.4f}"


def test_a_range_of_costs_without_a_price_says_so():
    assert ran()["predicted_cost_range"] == "no price"


def test_a_range_of_costs_without_a_prediction_says_so():
    """As the range of days does, although there is a price."""
    kind = {"memory_bytes": 80e9, "price_per_hour": 2, "peak_flops_bf16": 1e15, "memory_bandwidth": 3e12}
    found = frames_of(spec(hardware="mine", assumed_mfu=0.3) | {"hardware": {"mine": kind}})["training_run"].loc["run"]
    assert found[["predicted_days_range", "predicted_cost_range"]].tolist() == ["not fitted", "not fitted"]


OFF_RANGE = ("is_off_range", "time_against_range")


@pytest.mark.parametrize(
    ("of_predicted", "said"),
    [
        (1.0, (0, "within P10 to P90 of the prediction")),
        (2.0, (1, "assumed {mfu} MFU; predicted at most {fastest}")),
        (0.5, (1, "assumed {mfu} MFU; predicted at least {slowest}")),
    ],
)
def test_an_assumed_speed_that_the_prediction_contradicts_is_told_in_words(of_predicted, said):
    """Within P10 to P90: 0.905 to 1.12 times the predicted time."""
    predicted = ran()["predicted_mfu"]
    found = ran(assumed_mfu=of_predicted * predicted)
    shares = {"mfu": of_predicted * predicted, "fastest": predicted / 0.905, "slowest": predicted / 1.12}
    off, words = said
    shown = {name: f"{100 * share:.0f} %" for name, share in shares.items()}
    assert tuple(found[list(OFF_RANGE)]) == (off, words.format_map(shown))


def test_a_prediction_is_never_off_its_own_range():
    assert ran()["is_off_range"] == 0


CONVOLUTION = {"kind": "short_conv", "d_short_conv": 256, "d_conv": 3}  # beside attention
EXPERTS = {"d_ff": 0, "n_experts": 8, "n_active_experts": 2, "d_expert": 256}


@pytest.mark.parametrize(
    ("said", "model", "is_called", "low", "high"),
    [
        ({}, {}, "within what was measured", 0.905, 1.12),
        ({"precision": "mixed_fp8"}, {}, "outside what was measured: mixed_fp8", 0.905, 1.21),
        ({"hardware": "h200"}, {}, "outside what was measured: kind of device", 0.905, 1.21),
        ({"n_devices": 4096}, {}, "outside what was measured: number of devices", 0.905, 1.21),
        ({"context_length": 262_144}, {}, "outside what was measured: context length", 0.905, 1.21),
        ({}, {"mixer": CONVOLUTION}, "outside what was measured: mixers other than attention", 0.905, 1.21),
        ({}, EXPERTS, "outside what was measured: mixture of experts", 0.615, 1.21),
        ({"hardware": "h200"}, EXPERTS, "outside what was measured: mixture of experts, and 1 more", 0.615, 1.21),
    ],
)
def test_a_range_is_as_wide_as_the_errors_of_its_kind_and_says_why(said, model, is_called, low, high):
    """The widths of docs/calibration-time.md: of steps left out of the fit, of those held out, of those with MoE."""
    found = frames_of(spec(**said) | {"models": {"m": MODEL | model}})["training_run"].loc["run"]
    width = [found[name] / found["predicted_days"] for name in ("predicted_days_p10", "predicted_days_p90")]
    assert (found["range_is"], width) == (is_called, pytest.approx([low, high], rel=1e-12))


def test_mfu_is_not_assumed_where_none_is_said():
    found = ran()
    assert found["mfu"] == pytest.approx(found["predicted_mfu"], rel=1e-12)


@pytest.mark.parametrize(
    ("precision", "format"), [("mixed_bf16", "bf16"), ("pure_bf16", "bf16"), ("mixed_fp16", "fp16"),
    ("mixed_fp8", "fp8"), ("tf32", "tf32"), ("fp32", "fp32")],
)  # fmt: skip
def test_a_share_of_a_peak_says_of_which(precision, format):
    assert ran(precision=precision)["mfu_is_of"] == format


@pytest.mark.parametrize("basis", ["measured", "assumed"])
def test_a_basis_that_is_not_given_is_refused(basis):
    with pytest.raises(SpecError, match=f"time_basis is {basis}, but no such figure is given"):
        flopsheet.compute(spec(time_basis=basis))


def test_hardware_that_nobody_measured_has_no_days_unless_an_mfu_is_assumed():
    said = {"hardware": "tpu-v5p"}
    assert (np.isnan(ran(**said)["days"]), ran(**said, assumed_mfu=0.3)["time_is"]) == (True, "assumed")


@pytest.mark.parametrize(
    ("hardware", "price", "word"),
    [("tpu-v5p", 4, "not fitted"), ("h100-sxm", "none", "no price"), ("tpu-v5p", "none", "not fitted")],
)
def test_a_cost_that_has_no_number_says_what_is_missing(hardware, price, word):
    study = spec(hardware=hardware) | {"hardware": {hardware: {"price_per_hour": price}}}
    assert flopsheet.compute(study).runs["training"].plain("training_run", "run_cost") == [word]


def test_the_basis_stands_beside_days_on_the_terminal_and_in_json(tmp_path):
    (tmp_path / "s.yaml").write_text(json.dumps(spec()), encoding="utf-8")
    row = json.loads(command("show", str(tmp_path / "s.yaml"), "--format", "json").stdout)["training"]["run"]
    table = command("show", str(tmp_path / "s.yaml")).stdout
    assert (row["time_is"], "Time and" in table, "predicted" in table) == ("predicted", True, True)


@pytest.mark.libreoffice
def test_every_cell_follows_the_basis_and_the_efficiency_that_are_typed():
    """An assumed MFU is cleared, a time of a step typed, the prediction chosen, the device's efficiency cleared."""
    typed = [
        {"assumed_mfu": "none"},
        {"measured_seconds_per_step": 0.25},
        {"time_basis": "predicted"},
        {"assumed_mfu": "none", "matmul_efficiency": "none"},
        {"time_basis": "predicted", "network_bandwidth": 2e9, "collective_efficiency": 0.7, "tensor_parallel": 2,
         "data_parallel": 4},
    ]  # fmt: skip

    def study(edits):
        """A run on hardware of its own for each, with some of its inputs changed."""
        of_run = [{name: value for name, value in one.items() if name in IN_RUN} for one in edits]
        of_kind = [{name: value for name, value in one.items() if name not in IN_RUN} for one in edits]
        runs = [RUN | {"hardware": f"kind {at}", "assumed_mfu": 0.3} | said for at, said in enumerate(of_run)]
        kinds = {f"kind {at}": {"extends": "h100-sxm"} | said for at, said in enumerate(of_kind)}
        return spec() | {"training": {f"run {at}": run for at, run in enumerate(runs)}, "hardware": kinds}

    book = book_of(study([{}] * len(typed)))
    homes = {cell.path: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(book.report)}
    absent = {"assumed_mfu": "not given", "matmul_efficiency": "not fitted"}
    edit = {
        homes[("training", f"run {at}", name) if name in IN_RUN else ("hardware", f"kind {at}", name)]: (
            absent[name] if value == "none" else value
        )
        for at, one in enumerate(typed)
        for name, value in one.items()
    }
    wanted = formulas(planned(flopsheet.compute(study(typed)), book.report))
    for recalculate in (recalculate_ironcalc, recalculate_libreoffice):
        [got] = recalculate(book.spoiled, [edit], list(wanted))
        assert disagreements_of(got, wanted) == {}


@pytest.mark.parametrize(
    ("hardware", "time", "efficiencies"),
    [
        ("h100-sxm", "predicted", "fitted to measured steps on this kind of device"),
        (
            "h200",
            "predicted with the efficiencies of H100, of its generation",
            "not fitted for this kind of device; uses those of its generation, fitted to steps on H100",
        ),
        ("mi300x", "not predicted", "not fitted for this kind of device, nor for its generation"),
    ],
)
def test_a_prediction_says_to_whose_steps_its_efficiencies_were_fitted(hardware, time, efficiencies):
    found = ran(hardware=hardware)
    assert (found["time_is"], found["efficiencies_are"]) == (time, efficiencies)


def test_efficiencies_that_the_spec_gives_are_not_those_of_a_generation():
    said = spec(hardware="h200") | {"hardware": {"h200": {"matmul_efficiency": 0.7, "fitted_to": "nothing"}}}
    found = frames_of(said)["training_run"].loc["run"]
    assert (found["time_is"], found["efficiencies_are"]) == ("predicted", "as the spec gives them")


def test_the_generation_is_told_in_the_table_of_the_terminal(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec(hardware="h200")), encoding="utf-8")
    assert "predicted with the efficiencies of H100, of its generation" in " ".join(
        command("show", str(path)).stdout.split()
    )
