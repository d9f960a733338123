"""Nothing is written as -0, which a reader takes for a small negative number and programs spell differently."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from commands import run
from flopsheet import compute

SPEC = """\
version: 1
context_lengths: [1024]
metrics:
- {name: n_none, label: None, grain: model, unit: count, formula: 0 * (0 - n_layers), doc: A product.}
- {name: n_alias, label: Alias, grain: model, unit: count, formula: n_none, doc: The same.}
- {name: rounded, label: Rounded, grain: scenario, unit: ratio, formula: ceil(0 - 1 / 3), doc: Up from below zero.}
models:
  a: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 256}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path / "spec.yaml"


def test_no_frame_has_a_negative_zero(spec: Path) -> None:
    negative = [
        (grain, name)
        for grain, frame in compute(spec).frames.items()
        for name, column in frame.select_dtypes("number").items()
        if (np.signbit(column) & (column == 0)).any()
    ]
    assert negative == []


@pytest.mark.parametrize("target", [(), ("-o", "out.txt")], ids=["stdout", "file"])
@pytest.mark.parametrize("style", ["json", "csv"])
def test_no_text_has_a_negative_zero(style: str, target: tuple[str, ...], spec: Path) -> None:
    done = run("show", "spec.yaml", "--format", style, *target, cwd=spec.parent)
    text = (spec.parent / "out.txt").read_text(encoding="utf-8") if target else done.stdout
    assert (done.returncode, "n_alias" in text, re.findall(r"(?<![\w.])-0(?:\.0)?(?![\d.])", text)) == (0, True, [])
    if style == "json":
        assert [json.loads(text)["models"]["a"][name] for name in ("n_none", "n_alias")] == [0, 0]
