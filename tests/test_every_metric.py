"""Every metric has a number from outside or a law: here those that no other test reaches, and the search for more."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from flopsheet.catalog import load_catalog
from studies import frames_of

GIB = 2**30
TESTS = Path(__file__).parent


def test_every_metric_is_named_by_a_test_or_read_by_one_that_is():
    """Verdicts are held elsewhere: each has an edit that must turn it."""
    catalog = load_catalog()
    words = {word for path in TESTS.glob("*.py") for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    reached = {*catalog.closure(words)}
    unreached = [name for name, metric in catalog.metrics.items() if name not in reached and metric.unit != "verdict"]
    assert unreached == []


# Counted by transformers 5.23.0 and torch 2.13.0, truth/models.json --------------------------------------------------

N = 70_553_706_496  # parameters of Llama-3-70B
EMBEDDING = HEAD = 1_050_673_152
ATTENTION, FFN, NORMS = 12_079_595_520, 56_371_445_760, 1_318_912
S, FORWARD, FFN_WORK = 4096, 613_338_509_737_984, 461_794_883_665_920  # FLOP at 4,096 tokens
SCORES = 43_980_465_111_040  # QKᵀ and PV of them
MIXTRAL, ROUTED, ROUTER, ACTIVE = 46_702_792_704, 45_097_156_608, 1_048_576, 12_879_925_248
CACHE = 1_342_177_280  # bytes of bf16 at 4,096 tokens
LEFT_OUT = FFN_WORK / 3  # one FFN matmul of three
# Hoffmann et al. 2022, appendix F, of D 8192, f 28672, H 64, L 80, V 128256: look-up, Q K V, scores, softmax, values,
# output, FFN of two matmuls, head.
D, F, H, L, V = 8192, 28672, 64, 80, 128256
CHINCHILLA = (2 * S * V * D) + (2 * S * D * V) + L * (
    (2 * 3 * S * D * D) + (2 * S * S * D) + (3 * H * S * S) + (2 * S * S * D) + (2 * S * D * D) + (2 * S * 2 * D * F)
)  # fmt: skip

COUNTED = {
    "n_params_without_embedding": N - EMBEDDING,
    "share_params_embedding": EMBEDDING / N,
    "share_params_attention": ATTENTION / N,
    "share_params_ffn": FFN / N,
    "share_params_norms": NORMS / N,
    "share_params_lm_head": HEAD / N,
    "tying_saves_gib": HEAD * 2 / GIB,  # bf16
    "weight_bytes_fp32": 4 * N,
    "weight_gb_fp32": 4 * N / 1e9,
    "weight_gib_fp32": 4 * N / GIB,
    "weight_bytes_bf16": 2 * N,
    "weight_gb_bf16": 2 * N / 1e9,
    "weight_gib_bf16": 2 * N / GIB,
    "weight_bytes_fp16": 2 * N,
    "weight_gb_fp16": 2 * N / 1e9,
    "weight_gib_fp16": 2 * N / GIB,
    "weight_bytes_8bit": N,
    "weight_gb_8bit": N / 1e9,
    "weight_gib_8bit": N / GIB,
    "weight_bytes_4bit": N / 2,
    "weight_gb_4bit": N / 2 / 1e9,
    "weight_gib_4bit": N / 2 / GIB,
    "kv_cache_bytes_per_token_8bit": 2 * 80 * 8 * 128,  # keys and values of 8 heads of 128 in 80 layers
    "kv_cache_bytes_per_token_4bit": 80 * 8 * 128,
    "flops_forward_per_token": FORWARD / S,
    "weights_and_cache_bytes": 2 * N + CACHE / 4,  # bf16 and int4
    "kv_cache_bytes": CACHE / 4,
    "kv_cache_bytes_bf16": CACHE,
    "kv_cache_gib_bf16": 1.25,
    "kv_cache_bytes_8bit": CACHE / 2,
    "kv_cache_gib_8bit": 0.625,
    "kv_cache_bytes_4bit": CACHE / 4,
    "kv_cache_gib_4bit": 0.3125,
    "flops_weight_products": FORWARD - SCORES,
    "bytes_decode_cache": CACHE / 4,  # every position's keys and values are read for one token
    "bytes_decode_state": 0,  # attention keeps nothing of a fixed size
    "kv_cache_saving_at_context": 64 / 8,  # query heads over key/value heads
    "estimate_6n_difference": 6 * N * S / (3 * FORWARD) - 1,
    "estimate_6n_without_embedding_difference": 6 * (N - EMBEDDING) * S / (3 * FORWARD) - 1,
    "estimate_torchtitan_difference": 6
    * NORMS
    * S
    / (3 * FORWARD),  # torch's count three times, and 6 for each norm weight
    "estimate_chinchilla_difference": 3 * CHINCHILLA / (3 * FORWARD) - 1,
}
COUNTED_OF_MIXTRAL = {
    "share_params_experts": (ROUTED + ROUTER) / MIXTRAL,
    "share_params_active": ACTIVE / MIXTRAL,
}
COUNTED_WITH_TWO_MATMULS = {
    "flops_ffn_architecture": FFN_WORK,
    "tflop_forward_architecture": FORWARD / 1e12,
    "share_ffn_left_out": LEFT_OUT / (FORWARD - LEFT_OUT),
}
# Of the largest forward pass, in TFLOP.
LARGEST = {
    "largest_tflop": (FORWARD - LEFT_OUT) / 1e12,
    "largest_tflop_architecture": FORWARD / 1e12,
    "largest_ffn_left_out": LEFT_OUT / (FORWARD - LEFT_OUT),
}


@cache
def counted(ffn_matmuls="architecture"):
    models = {name: {"model": name} for name in ("mixtral-8x7b", "llama-3-70b")}
    spec = {"version": 1, "context_lengths": [S], "weights": "bf16", "kv_cache": "int4", "models": models}
    return frames_of(spec | {"conventions": {"ffn_matmuls": ffn_matmuls}})


def value(frames, model, metric):
    """A number of a model, or of its scenario at the one context length."""
    grain = load_catalog().metrics[metric].grain
    return frames[grain].loc[model if grain == "model" else (model, S), metric]


@pytest.mark.parametrize("metric", COUNTED)
def test_a_number_of_llama_3_70b_is_what_others_count(metric):
    assert value(counted(), "llama-3-70b", metric) == pytest.approx(COUNTED[metric], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("metric", COUNTED_OF_MIXTRAL)
def test_a_number_of_mixtral_is_what_others_count(metric):
    assert value(counted(), "mixtral-8x7b", metric) == pytest.approx(COUNTED_OF_MIXTRAL[metric], rel=1e-12)


@pytest.mark.parametrize("metric", COUNTED_WITH_TWO_MATMULS)
def test_a_convention_that_leaves_a_matmul_out_says_how_much(metric):
    assert value(counted(2), "llama-3-70b", metric) == pytest.approx(COUNTED_WITH_TWO_MATMULS[metric], rel=1e-12)


@pytest.mark.parametrize("metric", LARGEST)
def test_what_is_left_out_of_the_largest_forward_pass(metric):
    assert counted(2)["context"].loc[S, metric] == pytest.approx(LARGEST[metric], rel=1e-12)


def test_what_is_left_out_is_told_in_words():
    # By hand: 613.338509… − 461.794883…/3 = 459.406881…; 153.931627… / 459.406881… = 33.506 %.
    assert [counted(count)["context"].loc[S, "ffn_count_words"] for count in (2, "architecture")] == [
        "Parameters count every FFN matrix, FLOPs only two (ffn_matmuls): llama-3-70b at 4,096 tokens takes 459.407 "
        "TFLOP as counted, 613.339 consistently, 33.5 % more.",
        "Parameters and FLOPs of llama-3-70b count the same FFN matrices.",
    ]


def test_a_trend_with_size_is_told_only_where_the_largest_forward_pass_is_that_of_the_largest_model():
    # By hand: 12 · D² parameters a layer, 100 · D of a tied table, 2 · 3,000 · D of one that is not.
    plain = {"vocab_size": 100, "ffn": "gelu", "tie_embeddings": True, "n_heads": 1}
    plain |= {"norm": "non_parametric", "final_norm": False}
    small, large = ({**plain, "n_layers": at, "d_model": 64 * at, "d_ff": 256 * at} for at in (1, 2))
    wordy = {**small, "vocab_size": 3_000, "tie_embeddings": False}
    counts = 12 * 64**2 + 100 * 64, 24 * 128**2 + 100 * 128, 12 * 64**2 + 2 * 3_000 * 64
    names = ["trend_params_from", "trend_params_to", "trend_params_least", "trend_params_most", "trend_words"]
    found = [
        frames_of({"version": 1, "context_lengths": [16], "models": models})["context"].loc[16, names].tolist()
        for models in ({"small": small, "large": large}, {"wordy": wordy, "large": large})
    ]
    assert found == [
        [counts[0], counts[1], counts[0], counts[1], found[0][-1]],
        [counts[2], counts[1], counts[1], counts[2], found[1][-1]],
    ]
    assert [words.split(",")[0] for *_, words in found] == ["With size (small to large", "At 16 tokens"]


SWITCHES = {
    "attention_pairs": ["full", "causal_half", "causal_exact"],
    "sliding_window": ["honoured", "ignored"],
    "ffn_matmuls": ["architecture", 2],
    "lm_head": ["counted", "left_out"],
    "lm_head_positions": ["all", "last"],
    "non_matmul": ["left_out", "counted"],
}
# Under each, another switch makes the least and the most of it.
BASES = [{}, {"sliding_window": "ignored"}, {"attention_pairs": "causal_half"}, {"lm_head_positions": "last"}]


@pytest.mark.parametrize("base", BASES, ids=str)
def test_the_spread_of_conventions_is_that_of_the_study_with_one_switch_changed(base):
    model = {"n_layers": 4, "d_model": 64, "n_heads": 4, "ffn": "swiglu"}
    widths = {"attention": (100, 64, 100), "head": (50_000, 64, 900), "ffn": (100, 8192, 900)}
    models = {
        name: model | {"vocab_size": vocabulary, "d_ff": d_ff, "window": window}
        for name, (vocabulary, d_ff, window) in widths.items()
    }
    spec = {"version": 1, "context_lengths": [1000], "models": models}
    changed = [base, *(base | {switch: choice} for switch, choices in SWITCHES.items() for choice in choices)]
    found = [frames_of(spec | {"conventions": conventions})["scenario"] for conventions in changed]
    work = np.array([frame["flops_forward"] for frame in found])
    assert found[0]["spread_of_conventions"].tolist() == pytest.approx(work.max(axis=0) / work.min(axis=0), rel=1e-12)


def test_layers_for_further_tokens_are_counted_by_group_as_by_model():
    # DeepSeek-V3, arXiv:2412.19437, section 2.2: one module that predicts one token more.
    model = {"extends": "deepseek", "n_mtp_layers": 1}
    models = {"deepseek": {"model": "deepseek-v3"}, "mtp": model}
    frames = frames_of({"version": 1, "context_lengths": [S], "models": models})
    assert frames["model"]["n_mtp_layers_of_groups"].tolist() == [0, 1]


def test_a_window_keeps_its_positions_and_full_attention_all_of_them():
    model = {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    models = {"full": model, "windowed": model | {"window": 1000}}
    layers = frames_of({"version": 1, "context_lengths": [S], "models": models})["layer_run"]
    assert layers["n_cached_positions"].tolist() == [S, 1000]


# Su et al. 2021, arXiv:2104.09864: 4 multiplications and 2 additions turn a pair. Latent attention turns d_qk_rope of
# each query head and of one key that all heads share (DeepSeek-V2, arXiv:2405.04434, equations 14 and 15).
TURNED = {"llama-3-70b": 80 * (64 + 8) * 128, "deepseek-v3": 61 * (128 + 1) * 64}  # elements of a token


@pytest.mark.parametrize("model", TURNED)
def test_rotary_positions_cost_three_flop_for_each_element_that_is_turned(model):
    models = {"turned": {"model": model}, "plain": {"extends": "turned", "positions": "none"}}
    spec = {"version": 1, "context_lengths": [S], "conventions": {"non_matmul": "counted"}, "models": models}
    work = frames_of(spec)["scenario"]["flops_forward"]
    assert work["turned", S] - work["plain", S] == 3 * S * TURNED[model]


# The AdamW exercise of GPT-2 XL: published a 15,517,753,344 and b 34,032,921,600 bytes -------------------------------

A, B, XL = 15_517_753_344, 34_032_921_600, 2_127_057_600
LOGITS = 4 * (1024 * 1600 + 2 * 1024 * 50257)  # the exercise's list: SD + 2SV numbers of fp32
ADAMW = {
    "device_gb": (A + B) / 1e9,
    "capacity_gb": 80,
    "capacity_gib": 80e9 / GIB,
    "margin_share": (80e9 - A - B) / 80e9,
    "weight_gib_device": 4 * XL / GIB,
    "gradient_gib_device": 4 * XL / GIB,
    "optimizer_gib_device": 8 * XL / GIB,  # two moments, no master weights beside fp32
    "activation_gib_device": (A - LOGITS) / GIB,
    "logits_gib_device": LOGITS / GIB,
    "tokens_per_param": 400_000 * 1024 * 1024 / XL,
    "tokens_against_chinchilla": 400_000 * 1024 * 1024 / XL / 20,
    "double_batch_bytes": A,
    "double_batch_margin_bytes": 80e9 - 2 * A - B,
}
EXERCISE = {
    "model": "xl", "hardware": "box", "context_length": 1024, "global_batch_size": 1024, "precision": "fp32",
    "n_tokens": "400000 * global_batch_size * context_length", "attention_kernel": "eager",
    "activation_method": "textbook",
}  # fmt: skip


def exercise(**run):
    """The exercise's run as a row, and with other inputs."""
    model = {"n_layers": 48, "d_model": 1600, "n_heads": 25, "vocab_size": 50257, "ffn": "swiglu", "d_ff": 6400}
    spec = {"version": 1, "context_lengths": [1024], "models": {"xl": model}, "training": {"run": EXERCISE | run}}
    spec["hardware"] = {"box": {"extends": "a100-80gb", "memory_bytes": 80e9}}
    return frames_of(spec)["training_run"].loc["run"]


