"""Forms of formulas that one program or another doesn't compute, although the rest do: no workbook has them."""

from __future__ import annotations

import re
from functools import cache

import pytest

from books import book_of
from flopsheet.workbook.model.sheet import Sheet
from generated import spec_of
from studies import SPECS

CELL = r"\$?[A-Z]{1,3}\$?[0-9]+"
SHEET = r"(?:'[^']+'!|[A-Z]\w+!)?"
ONE_CELL = re.compile(rf"([A-Z]*)\((?:[^()]*,)?{SHEET}(?P<first>{CELL}):(?P=first)(?![0-9])")
INDEX_OF_ONE_CELL = re.compile(rf"INDEX\({SHEET}(?:{CELL}|(?P<first>{CELL}):(?P=first)),")
INDEX_OF_A_WHOLE_ROW = re.compile(r"INDEX\([^()]*,0\)")
INDEX_IN_A_ROW = re.compile(rf"INDEX\({SHEET}\$?[A-Z]+\$?(?P<row>[0-9]+):\$?[A-Z]+\$?(?P=row),(?!1,)")
PLACE_OF_A_RANGE = re.compile(r"\b(?:ROW|COLUMN)S?\(")
SOURCES = ["gpt2", "llama3-70b-512xh100", "layout-search", "1", "3"]  # one scenario; one layer group, a single run


@cache
def sheets(source: str) -> tuple[Sheet, ...]:
    """The sheets of a spec's workbook, or of that of the random study of a number."""
    return book_of(spec_of(int(source)) if source.isdigit() else SPECS / f"{source}.yaml").plan.sheets


@cache
def written(source: str) -> tuple[str, ...]:
    """Every formula of a workbook."""
    return tuple({cell.formula for sheet in sheets(source) for cell in sheet.cells.values() if cell.formula})


@pytest.mark.parametrize("source", SOURCES)
def test_index_looks_something_up_in_two_cells_or_more(source: str) -> None:
    assert [formula for formula in written(source) if INDEX_OF_ONE_CELL.search(formula)] == []


@pytest.mark.parametrize("source", SOURCES)
def test_only_countif_and_match_have_a_range_of_one_cell(source: str) -> None:
    """One engine computes neither of a cell that stands alone; everywhere else programs write F12 for F12:F12."""
    functions = {found[1] for formula in written(source) for found in ONE_CELL.finditer(formula)}
    assert functions - {"COUNTIF", "MATCH"} == set()


@pytest.mark.parametrize("source", [*SOURCES, "deepseek-v3"])
def test_no_column_is_wider_than_excel_allows(source: str) -> None:
    widths = {(sheet.title, column): width for sheet in sheets(source) for column, width in sheet.widths.items()}
    assert {column: width for column, width in widths.items() if width > 255} == {}  # ECMA-376, 18.3.1.13


LACKING = {
    "INDEX(…, row, 0)": INDEX_OF_A_WHOLE_ROW,
    "INDEX(row, place)": INDEX_IN_A_ROW,  # HyperFormula takes the place for a row's
    "COLUMN(range)": PLACE_OF_A_RANGE,
    "SUMPRODUCT(--(one cell))": re.compile(rf"SUMPRODUCT\(--\({CELL}[<>=]"),  # an error in Spire.XLS
}


@pytest.mark.parametrize("form", LACKING.values(), ids=LACKING)
def test_no_formula_has_a_form_that_a_program_lacks(form: re.Pattern[str]) -> None:
    assert [formula for source in SOURCES for formula in written(source) if form.search(formula)] == []


COUNTIF_OF_RANGES = re.compile(rf"COUNTIF\({SHEET}(?P<first>{CELL}):(?!(?P=first)[^0-9])")


@pytest.mark.parametrize("source", ["gpt2", "llama3-70b-512xh100"])
def test_countif_counts_only_where_a_program_compares_no_ranges(source: str) -> None:
    """It counts old values in one office suite; others compare a part of a range alone, which then is not itself."""
    guarded = re.compile(r"=\d+\)\),SUMPRODUCT\(1\*\([^()]*\)\),COUNTIF\(")
    counted = [(len(COUNTIF_OF_RANGES.findall(text)), len(guarded.findall(text))) for text in written(source)]
    assert ([one for one in counted if one[0] != one[1]], any(one[0] for one in counted)) == ([], True)
