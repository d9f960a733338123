"""How far a run goes in one input: the last value fits, and one step further does not."""

from __future__ import annotations

import dataclasses
import functools
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flopsheet
from edits import disagreements_of, formulas, planned, planned_sheet, sheet_of, write_workbook
from engines import recalculate_ironcalc
from flopsheet.api import Report
from flopsheet.catalog.load import load_catalog
from flopsheet.diagnostics import ComputeError
from flopsheet.formula import parse
from flopsheet.formula.nodes import aggregated, names
from flopsheet.pipeline.frames import compute_values
from flopsheet.pipeline.limits import rows
from flopsheet.pipeline.limits.alike import WorkingRows
from flopsheet.pipeline.limits.dials import LIMITS
from flopsheet.pipeline.limits.program import Step
from flopsheet.pipeline.limits.solve import Solved, _solved, solve
from flopsheet.pipeline.limits.subjects import Subjects, runs_of
from flopsheet.pipeline.tables import tabulate_runs
from flopsheet.workbook.model.references import LABEL, UNIT
from flopsheet.workbook.sheets.limit_lines import LACKS_AT, LAST_AT, NEXT_AT
from review_helpers import input_cells_of
from studies import SPECS

MODELS = {
    "dense": {"model": "llama-3-8b"},
    "large": {"model": "llama-3-70b"},
    "experts": {"model": "mixtral-8x7b"},
    "windows": {"model": "gemma-2-9b"},
    "tied": {"model": "gpt2-xl"},
    "latent": {"model": "deepseek-v2"},
}
HARDWARE = ["h100-sxm", "a100-40gb", "h200", "b200", "l40s"]
N_RUNS = 250  # of a kind, each with five limits


def training_run(dice: random.Random, hardware: Sequence[str] = HARDWARE) -> dict[str, Any]:
    micro, dp = dice.choice([1, 1, 2, 3, 8]), dice.choice([1, 2, 8, 64])
    cp, tp, pp = dice.choice([1, 1, 2]), dice.choice([1, 2, 4]), dice.choice([1, 1, 2, 4, 6])
    run = {
        "model": dice.choice(list(MODELS)),
        "context_length": dice.choice([512, 1000, 4096, 8192, 65536]),
        "micro_batch_size": micro,
        "global_batch_size": micro * dp * dice.choice([1, 2, 7, 64]),
        "n_tokens": "1T",
        "n_devices": dp * cp * tp * pp,
        "hardware": dice.choice(hardware),
        "tensor_parallel": tp,
        "sequence_parallel": dice.random() < 0.5,
        "context_parallel": cp,
        "pipeline_parallel": pp,
        "zero_stage": dice.choice([0, 1, 2, 3]),
        "recomputation": dice.choice(["none", "selective", "full", "operations"]),
        "attention_kernel": dice.choice(["fused", "eager"]),
        "activation_method": dice.choice(["autograd", "transformer_engine", "korthikanti"]),
        "precision": dice.choice(["mixed_bf16", "fp32"]),
        "optimizer": dice.choice(["adamw", "muon", "sgd", "adamw_8bit"]),
    }
    if run["model"] in {"tied", "windows"}:
        run |= {"tensor_parallel": 1, "n_devices": dp * cp * pp}
    return run


def serving_run(dice: random.Random, hardware: Sequence[str] = HARDWARE) -> dict[str, Any]:
    tp, replicas = dice.choice([1, 2, 4]), dice.choice([1, 2, 3, 16])
    run = {
        "model": dice.choice(list(MODELS)),
        "prompt_length": dice.choice([100, 2048, 30000]),
        "generated_length": dice.choice([1, 512]),
        "n_sequences": dice.choice([1, 7, 64, 500]),
        "n_devices": tp * replicas,
        "tensor_parallel": tp,
        "hardware": dice.choice(hardware),
        "weight_format": dice.choice(["bf16", "fp8", "int4"]),
        "cache_format": dice.choice(["bf16", "fp8"]),
        "memory_utilisation": dice.choice([0.8, 0.9, 1]),
    }
    if run["model"] in {"tied", "windows"}:
        run |= {"tensor_parallel": 1, "n_devices": replicas}
    return run


def study(seed: int, n_runs: int = N_RUNS, hardware: Sequence[str] = HARDWARE) -> Report:
    """Many runs at random, over models with and without experts, windows and latents; its hardware has a price."""
    dice = random.Random(seed)
    return flopsheet.compute(
        {
            "version": 1,
            "context_lengths": [4096],
            "models": MODELS,
            "training": {f"t{at}": training_run(dice, hardware) for at in range(n_runs)},
            "serving": {f"s{at}": serving_run(dice, hardware) for at in range(n_runs)},
            "hardware": {kind: {"price_per_hour": 2} for kind in hardware},
        }
    )


