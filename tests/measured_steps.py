"""Measured training steps beside predicted ones; `make calibrate` fits the constants and writes the page of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from flopsheet.catalog import load_catalog
from flopsheet.catalog.hardware import hardware
from flopsheet.pipeline import frames
from flopsheet.pipeline.tables import Tables, tabulate_runs
from flopsheet.spec import load_spec

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "calibration-time.md"
FITTED = ROOT / "benchmarks" / "step_constants.json"
BEGIN, END = "<!-- measured steps: make calibrate -->", "<!-- end of measured steps -->"
Column = np.ndarray[Any, Any]
ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "truth" / "step_times.json").read_text(encoding="utf-8")
)
SAID = (
    "micro_batch_size", "tensor_parallel", "pipeline_parallel", "virtual_stages", "context_parallel",
    "expert_parallel", "data_parallel", "zero_stage", "sequence_parallel", "recomputation", "attention_kernel",
    "n_devices", "hardware", "context_length",
)  # fmt: skip


def spec_of_steps(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A spec with a model and a training run for each measured step."""
    names = [f"s{at}" for at in range(len(rows))]
    return {
        "version": 1,
        "context_lengths": [1024],
        "models": {name: model_of(row["model"]) for name, row in zip(names, rows, strict=True)},
        "training": {f"step-{name}": run_of(name, row["run"]) for name, row in zip(names, rows, strict=True)},
    }


def model_of(row: dict[str, Any]) -> dict[str, Any]:
    """The model in flopsheet's words: latent attention, and dense layers before those with experts."""
    row = dict(row)
    n_moe, matrices = row.pop("n_moe_layers", 0), row.pop("ffn_matrices")
    said = ("n_experts", "n_active_experts", "d_expert", "n_shared_experts")
    experts = {key: row.pop(key) for key in said if key in row}
    model = {**row, "ffn": {2: "gelu", 3: "swiglu"}[matrices], "positions": "rotary", "norm": "rmsnorm"}
    if not n_moe:
        return model
    n_dense, d_ff = model.pop("n_layers") - n_moe, model.pop("d_ff")
    dense = [{"n_layers": n_dense, "d_ff": d_ff}] if n_dense else []
    return {**model, "layers": [*dense, {"n_layers": n_moe, "d_ff": 0, **experts}]}


def run_of(model: str, row: dict[str, Any]) -> dict[str, Any]:
    """The layout, its batch and the format of its gradients."""
    batch = row["n_micro_batches"] * row["micro_batch_size"] * row["data_parallel"]
    gradients = {2: "as_weights", 4: "fp32"}[row["gradient_bytes"]]
    return {"model": model, **{key: row[key] for key in SAID}, "global_batch_size": batch, "gradients": gradients}


FITTED_ON = {"A100": ("a100-40gb", "a100-80gb"), "H100": ("h100-sxm",), "B200": ("b200",)}
# What is fitted: an input of hardware, the kinds that share it (none: all), where the fit starts, its bounds.
CONSTANTS: tuple[tuple[str, str, float, float, float], ...] = (
    ("matmul_efficiency", "A100", 0.9, 0.3, 1),
    ("matmul_efficiency", "H100", 0.75, 0.3, 1),
    ("matmul_efficiency", "B200", 0.55, 0.3, 1),
    ("fused_attention_efficiency", "A100", 0.35, 0.1, 1.2),
    ("fused_attention_efficiency", "H100", 0.3, 0.1, 1.2),
    ("fused_attention_efficiency", "B200", 0.7, 0.1, 1.2),
    ("eager_attention_efficiency", "", 0.4, 0.1, 1.2),
    ("collective_efficiency", "", 0.5, 0.2, 1),
    ("collective_latency", "", 5e-5, 1e-6, 1e-3),
    ("small_matmul_width", "", 40, 1, 3000),
    ("kernel_traffic", "", 15, 1, 40),
    ("weight_traffic", "", 12, 4, 30),
    ("unhidden_gather", "", 0.3, 0.01, 1),
)
QUANTILES = {"time_ratio_low": 10, "time_ratio_median": 50, "time_ratio_high": 90}


