"""Predicted time of serving beside measured runs, and each of its terms beside a calculation by hand."""

from __future__ import annotations

import numpy as np
import pytest

import flopsheet
from books import book_of
from edits import disagreements_of, formulas, planned
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet import catalog
from measured_serving import HARDWARE as KINDS
from measured_serving import PAGE, Serving, errors, fitted, in_catalog, left_out, measured, page
from review_helpers import input_cells_of
from studies import frames_of


@pytest.fixture(scope="module")
def serving() -> Serving:
    return Serving(measured())


@pytest.fixture(scope="module")
def predicted(serving) -> tuple[np.ndarray, np.ndarray]:
    return serving.predicted(np.array(in_catalog()))


def test_the_catalogue_has_the_constants_that_were_fitted():
    assert in_catalog() == fitted()["all"]


def test_time_per_token_is_off_by_a_quarter_at_most_and_half_of_it_by_fifteen_per_cent(serving, predicted):
    found = errors(predicted[0], serving.per_token)
    assert (found.mean() <= 0.25, np.median(found) <= 0.15) == (True, True)


def test_half_of_the_times_to_the_first_token_of_few_at_once_are_within_thirty_five_per_cent(serving, predicted):
    assert np.median(errors(predicted[1], serving.first_token)[serving.is_few]) <= 0.35


def test_a_model_left_out_of_the_fit_is_off_by_thirty_per_cent_at_most(serving):
    found = errors(left_out(serving)[0], serving.per_token)
    assert max(found[serving.models == model].mean() for model in set(serving.models)) <= 0.30


def test_the_page_has_the_errors_of_today():
    assert page() == PAGE.read_text(encoding="utf-8")


# Terms by hand -------------------------------------------------------------------------------------------------------

D, F, V, LAYERS, HEADS, KV_HEADS, HEAD = 1024, 4096, 32_000, 8, 8, 4, 128
PROMPT, GENERATED = 1000, 200
HARDWARE = {
    "peak_flops_bf16": 1e15, "memory_bytes": 80e9, "memory_bandwidth": 2e12, "link_bandwidth": 800e9,
    "network_bandwidth": 50e9, "n_devices_per_node": 8, "served_memory_efficiency": 0.8,
    "served_matmul_efficiency": 0.4, "prefill_efficiency": 0.5, "prefill_attention_efficiency": 0.25,
    "served_collective_efficiency": 0.5, "layer_latency": 3e-5, "expert_latency": 1e-6, "all_reduce_latency": 2e-5,
    "prompt_layer_latency": 4e-4, "prompt_expert_latency": 1e-5, "prompt_queue": 0.25, "price_per_hour": 2,
    "token_time_ratio_low": 0.8, "token_time_ratio_median": 1.05, "token_time_ratio_high": 1.5,
    "first_token_ratio_low": 0.6, "first_token_ratio_median": 1.2, "first_token_ratio_high": 3,
    "outside_token_ratio_low": 0.7, "outside_token_ratio_high": 2, "outside_first_token_ratio_low": 0.5,
    "outside_first_token_ratio_high": 4, "serving_fitted_to": "nothing",
}  # fmt: skip
MODEL = {
    "n_layers": LAYERS, "d_model": D, "n_heads": HEADS, "n_kv_heads": KV_HEADS, "ffn": "swiglu", "d_ff": F,
    "vocab_size": V, "positions": "rotary", "tie_embeddings": True, "n_norms": 0, "final_norm": False,
}  # fmt: skip
LAYER = 2 * D * D + 2 * D * KV_HEADS * HEAD + 3 * D * F
PARAMS = LAYERS * LAYER + V * D
EXPERTS = {"n_experts": 16, "n_active_experts": 2, "d_expert": 512, "d_ff": 0}