def put_back(report: Report, kind: str, inputs: Mapping[str, Any], metric: str = "") -> np.ndarray[Any, Any]:
    """A metric of each run with other inputs, all of it computed anew from the spec; what is left of its memory."""
    tables = tabulate_runs(report.spec, kind)
    for name, column in inputs.items():
        grain = report.catalog.inputs[name].grain
        tables[grain] = tables[grain].with_inputs(tables[grain].inputs.assign(**{name: np.asarray(column, float)}))
    grain, margin = {"training": ("training_run", "margin_bytes"), "serving": ("serving_run", "served_margin_bytes")}[
        kind
    ]
    wanted = metric or margin
    return np.asarray(compute_values(tables, report.catalog, [wanted]).column(grain, wanted), float)


def inputs_of(report: Report, kind: str, limit: str, value: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The inputs that a value of a limit means, said a second time as somebody types them into a spec."""
    values = report.runs[kind]

    def of(grain: str, name: str) -> np.ndarray[Any, Any]:
        return np.asarray(values.column(grain, name), float)

    run = f"{kind}_run"
    if limit == "largest_micro_batch":
        n_micro_batches = of(run, "global_batch_size") / of(run, "micro_batch_size")
        return {"micro_batch_size": value, "global_batch_size": n_micro_batches * value}
    if limit == "longest_context" and kind == "serving":
        prompt = of(run, "prompt_length") + value - of("context", "context_length")
        return {"context_length": value, "prompt_length": np.maximum(1, prompt)}
    if limit == "longest_context":
        return {"context_length": value}
    if limit == "largest_batch":
        return {"n_sequences": value}
    if limit == "fewest_devices" and kind == "serving":
        return {"n_devices": value}
    if limit == "fewest_devices":
        each = of("run", "n_devices") / of(run, "data_parallel")
        sequences = of(run, "global_batch_size") / of(run, "data_parallel")
        return {"n_devices": value, "data_parallel": value / each, "global_batch_size": sequences * value / each}
    n_runs = len(value)
    name = {"largest_d_ff": "d_ff", "most_layers": "n_group_layers"}[limit]
    groups = of("layer_group", name).reshape(n_runs, -1).copy()
    if limit == "largest_d_ff":
        widest = groups == groups.max(axis=1, keepdims=True)
        return {"d_ff": np.where(widest & (groups > 0), value[:, None], groups).ravel()}
    added = value - of("model", "n_layers")
    for at in range(n_runs):
        groups[at, groups[at].argmax()] += added[at]
    return {"n_layers": value, "n_group_layers": groups.ravel(), "n_stored_layers": groups.ravel()}


def state_of(solved: Solved, at: int) -> str:
    """What is claimed of a run."""
    numbers, limit = solved.numbers, solved.limit
    last, least, most = (numbers[name][at] for name in ("x@last", "least", "most"))
    margin = solved.points["last"]["margin_bytes" if "margin_bytes" in solved.points["last"] else "served_margin_bytes"]
    if margin[at] < 0:
        return "nowhere"
    if limit.fewest:
        return "at the least" if last <= least else "exact"
    return "no limit" if last >= most else "exact"


def claims(report: Report) -> Counter[tuple[str, str, bool]]:
    """Of every limit of every run: what is claimed, and whether pandas agrees."""
    found: Counter[tuple[str, str, bool]] = Counter()
    for kind, values in report.runs.items():
        for solved in solve(values, kind, report.catalog):
            name = solved.limit.name
            at_last, beyond = (
                put_back(report, kind, inputs_of(report, kind, name, np.asarray(solved.numbers[point], float)))
                for point in ("last", "next")
            )
            for at in range(len(values.tables["run"])):
                state = state_of(solved, at)
                holds = {
                    "exact": at_last[at] >= 0 > beyond[at],
                    "nowhere": at_last[at] < 0,
                    "at the least": at_last[at] >= 0,
                    "no limit": at_last[at] >= 0,
                }[state]
                found[name, state, bool(holds)] += 1
    return found


@functools.cache
def counted() -> Counter[tuple[str, str, bool]]:
    return claims(study(1))


def test_of_2500_limits_the_last_value_fits_and_one_step_further_does_not() -> None:
    assert (counted().total(), [claim for claim in counted() if not claim[2]]) == (2 * 5 * N_RUNS, [])


def test_no_line_ends_below_nothing() -> None:
    # Far below it, the last digit of one sum of bytes would move the end by thousands of its own.
    ends = [
        (kind, solved.limit.name, name, float(column.min()))
        for kind, values in study(1).runs.items()
        for solved in solve(values, kind, load_catalog())
        for name, column in solved.numbers.items()
        if name.startswith(("end_", "need"))
    ]
    assert [end for end in ends if end[-1] < 0] == []


def test_every_limit_is_found_exactly_in_some_runs() -> None:
    names = {limit.name for limits in LIMITS.values() for limit in limits}
    assert {name for name, state, _ in counted() if state == "exact"} == names


def test_a_limit_says_what_breaks_one_step_further() -> None:
    # llama-3-8b by hand: 8,030,261,248 weights of 2 bytes and 32 · 2 · 8 · 128 · 2 bytes of cache a token, 131,072; the
    # logits of a sequence are 1.26 GiB / 256. Beside weights 80 GB hold (80e9 − 16,060,522,496) / (8,192 · 131,072 +
    # 5,284,823) = 59.26 sequences; the 60th lacks 0.74 · 1.079 GB, 758 MiB.
    run = {"model": "m", "prompt_length": 8000, "generated_length": 192, "hardware": "own", "reserved_bytes": 0}
    run["chunk_length"] = 1
    spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "llama-3-8b"}}}
    hardware = {"hardware": {"own": {"extends": "h100-sxm", "memory_bytes": 80_000_000_000}}}
    limit = flopsheet.compute(spec | hardware | {"serving": {"chat": run}}).limits.loc[("chat", "largest_batch")]
    lacks = (16_060_522_496 + 60 * (8192 * 131_072 + 1.26 * 2**30 / 256) - 80e9) / 2**20
    assert (limit["limit"], limit["says"].partition(":")[0]) == (59, "60 breaks")
    assert abs(limit["left_next_bytes"] / 2**20 + lacks) < 1


def test_a_study_without_runs_has_no_limits() -> None:
    spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "llama-3-8b"}}}
    assert len(flopsheet.compute(spec).limits) == 0


def test_metrics_of_a_specs_own_change_no_limit_of_its_runs() -> None:
    own = flopsheet.compute("specs/design-sweep.yaml").spec.catalog
    assert own is not None
    built = {kind: rows._of_runs(kind, own) for kind in LIMITS}
    assert built == {kind: rows.rows_of_runs(kind, own) for kind in LIMITS}


def parts_after_what_they_read(some: WorkingRows) -> Iterator[str]:
    """The parts whose formulas read only what was computed before, in the order of computing."""
    every, known = {part.name for part in some.parts}, set[str]()
    for alike in (*some.fixed, *some.moved):
        read = {name for part in alike.parts for name in (*names(part.node), *aggregated(part.node))}
        yield from (part.name for part in alike.parts if read & every <= known)
        known |= {part.name for part in alike.parts}


def test_parts_that_are_computed_at_once_come_each_once_and_after_what_they_read() -> None:
    kept = [some for kind in LIMITS for some in rows.rows_of_runs(kind, load_catalog())]
    ordered = [sorted(parts_after_what_they_read(some)) for some in kept]
    assert ordered == [sorted(part.name for part in some.parts) for some in kept]


def test_formulas_of_pipeline_stages_are_computed_as_one() -> None:
    of_kind = rows.rows_of_runs("training", load_catalog())
    together = [tuple(part.name for part in alike.parts) for some in of_kind for alike in some.moved]
    assert together.count(tuple(f"stage_gib_{stage}" for stage in range(2, 16))) == len(LIMITS["training"])


def test_formulas_read_alike_beside_metrics_of_a_specs_own() -> None:
    own = flopsheet.compute("specs/design-sweep.yaml").spec.catalog
    assert own is not None
    assert own.notation == dataclasses.replace(own, base=None).notation


def test_a_limit_and_a_linked_row_have_their_unit_beside_them() -> None:
    cells = sheet_of("Limits", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml")).cells
    units = {(cell.value, cells[row, UNIT].value) for (row, column), cell in cells.items() if (row, UNIT) in cells}
    expected = {("Largest micro-batch", "count"), ("Longest context", "token"), ("Widest FFN", "width")}
    linked = {("Model width", "width"), ("Global batch", "count")}
    assert (expected | linked) - units == set()


EXPERTS = {  # Mixtral 8x7B has no layer with a dense FFN; one H100 does not hold it
    "version": 1, "context_lengths": [4096], "models": {"m": {"model": "mixtral-8x7b"}},
    "training": {"run": {
        "model": "m", "context_length": 4096, "global_batch_size": 8, "n_tokens": "1T", "n_devices": 8,
        "hardware": "h100-sxm", "zero_stage": 0,
    }},
    "expect": [{"that": "run.days", "at_most": 1}],
}  # fmt: skip


def test_a_mixture_of_experts_without_a_dense_ffn_has_no_widest_ffn() -> None:
    report = flopsheet.compute(EXPERTS)
    inputs = {name for _, name in report.limits.index} | {one[-1] for one in report.budget_limits.index}
    labels = {cell.value for cell in sheet_of("Limits", report).cells.values()}
    assert "longest_context" in inputs
    assert (inputs & {"largest_d_ff", "d_ff"}, labels & {"Widest FFN"}) == (set(), set())


def test_where_no_value_fits_that_is_said_and_none_is_shown_as_a_step_further() -> None:
    report = flopsheet.compute(EXPERTS)
    fewest = report.limits.loc[("run", "fewest_devices")]
    cells = sheet_of("Limits", report).cells
    row = min(row for (row, column), cell in cells.items() if cell.value == "Fewest devices")
    shown = [cells[row, column].value for column in (LAST_AT, NEXT_AT, LACKS_AT)]
    assert (fewest["limit"], shown) == ("nothing fits", ["nothing fits", "–", "–"])
    assert fewest["says"].startswith("no number of replicas of this layout fits: a device lacks ")


# Of one model every layer has a dense FFN, of the other none.
EITHER = {
    "version": 1, "context_lengths": [4096],
    "models": {"dense": {"model": "llama-3-8b"}, "experts": {"model": "mixtral-8x7b"}},
    "expect": [{"that": "run.served_gib_device", "at_most": 70}],
}  # fmt: skip
RUN = {
    "hardware": "h200",
    "n_devices": 2,
    "tensor_parallel": 2,
    "prompt_length": 4096,
    "generated_length": 64,
    "n_sequences": 8,
}


def choosing(model: str, of: str) -> tuple[Report, Report]:
    """A run of one of two models, with a budget, as it is and with the other model chosen for it."""
    one, other = ({**EITHER, "serving": {"run": {**RUN, "model": name}}} for name in (of, model))
    return flopsheet.compute(one), flopsheet.compute(other)


@pytest.mark.parametrize(("model", "of"), [("experts", "dense"), ("dense", "experts")])
def test_another_model_of_a_run_moves_no_row_of_limits(model: str, of: str) -> None:
    built, edited = choosing(model, of)
    labels = [{at: cell.value for at, cell in planned_sheet("Limits", one, built).cells.items() if at[1] == LABEL}
              for one in (built, edited)]  # fmt: skip
    assert labels[0] == labels[1]


def test_limits_follow_another_model_that_is_chosen_for_a_run(tmp_path: Path) -> None:
    built, edited = choosing("experts", "dense")
    write_workbook(built, tmp_path / "built.xlsx")
    wanted = formulas(planned(edited, built, {"Limits"}))
    [home] = [one.cell_ref for one in input_cells_of(built) if one.path == ("serving", "run", "model")]
    [found] = recalculate_ironcalc(tmp_path / "built.xlsx", [{(home.sheet, home.address): "experts"}], list(wanted))
    assert (disagreements_of(found, wanted), len(wanted) > 400) == ({}, True)


def solved_where(monkeypatch: pytest.MonkeyPatch, value: float) -> list[Solved]:
    """The limits of a training run whose inputs are of some value wherever they are tried."""
    values, catalog = study(1, 1).runs["training"], load_catalog()
    varied = Subjects.varied
    monkeypatch.setattr(
        Subjects, "varied", lambda of, limit, x: {name: one * value for name, one in varied(of, limit, x).items()}
    )
    return solve(values, "training", catalog)


def test_runs_that_are_beyond_doubles_far_away_have_no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert solved_where(monkeypatch, np.inf) == []


def test_a_limit_without_a_value_is_no_limit_less_but_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ComputeError, match="not a finite number"):
        solved_where(monkeypatch, np.nan)


@pytest.mark.parametrize("text", ["sum(d_ff)", "at_min(d_ff, d_ff)", "at_max(d_ff, n_heads)"])
def test_a_limit_reads_the_most_of_layer_groups_and_nothing_else_of_them(text: str) -> None:
    values, catalog = study(1, 1).runs["training"], load_catalog()
    subjects, limit = runs_of(values, "training", catalog), LIMITS["training"][0]
    with pytest.raises(LookupError, match="in a limit"):
        _solved(subjects, limit, [Step("now", parse(text), "Now")], rows.rows_of(limit, (), catalog))
