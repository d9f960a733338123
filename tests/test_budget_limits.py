"""How far a run goes within a budget: there the budget is met, and one step further it is not."""

from __future__ import annotations

import functools
import random
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

import flopsheet
from books import Book, book_of
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.api import Report
from flopsheet.pipeline.limits.budgets import Budget
from flopsheet.pipeline.limits.dials import LIMITS
from flopsheet.pipeline.limits.solve import solve_budget
from flopsheet.pipeline.limits.subjects import runs_of
from flopsheet.pipeline.limits.told import tell_budgets
from flopsheet.workbook.model.references import LABEL, letters
from flopsheet.workbook.sheets.limits import LAST_AT, NEXT_AT, SAYS_AT
from review_helpers import input_cells_of
from test_limits import inputs_of, put_back, study

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
        "at_least", 1056, 1024, "at least that; 1,024 is over by 6.24 day",  # 412.490 / 2 − 200
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
TWICE = [2112.0, 2080.0, "at least that; 2,080 is over by 3.07 day"]


def test_the_sheet_follows_an_edit_of_the_tokens() -> None:
    assert devices_for_twice_the_tokens(recalculate_ironcalc) == TWICE


@pytest.mark.libreoffice
def test_libreoffice_says_the_same_of_that_edit() -> None:
    assert devices_for_twice_the_tokens(recalculate_libreoffice) == TWICE
