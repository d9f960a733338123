"""What a sweep varies has columns of its own in the tables of the Summary."""

from __future__ import annotations

from typing import Any

import pytest

import flopsheet
from edits import sheet_of

MODEL = {"vocab_size": 100, "n_heads": 2, "ffn": "gelu", "d_ff": "4 * d_model"}
SWEEP = {"zip": {"d_model": [64, 128], "n_layers": [4, 2]}, "n_kv_heads": [1, 2]}
RUN = {"model": "plain", "context_length": 128, "hardware": "h100-sxm", "n_devices": 8}
SPEC: dict[str, Any] = {
    "version": 1,
    "context_lengths": [128],
    "models": {"tiny": MODEL | {"sweep": SWEEP}, "plain": MODEL | {"d_model": 256, "n_layers": 3}},
    "training": {"pretraining": RUN | {"sweep": {"zero_stage": [1, 3], "n_devices": [8, 16]}}},
}


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    """The rows of each table by its heading, each a value by the title of its column."""
    cells = sheet_of("Summary", flopsheet.compute(SPEC)).cells
    found: dict[str, list[dict[str, Any]]] = {}
    for top, what in ((row, cell.value) for (row, column), cell in cells.items() if column == 1):
        if what in {"Run", "Model"}:
            titles = {at: str(cell.value).replace("\n", " ") for (row, at), cell in cells.items() if row == top}
            row = top + 2  # below the units
            while (row, 1) in cells:
                line = {titles[at]: cells[row, at].value for at in titles if (row, at) in cells}
                found.setdefault(str(what), []).append(line)
                row += 1
    return found


def test_variants_of_a_model_are_told_apart_by_columns(rows: dict[str, list[dict[str, Any]]]) -> None:
    told = [(one["Model"], one["Model width"], one["Layers"], one["Key/value heads"]) for one in rows["Model"]]
    assert told == [
        ("tiny", 64, 4, 1), ("tiny", 128, 2, 1), ("tiny", 64, 4, 2), ("tiny", 128, 2, 2), ("plain", 256, 3, 2),
    ]  # fmt: skip


def test_variants_of_a_run_are_told_apart_by_columns_that_say_nothing_twice(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    told = [(one["Run"], one["ZeRO stage"], one["Devices"]) for one in rows["Run"]]
    runs = [("pretraining", stage, f"{devices} h100-sxm") for stage in (1, 3) for devices in (8, 16)]
    assert (sorted(told), [title for title in rows["Run"][0] if "evices" in title]) == (sorted(runs), ["Devices"])
