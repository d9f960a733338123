"""Adapters of low rank beside frozen weights, and optimizers without moments."""

from __future__ import annotations

import pytest

from studies import frames_of

LLAMA_7B, LLAMA_70B = {"model": "llama-2-7b"}, {"model": "llama-3-70b"}
D, F, L, V = 4096, 11008, 32, 32000  # Llama-2-7B
MATRICES = L * (4 * D * D + 3 * D * F)
OTHERS = 2 * V * D + (2 * L + 1) * D  # embedding, head, norms


def run_of(model=LLAMA_7B, conventions=None, **run):
    """One training run as a row."""
    run = {"model": "m", "hardware": "h100-sxm", "context_length": 4096} | run
    spec = {
        "version": 1,
        "context_lengths": [4096],
        "models": {"m": model},
        "training": {"run": run},
        "conventions": conventions or {},
    }
    return frames_of(spec)["training_run"].loc["run"]


@pytest.mark.parametrize(
    ("rank", "targets", "trained"),
    [
        (8, "query_value", 4_194_304),  # huggingface/peft, Llama-2-7B: trainable params: 4,194,304
        (16, "all", 39_976_960),  # the same with all linear layers: trainable params: 39,976,960
    ],
)
def test_adapters_train_the_parameters_that_peft_prints(rank, targets, trained):
    assert run_of(adapter_rank=rank, adapter_targets=targets)["n_params_trained"] == trained


def test_only_adapters_have_gradients_master_weights_and_moments():
    run = run_of(adapter_rank=8)
    held = run[["weight_bytes_device", "gradient_bytes_device", "master_weight_bytes_device", "optimizer_bytes_device"]]
    base, adapters = MATRICES + OTHERS, 4_194_304
    assert held.tolist() == [2 * (base + adapters), 2 * adapters, 4 * adapters, 8 * adapters]


def test_qlora_holds_its_matrices_in_four_bits_and_the_rest_in_16():
    # Dettmers et al. 2023, section 3: 4 + 8/64 + 32/(64·256) bits of a weight.
    run = run_of(adapter_rank=8, frozen_format="nf4_double")
    wanted = MATRICES * (4 + 8 / 64 + 32 / (64 * 256)) / 8 + 2 * (OTHERS + 4_194_304)
    assert run["weight_bytes_device"] == pytest.approx(wanted, rel=1e-12)


def test_no_gradients_of_frozen_weights_are_computed():
    # A backward pass is two products for each weight, of them one for the weight itself; scores have no weights.
    full, frozen = run_of(), run_of(adapter_rank=8)
    products = 2 * 4096 * (MATRICES + D * V)
    adapters = 2 * 4096 * 4_194_304
    assert full["flops_step"] - frozen["flops_step"] == products - 3 * adapters


def test_flops_beside_adapters_are_those_that_megatron_bridge_counts():
    # NVIDIA Megatron-Bridge, training/utils/flop_utils.py, LoRA of a dense model: two thirds of the products of frozen
    # weights, all of the scores, 12·S²·D·L; it leaves the adapters themselves out, here 3 · 2 · r · (in + out) a token.
    frozen, scores = 6 * 4096 * (MATRICES + D * V), 12 * 4096**2 * D * L
    assert run_of(adapter_rank=8)["flops_step"] - 6 * 4096 * 4_194_304 == frozen * 2 / 3 + scores


def test_a_published_lora_run_of_llama_3_70b_fits_and_has_the_flops_that_its_source_counts():
    # NVIDIA NeMo, performance summary: LoRA of Llama-3-70B on 8 H100, TP 2, PP 4, 32 sequences of 4,096 tokens,
    # 26.92 s a step, 176 TFLOP/s a device: each product of the forward pass once more in the backward pass, of the
    # scores too, with the causal half of the pairs.
    run = run_of(
        LLAMA_70B, {"attention_pairs": "causal_half", "backward_multiple": 1}, n_devices=8, tensor_parallel=2,
        pipeline_parallel=4, global_batch_size=32, adapter_rank=16, adapter_targets="all", sequence_parallel=True,
        activation_method="transformer_engine", loss_kernel="fused", measured_tokens_per_second=32 * 4096 / 26.92,
    )  # fmt: skip
    assert (bool(run["fits"]), run["mfu"] * run["peak_flops"] / 1e12) == (True, pytest.approx(176, abs=0.5))


@pytest.mark.parametrize("targets", ["attention", "ffn"])
def test_adapters_of_full_rank_train_no_less_than_the_weights(targets):
    weights = L * {"attention": 4 * D * D, "ffn": 3 * D * F}[targets]
    assert run_of(adapter_rank=D, adapter_targets=targets)["n_params_trained"] >= weights


def test_adapters_are_split_as_the_weights_are():
    one, many = run_of(adapter_rank=8), run_of(adapter_rank=8, tensor_parallel=4, n_devices=4)
    assert many["n_params_stage_adapters"] == one["n_params_stage_adapters"] / 4


def test_plain_sgd_holds_no_moments():
    assert run_of(optimizer="sgd")["optimizer_bytes_device"] == 0
