"""Predicted time of a step beside measured steps, and each of its terms beside a calculation by hand."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

import flopsheet
from flopsheet.catalog import load_catalog
from measured_steps import PAGE, ROWS, Measured, by_group, errors, fitted, in_catalog, left_out, page
from studies import frames_of

STEPS = Measured(ROWS)


@pytest.fixture(scope="module")
def predicted() -> np.ndarray:
    return STEPS.predicted(np.array(in_catalog()))


def test_the_catalogue_has_the_constants_that_were_fitted():
    assert in_catalog() == fitted()["all"]


def test_the_mean_error_over_all_measured_steps_is_at_most_seven_per_cent(predicted):
    assert errors(predicted, STEPS).mean() <= 0.07


def test_no_group_of_measured_steps_is_off_by_more_than_ten_per_cent(predicted):
    assert max(by_group(errors(predicted, STEPS), STEPS.groups).values()) <= 10


def test_steps_of_korthikanti_table_5_are_off_by_at_most_four_per_cent(predicted):
    assert by_group(errors(predicted, STEPS), STEPS.groups)["korthikanti"] <= 4


def test_a_group_left_out_of_the_fit_is_off_by_at_most_twelve_per_cent():
    assert max(by_group(errors(left_out(STEPS), STEPS), STEPS.groups).values()) <= 12


def test_layouts_of_one_model_come_in_their_measured_order(predicted):
    """Spearman's rank correlation over every model with five layouts or more on one kind of hardware."""
    layouts = defaultdict(list)
    for at, row in enumerate(ROWS):
        layouts[str(row["model"]), row["run"]["hardware"], row["run"]["n_devices"]].append(at)
    correlations = [
        np.corrcoef(predicted[rows].argsort().argsort(), STEPS.seconds[rows].argsort().argsort())[0, 1]
        for rows in layouts.values()
        if len(rows) >= 5
    ]
    assert len(correlations) >= 3 and round(min(correlations), 9) >= 0.9


def test_the_page_has_the_errors_of_today():
    assert page() == PAGE.read_text(encoding="utf-8")


# Terms by hand -------------------------------------------------------------------------------------------------------

D, F, S, V, LAYERS, DEVICES = 1024, 4096, 2048, 32_000, 8, 16
HARDWARE = {
    "peak_flops_bf16": 1e15, "memory_bytes": 80e9, "memory_bandwidth": 2e12, "link_bandwidth": 800e9,
    "network_bandwidth": 50e9, "n_devices_per_node": 8, "matmul_efficiency": 0.5, "fused_attention_efficiency": 0.4,
    "collective_efficiency": 0.5, "collective_latency": 1e-4, "small_matmul_width": 64, "kernel_traffic": 10,
    "weight_traffic": 12, "unhidden_gather": 0.25,
}  # fmt: skip
MODEL = {
    "n_layers": LAYERS, "d_model": D, "n_heads": 8, "ffn": "gelu", "d_ff": F, "vocab_size": V, "positions": "rotary",
    "norm": "rmsnorm", "tie_embeddings": True,
}  # fmt: skip

EXPERTS = {"n_experts": 16, "n_active_experts": 2, "d_expert": 512, "d_ff": 0, "ffn": "swiglu"}


def step(hardware=(), model=(), **layout):
    run = {"model": "m", "hardware": "mine", "context_length": S, "n_devices": DEVICES, **layout}
    spec = {"version": 1, "context_lengths": [S], "models": {"m": MODEL | dict(model)}, "training": {"run": run}}
    return frames_of(spec | {"hardware": {"mine": HARDWARE | dict(hardware)}})["training_run"].loc["run"]


def test_matmuls_take_three_passes_at_the_efficiency_of_the_hardware():
    layers = 2 * S * LAYERS * (4 * D * D + 2 * D * F)
    by_hand = 3 * (layers + 2 * S * D * V) * (1 + 64 / D) / (0.5 * 1e15)
    assert step()["seconds_compute"] == pytest.approx(by_hand, rel=1e-12)


def test_full_recomputation_runs_the_layers_again_and_not_the_head():
    layers = 2 * S * LAYERS * (4 * D * D + 2 * D * F)
    by_hand = (4 * layers + 3 * 2 * S * D * V) * (1 + 64 / D) / (0.5 * 1e15)
    assert step(recomputation="full")["seconds_compute"] == pytest.approx(by_hand, rel=1e-12)


