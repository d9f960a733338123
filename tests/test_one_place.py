"""Knowledge in one place: each fact of the table in docs/how-it-works.md is written in its module only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flopsheet

PACKAGE = Path(flopsheet.__file__).parent
PAGE = PACKAGE.parent.parent / "docs" / "how-it-works.md"
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.glob("catalog/data/*.yaml")])
}

# Fact → its module, and what a second definition would look like.
FACTS = {
    "whether a budget holds": ("pipeline/expectations.py", r"(live|found|value) (<=|>=) (claimed|at_most|at_least)"),
    "how many budgets are missed": ("output/failed.py", r"\{id\((\w+)\.expectation\)"),
    "what a layer may be": ("catalog/data/rules.yaml", r"n_experts \* d_ff > 0"),
    "YAML out": ("yamlio/dump.py", r"yaml\.(safe_)?dump|return \"\{\" \+ \", \"\.join"),
    "letters of columns": ("workbook/model/references.py", r"\* 26 \+|chr\(65|divmod\(\w+ - 1, 26\)|get_column_letter"),
    "rows and columns of a sheet": ("workbook/model/references.py", r"1_?048_?576\b(?![:\"'])|16_?384|16_?385"),
    "brackets": ("formula/brackets.py", r"def needs_brackets|PRECEDENCE\["),
    "bounds of inputs": ("catalog/data/inputs.yaml", r"name: n_heads\n\s+label: .*\n"),
    "the bound of an input without one": ("numerics.py", r"\b1e15\b(?!, \"P\")"),
    "whole numbers that a double holds": ("numerics.py", r"2(\.0)? ?\*\* ?53(?!; from|\*\*)"),
    "what rounding can cause": ("numerics.py", r"\b1e-12\b"),
    "what a stored value may differ by": ("numerics.py", r"\b1e-0?9\b"),
    "the style of the verdict": ("workbook/sheets/checks.py", r"FAILED: \"bad\"|2: \"bad\""),
}


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_is_written_in_its_module_and_nowhere_else(fact: str) -> None:
    home, pattern = FACTS[fact]
    found = {name for name, text in SOURCES.items() if re.search(pattern, _without_strings_of_docs(text))}
    assert found == {home}


def _without_strings_of_docs(text: str) -> str:
    return re.sub(r'"""[\s\S]*?"""', "", text)


def test_the_page_says_where_each_fact_is() -> None:
    rows = re.findall(r"^\| ([^|`]+) \| `([^|`]+)` \|$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    assert {fact: home for fact, home in rows if fact in FACTS} == {fact: home for fact, (home, _) in FACTS.items()}
