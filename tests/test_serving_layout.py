"""What each device of a serving run holds, against servers' logs and what their layouts say."""

from __future__ import annotations

import json
import random
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import strategies as st

from flopsheet import SpecError
from flopsheet.importers.huggingface import to_inputs
from studies import frames_of, frames_of_each
from test_layer_order import spread, unevenness
from test_run_laws import law, models, rising, serving_runs

GIB = 2**30
# The config.json of meta-llama/Llama-3.1-8B counts as that of 3.
LLAMA, DEEPSEEK = {"model": "llama-3-8b"}, {"model": "deepseek-v3"}
CARD = {"card": {"extends": "rtx-3090", "memory_bytes": round(23.58 * GIB)}}
# vLLM's log below: memory outside of PyTorch, and the tables of rotary positions that count among the weights there
# (14.9888 GiB), 131,072 × 128 numbers of 16 bits.
RESERVED = round(0.35 * GIB) + 131_072 * 128 * 2
H200 = {"round": {"extends": "h200", "memory_bytes": 141e9}}


SERVED = {"model": "m", "hardware": "h200", "prompt_length": 4095, "generated_length": 1}


def served(model, devices=None, **runs):
    """The frames of serving runs of one model `m`, by name."""
    kind = {"hardware": next(iter(devices or {"h200": {}}))}
    serving = {name: SERVED | kind | run for name, run in runs.items()}
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": model}, "serving": serving}
    return frames_of(spec | {"hardware": devices or {}})


def run_of(model, devices=None, **run):
    """One serving run as a row."""
    return served(model, devices, run=run)["serving_run"].loc["run"]


# Workspace -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    # peak_torch_memory less the weights that were loaded.
    ("tokens", "gib"),
    [(20_000, 17.06 - 14.9888), (29_000, 17.98 - 14.9888)],
)
def test_activations_of_a_chunk_are_what_vllm_profiles(tokens, gib):
    # vLLM, issue 10517: Llama-3.1-8B on an RTX 3090.
    found = run_of(LLAMA, CARD, prompt_length=tokens - 1, chunk_length=tokens)
    assert found["served_activation_bytes_device"] / GIB == pytest.approx(gib, rel=0.006)


def test_29000_tokens_are_refused_on_a_card_that_holds_23648():
    # The same log: "max seq len (29000) is larger than … KV cache (23648)".
    found = run_of(
        LLAMA, CARD, memory_utilisation=0.9, prompt_length=28_999, chunk_length=29_000, reserved_bytes=RESERVED
    )
    assert [found["served_fits"], found["longest_context"]] == [False, pytest.approx(23_648, rel=0.005)]


def test_20000_tokens_fit_the_card_that_refuses_29000():
    # The same log: 1,952 blocks of 16 tokens.
    found = run_of(
        LLAMA, CARD, memory_utilisation=0.9, prompt_length=19_999, chunk_length=20_000, reserved_bytes=RESERVED
    )
    assert [found["served_fits"], found["kv_cache_tokens"]] == [True, pytest.approx(1952 * 16, rel=0.01)]


# Cache ---------------------------------------------------------------------------------------------------------------


def test_a_latent_cache_is_held_by_every_tensor_parallel_device():
    # 0.9 · 141e9 less an eighth of 671e9 weights, and seven more of the projections into the latents, 7,168 · (1,536 +
    # 576) in each of 61 layers, hold 600,719 tokens of 70,272 bytes, 73.3 sequences of 8,192; norms and routers on
    # every device take 0.2 % of them, and logits of sampling 5 MB of each sequence's 576.
    layout = {"n_devices": 8, "weight_format": "fp8", "memory_utilisation": 0.9, "reserved_bytes": 0}
    found = run_of(DEEPSEEK, H200, **layout, prompt_length=8191, chunk_length=1)
    assert found[["longest_context", "largest_batch"]].tolist() == [
        pytest.approx(600_719, rel=0.003), pytest.approx(73, abs=1),
    ]  # fmt: skip


@pytest.mark.parametrize(("tensor", "heads"), [(1, 8), (2, 4), (8, 1), (16, 1), (64, 1)])
def test_a_device_keeps_a_whole_key_value_head_at_least(tensor, heads):
    found = run_of({"model": "llama-3-70b"}, n_devices=tensor)
    assert found["served_cache_bytes_device"] == 4096 * heads * 2 * 128 * 2 * 80


def test_attention_data_parallel_groups_hold_the_caches_of_different_sequences():
    layout = {"n_devices": 8, "expert_parallel": 8, "n_sequences": 64, "weight_format": "fp8"}
    found = served(DEEPSEEK, tensor=layout, data=layout | {"tensor_parallel": 1, "attention_data_parallel": 8})
    assert found["serving_run"]["served_cache_bytes_device"].tolist() == [64 * 4096 * 70_272, 8 * 4096 * 70_272]


