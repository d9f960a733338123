"""The workbook as other programs see it: values beside formulas, one formula per row, inputs that can be found."""

from __future__ import annotations

import re
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from lxml import etree

from books import book_of
from edits import disagreements_of, formulas
from engines import formula_cells, recalculate_ironcalc, strip_cached_values
from figures import FIGURES, Figure, live_cell
from flopsheet.catalog import OF_RUNS, load_catalog
from review_helpers import TEXTS

ROOT = Path(__file__).resolve().parent.parent
SPECS = sorted((ROOT / "specs").glob("*.yaml"))

SHEETS = [
    "Summary",
    "Inputs",
    "Parameters",
    "Forward FLOPs",
    "KV cache",
    "Conventions",
    "Context",
    "Compare",
    "Checks",
    "Sensitivity",
    "Formulas",
    "Provenance",
]

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"


@pytest.fixture(scope="module")
def gpt2() -> Path:
    return book_of(ROOT / "specs" / "gpt2.yaml").path


opened = cache(openpyxl.load_workbook)  # for reading: a workbook takes longer to open than to build


def cell_of(sheet: Any, name: str, header: str) -> str:
    """The address that another program finds: the row of a name, the column of a header."""
    row = next(cell.row for line in sheet.iter_rows() for cell in line if cell.value == name)
    column = next(cell.column_letter for line in sheet.iter_rows() for cell in line if cell.value == header)
    return f"{column}{row}"


def test_the_sheets_stand_in_the_order_of_the_design(gpt2: Path) -> None:
    assert opened(gpt2).sheetnames == SHEETS


@cache
def recomputed(spec: Path) -> dict[tuple[str, str], Any]:
    """What IronCalc computes of every formula where a wrong value is stored."""
    book = book_of(spec)
    (got,) = recalculate_ironcalc(book.spoiled, [{}], list(formulas(book.plan)))
    return got


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_an_engine_that_has_wrong_stored_values_computes_what_pandas_did(spec: Path) -> None:
    assert disagreements_of(recomputed(spec), formulas(book_of(spec).plan)) == {}


def test_an_engine_that_has_no_stored_values_computes_what_pandas_did(tmp_path: Path) -> None:
    book = book_of(ROOT / "specs" / "gpt2-swiglu.yaml")
    strip_cached_values(book.path, tmp_path / "stripped.xlsx")
    wanted = formulas(book.plan)
    (got,) = recalculate_ironcalc(tmp_path / "stripped.xlsx", [{}], list(wanted))
    assert disagreements_of(got, wanted) == {}


@pytest.mark.parametrize("spec", sorted({figure.spec for figure in FIGURES}))
def test_every_published_figure_is_a_live_formula_with_that_value(spec: str) -> None:
    path = ROOT / "specs" / f"{spec}.yaml"
    book, got = book_of(path), recomputed(path)
    figures: dict[tuple[str, str], list[Figure]] = {}
    for figure in FIGURES:
        if figure.spec == spec:
            figures.setdefault(live_cell(book.report, figure), []).append(figure)
    live = formula_cells(book.spoiled, figures.keys() & got.keys())
    wrong = {
        (figure.model, figure.metric): (got.get(cell), figure.expected)
        for cell, held in figures.items()
        for figure in held
        if cell not in live or not figure.agrees(got[cell])
    }
    assert (len(figures) > 0, figures.keys() - live, wrong) == (True, set(), {})


def test_a_reviewer_who_changes_d_model_sees_the_totals_move(gpt2: Path) -> None:
    book = opened(gpt2)
    d_model = ("Inputs", cell_of(book["Inputs"], "d_model", "gpt2-xl"))
    total = ("Parameters", cell_of(book["Parameters"], "n_params", "gpt2-xl"))

    before, after = recalculate_ironcalc(gpt2, [{}, {d_model: 3200.0}], [total])

    # By hand, D 3200, f 4D: 2·50257·3200 + 48·(4·3200² + 3·3200·12800 + 2·3200) + 3200.
    assert (before[total], after[total]) == (
        2127057600,
        2 * 50257 * 3200 + 48 * (4 * 3200**2 + 3 * 3200 * 12800 + 6400) + 3200,
    )


