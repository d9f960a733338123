"""`flopsheet import`: what transformers counts, and the text of the spec."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flopsheet.importers.huggingface import families, to_inputs, to_spec
from flopsheet.yamlio import source
from studies import frames_of
from test_models_2026 import CHANGED
from test_models_2026 import TRUTH as MODELS_2026

HERE = Path(__file__).parent

# torch 2.13.0 and transformers 5.23.0: parameters of models instantiated on the meta
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


def computed(models: dict[str, dict[str, Any]], contexts: list[int]) -> dict[str, pd.DataFrame]:
    """All these models in one study, counted as PyTorch counts them."""
    conventions = {"attention_pairs": "full", "sliding_window": "ignored", "active_params": "with_embedding"}
    spec = {"version": 1, "context_lengths": contexts, "kv_cache": "bf16", "conventions": conventions, "models": models}
    return frames_of(spec)


@cache
def frames() -> dict[str, pd.DataFrame]:
    return computed({name: imported(model["hf_config"]) for name, model in TRUTH.items()}, CONTEXTS)


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
    counted = {length: {part: int(rows.loc[int(length), metric]) for part, metric in FLOPS.items()} for length in truth}
    assert {length: {part: flops for part, flops in row.items() if flops} for length, row in counted.items()} == truth


def test_the_cache_keeps_keys_and_values_of_the_window_or_the_latent() -> None:
    models = {name: imported(model["hf_config"]) for name, model in TRUTH.items()}
    # The truth counts GPT-Neo's local layers as global ones in the cache.
    del models["gpt-neo-125m"]["layers"]
    models["gpt-neo-125m"]["n_layers"] = 12
    cache = computed(models, CONTEXTS)["scenario"]["kv_cache_bytes"]
    assert {
        name: {length: int(cache[name, int(length)]) for length in model["kv_bytes_bf16_by_context"]}
        for name, model in TRUTH.items()
    } == {name: model["kv_bytes_bf16_by_context"] for name, model in TRUTH.items()}


# Other models -------------------------------------------------------------------------------------------------------

# Other sizes and every switch of the same families, and each family by its defaults alone; `made_with` says how.
MORE = json.loads((HERE / "truth" / "more_models.json").read_text(encoding="utf-8"))["models"]


@cache
def more_frames() -> dict[str, pd.DataFrame]:
    return computed({model["name"]: imported(model["config"]) for model in MORE}, [16])


def test_other_sizes_and_switches_and_defaults_have_the_parameters_that_transformers_counts() -> None:
    found = more_frames()["model"].astype({"n_params": int})
    experts = (found["n_params_routed_experts"] + found["n_params_routed_experts_bias"]).astype(int)
    assert {name: (found.loc[name, "n_params"], experts[name]) for name in found.index} == {
        model["name"]: (model["params_total"], model["routed_experts"]) for model in MORE
    }


def test_every_layer_has_the_window_that_transformers_gives_it() -> None:
    groups = more_frames()["layer_group"].reset_index()
    counted = groups.groupby(["model", "window"])["n_group_layers"].sum().astype(int)
    assert {
        name: {str(int(window)): layers for window, layers in counted[name].items()}
        for name in groups["model"].unique()
    } == {model["name"]: model["layers_by_window"] for model in MORE}


def test_small_models_that_torch_can_run_have_the_flops_that_it_counts() -> None:
    flops = more_frames()["scenario"]["flops_forward"]
    ran = [model for model in MORE if "forward_flops" in model]
    assert {model["name"]: {"16": int(flops[model["name"], 16])} for model in ran} == {
        model["name"]: model["forward_flops"] for model in ran
    }


# transformers 5.24.0 makes neither by its defaults: like gemma4_unified_assistant, and like cohere2.
UNTRIED = {"gemma4_assistant_text", "cohere_compass_text"}


def test_every_model_type_is_tried() -> None:
    families_by_type = families.load_families().by_type
    tried = {model["config"]["model_type"] for model in [*MORE, *MODELS_2026.values(), *CHANGED]}
    tried |= {text.model_type for name in tried if name in families_by_type and (text := families_by_type[name].text)}
    tried |= {model["config"].get("text_config", {}).get("model_type") for model in MODELS_2026.values()}
    assert {name for name, family in families_by_type.items() if not family.text} - tried == UNTRIED


def test_every_model_type_imports_from_its_defaults_alone() -> None:
    # These have no default for their experts, or need heads that divide.
    more = {"deepseek_v2": {"num_experts_per_tok": 6}, "dots1": {"num_experts_per_tok": 6, "n_routed_experts": 64}}
    more["dots1"] |= {"num_attention_heads": 36, "num_key_value_heads": 36}
    known = families.load_families().by_type

    def config(name: str) -> dict[str, Any]:
        text = known[name].text
        return {"model_type": name} | ({text.mapping: config(text.model_type)} if text else more.get(name, {}))

    models = {name: to_inputs(config(name)) for name in known}
    assert len(computed(models, [16])["model"]) == len(known)


# Gemma-3-4B as the hub has it: the language model inside, most of it left to transformers' defaults.
GEMMA3 = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "image_token_index": 262144,
    "mm_tokens_per_image": 256,
    "model_type": "gemma3",
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 1024,
    },
    "torch_dtype": "bfloat16",
    "vision_config": {"hidden_size": 1152, "model_type": "siglip_vision_model", "num_hidden_layers": 27},
}


def test_a_model_with_a_vision_tower_gives_its_language_model() -> None:
    assert to_inputs(GEMMA3) == to_inputs(TRUTH["gemma-3-4b-text"]["hf_config"])


def test_the_router_correction_of_deepseek_is_a_buffer_and_no_parameter() -> None:
    # 671,026,419,200 is the published figure; 58 layers with 256 experts.
    assert int(frames()["model"].loc["deepseek-v3", "n_params"]) == 671_026_419_200 - 58 * 256


# The text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("llama-3-70b", TRUTH["llama-3-70b"]["hf_config"] | {"torch_dtype": "bfloat16"}),
        (
            "deepseek-v3",
            TRUTH["deepseek-v3"]["hf_config"] | {"torch_dtype": "bfloat16", "quantization_config": {"a": 1}},
        ),
        ("gemma-3-4b", GEMMA3),
        ("qwen3.5-35b-a3b", MODELS_2026["Qwen--Qwen3.5-35B-A3B"]["config"]),
        ("glm-5.2-fp8", MODELS_2026["zai-org--GLM-5.2-FP8"]["config"]),
        ("zamba2-1.2b", MODELS_2026["zamba2-1.2b"]["config"]),
    ],
)
def test_the_spec_reads_well(name: str, config: dict[str, Any], golden: Any) -> None:
    golden(f"import-{name}.yaml", to_spec(config, name))


# Every configuration of the tests that imports, and JetMoE with inputs that fill a line to its end.
ALL = [
    *(model["hf_config"] for model in TRUTH.values()),
    *(model["config"] for model in [*MORE, *CHANGED]),
    *(model["config"] for model in MODELS_2026.values() if model["config"]["model_type"] != "rwkv"),
    {"model_type": "jetmoe", "num_hidden_layers": 4, "num_experts_per_tok": 3, "tie_word_embeddings": False},
]


@pytest.mark.parametrize("part", range(4))
def test_a_spec_and_the_inputs_alone_say_the_same(part: int) -> None:
    configs = ALL[part::4]
    assert [imported(config) for config in configs] == [to_inputs(config) for config in configs]


def test_a_line_of_a_spec_ends_between_two_inputs_and_not_in_a_note() -> None:
    config = {"model_type": "gemma3n_text", "hidden_size": 2048}
    assert [line for line in to_spec(config, "m").splitlines() if "AltUp" in line] == [
        '    other_params: {note: "AltUp (coefficients, router, scale) and LAuReL (two thin matrices)", params: 2048,',
        '    other_model_params: {note: "AltUp: projections into and out of the further streams", weights: 25165824},',
    ]


@pytest.mark.parametrize("name", ["1b", "yes", "null", "a b", "naïve", "gpt2-xl", "a: b", "it's", 'a"b', "#1", "1e5"])
def test_any_name_that_a_spec_may_have_is_read_back(name: str) -> None:
    data: Any = source.parse(to_spec({"model_type": "gpt2"}, name), "s.yaml").data
    assert list(data["models"]) == [name]
