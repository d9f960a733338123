"""Stages of unlike layers: the closed form against every stage of random patterns, layer by layer, in pandas."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flopsheet.importers.huggingface.read import interpret_config
from studies import frames_of, frames_of_each
from test_library import MADE

LISTED, CONFIGURATIONS = MADE["listed"](), MADE["configurations"]()
WIDTHS = [512, 2048, 8192, 1024]  # of the FFN of each kind of layer
S, D = 1024, 512


def configuration_of(name: str) -> dict[str, Any]:
    """The configuration that a model of the library is made from."""
    return LISTED[name].get("config") or CONFIGURATIONS[LISTED[name]["configuration"]]


def study(kinds: list[int], runs: dict[str, dict[str, Any]], **model: Any) -> dict[str, Any]:
    """Runs of a model with so many layers of each kind."""
    layers = [{"name": f"kind {at}", "n_layers": n, "d_ff": WIDTHS[at]} for at, n in enumerate(kinds)]
    whole = {"d_model": D, "n_heads": 8, "ffn": "swiglu", "vocab_size": 512, "layers": layers, **model}
    base = {"model": "m", "hardware": "h100-sxm", "context_length": S, "recomputation": "none"}
    runs = {name: {**base, "n_devices": run["pipeline_parallel"], **run} for name, run in runs.items()}
    return {"version": 1, "context_lengths": [S], "models": {"m": whole}, "training": runs}


def of_a_layer(kind: int) -> int:
    """Parameters of a layer by hand: Q, K, V and O, three matrices of the FFN, two norms."""
    return 4 * D * D + 3 * D * WIDTHS[kind] + 2 * D


def stage_sizes(run: pd.Series) -> list[int]:
    return [int(run[f"n_layers_stage_{at}"]) for at in range(1, int(run["pipeline_parallel"]) + 1)]


def parameters_of_stages(pattern: list[int], sizes: list[int]) -> pd.Series:
    """Parameters of the layers of each stage of a pattern of kinds, layer by layer."""
    stage = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    return pd.Series([of_a_layer(kind) for kind in pattern]).groupby(stage).sum()


def states_of(run: pd.Series, stage: int) -> float:
    """Parameters of a stage, from its 16 bytes each; without embedding and head."""
    return float(run[f"weight_state_bytes_stage_{stage}"] / 16)


DICE = random.Random(18)
BLOCKS = [
    ([DICE.randint(1, 20), DICE.randint(8, 40)][:: DICE.choice([1, -1])], DICE.choice([3, 4, 7, 11])) for _ in range(12)
]


def blocks() -> list[pd.Series]:
    """The run of each of BLOCKS."""
    studies = [study(kinds, {"r": {"pipeline_parallel": n}}, layer_order="listed") for kinds, n in BLOCKS]
    return [frames["training_run"].loc["r"] for frames in frames_of_each(studies)]


def test_two_kinds_one_after_the_other_are_exact_on_every_stage():
    wrong = []
    for (kinds, stages), run in zip(BLOCKS, blocks(), strict=True):
        pattern = [kind for kind, count in enumerate(kinds) for _ in range(count)]
        exact = parameters_of_stages(pattern, stage_sizes(run))
        told = [states_of(run, at) for at in range(2, stages)]
        wrong += [(kinds, stages)] if told != exact.tolist()[1:-1] else []
    assert wrong == []


def test_the_fullest_stage_of_listed_layers_is_the_largest_of_all():
    # Of each stage the states, its micro-batches in flight and its peak: none needs more than the run says.
    rows = blocks()
    most = [max(row[f"stage_gib_{at}"] for at in range(1, 17)) for row in rows]
    assert [row["device_gib"] for row in rows] == pytest.approx(most, rel=1e-12)


def spread(kinds: list[int]) -> list[int]:
    """Kinds interleaved as evenly as possible: at each place the one that lags most behind its share."""
    total, left, pattern = sum(kinds), [0] * len(kinds), []
    for at in range(1, total + 1):
        kind = max(range(len(kinds)), key=lambda one: (at * kinds[one] / total - left[one], -one))
        left[kind] += 1
        pattern.append(kind)
    return pattern


def unevenness(pattern: list[int]) -> int:
    """How many more layers of a kind follow each other than an even share, rounded up: over all runs of layers."""
    total, most = len(pattern), 0
    for kind in set(pattern):
        sums = np.concatenate([[0], np.cumsum([one == kind for one in pattern])])
        for n in range(1, total + 1):
            most = max(most, int((sums[n:] - sums[:-n]).max()) - -(-n * int(sums[-1]) // total))
    return most


@dataclass(frozen=True)
class Case:
    """Layers of each kind in an order that a model says something of, on some stages."""

    kinds: list[int]
    pattern: list[int]
    stages: int
    model: dict[str, Any] = field(default_factory=dict)


def brute(cases: list[Case]) -> list[tuple[float, float]]:
    """Each run's fullest stage between first and last, and the largest of any run of as many layers, in parameters."""
    studies = [study(case.kinds, {"r": {"pipeline_parallel": case.stages}}, **case.model) for case in cases]
    found = []
    for case, frames in zip(cases, frames_of_each(studies), strict=True):
        run = frames["training_run"].loc["r"]
        n = int(run["n_second_stage_layers"])
        sums = pd.Series([of_a_layer(kind) for kind in case.pattern]).rolling(n).sum()
        found.append((states_of(run, 2), float(sums.max())))
    return found


