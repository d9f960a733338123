"""P10 to P90 of predicted serving: how wide, why, and never below what no server can beat."""

from __future__ import annotations

import pytest

from flopsheet.catalog import load_catalog
from measured_serving import Serving, measured, ranges, run_of
from studies import frames_of
from test_serving_time import GENERATED, HARDWARE, HEAD, HEADS, LAYER, LAYERS, MODEL, PROMPT, D, V, served


def test_every_figure_is_a_range_by_the_measured_error():
    found = served(n_sequences=4)
    token, first = found["predicted_seconds_per_token"], found["predicted_time_to_first_token"]
    rate, cost = found["predicted_served_tokens_per_second"], found["predicted_cost_per_million"]
    wanted = {
        ("predicted_seconds_per_token_p10", "predicted_seconds_per_token_p50", "predicted_seconds_per_token_p90"): [
            token * ratio for ratio in (0.8, 1.05, 1.5)
        ],
        ("predicted_first_token_p10", "predicted_first_token_p50", "predicted_first_token_p90"): [
            first * ratio for ratio in (0.6, 1.2, 3)
        ],
        ("predicted_served_tokens_p10", "predicted_served_tokens_p50", "predicted_served_tokens_p90"): [
            rate / ratio for ratio in (1.5, 1.05, 0.8)
        ],
        ("predicted_cost_per_million_p10", "predicted_cost_per_million_p50", "predicted_cost_per_million_p90"): [
            cost * ratio for ratio in (0.8, 1.05, 1.5)
        ],
    }
    for names, values in wanted.items():
        assert found[list(names)].tolist() == pytest.approx(values, rel=1e-12)
    assert found["predicted_token_range"] == f"{800 * token:.1f} to {1500 * token:.1f}"
    assert found["predicted_first_token_range"] == f"{0.6 * first:.4f} to {3 * first:.4f} s"
    assert found["predicted_served_tokens_range"] == f"{rate / 1.5:,.0f} to {rate / 0.8:,.0f}"
    assert found["predicted_cost_per_million_range"] == f"{0.8 * cost:.2f} to {1.5 * cost:.2f}".rstrip("0")


@pytest.fixture(scope="module")
def serving() -> Serving:
    return Serving(measured())


def test_the_catalogue_has_the_spread_of_what_was_left_out_of_the_fit(serving):
    found = ranges(serving)
    assert {name: load_catalog().inputs[name].default for name in found} == found


INSIDE, OUTSIDE = (0.8, 1.5, 0.6, 3), (0.7, 2, 0.5, 4)
WAS_OUTSIDE = "outside what was measured: "


@pytest.mark.parametrize(
    ("run", "hardware", "is_called", "width"),
    [
        ({}, {}, "within what was measured", INSIDE),
        ({"weight_format": "nvfp4"}, {"peak_flops_fp4": 4e15}, "within what was measured", INSIDE),
        ({}, {"serving_fitted_to": "itself"}, "within what was measured", INSIDE),
        ({}, {"serving_fitted_to": "others"}, WAS_OUTSIDE + "kind of device", OUTSIDE),
        ({"weight_format": "q4_K"}, {}, WAS_OUTSIDE + "weight format", OUTSIDE),
        ({"n_devices": 80, "tensor_parallel": 1, "attention_data_parallel": 80, "n_sequences": 80}, {},
         WAS_OUTSIDE + "devices of a replica", OUTSIDE),
        ({"prompt_length": 8000, "generated_length": 2000}, {}, "within what was measured", INSIDE),
        ({"prompt_length": 8000, "generated_length": 2001}, {}, WAS_OUTSIDE + "context length", OUTSIDE),
        ({"n_devices": 2, "pipeline_parallel": 2}, {}, WAS_OUTSIDE + "pipeline", OUTSIDE),
        ({"n_draft_tokens": 1, "acceptance_rate": 0.5}, {}, WAS_OUTSIDE + "draft tokens", OUTSIDE),
        ({"n_prefill_devices": 1}, {}, WAS_OUTSIDE + "separate prefill devices", OUTSIDE),
        ({"weight_format": "q4_K"}, {"serving_fitted_to": "others"},
         f"{WAS_OUTSIDE}kind of device, and 1 more", OUTSIDE),
        ({"weight_format": "q4_K"}, {"serving_fitted_to": "measured_rows"}, "within what was measured", INSIDE),
    ],
)  # fmt: skip
def test_a_range_is_as_wide_as_the_errors_of_its_kind_and_says_why(run, hardware, is_called, width):
    """The ratios of the hardware above; 10,000 tokens and 72 devices are the most of a measured run."""
    found = served((), hardware, **({"n_sequences": 4} | run))
    got = [
        found[f"predicted_{of}_p{percent}"] / found[prediction]
        for of, prediction in (
            ("seconds_per_token", "predicted_seconds_per_token"), ("first_token", "predicted_time_to_first_token"),
        )
        for percent in (10, 90)
    ]  # fmt: skip
    assert (found["served_range_is"], got) == (is_called, pytest.approx(width, rel=1e-12))


