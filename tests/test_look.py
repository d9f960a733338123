"""What a reviewer finds the way by: links that lead to what they name, headings that stay, one colour for one thing."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import ironcalc
import openpyxl
import pytest
from lxml import etree

from books import book_of, book_with
from edited_studies import RUNS
from engines import name_column
from flopsheet import Report
from flopsheet.workbook.model.styles import COLOURS, NAMES, STYLES, readable_on
from studies import SPECS

DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
ANCHOR = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
OF_RESULTS = {"Parameters", "Forward FLOPs", "KV cache", "Training", "Serving"}
COMPONENTS = {"FFN", "Q/K/V/O projections", "QKᵀ + PV", "LM head"}


@pytest.fixture(scope="module")
def report() -> Report:
    return book_of(RUNS).report


@pytest.fixture(scope="module")
def path() -> Path:
    return book_of(RUNS).path


@pytest.fixture(scope="module")
def book(path: Path) -> Any:
    return openpyxl.load_workbook(path)


def links(book: Any) -> list[tuple[str, Any, Any]]:
    """Every cell with a link: its sheet, the cell, the cell that it leads to."""
    found = []
    for sheet in book:
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.hyperlink):
            title, _, address = cell.hyperlink.location.rpartition("!")
            found.append((sheet.title, cell, book[title.strip("'")][address]))
    return found


def test_every_sheet_leads_back_to_the_summary_and_the_summary_to_every_sheet(book: Any) -> None:
    back = {title for title, cell, target in links(book) if (target.parent.title, cell.row) == ("Summary", 1)}
    there = {target.parent.title: cell.value for title, cell, target in links(book) if title == "Summary"}
    others = set(book.sheetnames) - {"Summary"}
    assert (back, {title: there.get(title) for title in others}) == (others, {title: title for title in others})


def test_the_name_of_a_result_leads_to_its_line_on_formulas(book: Any, report: Report) -> None:
    led = {(title, cell.row): target for title, cell, target in links(book) if target.parent.title == "Formulas"}
    found = {}
    for name in report.catalog.metrics:
        for cell_ref in report.cells(name)[:1]:
            if cell_ref.sheet in OF_RESULTS:
                target = led.get((cell_ref.sheet, cell_ref.row))
                found[name] = (target.parent.title, target.value) if target else None
    assert len(found) > 200
    assert {name: place for name, place in found.items() if place != ("Formulas", name)} == {}


def test_names_and_headings_stay_where_rows_and_columns_are_many(book: Any) -> None:
    assert {sheet.title for sheet in book if not sheet.freeze_panes} == {"Summary", "Provenance"}


def test_a_component_has_one_colour_on_every_chart(path: Path) -> None:
    colours: dict[str, set[str]] = {}
    with zipfile.ZipFile(path) as archive:
        for part in (name for name in archive.namelist() if name.startswith("xl/charts/chart")):
            for series in etree.fromstring(archive.read(part)).iter(f"{CHART}ser"):
                title = series.findtext(f"{CHART}tx//{CHART}v")
                colour = series.find(f"{CHART}spPr//{DRAWING}srgbClr")
                if title in COMPONENTS:
                    colours.setdefault(title, set()).add(colour.get("val"))
    assert (colours.keys(), {len(used) for used in colours.values()}) == (COMPONENTS, {1})
    assert len({colour for used in colours.values() for colour in used}) == len(COMPONENTS)


@pytest.mark.parametrize("name", ["gpt2-adamw", "llama3-70b-512xh100"])  # without a price, and with one
def test_no_chart_is_empty(name: str) -> None:
    empty = []
    with zipfile.ZipFile(book_of(SPECS / f"{name}.yaml").path) as archive:
        for part in (name for name in archive.namelist() if name.startswith("xl/charts/chart")):
            drawn = etree.fromstring(archive.read(part))
            points = [*drawn.iterfind(f".//{CHART}val//{CHART}v"), *drawn.iterfind(f".//{CHART}yVal//{CHART}v")]
            if not any(float(point.text) for point in points):
                empty.append(drawn.findtext(f".//{CHART}title//{CHART}v"))
    assert empty == []


# What a spec says and how its cell shows it: nothing of it is rounded away.
TYPED = {
    "price_per_hour": (2.4965, "2.4965"),
    "peak_flops_bf16": (989.4321e12, "989.4321 TFLOP/s"),
    "assumed_mfu": (0.40505, "40.505%"),
    "pue": (1.125, "1.125×"),
    "within": (1e-5, "0.001%"),
}


def test_what_somebody_typed_is_shown_with_every_decimal() -> None:
    said = {name: value for name, (value, _) in TYPED.items()}
    model = {"n_layers": 2, "d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    spec: dict[str, Any] = {"version": 1, "context_lengths": [128], "models": {"m": model}}
    spec["hardware"] = {"mine": {"extends": "h100-sxm"} | {k: said[k] for k in ("price_per_hour", "peak_flops_bf16")}}
    run = {"model": "m", "context_length": 128, "hardware": "mine", "assumed_mfu": said["assumed_mfu"]}
    spec["training"] = {"run": run | {"pue": said["pue"]}}
    spec["expect"] = [{"that": "m.n_params", "equals": 111_424, "within": said["within"]}]
    path = book_with({"Inputs", "Checks"}, spec).path
    book, cells = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en"), openpyxl.load_workbook(path)
    found = {}
    for at, sheet in enumerate(cells):
        named = name_column(sheet.values)
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            name = sheet.cell(cell.row, named).value if sheet.title == "Inputs" else "within"
            if name in said and cell.value == said[name]:
                found[name] = book.get_formatted_cell_value(at, cell.row, cell.column)
    assert found == {name: shown for name, (_, shown) in TYPED.items()}


def shown(path: Path, title: str, label: str) -> str:
    """What a reader sees in the first cell behind a label and its unit."""
    rows = openpyxl.load_workbook(path)
    row = next(cell.row for cell in rows[title]["A"] if cell.value == label)  # linked rows below repeat it
    book = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    return str(book.get_formatted_cell_value(rows.sheetnames.index(title), row, 3))


PLAIN = {"n_layers": 20, "d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}


def test_what_was_not_measured_and_what_has_no_price_is_said_in_words() -> None:
    run = {"model": "m", "context_length": 128, "hardware": "h100-sxm"}
    spec = {"version": 1, "context_lengths": [128], "models": {"m": PLAIN}, "training": {"one": run, "two": run}}
    path = book_with({"Training", "Compare"}, spec).path
    said = {title: shown(path, title, label) for title, label in (("Training", MEASURED), ("Compare", "Its cost"))}
    assert said == {"Training": "not measured", "Compare": "–"}


MEASURED = "Measured tokens per second"


def test_the_swing_of_an_input_is_a_percentage() -> None:
    spec = {"version": 1, "context_lengths": [128], "models": {"m": PLAIN}, "conventions": {"lm_head": "left_out"}}
    sheet = openpyxl.load_workbook(path := book_with({"Sensitivity"}, spec).path)["Sensitivity"]
    [header] = [cell for row in sheet.iter_rows() for cell in row if cell.value == "Swing"]
    layers = next(cell.row for cell in sheet["A"] if cell.value == "Layers")
    book = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    at = openpyxl.load_workbook(path).sheetnames.index("Sensitivity")
    # Without the head the work is proportional to the layers: a tenth less and a tenth more are 20 % apart.
    assert book.get_formatted_cell_value(at, layers, header.column) == "20.0%"


@pytest.mark.parametrize(("window", "title"), [
    (0, "m: QKᵀ + PV overtakes the FFN at 6,400 tokens"),  # k·f/2 of pairs that all count: 2 · 6400 / 2
    (1024, "Where the forward pass of m goes as the context grows"),  # 1,024 positions never outweigh 6,400
])  # fmt: skip
def test_a_chart_says_that_attention_overtakes_the_ffn_only_where_its_lines_cross(window: int, title: str) -> None:
    model = {"n_layers": 48, "d_model": 1600, "n_heads": 25, "vocab_size": 50257, "ffn": "gelu", "d_ff": 6400}
    spec = {"version": 1, "context_lengths": [1024, 16384], "models": {"m": model | {"window": window}}}
    sheet = book_with({"Context"}, spec).plan.sheet("Context")
    assert sheet.charts[0].title == title


def test_long_names_of_variants_go_over_several_lines_of_a_narrow_column() -> None:
    sheet = openpyxl.load_workbook(book_with({"Parameters"}, SPECS / "design-sweep.yaml").path)["Parameters"]
    name = "7b n_kv_heads=n_heads d_model=3072 n_layers=56"
    [header, *_] = [cell for row in sheet.iter_rows() for cell in row if cell.value == name]
    width, height = sheet.column_dimensions[header.column_letter].width, sheet.row_dimensions[header.row].height
    assert (header.alignment.wrap_text, width < 30 < 2 * width, height) == (True, True, 4 * 12.5 + 2)


def parts(path: Path, prefix: str) -> list[Any]:
    """The XML of the parts of a workbook whose names begin alike."""
    with zipfile.ZipFile(path) as archive:
        return [etree.fromstring(archive.read(name)) for name in archive.namelist() if name.startswith(prefix)]


def test_every_chart_says_in_words_what_it_shows(path: Path) -> None:
    frames = [frame for drawing in parts(path, "xl/drawings/drawing") for frame in drawing.iter(f"{ANCHOR}cNvPr")]
    titles = [chart.findtext(f".//{CHART}title//{CHART}v") for chart in parts(path, "xl/charts/chart")]
    told = [frame.get("descr") for frame in frames]
    assert (len(told), [title for title in titles if not any(title in text for text in told)]) == (len(titles), [])


def test_every_series_of_a_chart_has_a_name_of_its_own(path: Path) -> None:
    names = [
        [series.findtext(f"{CHART}tx//{CHART}v") for series in chart.iter(f"{CHART}ser")]
        for chart in parts(path, "xl/charts/chart")
    ]
    assert [listed for listed in names if None in listed or len({*listed}) < len(listed)] == []


def test_a_chart_draws_and_names_what_stands_in_folded_rows(path: Path) -> None:
    shown = [chart.find(f".//{CHART}plotVisOnly").get("val") for chart in parts(path, "xl/charts/chart")]
    assert {*shown} == {"0"}


def luminance(colour: str) -> float:
    """Of a colour as WCAG 2.1 defines it: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def ratio(one: str, other: str) -> float:
    """The contrast of two colours: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio; black on white is 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_every_name_of_a_style_has_one() -> None:
    assert STYLES.keys() == NAMES


def test_the_letters_of_every_style_stand_out_from_what_is_behind_them() -> None:
    assert ratio("000000", "FFFFFF") == 21
    faint = {name: ratio(style.colour, style.fill or "FFFFFF") for name, style in STYLES.items()}
    assert {name: found for name, found in faint.items() if found < 4.5} == {}


def test_the_percentages_in_bars_stand_out_from_every_colour_of_a_component() -> None:
    assert [colour for colour in COLOURS.values() if ratio(readable_on(colour), colour) < 4.5] == []


def test_a_percentage_that_has_no_room_in_its_bar_is_left_out_in_every_program() -> None:
    charts = parts(book_with({"Summary"}, SPECS / "moe.yaml").path, "xl/charts/chart")
    formats = {
        tuple(sorted(one.items())) for chart in charts for one in chart.findall(f".//{CHART}dLbls/{CHART}numFmt")
    }
    assert formats == {(("formatCode", '[>=0.055]0%;""'), ("sourceLinked", "0"))}


def test_the_axes_lie_where_other_programs_than_excel_need_them(path: Path) -> None:
    wrong, runs = [], []
    for chart in parts(path, "xl/charts/chart"):
        runs += chart.findall(f".//{CHART}txPr//{DRAWING}r")
        for kind in (f"{CHART}scatterChart", f"{CHART}barChart"):
            for plot in chart.iter(kind):
                flat = plot.find(f"{CHART}barDir")
                axes = [axis.get("val") for axis in plot.findall(f"{CHART}axId")]
                below = axes[1] if flat is not None and flat.get("val") == "bar" else axes[0]
                for axis in (one for one in plot.getparent() if one.find(f"{CHART}axId") is not None):
                    if axis.tag.endswith("Ax") and axis.find(f"{CHART}axId").get("val") == below:
                        wrong += [kind] if axis.find(f"{CHART}axPos").get("val") != "b" else []
    assert (wrong, runs) == ([], [])  # nor runs of text that are empty


def test_parts_are_spelled_as_readers_beside_excel_expect_them(path: Path) -> None:
    # exceljs looks for `xdr:` and opens nothing else; SheetJS garbles character references in texts of formulas; some
    # readers know no E notation in the condition of a number format.
    with zipfile.ZipFile(path) as archive:
        drawings = [archive.read(name) for name in archive.namelist() if name.startswith("xl/drawings/drawing")]
        sheets = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        rest = archive.read("xl/styles.xml") + archive.read("xl/workbook.xml")
    assert {drawing[:9] for drawing in drawings} == {b"<xdr:wsDr"}
    rows = [sheet[sheet.index(b"<sheetData>") : sheet.index(b"</sheetData>")] for sheet in sheets]
    assert [found for row in rows for found in re.findall(rb"&#\d+;", row)] == []
    assert re.findall(rb"\[&gt;=[\d.]+E|<workbookProtection", rest) == []


def test_inputs_of_mixers_that_a_study_lacks_are_folded() -> None:
    sheet = openpyxl.load_workbook(book_with({"Inputs"}, SPECS / "gpt2.yaml").path)["Inputs"]
    names = ("n_linear_key_heads", "n_ssm_heads", "d_rnn", "d_short_conv", "n_group_mtp_layers", "kv_lora_rank")
    rows = {cell.value: cell.row for row in sheet.iter_rows() for cell in row if cell.value in names}
    assert {name: sheet.row_dimensions[rows[name]].hidden for name in names} == dict.fromkeys(names, True)


def test_an_input_that_no_model_uses_is_folded_where_others_of_its_section_are_used() -> None:
    sheet = openpyxl.load_workbook(book_with({"Inputs"}, SPECS / "deepseek-v3.yaml").path)["Inputs"]
    named = {cell.value: cell.row for row in sheet.iter_rows() for cell in row}
    # DeepSeek-V3 has routed experts behind a gate with a bias, and no experts that compute nothing.
    names = ("n_experts", "n_zero_experts")
    hidden = [sheet.row_dimensions[named[name]].hidden for name in names]
    headings = [cell.value for cell in sheet["A"] if str(cell.value).startswith("Mixture of experts")]
    assert (hidden, headings[0].endswith("unused; expand with + at the left")) == ([False, True], True)


def test_a_sheet_says_how_deep_it_is_folded(book: Any) -> None:
    folded = [sheet for sheet in book if any(row.outlineLevel for row in sheet.row_dimensions.values())]
    assert {sheet.sheet_format.outlineLevelRow for sheet in folded} == {1}


def test_on_a_laptop_seven_tenths_of_the_screen_are_left_to_the_values(book: Any) -> None:
    # 7 pixels for a digit of Calibri 11, a screen of 1,366 pixels, sheets at 90 %.
    frozen = {}
    for sheet in book:
        if sheet.freeze_panes:
            columns = openpyxl.utils.cell.coordinate_to_tuple(sheet.freeze_panes)[1] - 1
            widths = (sheet.column_dimensions[openpyxl.utils.get_column_letter(at + 1)].width for at in range(columns))
            frozen[sheet.title] = sum(widths) * 7 * sheet.sheet_view.zoomScale / 100
    assert {title: pixels for title, pixels in frozen.items() if pixels > 400} == {}
