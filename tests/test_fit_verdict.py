"""A run that does not fit is told first and in red on the Summary and on Checks, and follows an edit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from books import book_for, book_with
from edits import planned, sheet_of
from engines import recalculate_ironcalc
from flopsheet import compute
from flopsheet.api import Report
from flopsheet.output.sentences import brief
from review_helpers import input_cells_of
from studies import SPECS

# 70.55 B parameters of two bytes are 141 GB: less than the 192 GB of an MI300X, more than the 80 GB of an H100.
SPEC: dict[str, Any] = {
    "version": 1,
    "context_lengths": [1024],
    "models": {"m7": {"model": "llama-2-7b"}, "m70": {"model": "llama-3-70b"}},
    "training": {
        "gpt": {"model": "m7", "hardware": "b200", "context_length": 1024, "n_devices": 8, "zero_stage": 3},
    },
    "serving": {
        "llama-70b": {
            "model": "m70",
            "hardware": "mi300x",
            "n_devices": 1,
            "prompt_length": 1024,
            "generated_length": 64,
        }
    },
}
VERDICTS = [("Summary", "A4"), ("Checks", "A2")]
STATUS = ("Checks", "C9")
ON_H100 = {"serving.llama-70b.hardware": "h100-sxm"}
# 7 B parameters of 16 bytes with mixed precision and Adam are 108 GB, on one H100 not sharded.
BOTH = {**ON_H100, "training.gpt.hardware": "h100-sxm", "training.gpt.zero_stage": 0.0}
HOLD = "✔ Every run fits. ✔ All N checks hold."
# Of the 132.3 GiB 131.4 are the weights; an H100 reports 85,520,809,984 bytes, 79.6 GiB. 7 B of 16 bytes are 100.4 GiB.
LACKS = "llama-70b needs 132.3 GiB a device, h100-sxm has 79.6 usable (1.7×)."
ONE = f"✘ 1 of 2 runs does not fit: {LACKS}"


@pytest.fixture
def book() -> tuple[Path, Report]:
    """The workbook without the sheets that the verdict does not read."""
    shared = book_for("Summary", SPEC)
    return shared.path, shared.report


def cells_of(report: Report, edits: dict[str, Any]) -> dict[tuple[str, str], Any]:
    homes = {".".join(map(str, one.path)): one.cell_ref for one in input_cells_of(report)}
    return {(homes[path].sheet, homes[path].address): value for path, value in edits.items()}


def with_edits(edits: dict[str, Any]) -> dict[str, Any]:
    """The spec with the same values written into it."""
    spec: dict[str, Any] = {key: value for key, value in SPEC.items()}
    for path, value in edits.items():
        kind, name, key = path.split(".")
        spec[kind] = {**spec[kind], name: {**spec[kind][name], key: value}}
    return spec


@pytest.mark.parametrize(
    ("edits", "words", "status"),
    [
        ({}, HOLD, 0),
        (ON_H100, f"{ONE} ✔ All N checks hold.", 2),
        (
            BOTH,
            "✘ 2 of 2 runs do not fit, the first: gpt needs 106.6 GiB a device, h100-sxm has 79.6 usable (1.3×)."
            " ✔ All N checks hold.",
            2,
        ),
        (
            {**ON_H100, "models.m7.vocab_size": 0.0},
            f"✘ 1 of N checks fails; m7: vocab_size is 0, which must be a whole number of 1 or more. {ONE}",
            2,
        ),
    ],
)
def test_a_run_that_stops_fitting_is_told_in_the_verdict(
    book: tuple[Path, Report], edits: dict[str, Any], words: str, status: int
) -> None:
    path, report = book
    [got] = recalculate_ironcalc(path, [cells_of(report, edits)], [*VERDICTS, STATUS])
    said = [re.sub(r"[\d,]+ checks", "N checks", str(got[cell])) for cell in VERDICTS]
    assert (said, got[STATUS]) == ([words, words], status)


@pytest.mark.parametrize("edits", [{}, ON_H100, BOTH])
def test_the_formula_says_what_the_values_of_the_edited_spec_say(
    book: tuple[Path, Report], edits: dict[str, Any]
) -> None:
    path, report = book
    edited = compute(with_edits(edits))
    plan = planned(edited, report, only={"Summary", "Checks"})
    [got] = recalculate_ironcalc(path, [cells_of(report, edits)], VERDICTS)
    assert list(got.values()) == [plan.sheet("Summary").cells[4, 1].value, plan.sheet("Checks").cells[2, 1].value]


def test_a_run_that_fits_again_after_an_edit_is_no_longer_told() -> None:
    book = book_for("Summary", with_edits(ON_H100))
    again = cells_of(book.report, {"serving.llama-70b.hardware": "mi300x"})
    before, after = recalculate_ironcalc(book.path, [{}, again], VERDICTS)
    said = [re.sub(r"[\d,]+ checks", "N checks", str(found["Summary", "A4"])) for found in (before, after)]
    assert said == [f"{ONE} ✔ All N checks hold.", HOLD]


def test_a_budget_that_is_missed_is_told_after_the_run_that_does_not_fit() -> None:
    spec = {**with_edits(ON_H100), "expect": [{"that": "m7.n_params", "at_most": 1e9}]}
    said = str(sheet_of("Summary", compute(spec)).cells[4, 1].value)
    wanted = f"{ONE} ✘ The budget is not met: m7.n_params is 6.74 B (at most 1 B). ✔ All N checks hold."
    assert re.sub(r"[\d,]+ checks", "N checks", said) == wanted


def test_the_only_run_is_not_counted() -> None:
    spec = {key: value for key, value in with_edits(ON_H100).items() if key != "training"}
    said = str(sheet_of("Summary", compute(spec)).cells[4, 1].value)
    assert re.sub(r"[\d,]+ checks", "N checks", said) == (f"✘ The run does not fit: {LACKS} ✔ All N checks hold.")


def test_yes_and_no_have_colours_under_each_heading_that_asks_whether_a_run_fits() -> None:
    shared = book_with({"Summary", "Checks"}, SPECS / "deepseek-v3.yaml")
    book, coloured = openpyxl.load_workbook(shared.path, data_only=True), []
    for sheet in (book["Summary"], book["Checks"]):
        rules = [(area.sqref, rule.formula[0]) for area in sheet.conditional_formatting for rule in area.rules]
        for heading in (cell for row in sheet.iter_rows() for cell in row if cell.value == "Fits"):
            below = [heading.offset(rows) for rows in range(1, 7)]
            answers = [cell.coordinate for cell in below if cell.value in {"yes", "no"}]
            words = [{formula.split('"')[1] for area, formula in rules if at in area} for at in answers]
            coloured.append((sheet.title, [sorted(each & {"yes", "no"}) for each in words]))
    # Two training and three serving runs: a table of training, two of serving, a list on Checks.
    both = ["no", "yes"]
    assert coloured == [("Summary", [both] * 2), *[("Summary", [both] * 3)] * 2, ("Checks", [both] * 5)]


# Llama-3-8B on 8 H100 with ZeRO-3: 4,096 tokens leave a third of each device, 8,000 less than 1 %.
ROOMY = {"model": "m", "hardware": "h100-sxm", "n_devices": 8, "zero_stage": 3, "context_length": 4096}


@pytest.fixture(scope="module")
def tight() -> Report:
    runs = {"roomy": ROOMY, "tight": {**ROOMY, "context_length": 8000}}
    return compute(
        {"version": 1, "context_lengths": [4096], "models": {"m": {"model": "llama-3-8b"}}, "training": runs}
    )


def test_a_run_that_leaves_less_than_the_reserve_fits_tightly(tight):
    runs = tight.frames["training_run"]
    small = (runs["margin_share"] < 0.01).tolist()
    assert (runs["fits"].tolist(), runs["is_tight"].tolist(), small) == ([True, True], [0, 1], [False, True])


def test_the_reserve_is_a_share_of_what_the_run_needs(tight):
    # torchtitan reserves 3 to 29 % more than its tensors have, half of its runs more than 7 % (docs/calibration.md).
    runs = tight.frames["training_run"]
    assert runs["reserve_bytes"].tolist() == pytest.approx((0.08 * runs["device_bytes"]).tolist(), rel=1e-12)


def test_a_tight_fit_is_told_with_the_run_and_noted(tight):
    told = {line.split(":")[0].strip(): "fits tightly" in line for line in brief(tight)}
    verdicts = tight.frames["training_run"]["note_tight"].tolist()
    assert ((told["roomy"], told["tight"]), verdicts) == ((False, True), ["ok", "note"])


def test_a_run_whose_inputs_break_a_rule_is_not_among_those_that_fit(book: tuple[Path, Report]) -> None:
    path, report = book
    [row] = [row for (row, _), cell in sheet_of("Checks", report).cells.items() if cell.value == "✔ Every run fits."]
    uneven = {"training.gpt.tensor_parallel": 3.0}  # of 8 devices
    edits = [{}, uneven, {**ON_H100, **uneven}]
    told = recalculate_ironcalc(path, [cells_of(report, each) for each in edits], [("Checks", f"A{row}")])
    assert [found["Checks", f"A{row}"] for found in told] == [
        "✔ Every run fits.",
        "1 of 2 runs cannot be judged: a rule is broken.",
        ONE,
    ]