def test_replicas_share_the_sequences():
    found = run_of(LLAMA, n_devices=8, tensor_parallel=2, n_sequences=30)
    # Of 4 replicas one has 8 of 30 sequences; a device holds half of their heads.
    assert [found["n_replicas"], found["served_cache_bytes_device"]] == [4, 8 * 4096 * 131_072 / 2]


@pytest.mark.parametrize(("length", "gb"), [(4096, 0.398), (8192, 0.482), (32_768, 0.986), (131_072, 2.999)])
def test_gemma_4_keeps_a_micro_batch_beside_its_windows(length, gb):
    # llama.cpp's log of Gemma-4-26B-A4B: 5 global layers, 25 of 1,024 + 512 rows.
    run = {"prompt_length": length - 1, "chunk_length": 512, "window_cache": "window_and_chunk"}
    found = run_of({"model": "gemma-4-26b-a4b"}, **run)
    assert found["served_cache_bytes_per_sequence"] / 1e9 == pytest.approx(gb, abs=0.0005)


def test_the_memory_of_the_cache_may_be_a_logs():
    # vLLM, issue 10517: kv_cache_size=2.89GiB is 1,478 blocks of 16 tokens, 131,072 bytes each.
    found = run_of(LLAMA, CARD, cache_memory_gib=2.89)
    assert found["kv_cache_tokens"] == pytest.approx(1478 * 16, rel=0.005)


CONFIGS = {
    model["name"]: model["config"]
    for file in ("more_models", "models_2026")
    for model in json.loads((Path(__file__).parent / "truth" / f"{file}.json").read_text("utf-8"))["models"]
}


@pytest.mark.parametrize(
    # Tokens that the cache of one device holds and the GiB that they take (SGLang writes GB and means GiB); bytes of a
    # token beside those of its keys and values.
    ("model", "devices", "cache", "tokens", "gib", "beside"),
    [
        # SGLang, in vLLM's issue 21348: Qwen3-235B-A22B-FP8, 4 H100: "K size: 8.23 GB, V size: 8.23 GB".
        ("qwen3-235b-a22b", 4, "bf16", 367_404, 2 * 8.23, 0),
        # SGLang, a public log of 26 February 2026: Kimi-K2.5, each of TP0 to TP7 says "KV size: 160.63 GB".
        ("moonshotai--Kimi-K2.5", 8, "bf16", 2_454_421, 160.63, 0),
        # SGLang, pull request 11309: DeepSeek-V3.2-Exp, attention data parallel, indexer included. Of each layer 64
        # positional values have 16 bits; 4 scales of the latent and one of the indexer have 4 bytes.
        ("deepseek-ai--DeepSeek-V3.2", 1, "fp8", 975_424, 43.67, 61 * (64 + 16 + 4)),
        # TensorRT-LLM, issue 4275: Llama-3.1-8B, --kv_cache_dtype fp8, RTX 5090.
        ("llama-3-8b", 1, "fp8", 263_008, 16.05, 0),
        # TensorRT-LLM, issue 6294: Llama-3.1-8B-FP8, H100.
        ("llama-3-8b", 1, "fp8", 860_320, 52.51, 0),
        # TensorRT-LLM, issue 1188: Qwen2.5-Coder-0.5B, A4000, weights alone in int8.
        ("qwen2.5-0.5b", 1, "bf16", 395_776, 4.53, 0),
    ],
)
def test_the_cache_of_a_device_takes_what_sglang_and_tensorrt_llm_log(model, devices, cache, tokens, gib, beside):
    inputs = to_inputs(CONFIGS[model]) if model in CONFIGS else {"model": model}
    found = run_of(inputs, n_devices=devices, cache_format=cache)
    # Printed to a hundredth; for Qwen3 twice, for keys and for values.
    assert tokens * (found["kv_cache_token_bytes_device"] + beside) / GIB == pytest.approx(gib, abs=0.01)


def test_what_is_most_of_the_memory_is_said():
    few, many = {"chunk_length": 1}, {"chunk_length": 1, "n_sequences": 1000}
    found = served(LLAMA, few=few, many=many, chunk={"chunk_length": 10**6})["serving_run"]
    assert found["served_largest_class"].tolist() == ["weights", "cache", "workspace"]


# Unlike layers of a stage ---------------------------------------------------------------------------------------------

GEMMA = {"model": "gemma-3-27b"}  # 52 layers with a window of 1,024 and 10 without; 16 heads of 128, K and V, 2 bytes
LONG = {"prompt_length": 29_999, "n_sequences": 16, "tensor_parallel": 1}


