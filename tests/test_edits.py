"""What a reviewer types into Inputs gives, in an engine that is not ours, what pandas gives for the edited spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edited_studies import EVERYTHING, FAMILY, GROUPS, OWN, RUNS
from edits import differences, disagreements_of, edits, formulas, planned, rows_of, write_workbook
from engines import recalculate_ironcalc, recalculate_libreoffice, spoil_cached_values
from every_input import every_input, name_of
from flopsheet.api import Report, compute
from flopsheet.workbook.model.sheet import Plan

STUDIES = {"family": (FAMILY, 8), "groups": (GROUPS, 8), "own": (OWN, 5), "runs": (RUNS, 8)}
IN_LIBREOFFICE = ["own"]  # test_round_trip.py has it recompute the others


def spoiled_workbook(report: Report, folder: Path) -> tuple[Path, Plan]:
    """The study's workbook with a wrong value stored beside every formula, and its plan, which has the right ones."""
    original = write_workbook(report, folder / "book.xlsx")
    spoil_cached_values(folder / "book.xlsx", folder / "spoiled.xlsx")
    return folder / "spoiled.xlsx", original


def assert_follows(recalculate: Any, name: str, count: int, seed: int, folder: Path) -> None:
    """Every formula cell of the study's workbook, after each of some random edits, is what pandas gives."""
    base = STUDIES[name][0]
    report = compute(base)
    made = list(edits(base, report, count, seed))
    book, original = spoiled_workbook(report, folder)
    cells, relative = list(formulas(original)), differences(original)

    results = recalculate(book, [edit.cells for edit, _ in made], cells)

    wrong = {
        str(dict(edit.cells)): differing
        for (edit, edited), got in zip(made, results, strict=True)
        if (differing := disagreements_of(got, formulas(planned(edited, report)), relative))
    }
    assert wrong == {}


@pytest.mark.parametrize("name", STUDIES)
def test_every_formula_cell_follows_random_edits_as_pandas_does(name: str, tmp_path: Path) -> None:
    assert_follows(recalculate_ironcalc, name, STUDIES[name][1], 20240, tmp_path)


def test_every_row_of_inputs_is_followed(tmp_path: Path) -> None:
    report = compute(EVERYTHING)
    book, original = spoiled_workbook(report, tmp_path)
    made = every_input(report)
    cells, relative = list(formulas(original)), differences(original)

    results = recalculate_ironcalc(book, [edit.cells for edit, _ in made], cells)

    wrong = [
        disagreements_of(got, formulas(planned(edited, report)), relative)
        for (_, edited), got in zip(made, results, strict=True)
    ]
    typed = {cell for edit, _ in made for cell in edit.cells}
    untouched = [name_of(row) for row in rows_of(report) if not typed & {(at.sheet, at.address) for at in row.live}]
    assert (wrong, untouched) == ([{}] * len(made), [])


@pytest.mark.libreoffice
@pytest.mark.parametrize("name", IN_LIBREOFFICE)
def test_libreoffice_follows_a_sample_of_the_edits(name: str, tmp_path: Path) -> None:
    assert_follows(recalculate_libreoffice, name, 3, 7, tmp_path)
