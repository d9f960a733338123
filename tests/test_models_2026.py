"""Configurations of 2026: what transformers counts of them, to the last integer."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flopsheet.huggingface import families, to_inputs
from studies import frames_of

# torch 2.13.0 and transformers 5.24.0: parameters of models on the meta device without their towers, elements of the
# weight matrices and depthwise convolutions that a token meets, growth of the cache, numbers of the recurrent states.
FILE = Path(__file__).parent / "truth" / "models_2026.json"
TRUTH = {model["name"]: model for model in json.loads(FILE.read_text(encoding="utf-8"))["models"]}
CONTEXT = 64

KNOWN = {name for name, model in TRUTH.items() if model["config"]["model_type"] in families.load().by_type}
ALL = [
    name if name in KNOWN else pytest.param(name, marks=pytest.mark.xfail(strict=True, reason="no such model type"))
    for name in TRUTH
]


@cache
def frames() -> dict[str, pd.DataFrame]:
    """All of them in one study."""
    models = {name: to_inputs(TRUTH[name]["config"]) for name in KNOWN}
    return frames_of({"version": 1, "context_lengths": [CONTEXT], "models": models})


def is_cut(name: str) -> bool:
    """Whether the growth from 64 to 128 tokens that was counted ends at a window: transformers keeps 127 of 128."""
    config = TRUTH[name]["config"]
    return (config.get("text_config") or config).get("sliding_window") == 128


def counted(name: str) -> dict[str, int]:
    model = frames()["model"].loc[name]
    return {metric: int(model[metric]) for metric in ("n_params", "n_params_active", "kv_cache_values_per_token")}


def expected(name: str) -> dict[str, Any]:
    truth = TRUTH[name]
    cache = truth["cache_values_per_token"]
    return {
        "n_params": truth["n_params"],
        "n_params_active": truth["n_params_active"],
        "kv_cache_values_per_token": None if cache is None or is_cut(name) else sum(cache.values()),
    }


@pytest.mark.parametrize("name", ALL)
def test_a_model_of_2026_has_what_transformers_counts(name: str) -> None:
    told = {metric: value for metric, value in expected(name).items() if value is not None}
    found = counted(name)
    assert {metric: found[metric] for metric in told} == told
