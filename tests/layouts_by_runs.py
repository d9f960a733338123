"""Searches by brute force: every layout of a small space as a training run of its own."""

from __future__ import annotations

import dataclasses
import itertools

import pandas as pd

import flopsheet.catalog
from flopsheet.pipeline import frames
from flopsheet.pipeline.tables import tabulate_runs
from flopsheet.spec import load_spec, runs
from flopsheet.spec.load import parse_spec
from flopsheet.spec.resolve.draft import RawInput
from flopsheet.spec.resolve.names import Names
from flopsheet.yamlio import source
from flopsheet.yamlio.from_mapping import to_yaml


def by_runs(data, name):
    """Every layout of a search by number: the frame of those that are valid training runs."""
    said = dict(data["search"][name])
    lists = {key: said[key] if isinstance(said[key], list) else [said[key]] for key in ("hardware", "n_devices")}
    lists |= said.pop("vary")
    fixed = {key: value for key, value in said.items() if key not in {*lists, "keep", "require", "minimise"}}
    spec = load_spec({key: value for key, value in data.items() if key != "search"})
    draft = parse_spec(source.parse(to_yaml(data), "spec"), "spec").draft
    hardware, _ = runs.devices(draft)
    names = Names(tuple(model.name for model in spec.models))
    of_name = {device.name: device for device in hardware}
    among = runs._Kind(draft, "training", {model.name: model for model in spec.models}, of_name, names)
    found = []
    for number, values in enumerate(itertools.product(*lists.values())):
        inputs = {**fixed, **dict(zip(lists, values, strict=True))}
        said = {key: RawInput(value, ("training", "x", key)) for key, value in inputs.items()}
        run, faults = runs._run(among, (), ("training", "x"), str(number), said)
        if run is not None and not faults:
            found.append(run)
    if not found:
        return pd.DataFrame({"margin_bytes": [], "predicted_seconds_per_step": []})
    spec = dataclasses.replace(spec, runs={"training": tuple(found)}, hardware=hardware)
    values = frames.compute_runs(tabulate_runs(spec, "training"), flopsheet.catalog.load_catalog())
    return values.frames["training_run"]


MODELS = {name: {"model": name} for name in ("llama-3-8b", "deepseek-v3", "gpt-oss-20b", "gemma-3-27b", "mixtral-8x7b")}
AXES = {
    "tensor_parallel": [1, 2, 4, 8, 3],
    "pipeline_parallel": [1, 2, 4, 8, 61],
    "virtual_stages": [1, 2, 4],
    "context_parallel": [1, 2, 4],
    "expert_parallel": [1, 2, 8, 16],
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
    vary, size = {}, 1
    for key in chance.sample(list(AXES), len(AXES)):
        count = chance.randint(1, len(AXES[key]))
        if size * count <= most and len(vary) < 7:
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
