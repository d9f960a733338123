"""The short workbook: small enough to be attached, the same figures as the whole one, nothing that needs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import flopsheet
from commands import run
from edits import plan_of
from flopsheet.workbook.model.sheet import Sheet
from studies import SPECS

NAMES = ["gpt2", "deepseek-v3"]  # models alone; runs of both kinds, in the largest of the shipped studies


@pytest.fixture(scope="module", params=NAMES)
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    folder = tmp_path_factory.mktemp("brief")
    report = flopsheet.build(SPECS / f"{request.param}.yaml", folder / "brief.xlsx", brief=True)
    return folder / "brief.xlsx", openpyxl.load_workbook(folder / "brief.xlsx"), plan_of(report)


def figures(cells: Mapping[tuple[int, int], Any]) -> dict[tuple[Any, ...], list[Any]]:
    """The numbers of each row of a sheet by its label and its unit, wherever they stand."""
    rows: dict[int, dict[int, Any]] = {}
    for (row, column), value in sorted(cells.items()):
        rows.setdefault(row, {})[column] = value
    found: dict[tuple[Any, ...], list[Any]] = {}
    for values in rows.values():
        numbers = [value for column, value in values.items() if column > 2 and isinstance(value, int | float)]
        found.setdefault((values.get(1), values.get(2)), []).append(numbers)
    return found


def file_cells(sheet: Any) -> dict[tuple[int, int], Any]:
    return {(cell.row, cell.column): cell.value for row in sheet.iter_rows() for cell in row if cell.value is not None}


def planned_cells(sheet: Sheet) -> dict[tuple[int, int], Any]:
    return {at: cell.value for at, cell in sheet.cells.items() if cell.value != ""}


def test_a_short_report_is_under_100_kb_and_has_no_formula(books: tuple[Path, Any, Any]) -> None:
    path, written, _ = books
    formulas = [
        cell.coordinate for sheet in written for row in sheet.iter_rows() for cell in row if cell.data_type == "f"
    ]
    assert (path.stat().st_size < 100_000, formulas) == (True, [])


def test_a_short_report_has_the_figures_of_the_whole_workbook(books: tuple[Path, Any, Any]) -> None:
    _, brief, whole = books
    wrong = []
    for title in (title for title in brief.sheetnames if title not in {"Summary", "Inputs"}):
        there = figures(planned_cells(whole.sheet(title)))
        for key, rows in figures(file_cells(brief[title])).items():
            wrong += [(title, key) for numbers in rows if numbers and numbers not in there.get(key, [])]
    assert wrong == []


def test_links_and_charts_of_a_short_report_lead_to_its_own_sheets(books: tuple[Path, Any, Any]) -> None:
    _, brief, _ = books
    links = {
        cell.hyperlink.location.rpartition("!")[0].strip("'")
        for sheet in brief
        for row in sheet.iter_rows()
        for cell in row
        if cell.hyperlink
    }
    assert links <= set(brief.sheetnames)
    assert brief.sheetnames[:2] == ["Summary", "Inputs"]


def test_a_short_report_asks_for_no_edit_and_names_no_sheet_that_it_lacks(books: tuple[Path, Any, Any]) -> None:
    _, brief, _ = books
    words = {str(cell.value) for sheet in brief for row in sheet.iter_rows() for cell in row}
    live = ("Edit ", "expand with +", "Inputs that differ from the spec", "click a cell", "on Checks", "edit it on")
    assert [text for text in words if any(one in text for one in live)] == []


def test_the_command_writes_a_short_report(tmp_path: Path) -> None:
    done = run("build", str(SPECS / "gpt2.yaml"), "--report", "brief", "-q", "-o", str(tmp_path / "brief.xlsx"))
    sheets = openpyxl.load_workbook(tmp_path / "brief.xlsx", read_only=True).sheetnames
    assert (done.returncode, sheets) == (0, ["Summary", "Inputs", "Parameters", "Forward FLOPs", "KV cache"])


@pytest.mark.parametrize("command", [["pull"], ["check"], ["diff", str(SPECS / "gpt2.yaml")]])
def test_a_short_report_that_comes_back_is_told_from_a_workbook(
    books: tuple[Path, Any, Any], command: list[str]
) -> None:
    path, _, _ = books
    ended = run(*command, str(path))
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        f"'{path}' has no sheet Provenance, as a brief report has none: it holds values alone; "
        "make the edits in the whole workbook, which 'flopsheet build' writes\n",
    )
