"""Configurations of 2026: what transformers counts of them, to the last integer, in pandas and in live workbooks."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agreement import Prepared, against, prepare
from flopsheet import compute
from flopsheet.diagnostics import SpecError
from flopsheet.importers.huggingface import to_inputs
from studies import frames_of

# torch 2.13.0 and transformers 5.24.0: parameters of models on the meta device without their towers, elements of the
# weight matrices and depthwise convolutions that a token meets, growth of the cache, numbers of the recurrent states.
FILE = Path(__file__).parent / "truth" / "models_2026.json"
TRUTH = {model["name"]: model for model in json.loads(FILE.read_text(encoding="utf-8"))["models"]}
CONTEXT = 64
COUNTED = (64, 128)  # tokens between which the growth of the cache was counted

# Not modelled, and said so.
REFUSED = {"rwkv-4-3b", "default-rwkv"}
# Where the file counts something else than its own words say.
EXCEPT = {
    # The cache holds whole blocks of compressed keys: what it grows by depends on where the counting begins.
    ("deepseek-ai--DeepSeek-V4-Flash", "kv_cache_values_per_token"),
    ("default-deepseek_v4", "kv_cache_values_per_token"),
    # Looped layers are counted once; each pass multiplies and convolves anew, as the cache of each pass shows.
    ("default-dory", "flops_weight_products"),
    ("default-inkling2_loop_text", "flops_convolution"),
    # The file leaves out idle experts of attention heads, with part of their router, but none of the FFN.
    ("default-jetmoe", "n_params_active"),
    # Towers are counted that other files leave out.
    ("default-phi4_multimodal", "n_params"),
    ("default-phi4_multimodal", "n_params_active"),
    ("default-phi4_multimodal", "flops_convolution"),
}

# One of every mechanism, in live workbooks.
LIVE = [
    "Qwen--Qwen3-VL-2B-Instruct", "Qwen--Qwen3.5-35B-A3B", "XiaomiMiMo--MiMo-V2-Flash", "deepseek-ai--DeepSeek-V3.2",
    "deepseek-ai--DeepSeek-V4-Flash", "google--gemma-4-26B-A4B", "llama-4-scout-text", "nvidia--MiniMax-M3-NVFP4",
    "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "zai-org--GLM-5.2", "granite-4.0-h-tiny", "jamba-mini", "lfm2-1.2b",
    "longcat-flash", "mamba-2.8b", "minimax-text-01", "recurrentgemma-2b", "zamba2-1.2b", "default-falcon_h1",
    "default-gemma3n_text", "default-hrm_text", "default-hy_v4", "default-kimi_linear", "default-laguna",
    "default-xlstm", "default-zaya",
]  # fmt: skip


@cache
def frames() -> dict[str, pd.DataFrame]:
    """All of them in one study."""
    models = {name: to_inputs(model["config"]) for name, model in TRUTH.items() if name not in REFUSED}
    return frames_of({"version": 1, "context_lengths": [CONTEXT], "models": models})


def growth(window: int) -> Fraction:
    """Rows that a layer's cache gains per token where it was counted; of a window transformers keeps all but one."""
    first, last = (min(tokens, window - 1) if window else tokens for tokens in COUNTED)
    return Fraction(last - first, COUNTED[1] - COUNTED[0])


def counted(name: str) -> dict[str, int | Fraction]:
    """What we count, the cache as far as it grew where it was counted."""
    model, scenario = frames()["model"].loc[name], frames()["scenario"].loc[name, CONTEXT]
    groups = frames()["layer_group"].loc[[name]]
    cache_of = zip(groups["n_group_cache_values"], groups["window"], strict=True)
    return {
        **{metric: int(model[metric]) for metric in ("n_params", "n_params_active", "n_state_values")},
        "kv_cache_values_per_token": sum(Fraction(values) * growth(int(window)) for values, window in cache_of),
        **{metric: int(scenario[metric]) for metric in ("flops_weight_products", "flops_convolution")},
    }


