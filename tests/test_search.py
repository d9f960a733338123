"""A search of layouts gives what a training run of each layout gives, and counts what it leaves out."""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import random
import re
import signal
import threading
import time

import numpy as np
import pytest

import commands
from flopsheet.catalog import load_catalog
from flopsheet.diagnostics import SpecError
from flopsheet.output import layouts
from flopsheet.pipeline.search.result import run_search
from flopsheet.pipeline.search.workers import search_all
from flopsheet.spec import load_spec
from flopsheet.yamlio.source import parse
from layouts_by_runs import random_search, random_serving_search, ranked_by_runs

SPECS = "specs/layout-search.yaml"
GPT = {"version": 1, "context_lengths": [2048], "models": {"m": {"model": "gpt2-xl"}}}
SEARCH = {"model": "m", "hardware": "a100-80gb", "n_devices": 8, "context_length": 1024, "global_batch_size": 64}


def spec_of(vary, **more):
    return {**GPT, "search": {"s": {**SEARCH, "vary": vary, **more}}}


def searched(data, most=1 << 17):
    spec = load_spec(data)
    return spec.searches[0], search_all(spec, spec.searches[0], 1, lambda _: None, most)


@pytest.mark.parametrize("seed", range(25))  # benchmarks/layouts.py holds a thousand
def test_a_search_equals_a_training_run_of_each_layout_to_the_last_digit(seed):
    chance = random.Random(seed)
    data = random_search(chance)
    _, found = searched(data, chance.choice([4, 30, 1 << 17]))
    assert list(zip(map(str, found.best.number), found.best.objective, strict=True)) == ranked_by_runs(data, "s")


@pytest.mark.parametrize("seed", range(36))  # they have every axis and value; benchmarks/layouts.py holds a thousand
def test_a_search_of_servers_equals_a_serving_run_of_each_layout_to_the_last_digit(seed):
    chance = random.Random(seed)
    data = random_serving_search(chance, 12)
    search, found = searched(data, chance.choice([4, 30, 1 << 17]))
    sign = -1 if search.is_maximised else 1
    ours = list(zip(map(str, found.best.number), sign * found.best.objective, strict=True))
    assert (ours, found.n_valid + sum(found.fails.values())) == (ranked_by_runs(data, "s"), search.size)


@pytest.mark.parametrize("seed", range(100, 120))
def test_every_layout_is_possible_or_counted_once(seed):
    search, found = searched(random_search(random.Random(seed)), 30)
    assert found.n_valid + sum(found.fails.values()) == found.n_seen == search.size


def test_what_breaks_a_rule_is_counted_by_the_first_rule_it_breaks():
    # By hand: gpt2-xl has 25 heads and 48 layers. Of 2 · 3 · 2 layouts tensor 2 never divides the heads (6); of the
    # other six virtual stages without a pipeline are one (FS205), 32 stages are no divisor of 8 devices (2, FS201).
    vary = {"tensor_parallel": [1, 2], "pipeline_parallel": [1, 2, 32], "virtual_stages": [1, 2]}
    _, found = searched(spec_of(vary))
    broken = {name: count for name, count in found.fails.items() if name.startswith("check_") and count}
    assert broken == {"check_heads_split": 6, "check_interleaving": 1, "check_devices_split": 2}


def test_a_rule_that_reads_all_that_varies_leaves_out_what_breaks_it():
    # By hand: of the 4 · 4 products of 1, 2, 4 and 8 ten are no more than the 8 devices.
    search, found = searched(spec_of({"pipeline_parallel": [1, 2, 4, 8], "context_parallel": [1, 2, 4, 8]}, keep=20))
    layouts = [search.layout(number) for number in found.best.number.tolist()]
    assert [one for one in layouts if one["pipeline_parallel"] * one["context_parallel"] > 8] == []
    assert (found.fails["check_devices_split"], found.n_seen) == (6, 16)


