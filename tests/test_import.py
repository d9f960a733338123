"""`flopsheet import`: what transformers counts, the text of the spec, and what is refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flopsheet import source
from flopsheet.errors import SpecError
from flopsheet.huggingface import to_inputs, to_spec
from studies import frames_of

HERE = Path(__file__).parent
# torch 2.13.0 and transformers 5.23.0 (see /work/shared/truth/README.md): parameters of models instantiated on the meta
# device, torch's flop counter with full S × S attention in every layer, caches with window layers keeping min(S, W).
TRUTH = {model["name"]: model for model in json.loads((HERE / "truth" / "models.json").read_text(encoding="utf-8"))}
CONTEXTS = [128, 1024, 4096, 8192, 32768, 131072]

PARAMETERS = {
    "token_embedding": ["n_params_token_embedding", "n_params_embedding_projection"],
    "position_embedding": ["n_params_position_embedding"],
    "attention_weights": ["n_params_attention"],
    "attention_bias": ["n_params_attention_bias"],
    "attention_sinks": ["n_params_attention_sinks"],
    "norms_in_attention": ["n_params_attention_norms"],
    "norms": ["n_params_layer_norms_all", "n_params_final_norm", "n_params_embedding_norm"],
    "ffn_dense": ["n_params_ffn"],
    "ffn_dense_bias": ["n_params_ffn_bias"],
    "routed_experts": ["n_params_routed_experts"],
    "routed_experts_bias": ["n_params_routed_experts_bias"],
    "shared_experts": ["n_params_shared_experts"],
    "shared_expert_gate": ["n_params_shared_expert_gate"],
    "router": ["n_params_router"],
    "router_bias": ["n_params_router_bias"],
    "lm_head": ["n_params_lm_head"],
    "lm_head_bias": ["n_params_lm_head_bias"],
}
FLOPS = {
    "total": "flops_forward",
    "attention_projections": "flops_attention_projections",
    "attention_scores_values": "flops_attention_scores",
    "ffn_dense": "flops_ffn_dense",
    "routed_experts": "flops_routed_experts",
    "shared_experts": "flops_shared_experts",
    "shared_expert_gate": "flops_shared_expert_gate",
    "router": "flops_router",
    "lm_head": "flops_lm_head",
}


def imported(config: dict[str, Any]) -> dict[str, Any]:
    """The model of an imported spec, as its YAML says it."""
    data: Any = source.parse(to_spec(config, "model"), "model.yaml").data
    return dict(data["models"]["model"])


def computed(models: dict[str, dict[str, Any]]) -> dict[str, pd.DataFrame]:
    """All these models in one study, counted as PyTorch counts them."""
    conventions = {"attention_pairs": "full", "sliding_window": "ignored", "active_params": "with_embedding"}
    spec = {"version": 1, "context_lengths": CONTEXTS, "kv_cache": "bf16", "conventions": conventions, "models": models}
    return frames_of(spec)


@cache
def frames() -> dict[str, pd.DataFrame]:
    return computed({name: imported(model["hf_config"]) for name, model in TRUTH.items()})


def parts(row: pd.Series) -> dict[str, int]:
    """The components that a model has, by the names of the truth files."""
    counted = {part: int(row[metrics].sum()) for part, metrics in PARAMETERS.items()}
    return {part: count for part, count in counted.items() if count}


def test_all_57_models_have_the_parameters_that_transformers_counts() -> None:
    assert frames()["model"]["n_params"].astype(int).to_dict() == {
        name: model["params_total"] for name, model in TRUTH.items()
    }


@pytest.mark.parametrize("name", TRUTH)
def test_every_component_has_the_parameters_that_transformers_counts(name: str) -> None:
    assert parts(frames()["model"].loc[name]) == TRUTH[name]["params_by_component"]


def test_the_active_parameters_leave_out_the_experts_that_a_token_skips() -> None:
    assert frames()["model"]["n_params_active"].astype(int).to_dict() == {
        name: model["active_params"] for name, model in TRUTH.items()
    }


@pytest.mark.parametrize("name", TRUTH)
def test_every_component_has_the_flops_that_torch_counts(name: str) -> None:
    rows = frames()["scenario"].loc[name]
    truth = TRUTH[name]["forward_flops"]
    counted = {
        length: {part: int(rows.loc[int(length), metric]) for part, metric in FLOPS.items()} for length in truth
    }
    assert {
        length: {part: flops for part, flops in row.items() if flops} for length, row in counted.items()
    } == truth


def test_the_cache_keeps_keys_and_values_of_the_window_or_the_latent() -> None:
    models = {name: imported(model["hf_config"]) for name, model in TRUTH.items()}
    # The truth counts GPT-Neo's local layers as global ones in the cache.
    del models["gpt-neo-125m"]["layers"]
    models["gpt-neo-125m"]["n_layers"] = 12
    cache = computed(models)["scenario"]["kv_cache_bytes"]
    assert {
        name: {length: int(cache[name, int(length)]) for length in model["kv_bytes_bf16_by_context"]}
        for name, model in TRUTH.items()
    } == {name: model["kv_bytes_bf16_by_context"] for name, model in TRUTH.items()}
