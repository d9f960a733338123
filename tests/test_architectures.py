"""What must hold of any architecture: attention with and without latents, windows, experts, biases, norms, padding."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from architectures import by_hand, dense, each_group, families, heads, latents, mixtures, without
from studies import frames_of

SWITCHES = {
    "attention_pairs": ["full", "causal_half", "causal_exact"],
    "sliding_window": ["honoured", "ignored"],
    "ffn_matmuls": ["architecture", 2],
    "lm_head": ["counted", "left_out"],
    "lm_head_positions": ["all", "last"],
    "non_matmul": ["left_out", "counted"],
}
PAIRS_AND_WINDOWS = [(pairs, window) for pairs in SWITCHES["attention_pairs"] for window in SWITCHES["sliding_window"]]
few = settings(max_examples=4, deadline=None)
lengths = st.integers(1, 10_000)
batches = st.integers(1, 64)
conventions = st.fixed_dictionaries({switch: st.sampled_from(values) for switch, values in SWITCHES.items()})


def study(family, *context_lengths, batch_size=1, **switches):
    spec = {"version": 1, "context_lengths": list(context_lengths), "batch_size": batch_size, "models": family}
    return frames_of(spec | {"conventions": switches})


def numbers(frame, *but):
    return frame.select_dtypes("number").drop(columns=list(but))


def close(left, right):
    return np.allclose(left, right, rtol=1e-12, atol=0)


@settings(max_examples=20, deadline=None)
@given(family=families(), length=lengths, batch=batches)
def test_whole_numbers_are_exact_whatever_the_architecture(family, length, batch):
    found = study(family, length, batch_size=batch, attention_pairs="causal_exact")
    scenarios = found["scenario"].drop(columns="n_params").droplevel("context_length")
    counted = scenarios.join(found["model"])
    expected = {name: by_hand(model, length, batch) for name, model in family.items()}
    assert {name: {metric: row[metric] for metric in expected[name]} for name, row in counted.iterrows()} == expected


@few
@given(family=families(), length=lengths, batch=batches, switches=conventions)
def test_every_check_of_the_workbook_holds(family, length, batch, switches):
    frames = study(family, length, batch_size=batch, **switches)
    verdicts = [frame.filter(regex="^check_") for frame in frames.values()]
    assert {verdict for frame in verdicts for verdict in np.unique(frame.to_numpy().astype(str))} == {"ok"}


@few
@given(family=families(), length=lengths, switches=conventions)
def test_shares_sum_to_one(family, length, switches):
    frames = study(family, length, **switches)
    parts = ["ffn", "attention_projections", "attention_scores", "lm_head", "non_matmul"]
    assert close(frames["scenario"][[f"share_{part}" for part in parts]].sum(axis=1), 1)
    assert close(frames["model"].filter(regex="^share_params_(?!active)").sum(axis=1), 1)


@few
@given(family=families(), length=lengths, batch=batches, lower=st.integers(1, 5), switches=conventions)
def test_a_layer_group_told_in_two_is_the_same_model(family, length, batch, lower, switches):
    whole = each_group(family, lambda group: group | {"n_layers": group["n_layers"] + lower})
    told = {
        name: model | {"layers": [part for group in model["layers"] for part in (group, group | {"n_layers": lower})]}
        for name, model in family.items()
    }
    one, two = (study(models, length, batch_size=batch, **switches) for models in (whole, told))
    assert all(close(numbers(one[grain]), numbers(two[grain])) for grain in ("model", "scenario"))


# Shared keys and values ----------------------------------------------------------------------------------------------


@few
@given(family=families(heads()), length=lengths)
def test_sharing_keys_and_values_saves_cache_and_parameters_and_no_attention_matmuls(family, length):
    kinds = {
        "mqa": lambda group: {"kind": "mqa"},
        "gqa": lambda group: {"kind": "gqa", "n_kv_heads": group["n_kv_heads"]},
        "mha": lambda group: {"kind": "mha"},
    }

    def told(said):
        return each_group(family, lambda group: without(group, "n_kv_heads") | {"attention": said(group)})

    found = {kind: study(told(said), length) for kind, said in kinds.items()}
    for grain, metric in (
        ("model", "n_params"),
        ("model", "kv_cache_bytes_per_token"),
        ("scenario", "kv_cache_bytes"),
        ("scenario", "flops_forward"),
    ):
        mqa, gqa, mha = (frames[grain][metric] for frames in found.values())
        assert ((mqa <= gqa) & (gqa <= mha)).all(), metric
    mqa, gqa, mha = (frames["scenario"]["flops_attention_scores"] for frames in found.values())
    assert mqa.equals(gqa) and gqa.equals(mha)
    assert (found["mha"]["model"]["kv_cache_saving"] == 1).all()


@few
@given(family=families(heads(), most_groups=1), length=lengths)
def test_the_cache_is_the_share_of_key_and_value_heads_of_what_multi_head_attention_keeps(family, length):
    cache = study(windowed_by(family, 0), length)["scenario"].droplevel("context_length")
    for name, model in family.items():
        (group,) = model["layers"]
        shared = cache["kv_cache_bytes"][name] * group["n_heads"]
        assert shared == cache["kv_cache_bytes_mha"][name] * group["n_kv_heads"]


# Windows -------------------------------------------------------------------------------------------------------------


def windowed_by(family, window):
    return each_group(family, lambda group: group | {"window": window})


@few
@given(family=families(), length=lengths, beyond=st.integers(0, 1000), switches=conventions)
def test_a_window_as_long_as_the_context_equals_global_attention(family, length, beyond, switches):
    whole, windowed = (study(windowed_by(family, window), length, **switches) for window in (0, length + beyond))
    assert numbers(whole["model"]).equals(numbers(windowed["model"]))
    longer = ["doubling_multiplier", "flops_pairs_beyond_double"]  # at twice the context the window is full
    assert numbers(whole["scenario"], *longer).equals(numbers(windowed["scenario"], *longer))


@few
@given(family=families(), length=st.integers(2, 10_000), data=st.data(), switches=conventions)
def test_a_window_shorter_than_the_context_saves_cache_always_and_work_where_it_is_honoured(
    family, length, data, switches
):
    short = data.draw(st.integers(1, length - 1))
    whole, windowed = (study(windowed_by(family, window), length, **switches)["scenario"] for window in (0, short))
    assert (windowed["kv_cache_bytes"] * length == whole["kv_cache_bytes"] * short).all()
    assert (windowed["flops_decode"] < whole["flops_decode"]).all()
    saved = whole["flops_attention_scores"] - windowed["flops_attention_scores"]
    assert (saved > 0).all() if switches["sliding_window"] == "honoured" else (saved == 0).all()


@pytest.mark.parametrize(("pairs", "window"), PAIRS_AND_WINDOWS)
@settings(max_examples=3, deadline=None)
@given(family=families(), length=lengths, switches=conventions)
def test_doubling_the_context_multiplies_the_work_by_the_doubling_multiplier(pairs, window, family, length, switches):
    switches |= {"attention_pairs": pairs, "sliding_window": window}
    found = study(family, length, 2 * length, **switches)["scenario"]
    once, twice = (found.xs(at, level="context_length") for at in (length, 2 * length))
    assert close(once["flops_forward"] * once["doubling_multiplier"], twice["flops_forward"])


# Experts -------------------------------------------------------------------------------------------------------------


@few
@given(family=families(ffn=dense), length=lengths, batch=batches, switches=conventions)
def test_one_expert_is_a_dense_ffn_and_a_router(family, length, batch, switches):
    def single(group):
        moe = {"n_experts": 1, "n_active_experts": 1, "d_expert": group["d_ff"], "expert_bias": group["ffn_bias"]}
        return without(group, "d_ff", "ffn_bias") | {"moe": moe}

    mixture = each_group(family, single)
    one, plain = (study(models, length, batch_size=batch, **switches) for models in (mixture, family))
    # By hand: one row of d_model router weights in every layer, used once by every token.
    routers = [model["d_model"] * sum(group["n_layers"] for group in model["layers"]) for model in family.values()]
    for metric in ("n_params", "n_params_active"):
        assert (one["model"][metric] - plain["model"][metric]).tolist() == routers
    work = one["scenario"]["flops_forward"] - plain["scenario"]["flops_forward"]
    assert work.tolist() == [2 * length * batch * router for router in routers]
    kept = ["kv_cache_bytes", "flops_attention_scores", "flops_attention_projections", "flops_non_matmul"]
    assert one["scenario"][kept].equals(plain["scenario"][kept])


@few
@given(family=families(ffn=mixtures()), length=lengths, top=st.integers(2, 9), switches=conventions)
def test_work_grows_with_the_active_experts_and_parameters_do_not(family, length, top, switches):
    wide = each_group(family, lambda group: group | {"n_experts": group["n_experts"] + 8})
    one, many = (
        study(each_group(wide, lambda group, active=active: group | {"n_active_experts": active}), length, **switches)
        for active in (1, top)
    )
    assert (many["scenario"]["flops_routed_experts"] == top * one["scenario"]["flops_routed_experts"]).all()
    same = ["flops_attention_projections", "flops_router", "flops_shared_experts", "kv_cache_bytes", "flops_lm_head"]
    assert one["scenario"][same].equals(many["scenario"][same])
    assert one["model"][["n_params", "weight_bytes"]].equals(many["model"][["n_params", "weight_bytes"]])
    assert (one["model"]["n_params_active"] < many["model"]["n_params_active"]).all()


@few
@given(family=families(ffn=mixtures()), length=lengths)
def test_where_every_expert_is_active_so_is_every_parameter(family, length):
    found = study(each_group(family, lambda group: group | {"n_active_experts": group["n_experts"]}), length)["model"]
    assert found["n_params_active_with_embedding"].equals(found["n_params"].rename("n_params_active_with_embedding"))


# Latents and decoding ------------------------------------------------------------------------------------------------


@few
@given(family=families(latents), length=lengths, switches=conventions)
def test_latent_attention_has_no_key_and_value_heads_to_share(family, length, switches):
    shared = each_group(family, lambda group: group | {"n_kv_heads": 1})
    own, single = (study(models, length, **switches) for models in (family, shared))
    assert all(numbers(own[grain]).equals(numbers(single[grain])) for grain in ("model", "scenario"))


@few
@given(family=families(heads()), length=lengths, switches=conventions)
def test_without_latents_decoding_has_one_form(family, length, switches):
    found = study(family, length, **switches)["scenario"]
    assert (found["flops_decode"] == found["flops_decode_reexpanded"]).all()


@few
@given(family=families(), length=st.integers(1, 40), batch=batches, ffn=st.sampled_from(["architecture", 2]))
def test_the_decoding_steps_of_a_sequence_add_up_to_its_causal_forward_pass(family, length, batch, ffn):
    steps = range(1, length + 1)
    found = study(family, *steps, batch_size=batch, ffn_matmuls=ffn, attention_pairs="causal_exact")
    expanded_again = found["layer_run"]["flops_decode_group_reexpansion"].groupby(["model", "context_length"]).sum()
    step = found["scenario"]["flops_decode_reexpanded"] - expanded_again
    assert (step.groupby("model").sum() == found["scenario"]["flops_forward"].xs(length, level="context_length")).all()


# Conventions ---------------------------------------------------------------------------------------------------------

IF = {
    "flops_if_full": {"attention_pairs": "full"},
    "flops_if_causal_half": {"attention_pairs": "causal_half"},
    "flops_if_causal_exact": {"attention_pairs": "causal_exact"},
    "flops_if_window_honoured": {"sliding_window": "honoured"},
    "flops_if_window_ignored": {"sliding_window": "ignored"},
    "flops_if_ffn_architecture": {"ffn_matmuls": "architecture"},
    "flops_if_ffn_2": {"ffn_matmuls": 2},
    "flops_if_lm_head_left_out": {"lm_head": "left_out"},
    "flops_if_lm_head_all": {"lm_head": "counted", "lm_head_positions": "all"},
    "flops_if_lm_head_last": {"lm_head": "counted", "lm_head_positions": "last"},
    "flops_if_non_matmul_counted": {"non_matmul": "counted"},
    "flops_if_non_matmul_left_out": {"non_matmul": "left_out"},
}


def test_every_row_of_a_different_convention_is_tried_below():
    family = {"m": {"d_model": 1, "vocab_size": 1, "n_heads": 1, "n_layers": 1, "d_ff": 1, "ffn": "gelu"}}
    assert study(family, 1)["scenario"].filter(regex="^flops_if_").columns.tolist() == list(IF)


@pytest.mark.parametrize("row", IF)
@settings(max_examples=3, deadline=None)
@given(family=families(), length=lengths, batch=batches, switches=conventions)
def test_what_a_convention_would_change_is_what_it_changes(row, family, length, batch, switches):
    told = study(family, length, batch_size=batch, **switches)["scenario"][row]
    assert close(told, study(family, length, batch_size=batch, **switches | IF[row])["scenario"]["flops_forward"])


# Estimates of others -------------------------------------------------------------------------------------------------

GPT2 = {
    "n_layers": 12,
    "d_model": 768,
    "n_heads": 12,
    "d_ff": 3072,
    "ffn": "gelu",
    "vocab_size": 50257,
    "tie_embeddings": True,
    "positions": "learned",
    "max_positions": 1024,
    "norm": "layernorm",
    "qkv_bias": True,
    "o_bias": True,
    "ffn_bias": True,
}
LLAMA3_8B = {
    "n_layers": 32,
    "d_model": 4096,
    "n_heads": 32,
    "n_kv_heads": 8,
    "d_ff": 14336,
    "ffn": "swiglu",
    "vocab_size": 128256,
}
ESTIMATED = {
    # L, D, H, G, e, f, k, V, S, B; N with and without embedding. transformers counts 124,439,808 parameters of GPT-2,
    # tied: without its 50,257 + 1,024 rows 85,056,000; and 8,030,261,248 of Llama-3-8B, without its 128,256 rows …
    "gpt2": (GPT2, (12, 768, 12, 12, 64, 3072, 2, 50257, 1024, 3), 124_439_808, 85_056_000),
    "llama-3-8b": (LLAMA3_8B, (32, 4096, 32, 8, 128, 14336, 3, 128256, 8192, 2), 8_030_261_248, 7_504_924_672),
}


@pytest.mark.parametrize("name", ESTIMATED)
def test_the_estimates_of_others_are_as_published(name):
    model, (L, D, H, G, e, f, k, V, S, B), N, without_embedding = ESTIMATED[name]
    found = study({"m": model}, S, batch_size=B)["scenario"].iloc[0]
    # Ours: every matmul once forward and twice backward, every pair, Q and O 2SD·He, K and V 2SD·Ge.
    layer = 2 * S * D * (2 * H * e + 2 * G * e) + 2 * S * S * H * (e + e) + k * 2 * S * D * f
    ours = 3 * B * (L * layer + 2 * S * D * V)
    tied_head = D * V if name == "gpt2" else 0
    published = {
        # Kaplan et al. 2020, arXiv:2001.08361: 6N per token.
        "estimate_6n": 6 * N * S * B,
        "estimate_6n_without_embedding": 6 * without_embedding * S * B,
        # Chowdhery et al. 2022, arXiv:2204.02311, appendix B: 6N + 12·L·H·e·S per token.
        "estimate_palm": (6 * N + 12 * L * H * e * S) * S * B,
        # Narayanan et al. 2021, arXiv:2104.04473, without recomputation: 72·B·S·L·D²(1 + S/(6D) + V/(12·D·L)).
        "estimate_megatron": 72 * B * S * L * D**2 * (1 + Fraction(S, 6 * D) + Fraction(V, 12 * D * L)),
        # torchtitan, get_nparams_and_flops: 6·N, norms and biases included, + 12·L·H·e·S per token.
        "estimate_torchtitan": (6 * (without_embedding + tied_head) + 12 * L * H * e * S) * S * B,
        # Hoffmann et al. 2022, arXiv:2203.15556, appendix F: look-up, Q/K/V, QKᵀ, softmax, values, output, FFN, logits.
        "estimate_chinchilla": 3
        * B
        * (
            2 * S * V * D
            + L * (6 * S * D * D + 2 * S * S * D + 3 * H * S * S + 2 * S * S * D + 2 * S * D * D + 4 * S * D * f)
            + 2 * S * D * V
        ),
    }
    assert found["flops_training_ours"] == ours
    assert {estimate: found[estimate] for estimate in published} == published
    assert {estimate: found[f"{estimate}_difference"] for estimate in published} == {
        estimate: pytest.approx(float(Fraction(flops - ours, ours)), rel=1e-12, abs=0)
        for estimate, flops in published.items()
    }


small = st.integers(1, 32)


@few
@given(layers=small, heads=small, d_head=small, vocab=st.integers(1, 60_000), length=lengths, batch=batches)
def test_megatrons_estimate_is_ours_where_its_assumptions_hold(layers, heads, d_head, vocab, length, batch):
    shape = {"n_layers": layers, "d_model": heads * d_head, "n_heads": heads, "vocab_size": vocab}
    model = shape | {"d_ff": "4 * d_model", "ffn": "gelu"}
    found = study({"m": model}, length, batch_size=batch)["scenario"].iloc[0]
    assert (found["estimate_megatron"], found["estimate_megatron_difference"]) == (found["flops_training_ours"], 0)


plain_heads = heads().map(lambda said: said | dict.fromkeys(["qkv_bias", "o_bias", "attention_sinks"], False))
# Norms without parameters, no table of positions, one table for look-up and head, no biases.
bare = {"norm": "non_parametric", "positions": "rotary", "tie_embeddings": True, "lm_head_bias": False}


@few
@given(
    family=families(
        plain_heads.map(lambda said: said | {"qk_norm": "none"}),
        dense.map(lambda said: said | {"ffn_bias": False})
        | mixtures().map(lambda said: said | {"expert_bias": False, "router_bias": False}),
        **bare,
    ),
    length=lengths,
    batch=batches,
)
def test_palms_estimate_is_ours_where_every_parameter_is_in_one_matmul_and_every_pair_counts(family, length, batch):
    found = study(family, length, batch_size=batch, sliding_window="ignored")["scenario"]
    assert (found["estimate_palm"] == found["flops_training_ours"]).all()
    assert (found["estimate_palm_difference"] == 0).all()


@few
@given(family=families(), length=lengths, batch=batches)
def test_torchtitans_estimate_is_ours_where_every_pair_counts(family, length, batch):
    frames = study(family, length, batch_size=batch)
    found, models = frames["scenario"], frames["model"]
    head = models["tying_saves_params"].where(models["n_params_lm_head"] == 0, 0)
    counted = (models["n_params_active_without_embedding"] + head).reindex(found.index, level="model")
    no_matmul = 6 * length * batch * (counted - found["n_params_matmul"])  # norms and biases
    assert (found["estimate_torchtitan"] - no_matmul == found["flops_training_ours"]).all()


# Limits of the numbers -----------------------------------------------------------------------------------------------


@few
@given(n_experts=st.integers(1, 512), data=st.data(), width=st.integers(1, 8192), d_model=st.integers(1, 8192))
def test_active_parameters_are_whole_numbers_whatever_the_number_of_experts(n_experts, data, width, d_model):
    top = data.draw(st.integers(1, n_experts))
    moe = {"n_experts": n_experts, "n_active_experts": top, "d_expert": width}
    model = {"n_layers": 7, "d_model": d_model, "n_heads": 1, "vocab_size": 100, "ffn": "swiglu", "moe": moe}
    idle = study({"m": model}, 1)["model"]["n_params_idle"]["m"]
    # By hand: three matrices of every expert that a token skips.
    assert idle == 7 * (n_experts - top) * 3 * d_model * width
