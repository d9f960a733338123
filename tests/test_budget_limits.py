"""How far a run goes within a budget: there the budget is met, and one step further it is not."""

from __future__ import annotations

import functools
import itertools
import random
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

import flopsheet
from books import Book, book_of
from edits import sheet_of
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.api import Report
from flopsheet.formula import evaluate
from flopsheet.pipeline.frames import compute_values
from flopsheet.pipeline.limits.budget_words import sentence
from flopsheet.pipeline.limits.budgets import Budget
from flopsheet.pipeline.limits.dials import LIMITS
from flopsheet.pipeline.limits.sets import Set, within_model
from flopsheet.pipeline.limits.solve import Solved, solve_budget
from flopsheet.pipeline.limits.subjects import runs_of
from flopsheet.pipeline.limits.told import tell_budgets
from flopsheet.workbook.model.references import LABEL, letters
from flopsheet.workbook.sheets.limit_lines import LACKS_AT, LAST_AT, LEFT_AT, NEXT_AT, SAYS_AT
from review_helpers import input_cells_of
from test_limits import MODELS, inputs_of, put_back, study

BUDGETS = {
    "training": [
        Budget("days", "at_most"), Budget("tokens_per_second", "at_least"), Budget("run_cost", "at_most"),
        Budget("predicted_seconds_per_step", "at_most"),
    ],
    "serving": [
        Budget("predicted_seconds_per_token", "at_most"), Budget("predicted_served_tokens_per_second", "at_least"),
        Budget("predicted_cost_per_million", "at_most"), Budget("predicted_time_to_first_token", "at_most"),
    ],
}  # fmt: skip
HARDWARE = ("h100-sxm", "a100-80gb")  # with a measured efficiency each, and here with a price
N_RUNS, N_BUDGETS = 60, 2  # of a kind, each with five limits within these budgets; 250 runs and 4 budgets are 10,000
EXACT = (1, 2, 3, 4)
SAID = {"limit": LAST_AT, "next": NEXT_AT, "says": SAYS_AT}


def claims(seed: int, n_runs: int, n_budgets: int) -> Counter[tuple[str, str, str]]:
    """Of every limit within a budget of every run: what is claimed, and whether pandas agrees."""
    report, dice, found = study(seed, n_runs, HARDWARE), random.Random(seed), Counter[tuple[str, str, str]]()
    for kind, values in report.runs.items():
        for budget in BUDGETS[kind][:n_budgets]:
            own = np.asarray(values.column(f"{kind}_run", budget.metric), float)
            bound = own * np.array([2.0 ** dice.uniform(-3, 3) for _ in own])
            subjects = runs_of(values, kind, report.catalog)
            for solved in solve_budget(subjects, LIMITS[kind], budget, bound):
                there, beyond = (
                    met(report, kind, budget, bound, inputs_of(report, kind, solved.limit.name, solved.numbers[name]))
                    for name in ("last", "next")
                )
                for at, code in enumerate(solved.numbers["found"]):
                    is_true = there[at] and not beyond[at] if code in EXACT else bool(there[at]) == (code == 5)
                    state = "exact" if code in EXACT else "nothing" if solved.numbers["is_end"][at] else "unsharp"
                    found[solved.limit.name, state, "true" if is_true else "false"] += 1
    return found


def met(
    report: Report, kind: str, budget: Budget, bound: np.ndarray[Any, Any], inputs: dict[str, Any]
) -> np.ndarray[Any, Any]:
    """Whether each run meets its budget with other inputs, all of it computed anew from the spec."""
    spent = put_back(report, kind, inputs, budget.metric)
    return spent <= bound if budget.claim == "at_most" else spent >= bound


@functools.cache
def counted() -> Counter[tuple[str, str, str]]:
    return claims(7, N_RUNS, N_BUDGETS)


def test_of_1200_limits_within_budgets_the_last_value_meets_it_and_one_step_further_does_not() -> None:
    assert (counted().total(), [claim for claim in counted() if claim[2] == "false"]) == (
        2 * N_BUDGETS * 5 * N_RUNS,
        [],
    )


def test_every_limit_is_found_within_some_budget() -> None:
    names = {limit.name for limits in LIMITS.values() for limit in limits}
    assert {name for name, state, _ in counted() if state == "exact"} == names


