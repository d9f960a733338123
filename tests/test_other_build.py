"""A workbook that another build of flopsheet wrote: one line says so, and its cells are compared by name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from commands import run
from flopsheet.catalog import build_digest
from pulling import built, cell
from review_helpers import change_parts, input_cells_of, type_into
from test_moved import SHEET, change_sheet, insert_row

NOTE = "'edited.xlsx' was written by a different build of flopsheet 0.1.0: formulas and positions may differ"


def rewrite(folder: Path, *texts: tuple[str, str]) -> None:
    """edited.xlsx, with another build's digest and some of its texts and formulas changed."""
    ours = build_digest.build_digest()

    def change(_: str, content: bytes) -> bytes:
        for old, new in ((ours, "0" * len(ours)), *texts):
            content = content.replace(old.encode(), new.encode())
        return content

    change_parts(folder / "edited.xlsx", folder / "changed.xlsx", change)
    (folder / "changed.xlsx").replace(folder / "edited.xlsx")


def test_moved_rows_are_found_by_their_names(tmp_path: Path) -> None:
    built("gpt2", tmp_path)
    change_sheet(tmp_path, insert_row)
    rewrite(tmp_path)
    done = run("check", "edited.xlsx", cwd=tmp_path)
    counts = r"[\d,]+ formula cells compared, \d+ without a counterpart not compared(, [\d,]+ with other formulas)?"
    said = f"{counts}, all agree with pandas; 0 inputs differ from the spec\n"
    assert (done.returncode, done.stderr, bool(re.fullmatch(said, done.stdout))) == (0, f"{NOTE}\n", True)


def test_a_wrong_number_in_a_moved_row_is_told_where_it_stands(tmp_path: Path) -> None:
    report = built("gpt2", tmp_path)
    at = next(one for one in report.cells("n_params") if one.sheet == SHEET)
    type_into(tmp_path / "built.xlsx", {(at.sheet, at.address): 2e9}, tmp_path / "typed.xlsx")
    (tmp_path / "typed.xlsx").replace(tmp_path / "built.xlsx")
    change_sheet(tmp_path, insert_row)
    rewrite(tmp_path)
    done = run("check", "edited.xlsx", cwd=tmp_path)
    [first, *_] = done.stdout.splitlines()
    there = f"{SHEET}!{at._replace(row=at.row + 1).address} (n_params): 2,000,000,000 is typed over the formula ="
    assert (done.returncode, first.startswith(there)) == (1, True)


def test_formulas_that_are_written_differently_are_counted(tmp_path: Path) -> None:
    built("gpt2", tmp_path)
    shutil.copy(tmp_path / "built.xlsx", tmp_path / "edited.xlsx")
    rewrite(tmp_path, ("<f>IF(", "<f>1*IF("))
    done = run("check", "edited.xlsx", cwd=tmp_path)
    assert (done.returncode, bool(re.search(r", \d[\d,]* with other formulas, all agree", done.stdout))) == (0, True)


def test_a_sentence_that_repeats_a_reworded_one_is_no_difference(tmp_path: Path) -> None:
    built("gpt2", tmp_path)
    shutil.copy(tmp_path / "built.xlsx", tmp_path / "edited.xlsx")
    rewrite(tmp_path, (" expected figure", " awaited figure"))  # in a formula of Checks, and as Summary repeats it
    done = run("check", "edited.xlsx", cwd=tmp_path)
    assert (done.returncode, "all agree with pandas" in done.stdout, done.stderr) == (0, True, f"{NOTE}\n")


@pytest.mark.parametrize("command", [("pull",), ("check",), ("diff", "spec.yaml")])
def test_inputs_that_stand_elsewhere_are_no_fault_of_the_reader(command: tuple[str, ...], tmp_path: Path) -> None:
    report = built("gpt2", tmp_path)
    sheet, address = cell(report, "models.gpt2-small.d_model")
    shutil.copy("specs/gpt2.yaml", tmp_path / "spec.yaml")
    shutil.copy(tmp_path / "built.xlsx", tmp_path / "edited.xlsx")
    rewrite(tmp_path, (">d_model<", ">width<"))
    done = run(*command, "edited.xlsx", cwd=tmp_path)
    fact, _, remedy = done.stderr.partition("; ")
    row = address.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert (
        done.returncode,
        bool(re.match(rf"'edited.xlsx': {sheet}![A-Z]+{row} should contain 'd_model'", fact)),
        remedy,
    ) == (
        2,
        True,
        "it was written by a different build of flopsheet 0.1.0: use that one, or build the spec again and make the "
        "changes there\n",
    )


def test_constants_of_another_build_are_not_taken_for_edits(tmp_path: Path) -> None:
    report = built("runs", tmp_path)
    one = next(one for one in input_cells_of(report) if one.entry.name == "matmul_efficiency")
    cells = {(cell_ref.sheet, cell_ref.address): 0.5 for cell_ref in (one.cell_ref, one.was)}
    type_into(tmp_path / "built.xlsx", cells, tmp_path / "edited.xlsx")
    rewrite(tmp_path)
    done = run("pull", "edited.xlsx", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "No input differs from the spec.\n", f"{NOTE}\n")


def test_results_that_stand_elsewhere_are_not_taken_for_typed_over(tmp_path: Path) -> None:
    built("gpt2", tmp_path)
    change_sheet(tmp_path, insert_row)
    rewrite(tmp_path)
    done = run("pull", "edited.xlsx", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "No input differs from the spec.\n", f"{NOTE}\n")


@pytest.mark.parametrize("file", ["catalog/flops.yaml", "spec/library.yaml", "numerics.py"])
def test_the_digest_is_that_of_what_decides_the_cells(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in build_digest.ROOMS:
        (tmp_path / room).mkdir()
    for name in build_digest.SHARED:
        (tmp_path / name).touch()
    monkeypatch.setattr(build_digest, "PACKAGE", str(tmp_path))
    digests = []
    for text in ("a", "b", "a"):
        (tmp_path / file).write_text(text)
        (tmp_path / "diagnostics.py").write_text(str(len(digests)))
        digests.append(build_digest.build_digest.__wrapped__())
    assert (digests[0] == digests[2], digests[0] == digests[1]) == (True, False)