def test_what_does_not_fit_is_counted_by_what_fills_the_device():
    # By hand: AdamW beside 16-bit weights is 16 bytes per parameter, 70.6e9 · 16 B on one device of 80 GB; the two
    # fp32 moments are most of it.
    data = {**GPT, "models": {"m": {"model": "llama-3-70b"}}}
    data["search"] = {"s": {**SEARCH, "vary": {"micro_batch_size": [1, 2]}}}
    _, found = searched(data)
    assert (found.n_valid, {name: n for name, n in found.fails.items() if n}) == (0, {"optimizer_bytes_device": 2})


def test_no_layout_of_the_front_is_beaten_in_both_figures():
    _, found = searched(spec_of({"recomputation": "auto", "zero_stage": "auto", "micro_batch_size": [1, 2, 4, 8]}))
    front = found.front
    assert len(front) > 1
    assert (np.diff(front.objective) > 0).all()
    assert (np.diff(front.other) < 0).all()


def test_every_possible_layout_is_beaten_or_equalled_by_one_of_the_front():
    _, found = searched(spec_of({"recomputation": "auto", "micro_batch_size": [1, 2, 4, 8]}, keep=1000))
    assert found.n_valid == len(found.best) > 4
    for objective, used in zip(found.best.objective, found.best.other, strict=True):
        assert ((found.front.objective <= objective) & (found.front.other <= used)).any()


def test_a_bound_leaves_out_and_counts_what_misses_it():
    vary = {"recomputation": "auto", "micro_batch_size": [1, 2, 4, 8]}
    _, free = searched(spec_of(vary, keep=1000))
    _, bound = searched(spec_of(vary, keep=1000, require={"margin_share": {"at_least": 0.5}}))
    assert 0 < bound.n_valid < free.n_valid
    assert bound.fails["require margin_share"] == free.n_valid - bound.n_valid


def test_the_largest_is_found_where_a_metric_is_maximised():
    _, least = searched(spec_of({"micro_batch_size": [1, 2, 4, 8]}, minimise="margin_share"))
    _, largest = searched(spec_of({"micro_batch_size": [1, 2, 4, 8]}, maximise="margin_share"))
    assert list(largest.best.number) == list(reversed(least.best.number))


def test_of_equal_layouts_the_faster_is_better():
    _, found = searched(spec_of({"micro_batch_size": [1, 2, 4]}, minimise="n_devices"))
    assert (list(found.best.objective), list(np.argsort(found.best.time))) == ([8, 8, 8], [0, 1, 2])


SERVED = {
    "kind": "serving",
    "model": "m",
    "hardware": "h100-sxm",
    "n_devices": [1, 2, 4, 8],
    "prompt_length": 1024,
    "generated_length": 256,
    "n_sequences": 8,
}


def served(vary, **more):
    data = {**GPT, "models": {"m": {"model": "llama-3-70b"}}, "search": {"s": {**SERVED, "vary": vary, **more}}}
    return searched(data)


def test_the_fewest_devices_that_hold_a_model_are_found():
    # By hand: 70.6e9 parameters of 2 bytes are 141 GB, more than the 79.6 GiB of one device, less than those of two.
    search, found = served({"tensor_parallel": [1, 2, 4, 8]})
    assert search.layout(int(found.best.number[0])) == {"hardware": "h100-sxm", "n_devices": 2, "tensor_parallel": 2}


def test_servers_that_cannot_be_or_do_not_fit_are_counted():
    # By hand: a tensor parallelism of t needs t devices at least, 6 of 16; of the 10 others the 4 replicas of one
    # device are too small for the weights.
    _, found = served({"tensor_parallel": [1, 2, 4, 8]})
    counted = {name: count for name, count in found.fails.items() if count}
    assert (counted, found.n_valid) == ({"check_served_devices": 6, "served_weight_bytes_device": 4}, 6)


def test_limits_of_time_leave_out_and_count_servers():
    _, free = served({"tensor_parallel": [2, 4, 8]}, n_devices=8, keep=9, minimise="predicted_seconds_per_token")
    limit = (free.best.objective[0] + free.best.objective[1]) / 2
    _, bound = served(
        {"tensor_parallel": [2, 4, 8]}, n_devices=8, require={"predicted_seconds_per_token": {"at_most": limit}}
    )
    assert (bound.n_valid, bound.fails["require predicted_seconds_per_token"]) == (1, 2)


