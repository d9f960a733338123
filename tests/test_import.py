"""`flopsheet import`: what transformers counts, the text of the spec, and what is refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flopsheet.diagnostics import SpecError
from flopsheet.importers.huggingface import families, to_inputs, to_spec
from flopsheet.yamlio import source
from studies import frames_of
from test_cli import run
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


def test_a_spec_and_the_inputs_alone_say_the_same() -> None:
    configs = [model["hf_config"] for model in TRUTH.values()] + [model["config"] for model in MORE]
    assert [imported(config) for config in configs] == [to_inputs(config) for config in configs]


@pytest.mark.parametrize("name", ["1b", "yes", "null", "a b", "naïve", "gpt2-xl", "a: b", "it's", 'a"b', "#1", "1e5"])
def test_any_name_that_a_spec_may_have_is_read_back(name: str) -> None:
    data: Any = source.parse(to_spec({"model_type": "gpt2"}, name), "s.yaml").data
    assert list(data["models"]) == [name]


# Refusals -----------------------------------------------------------------------------------------------------------

LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
V2 = {"model_type": "deepseek_v2", "num_experts_per_tok": 6}
NEO = {"model_type": "gpt_neo", "num_layers": 4}
MOE = {"model_type": "qwen2_moe"}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "model_type: is missing; give a config.json as Hugging Face transformers writes it"),
    ({"model_type": 3}, "model_type: 3 is not a text; give a config.json as Hugging Face transformers writes it"),
    # keys
    (
        LLAMA | {"n_memory_tokens": 4},
        "n_memory_tokens: not understood for model_type llama; remove it if it changes no count",
    ),
    (
        LLAMA | {"num_hidden_layer": 4},
        "num_hidden_layer: not understood for model_type llama; "
        "did you mean 'num_hidden_layers'? If not, remove it if it changes no count",
    ),
    (
        LLAMA | {"per_layer_config": {}},
        "per_layer_config: not understood for model_type llama; remove it if it changes no count",
    ),
    (
        LLAMA | {"sliding_window": 512},
        "sliding_window: 512 may change a count and is not understood; only null is",
    ),
    (
        LLAMA | {"is_encoder_decoder": True},
        "is_encoder_decoder: true may change a count and is not understood; only false is",
    ),
    (
        {"model_type": "mpt", "attn_config": {"qk_ln": True}},
        "attn_config.qk_ln: true may change a count and is not understood; only false is",
    ),
    (
        {"model_type": "mpt", "expansion_ratio": 2},
        "expansion_ratio: 2 may change a count and is not understood; only 4 is",
    ),
    ({"model_type": "mpt", "attn_config": 8}, "attn_config: 8 stands where a mapping should; write {key: value}"),
    (V2 | {"moe_layer_freq": 2}, "moe_layer_freq: 2 may change a count and is not understood; only 1 is"),
    ({"model_type": "deepseek_v2"}, "num_experts_per_tok: is missing; write it: model_type deepseek_v2 has no default"),
    (
        LLAMA | {"architectures": ["LlamaForSequenceClassification"]},
        "architectures: 'LlamaForSequenceClassification' is not known to have the head of a language model; known are "
        "names that end in ForCausalLM, LMHeadModel, ForConditionalGeneration; remove it if this is one",
    ),
    # values
    (LLAMA | {"hidden_size": "64"}, "hidden_size: '64' is not a number; remove the quotes"),
    (LLAMA | {"hidden_size": None}, "hidden_size: nothing is not a number; write a whole number"),
    (LLAMA | {"hidden_size": 64.5}, "hidden_size: 64.5 is not a whole number; write 64 or 65"),
    (LLAMA | {"hidden_size": -64}, "hidden_size: -64 is out of range; write 1 or more"),
    (LLAMA | {"num_hidden_layers": 10**9}, "num_hidden_layers: 1,000,000,000 is out of range; write 1 to 10,000"),
    (LLAMA | {"attention_bias": 1}, "attention_bias: 1 is neither true nor false; write true or false"),
    (
        LLAMA | {"torch_dtype": "float61"},
        "torch_dtype: 'float61' is not a choice; did you mean 'float16'? "
        "choices: float32, bfloat16, float16, float8_e4m3fn, float8_e5m2, int8",
    ),
    (
        {"model_type": "gpt2", "n_embd": 768, "hidden_size": 96},
        "hidden_size: differs from n_embd, which says the same thing; keep one of the two",
    ),
    # rules between keys
    (
        LLAMA | {"num_key_value_heads": 3},
        "num_key_value_heads: 3 does not divide num_attention_heads 4; write one of 1, 2, 4",
    ),
    (LLAMA | {"hidden_size": 2}, "num_attention_heads: 4 does not divide hidden_size 2; write one of 1, 2"),
    (
        {"model_type": "gpt2", "n_embd": 100, "n_head": 12},
        "n_head: 12 does not divide n_embd 100; write one of 4, 5, 10, 20",
    ),
    (
        MOE | {"num_experts": 4, "num_experts_per_tok": 5},
        "num_experts_per_tok: 5 is more than num_experts 4; write at most 4",
    ),
    # layers
    (
        {"model_type": "gemma2", "num_hidden_layers": 3, "layer_types": ["full_attention", "sliding_attention"]},
        "layer_types: the list has 2 entries, the model 3 layers; write one for each layer",
    ),
    (
        {"model_type": "qwen3", "num_hidden_layers": 2, "layer_types": ["full_attention", "linear_attention"]},
        "layer_types[1]: 'linear_attention' is not a choice; did you mean 'sliding_attention'? "
        "choices: full_attention, sliding_attention, attention",
    ),
    (
        MOE | {"mlp_only_layers": 3},
        "mlp_only_layers: 3 is not a list of layer numbers; write whole numbers, 0 for the first layer",
    ),
    (
        NEO | {"attention_types": [["global", 4]]},
        'attention_types: this is not a list of patterns and how often each stands; write [[["global", "local"], 12]]',
    ),
    (NEO, "attention_layers: the list has 24 entries, the model 4 layers; write one for each layer"),
    (
        NEO | {"attention_types": [[["global"], 4]], "attention_layers": ["local"] * 4},
        "attention_layers: differs from attention_types, which says the same thing; keep one of the two",
    ),
    (
        {"model_type": "nemotron_h", "hybrid_override_pattern": ""},
        "hybrid_override_pattern: is empty; write one item for each layer",
    ),
    # several models in one
    ({"model_type": "gemma3"}, "text_config: nothing stands where a mapping should; write {key: value}"),
    (
        {"model_type": "gemma3", "text_config": {"model_type": "llama"}},
        "text_config.model_type: 'llama' may change a count and is not understood; only 'gemma3_text' is",
    ),
    (
        {"model_type": "mistral3", "text_config": {"model_type": ["llama"]}},
        "text_config.model_type: '['llama']' may change a count and is not understood; only 'mistral' is",
    ),
    # all at once
    (
        LLAMA | {"hidden_size": 0, "n_memory_tokens": 4},
        "n_memory_tokens: not understood for model_type llama; remove it if it changes no count\n"
        "hidden_size: 0 is out of range; write 1 or more",
    ),
]


@pytest.mark.parametrize(("config", "message"), REFUSED, ids=lambda value: value[:60] if isinstance(value, str) else "")
def test_what_may_change_a_count_and_is_not_understood_is_refused_by_name(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as raised:
        to_spec(config, "model")
    assert str(raised.value) == message


def test_an_unknown_model_type_is_told_with_those_that_are_known() -> None:
    with pytest.raises(SpecError) as raised:
        to_spec(LLAMA | {"model_type": "llamma"}, "model")
    assert str(raised.value) == (
        f"model_type: 'llamma' is not known; did you mean 'llama'? {len(families.load_families().by_type)} are known, "
        "see 'flopsheet list model-types'"
    )


# The command --------------------------------------------------------------------------------------------------------


def test_the_command_prints_a_spec_that_the_other_commands_take(tmp_path: Path) -> None:
    folder = tmp_path / "tiny-llama"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA), encoding="utf-8")
    printed = run("import", str(folder / "config.json"))
    assert printed.stdout == to_spec(LLAMA, "tiny-llama")
    assert run("validate", "-", stdin=printed.stdout).stdout == "-: valid\n"


def test_the_command_reads_stdin_and_takes_a_name() -> None:
    done = run("import", "-", "--name", "mine", stdin=json.dumps(LLAMA))
    assert (done.returncode, done.stdout, done.stderr) == (0, to_spec(LLAMA, "mine"), "")


def test_the_command_overwrites_nothing_unless_it_is_told_to(tmp_path: Path) -> None:
    target = tmp_path / "s.yaml"
    target.write_text("mine", encoding="utf-8")
    kept = run("import", "-", "-o", str(target), stdin=json.dumps(LLAMA))
    assert (kept.returncode, kept.stdout, kept.stderr, target.read_text(encoding="utf-8")) == (
        2, "", f"'{target}' exists already; choose another file with -o, or add --force\n", "mine",
    )  # fmt: skip
    done = run("import", "-", "-o", str(target), "--force", stdin=json.dumps(LLAMA))
    assert (done.returncode, done.stdout, target.read_text(encoding="utf-8")) == (
        0, f"{target}: written; 'flopsheet build {target}' makes its workbook\n", to_spec(LLAMA, "llama"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", 1, "<stdin>:1:1: this is not JSON (expecting value); give the config.json of a model\n"),
        (
            '{"a": 1,\n "b" 2}', 1,
            "<stdin>:2:6: this is not JSON (expecting ':' delimiter); give the config.json of a model\n"
            '     "b" 2}\n         ^\n',
        ),
        ("[1]", 1, "'<stdin>' is no configuration: it holds a list, not an object; give the config.json of a model\n"),
        ('{"a": NaN}', 1, "'<stdin>' is no configuration: NaN is no number; give the config.json of a model\n"),
        ('{"a": 1, "a": 2}', 1, "'<stdin>' says 'a' twice; keep one of the two\n"),
        (
            "[" * 100_000, 1,
            "'<stdin>' is no configuration: its lists and objects are nested too deep; "
            "give the config.json of a model\n",
        ),
        ('{"model_type": "gpt5", "x": 1}', 1, None),
    ],
)  # fmt: skip
def test_what_is_no_configuration_is_told_without_a_traceback(text: str, code: int, message: str | None) -> None:
    done = run("import", "-", stdin=text)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (code, "", False)
    assert message is None or done.stderr == message


def test_a_missing_file_is_told_with_its_name() -> None:
    done = run("import", "no/config.json")
    assert (done.returncode, done.stderr) == (
        2,
        "cannot read 'no/config.json': no such file or directory; check the path\n",
    )


def test_a_name_that_a_spreadsheet_reads_as_a_pattern_is_refused() -> None:
    done = run("import", "-", "--name", "a*b", stdin=json.dumps(LLAMA))
    assert (done.returncode, done.stderr) == (
        1, "name: 'a*b' holds '*', which a spreadsheet reads as a pattern; choose another name\n",
    )  # fmt: skip
