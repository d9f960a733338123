"""Measured rows of a spec: which efficiencies they fit, what is told of the error, and what cannot be a measurement."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flopsheet
from books import book_of
from commands import run as command
from edits import disagreements_of, formulas, planned
from engines import recalculate_ironcalc
from flopsheet.diagnostics import SpecError
from flopsheet.review.pull import pull
from flopsheet.spec import load_spec
from measured_steps import ROWS, spec_of_steps
from review_helpers import input_cells_of, type_into

MODEL = {"n_layers": 8, "d_model": 2048, "n_heads": 16, "vocab_size": 32000, "ffn": "swiglu", "d_ff": 5632}
COMMON = {"model": "m", "hardware": "h100-sxm", "context_length": 4096, "n_devices": 8}
LAYOUTS = {
    "zero": {"zero_stage": 3, "global_batch_size": 32},
    "tensor": {"tensor_parallel": 4, "sequence_parallel": True, "global_batch_size": 32},
    "pipeline": {"pipeline_parallel": 4, "global_batch_size": 64},
    "large": {"zero_stage": 3, "micro_batch_size": 4, "global_batch_size": 64},
    "recomputed": {"recomputation": "full", "global_batch_size": 32},
}
PLAN = {**COMMON, "n_devices": 64, "global_batch_size": 512, "zero_stage": 1, "n_tokens": 1e12}


def spec(seconds: dict[str, float], **more: Any) -> dict[str, Any]:
    """A plan, and rows that took so many seconds."""
    rows = {f"row {name}": {**COMMON, **LAYOUTS[name], "seconds": value} for name, value in seconds.items()}
    return {"version": 1, "context_lengths": [4096], "models": {"m": MODEL}, "training": {"plan": PLAN},
            "measured": rows} | more  # fmt: skip


def times(efficiencies: dict[str, float], names: tuple[str, ...] = tuple(LAYOUTS)) -> dict[str, float]:
    """What steps take on hardware with other efficiencies."""
    said = {name: {**COMMON, **LAYOUTS[name]} for name in names}
    base = {"version": 1, "context_lengths": [4096], "models": {"m": MODEL}, "training": said}
    frame = flopsheet.compute(base | {"hardware": {"h100-sxm": efficiencies}}).frames["training_run"]
    return {name: float(f"{frame.loc[name, 'predicted_seconds_per_step']:.6g}") for name in names}


def fitted(data: dict[str, Any]) -> dict[str, float]:
    [calibration] = load_spec(data).calibrations
    return {one.name: one.after for one in calibration.fitted}


@pytest.mark.parametrize("efficiency", [0.3, 0.62, 0.95])
def test_one_row_fits_the_efficiency_of_matmuls_and_nothing_else(efficiency: float) -> None:
    found = fitted(spec(times({"matmul_efficiency": efficiency}, ("tensor",))))
    assert found == {"matmul_efficiency": pytest.approx(efficiency, rel=1e-3)}


def test_one_row_is_then_predicted_as_it_was_measured() -> None:
    frame = flopsheet.compute(spec({"tensor": 1.3})).frames["training_run"]
    assert frame.loc["row tensor", "predicted_seconds_per_step"] == pytest.approx(1.3, rel=1e-3)


def test_runs_of_that_hardware_use_what_was_fitted_and_say_so() -> None:
    measured = times({"matmul_efficiency": 0.6}, ("tensor", "zero", "pipeline"))
    frame = flopsheet.compute(spec(measured)).frames["training_run"].loc["plan"]
    plain = {"version": 1, "context_lengths": [4096], "models": {"m": MODEL}, "training": {"plan": PLAN}}
    wanted = flopsheet.compute(plain | {"hardware": {"h100-sxm": {"matmul_efficiency": 0.6}}})
    assert frame["time_is"] == "predicted, calibrated by 3 measurements"
    seconds = wanted.frames["training_run"].loc["plan", "predicted_seconds_per_step"]
    assert frame["predicted_seconds_per_step"] == pytest.approx(seconds, rel=0.03)


def test_other_hardware_is_left_as_it_was() -> None:
    data = spec({"tensor": 1.3}, training={"plan": PLAN | {"hardware": "a100-80gb"}})
    row = flopsheet.compute(data).frames["training_run"].loc["plan"]
    assert (row["time_is"], fitted(data).keys()) == ("predicted", {"matmul_efficiency"})


def test_slower_matmuls_slower_links_and_a_slower_memory_are_told_apart() -> None:
    """Five layouts on hardware that is worse in three ways: each layout is predicted far better than before."""
    data = spec(times({"matmul_efficiency": 0.55, "collective_efficiency": 0.3, "kernel_traffic": 18.0}))
    [calibration] = load_spec(data).calibrations
    before, after, left_out = (calibration.error(which) for which in ("before", "after", "left_out"))
    assert before is not None and after is not None and left_out is not None
    assert (before > 0.2, after < 0.02, left_out < 0.08, calibration.n_effective < 5) == (True,) * 4


@pytest.mark.parametrize("group", ["korthikanti", "mosaic-h100", "simumax-dense"])
def test_five_rows_of_another_recipe_predict_its_other_rows(group: str) -> None:
    """Published steps, slower by a quarter than they were: 5 rows take away most of the error on all others."""
    rows = [row for row in ROWS if row["group"] == group]
    data = spec_of_steps(rows)
    seconds = {f"step-s{at}": 1.25 * row["seconds_per_step"] for at, row in enumerate(rows)}
    chosen = [f"step-s{at}" for at in np.linspace(0, len(rows) - 1, 5).astype(int)]
    before = flopsheet.compute(copy.deepcopy(data)).frames["training_run"]["predicted_seconds_per_step"]
    data["measured"] = {name: data["training"].pop(name) | {"seconds": seconds[name]} for name in chosen}
    after = flopsheet.compute(data).frames["training_run"]["predicted_seconds_per_step"]
    others = [name for name in seconds if name not in chosen]
    errors = [np.mean([abs(found[name] / seconds[name] - 1) for name in others]) for found in (before, after)]
    assert errors[1] < min(0.09, errors[0] / 2)


def test_a_kind_that_nobody_measured_is_calibrated_from_nothing() -> None:
    data = spec({}, training={"plan": PLAN | {"hardware": "mi300x"}})
    data["measured"] = {"row": {**COMMON, **LAYOUTS["zero"], "hardware": "mi300x", "seconds": 1.5}}
    [calibration] = load_spec(data).calibrations
    [row] = calibration.rows
    assert (row.before, row.after) == (None, pytest.approx(1.5, rel=1e-3))
    assert flopsheet.compute(data).frames["training_run"].loc["plan", "time_is"].endswith("calibrated by 1 measurement")


def test_an_efficiency_that_the_spec_gives_is_held() -> None:
    data = spec({"tensor": 1.3}, hardware={"h100-sxm": {"matmul_efficiency": 0.7}})
    [calibration] = load_spec(data).calibrations
    assert (calibration.fitted, calibration.error("before")) == ((), calibration.error("after"))


def test_the_same_layout_again_is_no_further_layout() -> None:
    data = spec({"tensor": 1.3})
    data["measured"]["again"] = data["measured"]["row tensor"] | {"seconds": 1.5}
    [calibration] = load_spec(data).calibrations
    assert [one.name for one in calibration.fitted] == ["matmul_efficiency"]
    assert calibration.rows[0].after == pytest.approx(np.sqrt(1.3 * 1.5), rel=0.01)


def test_the_range_of_days_follows_the_error_of_three_layouts() -> None:
    """Of 3 logarithms ±x about 0 and 0: mean 0; 1.886 · s · √(1 + 1/3) of Student's distribution with 2 degrees."""
    measured = times({}, ("tensor", "zero", "pipeline"))
    near = load_spec(spec(measured)).calibrations[0]
    measured["zero"] *= 1.3
    far = load_spec(spec(measured)).calibrations[0]
    ratios = [{one.name: one.after for one in found.fitted} for found in (near, far)]
    widths = [one["time_ratio_high"] / one["time_ratio_low"] for one in ratios]
    logs = np.log([row.seconds / row.left_out for row in far.rows if row.left_out])
    wanted = np.exp(2 * 1.886 * np.std(logs, ddof=1) * np.sqrt(4 / 3))
    assert (widths[0] < 1.01, widths[1]) == (True, pytest.approx(wanted, rel=0.03))


