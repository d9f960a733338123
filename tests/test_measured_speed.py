"""A measured speed as logs say it, and the same speed said otherwise; MFU by the counts of others."""

from __future__ import annotations

import pytest

from studies import frames_of

LENGTH, BATCH, DEVICES = 4096, 128, 64
SPEEDS = [
    "tokens_per_second", "seconds_per_step", "tokens_per_second_per_device", "tflops_per_device", "mfu_by_6n",
    "mfu_by_palm", "mfu_by_megatron", "mfu_by_torchtitan",
]  # fmt: skip
# NVIDIA NeMo 24.07, performance summary: pre-training LLaMA2-70B on 64 H100, 128 sequences of 4,096 tokens in fp8:
# 1,717 tokens per second and GPU.
LOGGED = 1717


def run_of(conventions=None, **run):
    """One training run of Llama-2-70B as a row."""
    run = {"model": "m", "hardware": "h100-sxm", "context_length": LENGTH, "global_batch_size": BATCH} | run
    run |= {"n_devices": DEVICES, "tensor_parallel": 4, "pipeline_parallel": 4}
    spec = {"version": 1, "context_lengths": [LENGTH], "models": {"m": {"model": "llama-2-70b"}}}
    return frames_of(spec | {"training": {"run": run}, "conventions": conventions or {}})["training_run"].loc["run"]


@pytest.mark.parametrize(
    "said",
    [
        {"measured_tokens_per_second": LOGGED * DEVICES},
        {"measured_seconds_per_step": BATCH * LENGTH / (LOGGED * DEVICES)},
        {"measured_flops_per_device": "by another run"},
    ],
)
def test_a_speed_is_the_same_in_whatever_way_a_log_says_it(said):
    device = run_of(measured_tokens_per_second_per_device=LOGGED)
    if "measured_flops_per_device" in said:
        said = {"measured_flops_per_device": device["tflops_per_device"] * 1e12}
    assert run_of(**said)[SPEEDS].tolist() == pytest.approx(device[SPEEDS].tolist(), rel=1e-12)


def test_tflops_of_a_device_are_those_that_nemo_logs():
    # The same row of NeMo: 763 TFLOP/s a GPU, counted with every pair of the scores:
    # 6·(N − V·D) + 12·ℓ·D·S a token.
    run = run_of({"attention_pairs": "full"}, measured_tokens_per_second_per_device=LOGGED)
    assert run["tflops_per_device"] == pytest.approx(763, rel=0.01)


def test_mfu_by_others_is_their_count_over_the_peak():
    # 6N and PaLM's 6N + 12·ℓ·H·e·S by hand, N = 68,976,648,192; 989.4 TFLOP/s in bf16.
    run = run_of(measured_tokens_per_second_per_device=LOGGED)
    n, peak = 68_976_648_192, 989.4e12
    palm = 6 * n + 12 * 80 * 64 * 128 * LENGTH
    assert run["mfu_by_6n"] == pytest.approx(LOGGED * 6 * n / peak, rel=1e-3)
    assert run["mfu_by_palm"] == pytest.approx(LOGGED * palm / peak, rel=0.01)


def test_seconds_per_step_are_those_of_a_published_row():
    # NVIDIA dgxc-benchmarking: tokens per second = sequence length · global batch / step time.
    assert run_of(measured_seconds_per_step=8)["tokens_per_second"] == LENGTH * BATCH / 8
