"""flopsheet check: what a spreadsheet program stored, against pandas on the inputs that the workbook holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl.utils.cell import coordinate_to_tuple

from commands import run
from edits import formulas, plan_of, planned
from engines import recalculate_libreoffice, spoil_cached_values, strip_cached_values
from flopsheet.api import Report
from flopsheet.diagnostics import FileError, SpecError
from flopsheet.review.check import Checked, agrees, check_workbook
from flopsheet.review.consequences import find_consequences
from flopsheet.review.pull import pull
from flopsheet.review.xlsx.formula_text import normalize_formula
from flopsheet.workbook.model.references import CellRef
from pulling import built
from pulling import cell as path_cell
from review_helpers import input_cells_of, type_into


def gpt2(folder: Path) -> Report:
    return built("gpt2", folder)


def after(folder: Path, typing: Mapping[tuple[str, str], Any]) -> Checked:
    """The GPT-2 workbook after typing that nobody recomputed, checked."""
    return check_workbook(pull(type_into(folder / "built.xlsx", typing, folder / "edited.xlsx")))


def cell(report: Report, name: str, at: int = 0) -> tuple[str, str]:
    cell_ref = report.cells(name)[at]
    return cell_ref.sheet, cell_ref.address


@pytest.mark.parametrize("name", ["gpt2", "moe", "attention-variants", "long-context"])
def test_every_formula_cell_of_a_built_workbook_agrees(name: str, tmp_path: Path) -> None:
    report = built(name, tmp_path)
    checked = check_workbook(pull(tmp_path / "built.xlsx"))
    assert checked == Checked(len(formulas(planned(report, report))), 0, ())


def test_a_formula_that_was_typed_over_is_named_although_its_value_is_right(tmp_path: Path) -> None:
    report = gpt2(tmp_path)
    right, wrong = cell(report, "n_params", 3), cell(report, "n_params", 4)  # the same model, with tied embeddings
    checked = after(tmp_path, {right: 2127057600.0, wrong: 2e9})
    told = {at: f"{at[0]}!{at[1]} (n_params): " for at in (right, wrong)}
    formula = {at: plan_of(report).sheet(at[0]).cells[coordinate_to_tuple(at[1])].formula for at in (right, wrong)}
    assert [str(one) for one in checked.disagreements] == [
        f"{told[right]}2,127,057,600 is typed over the formula ={formula[right]}",
        f"{told[wrong]}2,000,000,000 is typed over the formula ={formula[wrong]}",
        f"{told[wrong]}2,000,000,000 is stored, 2,046,646,400 is right",
    ]


def test_a_formula_that_was_rewritten_is_named(tmp_path: Path) -> None:
    report = gpt2(tmp_path)
    sheet, address = cell(report, "n_params", 3)
    checked = after(tmp_path, {(sheet, address): ("=1+1", 2127057600.0)})
    assert [(one.address, one.kind, one.found) for one in checked.disagreements] == [
        (f"{sheet}!{address}", "formula", "=1+1")
    ]


def test_values_that_do_not_follow_an_edit_are_named(tmp_path: Path) -> None:
    report = gpt2(tmp_path)
    [width] = [
        input_cell.cell_ref
        for input_cell in input_cells_of(report)
        if input_cell.path == ("models", "gpt2-small", "d_model")
    ]
    checked = after(tmp_path, {(width.sheet, width.address): 1536.0})
    stale = {one.address for one in checked.disagreements}
    assert run("check", "edited.xlsx", cwd=tmp_path).stdout.splitlines()[0] == (
        "no stored value follows the edits: open it in a spreadsheet program, save it and check it again"
    )
    wanted = {f"{sheet}!{address}" if " " not in sheet else f"'{sheet}'!{address}" for sheet, address in (
        cell(report, "n_params"), cell(report, "flops_forward"), cell(report, "d_head"))}  # fmt: skip
    untouched = cell(report, "n_params", 3)
    assert (wanted <= stale, f"{untouched[0]}!{untouched[1]}" in stale) == (True, False)


def test_every_spoilt_value_is_found(tmp_path: Path) -> None:
    report = gpt2(tmp_path)
    spoil_cached_values(tmp_path / "built.xlsx", tmp_path / "spoilt.xlsx")
    checked = check_workbook(pull(tmp_path / "spoilt.xlsx"))
    assert len(checked.disagreements) == checked.count == len(formulas(planned(report, report)))


def test_a_workbook_without_stored_values_is_said_so(tmp_path: Path) -> None:
    report = gpt2(tmp_path)
    strip_cached_values(tmp_path / "built.xlsx", tmp_path / "stripped.xlsx")
    with pytest.raises(FileError) as raised:
        check_workbook(pull(tmp_path / "stripped.xlsx"))
    count = len(formulas(planned(report, report)))
    assert str(raised.value) == (
        f"'{tmp_path / 'stripped.xlsx'}': {count:,} of {count:,} formula cells have no stored value; "
        "open the workbook in a spreadsheet program, save it and check it again"
    )


def test_each_control_that_holds_no_choice_is_named(tmp_path: Path) -> None:
    gpt2(tmp_path)
    with pytest.raises(SpecError) as raised:
        after(tmp_path, {("Context", "C4"): "gpt5", ("Context", "D5"): "long"})
    assert [str(problem) for problem in raised.value.problems] == [
        "Context!C4: 'gpt5' is not a choice; choices: gpt2-small, gpt2-medium, gpt2-large, gpt2-xl, gpt2-xl-tied",
        "Context!D5: 'long' is not a context length; type a whole number of 1 or more",
    ]


# What is typed in LibreOffice before it saves: 25 heads do not divide 2,048; 1600 · 110 % is 1760.0000000000002 in
# binary.
TYPED = {
    "no-spec.xlsx": ("models.gpt2-xl.d_model", 2048.0),
    "digits.xlsx": ("models.gpt2-xl.d_model", "=1600*110%"),
    "capitals.xlsx": ("weights", "BF16"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A folder of workbooks that LibreOffice saved after an edit, one for each of TYPED."""
    folder = tmp_path_factory.mktemp("saved")
    report = gpt2(folder)
    edits = [{path_cell(report, path): value} for path, value in TYPED.values()]
    saves = [(folder / name, None) for name in TYPED]
    recalculate_libreoffice(folder / "built.xlsx", edits, [("Inputs", "C8")], saves=saves)
    return folder, report


