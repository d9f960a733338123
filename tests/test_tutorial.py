"""The tutorial, followed from an empty folder: its files, its commands in their order, and what it says they print."""

from __future__ import annotations

import copy
import re
import shlex
from pathlib import Path

import pytest

from commands import ROOT, run
from edits import planned
from flopsheet.api import compute
from flopsheet.workbook.write import xlsx
from flopsheet.yamlio import source

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)


def reviewed(folder: Path) -> None:
    """The workbook that the reviewer returns: 600 billion tokens typed on Inputs, and recomputed."""
    spec = folder / "decision.yaml"
    wish = copy.deepcopy(source.read_yaml(spec).data)
    wish["training"]["continued"]["n_tokens"] = 600e9
    xlsx.save(planned(compute(wish), compute(spec)), folder / "decision-reviewed.xlsx")


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int, str]]:
    """Every command of the page with its exit code and what it printed."""
    folder, done = tmp_path_factory.mktemp("tutorial"), []
    for language, text in BLOCK.findall(PAGE):
        if language == "json":
            (folder / "config.json").write_text(text, encoding="utf-8")
        elif language == "yaml":
            (folder / text.partition("\n")[0].removeprefix("# ")).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.splitlines():
                if "decision-reviewed" in line and not (folder / "decision-reviewed.xlsx").exists():
                    reviewed(folder)
                ended = run(*shlex.split(line)[1:], cwd=folder)
                done.append((line, ended.returncode, ended.stdout + ended.stderr))
    return done


def test_every_command_of_the_tutorial_succeeds(followed: list[tuple[str, int, str]]) -> None:
    assert [(line, text) for line, code, text in followed if code] == []


def test_what_the_tutorial_shows_is_what_the_commands_print(followed: list[tuple[str, int, str]]) -> None:
    printed = "\n".join(text for _, _, text in followed)
    shown = [line for language, text in BLOCK.findall(PAGE) if language == "text" for line in text.splitlines()]
    figures = re.findall(r"\b\d{1,3}(?:,\d{3})+\b", BLOCK.sub("", PAGE))
    own = {"60,000"}  # of the question
    missing = [line for line in shown if line.strip() not in printed]
    assert (missing, [figure for figure in figures if figure not in printed and figure not in own]) == ([], [])
