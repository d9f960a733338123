"""What a reviewer wrote where nobody reads it is named: copied sheets, remarks and comments beside the inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.workbook import Workbook

from commands import run
from pulling import built, cell


def copied(book: Workbook) -> None:
    book.copy_worksheet(book["Inputs"])["F9"] = 1024


def remarked(book: Workbook) -> None:
    book["Inputs"]["AB9"], book["Inputs"]["AB10"] = "too wide?", 1024


def with_many_remarks(book: Workbook) -> None:
    for row in range(8, 15):
        book["Inputs"][f"AB{row}"] = "?"


def commented(book: Workbook) -> None:
    book["Inputs"]["F9"].comment = Comment("Take 1024\nhere.", "Reviewer")


BESIDE = "is a remark, not an input, and was not read"
# what the reviewer did | what pull, check and diff say of it
UNREAD: list[tuple[Callable[[Workbook], None], list[str]]] = [
    (copied, ["the sheet 'Inputs Copy' was not read: edits are taken from Inputs alone"]),
    (remarked, [f"Inputs!AB9: 'too wide?' {BESIDE}", f"Inputs!AB10: '1024' {BESIDE}"]),
    (
        with_many_remarks,
        [*(f"Inputs!AB{row}: '?' {BESIDE}" for row in range(8, 13)), "Inputs: 2 more remarks were not read"],
    ),
    (commented, [f"Inputs!F9: 'Take 1024 here.' {BESIDE}"]),
]


@pytest.mark.parametrize(("edit", "told"), UNREAD)
def test_what_is_not_read_is_named(edit: Callable[[Workbook], None], told: list[str], tmp_path: Path) -> None:
    built("gpt2", tmp_path)
    book = openpyxl.load_workbook(tmp_path / "built.xlsx")
    edit(book)
    book.save(tmp_path / "edited.xlsx")
    done = run("pull", "edited.xlsx", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (0, "No input differs from the spec.\n", told)


def test_a_remark_hides_no_edit(tmp_path: Path) -> None:
    report = built("gpt2", tmp_path)
    book = openpyxl.load_workbook(tmp_path / "built.xlsx")
    remarked(book)
    book["Inputs"][cell(report, "models.gpt2-small.n_layers")[1]] = 24
    book.save(tmp_path / "edited.xlsx")
    done = run("pull", "edited.xlsx", cwd=tmp_path)
    assert done.stdout.splitlines()[:2] == ["1 change:", "  models.gpt2-small.n_layers: 12 → 24"]
