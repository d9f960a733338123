"""Published quantised checkpoints: the bytes of each part are those that the file's own words give."""

from __future__ import annotations

import copy
import json
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from flopsheet.importers.huggingface import to_spec
from flopsheet.yamlio import source
from studies import frames_of

CONFIGS: dict[str, Any] = {
    one["name"]: one["config"]
    for file in ("more_models", "models_2026")
    for one in json.loads((Path(__file__).parent / "truth" / f"{file}.json").read_text("utf-8"))["models"]
}
# Published beside configurations that transformers writes without it: config.json of openai/gpt-oss-20b and of
# deepseek-ai/DeepSeek-V3 on huggingface.co.
QUANTISED: dict[str, Any] = {
    "gpt-oss-20b": {
        "quant_method": "mxfp4",
        "modules_to_not_convert": [
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head",
        ],
    },
    "deepseek-v3": {
        "activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128],
    },
}  # fmt: skip
CONFIGS |= {
    one["name"]: one["hf_config"] | {"quantization_config": QUANTISED[one["name"]]}
    for one in json.loads((Path(__file__).parent / "truth" / "models.json").read_text("utf-8"))
    if one["name"] in QUANTISED
}
KIMI, M3 = "moonshotai--Kimi-K2.5", "nvidia--MiniMax-M3-NVFP4"


def blocks(rows: int, columns: int) -> int:
    """A matrix in fp8, with a scale of 4 bytes for each block of 128 × 128, begun ones too."""
    return rows * columns + 4 * ceil(rows / 128) * ceil(columns / 128)


def mxfp8(rows: int, columns: int) -> int:
    """A byte each, and one for 32 values of a row (OCP MX 1.0)."""
    return rows * columns + rows * columns // 32


def four_bits(group: int, rows: int, columns: int, scale: int = 1) -> int:
    """Half a byte each, and `scale` bytes for a group: 32 and 1 in MXFP4, 16 and 1 in NVFP4."""
    return rows * columns // 2 + scale * rows * columns // group