def test_two_kinds_spread_evenly_are_exact():
    # The most that any run of as many layers has: attention every 4th layer (Qwen3-Next), every 8th, and uneven counts.
    cases = [([36, 12], 6), ([28, 4], 4), ([3, 29], 5), ([20, 13], 4), ([17, 30], 7)]
    model = {"layer_order": "interleaved"}
    found = brute([Case(kinds, spread(kinds), stages, model) for kinds, stages in cases])
    assert [told for told, _ in found] == [exact for _, exact in found]


def test_any_pattern_needs_no_more_than_its_unevenness_says():
    dice, cases = random.Random(6), []
    for _ in range(12):
        kinds = [dice.randint(1, 16) for _ in range(dice.choice([2, 3, 4]))]
        pattern = [kind for kind, count in enumerate(kinds) for _ in range(count)]
        dice.shuffle(pattern)
        stages = dice.choice([count for count in (3, 4, 5) if count <= len(pattern)])
        model = {"layer_order": "interleaved", "n_uneven_layers": unevenness(pattern)}
        cases.append(Case(kinds, pattern, stages, model))
    any_order = brute([replace(case, model={}) for case in cases])  # every layer for the heaviest
    wrong = [
        (case, told, exact)
        for case, (told, exact), (worst, _) in zip(cases, brute(cases), any_order, strict=True)
        if not exact <= told <= worst
    ]
    assert wrong == []


def test_chunks_of_an_interleaved_schedule_round_their_shares_one_by_one():
    # 32 layers, 4 of them heavy and 8 apart: a stage of 8 layers in 2 chunks of 4 can have one in each chunk.
    spec = study([28, 4], {"r": {"pipeline_parallel": 4, "virtual_stages": 2, "global_batch_size": 8}})
    spec["models"]["m"]["layer_order"] = "interleaved"
    run = frames_of(spec)["training_run"].iloc[0]
    assert states_of(run, 2) == 2 * of_a_layer(1) + 6 * of_a_layer(0)


def test_layers_alike_have_no_order():
    runs = {"r": {"pipeline_parallel": 4}}
    orders = [{}, {"layer_order": "listed"}, {"layer_order": "interleaved"}]
    rows = [
        frames["training_run"].loc["r"] for frames in frames_of_each(study([16], runs, **order) for order in orders)
    ]
    assert len({row["device_bytes"] for row in rows}) == 1


@pytest.mark.parametrize(
    ("name", "is_exact"),
    [("qwen3-next-80b-a3b", True), ("minimax-text-01", True), ("jamba-mini", False), ("nemotron-h-56b", False)],
)
def test_stages_of_published_hybrids_are_bounded_by_their_own_patterns(name, is_exact):
    # Attention is every 4th layer of Qwen3-Next, every 8th of MiniMax-01; Jamba and Nemotron-H have three kinds.
    groups = {group.name: group.layers for group in interpret_config(configuration_of(name)).groups}
    runs = {"r": {"model": "m", "hardware": "b200", "context_length": S, "pipeline_parallel": 4, "n_devices": 4}}
    spec = {"version": 1, "context_lengths": [S], "models": {"m": {"model": name}}, "training": runs}
    frames = frames_of(spec)
    run, layers = frames["training_run"].iloc[0], frames["training_layer"].droplevel("run")
    weights = dict(zip(groups, layers["n_params_layer_device"], strict=True))
    pattern = pd.Series({layer: weights[group] for group, own in groups.items() for layer in own}).sort_index()
    most = pattern.rolling(int(run["n_second_stage_layers"])).sum().max()
    told, worst = states_of(run, 2), pattern.max() * run["n_second_stage_layers"]
    holds = (told >= most * (1 - 1e-12), told < worst, not is_exact or told == pytest.approx(most, rel=1e-12))
    assert holds == (True, True, True), (told / most, worst / most)


def test_layers_of_ones_own_have_no_order_of_the_library():
    layers = [{"name": "a", "n_layers": 2, "d_ff": 4096}, {"name": "b", "n_layers": 4, "d_ff": 8192}]
    models = {"own": {"model": "deepseek-v3", "layers": layers}, "theirs": {"model": "deepseek-v3"}}
    found = frames_of({"version": 1, "context_lengths": [S], "models": models})["model"]["layer_order"]
    assert found.tolist() == ["any", "listed"]


def test_the_dense_layers_of_deepseek_v3_are_on_its_first_stage():
    # 61 layers of which three are dense: of 16 stages the first has these and one with experts.
    run = {"model": "m", "hardware": "h800", "context_length": 4096, "pipeline_parallel": 16, "n_devices": 2048,
           "expert_parallel": 64, "zero_stage": 1, "global_batch_size": 15360}  # fmt: skip
    model = {"model": "deepseek-v3", "layer_order": "listed"}
    spec = {"version": 1, "context_lengths": [4096], "models": {"m": model}, "training": {"r": run}}
    found = frames_of(spec)["training_run"].iloc[0]
    assert (found["n_leading_first"], found["n_leading_second"], found["n_first_stage_layers"]) == (3, 0, 4)
