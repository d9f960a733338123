"""Layers of 2026: counts by other people's code, published figures, and what a spec may say of them."""

from __future__ import annotations

from functools import cache

import pytest

import mixed
from flopsheet import compute
from flopsheet.diagnostics import SpecError
from studies import frames_of

# Counted by transformers 5.24.0 on the `meta` device: parameters; active ones; elements of the weight matrices that a
# token is multiplied with; elements of depthwise convolutions; growth of its cache per token; numbers of fixed size.
# None where that library has no such figure.
COUNTED = {
    "QWEN35_35B": (34_660_610_688, 3_454_988_928, 2_945_269_760, 983_040, 10_240, 983_040 + 15_728_640),
    "QWEN35_27B": (26_895_998_464, 26_895_998_464, 25_621_954_560, 1_966_080, 32_768, 1_966_080 + 37_748_736),
    "NEMOTRON3_NANO": (31_577_937_344, 3_580_073_408, 3_226_804_224, 565_248, None, None),
    "DEEPSEEK_V32": (671_877_929_216, 38_403_807_488, 37_476_106_240, 0, 31_232 + 3_904 + 7_808, 0),
    "DEEPSEEK_V4_FLASH": (284_332_230_231, 13_799_622_231, None, 0, None, 0),
    "GEMMA4_26B": (25_233_141_760, 3_822_530_560, 3_821_830_144, 0, None, 0),
    "GEMMA4_PER_LAYER": (5_077_177_856, 5_077_177_856, 3_063_545_856, 0, 71_680, 0),
    "FALCON_H1": (8_514_961_408, 8_514_961_408, 7_990_149_120, 196_608, 65_536, 196_608 + 8_388_608),
    "LFM2": (1_170_340_608, 1_170_340_608, 1_170_210_816, 61_440, 6_144, 61_440),
    "LLAMA4_SCOUT": (107_769_861_120, 17_172_894_720, 16_137_912_320, 0, 98_304, 0),
    "KIMI_LINEAR": (49_133_074_464, 3_494_852_640, None, 1_032_192, 3_456, 1_032_192 + 11_010_048),
    "JAMBA_MINI": (51_570_323_328, 12_110_311_296, None, 917_504, 8_192, 917_504 + 3_670_016),
    "MINIMAX_01": (456_089_655_296, 48_403_306_496, 47_172_550_656, 0, 20_480, 73_400_320),
    "RECURRENT_GEMMA": (2_010_263_040, 2_010_263_040, None, 184_320, None, None),
    "XLSTM": (6_865_424_896, 6_865_424_896, 6_658_981_888, 0, 0, 33_620_225),
    "ZAMBA": (7_232_490_496, 7_232_490_496, None, 2_256_896, 193_024, 2_256_896 + 9_027_584),
}
MODELS = {name: getattr(mixed, name) for name in COUNTED}
S = 4096


@cache
def hybrids():
    return frames_of({"version": 1, "context_lengths": [S], "models": MODELS})


@pytest.mark.parametrize("name", COUNTED)
def test_parameters_products_caches_and_states_are_what_other_peoples_code_counts(name):
    model, run = hybrids()["model"].loc[name], hybrids()["scenario"].loc[(name, S)]
    found = (
        model["n_params"],
        model["n_params_active"],
        run["flops_weight_products"] / (2 * S),
        run["flops_convolution"] / (2 * S),
        model["kv_cache_values_per_token"],
        model["n_state_values"],
    )
    wanted = COUNTED[name]
    assert [value for value, counted in zip(found, wanted, strict=True) if counted is not None] == [
        counted for counted in wanted if counted is not None
    ]


def only(model, context_length=S, **study):
    """The frames of one model as rows: the model, and its scenario at a context length."""
    frames = frames_of({"version": 1, "context_lengths": [context_length], "models": {"m": model}} | study)
    return frames["model"].iloc[0], frames["scenario"].iloc[0]


def test_the_sentences_about_shares_leave_no_part_out():
    """Of DeepSeek-V3.2 at a million tokens nearly all is the indexer, which has a sentence beside the usual four."""
    length = 2**20
    frames = frames_of({"version": 1, "context_lengths": [length], "models": {"m": mixed.DEEPSEEK_V32}})
    run, words = frames["scenario"].iloc[0], frames["context"].iloc[0]
    four = run[["share_ffn", "share_attention_projections", "share_attention_scores", "share_lm_head"]].sum()
    assert words[["trend_rest_from", "trend_rest_to"]].tolist() == pytest.approx([1 - four] * 2, rel=1e-9)
    assert words["trend_words_rest"].endswith(f" take {100 * (1 - four):.1f} %.".replace(".0 %", " %"))