@pytest.mark.parametrize(
    ("width", "verdict"),
    [
        # 25 heads do not divide 2,048: the widths of heads and of values are no whole numbers.
        (
            2048.0,
            "✘ 3 of N checks fail; gpt2-xl: n_heads 25 does not divide d_model 2,048."
            " ✘ 18 of 22 expected figures not matched.",
        ),
        (
            3200.0,
            "✘ 18 of 22 expected figures are not matched, the first: gpt2-xl.n_params_token_embedding is"
            " 160,822,400 (expected 80,411,200; published). ✔ All N checks hold; 10 notes, see Checks.",
        ),
    ],
)
def test_the_summary_tells_one_edit_as_one_and_what_it_breaks(gpt2: Path, width: float, verdict: str) -> None:
    sheet = opened(gpt2)["Inputs"]
    told = [("Summary", "A5"), ("Summary", "A4")]

    (got,) = recalculate_ironcalc(gpt2, [{("Inputs", cell_of(sheet, "d_model", "gpt2-xl")): width}], told)

    # d_ff and d_head follow d_model by the expressions of the spec, so they do not count as changed.
    words = [re.sub(r"\d+ checks", "N checks", str(got[cell])) for cell in told]  # each new input brings one
    assert words == [f"Changed: gpt2-xl d_model 1,600 → {width:,.0f}", verdict]


def test_every_formula_cell_carries_a_value_that_is_no_error(gpt2: Path) -> None:
    bare = []
    with zipfile.ZipFile(gpt2) as archive:
        for part in archive.namelist():
            if part.startswith("xl/worksheets/sheet"):
                for cell in etree.fromstring(archive.read(part)).iter(MAIN + "c"):
                    value = cell.find(MAIN + "v")
                    if cell.find(MAIN + "f") is not None and (value is None or not value.text or cell.get("t") == "e"):
                        bare.append((part, cell.get("r")))
    assert bare == []


def test_a_text_is_stored_once_for_all_cells_that_show_it(gpt2: Path) -> None:
    with zipfile.ZipFile(gpt2) as archive:
        table = etree.fromstring(archive.read(TEXTS))
    texts = [cell.value for sheet in opened(gpt2) for row in sheet.iter_rows() for cell in row if cell.data_type == "s"]
    assert sorted(item.findtext(MAIN + "t") for item in table) == sorted(set(texts))


def test_a_program_that_never_recalculates_reads_the_totals(gpt2: Path) -> None:
    sheet = pd.read_excel(gpt2, sheet_name="Parameters", header=None)
    row = next(row for _, row in sheet.iterrows() if "n_params" in set(row))
    assert list(row[2:7]) == [190460160, 505629696, 1072469760, 2127057600, 2046646400]