def test_few_ends_are_not_found_sharply() -> None:
    unsharp = sum(count for (_, state, _), count in counted().items() if state == "unsharp")
    assert unsharp <= counted().total() // 50


def test_the_fewest_devices_within_days_are_those_of_a_division() -> None:
    # A step of as many tokens a device as before takes as long on more devices: at an assumed MFU, n devices take
    # 412.490 · 512 / n days, 200 of them 1,055.97 devices; 32 of them are a data-parallel one, so 1,056, not 1,024.
    report = flopsheet.compute(llama({"that": "run.days", "at_most": 200}))
    [devices] = [one for one in tell_budgets(report.spec, report.runs, report.catalog) if is_devices(one)]
    assert abs(report.frames["training_run"]["days"]["run"] - 412.490) < 0.001
    assert (devices.kind, devices.last, devices.next, devices.says) == (
        "at_least", 1056, 1024, "at least that; 1,024 is over by 6.24 days",  # 412.490 / 2 − 200
    )  # fmt: skip


def is_devices(told: Any) -> bool:
    return bool(told.limit.input == "n_devices")


def llama(*expected: dict[str, Any]) -> dict[str, Any]:
    """Llama-3-70B on 512 H100, as specs/llama3-70b-512xh100.yaml has it, with budgets."""
    run = {
        "model": "m", "context_length": 8192, "global_batch_size": 2048, "n_tokens": "15T", "n_devices": 512,
        "hardware": "h100-sxm", "tensor_parallel": 8, "sequence_parallel": True, "pipeline_parallel": 4,
        "zero_stage": 1, "assumed_mfu": 0.4,
    }  # fmt: skip
    models = {"m": {"model": "llama-3-70b"}}
    return {"version": 1, "context_lengths": [8192], "models": models, "training": {"run": run}, "expect": [*expected]}


def test_a_budget_that_no_value_meets_has_no_limit() -> None:
    spec = llama({"that": "run.days", "at_most": 1})
    layers = flopsheet.compute(spec).budget_limits.loc[("run", "days", "at_most", "n_layers")]
    found = pd.isna(layers[["limit", "limit_is"]]).tolist()
    assert (found, layers["says"][:17]) == ([True, True], "no value was foun")


def test_what_was_tried_in_vain_is_not_shown_beside_a_budget() -> None:
    cells = sheet_of("Limits", flopsheet.compute(llama({"that": "run.days", "at_most": 1}))).cells
    row = min(row for (row, column), cell in cells.items() if (column, cell.value) == (LABEL, "Layers"))
    shown = [cells[row, column].value for column in (LAST_AT, NEXT_AT, LEFT_AT, LACKS_AT)]
    assert shown == ["none meets it", "–", "–", "–"]


@pytest.mark.parametrize(
    ("off", "amount"),
    [(120_821_248.4, "120,821,248"), (64.54, "64.5"), (6.244, "6.24"), (0.05451, "0.0545"), (0.00317783, "0.00318")],
)
def test_by_how_much_a_budget_is_broken_is_told_in_three_digits(off: float, amount: str) -> None:
    read = {"found": 1.0, "is_end": 0.0, "told": 7.0, "off": off}
    assert evaluate(sentence("at_most", "days"), read.__getitem__) == f"at most that; 7 is over by {amount} days"


def test_a_metric_of_the_spec_that_has_no_value_where_no_run_is_has_the_other_limits() -> None:
    # Of 1,024 devices, twice those of the run, it is 0 / 0.
    formula = "micro_batch_size * (n_devices - 1024) / (n_devices - 1024)"
    mine = {"name": "mine", "label": "M", "unit": "count", "grain": "training_run", "formula": formula, "doc": "Mine."}
    found = flopsheet.compute({**llama({"that": "run.mine", "at_most": 4}), "metrics": [mine]}).budget_limits
    assert list(found.index) == [("run", "mine", "at_most", "micro_batch_size")]


def test_equal_figures_set_no_limit() -> None:
    spec = llama({"that": "run.days", "equals": 412.49, "within": 0.01}, {"that": "m.n_params", "equals": 70553706496})
    assert len(flopsheet.compute(spec).budget_limits) == 0


