"""A catalogue small enough to be broken in one place."""

from __future__ import annotations

import pytest

from flopsheet.catalog.build import build_catalog
from flopsheet.diagnostics import CatalogError

TEXTS = {
    "units": """\
count: {format: "0"}
B: {format: "0"}
FLOP: {format: "0"}
text: {format: General}
verdict: {format: General}
""",
    "inputs": """\
sheet: Inputs
sections:
- title: Study
  grain: study
  inputs:
  - {name: matmuls, label: Matmuls, unit: text, choices: [architecture, 2], doc: As counted.}
- title: Model
  grain: model
  inputs:
  - {name: d_model, label: Width, unit: count, least: 1, doc: Width.}
  - {name: weight_bytes, label: Weights, unit: B, least: 1, doc: Bytes.}
  - {name: norm, label: Norm, unit: text, choices: [rmsnorm, layernorm], doc: Kind.}
- title: Group
  grain: layer_group
  inputs:
  - {name: d_ff, label: FFN, unit: count, least: 1, doc: Width.}
  - {name: n_heads, label: Heads, unit: count, least: 1, doc: Heads.}
- title: Context
  grain: context
  inputs:
  - {name: length, label: Length, unit: count, least: 1, doc: Tokens.}
""",
}

METRIC = {"name": "x", "label": "X", "unit": "count", "doc": "X."}


def metrics(*entries, grain="model"):
    """A topic of metrics, one line each."""
    lines = ["sheet: Results", "sections:", "- title: Results", f"  grain: {grain}", "  metrics:"]
    for entry in entries:
        lines.append("  - {" + ", ".join(f"{key}: {value}" for key, value in {**METRIC, **entry}.items()) + "}")
    return "\n".join(lines) + "\n"


def refusal(texts):
    with pytest.raises(CatalogError) as caught:
        build_catalog({**TEXTS, **texts})
    return str(caught.value)


def first_line(text):
    return text.split("\n")[0]


RULE = {
    "name": "check_x",
    "code": "X1",
    "label": "X",
    "formula": "d_model > n_all",
    "points_at": "d_model",
    "message": '"{d_model:,} is too small"',
    "hint": "write more",
    "level": "error",
    "doc": "X.",
}

SUM = "  metrics:\n  - {name: n_all, label: N, unit: count, formula: sum(n_heads), doc: N.}\n"


def rules_topic(*entries, grain="model"):
    """A topic of rules, one line each, below a sum that they may read."""
    lines = ["sheet: Checks", "sections:", "- title: Sums", "  grain: model", SUM.rstrip()]
    lines += ["- title: Rules", f"  grain: {grain}", "  rules:"]
    lines += ["  - {" + ", ".join(f"{key}: {value}" for key, value in (RULE | one).items()) + "}" for one in entries]
    return "\n".join(lines) + "\n"