def test_a_fused_kernel_computes_the_causal_half_three_and_a_half_times():
    by_hand = 3.5 * LAYERS * 2 * (S * (S + 1) / 2) * 2 * D / (0.5 * 0.4 * 1e15)
    assert step()["seconds_attention"] == pytest.approx(by_hand, rel=1e-12)


def test_eager_attention_computes_the_whole_square_and_moves_it_through_memory():
    by_hand = 3 * LAYERS * 2 * S * S * 2 * D / (0.5 * 0.8 * 1e15) + LAYERS * 30 * 8 * S * S / 2e12
    found = step({"eager_attention_efficiency": 0.8}, attention_kernel="eager")
    assert found["seconds_attention"] == pytest.approx(by_hand, rel=1e-12)


def test_tensor_parallelism_has_four_all_reduces_in_a_layer():
    all_reduce = 2 * (2 * S * D) * 7 / 8 / (0.5 * 400e9) + 1e-4
    found = step(tensor_parallel=8, n_devices=8)
    assert found["seconds_tensor_parallel"] == pytest.approx(LAYERS * 4 * all_reduce, rel=1e-12)


def test_what_overlaps_does_not_count():
    open_, hidden = step(tensor_parallel=8), step(tensor_parallel=8, tensor_parallel_overlap=0.75)
    assert hidden["seconds_tensor_parallel"] == pytest.approx(open_["seconds_tensor_parallel"] / 4, rel=1e-12)


def test_tokens_go_to_their_experts_and_back_twice():
    found = step(model=EXPERTS, n_devices=8, expert_parallel=8, expert_imbalance=1.5)
    by_hand = 1.5 * LAYERS * 4 * (2 * S * 2 * D) * 7 / 8 / (0.5 * 400e9)
    assert found["seconds_expert_parallel"] == pytest.approx(by_hand, rel=1e-12)


def test_experts_that_are_split_gather_the_copies_of_their_tokens():
    """Megatron-LM, moe/token_dispatcher.py: all-to-all of a device's own T/t tokens, then all-gather among those that
    share an expert, and back by reduce-scatter; attention has its two all-reduces, the FFN none."""
    found = step(model=EXPERTS, tensor_parallel=4, expert_parallel=4, expert_tensor_parallel=2)
    all_reduce = 2 * (2 * S * D) * 3 / 4 / (0.5 * 400e9) + 1e-4
    gather_and_scatter = 2 * (2 * S * 2 * D) / 4 * (2 - 1) / (0.5 * 400e9) + 1e-4
    by_hand = LAYERS * 2 * (all_reduce + gather_and_scatter)
    assert found["seconds_tensor_parallel"] == pytest.approx(by_hand, rel=1e-12)
    assert found["seconds_expert_parallel"] == pytest.approx(
        LAYERS * 4 * (2 * S * 2 * D) / 4 * 3 / 4 / (0.5 * 400e9), rel=1e-12
    )


def test_experts_that_are_not_split_exchange_inside_the_node_what_split_ones_send_over_the_network():
    """A group of 8 experts' devices lies in a node of 8; one of 8 times 4 in 4 nodes, of which a token is sent, on
    average, to 3 · (1 − (3/4)²) others, once to each, over the device's own card: 1.3125 copies.
    """
    whole, split = (
        step(model=EXPERTS, n_devices=32, tensor_parallel=4, expert_parallel=8, expert_tensor_parallel=size)
        for size in (1, 4)
    )
    copy = LAYERS * 4 * (S * 2 * D) / 4
    assert whole["seconds_expert_parallel"] == pytest.approx(2 * copy * 7 / 8 / (0.5 * 400e9), rel=1e-12)
    assert split["seconds_expert_parallel"] == pytest.approx(1.3125 * copy / 50e9, rel=1e-12)