def test_no_server_of_the_front_is_beaten_in_both_figures():
    _, found = served({"tensor_parallel": [2, 4, 8]})
    front = found.front
    assert len(front) > 1
    assert (np.diff(front.objective) > 0).all()
    assert (np.diff(front.other) < 0).all()


def test_the_command_tells_the_best_servers(tmp_path):
    told = json.loads(commands.run("search", "specs/serving-search.yaml", "--format", "json").stdout)
    [found] = told.values()
    best = found["serving"][found["best"][0]]
    names = ("n_devices", "predicted_seconds_per_token", "predicted_time_to_first_token", "served_fits")
    run = {key: best[key] for key in ("hardware", "n_devices", "tensor_parallel", "pipeline_parallel",
           "attention_data_parallel", "expert_parallel", "prompt_length", "generated_length", "n_sequences",
           "weight_format", "cache_format", "memory_utilisation")}  # fmt: skip
    spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "deepseek-v3"}}}
    path = tmp_path / "run.yaml"
    path.write_text(json.dumps({**spec, "serving": {"r": {"model": "m", **run}}}))
    ran = json.loads(commands.run("show", str(path), "--format", "json").stdout)["serving"]["r"]
    assert {name: ran[name] for name in names} == {name: best[name] for name in names}


def test_equal_layouts_stand_in_the_order_of_the_grid():
    # Nothing in the time of a step depends on the price of an hour or on the tokens of the run.
    _, found = searched(spec_of({"n_tokens": [3e9, 1e9, 2e9]}))
    assert list(found.best.number) == [0, 1, 2]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("tensor_parallel", [1]),  # divisors of 8 that divide 25 heads
        ("pipeline_parallel", [1, 2, 4, 8]),  # of 8 devices, at most 48
        ("context_parallel", [1, 2, 4, 8]),  # which divide 1,024 tokens
        ("expert_parallel", [1]),  # a model without experts
        ("micro_batch_size", [1, 2, 4, 8, 16, 32, 64]),  # of a batch of 64
        ("virtual_stages", [1]),  # without a pipeline
        ("zero_stage", [0, 1, 2, 3]),
        ("sequence_parallel", ["no", "yes"]),
    ],
)
def test_auto_is_what_the_rules_allow(key, values):
    search = load_spec(spec_of({key: "auto"})).searches[0]
    assert list(search.axes[key]) == values


def test_auto_of_layouts_that_break_a_rule_whatever_it_is_has_all_values_and_the_rule_is_counted():
    _, found = searched(spec_of({"tensor_parallel": "auto"}, stage_layers_5=1))  # of 48 layers, one alone has a stage
    assert (found.n_seen, found.n_valid, sum(found.fails.values())) == (4, 0, 4)  # 1, 2, 4, 8 of 8 devices


