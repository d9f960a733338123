"""Names and texts of a spec in Markdown: they show as they stand, and do nothing in a pull request."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from commands import run
from flopsheet.output.markdown import escape, table

HOSTILE = "<img src=x> @team _a_"
NAMES = [
    HOSTILE,
    "a | b",
    "a\\|b",
    "`x` *b* **c** ~~d~~",
    "``",
    "&lt;b&gt;",
    "[x](javascript:alert)",
    "![x](http://a.b/c.png)",
    "#12",
    "-",
    "1. one",
    "- item",
    "$x_1$",
    "a\\",
    "<!-- -->",
]
FOLD = r"(?m)^(</?details>|<summary>[\d,]+ more</summary>)$"  # the only HTML, in which is nobody's text
READ = MarkdownIt("commonmark").enable(["table", "strikethrough"])
PLAIN = {"text", "code_inline", "text_special", "inline"}  # the last of an empty cell


def leaves(tokens: list[Token]) -> list[Token]:
    return [leaf for token in tokens for leaf in (leaves(token.children) if token.children else [token])]


def texts(tokens: list[Token]) -> str:
    """What a reader sees of some tokens, without what keeps a forge from linking."""
    return "".join(leaf.content for leaf in leaves(tokens)).replace("\u200b", "")


def is_inert(markdown: str) -> bool:
    """Whether it is text and code alone, with no word that a forge would take for a person or an issue."""
    tokens = [leaf for token in READ.parse(markdown) if token.type == "inline" for leaf in leaves([token])]
    blocks = {token.type for token in READ.parse(markdown)}
    text = " ".join(leaf.content for leaf in tokens if leaf.type != "code_inline")
    kinds = {leaf.type for leaf in tokens} - PLAIN - {"strong_open", "strong_close"}
    return not kinds and "html_block" not in blocks and not re.search(r"(?<!\w)[@#]\w", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_shows_as_it_stands_and_does_nothing(name: str) -> None:
    [listed] = [token for token in READ.parse(f"* {escape(name)}") if token.type == "inline"]
    assert (texts([listed]), is_inert(f"* {escape(name)}")) == (name, True)


@pytest.mark.parametrize("name", NAMES)
def test_a_table_keeps_its_columns_whatever_a_cell_holds(name: str) -> None:
    written = "\n".join(table(["A", name], [[name, name], ["x", "1"]], {0}))
    tokens = READ.parse(written)
    cells = [texts([token]) for token in tokens if token.type == "inline"]
    assert (cells, is_inert(written)) == (["A", name, name, name, "x", "1"], True)


def spec_with(name: str, d_ff: int) -> str:
    model = {"n_layers": 1, "d_model": 8, "n_heads": 1, "d_ff": d_ff, "ffn": "gelu", "vocab_size": 9}
    return json.dumps(
        {
            "version": 1,
            "title": name,
            "context_lengths": [8],
            "models": {name: model, "b": model},
            "expect": [{"that": f"{name}.n_params", "equals": 1}],
        }
    )


def test_show_and_diff_of_a_hostile_name_are_inert(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(spec_with(HOSTILE, 8))
    (tmp_path / "b.yaml").write_text(spec_with(HOSTILE, 16))
    (tmp_path / "c.yaml").write_text(spec_with("<script>", 16))
    shown = run("show", "a.yaml", "--format", "md", cwd=tmp_path).stdout
    wider = run("diff", "a.yaml", "b.yaml", "--format", "md", cwd=tmp_path).stdout
    other = run("diff", "a.yaml", "c.yaml", "--format", "md", cwd=tmp_path).stdout
    tables = [[line.count("|") for line in text.splitlines() if line.startswith("|")] for text in (shown, wider)]
    assert (
        [is_inert(re.sub(FOLD, "", text)) for text in (shown, wider, other)],
        [HOSTILE in texts(READ.parse(text)) for text in (shown, wider, other)],
        all(tables),
    ) == ([True] * 3, [True] * 3, True)