def test_experts_that_are_not_split_have_wide_matmuls():
    """1 + c·t/x, with c = 64 and x = 512: each device has a quarter of the tokens, or of every expert."""
    experts = 3 * 2 * S * LAYERS * 3 * D * 512 * 2 / 4 / (0.5 * 1e15)
    whole, split = (
        step(model=EXPERTS, tensor_parallel=4, expert_tensor_parallel=size, expert_parallel=4) for size in (1, 4)
    )
    assert split["seconds_compute"] - whole["seconds_compute"] == pytest.approx(experts * 64 * 3 / 512, rel=1e-9)


def test_experts_split_like_everything_else_need_no_input():
    said, default = (
        step(model=EXPERTS, tensor_parallel=4, expert_parallel=4, **more)
        for more in ({"expert_tensor_parallel": 4}, {})
    )
    assert said["predicted_seconds_per_step"] == default["predicted_seconds_per_step"]


def test_a_pipeline_fills_with_one_pass_of_every_stage_but_the_slowest():
    """Two stages of four layers, of which the second has the head as well: the first one, once."""
    parts = ("seconds_compute", "seconds_attention", "seconds_memory_bound")
    found = step({"weight_traffic": 0}, n_devices=2, pipeline_parallel=2, global_batch_size=4)
    one = step({"weight_traffic": 0}, n_devices=1, global_batch_size=1)
    head = 3 * 2 * S * D * V * (1 + 64 / D) / (0.5 * 1e15) + 14 * S * V / 2e12
    by_hand = (sum(one[part] for part in parts) - head) / 2
    assert found["seconds_pipeline_bubble"] == pytest.approx(by_hand, rel=1e-12)


def test_stages_send_the_stream_on_and_its_gradient_back():
    found = step(n_devices=16, pipeline_parallel=2, global_batch_size=32)
    assert found["seconds_pipeline_transfer"] == pytest.approx(4 * 2 * (2 * S * D) / (0.5 * 50e9), rel=1e-12)


def test_data_parallelism_scatters_gradients_and_gathers_weights_over_the_cards_of_all_members():
    found = step(zero_stage=1, gradients="fp32")
    assert found["seconds_data_parallel"] == pytest.approx(
        (4 + 2) * found["n_params_device"] * 15 / 16 / (0.5 * 8 * 50e9), rel=1e-12
    )


@pytest.mark.parametrize(
    ("said", "bytes_each"),
    [
        ({}, (26 + 4 * 2) / 16 + 3 * 2),
        ({"gradients": "fp32"}, (26 + 4 * 4) / 16 + 3 * 4),
        ({"gradients": "fp32", "zero_stage": 2}, (26 + 4 * 4 + 3 * 4) / 16),
        ({"gradients": "fp32", "zero_stage": 0}, 26 + 4 * 4 + 3 * 4),
        ({"optimizer": "sgd", "zero_stage": 0}, 2 * 4 + 2 + 7 * 2),
        ({"precision": "pure_bf16", "moments": "fp32", "zero_stage": 0}, 2 * 2 + 2 * 8 + 7 * 2),
    ],
)
def test_an_optimizer_step_moves_states_of_its_shard_and_passes_gradients_seven_times(said, bytes_each):
    """26 B of AdamW; of the shard's gradients norm 1, clipping 2, update 1, of those held scaling 2, zeroing 1."""
    found = step(**{"zero_stage": 1, **said})
    assert found["seconds_optimizer"] == pytest.approx(bytes_each * found["n_params_device"] / 2e12, rel=1e-12)


def test_frozen_layers_have_no_optimizer_step():
    found = step(frozen_layers=4, frozen_embedding=True)
    assert found["seconds_optimizer"] == pytest.approx((26 + 7 * 2) * found["n_params_trained"] / 2e12, rel=1e-12)


def test_adapters_alone_have_an_optimizer_step():
    found = step(adapter_rank=16)
    assert found["seconds_optimizer"] == pytest.approx((26 + 7 * 2) * found["n_params_trained"] / 2e12, rel=1e-12)


