"""The workbook on paper and on a screen: one page for an approver, nothing cut, nothing shown as ####."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from openpyxl import Workbook

import flopsheet
from edits import sheet_of
from engines import recalculate_libreoffice
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT, letters
from flopsheet.workbook.model.sheet import Cell, Sheet
from flopsheet.workbook.model.sizes import width_of
from flopsheet.workbook.write import page
from flopsheet.workbook.write.page import SIDES, set_up_page
from flopsheet.yamlio.source import read_yaml
from studies import SPECS

FORTY: dict[str, Any] = {
    "version": 1,
    "title": "Forty scenarios",
    "context_lengths": [2048, 8192, 32768, 131072],
    "defaults": {"vocab_size": 128256, "ffn": "swiglu", "n_kv_heads": 8, "d_ff": "3.5 * d_model"},
    "models": {
        f"a-design-of-{2 * at}b": {"n_layers": 16 * at, "d_model": 1024 * at, "n_heads": 8 * at} for at in range(1, 11)
    },
}
RUNS = {
    "training": {"pretraining": {"model": "a-design-of-20b", "context_length": 8192, "hardware": "h100-sxm"}},
    "serving": {"chat": {"model": "a-design-of-4b", "prompt_length": 99999, "generated_length": 9, "hardware": "h200"}},
}


BOX = re.compile(r'yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)<')
PAPER = re.compile(r'^width="([\d.]+)"')
LINE = 1.2207  # of Calibri and its twin Carlito, the height of a line to the size of its letters


def summary(spec: Any) -> Sheet:
    return sheet_of("Summary", flopsheet.compute(spec))


def row_of(sheet: Sheet, text: str) -> int:
    return min(row for (row, _), cell in sheet.cells.items() if cell.value == text)


@pytest.mark.parametrize(("spec", "chart_first"), [(FORTY, True), (SPECS / "gpt2.yaml", False)], ids=["forty", "ten"])
def test_the_charts_stand_above_a_table_that_is_longer_than_a_screen(spec: Any, chart_first: bool) -> None:
    sheet = summary(spec)
    charts = {int(chart.anchor.lstrip("ABCDEFGHIJ")) for chart in sheet.charts}
    assert [row < row_of(sheet, "Model") for row in charts] == [chart_first]


def test_a_chart_of_a_family_shows_at_most_two_dozen_models_and_says_so() -> None:
    model = {"n_layers": 2, "d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    spec = {"version": 1, "context_lengths": [128], "models": {f"m{at}": model for at in range(30)}}
    chart = summary(spec).charts[0]
    title = "FFN takes 48 % of the forward pass at 128 tokens, the first 24 models."  # 131,072 of 274,944 FLOP a token
    assert (chart.title, {len(series.points) for series in chart.series}) == (title, {24})


def printed(n_rows: int, width: float, folded: int = 0) -> tuple[str, int | None, bool]:
    """Which way up a sheet of some rows is printed, at what percentage, and whether it is fitted to pages."""
    cells = {(row, 1): Cell("text") for row in range(1, n_rows + 1)}
    outline = ((n_rows - folded + 1, n_rows, True),) if folded else ()
    worksheet = Workbook().active
    set_up_page(worksheet, Sheet("S", cells, {1: width}, outline_rows=outline))
    return (
        worksheet.page_setup.orientation,
        worksheet.page_setup.scale,
        bool(worksheet.sheet_properties.pageSetUpPr.fitToPage),
    )


@pytest.mark.parametrize(("n_rows", "width", "expected"), [
    (40, 75, ("portrait", 100, False)),  # 75 · 0.25 cm are within the 19.48 of a page, 40 · 0.53 · 1.05 within 26.5
    (46, 75, ("portrait", 100, False)),  # 25.6 cm
    (66, 75, ("portrait", 70, False)),  # 36.7 cm: one page at 70 %
    (50, 75, ("portrait", 95, False)),  # 27.8 cm: one page at 95 %
    (100, 75, ("portrait", 95, False)),  # 55.7 cm: two pages at 70 %, and still at 95 %
    (100, 130, ("portrait", None, True)),  # 24.1 cm in Excel: 81 % of them are 19.48; 55.7 · 0.81 = 45.1 of twice 26.5
    (100, 150, ("portrait", None, True)),  # 27.8 cm in Excel: 70 %
    (100, 200, ("landscape", None, True)),  # 37.0 cm in Excel: 76 % of them are 28.18
    (100, 165, ("landscape", None, True)),  # 165 · 0.25 · 0.7 cm are more than the 28.18 of a page on its side
])  # fmt: skip
def test_a_sheet_is_as_large_as_the_fewest_pages_allow_and_not_below_seven_points(
    n_rows: int, width: float, expected: tuple[str, int | None, bool]
) -> None:
    assert printed(n_rows, width) == expected


def test_folded_rows_take_no_paper_and_unfolding_them_does_not_shrink_the_type() -> None:
    assert printed(1000, 75, folded=960) == ("portrait", 100, False)


def test_a_row_that_a_study_does_not_use_is_folded_where_others_of_its_section_are_used() -> None:
    sheet = sheet_of("Parameters", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml"))
    [tail] = {column for (_, column), cell in sheet.cells.items() if cell.value == "n_params_matmul_layers"}
    rows = {cell.value: row for (row, column), cell in sheet.cells.items() if column == tail}
    hidden = {row for first, last, closed in sheet.outline_rows if closed for row in range(first, last + 1)}
    shown = {name: rows[name] in hidden for name in ("n_params_matmul_layers", "n_params_mtp")}
    assert shown == {"n_params_matmul_layers": False, "n_params_mtp": True}


@pytest.mark.libreoffice
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed (Debian: poppler-utils)")
def test_the_answer_prints_on_the_first_page_tables_on_the_next_and_no_number_is_too_wide_for_its_cell(
    tmp_path: Path,
) -> None:
    report = flopsheet.build(FORTY | RUNS, tmp_path / "book.xlsx")
    recalculate_libreoffice(tmp_path / "book.xlsx", [{}], [], saves=[(tmp_path / "book.pdf", None)])
    printed = subprocess.run(["pdftotext", "-layout", "book.pdf", "-"], cwd=tmp_path, check=True, capture_output=True)
    pages = printed.stdout.decode().split("\f")
    expected = {report.spec.title: 0, "checks hold.": 0, "What the numbers say": 0, "Training": 1, "Serving": 1}
    found = {text: next(at for at, page in enumerate(pages) if text in page) for text in expected}
    assert (found, "###" in printed.stdout.decode()) == (expected, False)


def test_a_sheet_too_wide_for_a_page_is_printed_on_as_few_as_seven_points_allow() -> None:
    cells = {(row, column): Cell("text") for row in range(1, 9) for column in range(1, 12)}
    worksheet = Workbook().active
    set_up_page(worksheet, Sheet("S", cells, dict.fromkeys(range(1, 12), 20.0), title_columns="A:B"))
    # Of columns of 5 cm, 35.2 cm at 80 % hold 7, then 4 beside two repeated ones; 33.1 cm at 85 % hold 6 and 4.
    assert (worksheet.page_setup.scale, bool(worksheet.sheet_properties.pageSetUpPr.fitToPage)) == (80, False)


def test_what_takes_more_pages_than_it_is_worth_is_not_printed() -> None:
    cells = {(row, 1): Cell("text") for row in range(1, 201)}  # 111 cm: four pages on their side, three upright at 70 %
    areas = []
    for most in (2, 3):
        worksheet = Workbook().active
        set_up_page(worksheet, Sheet("S", cells, {1: 75.0}, print_rows=200, print_to=1, most_pages=most))
        areas.append(worksheet.print_area)
    assert areas == ["'Sheet'!$C$1", "'Sheet'!$A$1:$A$200"]


def area_of(title: str, spec: Any) -> tuple[str, str]:
    """What is printed of a sheet, and what stands in the middle of its footer."""
    worksheet = Workbook().active
    worksheet.title = title
    set_up_page(worksheet, sheet_of(title, flopsheet.compute(spec)))
    return worksheet.print_area.replace("$", "").rpartition("!")[2], worksheet.oddFooter.center.text


@pytest.mark.parametrize(("study", "columns", "footer"), [
    ("moe", "A:L", "flopsheet"),  # two labels and five models at two contexts
    ("attention-variants", "A:N", "flopsheet"),  # four models at three
    ("long-context", "A:H", "the first 6 of 15 columns; all are in the workbook"),  # three models at two of five
    ("hybrids", "A:G", "the first 5 of 25 columns; all are in the workbook"),  # five models at one of five
])  # fmt: skip
def test_forward_flops_are_printed_for_as_many_scenarios_as_fit(study: str, columns: str, footer: str) -> None:
    area, middle = area_of("Forward FLOPs", SPECS / f"{study}.yaml")
    assert (area.translate({ord(digit): None for digit in "0123456789"}), middle) == (columns, footer)


@pytest.mark.parametrize(("title", "study", "label", "repeated"), [
    ("Training", "llama3-70b-512xh100", "Run", "alone"),  # charts stand above
    ("Serving", "deepseek-v3", "Run", "alone"),
    ("Forward FLOPs", "moe", "Context length", "from the top"),
])  # fmt: skip
def test_each_page_has_the_names_above_its_columns(title: str, study: str, label: str, repeated: str) -> None:
    sheet = sheet_of(title, flopsheet.compute(SPECS / f"{study}.yaml"))
    row = min(row for (row, column), cell in sheet.cells.items() if (column, cell.value) == (LABEL, label))
    worksheet = Workbook().active
    set_up_page(worksheet, sheet)
    first = row if repeated == "alone" else 1
    assert worksheet.print_title_rows == f"${first}:${row}"


def runs_on_paper(n_runs: int) -> tuple[str, str]:
    """The columns of Training that are printed for some runs, and what stands in the middle of its footer."""
    run = RUNS["training"]["pretraining"]
    spec = FORTY | {"training": {f"run-{at}": run for at in range(1, n_runs + 1)}}
    area, middle = area_of("Training", spec)
    return area.translate({ord(digit): None for digit in "0123456789"}), middle


@pytest.mark.parametrize(("n_runs", "expected"), [
    (6, ("A:H", "flopsheet")),
    (10, ("A:E", "the first 3 of 10 columns; all are in the workbook")),
])  # fmt: skip
def test_of_many_runs_as_many_are_printed_as_two_pages_hold(n_runs: int, expected: tuple[str, str]) -> None:
    assert runs_on_paper(n_runs) == expected


def test_the_footer_says_which_table_beside_the_layouts_is_not_printed() -> None:
    worksheet = Workbook().active
    cells = {(1, column): Cell("text") for column in range(1, 4)}
    sheet = Sheet("S", cells, dict.fromkeys(range(1, 4), 12.0), print_to=2, unprinted="the table of seconds")
    set_up_page(worksheet, sheet)
    expected = ("$A$1:$B$1", "without the table of seconds, which is in the workbook")
    assert (worksheet.print_area.partition("!")[2], worksheet.oddFooter.center.text) == expected


@pytest.mark.parametrize(("n_rows", "headings", "expected"), [
    (85, (1, 46), [45]),  # 26.5 of 0.53 · 1.05 cm a row: 47 rows a page
    (85, (1, 40, 50), [39]),  # 50 rows of 0.53 cm fit
    (85, (1, 40, 60), []),
    (85, (1, 20, 50), []),  # 20 rows are less than 70 % of a page
    (90, (1, 40, 50), []),  # the other 51 rows take two pages
])  # fmt: skip
def test_a_page_ends_early_where_a_heading_would_stand_alone_at_its_foot(
    n_rows: int, headings: tuple[int, ...], expected: list[int]
) -> None:
    cells = {(row, 1): Cell("text", style="block" if row in headings else "text") for row in range(1, n_rows + 1)}
    worksheet = Workbook().active
    set_up_page(worksheet, Sheet("S", cells, {1: 75.0}))
    assert [one.id for one in worksheet.row_breaks.brk] == expected


@pytest.mark.parametrize(("n_rows", "width", "parts", "expected"), [
    (58, 90, (30, 58), ("portrait", 1, "'S'!$A$1:$A$58")),  # 26.5 of 30.7 · 1.05 cm: 82 %
    (60, 90, (30, 60), ("portrait", 2, "'S'!$A$1:$A$30,'S'!$A$31:$A$60")),  # 79 %: less than eight points
    (90, 180, (40, 90), ("landscape", 2, "'S'!$A$1:$A$40,'S'!$A$41:$A$90")),  # 17.8 of 26.5 · 1.05 cm: 64 %
    (90, 160, (30, 45, 90), ("landscape", 2, "'S'!$A$1:$A$45,'S'!$A$46:$A$90")),  # the first two together
    (90, 180, (45, 90), ("landscape", 2, "'S'!$A$1:$A$45,'S'!$A$46:$A$90")),  # 17.8 of 23.9 · 1.05 cm: 71 %
])  # fmt: skip
def test_parts_are_printed_on_as_few_pages_as_can_be_read(
    n_rows: int, width: float, parts: tuple[int, ...], expected: tuple[str, int, str]
) -> None:
    worksheet = Workbook().active
    worksheet.title = "S"
    set_up_page(worksheet, Sheet("S", {(n_rows, 1): Cell("text")}, {1: width}, print_parts=parts))
    setup = worksheet.page_setup
    assert (setup.orientation, setup.fitToHeight, worksheet.print_area) == expected


def test_the_first_column_is_as_wide_as_the_longest_name_in_it() -> None:
    name = "a-design-with-a-name-of-as-many-letters-as-a-model-may-have-here"
    model = {"n_layers": 2, "d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    spec = {"version": 1, "context_lengths": [128], "models": {name: model}}
    spec |= {"expect": [{"that": f"{name}.n_params", "at_least": 1}]}
    sheet = sheet_of("Checks", flopsheet.compute(spec))
    assert (len(name), name in {cell.value for (_, column), cell in sheet.cells.items() if column == 1}) == (64, True)
    assert sheet.widths[1] > 0.9 * len(name)


def test_a_name_wider_than_the_numbers_below_it_goes_over_several_lines_at_its_hyphens() -> None:
    model = {"n_layers": 2, "d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    names = ["a-design-of-many-layers-30b-a3b", "short", "no_hyphen_in_a_long_name"]
    spec = {"version": 1, "context_lengths": [128], "models": dict.fromkeys(names, model)}
    sheet = sheet_of("Parameters", flopsheet.compute(spec))
    styles = {cell.value: cell.style for cell in sheet.cells.values() if cell.style.startswith("header")}
    row = row_of(sheet, names[0])
    assert {name: styles[name] for name in names} == dict(
        zip(names, ("header_folded", "header", "header"), strict=True)
    )
    # Four lines: a-design-of-, many-, layers-30b-, a3b; before a digit no line ends.
    assert (sheet.heights[row], sheet.widths[FIRST] < 16 < sheet.widths[FIRST + 2]) == (12.5 * 4 + 2, True)


def test_the_name_of_the_last_point_of_a_roofline_is_not_cut_by_the_frame() -> None:
    sheet = sheet_of("Serving", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml"))
    [roofline] = [chart for chart in sheet.charts if chart.x_ends]
    assert roofline.x_ends is not None
    largest = max(series.x_points[0] for series in roofline.series if series.draw == "marker")
    assert roofline.x_ends[1] > 3 * float(largest or 0)  # half a decade


def test_words_have_no_unit_on_checks_and_no_gap_in_the_line_below_the_headings() -> None:
    sheet = sheet_of("Checks", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml"))
    words = row_of(sheet, "pretraining.fits")
    headings = row_of(sheet, "Run")
    styles = [sheet.cells[headings, column].style for column in (1, UNIT, FIRST)]
    assert (sheet.cells[words, UNIT].value, styles) == ("", ["header_left", "header_left", "header_centred"])


def test_no_header_of_compare_runs_into_the_one_before_it() -> None:
    sheet = sheet_of("Compare", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml"))
    headers = {at: cell for at, cell in sheet.cells.items() if cell.style.startswith("header") and at[1] >= FIRST}
    assert [cell.value for at, cell in headers.items() if width_of(cell) > sheet.widths[at[1]]] == []


def test_a_difference_of_shares_is_in_points_of_a_percent() -> None:
    sheet = sheet_of("Compare", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml"))
    shares = [row for (row, column), cell in sheet.cells.items() if (column, cell.value) == (UNIT, "share")]
    assert {sheet.cells[row, FIRST + 2].format for row in shares} == {'0.00%" pts"'}


def test_a_note_has_room_before_the_formula_behind_it() -> None:
    sheet = sheet_of("Conventions", flopsheet.compute(SPECS / "gpt2.yaml"))
    notes = [len(str(cell.value)) for cell in sheet.cells.values() if cell.style == "note"]
    assert (max(notes) > 60, sheet.widths[sheet.tail + 1] >= min(0.8 * max(notes), 80)) == (True, True)


def test_no_thin_line_is_drawn_beside_charts() -> None:
    sheet = sheet_of("Training", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml"))
    [lines] = [one.cells for one in sheet.highlights if one.style == "hairline"]
    assert lines.startswith(f"A{row_of(sheet, 'Per training run')}:")


def test_what_is_folded_away_makes_no_column_wider() -> None:
    """A mixer that no layer has is called gated_delta_net, 15 letters, in four sheets."""
    spec = read_yaml(SPECS / "gpt2.yaml").data
    report = flopsheet.compute({key: spec[key] for key in ("version", "context_lengths", "models", "defaults")})
    widths = {title: sheet_of(title, report).widths[FIRST + 1] for title in ("Inputs", "Parameters", "KV cache")}
    assert {title: width < 16 for title, width in widths.items()} == dict.fromkeys(widths, True)


def test_the_verdicts_on_what_a_spec_expects_stand_above_the_others_and_are_printed() -> None:
    sheet = sheet_of("Checks", flopsheet.compute(SPECS / "gpt2.yaml"))
    [heading] = [row for (row, column), cell in sheet.cells.items() if (column, cell.value) == (FIRST, "Verdict")]
    top = min(row for (row, _), cell in sheet.cells.items() if row > heading and cell.style == "block")
    verdicts = {at[1] for at, cell in sheet.cells.items() if cell.style == "verdict" and heading < at[0] < top}
    below = {
        at[1] for at, cell in sheet.cells.items() if cell.style == "verdict" and top < at[0] < row_of(sheet, "Rule")
    }
    assert (verdicts, min(below), heading < sheet.print_rows < top) == ({FIRST}, FIRST, True)


def test_a_thin_line_stands_below_every_fifth_row_of_results_up_to_the_formula() -> None:
    sheet = sheet_of("Parameters", flopsheet.compute(SPECS / "llama3-70b-512xh100.yaml"))
    lines = [(one.cells, one.formula) for one in sheet.highlights if one.style == "hairline"]
    # One model: label, unit, its value, then name, note and formula, which is column F.
    assert lines == [(f"A4:F{sheet.extent.bottom}", 'AND(MOD(ROW(),5)=0,$A4<>"")')]


@pytest.mark.parametrize("title", ["Forward FLOPs", "KV cache"])
def test_no_column_is_printed_that_has_no_value(title: str) -> None:
    """Where layer groups below have more columns than the scenarios whose results are printed."""
    spec = read_yaml(SPECS / "deepseek-v3.yaml").data
    sheet = sheet_of(title, flopsheet.compute({key: spec[key] for key in ("version", "context_lengths", "models")}))
    worksheet = Workbook().active
    set_up_page(worksheet, sheet)
    scenarios = 2 * 2  # models and context lengths
    last = f"${letters(FIRST + scenarios - 1)}$"
    assert last in worksheet.print_area.partition(":")[2]


def test_of_equal_numbers_of_pages_rows_are_cut_and_not_columns() -> None:
    """The last column of Inputs, what was there as built, stood alone on a page: empty, beside labels."""
    columns, rows = page.Way(2, True, 95, beside=2), page.Way(2, False, 75)
    assert page._best([columns, rows]) == rows


@pytest.mark.parametrize(("width", "expected"), [
    (12.0, ("$A$1:$C$60", "flopsheet")),  # 36 · 0.25 cm stand on a page of 19.48 with the last column
    (60.0, ("$A$1:$B$60", "without the column Was, which is in the workbook")),  # 180 · 0.185 · 0.7 cm: too wide
])  # fmt: skip
def test_a_column_that_can_be_spared_is_printed_where_it_takes_no_further_page(
    width: float, expected: tuple[str, str]
) -> None:
    cells = {(row, column): Cell("text") for row in range(1, 61) for column in range(1, 4)}
    sheet = Sheet(
        "S", cells, dict.fromkeys(range(1, 4), width), print_to=3, print_rows=60, print_spare="the column Was"
    )
    worksheet = Workbook().active
    set_up_page(worksheet, sheet)
    assert (worksheet.print_area.partition("!")[2], worksheet.oddFooter.center.text) == expected


@pytest.mark.libreoffice
@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed (Debian: poppler-utils)")
@pytest.mark.parametrize(("study", "most"), [
    ("gpt2", 7), ("moe", 9), ("llama3-70b-512xh100", 9), ("deepseek-v3", 9), ("design-sweep", 9), ("hybrids", 9),
    ("forty", 9), ("layout-search", 9), ("serving-search", 9),
])  # fmt: skip
def test_a_study_prints_on_few_pages_in_letters_of_seven_points_or_more_its_summary_whole(
    study: str, most: int, tmp_path: Path
) -> None:
    flopsheet.build(FORTY if study == "forty" else SPECS / f"{study}.yaml", tmp_path / "book.xlsx")
    recalculate_libreoffice(tmp_path / "book.xlsx", [{}], [], saves=[(tmp_path / "book.pdf", None)])
    command = ["pdftotext", "-bbox", "book.pdf", "-"]
    printed = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout.decode()
    parts = printed.split("<page ")[1:]
    pages = [BOX.findall(page) for page in parts]
    sizes = [median(float(bottom) - float(top) for top, _, bottom, _ in page) / LINE for page in pages]
    ends = [float(PAPER.match(page)[1]) - 72 * SIDES for page in parts]  # type: ignore[index]
    # Of the sheet that is named in the footer, which is never wider than the paper.
    first = [(page, end) for page, end in zip(pages, ends, strict=True) if "Summary" in [box[3] for box in page[-9:]]]
    cut = [word for page, end in first for _, right, _, word in page if float(right) > end + 1]
    # 70 % of 10 points, as programs round it
    assert (len(pages) <= most, min(sizes) >= 6.95, len(first) > 0, cut) == (True, True, True, [])
