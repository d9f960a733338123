"""Random edits of a study, each said twice: as a change of the spec and as typing into cells of Inputs."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flopsheet.errors import SpecError
from flopsheet.report import Report, compute
from flopsheet.spec import schema
from flopsheet.workbook import plan
from flopsheet.workbook.model import Plan

Cell = tuple[str, str]

# Every model says its inputs itself: an edit of one cell must not reach another model through `extends`.
FAMILY: dict[str, Any] = {
    "version": 1,
    "title": "family",
    "context_lengths": [1024, 16384],
    "weights": "fp32",
    "conventions": {"ffn_matmuls": 2},
    "models": {
        "small": {
            "n_layers": 12,
            "d_model": 768,
            "n_heads": 12,
            "vocab_size": 50257,
            "ffn": "swiglu",
            "d_ff": "4 * d_model",
        },
        "medium": {
            "n_layers": 24,
            "d_model": 1024,
            "n_heads": 16,
            "vocab_size": 50257,
            "ffn": "swiglu",
            "d_ff": "4 * d_model",
        },
        "xl": {"n_layers": 48, "d_model": 1600, "n_heads": 25, "vocab_size": 50257, "ffn": "gelu", "d_ff": 6400},
        "xl-tied": {
            "n_layers": 48,
            "d_model": 1600,
            "n_heads": 25,
            "vocab_size": 50257,
            "ffn": "swiglu",
            "d_ff": "4 * d_model",
            "tie_embeddings": True,
        },
    },
    "expect": [
        {"that": "xl.n_params", "at_least": 1e9},
        {"that": "small.flops_forward", "context_length": 1024, "equals": 291648307200},
    ],
}

# Models of several layer groups, so that sums and the look-up on Context meet more than one column.
GROUPS: dict[str, Any] = {
    "version": 1,
    "context_lengths": [2048, 8192, 32768],
    "models": {
        "plain": {
            "n_layers": 8,
            "d_model": 512,
            "n_heads": 8,
            "n_kv_heads": 2,
            "vocab_size": 32000,
            "ffn": "swiglu",
            "d_ff": 1408,
        },
        "mixed": {
            "d_model": 640,
            "n_heads": 10,
            "vocab_size": 32000,
            "positions": "learned",
            "max_positions": 4096,
            "norm": "layernorm",
            "layers": [
                {"name": "first", "n_layers": 1, "ffn": "gelu", "d_ff": 2560},
                {"name": "middle", "n_layers": 10, "ffn": "swiglu", "d_ff": "3 * d_model", "n_kv_heads": 5},
                {"name": "last", "n_layers": 1, "ffn": "gelu", "d_ff": 2560, "d_head": 128},
            ],
        },
        "other": {
            "n_layers": 6,
            "d_model": 256,
            "n_heads": 4,
            "vocab_size": 1000,
            "ffn": "relu",
            "d_ff": "4 * d_model",
            "final_norm": False,
        },
    },
}

# Inputs and metrics that a spec defines itself, at several grains, reading each other and built-in ones.
OWN: dict[str, Any] = {
    **GROUPS,
    "load_factor": 0.5,
    "inputs": [
        {"name": "load_factor", "label": "Load", "grain": "study", "unit": "ratio", "most": 200, "doc": "How full."},
        {
            "name": "lora_rank",
            "label": "LoRA rank",
            "grain": "model",
            "unit": "width",
            "default": "max(1, d_model / 64)",
            "doc": "Rank of the adapters.",
        },
        {
            "name": "adapted",
            "label": "Adapted",
            "grain": "layer_group",
            "unit": "text",
            "choices": ["attention", "all", "none"],
            "default": "attention",
            "doc": "Which matrices have adapters.",
        },
    ],
    "metrics": [
        {
            "name": "n_group_lora",
            "label": "Adapters of a group",
            "grain": "layer_group",
            "unit": "parameters",
            "formula": "where(adapted == none, 0, lora_rank * n_group_layers * (2 * d_model + n_lora_ffn))",
            "doc": "Two matrices beside each adapted one.",
        },
        {
            "name": "n_lora_ffn",
            "label": "Widths of the FFN",
            "grain": "layer_group",
            "unit": "width",
            "formula": "where(adapted == all, ffn_matrices * (d_model + d_ff), 0)",
            "doc": "In and out of each matrix.",
        },
        {
            "name": "share_lora",
            "label": "Share of adapters",
            "grain": "model",
            "unit": "share",
            "formula": "sum(n_group_lora) / n_params",
            "doc": "Of all parameters.",
        },
        {
            "name": "loaded_tflop",
            "label": "Loaded",
            "grain": "scenario",
            "unit": "TFLOP",
            "formula": "load_factor * tflop_forward * (1 + share_lora)",
            "doc": "Forward pass at that load.",
            "level": "total",
        },
        {
            "name": "all_loaded",
            "label": "All contexts",
            "grain": "model",
            "unit": "TFLOP",
            "formula": "sum(loaded_tflop)",
            "doc": "Over the context lengths.",
        },
        {
            "name": "check_share_lora",
            "label": "Adapters are small",
            "grain": "model",
            "unit": "verdict",
            "formula": "share_lora < 0.1",
            "doc": "Below a tenth.",
        },
    ],
}


@dataclass(frozen=True)
class Edit:
    """A spec that was edited, and the cells of the original workbook that say the same."""

    spec: Mapping[str, Any]
    cells: Mapping[Cell, float | str]


def planned(edited: Report, original: Report) -> Plan:
    """The workbook as it should read after the edit, its choice on Context and its as-built values unchanged."""
    study = original.study
    now = plan.Study(edited.spec, edited.values, edited.runs, edited.catalog, study.version, study.choice)
    return plan.build(now, study)


def formulas(of: Plan) -> dict[Cell, float | str]:
    """Every formula cell of a plan with its value."""
    from flopsheet.workbook.layout import Spot

    return {
        (sheet.title, Spot(sheet.title, *at).address): cell.value
        for sheet in of.sheets
        for at, cell in sheet.cells.items()
        if cell.formula
    }


def edits(base: Mapping[str, Any], report: Report, count: int, seed: int) -> Iterator[tuple[Edit, Report]]:
    """Valid edits of one to four inputs each, over every input, model and switch, with the report that they give."""
    dice = random.Random(seed)
    layout = plan.lay_out(report.study, report.study).inputs
    lines = {line.entry.name: line for line in layout.rows}
    made = 0
    while made < count:
        spec, cells = copy.deepcopy(dict(base)), {}
        for _ in range(dice.randint(1, 4)):
            _edit_once(dice, spec, cells, lines, report)
        try:
            edited = compute(spec)
        except SpecError:
            continue  # heads that no longer divide, say: the spec could not say it
        made += 1
        yield Edit(spec, cells), edited


def _edit_once(
    dice: random.Random, spec: dict[str, Any], cells: dict[Cell, float | str], lines: Mapping[str, Any], report: Report
) -> None:
    name = dice.choice(list(lines))
    line = lines[name]
    at = dice.randrange(len(line.live))
    table = report.values.tables[line.entry.grain]
    value, typed = _random_value(dice, line.entry, report)
    if line.entry.grain == "study":
        switches = {entry.name for entry in schema.conventions()}
        target = spec.setdefault("conventions", {}) if name in switches else spec
        target[name] = value
    elif line.entry.grain == "context":
        spec["context_lengths"] = list(spec["context_lengths"])
        spec["context_lengths"][at] = value
    elif line.entry.grain == "model":
        model = spec["models"][table.keys[at][0]]
        if name == "n_layers" and "layers" in model:
            return  # derived from the groups
        model[name] = value
    else:
        model_name, group = table.keys[at]
        model = spec["models"][model_name]
        if "layers" in model:
            model = next(entry for entry in model["layers"] if entry["name"] == group)
        elif name == "n_group_layers":
            return  # derived from the model
        key = "n_layers" if name == "n_group_layers" else name
        if key == "ffn_matrices":
            model.pop("ffn", None)
        model[key] = value
    cells[line.live[at].sheet, line.live[at].address] = typed


def _random_value(dice: random.Random, entry: Any, report: Report) -> tuple[Any, float | str]:
    """A value as the spec says it, and as it is typed into the cell."""
    if entry.is_flag:
        flag = dice.random() < 0.5
        return flag, "yes" if flag else "no"
    if entry.choices:
        choice = dice.choice(entry.choices)
        return choice, choice
    ranges = {
        "n_heads": [1, 2, 4, 5, 8, 10, 12, 16, 25, 32],
        "n_kv_heads": [1, 2, 4, 5, 25],
        "d_model": [64 * step for step in range(1, 80)] + [800, 1600, 3200],
        "context_length": [1, 7, 128, 1000, 1024, 4096, 16384, 131072, 1_000_000],
        "max_positions": [1, 512, 2048],
        "n_norms": range(9),
        "batch_size": [1, 2, 3, 8, 64],
        "vocab_size": [1, 100, 32000, 50257, 151936],
    }
    value = dice.choice(ranges.get(entry.name, range(1, 129)))
    return value, float(value)


def disagreements_of(got: Mapping[Cell, Any], wanted: Mapping[Cell, float | str]) -> dict[Cell, tuple[Any, Any]]:
    """The cells in which an engine and pandas differ: texts exactly, numbers beyond 1e-12."""
    return {cell: (got[cell], value) for cell, value in wanted.items() if not _equal(got[cell], value)}


def _equal(got: Any, wanted: float | str) -> bool:
    if isinstance(wanted, str) or not isinstance(got, int | float):
        return bool(got == wanted)
    return abs(got - wanted) <= 1e-12 * abs(wanted)
