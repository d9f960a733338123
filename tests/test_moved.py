"""Rows and columns that were moved on a sheet of results are one message of `check`, not a thousand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from commands import run
from engines import MAIN
from flopsheet.review.check import check_workbook
from flopsheet.review.pull import pull
from pulling import built, cell
from review_helpers import change_parts, sheet_parts, type_into
from test_bad_workbooks import shift_below

SHEET = "Parameters"


def change_sheet(folder: Path, change: Callable[[etree._Element], None]) -> None:
    """edited.xlsx: the sheet changed, and the references of other sheets to it as a program shifts them."""
    part = sheet_parts(folder / "built.xlsx")[SHEET]

    def changed(name: str, content: bytes) -> bytes:
        if name != part:
            return re.sub(rb"(Parameters!\$?[A-Z]+\$?)(\d+)", lambda one: b"%s%d" % (one[1], int(one[2]) + 1), content)
        tree = etree.fromstring(content)
        change(tree)
        return etree.tostring(tree)

    change_parts(folder / "built.xlsx", folder / "edited.xlsx", changed)


def insert_row(tree: etree._Element) -> None:
    shift_below(tree, 8, 1)


def insert_column(tree: etree._Element) -> None:
    for one in tree.iterfind(f".//{MAIN}c"):
        letters = one.get("r").rstrip("0123456789")
        if len(letters) == 1 and letters > "A":
            one.set("r", chr(ord(letters) + 1) + one.get("r")[1:])


@pytest.mark.parametrize("change", [insert_row, insert_column])
def test_a_row_or_column_that_was_inserted_is_one_message(
    change: Callable[[etree._Element], None], tmp_path: Path
) -> None:
    built("gpt2", tmp_path)
    change_sheet(tmp_path, change)
    done = run("check", "edited.xlsx", cwd=tmp_path)
    first, last = done.stdout.splitlines()
    assert (
        done.returncode,
        first.startswith(f"{SHEET}!"),
        last.endswith("1 disagree; 0 inputs differ from the spec"),
    ) == (
        1,
        True,
        True,
    )
    assert first.endswith(
        "rows or columns of the sheet were inserted, removed or sorted, and none of its formula cells was compared"
    )
    assert re.match(r"[\d,]+ formula cells compared, [\d,]+ on moved sheets not compared, ", last)


def test_a_label_that_was_typed_over_moves_nothing(tmp_path: Path) -> None:
    built("gpt2", tmp_path)
    type_into(tmp_path / "built.xlsx", {(SHEET, "A9"): "What we call it"}, tmp_path / "edited.xlsx")
    done = run("check", "edited.xlsx", cwd=tmp_path)
    assert (done.returncode, "all agree with pandas" in done.stdout) == (0, True)


def test_other_sheets_are_compared_all_the_same(tmp_path: Path) -> None:
    report = built("gpt2", tmp_path)
    layers = cell(report, "models.gpt2-small.n_layers")
    type_into(tmp_path / "built.xlsx", {layers: 24.0}, tmp_path / "typed.xlsx")
    (tmp_path / "typed.xlsx").rename(tmp_path / "built.xlsx")
    change_sheet(tmp_path, insert_row)  # and nobody recalculated it
    found = check_workbook(pull(tmp_path / "edited.xlsx")).disagreements
    sheets = [one.address.partition("!")[0].strip("'") for one in found]
    assert (sheets.count(SHEET), "Forward FLOPs" in sheets) == (1, True)
