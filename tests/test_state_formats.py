"""Formats of states by part, copies in fp8, shards that are cast, states on the host, and what fp8 training keeps."""

from __future__ import annotations

import pytest

from studies import frames_of

D, F, L, V = 4096, 11008, 32, 32000  # Llama-2-7B
MATRICES = L * (4 * D * D + 3 * D * F)
OTHERS = 2 * V * D + (2 * L + 1) * D  # embedding, head, norms
N = MATRICES + OTHERS
CLASSES = ["weight_bytes_device", "gradient_bytes_device", "master_weight_bytes_device", "optimizer_bytes_device"]
ENGINE = {"activation_method": "transformer_engine", "loss_kernel": "fused"}


def run_of(model="llama-2-7b", **run):
    """One training run as a row."""
    run = {"model": "m", "hardware": "h100-sxm", "context_length": 4096} | run
    models = {"m": {"model": model}}
    spec = {"version": 1, "context_lengths": [4096], "models": models, "training": {"run": run}}
    return frames_of(spec)["training_run"].loc["run"]


def states(**run):
    """Bytes of weights, gradients, master weights and moments on one device."""
    return run_of(**run)[CLASSES].tolist()


def test_states_of_deepseek_v3_are_fp32_but_for_moments_in_bf16():
    # DeepSeek-V3, arXiv:2412.19437, section 3.3.3: moments in BF16; master weights and gradients in FP32.
    assert states(gradients="fp32", moments="bf16") == [2 * N, 4 * N, 4 * N, 2 * 2 * N]


def test_states_of_fp8_lm_have_six_bytes_of_a_parameter():
    # Peng et al. 2023, arXiv:2310.18313, section 2.2: master weights FP16 2, gradients FP8 1, moments FP8 1 and FP16 2;
    # one format for both moments here, so that the smaller of the two gives 2 + 1 + (1 + 1).
    assert states(master_weights="fp16", gradients="fp8", moments="fp8")[1:] == [N, 2 * N, 2 * N]


def test_a_format_of_16_bits_by_parts_is_bf16():
    by_parts = states(gradients="bf16", master_weights="fp32", moments="fp32")
    assert by_parts == states()


def test_states_in_eight_bits_are_sharded_as_others_are():
    # Dettmers et al. 2022, arXiv:2110.02861: 2 bytes of both moments; ZeRO-1 over 8 devices leaves an eighth.
    assert states(optimizer="adamw_8bit", zero_stage=1, n_devices=8)[3] == pytest.approx(2 * N / 8, rel=1e-12)


@pytest.mark.parametrize(
    ("fp8_weights", "matrix"),
    [("cast", 2), ("copies", 2 + 1), ("copies_transposed", 2 + 1 + 1), ("only", 1), ("only_transposed", 1 + 1)],
)
def test_matrices_have_the_copies_that_transformer_engine_keeps(fp8_weights, matrix):
    # Transformer Engine, Float8Tensor: one byte of data and, on Hopper, one of its transpose.
    held = states(precision="mixed_fp8", fp8_weights=fp8_weights)[0]
    assert held == matrix * MATRICES + 2 * OTHERS


def test_fsdp2_holds_16_bytes_of_a_parameter_where_deepspeed_holds_18():
    # FSDP2 shards fp32 parameters, their fp32 gradients and two moments: 4 + 4 + 8; DeepSpeed has 16-bit weights too.
    each = [
        sum(states(zero_stage=3, n_devices=8, gradients="fp32", sharded_weights=kind)) * 8 / N
        for kind in ["weights_and_master", "master"]
    ]
    assert each == pytest.approx([18, 16], rel=1e-12)


def test_what_fsdp2_gathers_is_whole_where_its_shard_is_cast():
    both, cast = (
        run_of(zero_stage=3, n_devices=8, sharded_weights=kind)["gathered_bytes_device"]
        for kind in ["weights_and_master", "master"]
    )
    assert cast == pytest.approx(both * 8 / 7, rel=1e-12)


def test_an_offloaded_optimizer_stands_on_the_host():
    # Ren et al. 2021, arXiv:2101.06840, section 4: fp32 parameters and moments, 12 bytes, are in the host's memory.
    run = run_of(offloaded="optimizer")
    assert [*run[CLASSES], run["host_bytes_device"]] == [2 * N, 2 * N, 0, 0, 12 * N]


def test_all_states_of_fsdp2_on_the_host_are_16_bytes_of_a_parameter():
    run = run_of(offloaded="all", zero_stage=3, n_devices=8, gradients="fp32")
    wanted = [0, 0, 0, 0, 16 * N / 8]
    assert [*run[CLASSES], run["host_bytes_device"]] == pytest.approx(wanted, rel=1e-12)


def test_loss_parallel_has_four_fp32_tensors_beside_16_bit_logits():
    # torch/distributed/tensor/parallel/loss.py: return (grad_input + torch.exp(x)) * grad_output, with x, grad_input,
    # the exponentials and their sum alive.
    plain, parallel = (run_of(loss_kernel=kernel)["working_bytes_device"] for kernel in ["plain", "parallel"])
    assert parallel - plain == (18 - 14) * 4096 * V


def test_linear_layers_keep_inputs_in_fp8():
    # Transformer Engine: inputs of QKV and gate/up, 2·D, and of the down projection, f, in one byte instead of two; the
    # output of attention in fp8 beside the one that its backward pass reads.
    saved = (
        run_of(**ENGINE)["activation_bytes_device"] - run_of(**ENGINE, linear_inputs="fp8")["activation_bytes_device"]
    )
    assert saved == L * 4096 * (2 * D + F - D)


def test_gate_and_up_are_kept_in_fp8():
    # Megatron-LM, activation_func_fp8_input_store: the input of the activation, 2·f, in one byte instead of two.
    both = [run_of(**ENGINE, **more)["activation_bytes_device"] for more in [{}, {"activation_inputs": "fp8"}]]
    assert both[0] - both[1] == L * 4096 * 2 * F