# Published figures ----------------------------------------------------------------------------------------------------


def test_deepseek_v32_caches_48068_bytes_a_token_in_fp8_with_scales():
    model, _ = only(mixed.DEEPSEEK_V32)
    # vLLM's fp8_ds_mla: per layer 512 B of latent, 4 scales of 4 B, 64 positional values of 2 B, and of the indexer
    # 128 B and one scale of 4 B: 61 · (656 + 132) B. Beyond a byte for each value that is 64 + 16 + 4 B per layer.
    assert model["kv_cache_values_per_token"] + 61 * (64 + 16 + 4) == 61 * (656 + 132) == 48_068


def test_a_training_step_of_deepseek_v32_and_v3_is_what_maxtext_reports():
    # MaxText, four sequences of 4,096 tokens, causal attention as half: 4,103.37 and 4,162.71 TFLOP per step.
    step = {
        name: only(getattr(mixed, name), batch_size=4, conventions={"attention_pairs": "causal_half"})[1]
        for name in ("DEEPSEEK_V3", "DEEPSEEK_V32")
    }
    assert step["DEEPSEEK_V3"]["flops_training_step"] / 1e12 == pytest.approx(4_103.37, abs=0.005)
    # It also counts the sum over the indexer's weighted heads, 2 · pairs · 64 in each of 61 layers, as a product.
    weighted = 3 * 4 * 61 * 2 * (S * S / 2) * 64
    assert (step["DEEPSEEK_V32"]["flops_training_step"] + weighted) / 1e12 == pytest.approx(4_162.71, abs=0.005)


def test_deepseek_v4_flash_with_one_multi_token_layer_is_what_torchtitan_prints():
    model, run = only(mixed.DEEPSEEK_V4_FLASH | {"n_mtp_layers": 1})
    # torchtitan, deepseek_v4, S 4,096: parameters and training FLOPs per token.
    assert (model["n_params"], run["estimate_torchtitan"] / S) == (290_942_278_866, 92_762_352_876)


def test_qwen3_30b_a3b_is_what_torchtitan_prints_norms_included():
    _, run = only({"model": "qwen3-30b-a3b"}, 8192)
    # torchtitan prints FLOPs per token with the 210,944 norm weights as matmuls.
    assert run["estimate_torchtitan"] / 8192 == 37_578_559_488


def test_deepseek_v3_with_one_multi_token_layer_is_what_nvidia_reports():
    # NVIDIA's performance summary for DeepSeek-V3: 2.604e11 FLOP per token, causal half; without it 3.8 % less.
    half = {"attention_pairs": "causal_half"}
    with_it, without = (
        only(mixed.DEEPSEEK_V3 | {"n_mtp_layers": n}, conventions=half)[1]["flops_training_step"] / S for n in (1, 0)
    )
    assert with_it == pytest.approx(2.604e11, rel=1e-3)
    assert 1 - without / 2.604e11 == pytest.approx(0.038, abs=5e-4)


def test_qwen36_27b_keeps_16_gib_of_keys_and_values_and_598_mib_of_states():
    model, run = only(mixed.QWEN35_27B, 262_144)
    # llama.cpp's log of Qwen3.6-27B: 16,384.00 MiB of keys and values; states of 4 sequences 598.50 MiB, where it keeps
    # kernel - 1 columns of the convolutions: 48 · (48·128·128 + 10,240·3) · 4 B.
    assert (run["kv_cache_growing_bytes"] / 2**20, run["kv_cache_growing_gib"]) == (16_384, 16)
    one_column = 48 * 10_240 * 4
    assert 4 * (model["state_bytes"] - one_column) / 2**20 == 598.5
    assert 4 * 1024 * (run["kv_cache_fixed_gib"] - one_column / 2**30) == 598.5


@pytest.mark.parametrize(("length", "gigabytes"), [(4096, 0.398), (8192, 0.482), (32768, 0.986), (131072, 2.999)])
def test_the_cache_of_gemma_4_26b_is_as_a_server_reports_it(length, gigabytes):
    # llama.cpp adds a micro-batch of 512 to the window of 1,024.
    layers = mixed.GEMMA4_26B["layers"]
    wider = layers[0] | {"attention": layers[0]["attention"] | {"window": 1024 + 512}}
    _, run = only(mixed.GEMMA4_26B | {"layers": [wider, layers[1]]}, length)
    assert run["kv_cache_bytes"] / 1e9 == pytest.approx(gigabytes, abs=0.0005)