@pytest.mark.parametrize(
    ("model", "stages", "whole", "windows"),
    [
        (GEMMA, 1, 10, 52),
        # Of 31 layers 5 are without a window, 31 · 10 / 62, of 16 layers 3, 160 / 62 rounded up.
        (GEMMA | {"n_uneven_layers": 0}, 2, 5, 26),
        (GEMMA | {"n_uneven_layers": 0}, 4, 3, 13),
        # Every sixth is, so that some 31 in a row have 6: config.json of google/gemma-3-27b-pt, one more than even.
        (GEMMA, 2, 6, 25),
        (GEMMA, 4, 4, 12),
        (GEMMA | {"layer_order": "any"}, 2, 10, 52),  # at most the whole cache: no more is known
    ],
)
def test_a_stage_of_interleaved_layers_keeps_an_even_share_of_the_long_caches(model, stages, whole, windows):
    found = run_of(model, n_devices=stages, pipeline_parallel=stages, **LONG)
    by_hand = 16 * (2 * 16 * 128 * 2) * (whole * 30_000 + windows * 1024)
    assert found["served_cache_bytes_device"] == by_hand


def test_the_longest_context_of_a_stage_of_interleaved_layers_fits_it_but_for_its_windows():
    """6 layers without a window and up to 27 with one: 2 windows more than 31 layers have, 2 · 1,024 / 6 positions."""
    layout = {"n_devices": 2, "pipeline_parallel": 2, "chunk_length": 1, "reserved_bytes": 0}
    most = int(run_of(GEMMA, **LONG, **layout)["longest_context"])
    at, beyond = (run_of(GEMMA, **LONG | {"prompt_length": most - 1 + more}, **layout) for more in (0, 342))
    assert [at["served_fits"], beyond["served_fits"]] == [True, False]


def test_a_stage_of_interleaved_layers_has_an_even_share_of_the_experts():
    # config.json of nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B: 23 Mamba, 23 expert and 6 attention layers; an even share of
    # 26 layers is 12, 12 and 3, one more each makes 30, of which 4 are too many: at most those of the lightest layer.
    found = served({"model": "nemotron-3-nano-30b-a3b"}, run={"n_devices": 2, "tensor_parallel": 1,
                                                              "pipeline_parallel": 2})  # fmt: skip
    d, mamba_width = 2688, 64 * 64
    channels = mamba_width + 2 * 8 * 128
    mamba = d * (mamba_width + channels + 64) + mamba_width * d + 5 * channels + 3 * 64 + mamba_width + d
    experts = 128 * 2 * d * 1856 + 2 * d * 3712 + 128 * d + d
    attention = 2 * d * 32 * 128 + 2 * d * 2 * 128 + d
    head = 131_072 * d + d
    layers = found["serving_layer"].loc["run", "served_weight_bytes_layer"].tolist()
    assert layers == pytest.approx([2 * mamba, 2 * experts, 2 * attention], rel=1e-4)  # biases of the router and others
    lightest = min(mamba, attention)
    by_hand = 2 * (13 * mamba + 13 * experts + 4 * attention - 4 * lightest + head)
    assert found["serving_run"].loc["run", "served_weight_bytes_device"] == pytest.approx(by_hand, rel=1e-4)


