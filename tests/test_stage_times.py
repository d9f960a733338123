"""Predicted time of pipelines whose stages differ: unlike layers, multi-token prediction, ends that are set apart."""

from __future__ import annotations

from typing import Any

import pytest

from studies import frames_of
from test_step_time import DEVICES, EXPERTS, HARDWARE, LAYERS, MODEL, D, S, V

SCORES = {"recomputation": "selective", "recompute_core_attn": True}
MIXED = [
    {"name": "global", "n_layers": 2},
    {"name": "window", "n_layers": 6, "window": 256},
]


def step(model: Any = (), **layout: Any) -> Any:
    """One training run as a row."""
    run = {"model": "m", "hardware": "mine", "context_length": S, "n_devices": DEVICES, **layout}
    inputs = MODEL | dict(model)
    if "layers" in inputs:
        del inputs["n_layers"]
    spec = {"version": 1, "context_lengths": [S], "models": {"m": inputs}, "training": {"run": run}}
    return frames_of(spec | {"hardware": {"mine": HARDWARE}})["training_run"].loc["run"]


def mixed(order: str) -> dict[str, Any]:
    """Eight layers, two of them global."""
    return {"layers": MIXED, "layer_order": order}


@pytest.mark.parametrize("order", ["interleaved", "any"])
@pytest.mark.parametrize("stages", [1, 2])
def test_attention_of_interleaved_layers_takes_as_long_however_many_stages_share_them(order: str, stages: int) -> None:
    # By hand: 2 layers of S(S + 1)/2 pairs and 6 of 256 to a query, but for the first 256 of them.
    pairs = 2 * S * (S + 1) / 2 + 6 * (256 * 257 / 2 + (S - 256) * 256)
    by_hand = 3.5 * 2 * pairs * 2 * D / (0.5 * 0.4 * 1e15) * 4 / stages
    found = step(mixed(order), n_devices=4, pipeline_parallel=stages, global_batch_size=16)
    # Half the devices hold a stage, so that each has twice as many micro-batches.
    assert found["seconds_attention"] == pytest.approx(by_hand * stages, rel=1e-12)


def test_of_listed_layers_a_stage_has_as_many_as_come_one_after_the_other() -> None:
    # Four stages of two layers: the first one has both global ones.
    found = step(mixed("listed") | {"vocab_size": 128}, n_devices=4, pipeline_parallel=4, global_batch_size=4)
    by_hand = 4 * 3.5 * 2 * (2 * S * (S + 1) / 2) * 2 * D / (0.5 * 0.4 * 1e15)
    assert found["seconds_attention"] == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize(
    ("ends", "layers"),
    [
        ({"first_stage_layers": 8}, [8, 24, 24, 24]),
        ({"last_stage_layers": 8}, [24, 24, 24, 8]),
        ({"first_stage_layers": 20, "last_stage_layers": 10}, [20, 25, 25, 10]),
    ],
)
def test_stages_share_evenly_what_one_that_is_set_apart_leaves(ends: dict[str, int], layers: list[int]) -> None:
    # Megatron-LM, transformer_block.py, get_num_layers_to_build: the remaining layers over the remaining stages.
    found = step({"n_layers": 80}, n_devices=4, pipeline_parallel=4, global_batch_size=4, **ends)
    assert [found[f"n_layers_stage_{at}"] for at in range(1, 5)] == layers


def test_a_layer_of_multi_token_prediction_stands_on_the_last_stage_with_a_copy_of_the_embedding() -> None:
    # Megatron-LM, gpt_model.py: the stage with mtp_process has the embedding; by hand, the layer with its norms, the
    # projection of 2D × D with three norms, and the embedding: 2 + 4 + 4 + 8 bytes for each parameter.
    layout = {"n_devices": 4, "pipeline_parallel": 4, "global_batch_size": 4, "gradients": "fp32"}
    plain, predicts = (step({"tie_embeddings": False, "n_mtp_layers": n}, **layout) for n in (0, 1))
    layer = 4 * D * D + 2 * D * MODEL["d_ff"] + 2 * D
    by_hand = 18 * (layer + 2 * D * D + 3 * D + V * D)
    assert predicts["weight_state_bytes_last"] - plain["weight_state_bytes_last"] == by_hand


def test_each_loss_of_multi_token_prediction_keeps_its_log_probabilities() -> None:
    # Megatron-LM, gpt_model.py, process_mtp_loss: 4 bytes for each of S · V; before it, a norm that keeps its input in
    # 16 bits, its output in 32 and 16, a number per token, as autograd does.
    plain, predicts = (step({"n_mtp_layers": n}) for n in (0, 1))
    kept = 4 * S * V + (2 + 4 + 2) * S * D + 4 * S
    assert predicts["loss_phase_bytes_each"] - plain["loss_phase_bytes_each"] == kept


def test_the_slowest_stage_is_found_by_its_time_and_not_by_its_work() -> None:
    # The head of a second prediction adds work, so that no step gets shorter for it.
    layout = {"n_devices": 32, "pipeline_parallel": 4, "expert_parallel": 8, "global_batch_size": 64}
    model = EXPERTS | {"vocab_size": 128_000}
    plain, predicts = (step({**model, "n_mtp_layers": n}, **layout) for n in (0, 1))
    assert predicts["predicted_seconds_per_step"] > plain["predicted_seconds_per_step"]


def test_full_recomputation_sends_tokens_to_their_experts_once_more() -> None:
    # Dispatch and combine in three passes for two.
    none, full = (step(EXPERTS, expert_parallel=4, recomputation=kind) for kind in ("none", "full"))
    assert full["seconds_expert_parallel"] == pytest.approx(none["seconds_expert_parallel"] * 6 / 4, rel=1e-12)


@pytest.mark.parametrize("again", [{"recomputation": "full"}, SCORES])
def test_attention_that_is_computed_again_passes_keys_and_values_round_the_ring_again(again: dict[str, Any]) -> None:
    none, more = (step(context_parallel=4, **layout) for layout in ({"recomputation": "none"}, again))
    assert more["seconds_context_parallel"] == pytest.approx(none["seconds_context_parallel"] * 4 / 3, rel=1e-12)


def test_a_ring_across_nodes_waits_for_one_network_card() -> None:
    # Of 16 devices in nodes of 8: 15 passes of 2 · 2 bytes · S/16 · 1,024 keys and values, three times, over 50 GB/s.
    found = step(context_parallel=16, context_parallel_overlap=0)
    by_hand = LAYERS * 3 * 15 * 2 * 2 * (S / 16) * D / (0.5 * 50e9)
    assert found["seconds_context_parallel"] == pytest.approx(by_hand, rel=1e-12)


def test_a_layer_of_one_sub_layer_has_one_all_reduce() -> None:
    # Of four layers two have only attention and two only an FFN: four all-reduces forward and four backward.
    layers = [
        {"name": "attention", "n_layers": 2, "ffn": "none", "d_ff": 0},
        {"name": "FFN", "n_layers": 2, "n_heads": 0},
    ]
    found = step({"layers": layers, "n_norms": 1}, tensor_parallel=4)
    by_hand = 4 * 2 * (2 * (S * 2 * D) * 3 / 4 / (0.5 * 400e9) + 1e-4)
    assert found["seconds_tensor_parallel"] == pytest.approx(by_hand, rel=1e-12)
