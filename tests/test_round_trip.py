"""What `pull` and `check` make of workbooks that LibreOffice edited and saved, as .xlsx and by way of .ods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edits import EVERYTHING, FAMILY, GROUPS, edits, formulas, planned
from engines import recalculate_libreoffice
from every_input import every_input
from flopsheet.report import build, compute
from flopsheet.review.check import check
from flopsheet.review.pull import pull
from test_pull import addressed, blamed, built, cell, differing, lines

STUDIES: dict[str, Mapping[str, Any]] = {"family": FAMILY, "groups": GROUPS, "every input": EVERYTHING}
EDITS = 2


@pytest.mark.libreoffice
@pytest.mark.parametrize(("name", "by_way_of_ods"), [("family", False), ("groups", True), ("every input", True)])
def test_libreoffice_brings_back_the_spec_that_was_meant_and_its_values_agree(
    name: str, by_way_of_ods: bool, tmp_path: Path
) -> None:
    report = compute(STUDIES[name])
    build(report, tmp_path / "built.xlsx")
    # The controls of Context are not inputs of the spec, but its values follow them.
    controls = {("Context", "F4"): report.spec.models[0].name, ("Context", "G5"): 3000.0, ("Context", "Q5"): 7.0}
    meant = every_input(report) if name == "every input" else list(edits(STUDIES[name], report, EDITS, 77))
    typing = [{}, *({**edit.cells, **controls} for edit, _ in meant)]
    saves = [(tmp_path / f"{at}.xlsx", tmp_path / f"{at}.ods" if by_way_of_ods else None) for at in range(len(typing))]

    recalculate_libreoffice(tmp_path / "built.xlsx", typing, [("Inputs", "F8")], saves=saves)

    untouched, *pulled = [pull(path) for path, _ in saves]
    wrong = [differing(edit, spec, one) for (edit, spec), one in zip(meant, pulled, strict=True)]
    found = [check(one) for one in (untouched, *pulled)]
    every = len(formulas(planned(report, report)))  # an expression that was typed over is a formula cell no more
    assert (lines(untouched), blamed(untouched), untouched.patch, wrong) == ([], [], {}, [{}] * len(meant))
    assert (found[0].count, [(one.missing, one.disagreements) for one in found]) == (
        every,
        [(0, ())] * (1 + len(meant)),
    )


@pytest.mark.libreoffice
@pytest.mark.parametrize("by_way_of_ods", [False, True], ids=["xlsx", "ods-and-back"])
def test_libreoffice_keeps_a_reviewers_own_expression(by_way_of_ods: bool, tmp_path: Path) -> None:
    report = built("gpt2", tmp_path)
    at = cell(report, "models.gpt2-small.d_ff")
    ods = tmp_path / "back.ods" if by_way_of_ods else None
    recalculate_libreoffice(
        tmp_path / "built.xlsx",
        [{at: addressed("=3*{d_model}+{n_heads}")}],
        [at],
        saves=[(tmp_path / "back.xlsx", ods)],
    )
    assert lines(pull(tmp_path / "back.xlsx")) == ["models.gpt2-small.d_ff: 4 * d_model → 3 * d_model + n_heads"]