def served(model=(), hardware=(), **run):
    said = {"model": "m", "hardware": "mine", "prompt_length": PROMPT, "generated_length": GENERATED, **run}
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": MODEL | dict(model)}, "serving": {"run": said}}
    return frames_of(spec | {"hardware": {"mine": HARDWARE | dict(hardware)}})["serving_run"].loc["run"]


@pytest.mark.parametrize(
    ("hardware", "efficiencies"),
    [
        ("b200", "efficiencies fitted to this kind of device"),
        ("mi300x", "efficiencies of other kinds; this one was not measured"),
        ("a100-80gb", "efficiencies of other kinds; this one was not measured"),
    ],
)
def test_a_kind_of_device_that_nobody_measured_says_whose_efficiencies_its_serving_has(hardware, efficiencies):
    run = {"model": "m", "hardware": hardware, "n_devices": 1, "prompt_length": 1024, "generated_length": 128}
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": {"model": "llama-3-8b"}}, "serving": {"run": run}}
    assert frames_of(spec)["serving_run"].loc["run", "served_efficiencies_are"] == efficiencies


def test_the_kinds_that_were_measured_are_those_of_the_measured_runs():
    kinds = {name for name, kind in catalog.hardware().items() if kind.inputs.get("serving_fitted_to") == "itself"}
    assert kinds == {KINDS[row.row["hardware"]] for row in measured()}


def test_a_step_of_few_tokens_reads_weights_and_cache_and_launches_its_layers():
    cache = 2 * LAYERS * 2 * KV_HEADS * HEAD * (PROMPT + (GENERATED + 1) / 2)
    by_hand = (2 * PARAMS + 4 * cache) / (0.8 * 2e12) + LAYERS * 3e-5
    assert served(n_sequences=4)["seconds_step"] == pytest.approx(by_hand, rel=1e-12)


def test_a_step_of_many_tokens_multiplies_longer_than_it_reads():
    scores = LAYERS * 2 * HEADS * 2 * HEAD * (PROMPT + (GENERATED + 1) / 2)
    by_hand = 4000 * (2 * PARAMS + scores) / (0.4 * 1e15)
    assert served(n_sequences=4000)["seconds_step_weights"] == pytest.approx(by_hand, rel=1e-12)


FEW_BITS = {"peak_flops_fp8": 2e15, "peak_flops_fp4": 4e15}


@pytest.mark.parametrize(
    ("weights", "cache", "of_weights", "of_scores"),
    # In petaFLOP/s. An fp8 cache has its scores in fp8, whatever the weights are: vLLM, quantized_kvcache.md.
    [
        ("bf16", "bf16", 1, 1), ("fp8", "bf16", 2, 1), ("nvfp4", "bf16", 4, 1), ("fp8", "fp8", 2, 2),
        ("nvfp4", "fp8", 4, 2), ("bf16", "fp8", 1, 2), ("fp8", {"k": "fp8", "v": "bf16"}, 2, 1),
    ],
)  # fmt: skip
def test_scores_and_head_are_not_as_fast_as_weights_of_few_bits(weights, cache, of_weights, of_scores):
    formats = {"weight_format": {"default": weights, "lm_head": "bf16", "embedding": "bf16"}, "cache_format": cache}
    found = served((), FEW_BITS, n_sequences=4000, **formats)
    scores = LAYERS * 2 * HEADS * 2 * HEAD
    products = 2 * LAYERS * LAYER
    step = products / of_weights + 2 * V * D + scores * (PROMPT + (GENERATED + 1) / 2) / of_scores
    assert found["seconds_step_products"] == pytest.approx(4000 * step / (0.4 * 1e15), rel=1e-12)
    prompt = products * PROMPT / of_weights + scores * PROMPT * (PROMPT + 1) / 2 / of_scores / 0.25
    for of in ("seconds_prompt", "seconds_first_prompt"):
        assert found[of] == pytest.approx(prompt / (0.5 * 1e15), rel=1e-12)