def test_zero_3_counts_the_longer_of_work_and_exchange_and_a_share_of_the_shorter():
    found = step(zero_stage=3)
    exchange = (2 * 2 + 2) * found["n_params_device"] * 15 / 16 / (0.5 * 400e9)
    parts = ("seconds_compute", "seconds_attention", "seconds_memory_bound")
    work = sum(found[part] for part in parts)
    by_hand = max(work, exchange) + 0.25 * min(work, exchange) - work
    assert found["seconds_data_parallel"] == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize(
    ("said", "bytes_each"),
    [
        ({"pipeline_parallel": 2}, 2 + 4),  # gathered once, scattered once: FSDP2 in PyTorch's pipelines
        ({"pipeline_parallel": 2, "pipeline_gradients": "scattered"}, 2 + 8 * 4),
        ({"pipeline_parallel": 1}, 8 * (2 * 2 + 4)),
    ],
)
def test_in_a_pipeline_zero_3_gathers_weights_once_per_step_as_memory_keeps_them(said, bytes_each):
    """torchtitan does not reshard after the forward pass then; 8 micro-batches, 16-bit weights, fp32 gradients."""
    layout = {"zero_stage": 3, "gradients": "fp32", "data_parallel": 8, "n_devices": 8 * said["pipeline_parallel"]}
    assert step(global_batch_size=64, **layout, **said)["dense_exchange_bytes_each"] == bytes_each


@pytest.mark.parametrize(
    ("zero_stage", "bytes_each"),
    [
        (0, 2 * 2),  # an all-reduce passes everything twice
        (1, 2 + 2),  # gradients scattered, weights gathered
        (3, 8 * (2 * 2 + 2)),  # of each of 8 micro-batches two gathers and a scatter
    ],
)
def test_gradients_may_be_exchanged_in_fewer_bytes_than_they_are_added_up_in(zero_stage, bytes_each):
    layout = {"zero_stage": zero_stage, "gradients": "fp32", "exchanged_gradients": "bf16", "data_parallel": 8}
    found = step(global_batch_size=64, n_devices=8, **layout)
    assert (found["dense_exchange_bytes_each"], found["gradient_bytes_each"]) == (bytes_each, 4)


def test_a_pipeline_under_zero_3_adds_its_one_exchange_to_one_micro_batch():
    found = step(zero_stage=3, pipeline_parallel=2, data_parallel=8, global_batch_size=64)
    parts = ("seconds_compute", "seconds_attention", "seconds_memory_bound")
    work, exchange = sum(found[part] for part in parts) / 8, found["shard_exchange_seconds"]
    by_hand = max(work, exchange) + 0.25 * min(work, exchange) - work
    assert found["seconds_data_parallel"] == pytest.approx(by_hand, rel=1e-12)


def test_zero_2_scatters_the_gradients_of_every_micro_batch():
    """Whatever micro-batch is not the last one is as under ZeRO-3: a quarter of what computation hides."""
    found, once = (step(zero_stage=2, data_parallel=16, global_batch_size=16 * count) for count in (4, 1))
    scatter = 2 * found["n_params_device"] * 15 / 16 / (0.5 * 400e9)
    work = sum(once[part] for part in ("seconds_compute", "seconds_attention", "seconds_memory_bound"))
    by_hand = once["seconds_data_parallel"] + 3 * (max(0, scatter - work) + 0.25 * min(scatter, work))
    assert found["seconds_data_parallel"] == pytest.approx(by_hand, rel=1e-12)


def test_an_interleaved_pipeline_is_as_much_faster_as_torchtitan_measured():
    """Llama 3 405B on 512 H100: 100 tokens/s a device with 1F1B, 128 interleaved, both in float8.

    pytorch/torchtitan, benchmarks/llama3_h100_202412_torchtitan.md, table 5; 8 micro-batches.
    """
    run = {"model": "m", "hardware": "h100-sxm", "context_length": 8192, "n_devices": 512, "tensor_parallel": 8,
           "sequence_parallel": True, "pipeline_parallel": 8, "zero_stage": 3, "recomputation": "full",
           "micro_batch_size": 4, "global_batch_size": 256}  # fmt: skip
    runs = {"plain": run, "interleaved": run | {"virtual_stages": 2}}
    spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "llama-3.1-405b"}}, "training": runs}
    seconds = frames_of(spec)["training_run"]["predicted_seconds_per_step"]
    assert seconds["plain"] / seconds["interleaved"] == pytest.approx(128 / 100, rel=0.02)


