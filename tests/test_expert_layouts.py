"""Devices share routed experts: their weights and states, and the tokens that are sent to them."""

from __future__ import annotations

import pytest

from flopsheet.diagnostics import SpecError
from test_training import STATES, frames, run_of

MIXTURE = {
    "n_layers": 2, "d_model": 64, "n_heads": 4, "ffn": "swiglu", "d_ff": 0, "vocab_size": 100, "n_norms": 0,
    "final_norm": False, "n_experts": 8, "n_active_experts": 2, "d_expert": 32,
}  # fmt: skip


def test_expert_parallelism_divides_routed_experts_only():
    model = MIXTURE | {"n_shared_experts": 1}
    experts, others = 2 * 8 * 3 * 64 * 32, 2 * 100 * 64 + 2 * (4 * 64 * 64 + 3 * 64 * 32 + 64 * 8)
    found = frames(model, one={"n_devices": 8}, eight={"n_devices": 8, "expert_parallel": 8})["training_run"]
    assert found["weight_bytes_device"].tolist() == [2 * (others + experts), 2 * (others + experts / 8)]


@pytest.mark.parametrize(
    ("tensor", "expert_tensor", "expert", "of_expert", "copies"),
    # The rows of Megatron-MoE-ModelZoo, best_practice/Qwen3/readme.md, of one stage: TP · DP devices, EP, ETP → EDP.
    [(2, 1, 32, 32, 1), (2, 1, 8, 8, 4), (4, 1, 8, 8, 4), (4, 4, 8, 32, 1), (4, 2, 4, 8, 4)],
)
def test_experts_are_divided_by_their_own_tensor_parallel_size(tensor, expert_tensor, expert, of_expert, copies):
    """devices / (PP · EP · ETP) copies of an expert: Megatron-LM, parallel_state.py, initialize_model_parallel."""
    model = MIXTURE | {"n_experts": 32}
    layout = {"tensor_parallel": tensor, "expert_tensor_parallel": expert_tensor, "expert_parallel": expert}
    found = run_of(model, n_devices=32, **layout)
    assert found["n_params_stage_experts"] == 2 * 32 * 3 * 64 * 32 / of_expert
    assert found["n_expert_shards"] == copies


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (
            {"expert_tensor_parallel": 1, "expert_parallel": 8, "n_devices": 4},
            "does not divide tensor · data · context",
        ),
        ({"expert_tensor_parallel": 3, "n_devices": 12}, "does not divide the 32 channels of an expert"),
    ],
)
def test_experts_that_the_devices_or_the_width_cannot_be_divided_by_are_refused(layout, said):
    with pytest.raises(SpecError, match=said):
        run_of(MIXTURE, tensor_parallel=4, **layout)


@pytest.mark.parametrize(
    ("expert_tensor", "sequence_parallel", "copies"),
    [(4, True, 4), (2, True, 2), (1, True, 1), (4, False, 4), (1, False, 4)],  # of a quarter of the tokens
)
def test_devices_that_share_an_expert_keep_the_tokens_of_all_of_them(expert_tensor, sequence_parallel, copies):
    """A quarter of the tokens come out of attention, and are gathered: Megatron-LM, moe/token_dispatcher.py."""
    layout = {"tensor_parallel": 4, "expert_tensor_parallel": expert_tensor, "sequence_parallel": sequence_parallel}
    found = frames(MIXTURE, run={"n_devices": 4, **layout})["training_layer"]["expert_bytes_layer"].iloc[0]
    tokens, inside = 2048 * 2, 4 * 32  # two experts for each token; four values for each of 32 channels
    assert found == 2 * tokens * (inside / 4 + 64 / 4 + copies * 64 / 4)  # 16 bits: inside, outputs, gathered inputs


@pytest.mark.parametrize(
    ("more", "metric", "by_hand"),
    [
        # 16 bits, two experts for each of 2,048 tokens: four values for each of 32 channels, 64 in, 64 out.
        ({}, "expert_bytes_layer", 2 * 2048 * 2 * (1.5 * (4 * 32 + 64) + 64)),
        # Gate, up and product of the channels, and what goes in; two numbers in fp32 for each of eight experts.
        (
            {"activation_method": "transformer_engine"},
            "expert_bytes_engine",
            2 * 2048 * 2 * 1.5 * (3 * 32 + 64) + 2 * 4 * 2048 * 8,
        ),
        # Activation and product are made again.
        ({"recomputation": "selective", "recompute_core_attn": False, "recompute_moe_act": True},
         "dropped_bytes_layer", 2 * 2048 * 2 * 1.5 * 2 * 32),
    ],
)  # fmt: skip
def test_the_most_loaded_device_keeps_more_tokens_of_its_experts(more, metric, by_hand):
    found = frames(MIXTURE, run={"n_devices": 8, "expert_parallel": 8, "expert_imbalance": 1.5} | more)
    assert found["training_layer"][metric].iloc[0] == by_hand


def test_zero_shares_the_states_of_experts_over_the_devices_that_hold_the_same_ones():
    experts, others = 2 * 8 * 3 * 64 * 32, 2 * 100 * 64 + 2 * (4 * 64 * 64 + 64 * 8)
    found = run_of(MIXTURE, n_devices=16, expert_parallel=4, zero_stage=3)
    # Sixteen copies of what is no expert; four of each expert: in the end a sixteenth of everything.
    assert found[STATES].sum() == 16 * (others + experts) / 16
    assert run_of(MIXTURE, n_devices=16, expert_parallel=4, zero_stage=1)["optimizer_bytes_device"] == (
        8 * (others / 16 + experts / 4 / 4)
    )