@pytest.mark.parametrize(
    ("tied", "head", "peak"), [(False, "fp8", 2e15), (True, "fp8", 1e15), (True, "bf16", 1e15), (False, "bf16", 1e15)]
)
def test_the_head_has_the_peak_of_the_format_said_of_it_and_a_tied_one_that_of_the_embedding(tied, head, peak):
    formats = {"default": "fp8", "lm_head": head, "embedding": "bf16"}
    assert served({"tie_embeddings": tied}, FEW_BITS, weight_format=formats)["head_peak"] == peak


def test_a_matmul_format_of_16_bits_holds_for_scores_and_head_too():
    found = served((), FEW_BITS, weight_format="fp8", cache_format="fp8", compute_format="bf16")
    assert found[["compute_peak", "attention_peak", "head_peak"]].tolist() == [1e15] * 3


def test_a_step_reads_the_experts_that_its_tokens_hit():
    expert = LAYERS * 16 * 3 * D * 512
    dense = LAYERS * (2 * D * D + 2 * D * KV_HEADS * HEAD + 16 * D) + V * D
    by_hand = 2 * (dense + expert * (1 - (1 - 2 / 16) ** 4)) / (0.8 * 2e12)
    found = served(EXPERTS, n_sequences=4)
    assert found["seconds_step_weights"] == pytest.approx(by_hand, rel=1e-12)
    assert found["seconds_step_layers"] == pytest.approx(LAYERS * (3e-5 + 16 * 1e-6), rel=1e-12)


def test_two_all_reduces_of_a_layer_have_a_latency_and_their_traffic():
    found = served(n_sequences=4, n_devices=4)
    traffic = LAYERS * 2 * 2 * (2 * 4 * D) * 3 / 4 / (0.5 * 400e9)
    assert found["seconds_step_all_reduces"] == pytest.approx(LAYERS * 2 * 2e-5, rel=1e-12)
    assert found["seconds_step_tensor_parallel"] == pytest.approx(traffic, rel=1e-12)


def test_a_layer_of_one_sublayer_has_one_all_reduce():
    """Of 2 layers of attention alone, 3 of an FFN alone and 1 of both: 2 + 3 + 2."""
    ffn = {"n_heads": 0, "n_kv_heads": 0}
    layers = [
        {"name": "attention", "n_layers": 2, "ffn": "none", "d_ff": 0}, {"name": "FFN", "n_layers": 3, **ffn},
        {"name": "both", "n_layers": 1},
    ]  # fmt: skip
    found = served({"n_layers": 6, "layers": layers}, n_sequences=4, n_devices=4)
    assert found["seconds_step_all_reduces"] == pytest.approx(7 * 2e-5, rel=1e-12)
    traffic = 7 * 2 * (2 * 4 * D) * 3 / 4 / (0.5 * 400e9)
    assert found["seconds_step_tensor_parallel"] == pytest.approx(traffic, rel=1e-12)
    assert found["seconds_prompt_traffic"] == pytest.approx(traffic * PROMPT / 4, rel=1e-12)


def test_tokens_of_attention_data_parallel_groups_go_to_their_experts_and_back():
    found = served(EXPERTS, n_sequences=8, n_devices=4, attention_data_parallel=4, expert_parallel=4)
    by_hand = LAYERS * 2 * 2 * (2 * 2 * D) * 3 / 4 / (0.5 * 400e9)
    assert found["seconds_step_expert_parallel"] == pytest.approx(by_hand, rel=1e-12)


def test_a_prompt_takes_its_products_and_the_causal_half_of_attention():
    products = 2 * LAYERS * LAYER * PROMPT / (0.5 * 1e15)
    attention = LAYERS * 2 * HEADS * 2 * HEAD * PROMPT * (PROMPT + 1) / 2 / (0.5 * 0.25 * 1e15)
    assert served()["seconds_prompt"] == pytest.approx(products + attention, rel=1e-12)