def test_the_terms_add_up_to_the_step_and_the_mfu_follows_from_it():
    found = step(zero_stage=1, tensor_parallel=2, pipeline_parallel=2, global_batch_size=16)
    terms = [name for name in found.index if name.startswith("seconds_") and name != "seconds_per_step"]
    assert found["predicted_seconds_per_step"] == pytest.approx(sum(found[term] for term in terms), rel=1e-12)
    mfu = found["flops_step"] / (found["predicted_seconds_per_step"] * DEVICES * 1e15)
    assert found["predicted_mfu"] == pytest.approx(mfu, rel=1e-12)
    assert found["predicted_tokens_per_second"] == pytest.approx(
        16 * S / found["predicted_seconds_per_step"], rel=1e-12
    )


def test_days_and_cost_are_a_range_by_the_measured_error():
    ratios = {"time_ratio_low": 0.9, "time_ratio_median": 1.01, "time_ratio_high": 1.2, "price_per_hour": 2}
    found = step(ratios, n_tokens=1e12)
    days = 1e12 / found["predicted_tokens_per_second"] / 86_400
    by_hand = [days * ratio for ratio in (0.9, 1.01, 1.2)]
    range_of_days = found[["predicted_days_p10", "predicted_days_p50", "predicted_days_p90"]].tolist()
    range_of_cost = found[["predicted_cost_p10", "predicted_cost_p50", "predicted_cost_p90"]].tolist()
    assert range_of_days == pytest.approx(by_hand, rel=1e-12)
    assert range_of_cost == pytest.approx([of * 24 * 2 * DEVICES for of in by_hand], rel=1e-12)


def test_four_of_five_measured_steps_lie_in_the_range_of_those_left_out():
    """Groups count alike: of P10 to P90 by definition eight in ten, each left out of the fit that predicts it."""
    ratios = STEPS.seconds / left_out(STEPS)
    low, high = (load_catalog().inputs[name].default for name in ("time_ratio_low", "time_ratio_high"))
    inside = by_group((ratios >= low) & (ratios <= high), STEPS.groups)
    assert sum(inside.values()) / len(inside) == pytest.approx(80, abs=6)


def test_hardware_that_nobody_measured_has_no_predicted_time():
    assert np.isnan(step({"matmul_efficiency": "none"})["predicted_seconds_per_step"])


def runs_of_llama_2_7b(runs, **hardware):
    """The frame of runs on a kind of hardware that extends an H100."""
    run = {"model": "m", "context_length": 4096, "n_tokens": 1e9, "hardware": "mine", "global_batch_size": 8}
    spec = {
        "version": 1,
        "context_lengths": [4096],
        "models": {"m": {"model": "llama-2-7b"}},
        "hardware": {"mine": {"extends": "h100-sxm", **hardware}},
        "training": {name: {**run, **inputs} for name, inputs in runs.items()},
    }
    return flopsheet.compute(spec).frames["training_run"]


def test_fp8_halves_dense_products_but_neither_attention_nor_the_head():
    runs = {name: {"precision": name} for name in ("mixed_bf16", "mixed_fp8")}
    frame = runs_of_llama_2_7b(runs, small_matmul_width=0)
    wide, narrow = frame.loc["mixed_bf16"], frame.loc["mixed_fp8"]
    # By hand, at 0.791 of 989.4 TFLOP/s: three products of 2 · vocabulary · width for each of 8 · 4,096 tokens.
    head = 3 * 2 * 32000 * 4096 * 8 * 4096 / (0.791 * 989.4e12)
    assert narrow["seconds_attention"] == wide["seconds_attention"]
    assert narrow["seconds_compute"] - head == pytest.approx((wide["seconds_compute"] - head) * 989.4 / 1978.9)


def test_a_kernel_made_for_hopper_is_as_much_faster_as_its_paper_says():
    frame = runs_of_llama_2_7b({kernel: {"attention_kernel": kernel} for kernel in ("fused", "flash3")})
    ratio = frame.loc["fused", "seconds_attention"] / frame.loc["flash3", "seconds_attention"]
    assert ratio == pytest.approx(1.75)  # between 1.5 and 2.0: arXiv:2407.08608, abstract


def test_a_kind_of_hardware_that_only_the_spec_has_was_not_measured():
    frame = runs_of_llama_2_7b({"run": {}}, link_bandwidth=400e9)
    assert frame.loc["run", "time_is"] == "predicted with the efficiencies of the kind it extends"
