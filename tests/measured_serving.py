"""Measured serving runs beside predicted ones: medians of equal rows, each a serving run of its model.

`make calibrate` fits the constants and writes the page of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from flopsheet.catalog import Catalog, load_catalog
from flopsheet.pipeline import frames
from flopsheet.pipeline.tables import Tables, tabulate_runs
from flopsheet.spec import load_spec
from measured_steps import spread

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "calibration-serving.md"
FITTED = ROOT / "benchmarks" / "serving_constants.json"
BEGIN, END = "<!-- measured serving: make calibrate -->", "<!-- end of measured serving -->"
TRUTH = Path(__file__).parent / "truth" / "serving_measured.json"
Column = np.ndarray[Any, Any]
HARDWARE = {"h100_sxm": "h100-sxm", "h200_sxm": "h200", "b200_sxm": "b200", "gb200": "gb200"}
# A measured model → its name here, the library model it is, and the formats of its file where a row says none.
LLAMA_8B = {"model": "llama-3-8b"}
MODELS: dict[str, tuple[str, dict[str, Any], str]] = {
    "meta-llama/Llama-3.1-70B": ("llama-70b", {"model": "llama-3-70b"}, "bf16"),
    "meta-llama/Llama-3.1-8B-Instruct": ("llama-8b", LLAMA_8B, "bf16"),
    "nvidia/Llama-3.1-8B-Instruct-FP8": ("llama-8b", LLAMA_8B, "fp8"),
    "Qwen/Qwen3-32B": (
        "qwen3-32b",
        # config.json of Qwen/Qwen3-32B
        {"n_layers": 64, "d_model": 5120, "n_heads": 64, "n_kv_heads": 8, "d_head": 128, "ffn": "swiglu", "d_ff": 25600,
         "vocab_size": 151936, "positions": "rotary", "norm": "rmsnorm", "qk_norm": "per_head",
         "tie_embeddings": False},
        "bf16",
    ),
    "Qwen/Qwen3-235B-A22B-FP8": ("qwen3-235b", {"model": "qwen3-235b-a22b"}, "fp8"),
    "deepseek-ai/DeepSeek-R1": ("deepseek-r1", {"model": "deepseek-v3"}, "fp8"),
    "openai/gpt-oss-120b": ("gpt-oss-120b", {"model": "gpt-oss-120b"}, "bf16"),
}  # fmt: skip
MIXTURES = ("deepseek-r1", "qwen3-235b", "gpt-oss-120b")
FORMATS = {"fp8": "fp8", "fp8_block": "fp8_block", "nvfp4": "nvfp4"}
SAME = (
    "model", "hardware", "weight_format", "expert_format", "prompt_length", "generated_length", "n_concurrent",
    "tensor_parallel", "pipeline_parallel", "attention_data_parallel", "expert_tensor_parallel", "expert_parallel",
)  # fmt: skip


class Measured(NamedTuple):
    """Equal rows: what was run, and the medians of the time to the first token and per token, in seconds."""

    row: dict[str, Any]
    first_token: float
    per_token: float
    n_rows: int


def measured(*, by_engine: bool = False) -> list[Measured]:
    """The medians of equal rows, whatever the engine unless told apart by it, in the order of the file."""
    same = (*SAME, "engine") if by_engine else SAME
    data = json.loads(TRUTH.read_text(encoding="utf-8"))
    found = defaultdict(list)
    for values in data["rows"]:
        row = dict(zip(data["columns"], values, strict=True))
        found[tuple(str(row[name]) for name in same)].append(row)
    return [
        Measured(
            rows[0],
            float(np.median([row["ttft_ms"] for row in rows])) / 1000,
            float(np.median([row["tpot_ms"] for row in rows])) / 1000,
            len(rows),
        )
        for rows in found.values()
    ]


def run_of(row: dict[str, Any]) -> dict[str, Any]:
    """The layout: beyond eight devices attention is data parallel, below it as the row says."""
    name, _, own = MODELS[row["model"]]
    tensor = row["tensor_parallel"]
    of_attention = tensor * (row["attention_data_parallel"] or 1)
    n_devices = max(of_attention, (row["expert_tensor_parallel"] or 1) * (row["expert_parallel"] or 1))
    tensor = 1 if n_devices > 8 else tensor
    attention, experts = (FORMATS.get(row[of], own) for of in ("weight_format", "expert_format"))
    if name == "gpt-oss-120b":  # MXFP4 experts beside 16 bits, as its file has them
        attention, experts = "bf16", "mxfp4"
    layout = {"n_devices": n_devices, "tensor_parallel": tensor, "attention_data_parallel": n_devices // tensor}
    if name in MIXTURES:
        layout["expert_parallel"] = row["expert_parallel"] or 1
    parts = {"default": attention, "experts": experts, "embedding": "bf16", "lm_head": "bf16", "norms": "bf16"}
    if name == "deepseek-r1":
        parts["attention"] = "fp8" if attention == "nvfp4" else attention
    return {
        "model": name, "hardware": HARDWARE[row["hardware"]], **layout, "prompt_length": row["prompt_length"],
        "generated_length": row["generated_length"], "n_sequences": row["n_concurrent"], "weight_format": parts,
    }  # fmt: skip


def _widest_format(run: dict[str, Any]) -> str:
    """The format of most weights: that of the experts where there are any."""
    parts: dict[str, str] = run["weight_format"]
    return parts["experts" if run["model"] in MIXTURES else "default"]


def spec_of(rows: list[Measured]) -> dict[str, Any]:
    """A spec with a serving run for each."""
    return {
        "version": 1,
        "context_lengths": [1024],
        "models": {name: model for name, model, _ in MODELS.values()},
        "serving": {f"row-{at}": run_of(row.row) for at, row in enumerate(rows)},
    }


# What is fitted, all of it inputs of hardware: where the fit starts, its bounds.
TOKEN_CONSTANTS: tuple[tuple[str, float, float, float], ...] = (
    ("served_memory_efficiency", 0.8, 0.2, 1),
    ("served_matmul_efficiency", 0.5, 0.05, 1),
    ("prefill_efficiency", 0.5, 0.05, 1),
    ("prefill_attention_efficiency", 0.4, 0.02, 2),
    ("served_collective_efficiency", 0.5, 0.02, 1),
    ("layer_latency", 3e-5, 1e-7, 3e-4),
    ("expert_latency", 4e-7, 1e-9, 1e-5),
    ("all_reduce_latency", 1.5e-5, 1e-7, 1e-4),
)
FIRST_CONSTANTS: tuple[tuple[str, float, float, float], ...] = (
    ("prompt_layer_latency", 5e-4, 1e-6, 1e-2),
    ("prompt_expert_latency", 1e-5, 1e-7, 1e-3),
    ("prompt_queue", 0.1, 1e-3, 1),
)
CONSTANTS = TOKEN_CONSTANTS + FIRST_CONSTANTS
RATIOS = {"token_time_ratio": "per_token", "first_token_ratio": "first_token"}
QUANTILES = {"low": 10, "median": 50, "high": 90}
# What a run outside what was measured may lack, and the words of its errors; each is left out of a fit in turn.
OUTSIDE = {"kind": "kind of device", "format": "format of experts or FFN"}
OUTSIDE_RATIOS = {"outside_token_ratio": "per_token", "outside_first_token_ratio": "first_token"}
PER_TOKEN, FIRST_TOKEN = "predicted_seconds_per_token", "predicted_time_to_first_token"
AT_ONCE = 8  # sequences per replica up to which the time to the first token is no matter of queues


class Serving:
    """Measured runs and the tables of them; what no constant changes is computed once."""

    def __init__(self, rows: Sequence[Measured]) -> None:
        self.rows = rows
        self.models = np.array([MODELS[row.row["model"]][0] for row in rows])
        self.per_token = np.array([row.per_token for row in rows])
        self.first_token = np.array([row.first_token for row in rows])
        self.is_few = np.array([row.row["n_concurrent"] <= AT_ONCE for row in rows])
        runs = [run_of(row.row) for row in rows]
        self.of: dict[str, Column] = {
            "model": self.models,
            "kind": np.array([run["hardware"] for run in runs]),
            "format": np.array([_widest_format(run) for run in runs]),
        }
        tables = tabulate_runs(load_spec(spec_of(list(rows))), "serving")
        self.tables, self.catalog = _without_constants(tables, load_catalog())

    def predicted(self, constants: Column) -> tuple[Column, Column]:
        """Seconds per token and to the first token of every run with these constants, or the first so many."""
        kinds = self.tables["hardware"]
        inputs = kinds.inputs.copy()
        for (name, *_), value in zip(CONSTANTS, constants, strict=False):
            inputs[name] = value
        tables = {**self.tables, "hardware": kinds.with_inputs(inputs)}
        found = frames.compute_values(tables, self.catalog, [PER_TOKEN, FIRST_TOKEN])
        return found.column("serving_run", PER_TOKEN), found.column("serving_run", FIRST_TOKEN)


def _without_constants(tables: Tables, catalog: Catalog) -> tuple[Tables, Catalog]:
    """Tables in which what depends on no constant stands as if it were an input, and the catalogue of the rest."""
    moved = {name for name, *_ in CONSTANTS}
    wanted = catalog.closure([PER_TOKEN, FIRST_TOKEN])
    for name in wanted:  # each after what it reads
        metric = catalog.metrics[name]
        if moved.intersection((*metric.dependencies, *metric.aggregated)):
            moved.add(name)
    fixed = [name for name in wanted if name not in moved]
    values = frames.compute_values(tables, catalog, fixed)
    made = {grain: table.with_inputs(values.frames[grain]) for grain, table in tables.items()}
    inputs = {**catalog.inputs, **{name: catalog.metrics[name] for name in fixed}}
    metrics = {name: metric for name, metric in catalog.metrics.items() if name in moved}
    rest = replace(
        catalog, inputs=inputs, metrics=metrics, order=tuple(name for name in catalog.order if name in moved)
    )
    return made, rest


def fitted() -> dict[str, Any]:
    """The constants as `make calibrate` left them: of all runs, and without each model."""
    found: dict[str, Any] = json.loads(FITTED.read_text(encoding="utf-8"))
    return found


def in_catalog() -> list[float]:
    """The same constants as the catalogue has them."""
    return [float(load_catalog().inputs[name].default) for name, *_ in CONSTANTS]  # type: ignore[arg-type]


def left_out(serving: Serving, of: str = "model") -> tuple[Column, Column]:
    """Both times of every run, predicted with constants fitted without its model, kind of device or format."""
    per_token, first_token = np.empty(len(serving.rows)), np.empty(len(serving.rows))
    for group, constants in fitted()["without" if of == "model" else f"without {of}"].items():
        among = serving.of[of] == group
        token, first = serving.predicted(np.array(constants))
        per_token[among], first_token[among] = token[among], first[among]
    return per_token, first_token


def spread_left_out(serving: Serving, of: str, target: str) -> dict[str, float]:
    """The spread of one of the times, predicted without the model, kind or format of each run."""
    among = serving.is_few if target == "first_token" else np.full(len(serving.rows), fill_value=True)
    predicted = dict(zip(("per_token", "first_token"), left_out(serving, of), strict=True))[target]
    return spread((getattr(serving, target) / predicted)[among], serving.of[of][among], QUANTILES)


def ranges(serving: Serving) -> dict[str, float]:
    """The constants of both ranges: of models left out, and the farthest of kinds and formats left out."""
    found = {}
    for name, target in RATIOS.items():
        found |= {f"{name}_{place}": value for place, value in spread_left_out(serving, "model", target).items()}
    for name, target in OUTSIDE_RATIOS.items():
        spreads = [spread_left_out(serving, of, target) for of in OUTSIDE]
        found[f"{name}_low"] = min(one["low"] for one in spreads)
        found[f"{name}_high"] = max(one["high"] for one in spreads)
    return found


def errors(predicted: Column, measured: Column) -> Column:
    """How far each prediction is off, as a share of what was measured."""
    return np.abs(predicted / measured - 1)


def _line(name: str, of: Column, pairs: Sequence[tuple[Column, Column, Column]]) -> str:
    """Mean and median in each of some errors: fitted and left out."""
    cells = []
    for whole, apart, where in pairs:
        rows = of & where
        cells += [str(int(rows.sum()))]
        for found in (whole, apart):
            cells.append(
                f"{100 * found[rows].mean():.1f} %, {100 * np.median(found[rows]):.1f} %" if rows.any() else ""
            )
    return f"| {name} | {' | '.join(cells)} |"


def tables() -> str:
    """Constants, and errors by model and kind, in Markdown."""
    serving, constants = Serving(measured()), fitted()
    token, first = serving.predicted(np.array(constants["all"]))
    token_apart, first_apart = left_out(serving)
    every = np.full(len(serving.rows), fill_value=True)
    pairs = [
        (errors(token, serving.per_token), errors(token_apart, serving.per_token), every),
        (errors(first, serving.first_token), errors(first_apart, serving.first_token), serving.is_few),
    ]
    lines = ["| constant | fitted | without each model |", "|---|---:|---|"]
    for at, (name, *_) in enumerate(CONSTANTS):
        others = [without[at] for without in constants["without"].values()]
        lines.append(f"| `{name}` | {constants['all'][at]:.3g} | {min(others):.3g} to {max(others):.3g} |")
    lines += [
        "",
        "| runs | of time per token | mean and median error | model left out | of time to first token "
        "| mean and median error | model left out |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for column in (serving.models, serving.of["kind"]):
        lines += [_line(name, column == name, pairs) for name in dict.fromkeys(column.tolist())]
    lines.append(_line("all", every, pairs))
    lines += ["", *_outside(serving)]
    return "\n".join(lines)


def _outside(serving: Serving) -> Iterator[str]:
    """What was left out of the fit, the errors without it, and P10 and P90 of measured over predicted."""
    yield (
        "| left out of the fit | runs | of time per token: mean and median error | of time to first token | "
        "P10 to P90 per token | P10 to P90 of first token |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    for of, words in {"model": "model", **OUTSIDE}.items():
        token, first = left_out(serving, of)
        errors_of = errors(token, serving.per_token), errors(first, serving.first_token)
        widths = ["{low:g} to {high:g}".format_map(spread_left_out(serving, of, target)) for target in RATIOS.values()]
        yield _line_outside(f"each {words}", np.full(len(serving.rows), fill_value=True), serving, errors_of, widths)
        if of != "model":
            for group in dict.fromkeys(serving.of[of].tolist()):
                yield _line_outside(group, serving.of[of] == group, serving, errors_of, ["", ""])


def _line_outside(
    name: str, among: Column, serving: Serving, errors_of: tuple[Column, Column], widths: Sequence[str]
) -> str:
    """A row of that table."""
    cells = []
    for found, where in zip(errors_of, (among, among & serving.is_few), strict=True):
        cells.append(f"{100 * found[where].mean():.1f} %, {100 * np.median(found[where]):.1f} %" if where.any() else "")
    return f"| {' | '.join([name, str(int(among.sum())), *cells, *widths])} |"


def page() -> str:
    """The page with the tables as they are now."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.split(END)[1]}"