def test_a_prefix_in_the_cache_is_not_computed_again():
    products = 2 * LAYERS * LAYER * 400 / (0.5 * 1e15)
    pairs = PROMPT * (PROMPT + 1) / 2 - 600 * 601 / 2
    attention = LAYERS * 2 * HEADS * 2 * HEAD * pairs / (0.5 * 0.25 * 1e15)
    assert served(prefix_hit_rate=0.6)["seconds_prompt"] == pytest.approx(products + attention, rel=1e-12)


def test_each_token_carries_its_share_of_the_prompts_that_follow():
    found = served(n_sequences=4)
    by_hand = found["seconds_step"] + 4 / GENERATED * found["seconds_prompt"]
    assert found["predicted_seconds_per_token"] == pytest.approx(by_hand, rel=1e-12)


def test_the_first_token_waits_for_a_quarter_of_each_further_prompt():
    found = served(n_sequences=5)
    prompt = max(found["seconds_prompt"], 2 * PARAMS / (0.8 * 2e12))
    by_hand = prompt * (1 + 0.25 * 4) + LAYERS * 4e-4
    assert found["predicted_time_to_first_token"] == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize(
    ("stages", "chunk", "passes"),
    # One chunk passes eight stages of an eighth each, one by one; of four chunks two stages do five halves of one.
    [(1, 1000, 1), (8, 1000, 1), (2, 250, 5 / 8), (2, 300, 5 / 8), (8, 100, 17 / 80)],
)
def test_the_first_token_waits_until_the_last_chunk_has_passed_all_stages(stages, chunk, passes):
    layout = {"n_devices": stages, "tensor_parallel": 1, "pipeline_parallel": stages, "n_sequences": stages}
    found = served(chunk_length=chunk, **layout)
    products = 2 * LAYERS * LAYER * PROMPT / (0.5 * 1e15)
    attention = LAYERS * 2 * HEADS * 2 * HEAD * PROMPT * (PROMPT + 1) / 2 / (0.5 * 0.25 * 1e15)
    assert found["seconds_first_prompt"] == pytest.approx((products + attention) * passes, rel=1e-12)
    assert found["seconds_prompt"] == pytest.approx((products + attention) / stages, rel=1e-12)
    own, others = (max(found[of], 2 * PARAMS / (0.8 * 2e12)) for of in ("seconds_first_prompt", "seconds_prompt"))
    by_hand = own + others * 0.25 * (stages - 1) + LAYERS * 4e-4
    assert found["predicted_time_to_first_token"] == pytest.approx(by_hand, rel=1e-12)


def test_one_attention_data_parallel_group_computes_a_prompt_and_all_its_experts():
    found = served(EXPERTS, n_sequences=4, n_devices=4, attention_data_parallel=4, expert_parallel=4)
    attention = LAYERS * (2 * D * D + 2 * D * KV_HEADS * HEAD + 16 * D)
    experts = LAYERS * 2 * 3 * D * 512
    products = 2 * PROMPT * (attention + experts / 4) / (0.5 * 1e15)
    scores = LAYERS * 2 * HEADS * 2 * HEAD * PROMPT * (PROMPT + 1) / 2 / (0.5 * 0.25 * 1e15)
    there_and_back = (
        LAYERS * 2 * 2 * (2 * PROMPT * D) * 3 / 4 / (0.5 * 400e9)
    )  # to two experts, three of four elsewhere
    assert found["seconds_first_prompt"] == pytest.approx(products + scores + there_and_back, rel=1e-12)


@pytest.mark.parametrize(
    ("drafts", "accepted"),
    # A step gives its own token, and a draft wherever all before it are accepted: 0.9, 0.9 · 0.8, 0.9 · 0.8 · 0.5, …
    [(0, 0), (1, 0.9), (2, 0.9 + 0.72), (3, 0.9 + 0.72 + 0.36), (5, 0.9 + 0.72 + 0.36 + 0.18 + 0.09)],
)
def test_drafts_count_where_all_before_them_are_accepted(drafts, accepted):
    found = served(n_draft_tokens=drafts, acceptance_rate=0.9, acceptance_rate_2=0.8, acceptance_rate_3=0.5)
    assert found["tokens_per_step"] == pytest.approx(1 + accepted, rel=1e-12)


