"""Published cases that were judged wrongly by calculators, each with its right value."""

from __future__ import annotations

from typing import Any

import pytest

from flopsheet.diagnostics import SpecError
from flopsheet.spec import load_spec
from studies import frames_of

GIB = 2**30


LLAMA_2_13B = {
    "n_layers": 40, "d_model": 5120, "n_heads": 40, "d_ff": 13_824, "ffn": "swiglu", "vocab_size": 32_000,
}  # fmt: skip


def spec_of(kind: str, model: Any, **run: Any) -> dict[str, Any]:
    run = {"model": "m"} | run
    models = {"m": model if isinstance(model, dict) else {"model": model}}
    return {"version": 1, "context_lengths": [1024], "models": models, kind: {"run": run}}


def trained(model: Any, **run: Any) -> Any:
    """A training run as a row."""
    return frames_of(spec_of("training", model, **run))["training_run"].loc["run"]


def test_full_recomputation_with_sequence_parallelism_keeps_a_share_of_each_input():
    # torchtitan, Llama 3 70B on 256 H100: 80 layers, 16 · 8,192 tokens of 8,192 numbers in 16 bits, an eighth each.
    run = trained(
        "llama-3-70b", hardware="h100-sxm", n_devices=256, tensor_parallel=8, sequence_parallel=True, zero_stage=3,
        micro_batch_size=16, global_batch_size=512, gradients="fp32", context_length=8192, recomputation="full",
    )  # fmt: skip
    assert (run["activation_bytes_device"] / GIB, run["fits"]) == (pytest.approx(20.0, abs=0.01), True)


def test_the_loss_of_a_long_sequence_does_not_fit():
    # torchtitan, Llama 3 8B on 8 H100 of 96 GB: 83.9 GiB reserved; a device of 80 GB does not hold that.
    run = trained(
        "llama-3-8b", hardware="h100-sxm", n_devices=8, zero_stage=3, gradients="fp32", context_length=32_768,
        recomputation="full",
    )  # fmt: skip
    assert (run["device_gib"], run["fits"], run["peak_phase"]) == (pytest.approx(83.9, rel=0.05), False, "loss")


def test_two_layers_of_a_70b_are_gathered_at_a_time_beside_embedding_and_head():
    # 1.6 GiB of a layer, two at a time, and 2.0 GiB each of embedding and head; an eighth of it is the device's own.
    run = trained("llama-3-70b", hardware="h100-sxm", n_devices=8, zero_stage=3, context_length=8192)
    assert run["gathered_bytes_device"] / GIB == pytest.approx((2 * 1.6 + 2 * 2.0) * 7 / 8, abs=0.1)


def test_llama_2_13b_that_ran_on_64_a100_fits():
    # torchtitan: 64 A100 of 80 GB, micro-batch 2 of 4,096 tokens, ZeRO-3 without recomputation ran at 61 % MFU.
    run = trained(
        LLAMA_2_13B, hardware="a100-80gb", n_devices=64, zero_stage=3, micro_batch_size=2, context_length=4096,
        sharded_weights="master",
    )  # fmt: skip
    assert run["fits"]


def test_llama_3_405b_that_ran_on_16384_h100_without_recomputation_fits():
    # Llama team 2024, arXiv:2407.21783, table 4 and section 3.3.2: TP 8, PP 16, DP 128, 2,048 sequences of 8,192
    # tokens, gradients sharded, a layer less on the first and the last stage, no activation checkpointing.
    run = trained(
        "llama-3.1-405b", hardware="h100-sxm", n_devices=16_384, tensor_parallel=8, sequence_parallel=True,
        pipeline_parallel=16, first_stage_layers=7, last_stage_layers=7, global_batch_size=2048, context_length=8192,
        zero_stage=2, gradients="fp32", activation_method="transformer_engine", loss_kernel="fused",
    )  # fmt: skip
    assert run["fits"]


# MiB that nvidia-smi and its like report as the memory of a device; a v5p has 95.74 GiB.
REPORTED = {
    "a100-40gb": 40_960, "a100-80gb": 81_920, "h100-sxm": 81_559, "h200": 143_771, "b200": 183_359, "l40s": 46_068,
    "tpu-v5p": 95.74 * 1024,
}  # fmt: skip


def test_a_device_has_the_memory_that_its_driver_reports():
    runs = {name: {"model": "m", "hardware": name, "n_devices": 1, "context_length": 1024} for name in REPORTED}
    spec = spec_of("training", "gpt2-small") | {"training": runs}
    found = frames_of(spec)["training_run"]["capacity_gib"] * 1024
    assert found.to_dict() == pytest.approx(REPORTED, rel=1e-9)


@pytest.mark.parametrize("data", [1, 2, 8])
def test_a_distributed_optimizer_leaves_6_and_a_share_of_12_bytes_of_a_parameter(data):
    # Megatron-LM, docs/source/api-guide/dist_optimizer.md: bf16 parameters and fp32 gradients, 6 + 12/d.
    run = trained(
        "llama-3-8b", hardware="h100-sxm", n_devices=data, zero_stage=1, gradients="fp32", context_length=1024
    )
    states = ("weight", "gradient", "master_weight", "optimizer")
    held = sum(run[f"{name}_bytes_device"] for name in states)
    assert held == pytest.approx(8_030_261_248 * (6 + 12 / data), rel=1e-12)


def test_gradients_between_nodes_go_over_the_network():
    # 0.34 s: 70.55e9 parameters of 2 bytes on 8 · 2 devices, twice around a ring of 32, 50 GB/s each; links inside a
    # node, nine times as fast, would give 0.038 s.
    run = trained(
        "llama-3-70b", hardware="h100-sxm", n_devices=512, tensor_parallel=8, pipeline_parallel=2, zero_stage=1,
        global_batch_size=512, context_length=8192,
    )  # fmt: skip
    assert run["gradient_exchange_seconds"] == pytest.approx(0.34, abs=0.01)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"n_devices": 3}, "tensor_parallel 3 does not divide the 64 heads; write one of 1, 2, 4, 8"),
        ({"n_devices": 100_000}, "tensor_parallel 100,000 does not divide the 64 heads"),
    ],
)
def test_devices_that_the_heads_cannot_share_are_refused_with_the_choices(run, message):
    with pytest.raises(SpecError) as refused:
        load_spec(
            spec_of(
                "serving", "llama-3-70b", hardware="h200", prompt_length=8, generated_length=8, n_sequences=1, **run
            )
        )
    assert message in str(refused.value)
