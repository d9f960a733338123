"""Memory of each stage of a pipeline: by hand, and as laws."""

from __future__ import annotations

import pytest

from studies import frames_of

SHOWN = [
    "stage_gib_1", "stage_gib_2", "stage_gib_3", "stage_gib_4",
    "stage_gib_5", "stage_gib_6", "stage_gib_7", "stage_gib_8",
    "stage_gib_9", "stage_gib_10", "stage_gib_11", "stage_gib_12",
    "stage_gib_13", "stage_gib_14", "stage_gib_15", "stage_gib_16",
]  # fmt: skip
GIB = 2**30
D, F, L, V, S = 1024, 4096, 10, 32000, 2048
LAYER = 4 * D * D + 3 * D * F + 2 * D  # attention, FFN, two norms
MODEL = {"n_layers": L, "d_model": D, "n_heads": 16, "d_ff": F, "ffn": "swiglu", "vocab_size": V}


def run_of(**run):
    """One training run as a row."""
    run = {"model": "m", "hardware": "h100-sxm", "context_length": S, "recomputation": "full"} | run
    run |= {"n_devices": run.get("n_devices", run["pipeline_parallel"])}
    spec = {"version": 1, "context_lengths": [S], "models": {"m": MODEL}, "training": {"run": run}}
    return frames_of(spec)["training_run"].loc["run"]


def stages(**run):
    """The memory of each stage that the pipeline has."""
    return run_of(**run)[SHOWN].tolist()[: run["pipeline_parallel"]]


def test_a_stage_holds_its_layers_and_one_micro_batch_less_than_the_one_before():
    # Ten layers in four stages are 3, 2, 2, 3 (first and last rounded up). 16 bytes of a parameter; full recomputation
    # keeps the input of each layer, 2·S·D bytes, of 4 − i micro-batches: Narayanan et al. 2021, figure 4.
    found = stages(pipeline_parallel=4, global_batch_size=8, activation_method="korthikanti")
    second, third = (16 * 2 * LAYER + in_flight * 2 * 2 * S * D for in_flight in (3, 2))
    assert (found[1] - found[2]) * GIB == pytest.approx(second - third, rel=1e-9)


def test_a_stage_says_what_its_layers_hold_before_the_rest_is_added():
    # 16 bytes of each parameter; full recomputation keeps the input of each of two layers, 2·S·D bytes.
    run = run_of(pipeline_parallel=4, global_batch_size=8, activation_method="korthikanti")
    found = run[["weight_state_bytes_stage_3", "activation_bytes_stage_3", "weight_state_bytes_stage_5"]]
    assert found.tolist() == [16 * 2 * LAYER, 2 * 2 * S * D, 0]


def test_layers_that_do_not_come_out_even_stand_on_the_earlier_stages():
    # Ten layers, 2 on the first and 2 on the last stage: six for four stages are 2, 2, 1, 1.
    found = stages(pipeline_parallel=6, first_stage_layers=2, last_stage_layers=2, global_batch_size=8)
    fewer = found[2] - found[3]
    assert fewer * GIB > 16 * LAYER  # a layer less and a micro-batch less


@pytest.mark.parametrize("run", [
    {"pipeline_parallel": 1}, {"pipeline_parallel": 2}, {"pipeline_parallel": 5, "global_batch_size": 3},
    {"pipeline_parallel": 4, "virtual_stages": 2, "global_batch_size": 8},
    {"pipeline_parallel": 3, "n_devices": 6, "zero_stage": 3, "sharded_weights": "master"},
])  # fmt: skip
def test_the_fullest_stage_is_the_memory_of_the_run(run):
    assert max(run_of(**run)[SHOWN]) == pytest.approx(run_of(**run)["device_gib"], rel=1e-12)


def test_stages_that_a_pipeline_does_not_have_hold_nothing():
    assert run_of(pipeline_parallel=2)[SHOWN[2:]].tolist() == [0] * 14


@pytest.mark.parametrize(
    ("run", "most"),
    [
        ({"zero_stage": 0, "recomputation": "full"}, "optimizer states"),  # 12 of 16 bytes
        ({"recomputation": "none", "global_batch_size": 64, "micro_batch_size": 16}, "activations"),
        ({"optimizer": "sgd", "precision": "pure_bf16", "micro_batch_size": 16}, "loss and working memory"),
    ],
)  # fmt: skip
def test_what_most_of_the_memory_is(run, most):
    assert run_of(pipeline_parallel=1, **run)["largest_class"] == most
