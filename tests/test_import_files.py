"""What real files hold beside sizes: harmless keys, formats, stretched contexts, several models in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from flopsheet.diagnostics import SpecError
from flopsheet.diagnostics.imports import mistyped
from flopsheet.importers.huggingface import families, to_inputs, to_spec
from studies import frames_of
from test_cli import run
from test_import import TRUTH

LLAMA = TRUTH["llama-3-70b"]["hf_config"]
QWEN3_MOE = TRUTH["qwen3-30b-a3b"]["hf_config"]
PHI = TRUTH["phi-1.5"]["hf_config"]
DEEPSEEK = TRUTH["deepseek-v3"]["hf_config"]

HARMLESS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (QWEN3_MOE, {"qkv_bias": False, "use_qk_norm": True, "shared_expert_intermediate_size": 0}),
    (PHI, {"attention_bias": False}),
    (LLAMA, {"internal_version": 1, "quantization": {"group_size": 64, "bits": 4}, "neftune_noise_alpha": 5.0}),
    (LLAMA, {"transformers.js_config": {"dtype": "q4"}, "use_flash_attention_2": True, "kv_cache_dtype": "fp8"}),
    (LLAMA, {"tokenizer_vocab_size": 128256, "tokenizer_padding_side": "left", "pad_token": "x", "bos_token": "y"}),
    (LLAMA, {"bias": False, "layer_types": ["full_attention"] * 80}),
]


@pytest.mark.parametrize(("config", "keys"), HARMLESS, ids=lambda value: next(iter(value)))
def test_keys_of_real_files_that_change_no_count_pass(config: dict[str, Any], keys: dict[str, Any]) -> None:
    assert to_inputs({**config, **keys}) == to_inputs(config)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("bias", True, "bias: true is not supported, since it may change a count; only false is"),
        ("qkv_bias", True, "qkv_bias: true is not supported, since it may change a count; only false is"),
        (
            "layer_types",
            ["linear_attention"],
            "layer_types: a list is not supported, since it may change a count; only null is",
        ),
    ],
)
def test_the_same_keys_are_refused_where_they_change_a_count(key: str, value: Any, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        to_inputs({**LLAMA, key: value})
    assert str(raised.value) == message


def test_infinity_stands_in_files_of_state_space_models() -> None:
    text = '{"model_type": "llama", "time_step_limit": [0.0, Infinity], "hidden_size": 64}'
    done = run("import", "-", "--ignore-key", "time_step_limit", stdin=text)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_of_quantised_modules_one_by_one_may_be_2_4_mb(tmp_path: Path) -> None:
    modules = {
        f"model.layers.{layer}.mlp.experts.{expert}": {"bits": 4} for layer in range(61) for expert in range(700)
    }
    config = {
        **LLAMA,
        "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128, "modules": modules},
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    done = run("import", str(path), "--name", "big")
    assert (path.stat().st_size > 2.4e6, done.returncode, done.stderr) == (True, 0, "")


def test_a_script_that_knows_better_names_keys_to_leave_aside() -> None:
    config = json.dumps({**LLAMA, "n_memory_tokens": 4, "clip": 8.0})
    refused = run("import", "-", "--ignore-key", "clip", stdin=config)
    taken = run("import", "-", "--name", "m", "--ignore-key", "clip", "--ignore-key", "n_memory_tokens", stdin=config)
    assert (refused.returncode, refused.stderr) == (
        1,
        "<stdin>: n_memory_tokens: not supported for model_type llama; if it changes no count, leave it aside with "
        "--ignore-key n_memory_tokens\n",
    )
    assert "\n# Keys ignored on request: clip, n_memory_tokens.\n" in taken.stdout


def test_a_key_of_single_layers_is_left_aside_by_the_name_that_its_message_has() -> None:
    config = {"model_type": "gemma4_text", "per_layer_config": {"0": {"clip": 8}}}
    key = "per_layer_config.clip"
    refused = run("import", "-", stdin=json.dumps(config)).stderr
    taken = run("import", "-", "--ignore-key", key, stdin=json.dumps(config))
    assert (refused.endswith(f"--ignore-key {key}\n"), taken.returncode, taken.stderr) == (True, 0, "")


# Model types --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("llamma", "llama"),
        ("lama", "llama"),
        ("qwen3_meo", "qwen3_moe"),
        ("Mistral", "mistral"),
        ("deepseek-v3", "deepseek_v3"),
        ("qwen3_vl_txt", "qwen3_vl_text"),
        # What is added is another architecture, and so is another digit.
        ("llama_vl_text", None),
        ("llama_vl", None),
        ("qwen4_moe", None),
        ("llama5", None),
        ("qwen3_next_moe", None),
        ("gemma5", None),
        ("whatever", None),
        # Other architectures by names of their own.
        *((name, None) for name in ("mimo", "ouro", "yi", "blt", "cpm", "Dream", "llada", "mllama", "internlm")),
    ],
)
def test_a_hint_for_a_model_type_is_for_typing_errors_only(name: str, known: str | None) -> None:
    assert mistyped(name, sorted(families.load_families().by_type)) == known


def test_a_file_without_a_word_of_experts_gets_none_from_defaults() -> None:
    config = {"model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 28, "intermediate_size": 6144}
    with pytest.raises(SpecError) as raised:
        to_inputs(config)
    assert str(raised.value) == (
        "num_experts: is missing, and the file does not mention experts, although model_type qwen3_moe has them; "
        "write it, or check the model_type"
    )


# Several models in one ----------------------------------------------------------------------------------------------

QWEN3_VL = {
    "model_type": "qwen3_vl",
    "vision_config": {"depth": 24},
    "text_config": {"model_type": "qwen3_vl_text", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2},
}


@pytest.mark.parametrize(
    ("outer", "inner", "tied"),
    [
        ({"tie_word_embeddings": False}, {}, False),
        ({"tie_word_embeddings": True}, {}, True),
        ({"tie_word_embeddings": False}, {"tie_word_embeddings": True}, False),
        ({}, {"tie_word_embeddings": True}, False),  # as transformers has it by default
        ({}, {}, False),
    ],
)
def test_the_tie_of_the_head_is_that_of_the_outer_file(outer: Any, inner: Any, tied: bool) -> None:
    config = {**QWEN3_VL, **outer, "text_config": {**QWEN3_VL["text_config"], **inner}}  # type: ignore[dict-item]
    assert to_inputs(config).get("tie_embeddings", False) is tied


# transformers 5.24.0, Mistral3Config and InternVLConfig: `tie_word_embeddings: bool = True` outside, and the inner one
# is not read; LlavaConfig takes over that of the inner configuration where it is true.
TIES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("mistral3", {}, {}, "defaults are used: tie_word_embeddings true,"),
    ("mistral3", {"tie_word_embeddings": True}, {}, ""),
    ("lfm2_vl", {}, {}, "defaults are used: tie_word_embeddings true,"),
    (
        "internvl", {}, {"tie_word_embeddings": False},
        "tie_word_embeddings is false in text_config, which transformers passes over: true, its default, counts.",
    ),
    (
        "internvl", {"tie_word_embeddings": False}, {"tie_word_embeddings": True},
        "tie_word_embeddings is true in text_config, which transformers passes over: false counts.",
    ),
    (
        "llava", {"tie_word_embeddings": False}, {"tie_word_embeddings": True},
        "tie_word_embeddings is false outside, which transformers passes over: true counts.",
    ),
    ("llava", {}, {"tie_word_embeddings": True}, ""),
    ("qwen3_vl", {"tie_word_embeddings": False}, {}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("model_type", "outer", "inner", "remark"), TIES)
def test_a_tie_that_is_assumed_or_that_does_not_count_is_told(
    model_type: str, outer: dict[str, Any], inner: dict[str, Any], remark: str
) -> None:
    text = remarks_of(to_spec({"model_type": model_type, **outer, "text_config": inner}, "m"))
    assert (remark in text, "tie_word_embeddings" in text) == (True, bool(remark))


def test_the_spec_says_that_towers_are_left_out() -> None:
    assert "# The vision tower is left out: the language model alone.\n" in to_spec(QWEN3_VL, "m")


# Formats and contexts -----------------------------------------------------------------------------------------------

FORMATS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
        "{default: bf16, attention: fp8_block, ffn: fp8_block}",
        "The checkpoint is quantised: fp8 in blocks of 128 × 128. weights says the formats by part, scales included. "
        "Norms, embeddings and the head are kept in 16 bits.",
    ),
    (
        {"quant_method": "awq", "bits": 4, "group_size": 128},
        "{default: bf16, attention: int4_g128, ffn: int4_g128}",
        "The checkpoint is quantised: int4 (AWQ) in groups of 128. weights says the formats by part, scales included.",
    ),
    (
        {"quant_method": "modelopt", "quant_algo": "NVFP4", "group_size": 16, "ignore": ["a", "b", "c", "*self_attn*"]},
        "{default: bf16, ffn: nvfp4}",
        "The checkpoint is quantised: NVFP4 in groups of 16. weights says the formats by part, scales included. Left "
        "in 16 bits: a, b, c and 1 more.",
    ),
    (
        {"quant_method": "compressed-tensors", "config_groups": {"": {"weights": {"num_bits": 8, "type": "float"}}}},
        "{default: bf16, attention: fp8, ffn: fp8}",
        "The checkpoint is quantised: fp8 (compressed-tensors). weights says the formats by part, scales included.",
    ),
    (
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        "{default: bf16, attention: nf4, ffn: nf4}",
        "The checkpoint is quantised: nf4. weights says the formats by part, scales included.",
    ),
    (
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "modules_to_not_convert": ["re:.*mlp.*", "lm_head"]},
        "{default: bf16, attention: int4_g128}",
        "Left in 16 bits: re:.*mlp.*, lm_head.",
    ),
    (
        {"quantized_layers": {f"model.layers.{n}.mlp.up_proj": {"quant_algo": "MXFP8"} for n in range(3)},
         "quant_algo": "MIXED_PRECISION"},
        "{default: bf16, ffn: mxfp8}",
        "The checkpoint is quantised layer by layer; weights says the formats by part, scales included.",
    ),
]  # fmt: skip
# What the quantization_config of published files says, and the parts that it leaves in 16 bits.
QUANTISED = {
    "MiniMaxAI--MiniMax-M2.5": "{default: bf16, attention: fp8_block, experts: fp8_block}",
    "XiaomiMiMo--MiMo-V2-Flash": "{default: bf16, attention: fp8_block, ffn: fp8_block, experts: fp8_block}",
    "deepseek-ai--DeepSeek-V3.2": (
        "{default: bf16, attention: fp8_block, ffn: fp8_block, experts: fp8_block, shared_experts: fp8_block}"
    ),
    "deepseek-ai--DeepSeek-V4-Flash": (
        "{default: bf16, attention: fp8_block, experts: mxfp4, shared_experts: fp8_block}"
    ),
    "mistralai--Devstral-Small-2-24B-Instruct": "{default: bf16, attention: fp8, ffn: fp8}",
    "moonshotai--Kimi-K2.5": "{default: bf16, experts: q4_0}",  # int4 with a 16-bit scale for 32 values: 18 bytes
    "zai-org--GLM-5.2-FP8": (
        "\n  default: bf16\n  attention: fp8_block\n  index_head_weights: bf16\n  ffn: fp8_block\n"
        "  experts: fp8_block\n  shared_experts: fp8_block"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", QUANTISED)
def test_a_published_file_gives_its_formats_by_part(name: str) -> None:
    models = json.loads((Path(__file__).parent / "truth" / "models_2026.json").read_text("utf-8"))["models"]
    [config] = [model["config"] for model in models if model["name"] == name]
    assert f"\nweights: {QUANTISED[name]}\n" in to_spec(config, "m").replace("weights:\n", "weights: \n")


def test_gpt_oss_comes_with_the_bytes_of_its_checkpoint() -> None:
    # openai/gpt-oss-20b: config.json, and 13,761,264,768 bytes of tensors in its model.safetensors.
    config = TRUTH["gpt-oss-20b"]["hf_config"]
    kept = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    said = {"quant_method": "mxfp4", "modules_to_not_convert": kept}
    spec = to_spec({**config, "torch_dtype": "bfloat16", "quantization_config": said}, "m")
    assert frames_of(yaml.safe_load(spec))["model"]["weight_bytes"].item() == 13_761_264_768


def remarks_of(spec: str) -> str:
    return " ".join(line.removeprefix("# ") for line in spec.splitlines() if line.startswith("#"))


@pytest.mark.parametrize(("said", "weights", "remark"), FORMATS, ids=lambda value: str(value)[:24])
def test_a_quantised_checkpoint_gives_its_format_and_says_what_it_leaves_out(
    said: dict[str, Any], weights: str, remark: str
) -> None:
    spec = to_spec({**LLAMA, "torch_dtype": "bfloat16", "quantization_config": said}, "m")
    assert (f"\nweights: {weights}\n" in spec, remark in remarks_of(spec)) == (True, True)


@pytest.mark.parametrize(
    ("said", "remark"),
    [
        (
            {"rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096}},
            "Contexts beyond 4,096 tokens are stretched by YaRN (factor 40), up to 163,840; the file says 8,192.",
        ),
        (
            {"rope_parameters": {"full": {"rope_type": "yarn", "factor": 2, "original_max_position_embeddings": 4096}}},
            "Contexts beyond 4,096 tokens are stretched by YaRN (factor 2), up to 8,192.",
        ),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}},
         "Contexts are stretched by linear scaling (factor 4); the file says 8,192 tokens."),
        ({"rope_scaling": None}, ""),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}, ""),
    ],
)  # fmt: skip
def test_the_longest_context_of_a_stretched_model_says_that_it_is_stretched(said: dict[str, Any], remark: str) -> None:
    text = remarks_of(to_spec({**LLAMA, **said}, "m"))
    assert (remark in text, "stretched" in text) == (True, bool(remark))


@pytest.mark.parametrize(
    ("said", "remark"),
    [
        (131072, "model_max_length says 131,072 tokens; the longest context is the 8,192 of the model's positions."),
        (8192, ""),
        (None, ""),
        (10**30, ""),  # as tokenizers write that there is no limit
    ],
)
def test_a_length_beyond_the_longest_context_is_told(said: int | None, remark: str) -> None:
    # Command R+: max_position_embeddings 8192 beside model_max_length 131072
    text = remarks_of(to_spec({"model_type": "cohere", "max_position_embeddings": 8192, "model_max_length": said}, "m"))
    assert (remark in text, "model_max_length" in text) == (True, bool(remark))


@pytest.mark.parametrize("model_type", ["qwen2", "qwen2_moe", "qwen3", "qwen3_moe"])
def test_attention_that_may_be_chunked_or_sparse_is_told(model_type: str) -> None:
    # Qwen2.5-14B-Instruct-1M and Qwen3-30B-A3B-Instruct-2507 with 1M tokens; transformers 5.24.0 does not read the key
    chunked = {"model_type": model_type, "dual_chunk_attention_config": {"chunk_size": 262144, "local_size": 8192}}
    remark = (
        "Servers that follow dual_chunk_attention_config may attend in chunks, or sparsely; full attention is counted."
    )
    assert (to_inputs(chunked), remark in remarks_of(to_spec(chunked, "m"))) == (
        to_inputs({"model_type": model_type}), True,
    )  # fmt: skip


def test_layers_for_further_tokens_are_named_with_how_to_count_them() -> None:
    assert "`n_mtp_layers: 1` counts it" in remarks_of(to_spec({**DEEPSEEK, "num_nextn_predict_layers": 1}, "m"))


# Qwen2.5-VL's file before transformers 5, the sizes of the language model outside: those of Qwen2.5-7B, of which
# transformers counts 7,615,616,512 parameters.
FLAT = {
    "model_type": "qwen2_5_vl",
    "vision_config": {"depth": 32},
    "image_token_id": 151655,
    "vision_start_token_id": 151652,
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_window_layers": 28,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
}


def test_an_older_file_with_the_sizes_of_the_language_model_outside_is_read() -> None:
    study = {"version": 1, "context_lengths": [1024], "models": {"m": to_inputs(FLAT)}}
    assert int(frames_of(study)["model"]["n_params"]["m"]) == 7_615_616_512


def test_a_pattern_written_as_letters_counts_its_letters() -> None:
    config = {"model_type": "exaone4", "num_hidden_layers": 8, "sliding_window": 16}
    assert to_inputs({**config, "sliding_window_pattern": "LLLG"}) == to_inputs({**config, "sliding_window_pattern": 4})
