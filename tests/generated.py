"""Random studies by number, as specs: architectures, layer groups, sweeps, runs, conventions, metrics of their own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from edited_studies import OWN
from flopsheet.api import Report, compute
from flopsheet.diagnostics import FlopsheetError
from flopsheet.spec.load import load_spec
from flopsheet.spec.schema import data_model
from generated_newer import with_newer

Model = dict[str, Any]
HEADS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 25, 32, 40, 64, 96]
HEAD_WIDTHS = [1, 16, 32, 48, 64, 80, 96, 128, 256]
LENGTHS = [1, 2, 7, 100, 128, 1000, 1024, 2048, 4096, 8192, 16384, 32768, 131072, 262144, 1_000_000]
VOCABULARIES = [1, 256, 1000, 32000, 32001, 50257, 100277, 128256, 151936, 256000]
FFN_WIDTHS = [1, 64, 1408, 2560, 4096, "4 * d_model", "3 * d_model", "ceil(8 * d_model / 3)", "max(d_model, 512)"]
FORMATS = ["fp32", "bf16", "fp16", "fp8", "int8", "int4"]
TRIES = 60


def study(number: int) -> tuple[dict[str, Any], Report]:
    """The random study of a number and what it computes to; always the same for the same number."""
    spec = spec_of(number)
    return spec, compute(spec)


def spec_of(number: int) -> dict[str, Any]:
    """The random study of a number as a spec."""
    dice = random.Random(f"study {number}")
    for _ in range(TRIES):
        spec = _spec(dice, number)
        try:
            load_spec(spec)
        except FlopsheetError:
            continue  # runs that do not fit their model, say
        return with_newer(spec, number)
    raise AssertionError(f"no valid study in {TRIES} tries for number {number}")


def _spec(dice: random.Random, number: int) -> dict[str, Any]:
    models = {f"m{at}": _model(dice) for at in range(dice.randint(1, 4))}
    if dice.random() < 0.3:
        models["child"] = {"extends": dice.choice(list(models)), "tie_embeddings": dice.random() < 0.5}
    spec: dict[str, Any] = {
        "version": 1,
        "title": f"random study {number}",
        "context_lengths": dice.sample(LENGTHS, dice.randint(1, 4)),
        "batch_size": dice.choice([1, 1, 2, 3, 64]),
        "weights": dice.choice(FORMATS),
        "kv_cache": dice.choice(FORMATS),
        "conventions": _conventions(dice),
        "models": models,
    }
    if dice.random() < 0.3:
        models["swept"] = {key: value for key, value in models["m0"].items() if key != "extends"}
        models["swept"]["sweep"] = _sweep(dice)
    if dice.random() < 0.25:
        spec |= {key: OWN[key] for key in ("load_factor", "inputs", "metrics")}
    if dice.random() < 0.4:
        spec["expect"] = [{"that": "m0.n_params", "at_least": dice.choice([1, 1e9, 1e12])}]
    if dice.random() < 0.6:
        spec["hardware"] = {"own": _hardware(dice)}
        trained = [name for name in models if name != "swept"]
        kinds = ["own", "h100-sxm", "a100-80gb", "mi300x", "b200"]
        for kind, run in (("training", _training), ("serving", _serving)):
            if dice.random() < 0.7:
                spec[kind] = {f"{kind}-{at}": run(dice, trained, kinds) for at in range(dice.randint(1, 3))}
    return spec


def _sweep(dice: random.Random) -> dict[str, Any]:
    grid = {
        "vocab_size": [1000, 50257],
        "tie_embeddings": [True, False],
        "norm": ["rmsnorm", "layernorm"],
        "final_norm": [True, False],
    }
    return {key: grid[key] for key in dice.sample(list(grid), dice.randint(1, 2))}


def _conventions(dice: random.Random) -> dict[str, Any]:
    said = {}
    for entry in data_model.conventions():
        if dice.random() < 0.4:
            said[entry.name] = dice.choice(entry.choices) if entry.choices else dice.choice([0, 1, 2, 2.5])
    return said


def _model(dice: random.Random) -> Model:
    model: Model = {
        "vocab_size": dice.choice(VOCABULARIES),
        "tie_embeddings": dice.random() < 0.4,
        "norm": dice.choice(["rmsnorm", "layernorm", "layernorm_no_bias", "non_parametric"]),
        "positions": dice.choice(["rotary", "alibi", "none"]),
        "final_norm": dice.random() < 0.8,
        **({"positions": "learned", "max_positions": dice.choice([1, 512, 8192])} if dice.random() < 0.2 else {}),
        **({"pad_vocab_to": dice.choice([64, 128, 1000])} if dice.random() < 0.2 else {}),
        **({"n_extra_positions": 2, "embedding_norm": True, "lm_head_bias": True} if dice.random() < 0.15 else {}),
        **({"d_embedding": dice.choice([1, 64, 512])} if dice.random() < 0.1 else {}),
    }
    if dice.random() < 0.6:
        n_heads, d_head = dice.choice(HEADS), dice.choice(HEAD_WIDTHS)
        return {**model, "n_layers": dice.randint(1, 96), "d_model": n_heads * d_head, **_group(dice, n_heads, d_head)}
    model["d_model"] = dice.choice([1, 64, 640, 1000, 2048, 5120, 12288])
    model["layers"] = [
        {"n_layers": dice.randint(1, 40), **_group(dice, dice.choice(HEADS), dice.choice(HEAD_WIDTHS), is_wide=True)}
        for _ in range(dice.randint(1, 3))
    ]
    return model


def _group(dice: random.Random, n_heads: int, d_head: int, is_wide: bool = False) -> Model:
    """One layer: attention by heads or by latents, a dense FFN or experts."""
    group: Model = {"n_heads": n_heads, "ffn_matrices": dice.choice([2, 3])}
    if dice.random() < 0.2:
        group |= {
            "kv_lora_rank": dice.choice([16, 512]),
            "q_lora_rank": dice.choice([0, 64, 1536]),
            "d_qk_nope": dice.choice([1, 64, 128]),
            "d_qk_rope": dice.choice([1, 32, 64]),
            "d_v": dice.choice([1, 64, 128]),
        }
    else:
        divisors = [count for count in range(1, n_heads + 1) if n_heads % count == 0]
        group |= {"n_kv_heads": dice.choice([*divisors, "n_heads"])}
        group |= {"d_head": d_head} if is_wide or dice.random() < 0.3 else {}
        group |= {"qk_norm": dice.choice(["per_head", "per_head_bias", "full_width"])} if dice.random() < 0.2 else {}
    for flag in ("qkv_bias", "o_bias", "attention_sinks"):
        group |= {flag: True} if dice.random() < 0.15 else {}
    group |= {"window": dice.choice([1, 128, 1024, 4096])} if dice.random() < 0.25 else {}
    group |= {"n_norms": dice.randint(0, 4)} if dice.random() < 0.3 else {}
    if dice.random() < 0.7:
        return {**group, "d_ff": dice.choice(FFN_WIDTHS), "ffn_bias": dice.random() < 0.2}
    n_experts = dice.choice([1, 4, 8, 60, 256])
    shared = dice.choice([0, 0, 1, 2])
    return {
        **group,
        "n_experts": n_experts,
        "n_active_experts": dice.randint(1, min(8, n_experts)),
        "d_expert": dice.choice([1, 768, 2048, "4 * d_model"]),
        "n_shared_experts": shared,
        **({"shared_expert_gate": dice.random() < 0.5} if shared else {}),
        "expert_bias": dice.random() < 0.2,
        "router_bias": dice.random() < 0.2,
    }


def _hardware(dice: random.Random) -> Model:
    peaks = {
        f"peak_flops_{format}": dice.choice([19.5e12, 312e12, 989e12]) for format in (*FORMATS[:4], "tf32", "int8")
    }
    return {
        **peaks,
        "memory_bytes": dice.choice([24e9, 80e9, 192e9]),
        "memory_bandwidth": dice.choice([9e11, 3.35e12, 8e12]),
        "link_bandwidth": dice.choice(["none", 9e11]),
        "power_watts": dice.choice(["none", 350, 700]),
        "matmul_efficiency": dice.choice(["none", 0.5, 0.9]),
        "fused_attention_efficiency": dice.choice(["none", 0.3, 0.8]),
        "price_per_hour": dice.choice(["none", 0, 0.79, 2.5]),
    }


def _training(dice: random.Random, models: list[str], kinds: list[str]) -> Model:
    tensor, stages, data = dice.choice([1, 1, 1, 2]), dice.choice([1, 1, 2, 4]), dice.choice([1, 2, 8, 64])
    context = dice.choice([1, 1, 1, 2])
    run = {
        "model": dice.choice(models),
        "hardware": dice.choice(kinds),
        "context_length": dice.choice([1024, 2048, 8192]),
        "micro_batch_size": dice.choice([1, 2, 4]),
        "n_devices": tensor * stages * data * context,
        "tensor_parallel": tensor,
        "sequence_parallel": tensor > 1 and dice.random() < 0.5,
        "pipeline_parallel": stages,
        "context_parallel": context,
        "zero_stage": dice.choice([0, 1, 2, 3]),
        "n_tokens": dice.choice([300e9, 15e12, "20 * global_batch_size * context_length"]),
        "global_batch_size": f"{dice.choice([1, 4])} * micro_batch_size * data_parallel",
        "assumed_mfu": dice.choice([0.3, 0.5, 1]),
    }
    run |= {"measured_tokens_per_second": dice.choice([1e4, 2.5e6])} if dice.random() < 0.2 else {}
    run |= {"pue": 1.1, "grid_carbon": 0.4, "reserved_bytes": 2e9} if dice.random() < 0.3 else {}
    return run


def _serving(dice: random.Random, models: list[str], kinds: list[str]) -> Model:
    return {
        "model": dice.choice(models),
        "hardware": dice.choice(kinds),
        "n_devices": dice.choice([1, 2, 8]),
        "prompt_length": dice.choice([1, 512, 4096, 130000]),
        "generated_length": dice.choice([1, 256, 1024]),
        "n_sequences": dice.choice([1, 16, 128, "8 * n_devices"]),
        "weight_format": dice.choice(FORMATS),
        "cache_format": dice.choice([*FORMATS, "q8_0", "q4_0"]),
        "compute_format": dice.choice(["bf16", "fp16", "fp8", "int8"]),
        "memory_utilisation": dice.choice([0.5, 0.9, 1]),
        "compute_efficiency": dice.choice([0.5, 1]),
        "bandwidth_efficiency": dice.choice([0.7, 1]),
    }


def said_alone(report: Report, raw: Mapping[str, Any]) -> dict[str, Any]:
    """A spec that says the same with every input where it belongs, so that changing one changes nothing else.

    Nothing is inherited, no default is left to apply; an expression stays one.
    """
    from flopsheet.workbook.sheets.input_folds import is_default

    spec = report.spec
    inputs = report.catalog.inputs

    def plain(given: Mapping[str, Any], skipped: frozenset[str] = frozenset()) -> dict[str, Any]:
        return {
            name: spelled(one.ast) if one.ast is not None else _said(inputs[name], one.value)
            for name, one in given.items()
            if name not in skipped and not (one.ast is not None and is_default(inputs[name], one))
        }

    models: dict[str, Any] = {}
    for model in spec.models:
        if len(model.groups) == 1 and not model.groups[0].name:
            [group] = model.groups
            models[model.name] = plain(model.inputs) | plain(group.inputs, frozenset({"n_group_layers"}))
            continue
        models[model.name] = plain(model.inputs, frozenset({"n_layers"}))
        models[model.name]["layers"] = [
            {"name": group.name, **plain(group.inputs, frozenset({"n_group_layers"}))}
            | {"n_layers": plain(group.inputs)["n_group_layers"]}
            for group in model.groups
        ]
    switches = frozenset(entry.name for entry in data_model.conventions())
    flat = {key: value for key, value in raw.items() if key not in {"defaults", "expect", *spec.study}}
    flat |= plain(spec.study, switches)
    flat["conventions"] = {key: value for key, value in plain(spec.study).items() if key in switches}
    flat["context_lengths"] = [int(length) for length in spec.context_lengths]
    flat["models"] = models
    if spec.runs:
        flat["hardware"] = {device.name: plain(device.inputs) for device in spec.hardware}
    for kind, runs in spec.runs.items():
        flat[kind] = {}
        for run in runs:
            skipped = frozenset({"run_model", *(["context_length"] if kind == "serving" else [])})
            flat[kind][run.name] = {"model": run.model, **plain(run.inputs, skipped)}
    return flat


def _said(entry: Any, value: float | str) -> Any:
    """A value as a spec says it."""
    if entry.absent and value == entry.absent:
        return "none"
    if entry.is_flag:
        return value == "yes"
    return int(value) if isinstance(value, float) and value == int(value) else value


def spelled(node: Any) -> str:
    """An expression as a spec says it, every operation in brackets."""
    from flopsheet.formula import nodes

    match node:
        case nodes.Number(value):
            return repr(int(value) if value == int(value) else value)
        case nodes.Name(name):
            return name
        case nodes.Negative(operand):
            return f"(-{spelled(operand)})"
        case nodes.Operation(symbol, left, right):
            return f"({spelled(left)} {symbol} {spelled(right)})"
        case nodes.Call(function, arguments):
            return f"{function}({', '.join(map(spelled, arguments))})"
    raise AssertionError(node)