# The bytes of each part by hand, from the shapes of the matrices (rows, columns) and what quantization_config says of
# them. Whatever it leaves out, and each vector, has the 16 bits of the file's dtype.
BY_HAND: dict[str, dict[str, int]] = {
    # fp8 in blocks but for gate and lm_head: 62 layers, 48 heads of 128 beside 8, 256 experts of 1,536.
    "MiniMaxAI--MiniMax-M2.5": {
        "embedding": 2 * 200_064 * 3072,
        "lm_head": 2 * 200_064 * 3072,
        "attention": 62 * (2 * blocks(6144, 3072) + 2 * blocks(1024, 3072)),
        "experts": 62 * 256 * 3 * blocks(1536, 3072),
        "router": 2 * 62 * 256 * 3072,
    },
    # fp8 in blocks: 9 global and 39 window layers with 4 and 8 heads of keys of 192 and values of 128, one dense layer.
    "XiaomiMiMo--MiMo-V2-Flash": {
        "embedding": 2 * 152_576 * 4096,
        "lm_head": 2 * 152_576 * 4096,
        "attention": 48 * (blocks(12_288, 4096) + blocks(4096, 8192))
        + 9 * (blocks(768, 4096) + blocks(512, 4096))
        + 39 * (blocks(1536, 4096) + blocks(1024, 4096)),
        "ffn": 3 * blocks(16_384, 4096),
        "experts": 47 * 256 * 3 * blocks(2048, 4096),
        "router": 2 * 47 * 256 * 4096,
    },
    # fp8 in blocks: 61 layers with low ranks of 1,536 and 512, an indexer in each, 3 of them dense.
    "deepseek-ai--DeepSeek-V3.2": {
        "embedding": 2 * 129_280 * 7168,
        "lm_head": 2 * 129_280 * 7168,
        "attention": 61 * (blocks(1536, 7168) + blocks(24_576, 1536) + blocks(576, 7168) + blocks(32_768, 512))
        + 61 * (blocks(7168, 16_384) + blocks(8192, 1536) + blocks(128, 7168)),
        "index_head_weights": 61 * blocks(64, 7168),
        "ffn": 3 * 3 * blocks(18_432, 7168),
        "experts": 58 * 256 * 3 * blocks(2048, 7168),
        "shared_experts": 58 * 3 * blocks(2048, 7168),
        "router": 2 * 58 * 256 * 7168,
    },
    # fp8 in blocks, but expert_dtype fp4: 43 layers, 21 of them with compressor and indexer, 20 with a compressor.
    "deepseek-ai--DeepSeek-V4-Flash": {
        "embedding": 2 * 129_280 * 4096,
        "lm_head": 2 * 129_280 * 4096,
        "attention": 43 * (blocks(1024, 4096) + blocks(32_768, 1024) + blocks(512, 4096) + 2 * blocks(8192, 4096))
        + 21 * 2 * (blocks(1024, 4096) + blocks(256, 4096))
        + 21 * blocks(8192, 1024)
        + 20 * 2 * blocks(512, 4096),
        "index_head_weights": 21 * blocks(64, 4096),
        "experts": 43 * 256 * 3 * four_bits(32, 2048, 4096),
        "shared_experts": 43 * 3 * blocks(2048, 4096),
        "router": 2 * 43 * 256 * 4096,
    },
    # fp8 with one scale for a tensor (weight_block_size null) but for lm_head: 40 layers, 32 heads of 128 beside 8.
    "mistralai--Devstral-Small-2-24B-Instruct": {
        "embedding": 2 * 131_072 * 5120,
        "lm_head": 2 * 131_072 * 5120,
        "attention": 40 * (2 * 4096 * 5120 + 2 * 1024 * 5120),
        "ffn": 40 * 3 * 32_768 * 5120,
    },
    # int4 in groups of 32 with a scale of 16 bits; attention, shared experts, dense FFN and head are ignored.
    KIMI: {
        "embedding": 2 * 163_840 * 7168,
        "lm_head": 2 * 163_840 * 7168,
        "attention": 2 * 61 * (1536 * 7168 + 12_288 * 1536 + 576 * 7168 + 16_384 * 512 + 7168 * 8192),
        "ffn": 2 * 3 * 18_432 * 7168,
        "experts": 60 * 384 * 3 * four_bits(32, 2048, 7168, scale=2),
        "shared_experts": 2 * 60 * 3 * 2048 * 7168,
        "router": 2 * 60 * 384 * 7168,
    },
    # fp8 in blocks, as DeepSeek-V3: the shapes of Kimi-K2.5.
    "kimi-k2": {
        "embedding": 2 * 163_840 * 7168,
        "lm_head": 2 * 163_840 * 7168,
        "attention": 61 * (blocks(1536, 7168) + blocks(12_288, 1536) + blocks(576, 7168) + blocks(16_384, 512))
        + 61 * blocks(7168, 8192),
        "ffn": 3 * blocks(18_432, 7168),
        "experts": 60 * 384 * 3 * blocks(2048, 7168),
        "shared_experts": 60 * 3 * blocks(2048, 7168),
        "router": 2 * 60 * 384 * 7168,
    },
    # MXFP4, which transformers knows for experts alone: 36 layers, 64 heads of 64 beside 8, 128 experts of 2,880.
    "gpt-oss-120b": {
        "embedding": 2 * 201_088 * 2880,
        "lm_head": 2 * 201_088 * 2880,
        "attention": 2 * 36 * (2 * 4096 * 2880 + 2 * 512 * 2880),
        "experts": 36 * 128 * 3 * four_bits(32, 2880, 2880),
        "router": 2 * 36 * 128 * 2880,
    },
    # MXFP4 but for attention, router, embedding and head: 24 layers, 64 heads of 64 beside 8, 32 experts of 2,880.
    "gpt-oss-20b": {
        "embedding": 2 * 201_088 * 2880,
        "lm_head": 2 * 201_088 * 2880,
        "attention": 2 * 24 * (2 * 4096 * 2880 + 2 * 512 * 2880),
        "experts": 24 * 32 * 3 * four_bits(32, 2880, 2880),
        "router": 2 * 24 * 32 * 2880,
    },
    # fp8 in blocks: 61 layers, 3 of them dense, 128 heads with low ranks of 1,536 and 512.
    "deepseek-v3": {
        "embedding": 2 * 129_280 * 7168,
        "lm_head": 2 * 129_280 * 7168,
        "attention": 61 * (blocks(1536, 7168) + blocks(24_576, 1536) + blocks(576, 7168) + blocks(32_768, 512))
        + 61 * blocks(7168, 16_384),
        "ffn": 3 * 3 * blocks(18_432, 7168),
        "experts": 58 * 256 * 3 * blocks(2048, 7168),
        "shared_experts": 58 * 3 * blocks(2048, 7168),
        "router": 2 * 58 * 256 * 7168,
    },
    # Layer by layer: MXFP8, and NVFP4 for experts; 60 layers, 57 of them with an indexer and 128 experts of 3,072.
    M3: {
        "embedding": 2 * 200_064 * 6144,
        "lm_head": 2 * 200_064 * 6144,
        "attention": 60 * (2 * mxfp8(8192, 6144) + 2 * mxfp8(512, 6144)) + 57 * (mxfp8(512, 6144) + mxfp8(128, 6144)),
        "ffn": 3 * 3 * mxfp8(12_288, 6144),
        "experts": 57 * 128 * 3 * four_bits(16, 3072, 6144),
        "shared_experts": 57 * 3 * mxfp8(3072, 6144),
        "router": 2 * 57 * 128 * 6144,
    },
    # fp8 in blocks but for gates, norms and indexers_proj, which its tensors call indexer.weights_proj: 78 layers, 3 of
    # them dense, 21 with an indexer.
    "zai-org--GLM-5.2-FP8": {
        "embedding": 2 * 154_880 * 6144,
        "lm_head": 2 * 154_880 * 6144,
        "attention": 78 * (blocks(2048, 6144) + blocks(16_384, 2048) + blocks(576, 6144) + blocks(28_672, 512))
        + 78 * blocks(6144, 16_384)
        + 21 * (blocks(4096, 2048) + blocks(128, 6144)),
        "index_head_weights": 2 * 21 * 32 * 6144,
        "ffn": 3 * 3 * blocks(12_288, 6144),
        "experts": 75 * 256 * 3 * blocks(2048, 6144),
        "shared_experts": 75 * 3 * blocks(2048, 6144),
        "router": 2 * 75 * 256 * 6144,
    },
}


