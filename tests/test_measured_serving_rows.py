"""Measured serving runs of a spec: which efficiencies they fit, what is told of the error, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flopsheet
from commands import run as command
from flopsheet.diagnostics import SpecError
from flopsheet.spec import load_spec
from measured_serving import Measured, measured, spec_of

MODEL = {"n_layers": 32, "d_model": 4096, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "ffn": "swiglu",
         "d_ff": 14336}  # fmt: skip
COMMON = {"model": "m", "hardware": "h100-sxm", "prompt_length": 2048, "generated_length": 256}
LAYOUTS: dict[str, dict[str, Any]] = {
    "alone": {"n_sequences": 1},
    "some": {"n_sequences": 8},
    "many": {"n_sequences": 128},
    "tensor": {"n_sequences": 16, "n_devices": 4, "tensor_parallel": 4},
    "long": {"n_sequences": 4, "prompt_length": 16384},
}
TOKEN, FIRST = "measured_seconds_per_token", "measured_time_to_first_token"
PREDICTED = {TOKEN: "predicted_seconds_per_token", FIRST: "predicted_time_to_first_token"}
BASE = {"version": 1, "context_lengths": [4096], "models": {"m": MODEL}}


def times(efficiencies: dict[str, float], names: tuple[str, ...] = tuple(LAYOUTS)) -> dict[str, dict[str, float]]:
    """What servers of these layouts take on hardware with other efficiencies."""
    runs = {name: COMMON | LAYOUTS[name] for name in names}
    frames = flopsheet.compute(BASE | {"serving": runs, "hardware": {"h100-sxm": efficiencies}}).frames
    found = frames["serving_run"]
    return {name: {key: float(found.loc[name, of]) for key, of in PREDICTED.items()} for name in names}


def spec(seconds: dict[str, dict[str, float]], **more: Any) -> dict[str, Any]:
    """A planned run, and rows that took so many seconds."""
    rows = {f"row {name}": {"kind": "serving", **COMMON, **LAYOUTS[name], **of} for name, of in seconds.items()}
    plan = {**COMMON, "n_sequences": 32, "generated_length": 512}
    return BASE | {"serving": {"plan": plan}, "measured": rows} | more


def test_one_row_is_then_predicted_nearly_as_it_was_measured() -> None:
    measured_times = times({"layer_latency": 8e-5}, ("some",))
    frame = flopsheet.compute(spec(measured_times)).frames["serving_run"]
    off = [frame.loc["row some", name] for name in ("token_time_off", "first_token_off")]
    assert np.abs(off).max() < 0.05


def test_slower_memory_and_launches_are_told_apart_and_the_plan_follows() -> None:
    """Five layouts on a server that is worse in three ways: a run with another batch is predicted within 8 %."""
    worse = {"served_memory_efficiency": 0.5, "layer_latency": 9e-5, "prefill_efficiency": 0.4}
    data = spec(times(worse))
    [calibration] = load_spec(data).calibrations
    errors = [calibration.error(which, PREDICTED[TOKEN]) for which in ("before", "after", "left_out")]
    assert [bound(error or 0) for bound, error in zip(BOUNDS, errors, strict=True)] == [True] * 3, errors
    found = flopsheet.compute(data).frames["serving_run"].loc["plan"]
    wanted = flopsheet.compute(BASE | {"serving": data["serving"], "hardware": {"h100-sxm": worse}})
    row = wanted.frames["serving_run"].loc["plan"]
    assert found[PREDICTED[TOKEN]] == pytest.approx(row[PREDICTED[TOKEN]], rel=0.08)
    said = "efficiencies fitted to the spec's own measurements, 5 of this kind of device"
    assert found["served_efficiencies_are"] == said


BOUNDS = (lambda error: error > 0.4, lambda error: error < 0.041, lambda error: error < 0.08)


def test_steps_and_serving_runs_on_one_kind_of_device_calibrate_it_apart() -> None:
    step = {"model": "m", "hardware": "h100-sxm", "context_length": 4096, "n_devices": 8, "zero_stage": 3,
            "global_batch_size": 32, "seconds": 3.2}  # fmt: skip
    data = spec(times({"layer_latency": 8e-5}, ("some", "many")))
    alone = load_spec(data).calibrations
    data["measured"]["step"] = step
    both = {one.kind: one for one in load_spec(data).calibrations}
    assert (both["serving"], [one.name for one in both["training"].fitted]) == (alone[0], ["matmul_efficiency"])


def test_the_range_follows_the_errors_of_three_layouts() -> None:
    """Rows that agree with the model make it narrow; a time to the first token that nobody gave leaves its range."""
    rows = {name: {TOKEN: of[TOKEN]} for name, of in times({}, ("alone", "some", "many")).items()}
    fitted = {one.name: one.after for one in load_spec(spec(rows)).calibrations[0].fitted}
    assert fitted["token_time_ratio_high"] / fitted["token_time_ratio_low"] < 1.01
    assert not any(name.startswith("first_token_ratio") for name in fitted)


def test_an_efficiency_that_the_spec_gives_is_held() -> None:
    data = spec(times({"layer_latency": 8e-5}), hardware={"h100-sxm": {"layer_latency": 5e-5}})
    [calibration] = load_spec(data).calibrations
    assert "layer_latency" not in {one.name for one in calibration.fitted}


@pytest.mark.parametrize(("model", "kind"), [("gpt-oss-120b", "h200_sxm"), ("llama-70b", "h200_sxm")])
def test_eight_published_runs_of_one_server_predict_its_others(model: str, kind: str) -> None:
    """Times per token of one engine, slower by half than published: 8 rows take a quarter off that of all others."""
    rows = [row for row in published() if (name_of(row), row.row["hardware"]) == (model, kind)]
    data = spec_of(rows)
    seconds = {f"row-{at}": 1.5 * row.per_token for at, row in enumerate(rows)}
    chosen = [f"row-{at}" for at in np.linspace(0, len(rows) - 1, 8).astype(int)]
    plain = {name: run for name, run in data["serving"].items() if name not in chosen}
    before = flopsheet.compute(data | {"serving": plain}).frames["serving_run"][PREDICTED[TOKEN]]
    told = {name: {"kind": "serving", **data["serving"][name], TOKEN: seconds[name]} for name in chosen}
    after = flopsheet.compute(data | {"serving": plain, "measured": told}).frames["serving_run"][PREDICTED[TOKEN]]
    errors = [np.mean([abs(found[name] / seconds[name] - 1) for name in plain]) for found in (before, after)]
    assert errors[1] < 0.75 * errors[0], errors


def published() -> list[Measured]:
    return [row for row in measured(by_engine=True) if row.row["engine"] == "vllm"]


def name_of(row: Measured) -> str:
    return next(iter(spec_of([row])["serving"].values()))["model"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({TOKEN: 1e-5}, "measured_seconds_per_token: 1e-05 s is less than the"),
        ({TOKEN: 2}, "times the predicted"),
        ({FIRST: 1e-4}, "measured_time_to_first_token: 0.0001 s is less than the"),
        ({TOKEN: 0}, "measured_seconds_per_token"),
        ({TOKEN: -1}, "measured_seconds_per_token"),
        ({"seconds": 1}, "seconds is an input of training runs, and this row is a serving run"),
        ({"global_batch_size": 8}, "global_batch_size is an input of training runs"),
        ({"tensor_parallel": 3}, "tensor_parallel"),
        ({"sweep": {"n_sequences": [1, 2]}}, "sweep"),
        ({"model": "nobody"}, "nobody"),
        ({"kind": "training"}, "generated_length is an input of serving runs, and this row is a training run"),
        ({"kind": "chat"}, "kind"),
    ],
)
def test_what_is_no_measurement_is_refused_where_it_stands(said: dict[str, Any], told: str, tmp_path: Path) -> None:
    row = {"kind": "serving", **COMMON, "n_sequences": 8, TOKEN: 0.012}
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(BASE | {"measured": {"row": row | said}}, indent=1), encoding="utf-8")
    done = command("validate", str(path))
    assert (done.returncode, told in done.stderr + done.stdout) == (1, True), done.stdout + done.stderr
    assert f"{path}:" in done.stderr + done.stdout


def test_a_row_without_a_time_is_refused() -> None:
    with pytest.raises(SpecError, match="no time is given"):
        load_spec(BASE | {"measured": {"row": {"kind": "serving", **COMMON}}})


@pytest.mark.parametrize("style", ["table", "md", "json"])
def test_every_way_to_show_it_tells_the_rows_and_the_error(style: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    row = {"kind": "serving", **COMMON, "n_sequences": 8, TOKEN: 0.012}
    path.write_text(json.dumps(BASE | {"measured": {"chat": row}}), encoding="utf-8")
    said = command("show", str(path), "--format", style).stdout
    if style == "json":
        told = json.loads(said)["measured_serving"]["h100-sxm"]
        of_row = told["rows"]["chat"]["seconds_per_token"]
        assert (of_row["seconds"], told["mean_error"]["seconds_per_token"]["left_out"]) == (0.012, None)
    else:
        assert "chat, per token" in said and "Mean error, per token" in said


def test_a_measured_time_in_a_run_is_compared_and_fits_nothing() -> None:
    run = {**COMMON, "n_sequences": 8, TOKEN: 0.012}
    report = flopsheet.compute(BASE | {"serving": {"chat": run}})
    row = report.frames["serving_run"].loc["chat"]
    assert row["token_time_off"] == pytest.approx(row[PREDICTED[TOKEN]] / 0.012 - 1)
    assert report.spec.calibrations == ()