def test_virtual_stages_are_divisors_of_the_layers_where_there_may_be_a_pipeline():
    search = load_spec(spec_of({"pipeline_parallel": [1, 2], "virtual_stages": "auto"})).searches[0]
    assert list(search.axes["virtual_stages"]) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 48]  # of 48


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"vary": {"zero_stage": [1], "n_sequences": [1]}},
            "n_sequences is an input of serving runs, and this search is of training runs",
        ),
        ({"vary": {"zero_stage": [1]}, "kind": "service"}, "'service'"),
        ({"vary": {}}, "vary names no input"),
        ({"vary": {"tensor_parallel": [1]}, "zero_stage": [1, 3]}, "zero_stage has several values"),
        ({"vary": {"tensor_parallel": [1]}, "recomputation": ["none"]}, "recomputation has several values"),
        ({"vary": {"tensor_parallel": [1]}, "sweep": {"zero_stage": [1, 3]}}, "a search has no sweep"),
        ({"vary": {"n_tokens": "auto"}}, "n_tokens has no automatic values"),
        ({"vary": {"micro_batch_size": ["2 * zero_stage"]}}, "'2 * zero_stage' is an expression"),
        ({"vary": {"zero_stage": [1]}, "zero_stage": 2}, "vary.zero_stage and zero_stage set the same thing"),
        ({"vary": {"zero_stage": [7]}}, "7"),
        ({"vary": {"zero_stage": [1]}, "minimise": "seconds"}, "'seconds' is not a number of a training run"),
        (
            {"vary": {"zero_stage": [1]}, "require": {"fits": {"at_least": 1}}},
            "'fits' is not a number of a training run",
        ),
        ({"vary": {"zero_stage": [1]}, "hardware": "h1000"}, "no hardware is called 'h1000'"),
        ({"vary": {"zero_stage": [1]}, "model": "n"}, "'n'"),
        ({"vary": {"zero_stage": [1]}, "n_token": 5}, "unknown key 'n_token'"),
        (
            {"vary": {"n_tokens": {"from": 1, "to": 99_999}, "micro_batch_size": {"from": 1, "to": 99_999}}},
            "9,999,800,001 layouts, at most 1,000,000,000 are allowed",
        ),
    ],
)
def test_what_cannot_be_searched_is_told_with_its_place(change, message):
    with pytest.raises(SpecError) as refused:
        load_spec(spec_of(change.pop("vary"), **change))
    [problem] = refused.value.problems
    assert message in problem.fact
    assert problem.path.startswith("search.s")


def test_a_search_over_a_faulty_model_is_refused_for_the_model_alone():
    spec = spec_of({"virtual_stages": "auto"})
    spec["models"] = {name: {**model, "n_layers": "four"} for name, model in spec["models"].items()}
    with pytest.raises(SpecError) as refused:
        load_spec(spec)
    assert [problem.path for problem in refused.value.problems] == [
        f"models.{name}.n_layers" for name in spec["models"]
    ]


def test_the_command_tells_best_front_and_what_is_left_out():
    told = commands.run("search", SPECS)
    assert told.returncode == 0
    for part in ("22,680 layouts", "on-1024-h100 1", "the best", "Pareto front", "Ruled out"):
        assert part in told.stdout


def test_the_numbers_of_the_command_are_those_of_a_training_run(tmp_path):
    told = json.loads(commands.run("search", SPECS, "--format", "json").stdout)["on-1024-h100"]
    best = told["training"][told["best"][0]]
    keys = ("tensor_parallel", "pipeline_parallel", "virtual_stages", "context_parallel", "zero_stage", "recomputation",
            "micro_batch_size", "n_devices", "hardware", "context_length", "global_batch_size", "sequence_parallel",
            "gradients", "n_tokens")  # fmt: skip
    run = {"model": "llama-3-70b", **{key: best[key] for key in keys}}
    path = tmp_path / "run.yaml"
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "context_lengths": [8192],
                "models": {"llama-3-70b": {"model": "llama-3-70b"}},
                "training": {"r": run},
            }
        )
    )
    ran = json.loads(commands.run("show", str(path), "--format", "json").stdout)["training"]["r"]
    names = [name for name in ran if name.startswith(("seconds_", "predicted_", "margin_"))]
    assert {name: ran[name] for name in names} == {name: best[name] for name in names}


def test_csv_has_a_line_for_each_layout_that_json_has():
    told = json.loads(commands.run("search", SPECS, "--format", "json").stdout)["on-1024-h100"]["training"]
    lines = commands.run("search", SPECS, "--format", "csv").stdout.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["run", *told]


def result_of(data):
    spec = load_spec(data)
    return run_search(spec, spec.searches[0])


AUTO = spec_of({"tensor_parallel": "auto", "micro_batch_size": "auto", "zero_stage": [0, 1]}, keep=5)


def test_the_best_layouts_are_runs_that_a_spec_can_say():
    result = result_of(AUTO)
    said = {**AUTO, **parse(layouts.to_yaml([result]), "s.yaml").data}
    said["search"] = {"s": {**AUTO["search"]["s"], **said["search"]["s"]}}
    runs = {run.name: run.inputs for run in load_spec(said).runs["training"]}
    best = result.runs[: result.n_best]
    assert (len(best), [runs[run.name] for run in best]) == (5, [run.inputs for run in best])