@pytest.mark.libreoffice
def test_inputs_that_no_spec_can_say_are_computed_all_the_same(saved: tuple[Path, Report]) -> None:
    folder, report = saved
    done = run("check", "no-spec.xlsx", cwd=folder)
    count = len(formulas(planned(report, report)))
    compared, own = done.stdout.splitlines()
    assert (done.returncode, compared, re.sub(r"of \d+", "of N", own), done.stderr) == (
        0,
        f"{count:,} formula cells compared, all agree with pandas; 1 input differs from the spec",
        "the workbook's own verdict: ✘ 3 of N checks fail; gpt2-xl: n_heads 25 does not divide d_model 2,048."
        " ✘ 18 of N expected figures not matched.",
        "",
    )


@pytest.mark.libreoffice
def test_a_width_that_is_whole_to_15_digits_is_whole(saved: tuple[Path, Report]) -> None:
    folder, report = saved
    at = path_cell(report, "models.gpt2-xl.d_model")
    pulled, checked = (run(command, "digits.xlsx", cwd=folder) for command in ("pull", "check"))
    note = f"Inputs!{at[1]}: '=1600*110%' cannot be written as an expression of a spec, so its value 1760 is used\n"
    heads = "n_heads 25 does not divide d_model 1,760; write d_head, or one of n_heads: 16, 20, 22, 32\n"
    assert (pulled.stdout.splitlines()[:2], pulled.stderr, checked.returncode, checked.stdout.splitlines()[0]) == (
        ["1 change:", "  models.gpt2-xl.d_model: 1600 → 1760"],
        f"{note}1 problem:\nmodels.gpt2-xl.n_heads: {heads}",
        0,
        f"{len(formulas(planned(report, report))):,} formula cells compared, all agree with pandas; "
        "1 input differs from the spec",
    )