def config_of(name: str) -> Any:
    """The published file. Of MiniMax-M3's list 60 entries are kept, none of an expert; one is added, as ModelOpt lists
    experts of NVFP4."""
    config = copy.deepcopy(CONFIGS[name])
    if name == M3:
        expert = "language_model.model.layers.3.block_sparse_moe.experts.0.w1"
        config["quantization_config"]["quantized_layers"][expert] = {"quant_algo": "NVFP4", "group_size": 16}
    return config


def test_every_quantised_file_is_counted_by_hand() -> None:
    assert {name for name, config in CONFIGS.items() if "quantization_config" in json.dumps(config)} == BY_HAND.keys()


@pytest.mark.parametrize("name", BY_HAND)
def test_the_parts_of_a_quantised_checkpoint_have_the_bytes_that_its_file_says(name: str) -> None:
    model = frames_of(source.parse(to_spec(config_of(name), "m"), "m.yaml").data)["model"].iloc[0]
    hand = BY_HAND[name]
    found = {part: model[f"weight_bytes_{part}"] for part in hand}
    # Blocks that a matrix only begins count by their values here: two of 28,000 bytes, for 576 and 64 rows.
    assert found == pytest.approx(hand, rel=2e-6, abs=28_000)
    rest = 2 * (model["n_params_part_norms"] + model["n_params_part_other"])
    assert model["weight_bytes"] == pytest.approx(sum(hand.values()) + rest, rel=2e-6)


@pytest.mark.parametrize(
    # Bytes of all tensors, from the headers of the published safetensors files.
    ("name", "tensors"),
    [
        ("gpt-oss-20b", 13_761_264_768),  # openai/gpt-oss-20b
        ("gpt-oss-120b", 65_248_815_744),  # openai/gpt-oss-120b
        ("kimi-k2", 1_029_173_256_720),  # moonshotai/Kimi-K2-Instruct
        (KIMI, 594_205_920_512),  # moonshotai/Kimi-K2-Thinking, the same language model, without K2.5's vision tower
    ],
)
def test_a_quantised_checkpoint_is_as_large_as_its_tensors(name: str, tensors: int) -> None:
    model = frames_of(source.parse(to_spec(CONFIGS[name], "m"), "m.yaml").data)["model"].iloc[0]
    # gpt-oss comes out to the byte. Kimi's files hold 0.1 and 0.7 MB more: biases of routers, 60 · 384 in 32 bits, and
    # in K2-Thinking's the shapes of its 60 · 384 · 3 packed matrices, 8 bytes each, make up most of it.
    assert model["weight_bytes"] == pytest.approx(tensors, rel=2e-6)


@pytest.mark.parametrize(
    # Copies of embedding and head in the files, beside the layer of multi-token prediction, and the files' bytes.
    ("name", "copies", "files"),
    [
        # deepseek-ai/DeepSeek-V3: 163 files, whose headers, some 12 MB, are part of it.
        ("deepseek-v3", 2 * 2 * 129_280 * 7168, pytest.approx(688_586_727_753, rel=2e-5)),
        ("zai-org--GLM-5.2-FP8", 0, pytest.approx(755.7e9, abs=0.1e9)),  # as a public log of its download says
    ],
)
def test_a_checkpoint_with_multi_token_prediction_is_as_large_as_its_files(name: str, copies: int, files: Any) -> None:
    spec = source.parse(to_spec(CONFIGS[name], "m"), "m.yaml").data
    spec["models"]["m"]["n_mtp_layers"] = 1
    assert frames_of(spec)["model"].iloc[0]["weight_bytes"] + copies == files