@pytest.mark.parametrize(("metric", "unit"), [("predicted_seconds_per_step", "s"), ("device_gib", "GiB")])
def test_the_terms_of_a_difference_add_up_to_it(metric, unit):
    result = result_of({**AUTO, "search": {"s": {**AUTO["search"]["s"], "minimise": metric}}})
    for row in range(1, result.n_best):
        [(amount, terms)] = re.findall(rf"([+−][\d.]+) {unit}: ([^;]*)", layouts.because(result, row))
        parts = [float(one.replace("−", "-")) for one in re.findall(r"[+−][\d.]+", terms)]
        assert sum(parts) == pytest.approx(float(amount.replace("−", "-")), abs=0.01 * sum(map(abs, parts)))


def test_a_search_without_a_possible_layout_fails_and_says_what_excludes_most(tmp_path):
    data = spec_of({"zero_stage": [0, 1]}, require={"days": {"at_most": 1e-9}}, n_tokens=1e12)
    (tmp_path / "s.yaml").write_text(json.dumps(data), "utf-8")
    told = commands.run("search", "s.yaml", "--format", "yaml", cwd=tmp_path)
    reason = "s: none of 2 layouts is possible; 2 of them: Required: Time\n"
    assert (told.returncode, told.stdout, told.stderr) == (1, "", reason)


def test_hardware_without_an_efficiency_is_the_reason_why_no_layout_has_a_time(tmp_path):
    data = spec_of({"zero_stage": [0, 1]}, hardware=["rtx-4090"])
    (tmp_path / "s.yaml").write_text(json.dumps(data), "utf-8")
    told = commands.run("search", "s.yaml", "--format", "yaml", cwd=tmp_path).stderr
    lacking = "network_bandwidth, matmul_efficiency, fused_attention_efficiency (set under hardware, or measured)"
    reason = f"Predicted time of one step has no value: rtx-4090 has no {lacking}"
    assert told == f"s: none of 2 layouts is possible; 2 of them: {reason}\n"


def test_a_rule_that_layouts_break_is_told_by_what_it_demands():
    told = layouts.said("check_micro_batches", load_catalog())
    assert told == "Broken (FS206): The global batch is a multiple of micro-batch times data parallel"


def test_a_spec_without_a_search_is_told_what_to_write():
    told = commands.run("search", "specs/gpt2.yaml")
    assert (told.returncode, told.stderr.partition(";")[0]) == (2, "the spec has no layout search")


WIDE = spec_of(
    {
        "micro_batch_size": [1, 2, 4, 8],
        "zero_stage": "auto",
        "recomputation": "auto",
        "attention_kernel": "auto",
        "loss_kernel": "auto",
        "gradients": "auto",
        "tensor_parallel_overlap": [0, 0.5],
        "data_parallel_overlap": [0, 0.5],
    }
)  # 110,592 layouts in 256 blocks; the best are alike in fours, so that which of them comes first is held too


@functools.cache
def told_by(workers):
    """The result of a search in many small blocks, on so many processes."""
    spec = load_spec(WIDE)
    found = search_all(spec, spec.searches[0], workers, lambda _: None, 500)
    return [*map(list, (*found.best.columns, *found.front.columns)), found.n_valid, found.n_seen, +found.fails]


def test_the_result_is_the_same_whatever_the_number_of_workers():
    assert told_by(1) == told_by(2) == told_by(3)


def test_a_worker_that_is_killed_loses_nothing():
    killed = []

    def kill():
        while not (running := multiprocessing.active_children()):
            time.sleep(0.001)
        if running[0].is_alive():
            os.kill(running[0].pid, signal.SIGKILL)
            killed.append(running[0].pid)

    killer = threading.Thread(target=kill)
    killer.start()
    told = told_by.__wrapped__(2)
    killer.join()
    assert (len(killed), told) == (1, told_by(1))
