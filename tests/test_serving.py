"""Serving runs give the published cache sizes, and rooflines that can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from studies import frames_of

GIB = 2**30
# Llama team 2024, arXiv:2407.21783, table 3.
LLAMA_405B = {"model": "llama-3-70b", "n_layers": 126, "d_model": 16384, "n_heads": 128, "d_head": 128, "d_ff": 53248}
QWEN_72B = {
    "n_layers": 80, "d_model": 8192, "n_heads": 64, "n_kv_heads": 8, "d_ff": 29568, "vocab_size": 152064,
    "ffn": "swiglu", "qkv_bias": True,
}  # fmt: skip  # config.json of Qwen/Qwen2.5-72B
# A device of round figures: the ridge is at 100 FLOP/B.
ROUND = {
    "round": {"peak_flops_bf16": 100e12, "peak_flops_fp8": 200e12, "memory_bytes": 100e9, "memory_bandwidth": 1e12}
}
# 1,000-wide, two layers of 12·D² weights, a tied table of 1,000 rows: 24 + 1 million weights, all matrices.
PLAIN = {
    "n_layers": 2, "d_model": 1000, "n_heads": 10, "d_ff": 4000, "ffn": "gelu", "vocab_size": 1000,
    "tie_embeddings": True, "n_norms": 0, "final_norm": False,
}  # fmt: skip
WEIGHTS = 25e6
MOE = PLAIN | {"d_ff": 0, "n_experts": 8, "n_active_experts": 2, "d_expert": 1000}
LOGIT = 1.26 * GIB / (256 * 128_256)  # vLLM, pull request 10511: 1.26 GiB at the peak of sampling, 41.2 B a logit
MOE_DENSE, MOE_EXPERTS = 2 * (4e6 + 8e3) + 1e6, 2 * 8 * 2e6


def frames(model, devices=None, conventions=None, context_lengths=(1024,), **runs):
    """The frames of a study of one model `m` and some serving runs of it."""
    base = {"model": "m", "hardware": "round", "prompt_length": 999, "generated_length": 1}
    serving = {name.replace("_", "-"): base | run for name, run in runs.items()}
    spec = {"version": 1, "context_lengths": list(context_lengths), "models": {"m": model}, "serving": serving}
    return frames_of(spec | {"hardware": ROUND | (devices or {}), "conventions": conventions or {}})


def run_of(model, devices=None, conventions=None, **run):
    """One serving run as a row."""
    return frames(model, devices, conventions, run=run)["serving_run"].loc["run"]


# Memory --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "per_token", "as_multi_head"),
    [
        # DeepSeek-V3, arXiv:2412.19437; arXiv:2505.09343, table 1: 70.272 KB.
        ({"model": "deepseek-v3"}, 70_272, 4_997_120),
        (QWEN_72B, 327_680, 2_621_440),  # arXiv:2505.09343, table 1: 327.680 KB
        ({"model": "llama-3-70b"}, 327_680, 2_621_440),
        (LLAMA_405B, 516_096, 8_257_536),  # arXiv:2505.09343, table 1: 516.096 KB
    ],
    ids=["deepseek-v3", "qwen2.5-72b", "llama-3-70b", "llama-3.1-405b"],
)  # fmt: skip
def test_the_cache_of_a_sequence_is_its_published_bytes_per_token(model, per_token, as_multi_head):
    found = frames(model, run={"prompt_length": 4000, "generated_length": 96})
    assert found["serving_run"].loc["run", "served_cache_bytes_per_sequence"] == 4096 * per_token
    assert found["model"].loc["m", ["kv_cache_bytes_per_token_bf16", "kv_cache_bytes_per_token_mha"]].tolist() == [
        per_token, as_multi_head,
    ]  # fmt: skip


def test_llama_3_70b_keeps_40_gib_at_131072_tokens_and_320_as_multi_head():
    run = {"prompt_length": 131_071, "generated_length": 1}
    found = frames({"model": "llama-3-70b"}, grouped=run)["serving_run"]
    multi = frames({"model": "llama-3-70b", "n_kv_heads": 64}, multi=run)["serving_run"]
    assert [found.loc["grouped", "served_cache_gib"], multi.loc["multi", "served_cache_gib"]] == [40, 320]


@pytest.mark.parametrize(
    ("weights", "each"), [("bf16", 2), ("fp16", 2), ("fp32", 4), ("fp8", 1), ("int8", 1), ("int4", 0.5)]
)
def test_weights_take_the_bytes_of_their_format(weights, each):
    assert run_of(PLAIN, weight_format=weights)["served_weight_bytes"] == each * WEIGHTS


@pytest.mark.parametrize(
    # The scales of llama.cpp's blocks of 32 values count: 34 and 18 bytes.
    ("cache", "each"),
    [("bf16", 2), ("fp32", 4), ("fp8", 1), ("int8", 1), ("int4", 0.5), ("q8_0", 34 / 32), ("q4_0", 18 / 32)],
)
def test_keys_and_values_take_the_bytes_of_their_format(cache, each):
    found = run_of(PLAIN, cache_format=cache, n_sequences=3)
    assert found["served_cache_bytes"] == 3 * 1000 * 2 * 2 * 1000 * each


def test_every_expert_is_held_though_few_are_used():
    assert run_of(MOE)["served_weight_bytes"] == 2 * (MOE_DENSE + MOE_EXPERTS)


def test_what_fits_is_measured_against_the_usable_memory_of_one_device():
    # Two devices share matrices and heads; PLAIN has nothing that every device holds. One token is read at a time, so
    # that the workspace is the logits of 1,000 sequences.
    found = run_of(PLAIN, n_devices=2, memory_utilisation=0.9, n_sequences=1000, chunk_length=1, reserved_bytes=1e9)
    capacity, cache, logits = 100e9 * 0.9, 1000 * 8000 / 2, 1000 * LOGIT
    used = WEIGHTS + 1000 * cache + 1000 * logits + 1e9
    names = ["served_capacity_bytes_device", "served_bytes_device", "served_margin_bytes"]
    assert found[names].tolist() == pytest.approx([capacity, used, capacity - used], rel=1e-12)
    free = capacity - WEIGHTS - 1e9
    assert [found["served_fits"], found["largest_batch"]] == [True, free // (cache + logits)]
    assert found["longest_context"] == (free - 1000 * logits) // (1000 * 8000 / 2)


@pytest.mark.parametrize(("sequences", "verdict"), [(12_429, True), (12_430, False)])
def test_one_sequence_more_than_the_largest_batch_does_not_fit(sequences, verdict):
    # (100e9 − 2·25e6) / (8e6 + 1,000 · 41.2) = 12,429.7.
    found = run_of(PLAIN, n_sequences=sequences, reserved_bytes=0)
    assert [found["largest_batch"], found["served_fits"]] == [12_429, verdict]


@pytest.mark.parametrize("batch", [2000, 500_000])
def test_beside_windows_only_global_layers_grow_with_the_context(batch):
    layers = [{"n_layers": 1, "window": 100}, {"n_layers": 1}]
    model = {key: value for key, value in PLAIN.items() if key != "n_layers"} | {"layers": layers}
    found = run_of(model, n_sequences=batch, reserved_bytes=0)
    room = (100e9 - 2 * WEIGHTS - batch * 1000 * LOGIT) / batch / 2  # values
    expected = (room - 2000 * 100) // 2000 if batch == 2000 else room // 4000
    assert found["longest_context"] == expected


def test_the_weights_alone_may_be_too_much():
    tight = {"tight": {"extends": "h100-sxm", "memory_bytes": 40e6}}
    found = run_of(PLAIN, tight, hardware="tight")
    assert found[["served_fits", "largest_batch", "longest_context"]].tolist() == [False, 0, 0]


# Prefill -------------------------------------------------------------------------------------------------------------

SWITCHES = [
    {},
    {"attention_pairs": "causal_half"},
    {"attention_pairs": "causal_exact"},
    {"sliding_window": "ignored"},
    {"lm_head_positions": "last"},
    {"lm_head": "left_out"},
    {"ffn_matmuls": 2},
    {"non_matmul": "counted"},
]


PREFILLED = ["llama-3-70b", "gemma-3-4b", "deepseek-v3", "gpt-oss-20b", "mistral-7b-v0.1"]


@pytest.mark.parametrize("name", PREFILLED)
@pytest.mark.parametrize("switches", SWITCHES, ids=lambda switches: "-".join(map(str, switches.values())) or "default")
def test_prefill_does_the_work_of_a_forward_pass_over_the_prompt(name, switches):
    # The scenario's own forward pass at the prompt's length: for the default switches, what PyTorch counts.
    run = {"hardware": "round", "prompt_length": 6000, "generated_length": 500}
    spec = {
        "version": 1,
        "context_lengths": [6000],
        "models": {one: {"model": one} for one in PREFILLED},
        "serving": {f"{one} served": run | {"model": one} for one in PREFILLED},
        "hardware": ROUND,
        "conventions": switches,
    }
    found = frames_of(spec)  # one study under each convention
    forward = found["scenario"]["flops_forward"][name, 6000]
    assert found["serving_run"].loc[f"{name} served", "flops_prefill"] == pytest.approx(forward, rel=1e-12)


def test_prefill_takes_the_time_of_its_matmuls_where_the_prompt_is_long():
    found = run_of(PLAIN, n_sequences=2, n_devices=2, compute_efficiency=0.5)
    # Per token 2 FLOP a weight; QKᵀ and PV 4·S²·D in each of two layers, of which a fused kernel does S(S + 1)/2 pairs;
    # a server computes the head, of 1,000 · 1,000 weights, for the last token only. The round device does 100 TFLOP/s.
    assert found["flops_prefill"] == 2 * 999 * WEIGHTS + 2 * 4 * 999**2 * 1000
    flops = 2 * 999 * (WEIGHTS - 1e6) + 2 * 1e6 + 2 * 4 * 999 * 1000 / 2 * 1000
    assert found["flops_prefill_needed"] == flops
    assert found["prefill_seconds"] == pytest.approx(2 * flops / (2 * 100e12 * 0.5), rel=1e-12)
    assert found["prefill_seconds_one"] == pytest.approx(flops / (2 * 100e12 * 0.5), rel=1e-12)
    assert found["prefill_bound"] == "compute"


def test_prefill_takes_the_time_of_its_reading_where_the_prompt_is_short():
    found = run_of(PLAIN, prompt_length=10, bandwidth_efficiency=0.5)
    read = 2 * WEIGHTS + 10 * 8000
    assert found["prefill_seconds"] == pytest.approx(read / (1e12 * 0.5), rel=1e-12)
    assert found["prefill_bound"] == "memory"


def test_a_short_prompt_reads_the_experts_that_its_computed_tokens_hit():
    # 16 tokens of DeepSeek-V3, 8 of 256 experts each, reach 1 − (1 − 8/256)^16 = 39.8 % of them; of 32 tokens 16 are in
    # the cache. Its experts are 58 · 256 · 3 · 7168 · 2048 of its 671,026,419,200 published parameters, of which
    # the embedding's 129,280 · 7168 are not read and 58 · 256 are no weights; four prompts have 64 tokens.
    found = run_of({"model": "deepseek-v3"}, prompt_length=32, prefix_hit_rate=0.5, n_sequences=4)
    experts = 58 * 256 * 3 * 7168 * 2048
    others = 671_026_419_200 - 58 * 256 - experts - 129_280 * 7168
    cache = 32 * 70_272
    one = 2 * (others + experts * (1 - (31 / 32) ** 16)) + cache
    assert found["prefill_seconds_one"] == pytest.approx(one / 1e12, rel=1e-12)
    every = 2 * (others + experts * (1 - (31 / 32) ** 64)) + 4 * cache
    assert found["bytes_prefill"] == pytest.approx(every, rel=1e-12)


# Decoding ------------------------------------------------------------------------------------------------------------


def test_a_decoding_step_reads_the_cache_and_then_waits_for_weights_or_matmuls():
    # Pope et al. 2022, arXiv:2211.05102: B·KV/bandwidth + max(2·B·N/peak, weights/bandwidth). The one generated token
    # sees the 999 of the prompt and itself.
    for batch in (1, 1000):
        found = run_of(PLAIN, n_sequences=batch)
        work = batch * (2 * WEIGHTS + 4 * 1000 * 1000 * 2)
        expected = batch * 1000 * 8000 / 1e12 + max(work / 100e12, 2 * WEIGHTS / 1e12)
        assert found["decode_seconds"] == pytest.approx(expected, rel=1e-12)
        assert found["decode_tokens_per_second_user"] == pytest.approx(1 / expected, rel=1e-12)
        assert found["decode_tokens_per_second"] == pytest.approx(batch / expected, rel=1e-12)


def test_tokens_per_second_and_device_are_all_of_them_over_the_devices():
    found = run_of(PLAIN, n_sequences=8, n_devices=4, tensor_parallel=2)
    assert found["decode_tokens_per_second_device"] == found["decode_tokens_per_second"] / 4


def test_decoding_is_held_against_the_cache_in_the_middle_of_the_answer():
    # Tokens 1 to 100 see 1,001 to 1,100 positions.
    found = run_of(PLAIN, prompt_length=1000, generated_length=100)
    assert [found["decode_position"], found["decode_cache_bytes"]] == [1050.5, 1050.5 * 8000]


@pytest.mark.parametrize(
    ("device", "format", "compute", "critical"),
    [
        # peak / bandwidth · β / 2: 989.4 TFLOP/s over 3.35 TB/s at 2 bytes, and so on; accounting of the roofline.
        ("h100-sxm", "bf16", "bf16", 989.4 / 3.35),
        ("h100-sxm", "fp8", "fp8", 1978.9 / 3.35 / 2),
        ("h200", "bf16", "bf16", 989.4 / 4.8),
        ("a100-80gb", "int4", "bf16", 312 / 2.039 / 4),
    ],
)
def test_the_critical_batch_is_peak_over_bandwidth_times_half_a_weight(device, format, compute, critical):
    found = run_of(PLAIN, hardware=device, weight_format=format, compute_format=compute)
    assert found["critical_batch"] == pytest.approx(critical, rel=1e-12)


def test_the_batch_at_which_decoding_flips_is_where_work_takes_as_long_as_reading():
    found = run_of(PLAIN)
    flip = 100 * 2 * WEIGHTS / (2 * WEIGHTS + 8e6)
    assert found["flip_batch"] == pytest.approx(flip, rel=1e-12)
    # No positions but its own: the critical batch of 100 to a ten-thousandth.
    assert run_of(PLAIN, prompt_length=1)["flip_batch"] == pytest.approx(100, rel=1e-3)


def test_a_mixture_of_experts_flips_later_by_all_over_active():
    read = 2 * (MOE_DENSE + MOE_EXPERTS)
    work = 2 * (MOE_DENSE + MOE_EXPERTS / 4) + 8e6
    assert run_of(MOE)["flip_batch"] == pytest.approx(100 * read / work, rel=1e-12)


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_decoding_reads_between_the_active_and_all_experts(batch):
    found = run_of(MOE, n_sequences=batch)
    shares = {"weight_bytes_read_active": 1 / 4, "weight_bytes_read": 1 - (3 / 4) ** batch, "weight_bytes_read_all": 1}
    assert found[list(shares)].tolist() == pytest.approx(
        [2 * (MOE_DENSE + share * MOE_EXPERTS) for share in shares.values()], rel=1e-12
    )


def test_a_look_up_reads_no_table_but_a_tied_head_reads_it():
    tied, untied = (run_of(PLAIN | {"tie_embeddings": flag})["weight_bytes_read"] for flag in (True, False))
    assert [tied, untied] == [2 * WEIGHTS, 2 * WEIGHTS]


def test_latent_attention_decodes_in_its_absorbed_form():
    # DeepSeek-V2, arXiv:2405.04434, section 2.1.2; DeepSeek-V3: 61 layers, 128 heads, r 512, rope 64.
    found = frames({"model": "deepseek-v3"}, None, None, (1000,), run={"hardware": "h200"})
    layers = found["serving_layer"].loc["run"]
    assert layers["flops_decode_scores_at_mean"].sum() == 61 * 2 * 1000 * 128 * (2 * 512 + 64)
    # The scenario decodes at 1,000 positions, as the run's one token does.
    assert found["serving_run"].loc["run", "flops_decode_sequence"] == pytest.approx(
        found["scenario"]["flops_decode"]["m", 1000], rel=1e-12
    )


@pytest.mark.parametrize("name", ["gemma-3-4b", "mixtral-8x7b", "gpt-oss-20b", "gpt2-xl"])
def test_one_token_costs_what_the_scenario_says_of_that_length(name):
    found = frames({"model": name}, None, None, (1000,), run={})
    assert found["serving_run"].loc["run", "flops_decode_sequence"] == pytest.approx(
        found["scenario"]["flops_decode"]["m", 1000], rel=1e-12
    )


def test_intensity_against_the_ridge_says_what_binds():
    small, large = (run_of(PLAIN, prompt_length=1, generated_length=1, n_sequences=batch) for batch in (10, 1000))
    assert [small["decode_bound"], large["decode_bound"]] == ["memory", "compute"]
    assert small["ridge_point"] == 100
    read = 2 * WEIGHTS + 10 * 2 * 8000
    assert small["decode_intensity"] == pytest.approx(10 * (2 * WEIGHTS + 16e3) / read, rel=1e-12)
    assert small["decode_achieved"] == pytest.approx(small["decode_intensity"] * 1e12, rel=1e-12)
    assert large["decode_achieved"] == 100e12


# Cost ----------------------------------------------------------------------------------------------------------------


def test_a_million_tokens_cost_the_devices_for_as_long_as_they_take():
    priced = {"priced": ROUND["round"] | {"price_per_hour": 3.6}}
    found = run_of(PLAIN, priced, hardware="priced", n_devices=2, n_sequences=10, generated_length=100)
    seconds = found["prefill_seconds"] + 100 * found["decode_seconds"]
    assert found["cost_per_million_generated"] == pytest.approx(2 * 3.6 / 3600 * seconds / (10 * 100) * 1e6, rel=1e-12)
    assert found["cost_per_million_prompt"] == pytest.approx(
        2 * 3.6 / 3600 * found["prefill_seconds"] / (10 * 999) * 1e6, rel=1e-12
    )


def test_without_a_price_there_is_no_cost():
    assert math.isnan(run_of(PLAIN)["cost_per_million_generated"])