@functools.cache
def deadline() -> tuple[Book, dict[str, tuple[str, str]]]:
    """A workbook whose run shall take 200 days, and the cells of *Limits* that say how many devices that takes."""
    book = book_of(llama({"that": "run.days", "at_most": 200}))
    cells = book.plan.sheet("Limits").cells
    row = min(row for (row, column), cell in cells.items() if (column, cell.value) == (LABEL, "Devices"))
    return book, {name: ("Limits", f"{letters(column)}{row}") for name, column in SAID.items()}


def devices_for_twice_the_tokens(recalculate: Any) -> list[float | str]:
    """What *Limits* says of them with 30 T tokens in the place of 15 T."""
    book, said = deadline()
    [home] = [one.cell_ref for one in input_cells_of(book.report) if one.path == ("training", "run", "n_tokens")]
    [found] = recalculate(book.path, [{(home.sheet, home.address): 30e12}], list(said.values()))
    return [found[cell] for cell in said.values()]


# 824.979 · 512 / 200 = 2,111.9 devices, in steps of 32; 2,080 take 824.979 · 512 / 2,080 = 203.07 days.
TWICE = [2112.0, 2080.0, "at least that; 2,080 is over by 3.07 days"]


def test_the_sheet_follows_an_edit_of_the_tokens() -> None:
    assert devices_for_twice_the_tokens(recalculate_ironcalc) == TWICE


@pytest.mark.libreoffice
def test_libreoffice_says_the_same_of_that_edit() -> None:
    assert devices_for_twice_the_tokens(recalculate_libreoffice) == TWICE


def model(*expected: dict[str, Any]) -> dict[str, Any]:
    """Llama-3-8B without a run: 8,030,261,248 parameters."""
    models = {"m": {"model": "llama-3-8b"}}
    return {"version": 1, "context_lengths": [4096, 32768], "models": models, "expect": [*expected]}


# budget of the model | the last values of its inputs, by hand
OF_MODELS = [
    # A step of d_ff has 3 · 4,096 · 32 = 393,216 parameters: 14,336 + ⌊(9e9 − 8,030,261,248) / 393,216⌋; a layer
    # has 2 · 4,096 · (4,096 + 1,024) + 3 · 4,096 · 14,336 + 2 · 4,096 = 218,112,000: 32 + ⌊969,738,752 / 218,112,000⌋.
    ({"that": "m.n_params", "at_most": "9B"}, {"d_ff": 16802, "n_layers": 36}),
    ({"that": "m.n_params", "at_least": "7B"}, {"d_ff": 11716, "n_layers": 28}),
    # A token of the cache has 32 · 2 · 8 · 128 · 2 = 131,072 bytes, a GiB 8,192 such tokens; a layer a 32nd of it.
    ({"that": "m.kv_cache_gib", "context_length": 32768, "at_most": 1}, {"context_length": 8192, "n_layers": 8}),
]


@pytest.mark.parametrize(("budget", "last"), OF_MODELS)
def test_a_model_grows_to_its_budget(budget: dict[str, Any], last: dict[str, int]) -> None:
    found = flopsheet.compute(model(budget)).budget_limits
    assert found["limit"].droplevel(["run", "metric", "claim"]).to_dict() == last


def test_a_model_says_what_breaks_its_budget_one_step_further() -> None:
    # 36 layers have 8,030,261,248 + 4 · 218,112,000 = 8,902,709,248 parameters, a 37th breaks 9e9 by 120,821,248.
    found = flopsheet.compute(model(OF_MODELS[0][0])).budget_limits.loc[("m", "n_params", "at_most", "n_layers")]
    assert (found["value"], found["says"]) == (
        8_902_709_248, "at most that; 37 is over by 120,821,248 parameters",
    )  # fmt: skip


N_MODELS = 4  # each with a budget of every metric
OF_MODEL_METRICS = ("n_params", "weight_gib", "flops_forward", "kv_cache_gib")


