"""What must hold of any architecture: attention with and without latents, windows, experts, biases, norms, padding."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies import frames_of

SWITCHES = {
    "attention_pairs": ["full", "causal_half", "causal_exact"],
    "sliding_window": ["honoured", "ignored"],
    "ffn_matmuls": ["architecture", 2],
    "lm_head": ["counted", "left_out"],
    "lm_head_positions": ["all", "last"],
    "non_matmul": ["left_out", "counted"],
}
PAIRS_AND_WINDOWS = [
    {"attention_pairs": pairs, "sliding_window": window}
    for pairs in SWITCHES["attention_pairs"]
    for window in SWITCHES["sliding_window"]
]
few = settings(max_examples=12, deadline=None)
lengths = st.integers(1, 10_000)
batches = st.integers(1, 64)
conventions = st.fixed_dictionaries({switch: st.sampled_from(values) for switch, values in SWITCHES.items()})


@st.composite
def shared_heads(draw):
    """Multi-head, grouped-query or multi-query attention, with all that it may have besides."""
    n_kv_heads = draw(st.integers(1, 4))
    return {
        "n_kv_heads": n_kv_heads,
        "n_heads": n_kv_heads * draw(st.integers(1, 4)),
        "d_head": draw(st.integers(1, 64)),
        "window": draw(st.just(0) | st.integers(1, 5000)),
        "qkv_bias": draw(st.booleans()),
        "o_bias": draw(st.booleans()),
        "qk_norm": draw(st.sampled_from(["none", "per_head", "per_head_bias", "full_width"])),
        "attention_sinks": draw(st.booleans()),
    }


@st.composite
def latents(draw):
    """Multi-head latent attention."""
    return {
        "kind": "mla",
        "n_heads": draw(st.integers(1, 8)),
        "q_lora_rank": draw(st.integers(0, 64)),
        "kv_lora_rank": draw(st.integers(1, 64)),
        "d_qk_nope": draw(st.integers(1, 64)),
        "d_qk_rope": draw(st.integers(1, 64)),
        "d_v": draw(st.integers(1, 64)),
        "window": draw(st.just(0) | st.integers(1, 5000)),
        "qkv_bias": draw(st.booleans()),
        "o_bias": draw(st.booleans()),
    }


@st.composite
def dense(draw):
    return {"d_ff": draw(st.integers(1, 1024)), "ffn_bias": draw(st.booleans())}


@st.composite
def mixtures(draw):
    n_experts, n_shared = draw(st.integers(1, 16)), draw(st.integers(0, 2))
    moe = {
        "n_experts": n_experts,
        "n_active_experts": draw(st.integers(1, n_experts)),
        "d_expert": draw(st.integers(1, 256)),
        "n_shared_experts": n_shared,
        "d_shared_expert": draw(st.integers(1, 256)),
        "shared_expert_gate": n_shared > 0 and draw(st.booleans()),
        "expert_bias": draw(st.booleans()),
        "router_bias": draw(st.booleans()),
    }
    return {"moe": moe}


@st.composite
def layer_groups(draw, attention, ffn):
    matrices, norms = draw(st.sampled_from([2, 3])), draw(st.integers(0, 4))
    said = {"n_layers": draw(st.integers(1, 8)), "ffn_matrices": matrices, "n_norms": norms}
    return said | {"attention": draw(attention)} | draw(ffn)


@st.composite
def models(draw, attention, ffn, most_groups, **fixed):
    d_model = draw(st.integers(1, 256))
    wholes = {
        "d_model": d_model,
        "vocab_size": draw(st.integers(1, 60_000)),
        "pad_vocab_to": draw(st.sampled_from([1, 64, 1000])),
        "d_embedding": draw(st.just(d_model) | st.integers(1, 256)),
        "tie_embeddings": draw(st.booleans()),
        "positions": draw(st.sampled_from(["rotary", "learned", "alibi", "none"])),
        "max_positions": draw(st.integers(1, 4096)),
        "n_extra_positions": draw(st.sampled_from([0, 2])),
        "norm": draw(st.sampled_from(["rmsnorm", "layernorm", "layernorm_no_bias", "non_parametric"])),
        "final_norm": draw(st.booleans()),
        "embedding_norm": draw(st.booleans()),
        "lm_head_bias": draw(st.booleans()),
    }
    groups = st.lists(layer_groups(attention, ffn), min_size=1, max_size=most_groups)
    return wholes | {key: choose() if callable(choose) else choose for key, choose in fixed.items()} | {
        "layers": draw(groups)
    }


anything = (shared_heads() | latents(), dense() | mixtures())


def families(attention=anything[0], ffn=anything[1], most_groups=3, **fixed):
    """Several models at once, since a study of four takes as long as one of one."""
    listed = st.lists(models(attention, ffn, most_groups, **fixed), min_size=1, max_size=4)
    return listed.map(lambda family: {f"m{number}": model for number, model in enumerate(family)})


def study(family, *context_lengths, batch_size=1, **switches):
    spec = {"version": 1, "context_lengths": list(context_lengths), "batch_size": batch_size, "models": family}
    return frames_of(spec | {"conventions": switches})


def each_group(family, change):
    """The family with every layer group changed."""
    return {name: model | {"layers": [*map(change, model["layers"])]} for name, model in family.items()}


def with_attention(family, **inputs):
    return each_group(family, lambda group: group | {"attention": group["attention"] | inputs})


def with_experts(family, change):
    return each_group(family, lambda group: group | {"moe": group["moe"] | change(group["moe"])})


def numbers(frame, *without):
    return frame.select_dtypes("number").drop(columns=list(without))


def close(left, right):
    return np.allclose(left, right, rtol=1e-12, atol=0)


# Counted by hand -----------------------------------------------------------------------------------------------------


def attention_by_hand(group):
    """Parameters in matmuls, other parameters, query heads × (key + value width), cached values, re-expanded weights."""
    said, D = group["attention"], group["D"]
    H = said["n_heads"]
    if said.get("kind") == "mla":
        q, r, nope, rope, v = (said[key] for key in ("q_lora_rank", "kv_lora_rank", "d_qk_nope", "d_qk_rope", "d_v"))
        queries = D * q + q * H * (nope + rope) if q else D * H * (nope + rope)
        weights = queries + D * (r + rope) + r * H * (nope + v) + H * v * D
        extras = (q + r) + said["qkv_bias"] * (q + r + rope) + said["o_bias"] * D
        return weights, extras, H * (nope + rope + v), r + rope, r * H * (nope + v), H * (2 * r + rope)
    G, e = said["n_kv_heads"], said["d_head"]
    norms = {"none": 0, "per_head": 2 * e, "per_head_bias": 4 * e, "full_width": H * e + G * e}[said["qk_norm"]]
    extras = said["qkv_bias"] * (H + 2 * G) * e + said["o_bias"] * D + norms + said["attention_sinks"] * H
    return D * H * e + 2 * D * G * e + H * e * D, extras, 2 * H * e, 2 * G * e, 0, 2 * H * e


def ffn_by_hand(group):
    """Weights that every token passes, routed weights, active routed weights, biases of either kind, idle ones."""
    D, k = group["D"], group["ffn_matrices"]
    if "moe" not in group:
        f = group["d_ff"]
        return k * D * f, 0, group["ffn_bias"] * ((k - 1) * f + D), 0
    moe = group["moe"]
    E, x = moe["n_experts"], moe["d_expert"]
    bias = moe["expert_bias"] * ((k - 1) * x + D)
    shared = moe["n_shared_experts"] * k * D * moe["d_shared_expert"] + moe["shared_expert_gate"] * D
    idle = (E - moe["n_active_experts"]) * (k * D * x + bias)
    active = moe["n_active_experts"] * k * D * x
    return D * E + shared + active, idle, moe["n_active_experts"] * bias + moe["router_bias"] * E, 0


def by_hand(model, S, B):
    """What accounting by hand gives in whole numbers: causal pairs, windows, every matmul, the head at all positions."""
    D, d, V = model["d_model"], model["d_embedding"], ceil(model["vocab_size"] / model["pad_vocab_to"])
    V *= model["pad_vocab_to"]
    norm = {"rmsnorm": 1, "layernorm": 2, "layernorm_no_bias": 1, "non_parametric": 0}[model["norm"]] * D
    projection = 0 if d == D else 2 * d * D
    learned = (model["positions"] == "learned") * (model["max_positions"] + model["n_extra_positions"]) * D
    params = V * d + learned + projection + (model["final_norm"] + model["embedding_norm"]) * norm
    params += (not model["tie_embeddings"]) * d * V + model["lm_head_bias"] * V
    idle = cache = 0
    forward, decode = 2 * S * (projection + d * V), 2 * (projection + d * V)
    reexpanded = decode
    for group in model["layers"]:
        L, group = group["n_layers"], group | {"D": D}
        weights, extras, scores, kept, latent, absorbed = attention_by_hand(group)
        passed, skipped, biases, _ = ffn_by_hand(group)
        params += L * (weights + extras + passed + skipped + biases + group["n_norms"] * norm)
        idle += L * skipped
        W = min(S, group["attention"]["window"] or S)
        forward += L * (2 * S * (weights + passed) + 2 * (S * W - W * (W - 1) // 2) * scores)
        decode += L * (2 * (weights + passed) + 2 * W * absorbed)
        reexpanded += L * (2 * (weights + passed) + 2 * W * scores + 2 * (W - 1) * latent)
        cache += L * W * kept
    return {
        "n_params": params,
        "n_params_active_with_embedding": params - idle,
        "n_params_active_without_embedding": params - idle - V * d - learned,
        "flops_forward": B * forward,
        "kv_cache_values": B * cache,
        "flops_decode": B * decode,
        "flops_decode_reexpanded": B * reexpanded,
    }