def test_a_range_of_one_cell_is_that_cell() -> None:
    built, saved = "SUM(F57:F57)*SUM(Training!$G$8:$G$8)+SUM(F5:F6)", "SUM(F57)*SUM(Training!G8)+SUM(F5:F6)"
    assert (normalize_formula(built, "Loss") == normalize_formula(saved, "Loss")) and (
        normalize_formula("F5:F6", "Loss") != normalize_formula("F5", "Loss")
    )


@pytest.mark.parametrize(
    ("stored", "computed", "same"),
    [
        ("2.1300000000000000001 B", "2.13 B", True),  # as Gnumeric 1.12.55 writes 2.13
        ("rises to 0.47999999999999999999 %", "rises to 0.48 %", True),
        ("2.14 B", "2.13 B", False),
        ("2.1300001 B", "2.13 B", False),
    ],
)
def test_digits_of_a_text_that_only_80_bits_have_are_no_difference(stored: str, computed: str, same: bool) -> None:
    assert agrees(stored, computed) is same


@pytest.mark.libreoffice
def test_a_choice_in_capitals_is_that_choice_as_it_is_to_a_spreadsheet(saved: tuple[Path, Report]) -> None:
    folder, _ = saved
    pulled, checked = (run(command, "capitals.xlsx", cwd=folder) for command in ("pull", "check"))
    assert (pulled.stdout.splitlines()[1], pulled.stderr, checked.returncode) == ("  weights: fp32 → bf16", "", 0)


def test_the_command_names_the_cells_and_counts_them(tmp_path: Path) -> None:
    report = gpt2(tmp_path)
    sheet, address = cell(report, "weight_bytes", 1)
    type_into(tmp_path / "built.xlsx", {(sheet, address): 5.0}, tmp_path / "edited.xlsx")
    done = run("check", "edited.xlsx", cwd=tmp_path)
    lines = done.stdout.splitlines()
    count = len(formulas(planned(report, report)))
    assert (done.returncode, lines[0].partition(" is typed over")[0], lines[-1]) == (
        1,
        f"{sheet}!{address} (weight_bytes): 5",
        f"{count:,} formula cells compared, 1 disagree; 0 inputs differ from the spec",
    )


def test_pull_says_that_a_result_is_typed_over_since_it_reads_none(tmp_path: Path) -> None:
    sheet, address = cell(gpt2(tmp_path), "weight_bytes", 1)
    typing = {(sheet, address): 5.0}
    told = [
        pull(type_into(tmp_path / "built.xlsx", typed, tmp_path / "edited.xlsx")).overwritten for typed in ({}, typing)
    ]
    assert told == [
        "",
        f"the result in {sheet}!{address} is typed over, and results are not read: see 'flopsheet check'",
    ]


def test_wrong_values_follow_from_a_cell_through_each_other_and_by_ranges() -> None:
    [a, b, c, d, alone] = [
        CellRef(sheet, row, 2) for sheet, row in (("A a", 1), ("A a", 2), ("B", 1), ("B", 3), ("B", 9))
    ]
    wrong = {b: "$B$1*2", c: "SUM('A a'!A2:C7)+D4", d: "B1:B1", alone: "'A a'!B3+B8"}
    assert find_consequences([a], wrong) == {b, c, d}


def test_inputs_that_cannot_be_read_are_told_instead(tmp_path: Path) -> None:
    report = gpt2(tmp_path)
    [width] = [
        input_cell.cell_ref
        for input_cell in input_cells_of(report)
        if input_cell.path == ("models", "gpt2-xl", "d_model")
    ]
    type_into(tmp_path / "built.xlsx", {(width.sheet, width.address): "wide"}, tmp_path / "edited.xlsx")
    done = run("check", "edited.xlsx", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        f"models.gpt2-xl.d_model: Inputs!{width.address}: 'wide' is not a number; the cell held 1600\n",
    )
