"""Context, Compare and Sensitivity say what the same scenarios give when a spec asks for them one by one."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from edited_studies import GROUPS
from flopsheet.api import Report, compute
from flopsheet.pipeline import what_ifs
from flopsheet.workbook import plan
from flopsheet.workbook.model.references import FIRST, LABEL
from flopsheet.workbook.model.sheet import Sheet
from flopsheet.workbook.sheets import compare, context, sensitivity

# Every input that can be stepped, of numbers that a half and one and a half times of them are whole and valid.
STEPPED: dict[str, Any] = {
    "version": 1,
    "context_lengths": [64, 1024],
    "models": {
        "experts": {
            "d_model": 64,
            "vocab_size": 100,
            "layers": [
                {
                    "n_layers": 4, "n_heads": 12, "n_kv_heads": 2, "d_head": 8, "d_ff": 0, "ffn": "swiglu",
                    "n_experts": 12, "n_active_experts": 2, "d_expert": 32, "n_shared_experts": 2,
                    "d_shared_expert": 16,
                },
                {"n_layers": 2, "n_heads": 12, "n_kv_heads": 2, "d_head": 4, "d_ff": 128, "ffn": "gelu"},
            ],
        },
        "latent": {
            "n_layers": 2, "d_model": 64, "vocab_size": 100, "n_heads": 4, "kv_lora_rank": 32, "q_lora_rank": 16,
            "d_qk_nope": 8, "d_qk_rope": 4, "d_v": 8, "d_ff": 128, "ffn": "swiglu",
        },
    },
}  # fmt: skip
HALF = 0.5

# A group's own name for an input, and what follows from others, where the step moves those alone.
IN_SPECS = {"n_group_layers": "n_layers"}
FOLLOWS = {("latent", "d_head"), ("latent", "n_kv_heads")}


def rows_of(sheet: Sheet, column: int) -> dict[str, dict[int, Any]]:
    """The values of a sheet's rows by what stands in one of their columns."""
    rows: dict[int, dict[int, Any]] = {}
    for (row, at), cell in sheet.cells.items():
        rows.setdefault(row, {})[at] = cell.value
    return {str(cells[column]): cells for row, cells in sorted(rows.items(), reverse=True) if cells.get(column)}


def chosen(title: str, report: Report, **choice: Any) -> Sheet:
    study = report.study
    now = dataclasses.replace(study, choice=dataclasses.replace(study.choice, **choice))
    return plan.plan_workbook(now, study, only={title}).sheet(title)


def scaled(model: str, names: tuple[str, ...], factor: float) -> dict[str, Any]:
    """The model with some of its inputs times a factor."""
    entry = copy.deepcopy(STEPPED["models"][model])
    for said in (entry, *entry.get("layers", ())):
        for name in names:
            key = IN_SPECS.get(name, name)
            if key in said and (model, key) not in FOLLOWS:
                said[key] = said[key] * factor
    return entry


@pytest.mark.parametrize("model", STEPPED["models"])
def test_an_effect_is_that_of_a_spec_with_the_input_scaled(model: str) -> None:
    report = compute(STEPPED)
    at = report.frames["scenario"].index.get_loc((model, 1024))
    shown = rows_of(chosen("Sensitivity", report, pair=compare.Pair(0, at, HALF)), LABEL)
    tags = {tag: names for tag, names in what_ifs.STEPPED.items() if tag in shown}
    factors = (1 - HALF, 1 + HALF)
    # One spec asks for all: each scaled model is one of its own, at its own context and at the scaled ones.
    models = {f"{tag} {factor}": scaled(model, names, factor) for tag, names in tags.items() for factor in factors}
    lengths = [1024.0, *(1024 * factor for factor in factors)]
    scenarios = compute({**STEPPED, "models": models, "context_lengths": lengths}).frames["scenario"]

    def effects(tag: str, names: tuple[str, ...]) -> list[float]:
        before = report.frames["scenario"].iloc[at]
        after = [
            scenarios.loc[f"{tag} {factor}", 1024 * factor if names == ("context_length",) else 1024]
            for factor in factors
        ]
        return [side[total] / before[total] - 1 for total in sensitivity.EFFECTS for side in after]

    wanted = {tag: pytest.approx(effects(tag, names), rel=1e-12, abs=1e-12) for tag, names in tags.items()}
    assert {tag: [shown[tag][FIRST + side] for side in range(6)] for tag in tags} == wanted
    assert set(tags) == set(what_ifs.STEPPED)


@pytest.mark.parametrize("model", GROUPS["models"])
def test_context_shows_the_scenarios_of_a_spec_with_those_lengths(model: str) -> None:
    lengths = [1.0, 7.0, 100.0, 2048.0, 3000.0, 4096.0, 8192.0, 20000.0, 65536.0, 131072.0, 500000.0, 1e6]
    sheet = chosen("Context", compute(GROUPS), model=model, lengths=tuple(lengths))
    rows = rows_of(sheet, sheet.tail)
    frame = compute({**GROUPS, "context_lengths": lengths}).frames["scenario"].loc[model]
    shown = {name: [rows[name][FIRST + at] for at in range(12)] for name in context.SHOWN if name in rows}
    assert {"flops_forward", "share_ffn", "flops_ratio", "kv_cache_gib", "dominant"} <= shown.keys()
    assert shown == {name: frame[name].tolist() for name in shown}


def test_what_only_the_second_of_two_scenarios_has_is_no_change_in_percent() -> None:
    dense = {"n_layers": 2, "d_model": 64, "n_heads": 4, "ffn": "swiglu", "d_ff": 128, "vocab_size": 100}
    sparse = dense | {"d_ff": 0, "n_experts": 4, "n_active_experts": 2, "d_expert": 32}
    report = compute({"version": 1, "context_lengths": [128], "models": {"dense": dense, "sparse": sparse}})
    sheet = chosen("Compare", report, pair=compare.Pair(0, 1, 0.1))
    rows = rows_of(sheet, sheet.tail)
    told = [rows[name][compare.SHARE] for name in ("n_params_routed_experts", "n_params_ffn", "state_bytes")]
    assert told == ["from 0", -1.0, 0.0]


def test_compare_shows_two_scenarios_their_difference_and_their_ratio() -> None:
    report = compute(GROUPS)
    sheet = chosen("Compare", report, pair=compare.Pair(1, 5, 0.1))
    rows = rows_of(sheet, sheet.tail)
    frame = report.frames["scenario"]
    first, second = frame.iloc[1], frame.iloc[5]
    names = [name for name in frame if name in rows and frame[name].dtype.kind in "fi"]
    assert len(names) > 15
    wanted = {
        name: [first[name], second[name], second[name] - first[name], second[name] / first[name] - 1]
        for name in names
        if first[name]
    }
    shown = {name: [rows[name][column] for column in range(compare.A, compare.SHARE + 1)] for name in wanted}
    large = {name for name, values in wanted.items() if values[-1] >= 9}  # ten times and more are told as times
    assert {name: shown[name][-1] for name in large} == {"flops_ratio": "11×"}  # 10.7 by the frame
    assert {name: shown[name][: -1 if name in large else None] for name in wanted} == {
        name: pytest.approx(values[: -1 if name in large else None], rel=1e-12, abs=1e-12)
        for name, values in wanted.items()
    }


def test_compare_starts_with_two_models_at_one_context() -> None:
    report = compute("specs/gpt2.yaml")
    pair, keys = report.study.choice.pair, report.values.tables["scenario"].keys
    (first, length), (second, other) = keys[pair.first], keys[pair.second]
    assert (first != second, length) == (True, other)