class Measured:
    """Measured steps and the tables of their runs."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows
        self.seconds = np.array([row["seconds_per_step"] for row in rows])
        self.groups = np.array([row["group"] for row in rows])

    @cached_property
    def tables(self) -> Tables:
        """Made when a step is predicted: to name the tests, no worker needs them."""
        return tabulate_runs(load_spec(spec_of_steps(list(self.rows))), "training")

    def predicted(self, constants: Column) -> Column:
        """Seconds of every step with these constants."""
        tables = with_constants(self.tables, constants)
        values = frames.compute_values(tables, load_catalog(), ["predicted_seconds_per_step"])
        return values.column("training_run", "predicted_seconds_per_step")


def with_constants(tables: Tables, constants: Column) -> Tables:
    """The tables with other constants of hardware."""
    kinds_of = tables["hardware"]
    inputs = kinds_of.inputs.copy()
    for (name, generation, *_), value in zip(CONSTANTS, constants, strict=True):
        kinds = [kind for kind in FITTED_ON.get(generation, inputs.index) if kind in inputs.index]
        inputs.loc[kinds, name] = value
    return {**tables, "hardware": kinds_of.with_inputs(inputs)}


def fitted() -> dict[str, Any]:
    """The constants as `make calibrate` left them: of all steps, and without each group."""
    found: dict[str, Any] = json.loads(FITTED.read_text(encoding="utf-8"))
    return found


def spread(ratios: Column, groups: Column, quantiles: Mapping[str, int] = QUANTILES) -> dict[str, float]:
    """Quantiles of measured over predicted, every group counting alike."""
    counts = Counter(groups.tolist())
    order = np.argsort(ratios)
    weights = np.array([1 / counts[group] for group in groups])[order]
    places = (np.cumsum(weights) - weights / 2) / weights.sum()
    return {
        name: float(f"{np.interp(percent / 100, places, ratios[order]):.3g}") for name, percent in quantiles.items()
    }


def in_catalog() -> list[float]:
    """The same constants as the catalogue has them."""
    inputs, kinds = load_catalog().inputs, hardware()
    return [
        kinds[FITTED_ON[generation][0]].inputs[name] if generation else float(inputs[name].default)  # type: ignore[arg-type]
        for name, generation, *_ in CONSTANTS
    ]


def by_group(values: Column, groups: Column) -> dict[str, float]:
    """The mean of each group, in per cent."""
    return {group: 100 * float(values[groups == group].mean()) for group in dict.fromkeys(groups.tolist())}


def left_out(steps: Measured) -> Column:
    """Seconds of every step, predicted with the constants that were fitted without its group."""
    predicted = np.empty(len(steps.rows))
    for group, constants in fitted()["without"].items():
        of = steps.groups == group
        predicted[of] = steps.predicted(np.array(constants))[of]
    return predicted


def errors(predicted: Column, steps: Measured) -> Column:
    """How far each prediction is off, as a share of what was measured."""
    return np.abs(predicted / steps.seconds - 1)


def tables() -> str:
    """Constants, and errors by group, in Markdown."""
    steps, constants = Measured(ROWS), fitted()
    whole, apart = errors(steps.predicted(np.array(constants["all"])), steps), errors(left_out(steps), steps)
    lines = ["| constant | kinds | fitted | without each group |", "|---|---|---:|---|"]
    for at, (name, generation, *_) in enumerate(CONSTANTS):
        others = [without[at] for without in constants["without"].values()]
        here = f"{constants['all'][at]:.3g} | {min(others):.3g} to {max(others):.3g}"
        lines.append(f"| `{name}` | {generation or 'all'} | {here} |")
    lines += ["", "| group | steps | error | left out of the fit | source |", "|---|---:|---:|---:|---|"]
    own, others = by_group(whole, steps.groups), by_group(apart, steps.groups)
    for group in own:
        rows = [row for row in steps.rows if row["group"] == group]
        lines.append(f"| {group} | {len(rows)} | {own[group]:.1f} % | {others[group]:.1f} % | {rows[0]['source']} |")
    lines.append(f"| all | {len(whole)} | {100 * whole.mean():.1f} % | {100 * apart.mean():.1f} % | |")
    return "\n".join(lines)


def page() -> str:
    """The page with the tables as they are now."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.split(END)[1]}"