def test_all_drafts_count_where_all_are_accepted():
    assert served(n_draft_tokens=4, acceptance_rate=1)["tokens_per_step"] == 5


def test_drafts_are_verified_together_and_cost_what_is_said():
    found = served(n_sequences=4, n_draft_tokens=3, acceptance_rate=0.5, draft_cost=0.125)
    plain = served(n_sequences=4)
    assert found["n_step_tokens"] == 16
    assert found["seconds_step"] == pytest.approx(plain["seconds_step"] * (1 + 3 * 0.125), rel=1e-12)


def test_prefill_apart_sends_the_cache_and_leaves_decoding_alone():
    found = served(n_sequences=4, n_prefill_devices=1)
    cache = 2 * LAYERS * 2 * KV_HEADS * HEAD * PROMPT
    assert found["predicted_seconds_per_token"] == found["seconds_step"]
    assert found["seconds_transfer"] == pytest.approx(cache / (50e9 * 0.5), rel=1e-12)
    assert found["prefill_devices_per_decode_device"] == pytest.approx(
        4 * found["seconds_prompt"] / (GENERATED * found["seconds_step"]), rel=1e-12
    )


def test_prefill_devices_that_are_too_few_hold_up_the_throughput():
    few, enough = (served(n_sequences=4000, n_devices=64, tensor_parallel=1, n_prefill_devices=n) for n in (1, 640))
    assert few["predicted_served_tokens_per_second"] == pytest.approx(GENERATED / few["seconds_prompt"], rel=1e-12)
    assert enough["predicted_served_tokens_per_second"] == pytest.approx(
        4000 / enough["predicted_seconds_per_token"], rel=1e-12
    )


@pytest.mark.parametrize("prefill", [1, 2, 4])
def test_sequences_that_do_not_decode_wait_for_prefill_and_no_others(prefill):
    """Little's law: decoding has as many as arrive from prefill in the time of an answer; the rest of them wait."""
    found = served(n_sequences=16, n_devices=4, tensor_parallel=1, generated_length=2, n_prefill_devices=prefill)
    arrive = prefill / found["seconds_prompt"]
    decode = arrive * 2 * found["seconds_step"]
    assert 16 / (2 * found["seconds_step"]) > arrive  # as fast as they would finish
    assert found["n_prompts_waiting"] == pytest.approx((16 - decode) / prefill, rel=1e-12)
    assert found["n_prompts_waiting"] <= 16


def test_prefill_devices_that_keep_up_let_no_prompt_wait():
    found = served(n_sequences=16, n_devices=4, tensor_parallel=1, generated_length=2000, n_prefill_devices=4)
    assert [found["n_decoding"], found["n_prompts_waiting"]] == [16, 1]


def test_stages_of_a_pipeline_work_on_different_sequences():
    found = served(n_sequences=8, n_devices=2, pipeline_parallel=2)
    assert (found["n_step_sequences"], found["n_stage_devices"]) == (4, 1)


def test_throughput_and_cost_follow_from_the_time_per_token():
    found = served(n_sequences=4)
    rate = 4 / found["predicted_seconds_per_token"]
    assert found["predicted_served_tokens_per_second"] == pytest.approx(rate, rel=1e-12)
    assert found["predicted_cost_per_million"] == pytest.approx(2 / 3600 * 1e6 / rate, rel=1e-12)


