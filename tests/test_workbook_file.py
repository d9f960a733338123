"""The file of a workbook: texts, numbers and formats as planned; replaced whole or not at all."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import openpyxl
import pytest

import flopsheet
from books import book_of
from edited_studies import EVERYTHING, FAMILY
from edits import disagreements_of, formulas, planned, write_workbook
from engines import recalculate_ironcalc
from flopsheet.workbook.model.styles import STYLES, UNSEEN
from flopsheet.workbook.plan import plan_workbook
from flopsheet.workbook.write import xlsx
from test_workbook import ROOT

MODEL = {"n_layers": 2, "d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
TINY = {"version": 1, "context_lengths": [128], "models": {"m": MODEL}}
HOSTILE = [
    "=1+1", '=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "#N/A", "TRUE", "'quoted", 'a"b&c<d>', "1e5",
    '<a></a> xmlns:b="c" &#160;',
]  # fmt: skip


def test_text_of_the_spec_never_becomes_a_formula_or_an_error(tmp_path: Path) -> None:
    layer = {"d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    grouped = {**layer, "layers": [{"name": text, "n_layers": 1} for text in HOSTILE]}
    spec = {
        "version": 1,
        "title": HOSTILE[0],
        "context_lengths": [128],
        "models": {**{text: {**layer, "n_layers": 2} for text in HOSTILE}, "m": grouped},
        "expect": [{"that": "m.n_params", "at_least": 1, "note": text} for text in HOSTILE],
    }
    report = flopsheet.compute(spec)
    write_workbook(report, tmp_path / "book.xlsx")
    ours = formulas(planned(report, report))
    book = openpyxl.load_workbook(tmp_path / "book.xlsx")

    alien = [
        (sheet.title, cell.coordinate, cell.value)
        for sheet in book
        for line in sheet.iter_rows()
        for cell in line
        if (cell.data_type == "f" and (sheet.title, cell.coordinate) not in ours) or cell.data_type == "e"
    ]
    (got,) = recalculate_ironcalc(tmp_path / "book.xlsx", [{}], list(ours))
    assert (alien, disagreements_of(got, ours)) == ([], {})


def test_no_name_of_the_spec_stands_in_a_formula() -> None:
    step = {"model": "{zqx}m", "context_length": 128, "hardware": "h100-sxm", "n_devices": 4, "global_batch_size": 8}
    spec = {
        **TINY,
        "models": {"{zqx}m": MODEL},
        "training": {'{zqx}"run': {**step, "n_devices": 1, "n_tokens": 1e9}},
        "serving": {
            "{zqx}chat": {"model": "{zqx}m", "hardware": "h100-sxm", "prompt_length": 8, "generated_length": 8}
        },
        "search": {"{zqx}found": {**step, "n_tokens": 1e9, "vary": {"micro_batch_size": [1, 2]}}},
        "expect": [{"that": '{zqx}"run.days', "at_most": 1}],
    }
    sheets = plan_workbook(flopsheet.compute(spec).study).sheets
    assert [cell.formula for sheet in sheets for cell in sheet.cells.values() if "zqx" in cell.formula] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_a_title_is_the_text_that_the_spec_says(text: str, tmp_path: Path) -> None:
    report = flopsheet.compute({**TINY, "title": text})
    xlsx.save(plan_workbook(report.study, only={"Summary"}), tmp_path / "b.xlsx")
    cell = openpyxl.load_workbook(tmp_path / "b.xlsx", read_only=True)["Summary"]["A1"]
    assert (cell.value, cell.data_type) == (text, "s")


def test_every_number_of_the_file_is_the_very_double_that_was_planned() -> None:
    shared = book_of(ROOT / "specs" / "gpt2-adamw.yaml")  # with runs
    book = openpyxl.load_workbook(shared.path, data_only=True)
    differing = {
        (sheet.title, at): (book[sheet.title].cell(*at).value, cell.value)
        for sheet in shared.plan.sheets
        for at, cell in sheet.cells.items()
        if isinstance(cell.value, float) and book[sheet.title].cell(*at).value != cell.value
    }
    assert differing == {}


def test_formulas_that_cells_share_are_read_in_each_as_planned() -> None:
    shared = book_of(ROOT / "specs" / "gpt2-adamw.yaml")
    sheet, planned_sheet = openpyxl.load_workbook(shared.path, read_only=True)["Limits"], shared.plan.sheet("Limits")
    alike = {at for cells in planned_sheet.shared for at in cells}
    read = {(cell.row, cell.column): cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert {at: read[at] for at in alike} == {at: f"={planned_sheet.cells[at].formula}" for at in alike}


def test_no_formula_that_cells_share_reads_another_sheet() -> None:
    # Excel moves no reference to another sheet along: https://github.com/JanKallman/EPPlus/issues/92
    sheet = book_of(ROOT / "specs" / "gpt2-adamw.yaml").plan.sheet("Limits")
    assert [at for cells in sheet.shared for at in cells if "!" in sheet.cells[at].formula] == []


def test_every_cell_that_shows_something_has_the_number_format_and_the_alignment_that_were_planned() -> None:
    shared, wrong = book_of(ROOT / "specs" / "gpt2.yaml"), []
    book = openpyxl.load_workbook(shared.path)
    for sheet in shared.plan.sheets:
        for (row, column), cell in sheet.cells.items():
            if cell.value == "" and not cell.formula and cell.style in UNSEEN:
                continue
            found = book[sheet.title].cell(row, column)
            wanted = (cell.format, STYLES[cell.style].align or None)
            if (found.number_format, found.alignment.horizontal) != wanted:
                wrong.append((sheet.title, found.coordinate, found.number_format, wanted))
    assert wrong == []


def test_source_date_epoch_dates_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    flopsheet.build(ROOT / "specs" / "gpt2.yaml", tmp_path / "book.xlsx")
    with zipfile.ZipFile(tmp_path / "book.xlsx") as archive:
        dates = {member.date_time for member in archive.infolist()}
        core = archive.read("docProps/core.xml").decode()
    assert (dates, core.count("2023-11-14T22:13:20Z")) == ({(2023, 11, 14, 22, 13, 20)}, 2)


def test_a_build_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "book.xlsx"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "replace", _refuse)
    with pytest.raises(flopsheet.FlopsheetError) as caught:
        flopsheet.build(FAMILY, target)
    assert (str(caught.value), target.read_bytes(), [path.name for path in tmp_path.iterdir()]) == (
        f"cannot write '{target}': text file busy; close it in other programs, or choose another file with -o",
        b"old",
        ["book.xlsx"],
    )


def _refuse(*_: object) -> None:
    raise OSError(26, "Text file busy")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (
            "missing/book.xlsx",
            "no such file or directory; make the folder first, or choose another file with -o",
        ),
        ("folder", "it is a directory; name a file in it with -o"),
    ],
)
def test_a_target_that_cannot_be_written_is_named_with_the_reason(target: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(flopsheet.FlopsheetError) as caught:
        flopsheet.build(TINY, tmp_path / target)
    assert str(caught.value) == (f"cannot write '{tmp_path / target}': {reason}")


def test_a_study_wider_than_a_sheet_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = FAMILY["models"]["small"]
    spec = {"version": 1, "context_lengths": list(range(1, 1001)), "models": {f"m{at}": model for at in range(17)}}
    with pytest.raises(flopsheet.FlopsheetError) as caught:
        flopsheet.build(spec, tmp_path / "book.xlsx")
    # 17 models at 1,000 lengths, and five columns before the first value.
    assert (str(caught.value), list(tmp_path.iterdir())) == (
        "sheet 'Forward FLOPs' would need 17,005 columns, but a sheet has at most 16,384; "
        "split the study, or print it with 'flopsheet show --format csv'",
        [],
    )


def test_no_formula_is_longer_than_excel_reads() -> None:
    """Excel's limits: 8,192 characters, "=" included; a longer one makes it repair the file."""
    cells = {
        (sheet.title, at): len(cell.formula) + 1
        for sheet in book_of(EVERYTHING).plan.sheets
        for at, cell in sheet.cells.items()
        if cell.formula
    }
    assert {at: length for at, length in cells.items() if length > 8192} == {}
