"""What is whole to 15 significant digits, as a spreadsheet compares, is whole: 1600 · 1.1 is 1760.0000000000002."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flopsheet
from flopsheet.catalog import load_inputs
from flopsheet.quantities import to_whole
from flopsheet.spec.sweep.columns import numbers_of

MODEL = {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}

# a double | what it is to 15 significant digits
DOUBLES = [
    (1600 * 1.1, 1760.0),
    (1759.9999999999998, 1760.0),
    (9.99999999999999, 9.99999999999999),  # 15 digits of its own
    (9.999999999999999, 10.0),
    (0.5, 0.5),
    (1e-20, 1e-20),
    (2.0**53, 2.0**53),
    (-1600 * 1.1, -1760.0),
    (float("inf"), float("inf")),
]


@pytest.mark.parametrize(("value", "told"), DOUBLES)
def test_fifteen_digits_decide(value: float, told: float) -> None:
    assert to_whole(value) == told


def widths(d_model: Any, **more: Any) -> list[float]:
    spec = {"version": 1, "context_lengths": [8], "models": {"m": {**MODEL, "d_model": d_model, **more}}}
    return flopsheet.compute(spec).frames["model"]["d_model"].tolist()


@pytest.mark.parametrize("said", [1600 * 1.1, "1600 * 1.1"])
def test_a_spec_may_say_it(said: Any) -> None:
    assert widths(said) == [1760]


@pytest.mark.parametrize("name", ["d_ff", "d_model"])
def test_a_column_of_a_sweep_is_whole_where_a_number_is(name: str) -> None:
    column = numbers_of(load_inputs().inputs[name], np.array([1600 * 1.1, 256.0, 0.5]))
    assert column.tolist() == [1760.0, 256.0, 0.5]


def test_expressions_of_a_sweep_are_whole_in_columns_too() -> None:
    swept = {**MODEL, "d_ff": "d_model * 1.1", "sweep": {"d_model": [1600, 3200]}}
    spec = {"version": 1, "context_lengths": [8], "models": {"m": swept}}
    assert flopsheet.compute(spec).frames["layer_group"]["d_ff"].tolist() == [1760, 3520]


def test_a_context_length_may_be_it() -> None:
    spec = {"version": 1, "context_lengths": [1600 * 1.1], "models": {"m": MODEL}}
    assert flopsheet.compute(spec).spec.context_lengths == (1760.0,)
