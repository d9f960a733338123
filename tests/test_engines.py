"""The yardstick itself: both engines compute for themselves, and stored results cannot deceive them."""

from __future__ import annotations

import re
import zipfile

import openpyxl
import pytest

from engines import recalculate_ironcalc, recalculate_libreoffice, spoil_cached_values, strip_cached_values

CELLS = [("The inputs", "A1"), ("Results", "A1"), ("Results", "A2"), ("Results", "A3"), ("Results", "A4")]


@pytest.fixture
def workbook(tmp_path):
    """Two sheets: inputs 12 and "tied", and results that follow from them; by hand, 12 · 64 = 768."""
    book = openpyxl.Workbook()
    inputs = book.active
    inputs.title = "The inputs"
    inputs["A1"], inputs["A2"] = 12, "tied"
    results = book.create_sheet("Results")
    results["A1"] = "='The inputs'!A1*64"
    results["A2"] = "='The inputs'!A2&\"!\""
    results["A3"] = "=A1>1000"
    results["A4"] = "=SUM(A1:A1)/3"
    path = tmp_path / "workbook.xlsx"
    book.save(path)
    return path


def with_stored_results(source, target, results):
    """A copy of a workbook in which each formula carries the result given for it: (type, text) by coordinate."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            text = old.read(entry).decode()
            if entry.filename == "xl/worksheets/sheet2.xml":
                for coordinate, (kind, value) in results.items():
                    empty = rf'<c r="{coordinate}">(<f>.*?</f>)<v ?(?:/>|></v>)'
                    text, replaced = re.subn(empty, rf'<c r="{coordinate}" t="{kind}">\1<v>{value}</v>', text)
                    assert replaced == 1
            new.writestr(entry, text)
    return target


@pytest.fixture
def stored(workbook, tmp_path):
    """The same workbook carrying its right results, as a spreadsheet program would have saved it."""
    results = {"A1": ("n", "768"), "A2": ("str", "tied!"), "A3": ("b", "0"), "A4": ("n", "256")}
    return with_stored_results(workbook, tmp_path / "stored.xlsx", results)


def stored_results(path):
    """What a program that never recalculates shows."""
    sheet = openpyxl.load_workbook(path, data_only=True)["Results"]
    return [cell.value for cell in sheet["A"]]


def formulas(path):
    return [cell.value for cell in openpyxl.load_workbook(path)["Results"]["A"]]


def test_an_edit_moves_its_dependents_and_only_for_its_own_turn(recalculate, workbook):
    edits = [
        {},
        {("The inputs", "A1"): 48, ("The inputs", "A2"): "untied"},
        {("The inputs", "A1"): "=4*5"},
        {},
    ]
    assert [list(values.values()) for values in recalculate(workbook, edits, CELLS)] == [
        [12, 768, "tied!", False, 256],
        [48, 3072, "untied!", True, 1024],
        [20, 1280, "tied!", True, 1280 / 3],
        [12, 768, "tied!", False, 256],
    ]


def test_a_formula_that_was_overwritten_comes_back_for_the_next_edit(recalculate, workbook):
    edits = [{("Results", "A1"): 3}, {("The inputs", "A1"): 1}]
    assert [values["Results", "A4"] for values in recalculate(workbook, edits, CELLS)] == [1, 64 / 3]


def test_a_formula_edit_is_written_as_in_excel(recalculate, workbook):
    edit = {("Results", "A1"): "=IF('The inputs'!A1>2,MAX('The inputs'!A1,1),0)"}
    [values] = recalculate(workbook, [edit], [("Results", "A1")])
    assert values == {("Results", "A1"): 12}


def test_a_locked_cell_of_a_protected_sheet_can_be_edited(recalculate, workbook):
    book = openpyxl.load_workbook(workbook)
    book["The inputs"].protection.sheet = True
    book.save(workbook)
    [values] = recalculate(workbook, [{("The inputs", "A1"): 2}], CELLS)
    assert values["Results", "A1"] == 128


def test_errors_come_back_as_text_and_blanks_as_none(recalculate, workbook):
    edit = {("Results", "A1"): "=1/0", ("Results", "A2"): "=NA()", ("Results", "A3"): '=""'}
    cells = [*CELLS[1:], ("Results", "B9")]
    [values] = recalculate(workbook, [edit], cells)
    assert list(values.values()) == ["#DIV/0!", "#N/A", "", "#DIV/0!", None]


def test_a_sheet_that_does_not_exist_is_an_error(recalculate, workbook):
    with pytest.raises((KeyError, RuntimeError), match="Reslts"):
        recalculate(workbook, [{}], [("Reslts", "A1")])


def test_a_spoiled_copy_shows_wrong_results_and_recomputes_to_the_right_ones(recalculate, stored, tmp_path):
    spoiled = tmp_path / "spoiled.xlsx"
    spoil_cached_values(stored, spoiled)
    assert stored_results(stored) == [768, "tied!", False, 256]
    assert stored_results(spoiled) == [123456.75, "spoiled", True, 123456.75]
    assert formulas(spoiled) == formulas(stored)
    [values] = recalculate(spoiled, [{}], CELLS)
    assert list(values.values()) == [12, 768, "tied!", False, 256]


def test_a_stripped_copy_shows_nothing_and_recomputes_to_the_right_results(recalculate, stored, tmp_path):
    stripped = tmp_path / "stripped.xlsx"
    strip_cached_values(stored, stripped)
    assert stored_results(stripped) == [None] * 4
    assert formulas(stripped) == formulas(stored)
    [values] = recalculate(stripped, [{}], CELLS)
    assert list(values.values()) == [12, 768, "tied!", False, 256]


def test_spoiling_also_gives_a_wrong_result_to_a_formula_that_has_none(workbook, tmp_path):
    spoil_cached_values(workbook, tmp_path / "spoiled.xlsx")
    assert stored_results(tmp_path / "spoiled.xlsx") == [123456.75] * 4


def test_all_that_is_not_a_stored_result_survives_spoiling_and_stripping(workbook, tmp_path):
    def parts(path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name != "xl/worksheets/sheet2.xml"}

    def inputs(path):
        return [cell.value for cell in openpyxl.load_workbook(path)["The inputs"]["A"]]

    book = openpyxl.load_workbook(workbook)
    chart = openpyxl.chart.BarChart()
    chart.add_data(openpyxl.chart.Reference(book["Results"], range_string="Results!$A$1:$A$2"))
    book["Results"].add_chart(chart)
    book.save(workbook)
    for change in (spoil_cached_values, strip_cached_values):
        changed = tmp_path / f"{change.__name__}.xlsx"
        change(workbook, changed)
        assert inputs(changed) == [12, "tied"]
        before, after = parts(workbook), parts(changed)
        assert list(after) == list(before)
        assert after["xl/charts/chart1.xml"] == before["xl/charts/chart1.xml"]


@pytest.mark.libreoffice
def test_both_engines_compute_the_same_double(workbook):
    edits = [{("The inputs", "A1"): value} for value in (0.1, 1e300, 2**53 - 1, 1 / 3)]
    assert recalculate_libreoffice(workbook, edits, CELLS) == recalculate_ironcalc(workbook, edits, CELLS)


@pytest.mark.libreoffice
def test_libreoffice_is_given_up_after_its_time(workbook):
    with pytest.raises(TimeoutError, match=r"within 0\.001 s"):
        recalculate_libreoffice(workbook, [{}], CELLS, seconds=0.001)
