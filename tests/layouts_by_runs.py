"""Searches by brute force: every layout of a small space as a run of its own."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd

import flopsheet.catalog
from flopsheet.pipeline import frames
from flopsheet.pipeline.tables import tabulate_runs
from flopsheet.spec import load_spec, runs
from flopsheet.spec.load import parse_spec
from flopsheet.spec.resolve import parts
from flopsheet.spec.resolve.draft import RawInput
from flopsheet.spec.resolve.names import Names
from flopsheet.spec.search import said_inputs
from flopsheet.yamlio import source
from flopsheet.yamlio.from_mapping import to_yaml


def by_runs(data, name):
    """Every layout of a search by number: the frame of those that are valid runs, with what the objective is."""
    said = dict(data["search"][name])
    kind = said.pop("kind", "training")
    lists = {key: said[key] if isinstance(said[key], list) else [said[key]] for key in ("hardware", "n_devices")}
    lists |= said.pop("vary")
    fixed = {"model": said["model"], **said_inputs(said)}
    spec = load_spec({key: value for key, value in data.items() if key != "search"})
    draft = parse_spec(source.parse(to_yaml(data), "spec"), "spec").draft
    hardware, _ = runs.devices(draft)
    names = Names(tuple(model.name for model in spec.models))
    of_name = {device.name: device for device in hardware}
    among = runs._Kind(draft, kind, {model.name: model for model in spec.models}, of_name, names)
    found = []
    for number, values in enumerate(itertools.product(*lists.values())):
        inputs = {**fixed, **dict(zip(lists, values, strict=True))}
        said, _ = parts.spread(draft, {key: RawInput(value, (kind, "x", key)) for key, value in inputs.items()})
        run, faults = runs._run(among, (), (kind, "x"), str(number), said)
        if run is not None and not faults:
            found.append(run)
    if not found:
        return pd.DataFrame()
    spec = dataclasses.replace(spec, runs={kind: tuple(found)}, hardware=hardware)
    values = frames.compute_runs(tabulate_runs(spec, kind), flopsheet.catalog.load_catalog())
    of_run = values.frames["run"].add_prefix("run ").reset_index(drop=True)
    return values.frames[f"{kind}_run"].join(of_run.set_axis(values.frames[f"{kind}_run"].index))


def ranked_by_runs(data, name):
    """The layouts of a search that are possible, the best first: number and objective."""
    said = data["search"][name]
    kind = said.get("kind", "training")
    time = {"training": "predicted_seconds_per_step", "serving": "predicted_seconds_per_token"}[kind]
    margin = {"training": "margin_bytes", "serving": "served_margin_bytes"}[kind]
    default = {"training": time, "serving": "n_devices"}[kind]
    metric, sign = (said["maximise"], -1.0) if "maximise" in said else (said.get("minimise", default), 1.0)
    frame = by_runs(data, name)
    if frame.empty:
        return []
    objective = frame[metric] if metric in frame else frame[f"run {metric}"]
    kept = (frame[margin] >= 0) & np.isfinite(objective)
    for of, bounds in (said.get("require") or {}).items():
        kept &= (frame[of] >= bounds.get("at_least", -np.inf)) & (frame[of] <= bounds.get("at_most", np.inf))
    order = np.lexsort((frame.index.astype(int), frame[time], sign * objective))
    return [(frame.index[at], float(objective.iloc[at])) for at in order if kept.iloc[at]]


MODELS = {name: {"model": name} for name in ("llama-3-8b", "deepseek-v3", "gpt-oss-20b", "gemma-3-27b", "mixtral-8x7b")}
AXES = {
    "tensor_parallel": [1, 2, 4, 8, 3],
    "pipeline_parallel": [1, 2, 4, 8, 61],
    "virtual_stages": [1, 2, 4],
    "context_parallel": [1, 2, 4],
    "expert_parallel": [1, 2, 8, 16],
    "expert_tensor_parallel": [1, 2, 3],
    "zero_stage": [0, 1, 2, 3],
    "recomputation": ["none", "selective", "full", "operations"],
    "recomputed_every": [1, 2, 3],
    "micro_batch_size": [1, 2, 4, 3],
    "global_batch_size": [64, 128, 512],
    "context_length": [4096, 32768],
    "attention_kernel": ["fused", "eager", "explicit"],
    "loss_kernel": ["plain", "fused", "chunked"],
    "sequence_parallel": [True, False],
    "precision": ["mixed_bf16", "mixed_fp8", "tf32"],
    "gradients": ["fp32", "as_weights"],
    "optimizer": ["adamw", "muon", "adafactor"],
    "activation_method": ["autograd", "transformer_engine"],
    "tensor_parallel_overlap": [0, 0.5],
}


OTHERS = {"context_length": 4096, "global_batch_size": 512, "zero_stage": 3, "recomputation": "full"}


def random_search(chance, most=50):
    """A spec with a search of some layouts at most: a model, kinds of hardware, some axes with some values of each."""
    vary, size, axes = {}, 1, chance.choice([2, 7, 7])
    for key in chance.sample(list(AXES), len(AXES)):
        count = chance.randint(1, len(AXES[key]))
        if size * count <= most and len(vary) < axes:
            size *= count
            vary[key] = chance.sample(AXES[key], count)
    model = chance.choice(list(MODELS))
    search = {
        "model": model,
        "hardware": chance.choice(["h200", "b200", ["h100-sxm", "mi300x"]]),
        "n_devices": chance.choice([64, 512, [128, 1024]]),
        "vary": vary,
        "keep": 1000,
    }
    search |= {key: value for key, value in OTHERS.items() if key not in vary}
    return {"version": 1, "context_lengths": [4096], "models": {model: MODELS[model]}, "search": {"s": search}}


SERVED_AXES = {
    "tensor_parallel": [1, 2, 4, 8, 3],
    "pipeline_parallel": [1, 2, 4],
    "expert_parallel": [1, 2, 4, 8],
    "attention_data_parallel": [1, 2, 4, 8],
    "n_sequences": [1, 8, 64, 500],
    "weight_format": ["bf16", "fp8", {"default": "bf16", "experts": "mxfp4"}],
    "cache_format": ["bf16", "fp8"],
    "compute_format": ["as_weights", "bf16", "fp4"],
    "prompt_length": [1, 2048, 60000],
    "generated_length": [1, 256],
    "chunk_length": [512, 8192],
    "window_cache": ["window", "window_and_chunk"],
    "prefix_hit_rate": [0, 0.5],
    "n_draft_tokens": [0, 1, 3],
    "n_prefill_devices": [0, 16],
    "memory_utilisation": [0.9, 1],
    "cache_memory_gib": [0, 20],
}
SERVED = {"prompt_length": 2048, "generated_length": 512, "n_sequences": 64, "acceptance_rate": 0.7, "draft_cost": 0.1}
OBJECTIVES = [
    {},
    {"minimise": "predicted_cost_per_million"},
    {"minimise": "predicted_seconds_per_token"},
    {"maximise": "predicted_served_tokens_per_second"},
    {"maximise": "n_sequences"},
]
LIMITS = {
    "predicted_seconds_per_token": {"at_most": 0.05},
    "predicted_time_to_first_token": {"at_most": 3},
    "served_margin_share": {"at_least": 0.1},
}


def random_serving_search(chance, most=50):
    """A spec with a search of serving runs: like `random_search`, with limits, an objective and prices."""
    vary, size, axes = {}, 1, chance.choice([2, 7, 7])
    for key in chance.sample(list(SERVED_AXES), len(SERVED_AXES)):
        listed = [value for value in SERVED_AXES[key] if not isinstance(value, dict)]
        count = chance.randint(1, len(listed))
        if size * count <= most and len(vary) < axes:
            size *= count
            vary[key] = chance.sample(listed, count)
    model = chance.choice(list(MODELS))
    fixed = {key: value for key, value in SERVED.items() if key not in vary}
    if "weight_format" not in vary:
        fixed["weight_format"] = chance.choice(SERVED_AXES["weight_format"])
    kept = chance.sample(list(LIMITS), chance.randint(0, len(LIMITS)))
    search = {
        "kind": "serving",
        "model": model,
        "hardware": chance.choice(["h200", "b200", ["h100-sxm", "mi300x"]]),
        "n_devices": chance.choice([8, [8, 16], [4, 64]]),
        "vary": vary,
        "require": {name: LIMITS[name] for name in kept},
        "keep": 1000,
        **chance.choice(OBJECTIVES),
        **fixed,
    }
    prices = {"h200": 3.5, "b200": 6, "h100-sxm": 2.5}
    return {
        "version": 1,
        "context_lengths": [4096],
        "models": {model: MODELS[model]},
        "hardware": {kind: {"price_per_hour": price} for kind, price in prices.items()},
        "search": {"s": search},
    }