def test_a_speed_stands_for_seconds() -> None:
    data = spec({"tensor": 1.3})
    data["measured"]["row tensor"].pop("seconds")
    data["measured"]["row tensor"]["measured_tokens_per_second"] = 32 * 4096 / 1.3
    assert fitted(data) == fitted(spec({"tensor": 1.3}))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"seconds": 0.001}, "row-tensor.seconds: 0.001 s is less than the"),
        ({"seconds": 5000}, "times the"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": -1}, "seconds"),
        ({"seconds": 1e9}, "seconds"),
        ({"seconds": None}, "seconds"),
        ({"seconds": "fast"}, "seconds"),
        ({"measured_seconds_per_step": 1.0}, "unknown key 'measured_seconds_per_step'"),
        ({"sweep": {"tensor_parallel": [1, 2]}}, "sweep"),
        ({"model": "nobody"}, "nobody"),
        ({"hardware": "h1000"}, "no hardware is called 'h1000'"),
        ({"tensor_parallel": 3}, "tensor_parallel"),
    ],
)
def test_what_is_no_measurement_is_refused_where_it_stands(said: dict[str, Any], told: str, tmp_path: Path) -> None:
    data = spec({"tensor": 1.3})
    data["measured"] = {"row-tensor": data["measured"]["row tensor"] | said}
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
    done = command("validate", str(path))
    assert (done.returncode, told in done.stderr + done.stdout) == (1, True), done.stdout + done.stderr
    assert f"{path}:" in done.stderr + done.stdout


