"""What stands above a total adds up to it, headings say what they head, and numbers read as people write them."""

from __future__ import annotations

from typing import Any

import ironcalc
import openpyxl
import pytest

from books import book_with
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT
from flopsheet.workbook.model.sheet import Sheet
from studies import SPECS

ROUTED = 58 * 256 * 3 * 7168 * 2048  # of DeepSeek-V3: layers, experts, matrices, widths


def rows_between(sheet: Sheet, heading: str, end: str) -> list[int]:
    """The rows from a heading to the first row below it with another label."""
    labels = sorted((row, str(cell.value)) for (row, column), cell in sheet.cells.items() if column == LABEL)
    top = next(row for row, label in labels if label == heading)
    bottom = next(row for row, label in labels if row > top and label == end)
    return [row for row, _ in labels if top < row < bottom]


@pytest.mark.parametrize("name", ["hybrids", "deepseek-v3"])
def test_the_parts_of_all_layers_stand_above_their_sum(name: str) -> None:
    sheet = book_with({"Forward FLOPs"}, SPECS / f"{name}.yaml").plan.sheet("Forward FLOPs")
    rows = rows_between(sheet, "Parts of the forward pass", "All layers")
    columns = [column for row, column in sheet.cells if row == rows[0] and FIRST <= column < sheet.tail]
    sums = [
        sum(
            float(sheet.cells[row, at].value)
            for row in rows
            if (row, at) in sheet.cells and sheet.cells[row, UNIT].value == "FLOP"
        )
        for at in columns
    ]
    assert sums == [sheet.cells[rows[-1] + 1, at].value for at in columns]


def test_the_experts_stand_above_the_layers_that_they_are_most_of() -> None:
    sheet = book_with({"Parameters"}, SPECS / "deepseek-v3.yaml").plan.sheet("Parameters")
    rows = rows_between(sheet, "Parts of the model", "All layers")
    assert ROUTED in [sheet.cells[row, FIRST].value for row in rows if (row, FIRST) in sheet.cells]


def test_the_parts_that_compare_lists_add_up_to_the_forward_pass() -> None:
    sheet = book_with({"Compare"}, SPECS / "hybrids.yaml").plan.sheet("Compare")
    rows = rows_between(sheet, "Forward FLOPs", "Forward pass")
    parts = [sum(float(sheet.cells[row, at].value) for row in rows) for at in (FIRST, FIRST + 1)]
    assert parts == pytest.approx([sheet.cells[rows[-1] + 1, at].value for at in (FIRST, FIRST + 1)], rel=1e-12)


def test_names_are_headed_as_such_on_every_sheet() -> None:
    names = ("Inputs", "Parameters", "Forward FLOPs", "KV cache", "Conventions")
    book = book_with(set(names), SPECS / "gpt2.yaml")
    above = {}
    for name in names:
        sheet = book.plan.sheet(name)
        above[name] = [cell.value for at, cell in sorted(sheet.cells.items()) if at[1] == tail_of(sheet)][1]
    assert above == dict.fromkeys(names, "Name")


def tail_of(sheet: Sheet) -> int:
    """The column of names: the first behind the values that has any."""
    return min(column for (_, column), cell in sheet.cells.items() if cell.style == "name")


def test_fourteen_point_eight_trillion_tokens_are_no_thousands_of_billions() -> None:
    book = book_with({"Inputs"}, SPECS / "deepseek-v3.yaml")
    sheet, model = book.plan.sheet("Inputs"), ironcalc.load_from_xlsx(str(book.path), "en", "UTC", "en")
    row = next(at[0] for at, cell in sheet.cells.items() if cell.value == 14.8e12 and at[1] == FIRST)
    at = openpyxl.load_workbook(book.path).sheetnames.index("Inputs")
    conditions = [one for one in sheet.highlights if one.style in {"whole T", "whole B"} and f"C{row}" in one.cells]
    for step, one in enumerate(conditions):
        model.set_user_input(at, 1, 60 + step, f"={one.formula.replace(first_of(one), f'C{row}')}")
    model.evaluate()
    holds = [model.get_formatted_cell_value(at, 1, 60 + step) for step in range(len(conditions))]
    assert (holds, model.get_formatted_cell_value(at, row, FIRST)) == (["FALSE", "FALSE"], "14.8 T")


def first_of(highlight: Any) -> str:
    """The cell that the formula of a highlight speaks of."""
    return str(highlight.cells).split(":")[0]


def test_what_a_study_does_not_use_is_called_unused_where_it_is_folded() -> None:
    sheet = book_with({"Forward FLOPs"}, SPECS / "gpt2.yaml").plan.sheet("Forward FLOPs")
    headings = {cell.value for (_, column), cell in sheet.cells.items() if column == LABEL}
    assert "Further parts of the forward pass · unused; expand with + at the left" in headings


def test_long_names_of_variants_make_no_column_of_compare_wider_than_a_laptop() -> None:
    sheet = book_with({"Compare"}, SPECS / "design-sweep.yaml").plan.sheet("Compare")
    # 7 pixels for a digit of Calibri 11, sheets at 90 %: the label, the unit and both scenarios on 1,366 pixels.
    assert sum(sheet.widths[column] for column in range(LABEL, FIRST + 5)) * 7 * 0.9 < 1366