def expected(name: str) -> dict[str, Any]:
    """What the file says, as far as it says it."""
    truth = TRUTH[name]
    cache, states, weights = (
        truth[key] for key in ("cache_values_per_token", "state_values", "linear_weights_per_token")
    )
    told = {
        "n_params": truth["n_params"],
        "n_params_active": truth["n_params_active"],
        "n_state_values": states and sum(states.values()),
        "kv_cache_values_per_token": cache and Fraction(sum(cache.values())),
        "flops_weight_products": weights and 2 * CONTEXT * weights,
        "flops_convolution": None if truth["conv_weights"] is None else 2 * CONTEXT * truth["conv_weights"],
    }
    return {metric: value for metric, value in told.items() if value is not None and (name, metric) not in EXCEPT}


@pytest.mark.parametrize("name", sorted(TRUTH.keys() - REFUSED))
def test_a_model_of_2026_has_what_transformers_counts(name: str) -> None:
    told, found = expected(name), counted(name)
    assert {metric: found[metric] for metric in told} == told


def test_idle_experts_of_attention_heads_are_not_active() -> None:
    # 12 layers have 6 idle experts of 3 · 2,048 · 5,632 in the FFN and 6 of 2 · 2,048 · 2,048 in the attention (shapes
    # in the file): 4,293,888,000 - 12 · 6 · 34,603,008 - 12 · 6 · 8,388,608
    assert frames()["model"].loc["default-jetmoe", "n_params_active"] == 1_198_491_648


def test_matrices_of_experts_that_do_nothing_are_not_active() -> None:
    # All parameters, without those that transformers keeps for 256 zero-compute experts in 28 layers, 2 · 6,144 · 2,048
    # each, and without 504 of 512 experts of 3 · 6,144 · 2,048: of 12 chosen among 768, 4 are zero-compute on average.
    # 27,954,796,544, published as 27B on average (arXiv:2509.01322, abstract).
    idle = 28 * (256 * 2 + 504 * 3) * 6_144 * 2_048
    assert frames()["model"].loc["longcat-flash", "n_params_active"] == 741_053_585_408 - idle


def test_the_cache_of_all_layers_is_that_of_their_groups() -> None:
    groups = frames()["layer_group"].groupby("model")["n_group_cache_values"].sum()
    assert frames()["model"]["kv_cache_values_per_token"].to_dict() == groups.to_dict()


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_rwkv_is_refused_by_name(name: str) -> None:
    with pytest.raises(SpecError, match=r"^model_type: 'rwkv' is an RWKV network; "):
        to_inputs(TRUTH[name]["config"])


@pytest.fixture(scope="module")
def live() -> Prepared:
    models = {name.rpartition("--")[2].lower(): to_inputs(TRUTH[name]["config"]) for name in LIVE}
    spec = {"version": 1, "context_lengths": [4096], "models": models}
    return prepare("mechanisms of 2026", spec, compute(spec), 2)


@pytest.mark.parametrize("engine", ["IronCalc", pytest.param("LibreOffice", marks=pytest.mark.libreoffice)])
def test_live_workbooks_of_every_mechanism_agree_with_pandas_before_and_after_edits(
    engine: str, live: Prepared
) -> None:
    outcome = against(live, {engine: 2})
    assert (outcome.n_edits, outcome.mismatches) == (2, [])


# Other sizes --------------------------------------------------------------------------------------------------------

# torch 2.13.0 and transformers 5.24.0, see `made_with`: each type by its defaults and with one key changed.
CHANGED = json.loads((FILE.parent / "variations.json").read_text(encoding="utf-8"))["models"]


def test_other_sizes_and_switches_have_the_parameters_that_transformers_counts() -> None:
    models = {f"{at}": to_inputs(model["config"]) for at, model in enumerate(CHANGED)}
    counts = frames_of({"version": 1, "context_lengths": [CONTEXT], "models": models})["model"]["n_params"]
    wrong = [
        (model["config"]["model_type"], model["changed"], int(counts[f"{at}"]), model["n_params"])
        for at, model in enumerate(CHANGED)
        if int(counts[f"{at}"]) != model["n_params"]
    ]
    assert wrong == []