def test_a_row_without_a_time_is_refused() -> None:
    data = spec({"tensor": 1.3})
    del data["measured"]["row tensor"]["seconds"]
    with pytest.raises(SpecError, match="seconds is missing"):
        load_spec(data)


def test_rows_are_bounded() -> None:
    row = {**COMMON, **LAYOUTS["tensor"], "seconds": 1.3}
    with pytest.raises(SpecError, match="at most 100 are allowed"):
        load_spec(spec({}, measured={f"row {at}": row for at in range(101)}))


@pytest.mark.parametrize("style", ["table", "md", "json", "html"])
def test_every_way_to_show_it_tells_the_rows_and_the_error(style: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec({"tensor": 1.3})), encoding="utf-8")
    said = command("show", str(path), "--format", style).stdout
    assert "row tensor" in said and "calibrated by 1 measurement" in said
    if style == "json":
        told = json.loads(said)["measured"]["h100-sxm"]
        assert (told["rows"]["row tensor"]["seconds"], told["mean_error"]["left_out"]) == (1.3, None)
    else:
        assert "Mean error" in said


def test_explain_says_what_was_fitted(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec({"tensor": 1.3})), encoding="utf-8")
    said = command("explain", "predicted_seconds_per_step", str(path)).stdout
    assert "matmul_efficiency of h100-sxm: " in said and "fitted to 1 measured step (0.791 before)" in said


def test_a_search_looks_with_the_fitted_efficiencies() -> None:
    search = {"s": {"model": "m", "hardware": "h100-sxm", "n_devices": 8, "context_length": 4096,
                    "global_batch_size": 32, "vary": {"zero_stage": [1, 3]}}}  # fmt: skip
    found = load_spec(spec({"tensor": 1.3}, search=search))
    [device] = [device for device in found.hardware if device.name == "h100-sxm"]
    assert found.searches[0].devices["h100-sxm"] == device
    assert device.inputs["fitted_to"].value == "measured_rows"


CHAT = "measured_seconds_per_token"


@functools.cache
def measured_thrice() -> dict[str, Any]:
    """And a serving run, with both of its times."""
    data = spec(times({"matmul_efficiency": 0.6, "kernel_traffic": 18.0}, ("tensor", "zero", "pipeline")))
    data["measured"]["chat"] = {
        "kind": "serving", "model": "m", "hardware": "h100-sxm", "prompt_length": 2048, "generated_length": 256,
        "n_sequences": 8, "measured_seconds_per_token": 0.003, "measured_time_to_first_token": 0.03,
    }  # fmt: skip
    return data


def test_every_cell_follows_edits_of_what_was_fitted_and_of_the_rows() -> None:
    """Engine and pandas agree on every cell, the sheet Measured included."""
    data, book = measured_thrice(), book_of(measured_thrice())
    report = book.report
    homes = {cell.path: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(report)}
    edit = {
        homes["hardware", "h100-sxm", "matmul_efficiency"]: 0.5,
        homes["measured", "row tensor", "seconds"]: 2.0, homes["measured", "chat", CHAT]: 0.002,
    }  # fmt: skip
    efficiencies = {one.name: one.after for calibration in report.spec.calibrations for one in calibration.fitted}
    by_hand = {**efficiencies, "fitted_to": "measured_rows", "n_measured": 3}
    by_hand |= {"serving_fitted_to": "measured_rows", "n_served_measured": 1}
    edited = copy.deepcopy(data) | {"hardware": {"h100-sxm": {**by_hand, "matmul_efficiency": 0.5}}}
    edited["measured"]["row tensor"]["seconds"] = 2.0
    edited["measured"]["chat"][CHAT] = 0.002
    wanted = formulas(planned(dataclass_replace(flopsheet.compute(edited), report), report))
    [got] = recalculate_ironcalc(book.spoiled, [edit], list(wanted))
    assert disagreements_of(got, wanted) == {}
    assert any(cell[0] == "Measured" for cell in wanted)


def dataclass_replace(found: flopsheet.Report, built: flopsheet.Report) -> flopsheet.Report:
    """The report with the calibration as it was built: what a workbook says of it are values."""
    import dataclasses

    spec = dataclasses.replace(found.spec, calibrations=built.spec.calibrations)
    return dataclasses.replace(found, spec=spec)


def test_an_edited_row_and_an_edited_efficiency_come_back(tmp_path: Path) -> None:
    book = book_of(measured_thrice())
    homes = {cell.path: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(book.report)}
    typed = {
        homes["measured", "row tensor", "seconds"]: 1.4, homes["hardware", "h100-sxm", "matmul_efficiency"]: 0.5,
        homes["measured", "chat", CHAT]: 0.002,
    }  # fmt: skip
    pulled = pull(type_into(book.path, typed, tmp_path / "edited.xlsx"))
    assert pulled.patch == {
        "measured": {"row tensor": {"seconds": 1.4}, "chat": {CHAT: 0.002}},
        "hardware": {"h100-sxm": {"matmul_efficiency": 0.5}},
    }
    assert pulled.problems() == []
