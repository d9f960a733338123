"""Parameters and FLOPs equal, as integers, what PyTorch and transformers count on the same shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studies import frames_of

# torch 2.13.0's flop counter (batch 1, full S × S attention, logits at all positions) and the parameters of models
# instantiated on the meta device: RMSNorm, rotary positions, untied, without biases.
TRUTH = json.loads((Path(__file__).parent / "truth" / "cs336.json").read_text(encoding="utf-8"))
CONTEXTS = [128, 1024, 4096, 16384]

PARAMETERS = {
    "token_embedding": ["n_params_token_embedding"],
    "attention_weights": ["n_params_attention"],
    "ffn_dense": ["n_params_ffn"],
    "norms": ["n_params_layer_norms_all", "n_params_final_norm"],
    "lm_head": ["n_params_lm_head"],
}
FLOPS = {
    "total": "flops_forward",
    "attention_projections": "flops_attention_projections",
    "attention_scores_values": "flops_attention_scores",
    "ffn_dense": "flops_ffn",
    "lm_head": "flops_lm_head",
}


def spec(**conventions):
    names = {"vocab_size": "vocab_size", "d_model": "d_model", "num_layers": "n_layers", "num_heads": "n_heads"}
    names |= {"d_ff": "d_ff", "ffn_matrices": "ffn_matrices", "tied": "tie_embeddings"}
    models = {model["name"]: {names[key]: value for key, value in model["config"].items()} for model in TRUTH}
    return {"version": 1, "context_lengths": CONTEXTS, "conventions": conventions, "models": models}


@pytest.fixture(scope="module")
def frames():
    return frames_of(spec())


def test_the_parameters_of_every_component_are_those_that_transformers_counts(frames):
    found = frames["model"]
    assert {
        name: {part: int(found.loc[name, metrics].sum()) for part, metrics in PARAMETERS.items()}
        for name in found.index
    } == {model["name"]: model["params_by_component"] for model in TRUTH}


def test_the_parameters_in_all_are_those_that_transformers_counts(frames):
    assert frames["model"]["n_params"].astype(int).to_dict() == {
        model["name"]: model["params_total"] for model in TRUTH
    }


def test_the_flops_of_every_component_at_every_length_are_those_that_torch_counts(frames):
    found = frames["scenario"]
    assert {
        model["name"]: {
            length: {part: int(found.loc[(model["name"], int(length)), metric]) for part, metric in FLOPS.items()}
            for length in model["forward_flops"]
        }
        for model in TRUTH
    } == {model["name"]: model["forward_flops"] for model in TRUTH}


def test_counting_two_matmuls_of_a_gated_ffn_gives_what_torch_counts_for_a_plain_one():
    found = frames_of(spec(ffn_matmuls=2))["scenario"]["flops_forward"]
    shapes = [(size, width) for size, width in (("small", 3072), ("medium", 4096), ("large", 5120), ("xl", 6400))]
    plain = {model["name"]: model["forward_flops"]["1024"]["total"] for model in TRUTH}
    assert [int(found[f"cs336-{size}-3mat-dff{width}", 1024]) for size, width in shapes] == [
        plain[f"cs336-{size}-2mat-dff{width}"] for size, width in shapes
    ]
