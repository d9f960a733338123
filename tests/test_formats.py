"""Number formats with their scales, and formats by part: sizes by hand, in both engines, and what they carry into."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from commands import run
from edits import disagreements_of, formulas, planned
from engines import recalculate_ironcalc, spoil_cached_values
from flopsheet import build, compute
from flopsheet.catalog import load_catalog
from flopsheet.diagnostics import SpecError
from review_helpers import input_cells_of
from studies import frames_of

GIB = 2**30
PARTS = (
    "embedding", "lm_head", "attention", "index_head_weights", "ffn", "experts", "shared_experts", "router", "norms",
    "state_space",
)  # fmt: skip
SIXTEEN_BITS = {"default": "fp32", **dict.fromkeys(PARTS, "bf16")}
SERVED = {"model": "m", "hardware": "h100-sxm", "prompt_length": 1000, "generated_length": 24}


def study(model: str, **more: Any) -> dict[str, Any]:
    return {"version": 1, "context_lengths": [1024], "models": {"m": {"model": model}}, **more}


def model_of(name: str, weights: Any) -> Any:
    return frames_of(study(name, weights=weights))["model"].loc["m"]


def run_of(name: str, **more: Any) -> Any:
    return frames_of(study(name, serving={"s": {**SERVED, **more}}))["serving_run"].loc["s"]


# Bytes of a value, by hand from the block of each format: OCP MX 1.0, arXiv:2509.25149, arXiv:2305.14314, AWQ and GPTQ
# files, ggml-common.h.
@pytest.mark.parametrize(
    ("name", "bytes_each"),
    [
        ("fp32", 4), ("bf16", 2), ("fp16", 2), ("fp8", 1), ("int8", 1), ("int4", 0.5),
        ("fp8_block", 1 + 4 / 16384), ("fp8_g128", 1 + 4 / 128), ("mxfp8", 1 + 1 / 32), ("mxfp4", 0.53125),
        ("nvfp4", 0.5625), ("nf4", 0.5625), ("nf4_double", 0.515869140625), ("int4_g128", 0.51953125),
        ("q8_0", 34 / 32), ("q4_0", 18 / 32), ("q4_1", 20 / 32), ("q5_0", 22 / 32), ("q5_1", 24 / 32),
        ("q2_K", 84 / 256), ("q3_K", 110 / 256), ("q4_K", 144 / 256), ("q5_K", 176 / 256), ("q6_K", 210 / 256),
        ("iq4_nl", 18 / 32), ("iq4_xs", 136 / 256),
    ],
)  # fmt: skip
def test_a_format_has_the_bytes_of_its_blocks(name: str, bytes_each: float) -> None:
    model = model_of("llama-3-8b", name)
    assert model["weight_bytes"] == model["n_params"] * bytes_each


def test_every_format_is_held_against_a_size_by_hand() -> None:
    [mark] = [mark for mark in test_a_format_has_the_bytes_of_its_blocks.pytestmark if mark.name == "parametrize"]
    assert [name for name, _ in mark.args[1]] == list(load_catalog().inputs["weights"].choices)


def test_gpt_oss_20b_is_as_large_as_its_checkpoint() -> None:
    # 12.8 GiB: openai/gpt-oss-20b, model.safetensors of 13,761,264,768 bytes besides its header.
    model = model_of("gpt-oss-20b", {"default": "bf16", "experts": "mxfp4"})
    assert model["weight_bytes"] == 13_761_264_768


def test_llama_3_8b_in_fp8_keeps_embedding_and_head_in_16_bits() -> None:
    # By hand: 8,030,261,248 parameters of one byte, 2 · 128,256 · 4,096 of them of two.
    model = model_of("llama-3-8b", {"default": "fp8", "embedding": "bf16", "lm_head": "bf16"})
    assert model["weight_bytes"] == 8_030_261_248 + 2 * 128_256 * 4096


@pytest.mark.parametrize("name", ["llama-3-8b", "gpt-oss-20b", "deepseek-v3.2", "mamba2-2.7b", "gemma-3-27b"])
def test_16_bits_by_parts_are_16_bits(name: str) -> None:
    by_parts, whole = model_of(name, {**SIXTEEN_BITS, "default": "bf16"}), model_of(name, "bf16")
    assert by_parts["weight_bytes"] == whole["weight_bytes"]


@pytest.mark.parametrize("name", ["llama-3-8b", "gpt-oss-20b", "deepseek-v3.2", "mamba2-2.7b"])
def test_serving_16_bits_by_parts_is_serving_16_bits(name: str) -> None:
    by_parts = run_of(name, n_devices=8, weight_format={"default": "bf16", **dict.fromkeys(PARTS, "bf16")})
    assert by_parts.equals(run_of(name, n_devices=8, weight_format="bf16"))


@pytest.mark.parametrize("name", ["llama-3-8b", "gpt-oss-20b", "deepseek-v3.2", "mamba2-2.7b", "gemma-3-27b"])
def test_every_parameter_belongs_to_one_part(name: str) -> None:
    model = model_of(name, "bf16")
    assert sum(model[f"n_params_part_{part}"] for part in (*PARTS, "other")) == model["n_params"]


def test_a_smaller_format_of_the_experts_leaves_room_for_a_larger_batch() -> None:
    # By hand: the matrices of the experts lose 2 − 0.53125 bytes each; a sequence takes what it took.
    few, many = (run_of("gpt-oss-20b", weight_format=format) for format in ("bf16", {"experts": "mxfp4"}))
    n_experts = 24 * 32 * 3 * 2880 * 2880
    assert [many["served_weight_bytes"], many["served_margin_bytes"]] == [
        few["served_weight_bytes"] - n_experts * (2 - 0.53125),
        few["served_margin_bytes"] + n_experts * (2 - 0.53125),
    ]
    assert many["largest_batch"] > few["largest_batch"] and many["longest_context"] > few["longest_context"]


def test_weights_of_indexer_heads_may_stay_in_16_bits_beside_fp8() -> None:
    # By hand: 64 heads, 7,168 wide, in 61 layers; each of 8 devices has them whole (vLLM, ReplicatedLinear).
    run = run_of("deepseek-v3.2", n_devices=8, tensor_parallel=8, weight_format={"default": "bf16", "attention": "fp8"})
    kept = {"default": "bf16", "attention": "fp8", "index_head_weights": "bf16"}
    sixteen = run_of("deepseek-v3.2", n_devices=8, tensor_parallel=8, weight_format=kept)
    by_hand = 61 * 64 * 7168
    assert [
        sixteen["served_weight_bytes"] - run["served_weight_bytes"],
        run["served_margin_bytes"] - sixteen["served_margin_bytes"],
    ] == [by_hand, by_hand]


def test_decoding_reads_what_is_looked_up_never_and_experts_in_their_format() -> None:
    # By hand: of 32 experts 4 are active; embedding rows are looked up; expert biases, 32 · 3 · 2880 each layer, are
    # vectors and stay in 16 bits.
    run = run_of("gpt-oss-20b", weight_format={"default": "bf16", "experts": "mxfp4"}, n_sequences=1)
    experts, biases = 24 * 32 * 3 * 2880 * 2880, 24 * 32 * 3 * 2880
    others = 20_914_757_184 - experts - biases - 201_088 * 2880
    assert run["weight_bytes_read"] == 2 * others + (0.53125 * experts + 2 * biases) * 4 / 32


def test_the_parameters_of_the_experts_that_are_read_are_four_of_thirty_two() -> None:
    # By hand: three matrices and three biases of 24 layers.
    experts, biases = 24 * 32 * 3 * 2880 * 2880, 24 * 32 * 3 * 2880
    run, model = run_of("gpt-oss-20b"), model_of("gpt-oss-20b", "bf16")
    assert [run["weight_params_read_experts"], model["n_params_routed_experts_active"]] == [
        (experts + biases) * 4 / 32,
        experts * 4 / 32,
    ]


def test_keys_and_values_may_differ() -> None:
    # llama.cpp -ctk q8_0 -ctv q4_0: 32 layers, 8 heads of 128 keys and 128 values.
    run = run_of("llama-3-8b", cache_format={"k": "q8_0", "v": "q4_0"})
    assert run["served_cache_bytes"] == 1024 * 32 * 8 * 128 * (34 / 32 + 18 / 32)


def test_the_cache_of_the_study_may_differ_too() -> None:
    found = frames_of(study("llama-3-8b", kv_cache={"k": "fp8", "v": "bf16"}))["model"].loc["m"]
    assert found["kv_cache_bytes_per_token"] == 32 * 8 * 128 * (1 + 2)


def test_a_latent_is_kept_as_keys_are() -> None:
    # DeepSeek-V3: 61 layers, a latent of 512 and a positional key of 64.
    run = run_of("deepseek-v3", cache_format={"k": "fp8", "v": "fp32"})
    assert run["served_cache_bytes"] == 1024 * 61 * 576


def test_a_latent_in_fp8_keeps_its_positions_in_16_bits_as_servers_do() -> None:
    # vLLM, flashmla_sparse.py, fp8_ds_mla: 656 bytes of a latent of 512 in fp8 with four fp32 scales and 64 positions
    # in bf16; its indexer keeps 128 numbers in fp8 and an fp32 scale, 132 bytes. 61 layers: 48,068 bytes of a token.
    cache = {"default": "fp8_g128", "rope": "bf16"}
    assert run_of("deepseek-v3.2", cache_format=cache)["served_cache_bytes"] == 1024 * 48_068
    assert frames_of(study("deepseek-v3.2", kv_cache=cache))["model"].loc["m", "kv_cache_bytes_per_token"] == 48_068


def test_a_server_reads_a_long_prompt_in_chunks_of_8192() -> None:
    # vLLM, engine/arg_utils.py, get_batch_defaults: 8,192 tokens for its API server on devices of 70 GiB and more.
    runs = [run_of("llama-3-8b", prompt_length=prompt)["served_activation_bytes_device"] for prompt in (8192, 65536)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("hardware", "weights", "peak"),
    [
        ("b200", "nvfp4", "fp4"), ("b200", "mxfp4", "fp4"), ("b200", "fp8_block", "fp8"), ("b200", "int4", "bf16"),
        ("h100-sxm", "nvfp4", "bf16"), ("h100-sxm", "fp8", "fp8"), ("a100-80gb", "fp8", "bf16"),
        ("v100", "bf16", "fp16"),
    ],
)  # fmt: skip
def test_matmuls_run_in_the_weights_own_floats_where_the_device_has_units(hardware, weights, peak) -> None:
    run = run_of("llama-3-8b", hardware=hardware, weight_format=weights)
    device = frames_of(study("llama-3-8b", serving={"s": SERVED}))["hardware"].loc[hardware]
    assert run["compute_peak"] == device[f"peak_flops_{peak}"]


def test_a_part_follows_the_whole_until_it_is_said() -> None:
    run = run_of("gpt-oss-20b", weight_format={"default": "fp8", "experts": "mxfp4"})
    assert [run["weight_format_attention"], run["weight_format_experts"]] == ["fp8", "mxfp4"]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("{experts: mxpf4}", "weights.experts: 'mxpf4' is not a choice; did you mean 'mxfp4'?"),
        ("{expert: mxfp4}", "weights.expert: unknown key 'expert'; did you mean 'experts'?"),
        ("fp9", "weights: 'fp9' is not a choice"),
    ],
)
def test_a_format_that_there_is_not_is_refused(tmp_path: Path, weights: str, message: str) -> None:
    text = f"version: 1\ncontext_lengths: [1024]\nmodels: {{m: {{model: llama-3-8b}}}}\nweights: {weights}\n"
    (tmp_path / "spec.yaml").write_text(text, "utf-8")
    with pytest.raises(SpecError) as refused:
        compute(tmp_path / "spec.yaml")
    assert message in str(refused.value)


def test_one_part_is_set_on_the_command_line(tmp_path: Path) -> None:
    text = "version: 1\ncontext_lengths: [1024]\nmodels: {m: {model: gpt-oss-20b}}\nweights: bf16\n"
    (tmp_path / "spec.yaml").write_text(text, "utf-8")
    done = run("show", str(tmp_path / "spec.yaml"), "--set", "weights.experts=mxfp4")
    assert "13.76" in done.stdout


def test_formats_that_are_edited_in_cells_give_what_pandas_gives(tmp_path: Path) -> None:
    spec = study("gpt-oss-20b", weights="bf16", serving={"s": {**SERVED, "weight_format": {"experts": "mxfp4"}}})
    report = build(spec, tmp_path / "book.xlsx")
    spoil_cached_values(tmp_path / "book.xlsx", tmp_path / "spoiled.xlsx")
    at = {cell.entry.name: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(report)}
    typed = {
        at["weights"]: "fp8_block", at["weights_embedding"]: "q6_K", at["weight_format"]: "fp8",
        at["weight_format_experts"]: "nvfp4", at["cache_format"]: "q8_0", at["cache_format_v"]: "q4_0",
        at["kv_cache_k"]: "fp8",
    }  # fmt: skip
    edited: dict[str, Any] = copy.deepcopy(spec)
    edited["weights"], edited["kv_cache"] = {"default": "fp8_block", "embedding": "q6_K"}, {"k": "fp8"}
    edited["serving"]["s"] |= {
        "weight_format": {"default": "fp8", "experts": "nvfp4"}, "cache_format": {"default": "q8_0", "v": "q4_0"},
    }  # fmt: skip
    wanted = formulas(planned(compute(edited), report))
    [got] = recalculate_ironcalc(tmp_path / "spoiled.xlsx", [typed], list(wanted))
    assert disagreements_of(got, wanted) == {}


def test_a_model_beside_one_of_more_layer_groups_keeps_its_own_weights() -> None:
    models = {"m": {"model": "llama-3-8b"}, "other": {"model": "gpt-oss-20b"}}
    found = frames_of({**study("llama-3-8b", serving={"s": SERVED}), "models": models})["serving_run"].loc["s"]
    assert found["served_weight_bytes"] == 2 * 8_030_261_248
