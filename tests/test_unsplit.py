"""What tensor parallelism does not split: projections into latents, an indexer and keys of fewer heads than devices."""

from __future__ import annotations

from typing import Any

import pytest

from studies import frames_of

GIB = 2**30
MODELS = {
    "deepseek": {"model": "deepseek-v3"},
    "indexed": {"model": "deepseek-v3.2"},
    "grouped": {"model": "llama-3-70b"},
}
# DeepSeek-V3: into the latents of queries and of keys and values 7,168 · 1,536 + 7,168 · (512 + 64), of a layer.
LATENTS = 7168 * 1536 + 7168 * (512 + 64)
# All of its attention has out of them 1,536 · 128 · 192 + 512 · 128 · 128 · 2 besides, and O with 128 · 128 · 7,168.
ATTENTION = LATENTS + 1536 * 128 * 192 + 2 * 512 * 128 * 128 + 128 * 128 * 7168
FFN = 3 * 7168 * 18432  # of its first layers


def trained(model: str = "deepseek", **layout: Any) -> Any:
    """The frames of a training run of one micro-batch at a time."""
    run = {"model": model, "hardware": "h100-sxm", "n_devices": 8, "context_length": 4096, "global_batch_size": 8}
    return frames_of({
        "version": 1, "context_lengths": [4096], "models": {model: MODELS[model]},
        "training": {"run": run | {"n_tokens": "1B"} | layout},
    })  # fmt: skip


def served(model: str, **layout: Any) -> Any:
    """The frames of a serving run of one short sequence."""
    run = {"model": model, "hardware": "h200", "prompt_length": 1024, "generated_length": 1, "n_sequences": 1}
    return frames_of({
        "version": 1, "context_lengths": [4096], "models": {model: MODELS[model]},
        "serving": {"run": run | {"n_devices": 8, "tensor_parallel": 8} | layout},
    })  # fmt: skip


def layer(frames: Any, name: str) -> float:
    """What the first layers of a training run have."""
    found: float = frames["training_layer"][name].iloc[0]
    return found


def test_a_server_of_deepseek_r1_holds_on_each_of_8_devices_what_vllm_logs() -> None:
    # HabanaAI/vllm-fork, issue 809, DeepSeek-R1 in fp8 with TP 8: "Pre-loading model weights … took 79.41 GiB of
    # device memory", of each; if all of attention were split, 78.54 GiB.
    formats = {f"weight_format_{part}": "bf16" for part in ("embedding", "lm_head", "norms", "router")}
    found = served("deepseek", weight_format="fp8_block", **formats)["serving_run"].loc["run"]
    assert found["served_weight_gib_device"] == pytest.approx(79.41, rel=0.002)


@pytest.mark.parametrize(
    # Of DeepSeek-V3.2 the indexer too: queries from their latent, one key per token, a weight per head.
    ("model", "whole"),
    [("deepseek", LATENTS), ("indexed", LATENTS + 1536 * 64 * 128 + 7168 * 128 + 7168 * 64)],
)
def test_each_device_has_projections_into_latents_and_an_indexer_whole(model: str, whole: int) -> None:
    ways = {ways: layer(trained(model, tensor_parallel=ways), "n_params_layer_matrices_device") for ways in (1, 8)}
    assert ways == {1: ATTENTION + FFN + whole - LATENTS, 8: (ATTENTION - LATENTS + FFN) / 8 + whole}


def test_keys_and_values_of_eight_heads_are_on_sixteen_devices_twice() -> None:
    # Llama-3-70B: 2 · 8,192 · 8 · 128 weights of keys and values in each of 80 layers, in 16 bits; half of a 16th more.
    found = [
        served("grouped", n_devices=ways, tensor_parallel=ways)["serving_layer"]["served_repeated_bytes_group"].sum()
        for ways in (8, 16)
    ]
    assert found == [0, 80 * 2 * 2 * 8192 * 1024 * (1 / 8 - 1 / 16)]


@pytest.mark.parametrize(("sequence_parallel", "times"), [(True, 1), (False, 8)])
def test_with_sequence_parallelism_each_device_projects_its_own_tokens_into_the_latents(
    *, sequence_parallel: bool, times: int
) -> None:
    """Megatron-LM, multi_latent_attention.py: a device projects before the sequence is gathered."""
    found = layer(trained(tensor_parallel=8, sequence_parallel=sequence_parallel), "dense_flops_layer")
    narrow = 1 + 40 * 8 / 7168  # what narrow matmuls take longer
    assert found == pytest.approx(2 * 4096 * (ATTENTION - LATENTS + times * LATENTS + FFN) / 8 * narrow, rel=1e-14)


def test_copies_are_no_further_parameters_that_are_frozen() -> None:
    counts = [
        trained(tensor_parallel=ways, **frozen)["training_run"]["n_params_frozen"].iloc[0]
        for frozen in ({"frozen": ["attention"]}, {"frozen_layers": 3})
        for ways in (1, 8)
    ]
    assert counts == pytest.approx([61 * ATTENTION, 61 * ATTENTION, counts[2], counts[2]], rel=1e-15)


def test_a_projection_into_a_latent_may_be_the_largest_matrix_of_a_device() -> None:
    run = {"optimizer": "muon", "n_devices": 128, "tensor_parallel": 128, "global_batch_size": 1}
    assert layer(trained(**run), "n_params_layer_largest_matrix") == 7168 * 1536


def test_a_prompt_is_multiplied_with_what_is_not_split_on_every_device() -> None:
    work = [served("deepseek", n_devices=ways, tensor_parallel=ways) for ways in (1, 8)]
    alone, shared = (one["serving_layer"]["served_work_params_group"].sum() for one in work)
    assert shared - alone == 61 * 7 * LATENTS
