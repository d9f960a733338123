"""What must hold of every architecture, whatever its numbers are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from studies import frames_of

PAIRS = ["full", "causal_half", "causal_exact"]
CONVENTIONS = list(product(PAIRS, ["counted", "left_out"], ["all", "last"], ["left_out", "counted"]))
SWITCHES = ["attention_pairs", "lm_head", "lm_head_positions", "non_matmul"]
EXACT = 2**53  # whole numbers below it are exact in float64

few = settings(max_examples=5, deadline=None)


@st.composite
def architectures(draw, **fixed):
    """A small decoder with grouped heads, of any widths."""
    n_kv_heads = draw(st.integers(1, 8))
    return {
        "n_layers": draw(st.integers(1, 12)),
        "d_model": draw(st.integers(1, 512)),
        "n_kv_heads": n_kv_heads,
        "n_heads": n_kv_heads * draw(st.integers(1, 8)),
        "d_head": draw(st.integers(1, 128)),
        "d_ff": draw(st.integers(1, 2048)),
        "ffn_matrices": draw(st.sampled_from([2, 3])),
        "vocab_size": draw(st.integers(1, 60_000)),
        "tie_embeddings": draw(st.booleans()),
        "positions": draw(st.sampled_from(["rotary", "none"])),
        "norm": draw(st.sampled_from(["rmsnorm", "layernorm", "non_parametric"])),
        "n_norms": draw(st.integers(0, 4)),
        "final_norm": draw(st.booleans()),
    } | fixed


def families(**fixed):
    """Many models at once, since a study of twenty takes as long as one of one."""
    named = st.lists(architectures(**fixed), min_size=6, max_size=20)
    return named.map(lambda listed: {f"m{number}": model for number, model in enumerate(listed)})


lengths = st.integers(1, 100_000)
conventions = st.sampled_from([dict(zip(SWITCHES, values, strict=True)) for values in CONVENTIONS])


def study(models, *context_lengths, batch_size=1, **switches):
    """The frames of some models under some conventions."""
    spec = {"version": 1, "context_lengths": list(context_lengths), "batch_size": batch_size}
    return frames_of(spec | {"conventions": switches, "models": models})


def changed(models, **inputs):
    return {name: model | inputs for name, model in models.items()}


def numbers(frame):
    return frame.select_dtypes("number")


def close(left, right):
    return np.allclose(left, right, rtol=1e-12, atol=0)


# Context -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", CONVENTIONS, ids="-".join)
@settings(max_examples=2, deadline=None)
@given(models=families(), length=lengths)
def test_doubling_the_context_multiplies_the_work_by_the_doubling_multiplier(values, models, length):
    found = study(models, length, 2 * length, **dict(zip(SWITCHES, values, strict=True)))["scenario"]
    once, twice = (found.xs(at, level="context_length") for at in (length, 2 * length))
    assume((once["flops_forward"] > 0).all())
    assert close(once["flops_forward"] * once["doubling_multiplier"], twice["flops_forward"])


@few
@given(models=families(), length=lengths)
def test_doubling_the_context_costs_2_and_2_shares_of_the_attention_matmuls(models, length):
    found = study(models, length)["scenario"]
    assert close(found["doubling_multiplier"], 2 + 2 * found["share_attention_scores"])


@few
@given(models=families(), length=lengths)
def test_causal_half_is_half_of_full_and_causal_exact_lies_between(models, length):
    full, half, exact = (
        study(models, length, attention_pairs=pairs)["scenario"]["flops_attention_scores"] for pairs in PAIRS
    )
    assert close(half, full / 2)
    assert ((half < exact) & (exact <= full)).all()


CROSSOVERS = {
    "crossover_ffn": {"flops_ffn": 1},
    "crossover_attention": {"flops_ffn": 1, "flops_attention_projections": -1},
    "crossover_block": {"flops_ffn": 1, "flops_attention_projections": 1},
}


@pytest.mark.parametrize("pairs", PAIRS)
@settings(max_examples=2, deadline=None)
@given(
    shapes=st.lists(
        st.tuples(st.integers(1, 16), st.integers(1, 64), st.integers(1, 4096), st.sampled_from([2, 3])),
        min_size=5,
        max_size=10,
    )
)
def test_at_a_crossover_length_both_sides_do_the_same_work(pairs, shapes):
    # Where H·e = D the crossover is whole: k·f/2 and (k·f ± 4D)/2 of full pairs, with an even f.
    models = {
        f"m{number}": {
            "n_layers": 2,
            "d_model": heads * d_head,
            "n_heads": heads,
            "d_ff": 2 * d_ff + 8 * heads * d_head,
        }
        | {"ffn_matrices": matrices, "vocab_size": 100}
        for number, (heads, d_head, d_ff, matrices) in enumerate(shapes)
    }
    found = study(models, 1024, attention_pairs=pairs)["model"][[*CROSSOVERS]]
    assert ((found % 1 == 0) & (found >= 1)).all(axis=None)
    scenarios = study(models, *sorted(set(found.astype(int).stack())), attention_pairs=pairs)["scenario"]
    for crossover, others in CROSSOVERS.items():
        there = scenarios.loc[list(zip(found.index, found[crossover].astype(int), strict=True))]
        assert (there["flops_attention_scores"] == sum(sign * there[metric] for metric, sign in others.items())).all()


@few
@given(models=families(), length=lengths, other=lengths)
def test_crossover_lengths_do_not_depend_on_the_context_length(models, length, other):
    names = ["crossover_ffn", "crossover_attention", "crossover_block"]
    assert close(study(models, length)["model"][names], study(models, other)["model"][names])


# Shape ---------------------------------------------------------------------------------------------------------------


@few
@given(models=families())
def test_sharing_key_and_value_heads_never_adds_parameters(models):
    multi_query, grouped, multi_head = (
        study(family, 1)["model"]["n_params"]
        for family in (
            changed(models, n_kv_heads=1),
            models,
            {name: model | {"n_kv_heads": model["n_heads"]} for name, model in models.items()},
        )
    )
    assert ((multi_query <= grouped) & (grouped <= multi_head)).all()


@few
@given(models=families(), length=lengths, upper=st.integers(1, 5), switches=conventions)
def test_a_model_told_as_two_groups_of_layers_is_the_same_model(models, length, upper, switches):
    told = {
        name: {key: value for key, value in model.items() if key != "n_layers"}
        | {"layers": [{"n_layers": model["n_layers"]}, {"n_layers": upper}]}
        for name, model in models.items()
    }
    whole = {name: model | {"n_layers": model["n_layers"] + upper} for name, model in models.items()}
    one, two = (study(family, length, **switches) for family in (whole, told))
    assert all(close(numbers(one[grain]), numbers(two[grain])) for grain in ("model", "scenario"))


@few
@given(models=families(), length=lengths)
def test_tying_saves_the_lm_head_and_no_work(models, length):
    tied, own = (study(changed(models, tie_embeddings=tie), length) for tie in (True, False))
    table = [model["vocab_size"] * model["d_model"] for model in models.values()]
    assert (own["model"]["n_params"] - tied["model"]["n_params"]).tolist() == table
    work = ["flops_layers", "flops_lm_head", "flops_forward", "flops_forward_architecture", "doubling_multiplier"]
    assert tied["scenario"][work].equals(own["scenario"][work])


@few
@given(models=families(ffn_matrices=2), length=lengths, switches=conventions)
def test_counting_two_matmuls_changes_nothing_of_a_plain_ffn(models, length, switches):
    as_it_is, two = (study(models, length, ffn_matmuls=count, **switches) for count in ("architecture", 2))
    assert all(as_it_is[grain].equals(two[grain]) for grain in ("model", "scenario", "layer_run"))


# Totals --------------------------------------------------------------------------------------------------------------


@few
@given(models=families(), length=lengths, switches=conventions)
def test_shares_sum_to_one(models, length, switches):
    frames = study(models, length, **switches)
    parts = ["ffn", "attention_projections", "attention_scores", "lm_head", "non_matmul"]
    assert close(frames["scenario"][[f"share_{part}" for part in parts]].sum(axis=1), 1)
    assert close(frames["model"].filter(regex="^share_params_(?!active)").sum(axis=1), 1)


@few
@given(models=families(), length=lengths, batch=st.integers(2, 64), switches=conventions)
def test_the_work_grows_with_the_number_of_sequences(models, length, batch, switches):
    one, many = (study(models, length, batch_size=count, **switches)["scenario"] for count in (1, batch))
    work = [name for name in one if name.startswith("flops_") and not name.endswith(("_per_token", "_ratio"))]
    assert close(one[work] * batch, many[work])


@few
@given(models=families(), length=lengths, batch=st.integers(1, 64), switches=conventions)
def test_every_check_of_the_workbook_holds(models, length, batch, switches):
    frames = study(models, length, batch_size=batch, **switches)
    verdicts = [frame.filter(regex="^check_") for frame in frames.values()]
    assert {verdict for frame in verdicts for verdict in np.unique(frame.to_numpy())} == {"ok"}


def counted_by_hand(model, length, batch, attention_pairs, lm_head, lm_head_positions, non_matmul):
    """Parameters and twice the FLOPs in Python's whole numbers of any size; twice, since half a pair is not whole."""
    L, D, H, G, e = (model[name] for name in ("n_layers", "d_model", "n_heads", "n_kv_heads", "d_head"))
    f, k, V, norms = (model[name] for name in ("d_ff", "ffn_matrices", "vocab_size", "n_norms"))
    S, norm = length, {"rmsnorm": 1, "layernorm": 2, "non_parametric": 0}[model["norm"]] * D
    layer = D * H * e + 2 * D * G * e + H * e * D + k * D * f + norms * norm
    params = V * D + L * layer + model["final_norm"] * norm + (0 if model["tie_embeddings"] else D * V)
    twice_pairs = {"full": 2 * S * S, "causal_half": S * S, "causal_exact": S * (S + 1)}[attention_pairs]
    projections = 2 * S * D * (2 * H * e + 2 * G * e)
    scores = 2 * twice_pairs * H * (e + e)
    ffn = k * 2 * S * D * f
    head = {"left_out": 0, "counted": 2 * (1 if lm_head_positions == "last" else S) * D * V}[lm_head]
    rest = 4 * S * D * norms + (5 + k - 2) * S * f + (model["positions"] == "rotary") * 3 * S * (H + G) * e + 2 * S * D
    other = (6 * twice_pairs * H + 2 * rest) if non_matmul == "counted" else 0
    return params, batch * (L * (2 * projections + scores + 2 * ffn + other) + 2 * head)


@settings(max_examples=20, deadline=None)
@given(models=families(), length=lengths, batch=st.integers(1, 64), switches=conventions)
def test_numbers_below_2_to_the_53_are_exact(models, length, batch, switches):
    found = study(models, length, batch_size=batch, **switches)
    for name, model in models.items():
        params, twice_flops = counted_by_hand(model, length, batch, **switches)
        assert int(found["model"]["n_params"][name]) == params
        if twice_flops < EXACT:
            assert 2 * found["scenario"]["flops_forward"][name, length] == twice_flops
