"""`flopsheet import`: what it refuses by name, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flopsheet.diagnostics import SpecError
from flopsheet.importers.huggingface import families, to_spec
from test_cli import run

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
        "n_memory_tokens: not supported for model_type llama; if it changes no count, leave it aside with "
        "--ignore-key n_memory_tokens",
    ),
    (
        LLAMA | {"num_hidden_layer": 4},
        "num_hidden_layer: not supported for model_type llama; "
        "did you mean 'num_hidden_layers'? If not, and if it changes no count, leave it aside with "
        "--ignore-key num_hidden_layer",
    ),
    (
        LLAMA | {"per_layer_config": {}},
        "per_layer_config: not supported for model_type llama; if it changes no count, leave it aside with "
        "--ignore-key per_layer_config",
    ),
    (
        LLAMA | {"sliding_window": 512},
        "sliding_window: 512 is not supported, since it may change a count; only null is",
    ),
    (
        LLAMA | {"is_encoder_decoder": True},
        "is_encoder_decoder: true is not supported, since it may change a count; only false is",
    ),
    (
        {"model_type": "mpt", "attn_config": {"qk_ln": True}},
        "attn_config.qk_ln: true is not supported, since it may change a count; only false is",
    ),
    (
        {"model_type": "mpt", "expansion_ratio": 2},
        "expansion_ratio: 2 is not supported, since it may change a count; only 4 is",
    ),
    ({"model_type": "mpt", "attn_config": 8}, "attn_config: 8 where a mapping is expected; write {key: value}"),
    (
        V2 | {"moe_layer_freq": 2},
        "moe_layer_freq: 2 is not supported, since it may change a count; only 1 is",
    ),
    ({"model_type": "deepseek_v2"}, "num_experts_per_tok: is missing; write it: model_type deepseek_v2 has no default"),
    (
        LLAMA | {"architectures": ["LlamaForSequenceClassification"]},
        "architectures: 'LlamaForSequenceClassification' is not known to have the head of a language model; names "
        "that end in ForCausalLM, LMHeadModel, ForConditionalGeneration are known; remove the key if this is a "
        "language model",
    ),
    # values
    (LLAMA | {"hidden_size": "64"}, "hidden_size: '64' is not a number; remove the quotes"),
    (LLAMA | {"hidden_size": None}, "hidden_size: an empty value is not a number; write a whole number"),
    (LLAMA | {"hidden_size": 64.5}, "hidden_size: 64.5 is not a whole number; write 64 or 65"),
    (LLAMA | {"hidden_size": -64}, "hidden_size: -64 is out of range; write 1 or more"),
    (LLAMA | {"num_hidden_layers": 10**9}, "num_hidden_layers: 1,000,000,000 is out of range; write 1 to 10,000"),
    (
        {"model_type": "hrm_text", "num_hidden_layers": 123456},
        "num_hidden_layers: 123,456 is out of range; write 1 to 10,000",
    ),
    (
        {"model_type": "longcat_flash", "num_layers": 123456},
        "num_layers: 123,456 is out of range; write 1 to 10,000",
    ),
    (LLAMA | {"attention_bias": 1}, "attention_bias: 1 is neither true nor false; write true or false"),
    (
        LLAMA | {"torch_dtype": "float61"},
        "torch_dtype: 'float61' is not a choice; did you mean 'float16'? "
        "choices: float32, bfloat16, float16, float8_e4m3fn, float8_e5m2, int8",
    ),
    (
        {"model_type": "gpt2", "n_embd": 768, "hidden_size": 96},
        "hidden_size: differs from n_embd, which sets the same thing; keep one of the two",
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
        "layer_types: the list has 2 entries, but the model has 3 layers; write one for each layer",
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
        'attention_types: this is not a list of patterns with their repeat counts; write [[["global", "local"], 12]]',
    ),
    (NEO, "attention_layers: the list has 24 entries, but the model has 4 layers; write one for each layer"),
    (
        NEO | {"attention_types": [[["global"], 4]], "attention_layers": ["local"] * 4},
        "attention_layers: differs from attention_types, which sets the same thing; keep one of the two",
    ),
    (
        {"model_type": "nemotron_h", "hybrid_override_pattern": ""},
        "hybrid_override_pattern: is empty; write one item for each layer",
    ),
    # several models in one
    ({"model_type": "gemma3"}, "text_config: an empty value where a mapping is expected; write {key: value}"),
    (
        {"model_type": "gemma3", "text_config": {"model_type": "llama"}},
        "text_config.model_type: 'llama' is not supported, since it may change a count; only 'gemma3_text' is",
    ),
    (
        {"model_type": "mistral3", "text_config": {"model_type": ["llama"]}},
        "text_config.model_type: '['llama']' is not supported, since it may change a count; only 'mistral' is",
    ),
    # all at once
    (
        LLAMA | {"hidden_size": 0, "n_memory_tokens": 4},
        "n_memory_tokens: not supported for model_type llama; if it changes no count, leave it aside with "
        "--ignore-key n_memory_tokens\n"
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
        f"model_type: 'llamma' is unknown; did you mean 'llama'? {len(families.load_families().by_type)} are "
        "supported, "
        "see 'flopsheet list model-types'"
    )


@pytest.mark.parametrize(
    ("model_type", "reason"),
    [
        ("mllama", "a decoder with cross-attention to an image"),
        ("rwkv7", "an RWKV network"),
        ("llada", "a diffusion model, which fills in masked tokens"),
        ("Dream", "a diffusion model, which fills in masked tokens"),
    ],
)
def test_a_model_type_that_is_no_decoder_of_text_alone_is_refused_with_what_it_is(model_type: str, reason: str) -> None:
    with pytest.raises(SpecError) as raised:
        to_spec({"model_type": model_type}, "m")
    assert str(raised.value) == f"model_type: '{model_type}' is {reason}; flopsheet models decoder-only language models"


@pytest.mark.parametrize("model_type", ["minicpm", "baichuan", "chatglm", "qwen", "internlm2"])
def test_a_model_type_that_transformers_lacks_is_told_to_be_so(model_type: str) -> None:
    with pytest.raises(SpecError) as raised:
        to_spec({"model_type": model_type}, "m")
    fact, _, _ = str(raised.value).partition(";")
    assert fact == f"model_type: '{model_type}' is unknown: its code comes with its files, not with transformers"


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
        2, "", f"'{target}' already exists; choose another file with -o, or add --force\n", "mine",
    )  # fmt: skip
    done = run("import", "-", "-o", str(target), "--force", stdin=json.dumps(LLAMA))
    assert (done.returncode, done.stdout, target.read_text(encoding="utf-8")) == (
        0, f"{target}: written; build its workbook with 'flopsheet build {target}'\n", to_spec(LLAMA, "llama"),
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
        (
            "[1]", 1,
            "'<stdin>' is not a configuration: it holds a list, not an object; give the config.json of a model\n",
        ),
        ('{"a": NaN}', 1, "'<stdin>' is not a configuration: NaN is no number; give the config.json of a model\n"),
        ('{"a": 1, "a": 2}', 1, "'a' occurs twice in '<stdin>'; keep one of the two\n"),
        (
            "[" * 100_000, 1,
            "'<stdin>' is not a configuration: its lists and objects are nested too deep; "
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
        1, "name: 'a*b' contains '*', which a spreadsheet reads as a pattern; choose another name\n",
    )  # fmt: skip


def test_a_configuration_is_not_replaced_by_its_spec(tmp_path: Path) -> None:
    config = tmp_path / "c.json"
    config.write_text(json.dumps(LLAMA), encoding="utf-8")
    done = run("import", "c.json", "-o", "./c.json", "--force", cwd=tmp_path)
    assert (done.returncode, done.stderr, json.loads(config.read_text(encoding="utf-8"))) == (
        2, "'./c.json' is a file that this command reads; choose another file with -o\n", LLAMA,
    )  # fmt: skip
