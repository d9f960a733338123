"""The style of the catalogue's files, and the tool that holds it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from flopsheet.yamlio.source import parse

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("format_catalog", ROOT / "tools" / "format_catalog.py")
assert SPEC and SPEC.loader
TOOL = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(TOOL)

FILES = sorted((ROOT / "src" / "flopsheet" / "catalog" / "data").glob("*.yaml"))

MESSY = """\
# What this file holds.
sheet:   Results
sections:
  - {title: 'One', grain: model, metrics: [{name: a, unit: count, formula: "b * 2", peak: 989400000000000.0,
     doc: "It is: so."}]}
"""
BLOCK = """\
# What this file holds.
sheet: Results
sections:
- title: One
  grain: model
  metrics:
  - name: a
    unit: count
    formula: b * 2
    peak: 989.4e12
    doc: "It is: so."
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_catalogue_is_in_its_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert TOOL.format_text(text, path.name) == text, "run python tools/format_catalog.py"


def test_yaml_of_any_style_becomes_blocks_with_a_key_to_a_line() -> None:
    assert TOOL.format_text(MESSY, "x.yaml") == BLOCK


def test_a_choice_and_its_value_stay_on_one_line_of_a_long_formula() -> None:
    arms = [f"choice_{at}: value_of_{at}" for at in range(30)]
    formula = f"match(input, {', '.join(arms)})"
    formatted = TOOL.format_text(f'sheet: S\na:\n  formula: "{formula}"\n', "x.yaml")
    folded = formatted.split("formula: >-\n")[1].splitlines()
    assert ([line for line in folded if line.endswith(":")], parse(formatted, "x.yaml").data["a"]["formula"]) == (
        [],
        formula,
    )


@pytest.mark.parametrize("comment", ["# why\n- a: 1", "- a: 1 # why", "- a: 'x # y' # why"])
def test_a_comment_that_would_be_lost_is_refused(comment: str) -> None:
    with pytest.raises(ValueError, match=r"x\.yaml:\d+: a comment below the head of the file would be lost"):
        TOOL.format_text(f"sheet: S\nsections:\n{comment}\n", "x.yaml")


@pytest.mark.parametrize("text", ["- a: 'x # y'", '- a: "x # y"', '- a: "say \\" # y"', "- a: x#y"])
def test_a_sign_inside_a_text_is_no_comment(text: str) -> None:
    formatted = TOOL.format_text(f"sheet: S\nsections:\n{text}\n", "x.yaml")
    assert parse(formatted, "x.yaml").data == parse(f"sheet: S\nsections:\n{text}\n", "x.yaml").data