def test_megatrons_formula_for_a_state_space_layer_is_ours():
    # Megatron-LM, mamba_layer_flops: 2·S·D·(2·d_in + 2·groups·state + heads) + 7·S·d_in·state + 2·S·d_in·D.
    _, run = only(mixed.NEMOTRON3_NANO | {"layers": mixed.NEMOTRON3_NANO["layers"][:1]})
    d_in = 64 * 64
    layer = 2 * S * 2688 * (2 * d_in + 2 * 8 * 128 + 64) + 7 * S * d_in * 128 + 2 * S * d_in * 2688
    assert run["flops_mixer_projections"] + run["flops_state_updates"] == 23 * layer


def test_megatrons_formula_for_a_gated_delta_net_is_ours():
    # Megatron-LM, num_floating_point_operations, linear attention: in-projection, kernel, four products with the state,
    # out-projection; each multiplication and addition counts.
    _, run = only(mixed.QWEN35_35B)
    keys, values = 16 * 128, 32 * 128
    layer = 2 * (2048 * (2 * keys + 2 * values + 2 * 32) + 4 * (2 * keys + values) + 32 * 128**2 * 4 + 2048 * values)
    found = run["flops_mixer_projections"] + run["flops_convolution"] + run["flops_state_updates"]
    assert found == 30 * S * layer


def test_megatrons_hybrid_formula_is_as_it_logs_it():
    # Megatron-LM, hybrid_flops, three times the forward pass: attention 4·S·D·p·(D + D·G/H + S/2) with p = H·e/D,
    # Mamba as above, experts 4·S·D·f per active one and 4·S·D·f_shared (two matrices each), head 2·S·D·V.
    _, run = only(mixed.NEMOTRON3_NANO)
    D, p, d_in = 2688, 32 * 128 / 2688, 64 * 64
    attention = 4 * S * D * p * (D + D * 2 / 32 + S / 2)
    mamba = 2 * S * D * (2 * d_in + 2 * 8 * 128 + 64) + 7 * S * d_in * 128 + 2 * S * d_in * D
    experts = 4 * S * D * (6 * 1856 + 3712)
    logged = 3 * (6 * attention + 23 * mamba + 23 * experts + 2 * S * D * 131072)
    assert run["estimate_megatron_hybrid"] == pytest.approx(logged, rel=1e-12)
    assert run["estimate_megatron_hybrid_difference"] == pytest.approx(
        logged / run["flops_training_ours"] - 1, rel=1e-9
    )


# Decoding -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inherited", "message"),
    [
        ({"n_kv_heads": 8}, "n_heads is 0, but n_kv_heads is 8; write n_kv_heads: 0 beside n_heads: 0"),
        ({"o_lora_rank": 64}, "n_heads is 0, but there is a latent of 64; write n_heads: …"),
        (
            {"n_index_heads": 4, "d_index": 64, "index_top_k": 64},
            "n_heads is 0, but there are 4 indexer heads; write n_heads: …",
        ),
    ],
)
def test_a_layer_without_heads_does_not_inherit_parts_of_attention(inherited, message):
    mamba = {"kind": "mamba2", "n_ssm_heads": 32, "d_ssm_head": 64, "d_state": 128, "d_conv": 4}
    layers = [{"name": "mamba", "n_layers": 3, "n_heads": 0, "mixer": mamba}, {"name": "attention", "n_layers": 1}]
    model = {"d_model": 1024, "vocab_size": 100, "n_heads": 16, "ffn": "swiglu", "d_ff": 4096, "layers": layers}
    with pytest.raises(SpecError) as caught:
        compute({"version": 1, "context_lengths": [1024], "models": {"m": model | inherited}})
    assert [f"{one.fact}; {one.remedy}" for one in caught.value.problems] == [message]


def test_a_state_is_read_and_written_whatever_the_context():
    reads = [only(mixed.QWEN35_35B, length)[1]["bytes_decode_state"] for length in (1024, 1_000_000)]
    # By hand: 16,711,680 numbers of 4 B, once in and once out.
    assert reads == [2 * 4 * 16_711_680] * 2