def test_every_chart_carries_points_titles_and_axes(gpt2: Path) -> None:
    empty = []
    with zipfile.ZipFile(gpt2) as archive:
        charts = [part for part in archive.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", part)]
        for part in charts:
            root = etree.fromstring(archive.read(part))
            for kind, cache in (("numRef", "numCache"), ("strRef", "strCache")):
                empty += [part for ref in root.iter(CHART + kind) if ref.find(f"{CHART}{cache}/{CHART}pt") is None]
            grouping = root.find(f".//{CHART}barChart/{CHART}grouping")
            over_names = grouping is not None and "tacked" in grouping.get("val")  # whose axis needs no title
            if len(list(root.iter(CHART + "title"))) != (2 if over_names else 3) or any(
                axis.get("val") != "0" for axis in root.iter(CHART + "delete")
            ):
                empty.append(part)
    assert (len(charts), empty) == (5, [])


def test_every_result_is_a_formula_and_only_inputs_are_typed(gpt2: Path) -> None:
    book = opened(gpt2)
    typed = [
        (name, cell.coordinate)
        for name in ("Parameters", "Forward FLOPs", "KV cache", "Conventions")
        for line in book[name].iter_rows(min_col=3)
        for cell in line
        if isinstance(cell.value, int | float)
    ]
    assert typed == []


def test_a_row_has_one_formula_up_to_the_column(gpt2: Path) -> None:
    book = opened(gpt2)
    uneven = []
    for name in ("Parameters", "Forward FLOPs", "KV cache", "Conventions", "Checks"):
        for line in book[name].iter_rows(min_col=3):
            texts = {re.sub(r"\$?[A-Z]{1,2}(?=\$?\d)", "", cell.value) for cell in line if cell.data_type == "f"}
            if len(texts) > 1 and not _is_list_line(book[name], line[0].row):
                uneven.append((name, line[0].row, texts))
    assert uneven == []


def _is_list_line(sheet: Any, row: int) -> bool:
    """Lines of the lists at the end of Checks hold live, expected and verdict side by side."""
    heading = max(
        (
            r
            for r in range(1, row)
            if sheet.cell(r, 1).value in {"Model or run", "Expected figure"} and sheet.cell(r, 2).value == "Unit"
        ),
        default=0,
    )
    return heading > 0


def test_formulas_use_no_name_newer_than_excel_2010_and_no_constant_outside_the_catalogue(gpt2: Path) -> None:
    book = opened(gpt2)
    allowed = {"SUM", "SUMPRODUCT", "INDEX", "MATCH", "IF", "MIN", "MAX", "INT", "ABS", "COUNTA", "COUNTIF", "LEFT"}
    allowed |= {"LARGE", "COLUMN", "ISNUMBER"}
    allowed |= {"SUBSTITUTE", "MID"}  # the point of decimals in sentences, whatever the reader's language writes
    used = {
        function
        for sheet in book
        for line in sheet.iter_rows()
        for cell in line
        if cell.data_type == "f"
        for function in re.findall(r"([A-Z]+)\(", re.sub(r'"[^"]*"', "", cell.value))
    }
    assert used <= allowed


def test_only_inputs_and_the_choices_of_context_and_compare_can_be_edited(gpt2: Path) -> None:
    book = opened(gpt2)
    unlocked = {
        sheet.title: sum(not cell.protection.locked for line in sheet.iter_rows() for cell in line) for sheet in book
    }
    protected = all(sheet.protection.sheet and not sheet.protection.password for sheet in book)
    assert (protected, {title for title, count in unlocked.items() if count}) == (
        True,
        {"Inputs", "Context", "Compare"},
    )
    assert (unlocked["Context"], unlocked["Compare"]) == (13, 3)


def test_every_editable_cell_has_a_validation_with_a_prompt(gpt2: Path) -> None:
    book = opened(gpt2)
    bare = []
    for name in ("Inputs", "Context", "Compare"):
        sheet = book[name]
        ruled = {
            cell
            for rule in sheet.data_validations.dataValidation
            if rule.prompt and rule.error
            for cell in _cells(rule.sqref)
        }
        bare += [
            (name, c.coordinate)
            for line in sheet.iter_rows()
            for c in line
            if not c.protection.locked and c.coordinate not in ruled
        ]
    assert bare == []


def _cells(ranges: Any) -> set[str]:
    return {
        f"{openpyxl.utils.get_column_letter(column)}{row}" for block in ranges.ranges for row, column in block.cells
    }


def test_names_of_inputs_stand_in_one_column_and_models_in_one_row(gpt2: Path) -> None:
    sheet = opened(gpt2)["Inputs"]
    places = {
        cell.value: (cell.row, cell.column)
        for line in sheet.iter_rows()
        for cell in line
        if isinstance(cell.value, str)
    }
    listed = [name for name, entry in load_catalog().inputs.items() if entry.grain not in OF_RUNS | {"hardware"}]
    columns = {places[name][1] for name in listed}
    rows = {places[name][0] for name in ("gpt2-small", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt2-xl-tied")}
    assert (len(columns), len(rows)) == (1, 1)


def test_an_expression_of_the_spec_is_a_live_formula_in_its_input_cell(gpt2: Path) -> None:
    sheet = opened(gpt2)["Inputs"]
    width = sheet[cell_of(sheet, "d_model", "gpt2-xl")].coordinate
    assert sheet[cell_of(sheet, "d_ff", "gpt2-xl")].value == f"=4*{width}"