def test_a_table_has_each_prediction_right_before_its_bound():
    names = [metric.name for metric in catalog.load_catalog().headlines if metric.grain == "serving_run"]
    pairs = (
        ("predicted_first_token_range", "prefill_seconds_one"),
        ("predicted_token_range", "decode_tokens_per_second_user"),
        ("predicted_served_tokens_range", "decode_tokens_per_second"),
        ("predicted_cost_per_million_range", "cost_per_million_generated"),
    )
    assert [names[names.index(bound) - 1] for _, bound in pairs] == [prediction for prediction, _ in pairs]


def test_beyond_eight_sequences_at_once_a_queue_is_told():
    """As systems of public benchmarks behave: from there on, the load rules the time to the first token."""
    told = {n: served(n_sequences=n) for n in (8, 9)}
    assert [
        one["predicted_first_token_range"].removeprefix(one["predicted_first_token_span"]) for one in told.values()
    ] == [
        "",
        " + queue",
    ]


def test_no_prediction_is_faster_than_its_bound():
    """At efficiencies of at most one; the convention that counts least is that of masked pairs."""
    for run in ({"n_sequences": 1}, {"n_sequences": 300}, {"n_sequences": 64, "n_devices": 4}):
        found = served(**run)
        assert found["predicted_seconds_per_token"] >= found["decode_seconds"]


# Live cells ----------------------------------------------------------------------------------------------------------

IN_RUN = {
    "n_devices", "tensor_parallel", "attention_data_parallel", "expert_parallel", "n_sequences", "prefix_hit_rate",
    "n_draft_tokens", "acceptance_rate", "acceptance_rate_2", "acceptance_rate_3", "n_prefill_devices",
}  # fmt: skip
TYPED = [
    {"n_devices": 8, "tensor_parallel": 2, "attention_data_parallel": 4, "expert_parallel": 8, "n_sequences": 64},
    {"memory_bandwidth": 4e12, "network_bandwidth": 25e9, "served_memory_efficiency": 0.6, "prompt_queue": 0.5},
    {"n_draft_tokens": 3, "acceptance_rate": 0.8, "acceptance_rate_2": 0.6, "acceptance_rate_3": 0.4,
     "prefix_hit_rate": 0.5},
    {"n_prefill_devices": 2, "expert_latency": 3e-6, "token_time_ratio_high": 2.5, "first_token_ratio_low": 0.4},
]  # fmt: skip


def study(edits):
    """A run on hardware of its own for each, with some of the inputs of both changed."""
    run = {"model": "m", "prompt_length": PROMPT, "generated_length": GENERATED, "n_devices": 2, "tensor_parallel": 2,
           "attention_data_parallel": 1, "n_sequences": 8, "acceptance_rate": 0.5, "acceptance_rate_2": 0.5,
           "acceptance_rate_3": 0.5}  # fmt: skip
    runs, kinds = {}, {}
    for at, said in enumerate(edits):
        of_run, of_kind = ({key: said[key] for key in said if (key in IN_RUN) is inside} for inside in (True, False))
        runs[f"run {at}"] = run | {"hardware": f"kind {at}"} | of_run
        kinds[f"kind {at}"] = HARDWARE | of_kind
    return {
        "version": 1, "context_lengths": [1024], "models": {"m": MODEL | EXPERTS}, "hardware": kinds, "serving": runs,
    }  # fmt: skip


@pytest.mark.libreoffice
def test_every_cell_follows_layout_hardware_and_constants_that_are_typed():
    book = book_of(study([{}] * len(TYPED)))
    homes = {cell.path: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(book.report)}
    edit = {
        homes[("serving", f"run {at}", name) if name in IN_RUN else ("hardware", f"kind {at}", name)]: value
        for at, typed in enumerate(TYPED)
        for name, value in typed.items()
    }
    wanted = formulas(planned(flopsheet.compute(study(TYPED)), book.report))
    for recalculate in (recalculate_ironcalc, recalculate_libreoffice):
        [got] = recalculate(book.spoiled, [edit], list(wanted))
        assert disagreements_of(got, wanted) == {}