def test_the_words_of_a_range_name_what_the_measured_runs_have(serving):
    runs = [run_of(row.row) for row in serving.rows]
    most = {
        "length": max(run["prompt_length"] + run["generated_length"] for run in runs),
        "devices": max(run["n_devices"] for run in runs),
    }
    assert most == {"length": 10_000, "devices": 72}
    assert set(serving.of["format"]) == {"bf16", "fp8", "fp8_block", "mxfp4", "nvfp4"}


ORDER = ("p10", "p50", "p90")
BOUNDED = {
    "predicted_seconds_per_token": "seconds_per_token_bound", "predicted_first_token": "prefill_seconds_one",
    "predicted_cost_per_million": "cost_per_million_generated",
}  # fmt: skip


@pytest.mark.parametrize("pairs", ["full", "causal_exact"])
@pytest.mark.parametrize(
    "run",
    [
        {"n_sequences": 1}, {"n_sequences": 300}, {"n_sequences": 64, "n_devices": 4}, {"n_sequences": 2000},
        {"n_sequences": 8, "prompt_length": 100_000}, {"n_sequences": 4, "prompt_length": 1, "generated_length": 1},
        {"n_sequences": 64, "n_prefill_devices": 1},
        {"n_sequences": 64, "prompt_length": 100_000, "n_prefill_devices": 4},
        {"n_sequences": 8, "n_devices": 2, "pipeline_parallel": 2}, {"n_sequences": 8, "compute_efficiency": 0.1},
        {"n_sequences": 8, "prefix_hit_rate": 0.9},
    ],
)  # fmt: skip
def test_a_range_is_in_order_and_not_below_its_bound(pairs, run):
    """At the best efficiencies that a device can have, at which nine tenths of a prediction would beat it."""
    best = {
        "served_memory_efficiency": 1, "served_matmul_efficiency": 1, "prefill_efficiency": 1, "layer_latency": 0,
        "prefill_attention_efficiency": 1, "prompt_layer_latency": 0, "prompt_queue": 0, "token_time_ratio_median": 0.9,
    }  # fmt: skip
    said = {"model": "m", "hardware": "mine", "prompt_length": PROMPT, "generated_length": GENERATED, **run}
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": MODEL}, "serving": {"run": said},
            "conventions": {"attention_pairs": pairs}, "hardware": {"mine": HARDWARE | best}}  # fmt: skip
    found = frames_of(spec)["serving_run"].loc["run"]
    for name, bound in BOUNDED.items():
        quantiles = [found[f"{name}_{place}"] for place in ORDER]
        assert quantiles == sorted(quantiles)
        assert quantiles[0] >= found[bound]
    rates = [found[f"predicted_served_tokens_{place}"] for place in ORDER]
    assert rates == sorted(rates)
    assert rates[-1] <= found["generated_tokens_per_second"] * (1 + 1e-12)
    assert found["generated_tokens_per_second"] <= found["decode_tokens_per_second"] * (1 + 1e-12)


def test_the_bound_of_all_tokens_has_the_time_of_prefill_unless_other_devices_do_it():
    """4 sequences, each a token per step and its share of a prefill of all, or per step alone."""
    alone, beside = served(n_sequences=4), served(n_sequences=4, n_prefill_devices=1)
    share = alone["prefill_seconds"] / GENERATED
    assert [alone["generated_tokens_per_second"], beside["generated_tokens_per_second"]] == pytest.approx(
        [4 / (alone["decode_seconds"] + share), 4 / beside["decode_seconds"]], rel=1e-12
    )
    rates = 4 / (alone["decode_seconds"] + share), 4 / beside["decode_seconds"]
    assert [alone["cost_per_million_generated"], beside["cost_per_million_generated"]] == pytest.approx(
        [n * 2 / 3600 * 1e6 / rate for n, rate in zip((1, 2), rates, strict=True)], rel=1e-12
    )  # 2 USD an hour for one device, and for one beside it that computes the prompts


def test_drafts_may_beat_the_bound_of_a_step_for_every_token():
    found = served(n_sequences=1, n_draft_tokens=7, acceptance_rate=1, generated_length=2000)
    assert found["predicted_seconds_per_token_p10"] < found["seconds_per_token_bound"]


def test_a_bound_of_prefill_counts_what_no_server_can_skip():
    """Under attention_pairs full and lm_head_positions all, which count masked pairs and logits that nobody samples."""
    found = served(prompt_length=100_000)
    scores = LAYERS * 2 * HEADS * 2 * HEAD * 100_000 * 100_001 / 2
    products = 2 * LAYERS * LAYER * 100_000 + 2 * V * D
    assert found["prefill_seconds_one"] == pytest.approx((products + scores) / 1e15, rel=1e-12)