def model_claims(seed: int, n_models: int) -> Counter[tuple[str, str, str]]:
    """Of every limit of random models within budgets: what is claimed, and whether pandas agrees."""
    dice, found = random.Random(seed), Counter[tuple[str, str, str]]()
    models = {f"m{at}": dice.choice(list(MODELS.values())) for at in range(n_models)}
    length = float(dice.choice([1000, 4096, 65536]))
    report = flopsheet.compute({"version": 1, "context_lengths": [length], "models": models})
    for name, metric in itertools.product(models, OF_MODEL_METRICS):
        grain = report.catalog.metrics[metric].grain
        own = float(report.frames[grain][metric].loc[[name]].iloc[0])
        claim, bound = dice.choice(["at_most", "at_least"]), own * 2.0 ** dice.uniform(-2, 3)
        one = Set("models", name, None if grain == "model" else length, Budget(metric, claim), bound)
        for solved in within_model(report.spec, one, report.catalog).solved:
            there, beyond = (spent(solved, metric, float(solved.numbers[end][0])) for end in ("last", "next"))
            fits = [each <= bound if claim == "at_most" else each >= bound for each in (there, beyond)]
            code = solved.numbers["found"][0]
            is_true = fits == [True, False] if code in EXACT else fits[0] == (code == 5)
            state = "exact" if code in EXACT else "nothing" if solved.numbers["is_end"][0] else "unsharp"
            found[solved.limit.name, state, "true" if is_true else "false"] += 1
    return found


def spent(solved: Solved, metric: str, value: float) -> float:
    """A metric of a model with another value of an input, all of it computed anew."""
    tables, catalog = dict(solved.subjects.values.tables), solved.subjects.catalog
    groups, n_layers = tables["layer_group"].inputs, float(tables["model"].inputs["n_layers"].iloc[0])
    name = {"largest_d_ff": "d_ff", "most_layers": "n_group_layers", "longest_context": ""}[solved.limit.name]
    if not name:
        changed = {"context": {"context_length": [value]}}
    elif name == "d_ff":
        changed = {"layer_group": {name: groups[name].where(groups[name] < groups[name].max(), value)}}
    else:
        layers = groups[name].to_numpy(float).copy()
        layers[layers.argmax()] += value - n_layers
        changed = {"layer_group": {name: layers, "n_stored_layers": layers}, "model": {"n_layers": [value]}}
    for grain, columns in changed.items():
        tables[grain] = tables[grain].with_inputs(tables[grain].inputs.assign(**columns))
    grain = catalog.metrics[metric].grain
    return float(compute_values(tables, catalog, [metric]).column(grain, metric)[0])


def test_of_random_models_the_last_value_meets_the_budget_and_one_step_further_does_not() -> None:
    found = model_claims(3, N_MODELS)
    kinds = {name for name, state, _ in found if state == "exact"}
    assert ([claim for claim in found if claim[2] == "false"], kinds) == (
        [], {"largest_d_ff", "most_layers", "longest_context"},
    )  # fmt: skip


@functools.cache
def grown() -> Book:
    """A workbook of a model with nine budgets, of which six have room on *Limits*."""
    return book_of(model(*({"that": "m.n_params", "at_most": f"{9 + at}B"} for at in range(9))))


def test_the_sheet_follows_an_edit_of_a_model() -> None:
    # With 16 layers in the place of 32 a step of d_ff has 196,608 parameters, and all of them are 4,540,469,248.
    cells = grown().plan.sheet("Limits").cells
    row = min(row for (row, column), cell in cells.items() if (column, cell.value) == (LABEL, "FFN width"))
    said = ("Limits", f"{letters(LAST_AT)}{row}")
    [home] = [one.cell_ref for one in input_cells_of(grown().report) if one.path == ("models", "m", "n_layers")]
    [found] = recalculate_ironcalc(grown().path, [{(home.sheet, home.address): 16}], [said])
    assert found[said] == 14336 + (9_000_000_000 - 4_540_469_248) // 196_608


def test_the_sheet_names_the_budgets_that_it_has_no_room_for() -> None:
    cells = grown().plan.sheet("Limits").cells
    words = [str(cell.value) for (_, column), cell in sorted(cells.items()) if column == LABEL]
    at = next(at for at, word in enumerate(words) if word.startswith("3 more budgets"))
    assert words[at + 1 : at + 4] == [f"m, parameters: at most {15 + more},000,000,000 parameters" for more in range(3)]
