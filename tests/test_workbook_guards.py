"""What keeps a reader of a workbook from a wrong number: it recomputes, refuses typing, colours and prints."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import flopsheet
from engines import recalculate_ironcalc
from studies import SPECS

LABEL, FIRST = "A", "C"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("guards") / "gpt2.xlsx"
    flopsheet.build(SPECS / "gpt2.yaml", target)
    return target


opened = cache(openpyxl.load_workbook)  # for reading


@pytest.fixture(scope="module")
def book(path: Path) -> Any:
    return opened(path)


def test_a_program_is_told_to_recompute_everything_when_it_opens_the_file(book: Any) -> None:
    assert book.calculation.fullCalcOnLoad is True


def test_typing_what_an_input_cannot_be_is_stopped_and_so_is_leaving_it_empty(book: Any) -> None:
    found = {
        (rule.errorStyle or "stop", bool(rule.showErrorMessage), bool(rule.allowBlank))
        for sheet in book
        for rule in sheet.data_validations.dataValidation
    }
    assert found == {("stop", True, False)}


# Colours -------------------------------------------------------------------------------------------------------------


def rules_over(sheet: Any, address: str) -> list[Any]:
    """The rules of conditional formatting that apply to a cell."""
    return [rule for area in sheet.conditional_formatting if address in area.sqref for rule in area.rules]


def looks(path: Path, edits: dict[Any, Any], cells: list[tuple[str, str]]) -> list[list[str]]:
    """The fill colours that apply to cells after edits, their conditions computed by IronCalc in cells of their own."""
    book = opened(path)
    typed, placed = dict(edits), []
    for at, (title, address) in enumerate(cells):
        sheet = book[title]
        placed.append([])
        for number, rule in enumerate(rules_over(sheet, address)):
            [formula] = rule.formula
            [area] = [area for area in sheet.conditional_formatting if rule in area.rules]
            top = str(area.sqref).split(":")[0].split()[0]
            moved = openpyxl.formula.translate.Translator(f"={formula}", origin=top).translate_formula(address)
            cell_ref = (title, f"ZZ{1000 + 10 * at + number}")
            typed[cell_ref] = f"=IF({moved[1:]},1,0)"
            placed[-1].append((cell_ref, rule.dxf.fill.bgColor.rgb[-6:]))
    cell_refs = [cell_ref for rules in placed for cell_ref, _ in rules]
    [got] = recalculate_ironcalc(path, [typed], cell_refs)
    return [[colour for cell_ref, colour in rules if got[cell_ref] == 1] for rules in placed]


def row_of(sheet: Any, name: str) -> int:
    return next(cell.row for row in sheet.iter_rows() for cell in row if cell.value == name)


def test_the_verdict_has_one_colour_for_each_of_its_states(path: Path, book: Any) -> None:
    inputs, sheet = book["Inputs"], book["Checks"]
    [column] = [cell.column_letter for row in inputs.iter_rows() for cell in row if cell.value == "gpt2-xl"][:1]
    width = ("Inputs", f"{column}{row_of(inputs, 'd_model')}")
    matmuls = ("Inputs", f"{FIRST}{row_of(inputs, 'ffn_matmuls')}")
    verdicts = [("Summary", "A4"), ("Checks", "A2")]
    assert sheet["A2"].value is not None
    states = {
        "noted": {},  # the report's convention leaves the gate out
        "held": {matmuls: "architecture"},
        "missed": {width: 3200.0},
        "failed": {width: 2048.0},  # 25 heads do not divide it
    }
    found = {name: looks(path, edits, verdicts) for name, edits in states.items()}
    colours = {name: {colour for cell in cells for colour in cell} for name, cells in found.items()}
    assert {len(cell) for cells in found.values() for cell in cells} == {1}
    assert {len(colour) for colour in colours.values()} == {1}
    assert colours["failed"].isdisjoint(colours["missed"] | colours["noted"] | colours["held"])


def test_a_check_that_fails_has_another_colour_than_one_that_holds(path: Path, book: Any) -> None:
    sheet, inputs = book["Checks"], book["Inputs"]
    row = row_of(sheet, "check_kv_heads_divide")
    shared = ("Inputs", f"{FIRST}{row_of(inputs, 'n_kv_heads')}")
    cell = [("Checks", f"{FIRST}{row}")]
    [[held]], [[failed]] = looks(path, {}, cell), looks(path, {shared: 5.0}, cell)  # of 12 heads
    assert held != failed


def test_no_colour_hides_another(book: Any) -> None:
    """A rule that stops the others would leave a cell of two meanings with one."""
    rules = [rule for sheet in book for area in sheet.conditional_formatting for rule in area.rules]
    assert (len(rules) > 10, [rule.formula for rule in rules if rule.stopIfTrue]) == (True, [])


# Reading and printing ------------------------------------------------------------------------------------------------


def test_the_row_that_unfolds_a_part_stands_above_it(book: Any) -> None:
    folding = [sheet for sheet in book if any(row.outlineLevel for row in sheet.row_dimensions.values())]
    above = [sheet.sheet_properties.outlinePr.summaryBelow for sheet in folding]
    assert (len(folding) > 2, set(above)) == (True, {False})


def printed_to(sheet: Any) -> int:
    """The last row of a sheet's print area."""
    return int(re.search(r"\$?(\d+)'?$", str(sheet.print_area))[1])


def test_the_summary_is_printed_to_its_last_sentence_above_the_list_of_sheets(book: Any) -> None:
    sheet = book["Summary"]
    filled = [cell.row for row in sheet.iter_rows(max_col=1) for cell in row if cell.value is not None]
    last = max(row for row in filled if row <= printed_to(sheet))
    assert (last, sheet.cell(filled[filled.index(last) + 1], 1).value) == (printed_to(sheet), "Sheets")


@pytest.mark.parametrize("title", ["Parameters", "Forward FLOPs", "KV cache"])
def test_what_is_not_printed_begins_with_the_heading_of_the_working(title: str, book: Any) -> None:
    sheet = book[title]
    below = range(printed_to(sheet) + 1, sheet.max_row + 1)
    first = next(row for row in below if sheet[f"{LABEL}{row}"].value is not None)
    is_band = {sheet.cell(first, column).fill.fgColor.rgb for column in range(1, 6)}
    text = [sheet.cell(first, column).value for column in range(2, 7)]
    assert (len(is_band), any(text)) == (1, False)