def test_no_order_of_layers_needs_more_on_a_stage_than_its_unevenness_says():
    dice, cases = random.Random(7), []
    for at in range(16):
        kinds = [dice.randint(1, 16) for _ in range(dice.choice([2, 3, 4]))]
        pattern = spread(kinds)
        if at % 2:
            dice.shuffle(pattern)
        cases.append((kinds, pattern, dice.choice([n for n in (2, 3, 4, 5) if n <= sum(kinds)])))
    # Of each kind the width of the FFN and the window; the weights of a layer are 4 · 512² + 3 · 512 · width.
    widths, windows = [512, 2048, 8192, 1024], [512, 4096, 64, 1024]
    studies = []
    for kinds, pattern, stages in cases:
        groups = [
            {"name": f"kind {at}", "n_layers": n, "d_ff": widths[at], "window": windows[at]}
            for at, n in enumerate(kinds)
        ]
        model = {"d_model": 512, "n_heads": 8, "ffn": "swiglu", "vocab_size": 512, "n_norms": 0, "layers": groups,
                 "final_norm": False, "layer_order": "interleaved", "n_uneven_layers": unevenness(pattern)}  # fmt: skip
        run = SERVED | {"model": "m", "n_devices": stages, "tensor_parallel": 1, "pipeline_parallel": stages}
        orders = {"m": model, "any": model | {"layer_order": "any"}}
        runs = {f"run {name}": run | {"model": name} for name in orders}
        studies.append({"version": 1, "context_lengths": [1024], "models": orders, "serving": runs})
    wrong = []
    for case, found in zip(cases, frames_of_each(studies), strict=True):
        told, worst = (found["serving_run"].loc[f"run {name}"] for name in ("m", "any"))
        _, pattern, stages = case
        n = -(-len(pattern) // stages)
        for name, of_a_kind in (
            ("served_weight_bytes_device", [2 * (4 * 512**2 + 3 * 512 * width) for width in widths]),
            ("served_cache_bytes_device", [2 * 2 * 512 * min(window, 4096) for window in windows]),
        ):
            sums = [0, *accumulate(of_a_kind[kind] for kind in pattern)]
            most = max(sums[end] - sums[end - n] for end in range(n, len(sums)))
            most += 2 * 512 * 512 if name == "served_weight_bytes_device" else 0  # the embedding or the head
            wrong += [] if most <= told[name] <= worst[name] else [(case, name, most, told[name], worst[name])]
    assert wrong == []


# Layouts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"n_devices": 3}, "tensor_parallel 3 does not divide the 32 heads; write one of 1, 2, 4, 8, 16, 32"),
        ({"n_devices": 100_000}, "tensor_parallel 100,000 does not divide the 32 heads"),
        ({"n_devices": 12, "tensor_parallel": 8}, "n_devices 12 is not divisible by tensor 8 · pipeline 1"),
        ({"n_devices": 3, "pipeline_parallel": 2}, "n_devices 3 is not divisible by tensor 1 · pipeline 2"),
        ({"n_devices": 64, "pipeline_parallel": 64}, "64 stages are more than the 32 layers"),
        ({"n_devices": 8, "expert_parallel": 8}, "expert_parallel is 8, but the model has no experts to share"),
    ],
    ids=["heads", "many", "devices", "left over", "stages", "experts"],
)
def test_an_impossible_layout_is_refused_with_those_that_are_possible(run, message):
    with pytest.raises(SpecError) as told:
        run_of(LLAMA, **run)
    assert message in str(told.value)


@law(model=models(), way=st.sampled_from(["tensor_parallel", "pipeline_parallel", "expert_parallel"]))
def test_more_shards_never_need_more_memory_per_device(model, way):
    if way == "expert_parallel" and "n_experts" not in str(model):
        way = "tensor_parallel"
    fixed = {"expert_parallel": {"n_devices": 8, "tensor_parallel": 8}, "pipeline_parallel": {"tensor_parallel": 1}}
    runs = [SERVED | {"n_sequences": 8, "n_devices": n, way: n} | fixed.get(way, {}) for n in (8, 4, 2, 1)]
    found = yield serving_runs(model | {"tie_embeddings": False}, *runs)
    assert rising(found["served_bytes_device"])
    assert rising(found["longest_context"][::-1])
    assert rising(found["largest_batch"][::-1])


@law(model=models())
def test_one_device_holds_the_weights_and_the_cache_of_the_model(model):
    found = yield serving_runs(model, SERVED, SERVED | {"tensor_parallel": 1, "pipeline_parallel": 1})
    for name in ("served_weight_bytes", "served_cache_bytes"):
        assert found[f"{name}_device"].tolist() == pytest.approx(found[name].tolist(), rel=1e-12)
    alone, said = (row for _, row in found.iterrows())
    assert alone.equals(said)


# Prefix hits ---------------------------------------------------------------------------------------------------------


def test_a_prefix_in_the_cache_is_not_computed():
    # Of 4,000 positions the last 1,000 see 4,000 · 4,001 / 2 − 3,000 · 3,001 / 2 pairs; without an FFN or head no other
    # work grows with the prompt than four products of 1,000².
    model = {"n_layers": 1, "d_model": 1000, "n_heads": 10, "ffn": "none", "vocab_size": 1000, "n_norms": 1}
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": model}, "hardware": {}, "serving": {}}
    spec["conventions"] = {"lm_head": "left_out", "attention_pairs": "causal_exact"}
    run = {"model": "m", "hardware": "h200", "prompt_length": 4000, "generated_length": 1, "prefix_hit_rate": 0.75}
    found = frames_of(spec | {"serving": {"run": run}})["serving_run"].loc["run"]
    pairs = 4000 * 4001 // 2 - 3000 * 3001 // 2
    assert found["flops_prefill"] == 1000 * 4 * 2 * 1000**2 + 4 * 1000 * pairs


def test_at_least_the_last_token_is_computed():
    assert run_of(LLAMA, prefix_hit_rate=1)["computed_prompt_length"] == 1
