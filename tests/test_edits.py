"""What a reviewer types into Inputs gives, in an engine that is not ours, what pandas gives for the edited spec."""

from __future__ import annotations

from typing import Any

import pytest

from books import book_of
from edited_studies import EVERYTHING, FAMILY, OWN
from edits import differences, disagreements_of, edits, formulas, planned, rows_of
from engines import recalculate_ironcalc, recalculate_libreoffice
from every_input import every_input, name_of

# OWN has the models of GROUPS, EVERYTHING the runs of RUNS; `make agreement` makes hundreds of edits.
STUDIES = {"family": (FAMILY, 3), "own": (OWN, 4), "everything": (EVERYTHING, 2)}
IN_LIBREOFFICE = ["own"]  # test_round_trip.py has it recompute the others


def assert_follows(recalculate: Any, name: str, count: int, seed: int) -> None:
    """Every formula cell of the study's workbook, after each of some random edits, is what pandas gives."""
    base = STUDIES[name][0]
    book = book_of(base)
    report, original = book.report, book.plan
    cells, relative = list(formulas(original)), differences(original)
    made = list(edits(base, report, count, seed))

    results = recalculate(book.spoiled, [edit.cells for edit, _ in made], cells)

    wrong = {
        str(dict(edit.cells)): differing
        for (edit, edited), got in zip(made, results, strict=True)
        if (differing := disagreements_of(got, formulas(planned(edited, report)), relative))
    }
    assert wrong == {}


@pytest.mark.parametrize("name", STUDIES)
def test_every_formula_cell_follows_random_edits_as_pandas_does(name: str) -> None:
    assert_follows(recalculate_ironcalc, name, STUDIES[name][1], 20240)


def test_every_row_of_inputs_is_followed() -> None:
    book = book_of(EVERYTHING)
    report, original = book.report, book.plan
    made = every_input(report)
    cells, relative = list(formulas(original)), differences(original)

    results = recalculate_ironcalc(book.spoiled, [edit.cells for edit, _ in made], cells)

    wrong = [
        disagreements_of(got, formulas(planned(edited, report)), relative)
        for (_, edited), got in zip(made, results, strict=True)
    ]
    typed = {cell for edit, _ in made for cell in edit.cells}
    untouched = [name_of(row) for row in rows_of(report) if not typed & {(at.sheet, at.address) for at in row.live}]
    assert (wrong, untouched) == ([{}] * len(made), [])


@pytest.mark.libreoffice
@pytest.mark.parametrize("name", IN_LIBREOFFICE)
def test_libreoffice_follows_a_sample_of_the_edits(name: str) -> None:
    assert_follows(recalculate_libreoffice, name, 3, 7)
