"""What `pull` and `check` make of workbooks that LibreOffice edited and saved, as .xlsx and by way of .ods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from books import book_of
from commands import run
from edited_studies import EVERYTHING, FAMILY
from edits import edits, formulas, sheet_of
from engines import recalculate_libreoffice
from every_input import every_input
from flopsheet.review.check import check_workbook
from flopsheet.review.pull import pull
from pulling import blamed, built, cell, lines
from test_pull import addressed
from test_pull_writes import differing

STUDIES: dict[str, Mapping[str, Any]] = {"family": FAMILY, "every input": EVERYTHING}
EDITS = 1


@pytest.mark.libreoffice
@pytest.mark.parametrize(("name", "by_way_of_ods"), [("family", False), ("every input", True)])
def test_libreoffice_brings_back_the_spec_that_was_meant_and_its_values_agree(
    name: str, by_way_of_ods: bool, tmp_path: Path
) -> None:
    book = book_of(STUDIES[name])
    report, original = book.report, book.plan
    # The controls of Context are not inputs of the spec, but its values follow them.
    controls = {("Context", "C4"): report.spec.models[0].name, ("Context", "D5"): 3000.0, ("Context", "N5"): 7.0}
    meant = every_input(report) if name == "every input" else list(edits(STUDIES[name], report, EDITS, 77))
    typing = [{**edit.cells, **controls} for edit, _ in meant]
    # Of every input each edit leaves what the other one changes: `differing` holds that too.
    typing += [{}] if name == "family" else []
    saves = [(tmp_path / f"{at}.xlsx", tmp_path / f"{at}.ods" if by_way_of_ods else None) for at in range(len(typing))]

    recalculate_libreoffice(book.path, typing, [("Inputs", "C8")], saves=saves)

    pulled = [pull(path) for path, _ in saves]
    wrong = [differing(edit, spec, one) for (edit, spec), one in zip(meant, pulled, strict=False)]
    found = [check_workbook(one) for one in pulled]
    typed_over = {cell for edit, _ in meant for cell in edit.cells} & formulas(original).keys()  # expressions
    every = len(formulas(original))
    assert wrong == [{}] * len(meant)
    assert [(lines(one), blamed(one), one.patch) for one in pulled[len(meant) :]] == [([], [], {})] * (name == "family")
    assert [(one.missing, one.disagreements) for one in found] == [(0, ())] * len(typing)
    assert every - len(typed_over) <= min(one.count for one in found) <= max(one.count for one in found) <= every


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


@pytest.mark.libreoffice
def test_check_names_a_formula_that_was_typed_over_in_libreoffice_and_what_followed_it(tmp_path: Path) -> None:
    report = built("gpt2", tmp_path)
    total = report.cells("n_params")[3]  # of gpt2-xl
    recalculate_libreoffice(
        tmp_path / "built.xlsx",
        [{(total.sheet, total.address): 2e9}],
        [(total.sheet, total.address)],
        saves=[(tmp_path / "back.xlsx", None)],
    )
    done = run("check", "back.xlsx", cwd=tmp_path)
    gigabytes = report.cells("weight_gb_fp32")[3]  # 4 bytes each; 2,127,057,600 parameters are published
    first, how_many, *_, last = done.stdout.splitlines()
    count = int(last.partition(" compared, ")[2].partition(" ")[0])
    assert (done.returncode, first.partition(" the formula ")[0], first.partition("; ")[2], how_many) == (
        1,
        f"{total.sheet}!{total.address} (n_params): 2,000,000,000 is typed over",
        "2,127,057,600 is right",
        f"{count - 1} cells follow from it:",
    )
    wrong = [one for one in check_workbook(pull(tmp_path / "back.xlsx")).disagreements if one.follows]
    assert f"{gigabytes.sheet}!{gigabytes.address} (weight_gb_fp32): 8 is stored, 8.5082304 is right" in map(str, wrong)


@pytest.mark.libreoffice
def test_a_spreadsheet_in_another_language_says_the_same_sentences(tmp_path: Path) -> None:
    report, half = built("gpt2", tmp_path), ("Summary", "Z99")
    summary = sheet_of("Summary", report).cells
    shares = next(
        row for (row, _), said in sorted(summary.items()) if str(said.value).startswith("FFN rises from 39.8 %")
    )
    layers = cell(report, "models.gpt2-large.n_layers")
    [shown] = recalculate_libreoffice(
        tmp_path / "built.xlsx",
        [{layers: 72.0, half: '=1/2&""'}],
        [half, ("Summary", "A5"), ("Summary", f"A{shares}")],
        saves=[(tmp_path / "back.xlsx", None)],
        locale="de-DE",
    )
    found = check_workbook(pull(tmp_path / "back.xlsx"))
    # Shares as published.
    assert (list(shown.values()), found.missing, found.disagreements) == (
        [
            "0,5",
            "Changed: gpt2-large n_layers 36 → 72",
            "FFN rises from 39.8 % to 57.4 %, Q/K/V/O rises from 19.9 % to 28.7 %;",
        ],
        0,
        (),
    )
