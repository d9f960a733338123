"""What other programs read and saved: `pull`, `check` and `diff` say what they said before, or one clear line.

Gnumeric where it is installed; exceljs and SheetJS where node finds them (`npm install exceljs xlsx` in a folder, and
NODE_PATH its node_modules).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from commands import run
from gnumeric_engine import has_gnumeric, through_gnumeric
from pulling import built, cell
from review_helpers import type_into

SCRIPT = Path(__file__).with_name("round_trips.js")
STALE = "no stored value follows the edits: open it in a spreadsheet program, save it and check it again"


@cache
def node_has(package: str) -> bool:
    if not shutil.which("node"):
        return False
    return not subprocess.run(["node", "-e", f"require('{package}')"], capture_output=True, check=False).returncode


def through_node(library: str, source: Path, target: Path, *typing: object) -> None:
    subprocess.run(["node", SCRIPT, library, source, target, *map(str, typing)], check=True, capture_output=True)


def through_exceljs(source: Path, target: Path, *typing: object) -> None:
    through_node("exceljs", source, target, *typing)


def through_sheetjs(source: Path, target: Path, *typing: object) -> None:
    through_node("sheetjs", source, target, *typing)


def through_ssconvert(source: Path, target: Path, *typing: object) -> None:
    if typing:
        sheet, address, number = typing
        typed = target.with_name("typed.xlsx")
        type_into(source, {(str(sheet), str(address)): number}, typed)
        source = typed
    through_gnumeric(source, target)


PROGRAMS = [
    pytest.param(through_ssconvert, id="gnumeric", marks=pytest.mark.skipif(
        not has_gnumeric(), reason="Gnumeric is not installed (Debian: gnumeric)")),
    pytest.param(through_exceljs, id="exceljs", marks=pytest.mark.skipif(
        not node_has("exceljs"), reason="node finds no exceljs")),
    pytest.param(through_sheetjs, id="sheetjs", marks=pytest.mark.skipif(
        not node_has("xlsx"), reason="node finds no SheetJS")),
]  # fmt: skip
Trip = Callable[..., None]


PULL, CHECK, DIFF = ("pull", "book.xlsx"), ("check", "book.xlsx"), ("diff", "built.xlsx", "book.xlsx")


def said(name: str, folder: Path, *commands: tuple[str, ...]) -> list[tuple[int, str]]:
    """What commands say of a workbook, under one name."""
    (folder / "book.xlsx").write_bytes((folder / name).read_bytes())
    return [(done.returncode, done.stdout + done.stderr) for done in (run(*one, cwd=folder) for one in commands)]


EDITED = "training.large.micro_batch_size"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str]]:
    """What is said of the workbook that no other program has saved."""
    folder = tmp_path_factory.mktemp("before")
    built("runs", folder)
    return said("built.xlsx", folder, PULL, CHECK, DIFF)


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str]]:
    """What is said of it after an edit that no other program has made."""
    folder = tmp_path_factory.mktemp("typed")
    at = cell(built("runs", folder), EDITED)
    type_into(folder / "built.xlsx", {at: 16.0}, folder / "edited.xlsx")
    return said("edited.xlsx", folder, PULL, DIFF)


@pytest.mark.parametrize("trip", PROGRAMS)
def test_a_workbook_that_another_program_saved_is_what_it_was(
    trip: Trip, before: list[tuple[int, str]], tmp_path: Path
) -> None:
    built("runs", tmp_path)
    trip(tmp_path / "built.xlsx", tmp_path / "back.xlsx")
    assert said("back.xlsx", tmp_path, PULL, CHECK, DIFF) == before


@pytest.mark.parametrize("trip", PROGRAMS)
def test_an_edit_made_there_comes_back(trip: Trip, typed: list[tuple[int, str]], tmp_path: Path) -> None:
    at = cell(built("runs", tmp_path), EDITED)
    trip(tmp_path / "built.xlsx", tmp_path / "back.xlsx", *at, 16)
    checked, *told = said("back.xlsx", tmp_path, CHECK, PULL, DIFF)
    first = checked[1].splitlines()[0]
    assert (told, first == STALE or "all agree with pandas; 1 input differs" in first) == (typed, True)
    assert f"  {EDITED}: 8 → 16" in told[0][1]
