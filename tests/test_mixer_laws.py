"""What must hold of layers of any mixers, whatever their numbers are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies import frames_of

few = settings(max_examples=6, deadline=None)
lengths = st.integers(1, 100_000)
pairs = st.sampled_from(["full", "causal_half", "causal_exact"])
sizes = st.integers(1, 64)


@st.composite
def token_mixers(draw):
    """One token mixer, or attention and another side by side."""
    heads = draw(sizes)
    linear = {"n_linear_key_heads": heads, "n_linear_value_heads": heads * draw(st.integers(1, 3))}
    linear |= {"d_linear_key": draw(sizes), "d_linear_value": draw(sizes)}
    groups = draw(st.integers(1, 4))
    mixers = {
        **{kind: linear for kind in ("gated_delta_net", "kda", "lightning", "mlstm")},
        "mamba": {"d_ssm_head": draw(sizes), "d_state": draw(sizes), "dt_rank": draw(sizes)},
        "mamba2": {
            "n_ssm_heads": groups * draw(sizes),
            "n_ssm_groups": groups,
            "d_ssm_head": draw(sizes),
            "d_state": draw(sizes),
        },
        "rg_lru": {"n_rnn_blocks": groups, "d_rnn": groups * draw(sizes)},
        "short_conv": {},
    }
    kind = draw(st.sampled_from(sorted(mixers)))
    beside = draw(st.booleans())
    return {"mixer": {"kind": kind} | mixers[kind]} | (attention(draw) if beside else {})


def attention(draw):
    return {"n_heads": 4 * draw(st.integers(1, 8)), "n_kv_heads": 4, "d_head": draw(sizes)}


@st.composite
def softmax(draw):
    return attention(draw)


def model(*groups, **inputs):
    whole = {"vocab_size": 1000, "d_model": 96, "ffn": "swiglu", "d_ff": 128}
    return whole | {"layers": [{"n_layers": 3} | group for group in groups]} | inputs


def study(models, *context_lengths, **conventions):
    spec = {"version": 1, "context_lengths": list(context_lengths), "conventions": conventions, "models": models}
    return frames_of(spec)


def results(frames, name, *columns):
    """Columns of one model, at every context length where they depend on it."""
    return [
        frames[grain].loc[name][column].tolist() if grain == "scenario" else [frames[grain].loc[name, column]]
        for column in columns
        for grain in ("model", "scenario")
        if column in frames[grain].columns
    ]


RESULTS = (
    "n_params", "n_params_active", "kv_cache_values_per_token", "n_state_values", "flops_forward",
    "flops_weight_products", "flops_convolution", "flops_state_updates", "flops_attention_scores", "kv_cache_bytes",
    "flops_decode",
)  # fmt: skip


@few
@given(mixer=token_mixers(), length=lengths, convention=pairs)
def test_a_group_split_in_two_gives_the_same(mixer, length, convention):
    split = [mixer | {"n_layers": n} for n in (2, 5)]
    models = {"whole": model(mixer | {"n_layers": 7}), "split": model(*split)}
    frames = study(models, length, attention_pairs=convention)
    assert results(frames, "split", *RESULTS) == results(frames, "whole", *RESULTS)


@few
@given(mixer=softmax(), length=lengths, more=st.integers(0, 10), convention=pairs, reach=st.data())
def test_a_reach_that_holds_the_context_is_global_attention(mixer, length, more, convention, reach):
    name = reach.draw(st.sampled_from(["window", "attention_chunk", "index_top_k"]))
    models = {"global": model(mixer), "reach": model(mixer | {name: length + more})}
    frames = study(models, length, attention_pairs=convention)
    columns = ("n_params", "flops_forward", "flops_attention_scores", "kv_cache_bytes", "flops_decode")
    assert results(frames, "reach", *columns) == results(frames, "global", *columns)


@few
@given(mixer=softmax(), length=lengths, convention=pairs)
def test_an_indexer_that_selects_everything_leaves_the_scores_of_full_attention(mixer, length, convention):
    indexer = {"index_top_k": length, "n_index_heads": 4, "d_index": 32}
    frames = study({"full": model(mixer), "indexed": model(mixer | indexer)}, length, attention_pairs=convention)
    assert results(frames, "indexed", "flops_attention_scores") == results(frames, "full", "flops_attention_scores")


@few
@given(mixer=softmax(), length=lengths, convention=pairs)
def test_a_ratio_of_one_compresses_nothing(mixer, length, convention):
    frames = study({"plain": model(mixer), "one": model(mixer | {"compress_ratio": 1})}, length)
    assert results(frames, "one", *RESULTS) == results(frames, "plain", *RESULTS)


@few
@given(mixer=softmax(), ratio=st.integers(2, 128), blocks=st.integers(1, 500))
def test_compressed_keys_take_a_ratio_th_of_the_pairs_and_of_the_cache(mixer, ratio, blocks):
    models = {"plain": model(mixer), "compressed": model(mixer | {"compress_ratio": ratio})}
    frames = study(models, ratio * blocks)
    (plain, cache), (scores, kept) = (
        results(frames, name, "flops_attention_scores", "kv_cache_values") for name in models
    )
    assert ([ratio * scores[0]], [ratio * kept[0]]) == (plain, cache)


@few
@given(mixer=token_mixers(), length=lengths)
def test_there_is_no_state_without_its_mixer(mixer, length):
    frames = study({"with": model(mixer), "without": model({"n_heads": 4, "d_head": 8})}, length)
    states = ("n_state_values", "flops_convolution", "flops_state_updates")
    assert results(frames, "without", *states) == [[0], [0], [0]]
    assert results(frames, "with", "n_state_values")[0][0] > 0


@few
@given(mixers=st.lists(token_mixers(), min_size=1, max_size=3), length=lengths)
def test_the_cache_of_a_hybrid_without_attention_does_not_grow(mixers, length):
    alone = [{"mixer": mixer["mixer"]} for mixer in mixers]
    frames = study({"m": model(*alone)}, length, 10 * length)
    short, long = frames["scenario"].loc["m"]["kv_cache_bytes"]
    assert (short, long, frames["model"].loc["m", "kv_cache_bytes_per_token"]) == (
        frames["model"].loc["m", "state_bytes"],
        frames["model"].loc["m", "state_bytes"],
        0,
    )


@few
@given(mixer=token_mixers(), uses=st.integers(2, 9), length=lengths)
def test_a_shared_block_has_its_parameters_once_and_its_work_and_cache_for_each_use(mixer, uses, length):
    shared = model(mixer | {"n_layers": uses, "n_stored_layers": 1})
    frames = study(
        {"own": model(mixer | {"n_layers": uses}), "one": model(mixer | {"n_layers": 1}), "shared": shared}, length
    )
    once, work = ("n_params",), ("flops_forward", "flops_decode", "kv_cache_bytes", "n_state_values")
    assert results(frames, "shared", *once) == results(frames, "one", *once)
    assert results(frames, "shared", *work) == results(frames, "own", *work)


@few
@given(mixer=token_mixers(), length=lengths, convention=pairs)
def test_side_by_side_costs_what_both_cost_alone(mixer, length, convention):
    parts = {"n_heads": 8, "n_kv_heads": 4, "d_head": 16}
    alone = {"mixer": mixer["mixer"]}
    models = {
        "both": model(alone | parts),
        "mixer": model(alone),
        "attention": model(parts),
        "none": model({"n_heads": 0}),
    }
    frames = study(models, length, attention_pairs=convention)
    columns = ("n_params", "flops_forward", "kv_cache_bytes", "flops_decode", "n_state_values")
    found = {name: results(frames, name, *columns) for name in models}
    sums = [
        [pytest.approx(a[0] + m[0] - n[0], rel=1e-12)]
        for a, m, n in zip(found["attention"], found["mixer"], found["none"], strict=True)
    ]
    assert found["both"] == sums
