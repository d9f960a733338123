"""What a reviewer chooses on Context and Compare gives, in an engine that is not ours, what pandas gives for it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from typing import Any

import pytest

from books import book_of
from edited_studies import FAMILY, OWN, RUNS
from edits import disagreements_of, formulas, plan_of
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.api import Report
from flopsheet.workbook import plan
from flopsheet.workbook.model.references import FIRST, CellRef, coordinates
from flopsheet.workbook.sheets import compare, context

STUDIES = {"family": FAMILY, "own": OWN}
Cell = tuple[str, str]


def choices(report: Report, count: int, seed: int) -> Iterator[tuple[context.Selections, dict[Cell, float | str]]]:
    """Random choices of every control, with what is typed into the cells for them."""
    dice, study = random.Random(seed), report.study
    scenarios = len(report.values.tables["scenario"])
    step = compare.CompareLayout(study.table_set(study), study.choice.pair).step
    for _ in range(count):
        model = dice.choice([model.name for model in report.spec.models])
        lengths = tuple(float(dice.choice([1, 7, 1000, 2 ** dice.randint(0, 22)])) for _ in range(context.LENGTHS))
        pair = compare.Pair(dice.randrange(scenarios), dice.randrange(scenarios), dice.choice([0.01, 0.1, 0.25, 0.5]))
        cells: dict[Cell, float | str] = {(context.SHEET, CellRef(context.SHEET, 4, FIRST).address): model}
        for at, length in enumerate(lengths):
            cells[context.SHEET, CellRef(context.SHEET, 5, FIRST + at).address] = length
        for column, row in ((compare.A, pair.first), (compare.B, pair.second)):
            address = CellRef(compare.SHEET, compare.CHOICE_ROW, column).address
            cells[compare.SHEET, address] = compare.scenario_name(study.table_set(study), row)
        cells[compare.SHEET, step.address] = pair.step
        yield context.Selections(model, lengths, pair), cells


def assert_follows(recalculate: Any, name: str, count: int) -> None:
    """Every formula cell of the workbook, after each of some random choices, is what pandas gives."""
    book = book_of(STUDIES[name])
    study = book.report.study
    made = list(choices(book.report, count, 7))

    results = recalculate(book.spoiled, [cells for _, cells in made], list(formulas(book.plan)))

    wrong = {}
    for (choice, cells), got in zip(made, results, strict=True):
        # Shapes stay: what is folded and listed depends on the study as built.
        wanted = formulas(plan.plan_workbook(dataclasses.replace(study, choice=choice), study))
        if differing := disagreements_of(got, {cell: value for cell, value in wanted.items() if cell in got}):
            wrong[str(cells)] = differing
    assert wrong == {}


@pytest.mark.parametrize("name", STUDIES)
def test_every_choice_on_context_and_compare_gives_what_pandas_gives(name: str) -> None:
    assert_follows(recalculate_ironcalc, name, 4)


@pytest.mark.libreoffice
def test_libreoffice_follows_choices_too() -> None:
    assert_follows(recalculate_libreoffice, "own", 2)


def offered(book: plan.Plan, choices: str) -> list[str]:
    """What a drop-down lists: words in quotes, or the cells of a range."""
    if choices.startswith('"'):
        return choices.strip('"').split(",")
    sheet, _, span = choices.replace("$", "").replace("'", "").rpartition("!")
    first, last = map(coordinates, span.split(":"))
    cells = book.sheet(sheet).cells
    across, down = range(first[1], last[1] + 1), range(first[0], last[0] + 1)
    return [str(cells[row, column].value) for row in down for column in across if (row, column) in cells]


def test_every_drop_down_offers_what_the_input_can_be() -> None:
    report = book_of(RUNS).report
    book, inputs = plan_of(report), report.catalog.inputs
    names = [model.name for model in report.spec.models]
    wanted = {name: list(map(str, entry.choices)) for name, entry in inputs.items() if entry.choices}
    in_use = {"box", "crate"}  # these stand first on Inputs
    kinds = sorted((device.name for device in report.spec.hardware), key=lambda name: name not in in_use)
    wanted |= {"run_model": names, "hardware": kinds}
    found = {}
    for rule in book.sheet("Inputs").validations:
        if rule.kind == "list":
            row = coordinates(rule.cells[0])[0]
            found[str(book.sheet("Inputs").cells[row, book.sheet("Inputs").tail].value)] = offered(book, rule.choices)
    assert found == wanted


def test_the_drop_downs_of_context_and_compare_offer_every_model_and_every_scenario() -> None:
    report = book_of(FAMILY).report
    book, study = plan_of(report), report.study
    lists = {
        sheet: [offered(book, rule.choices) for rule in book.sheet(sheet).validations if rule.kind == "list"]
        for sheet in ("Context", "Compare")
    }
    scenarios = [compare.scenario_name(study.table_set(study), row) for row in range(8)]
    assert lists == {"Context": [["small", "medium", "xl", "xl-tied"]], "Compare": [scenarios]}
