"""Random architectures for laws: attention with and without latents, windows, experts, biases, norms, padding."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

from hypothesis import strategies as st

Model = dict[str, Any]
Family = dict[str, Model]

windows = st.just(0) | st.integers(1, 5000)


@st.composite
def heads(draw) -> Model:
    """Multi-head, grouped-query or multi-query attention, with all that it may have besides."""
    n_kv_heads = draw(st.integers(1, 4))
    return {
        "n_kv_heads": n_kv_heads,
        "n_heads": n_kv_heads * draw(st.integers(1, 4)),
        "d_head": draw(st.integers(1, 64)),
        "window": draw(windows),
        "qkv_bias": draw(st.booleans()),
        "o_bias": draw(st.booleans()),
        "qk_norm": draw(st.sampled_from(["none", "per_head", "per_head_bias", "full_width"])),
        "attention_sinks": draw(st.booleans()),
    }


latents = st.fixed_dictionaries(
    {
        "kv_lora_rank": st.integers(1, 64),
        "q_lora_rank": st.integers(0, 64),
        "d_qk_nope": st.integers(1, 64),
        "d_qk_rope": st.integers(1, 64),
        "d_v": st.integers(1, 64),
        "n_heads": st.integers(1, 8),
        "window": windows,
        "qkv_bias": st.booleans(),
        "o_bias": st.booleans(),
    }
)
dense = st.fixed_dictionaries({"d_ff": st.integers(1, 1024), "ffn_bias": st.booleans()})


@st.composite
def mixtures(draw) -> Model:
    """Routed and shared experts."""
    n_experts, n_shared_experts = draw(st.integers(1, 16)), draw(st.integers(0, 2))
    return {
        "n_experts": n_experts,
        "n_active_experts": draw(st.integers(1, n_experts)),
        "d_expert": draw(st.integers(1, 256)),
        "n_shared_experts": n_shared_experts,
        "d_shared_expert": draw(st.integers(1, 256)),
        "shared_expert_gate": n_shared_experts > 0 and draw(st.booleans()),
        "expert_bias": draw(st.booleans()),
        "router_bias": draw(st.booleans()),
    }


@st.composite
def families(draw, attention=heads() | latents, ffn=dense | mixtures(), most_groups=3, **fixed) -> Family:  # noqa: B008
    """Many models at once, since a study of eight takes as long as one of one."""
    group = st.builds(
        lambda own, attends, feeds: own | attends | feeds,
        st.fixed_dictionaries(
            {"n_layers": st.integers(1, 8), "ffn_matrices": st.sampled_from([2, 3]), "n_norms": st.integers(0, 4)}
        ),
        attention,
        ffn,
    )
    family = {}
    for number in range(draw(st.integers(4, 8))):
        d_model = draw(st.integers(1, 256))
        family[f"m{number}"] = {
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
            "layers": draw(st.lists(group, min_size=1, max_size=most_groups)),
        } | fixed
    return family


def each_group(family: Family, change: Callable[[Model], Model]) -> Family:
    """The family with every layer group changed."""
    return {name: model | {"layers": [*map(change, model["layers"])]} for name, model in family.items()}


def without(said: Model, *keys: str) -> Model:
    return {key: value for key, value in said.items() if key not in keys}


# Counted by hand, in Python's whole numbers --------------------------------------------------------------------------


def attention_by_hand(g: Model, D: int) -> dict[str, int]:
    """Of one layer: weights, other parameters, 2·pair FLOPs and cached values by position; what decoding adds."""
    H = g["n_heads"]
    if "kv_lora_rank" in g:
        q, r, nope, rope, v = (g[key] for key in ("q_lora_rank", "kv_lora_rank", "d_qk_nope", "d_qk_rope", "d_v"))
        queries = D * q + q * H * (nope + rope) if q else D * H * (nope + rope)
        return {
            "weights": queries + D * (r + rope) + r * H * (nope + v) + H * v * D,
            "extras": q + r + g["qkv_bias"] * (q + r + rope) + g["o_bias"] * D,
            "pair": H * (nope + rope) + H * v,
            "pair_absorbed": H * (r + rope) + H * r,
            "expand": r * H * (nope + v),
            "cached": r + rope,
        }
    G, e = g["n_kv_heads"], g["d_head"]
    norms = {"none": 0, "per_head": e + e, "per_head_bias": 2 * (e + e), "full_width": H * e + G * e}[g["qk_norm"]]
    return {
        "weights": D * H * e + 2 * D * G * e + H * e * D,
        "extras": g["qkv_bias"] * (H + 2 * G) * e + g["o_bias"] * D + norms + g["attention_sinks"] * H,
        "pair": 2 * H * e,
        "pair_absorbed": 2 * H * e,
        "expand": 0,
        "cached": 2 * G * e,
    }


def ffn_by_hand(g: Model, D: int) -> dict[str, int]:
    """Of one layer: weights that a token passes, other parameters in use, parameters of the experts that it skips."""
    k = g["ffn_matrices"]
    if "d_ff" in g:
        f = g["d_ff"]
        return {"weights": k * D * f, "extras": g["ffn_bias"] * ((k - 1) * f + D), "idle": 0}
    E, a, x = g["n_experts"], g["n_active_experts"], g["d_expert"]
    bias = g["expert_bias"] * ((k - 1) * x + D)
    shared = g["n_shared_experts"] * k * D * g["d_shared_expert"] + g["shared_expert_gate"] * D
    return {
        "weights": D * E + a * k * D * x + shared,
        "extras": a * bias + g["router_bias"] * E,
        "idle": (E - a) * (k * D * x + bias),
    }


def by_hand(model: Model, S: int, B: int) -> dict[str, int]:
    """Parameters, cache and work of one model: causal pairs in their windows, logits at every position."""
    D, d = model["d_model"], model["d_embedding"]
    V = ceil(model["vocab_size"] / model["pad_vocab_to"]) * model["pad_vocab_to"]
    norm = {"rmsnorm": D, "layernorm": 2 * D, "layernorm_no_bias": D, "non_parametric": 0}[model["norm"]]
    table = V * d + (model["positions"] == "learned") * (model["max_positions"] + model["n_extra_positions"]) * D
    projections = 0 if d == D else d * D + D * d
    head = (0 if model["tie_embeddings"] else d * V) + model["lm_head_bias"] * V
    params = table + projections + head + (model["final_norm"] + model["embedding_norm"]) * norm
    forward, decode, reexpanded = 2 * S * (projections + d * V), 2 * (projections + d * V), 2 * (projections + d * V)
    idle = cached = 0
    for g in model["layers"]:
        L, W, attends, feeds = g["n_layers"], min(S, g["window"] or S), attention_by_hand(g, D), ffn_by_hand(g, D)
        weights = attends["weights"] + feeds["weights"]
        params += L * (weights + attends["extras"] + feeds["extras"] + feeds["idle"] + g["n_norms"] * norm)
        idle += L * feeds["idle"]
        cached += L * W * attends["cached"]
        forward += L * (2 * S * weights + 2 * (S * W - W * (W - 1) // 2) * attends["pair"])
        decode += L * (2 * weights + 2 * W * attends["pair_absorbed"])
        reexpanded += L * (2 * weights + 2 * W * attends["pair"] + 2 * (W - 1) * attends["expand"])
    return {
        "n_params": params,
        "n_params_idle": idle,
        "n_params_active_with_embedding": params - idle,
        "n_params_active_without_embedding": params - idle - table,
        "flops_forward": B * forward,
        "kv_cache_values": B * cached,
        "flops_decode": B * decode,
        "flops_decode_reexpanded": B * reexpanded,
    }