@pytest.mark.parametrize("metric", ADAMW)
def test_a_number_of_the_adamw_exercise_comes_out(metric):
    assert exercise()[metric] == pytest.approx(ADAMW[metric], rel=1e-12)


def test_a_reserve_is_part_of_the_device():
    plain, reserving = exercise(), exercise(reserved_bytes=2 * GIB)
    assert (reserving["reserved_gib_device"], reserving["device_gib"]) == (2, plain["device_gib"] + 2)


@pytest.mark.parametrize("micro", [1, 2, 4])
def test_a_doubled_micro_batch_adds_what_is_said(micro):
    once, twice = exercise(micro_batch_size=micro), exercise(micro_batch_size=2 * micro)
    assert [once["device_bytes"] + once["double_batch_bytes"], once["double_batch_margin_bytes"]] == [
        twice["device_bytes"],
        twice["margin_bytes"],
    ]


def test_a_doubled_context_costs_what_is_said_per_token():
    once, twice = exercise(), exercise(context_length=2048)
    assert once["double_context_work"] == pytest.approx(twice["flops_per_token"] / once["flops_per_token"], rel=1e-12)


# Serving: round figures ----------------------------------------------------------------------------------------------

# Llama-3-70B keeps 327,680 bytes of bf16 per token (arXiv:2505.09343, table 1, of the same widths), so eight sequences
# of 4,096 keep 10 GiB; two devices of 100 GB, nine tenths of which may be used; the ridge is at 100 FLOP/B.
#
# Each device has half of every matrix and of the cache, all norms, 0.35 GiB of reserve, and for the chunk of 4,000
# tokens three residual streams and half of three widths of the FFN, of 16 bits.
NORMS = 161 * 8192
DEVICE_WEIGHTS = 2 * ((N - NORMS) / 2 + NORMS)
WORKSPACE = 2 * 4000 * (3 * 8192 + 3 * 28672 / 2)
DEVICE = DEVICE_WEIGHTS + 5 * GIB + WORKSPACE + int(0.35 * GIB)
CHAT = {
    "served_gib": 2 * N / GIB + 10,
    "served_weight_gib": 2 * N / GIB,
    "served_cache_gib": 10,
    "served_capacity_gib": 180e9 / GIB,
    "served_weight_gib_device": DEVICE_WEIGHTS / GIB,
    "served_cache_gib_device": 5,
    "served_workspace_gib_device": WORKSPACE / GIB,
    "served_reserved_gib_device": int(0.35 * GIB) / GIB,
    "served_gib_device": DEVICE / GIB,
    "served_capacity_gib_device": 90e9 / GIB,
    "served_margin_share": (90e9 - DEVICE) / 90e9,
    "context_at_1": 512,
    "context_at_2": 1024,
    "context_at_3": 2048,
    "context_at_4": 4096,
    "context_at_5": 8192,
    "context_at_6": 16384,
    "cache_gib_at_1": 1.25,
    "cache_gib_at_2": 2.5,
    "cache_gib_at_3": 5,
    "cache_gib_at_4": 10,
    "cache_gib_at_5": 20,
    "cache_gib_at_6": 40,
    "roof_intensity_1": 0.1,
    "roof_intensity_2": 100,
    "roof_intensity_3": 1e6,
    "roof_flops_1": 1e11,
    "roof_flops_2": 1e14,
    "roof_flops_3": 1e14,
}


