"""What a reviewer types into Inputs gives, in an engine that is not ours, what pandas gives for the edited spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edits import (
    EVERYTHING,
    FAMILY,
    GROUPS,
    OWN,
    RUNS,
    differences,
    disagreements_of,
    edits,
    formulas,
    planned,
    rows_of,
)
from engines import recalculate_ironcalc, recalculate_libreoffice, spoil_cached_values
from every_input import every_input, name_of
from flopsheet.api import Report, build, compute
from flopsheet.yamlio import source
from review_helpers import input_cells_of
from studies import SPECS

STUDIES = {"family": (FAMILY, 8), "groups": (GROUPS, 8), "own": (OWN, 5), "runs": (RUNS, 8)}
IN_LIBREOFFICE = ["own"]  # test_round_trip.py has it recompute the others


def spoiled_workbook(report: Report, folder: Path) -> Path:
    """The study's workbook with a wrong value stored beside every formula."""
    build(report, folder / "book.xlsx")
    spoil_cached_values(folder / "book.xlsx", folder / "spoiled.xlsx")
    return folder / "spoiled.xlsx"


def assert_follows(recalculate: Any, name: str, count: int, seed: int, folder: Path) -> None:
    """Every formula cell of the study's workbook, after each of some random edits, is what pandas gives."""
    base = STUDIES[name][0]
    report = compute(base)
    made = list(edits(base, report, count, seed))
    original = planned(report, report)
    cells, relative = list(formulas(original)), differences(original)

    results = recalculate(spoiled_workbook(report, folder), [edit.cells for edit, _ in made], cells)

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
    original = planned(report, report)
    made = every_input(report)
    cells, relative = list(formulas(original)), differences(original)

    results = recalculate_ironcalc(spoiled_workbook(report, tmp_path), [edit.cells for edit, _ in made], cells)

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


def test_the_banner_counts_what_differs_and_names_what_moved_most(tmp_path: Path) -> None:
    report = compute(SPECS / "gpt2.yaml")
    build(report, tmp_path / "book.xlsx")
    cell = {
        source.spell(input_cell.path): (input_cell.cell_ref.sheet, input_cell.cell_ref.address)
        for input_cell in input_cells_of(report)
    }
    layers, width = cell["models.gpt2-xl.n_layers"], cell["models.gpt2-small.d_model"]
    vocabulary = cell["models.gpt2-xl.vocab_size"]

    shown = recalculate_ironcalc(
        tmp_path / "book.xlsx",
        [{}, {layers: 96.0}, {layers: 96.0, width: 780.0}, {vocabulary: 1e6}],
        [("Summary", "A5"), ("Summary", "G5")],
    )

    # K and V of 48 layers · 1,600 numbers · 1,024 tokens · 2 bytes are 0.293 GiB; of 96 layers twice that. What stands
    # outside of the layers makes everything else grow by less.
    moved = "Largest move: kv_cache_gib of gpt2-xl from 0.293 to 0.586 GiB, 100 %."
    # 949,743 more words · 1,600 · 2, in the embedding and in the head
    grown = "Largest move: n_params of gpt2-xl from 2,127,057,600 to 5,166,235,200 parameters, 142.9 %."
    assert [tuple(one.values()) for one in shown] == [
        ("No input differs from the spec.", "No headline number has moved."),
        ("One input differs from the spec; it is orange on Inputs.", moved),
        ("2 inputs differ from the spec; they are orange on Inputs.", moved),
        ("One input differs from the spec; it is orange on Inputs.", grown),
    ]