def serving(model, **run):
    """A serving run on two devices of round figures, as a row."""
    base = {
        "model": "m", "hardware": "round", "prompt_length": 4000, "generated_length": 96, "n_sequences": 8,
        "n_devices": 2, "memory_utilisation": 0.9, "compute_efficiency": 1, "bandwidth_efficiency": 1,
    }  # fmt: skip
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": model}, "serving": {"run": base | run}}
    spec["hardware"] = {"round": {"peak_flops_bf16": 100e12, "memory_bytes": 100e9, "memory_bandwidth": 1e12}}
    return frames_of(spec)


@pytest.mark.parametrize("metric", CHAT)
def test_a_number_of_a_chat_comes_out(metric):
    found = serving({"model": "llama-3-70b"})["serving_run"].loc["run", metric]
    assert found == pytest.approx(CHAT[metric], rel=1e-12)


def test_a_window_keeps_itself_at_every_length_of_the_chart():
    # 2 layers, keys and values of 1,000: 4,000 values per position, of 1,000 positions at most; lengths 512 to 16,384.
    model = {"n_layers": 2, "d_model": 1000, "n_heads": 10, "d_ff": 4000, "ffn": "gelu", "vocab_size": 1000}
    layer = serving(model | {"window": 1000})["serving_layer"].iloc[0]
    names = [f"cache_values_at_{at}" for at in (1, 2, 3, 5, 6)]
    assert layer[names].tolist() == [4000 * 512, *[4000 * 1000] * 4]


@pytest.mark.parametrize("prompt", [8, 80, 800, 8000])  # bound by memory, then by compute
def test_a_prefill_takes_its_work_over_what_a_device_achieves(prompt):
    run = serving({"model": "llama-3-70b"}, prompt_length=prompt)["serving_run"].loc["run"]
    seconds = 8 * run["flops_prefill_needed"] / (2 * run["prefill_achieved"])
    assert (run["prefill_seconds"], run["prefill_achieved"] <= 100e12) == (pytest.approx(seconds, rel=1e-12), True)
