"""What other calculators get wrong comes out right: each mistake with whose it is, and what it would have given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flopsheet.diagnostics import FileError, SpecError
from flopsheet.importers.huggingface import read_config, to_inputs
from flopsheet.spec import load_spec
from studies import frames_of

# Counted by transformers 5.23.0 and torch 2.13.0.
TRUTH = {model["name"]: model for model in json.loads((Path(__file__).parent / "truth" / "models.json").read_text())}


def study(models, *context_lengths, **said):
    return frames_of({"version": 1, "context_lengths": list(context_lengths), "models": models} | said)


def shipped(*names, **inputs):
    return {name: {"model": name} | inputs for name in names}


def refusal(spec):
    with pytest.raises(SpecError) as caught:
        load_spec(spec)
    return str(caught.value)


# The cache -----------------------------------------------------------------------------------------------------------


def test_the_cache_knows_that_query_heads_share_keys_and_values():
    """EleutherAI's cookbook and LLM-Viewer leave grouped-query attention out of the cache: eight times too much."""
    found = study(shipped("llama-3-70b"), 131_072)
    # Published: 327,680 B per token against 2,621,440 as multi-head attention; 40 GiB against 320 at 131,072.
    per_token = found["model"][["kv_cache_bytes_per_token_bf16", "kv_cache_bytes_per_token_mha"]]
    assert per_token.loc["llama-3-70b"].tolist() == [327_680, 2_621_440]
    assert found["scenario"][["kv_cache_gib", "kv_cache_gib_mha"]].iloc[0].tolist() == [40, 320]


def test_latent_attention_caches_its_latent():
    """Most calculators cache a key and a value per head; DeepSeek-V3 then seems to need 71 times what it does."""
    found = study(shipped("deepseek-v3"), 1024)["model"]
    # Published: 70,272 B per token; 4,997,120 as multi-head attention.
    assert found.loc["deepseek-v3", ["kv_cache_bytes_per_token_bf16", "kv_cache_bytes_per_token_mha"]].tolist() == [
        70_272,
        4_997_120,
    ]


def test_latent_attention_multiplies_its_own_widths():
    """Most calculators take latent attention for 2·S²·D each way; its keys are 192 wide, its values 128."""
    found = study(shipped("deepseek-v3"), 1024)["scenario"]
    # By hand: 61 layers, 128 heads. torch counts the same.
    expected = 61 * 2 * 1024**2 * 128 * (192 + 128)
    assert found["flops_attention_scores"].tolist() == [expected]
    assert expected == TRUTH["deepseek-v3"]["forward_flops"]["1024"]["attention_scores_values"]


def test_layers_with_a_window_keep_the_window():
    """Most calculators give every layer the whole context."""
    names = {"mistral-7b-v0.1": "mistral-7b-v0.1", "gpt-oss-20b": "gpt-oss-20b", "gemma-3-27b": "gemma-3-27b-text"}
    cache = study(shipped(*names), 131_072)["scenario"]["kv_cache_bytes"].droplevel("context_length")
    assert cache.to_dict() == {
        name: TRUTH[counted]["kv_bytes_bf16_by_context"]["131072"] for name, counted in names.items()
    }


def test_layers_with_a_window_multiply_the_window():
    """Most calculators give every layer S² pairs; a windowed kernel does S·W of them."""
    found = study(shipped("mistral-7b-v0.1"), 131_072)["scenario"]["flops_attention_scores"]
    # By hand: 32 layers, 32 heads of 128, a window of 4,096: a 32nd of every pair.
    assert found.tolist() == [32 * 2 * 131_072 * 4096 * 32 * (128 + 128)]


# Mixtures of experts -------------------------------------------------------------------------------------------------


def test_the_work_of_a_mixture_goes_with_the_experts_that_a_token_passes():
    """llm-analysis gives Mixtral the same FLOPs with 1, 2 and 8 active experts."""
    models = {str(top): {"model": "mixtral-8x7b", "n_active_experts": top} for top in (1, 2, 8)}
    found = study(models, 1024)["scenario"]["flops_forward"].droplevel("context_length")
    # torch counts two; an expert has three products of 4,096 × 14,336 in each of 32 layers.
    two, expert = TRUTH["mixtral-8x7b"]["forward_flops"]["1024"]["total"], 32 * 3 * 2 * 1024 * 4096 * 14336
    assert found.to_dict() == {"1": two - expert, "2": two, "8": two + 6 * expert}


def test_the_memory_of_a_mixture_goes_with_all_experts():
    """Some calculators size the weights of a mixture by its active parameters: Mixtral at 26 GB instead of 93 GB."""
    found = study(shipped("mixtral-8x7b"), 1024, weights="bf16")["model"].loc["mixtral-8x7b"]
    # transformers counts 46,702,792,704 parameters, 12,879,925,248 of them active; bf16 has two bytes.
    assert found[["weight_bytes", "n_params_active"]].tolist() == [2 * 46_702_792_704, 12_879_925_248]


# Parameters ----------------------------------------------------------------------------------------------------------


def test_a_tied_head_is_counted_once_and_one_of_its_own_is_counted():
    """llm-analysis and SimuMax tie always or never."""
    found = study(shipped("gpt2-small", "llama-2-7b"), 1024)["model"]
    # transformers counts 124,439,808 and 6,738,415,616; the heads are 50,257 × 768 and 32,000 × 4,096.
    assert found[["n_params", "n_params_if_tied", "n_params_if_untied"]].to_numpy().tolist() == [
        [124_439_808, 124_439_808, 124_439_808 + 50_257 * 768],
        [6_738_415_616, 6_738_415_616 - 32_000 * 4096, 6_738_415_616],
    ]


GEMMA_7B = {
    "n_layers": 28,
    "d_model": 3072,
    "n_heads": 16,
    "d_head": 256,
    "d_ff": 24576,
    "ffn": "geglu",
    "vocab_size": 256_000,
    "tie_embeddings": True,
}
QWEN3_4B = {
    "n_layers": 36,
    "d_model": 2560,
    "n_heads": 32,
    "n_kv_heads": 8,
    "d_head": 128,
    "d_ff": 9728,
    "ffn": "swiglu",
    "vocab_size": 151_936,
    "tie_embeddings": True,
    "qk_norm": "per_head",
}


def test_a_head_is_as_wide_as_the_model_says():
    """Calculators that take the width of a head for D/H miscount gpt-oss, Gemma-7B and Qwen3-4B."""
    found = study({"gemma-7b": GEMMA_7B, "qwen3-4b": QWEN3_4B} | shipped("gpt-oss-20b"), 1024)["model"]
    # By hand, Q and O H·e × D, K and V G·e × D; with D/H they would be 192, 80 and 45 wide.
    attention = {
        "gemma-7b": 28 * 4 * 3072 * 16 * 256,
        "qwen3-4b": 36 * 2 * 2560 * (32 + 8) * 128,
        "gpt-oss-20b": 24 * 2 * 2880 * (64 + 8) * 64,
    }
    assert found["n_params_attention"].to_dict() == attention
    # Published totals of google/gemma-7b and Qwen/Qwen3-4B; gpt-oss-20b as transformers counts it.
    assert found["n_params"].to_dict() == {
        "gemma-7b": 8_537_680_896,
        "qwen3-4b": 4_022_468_096,
        "gpt-oss-20b": 20_914_757_184,
    }
    # By hand: 2·G·e values of two bytes in every layer.
    assert found["kv_cache_bytes_per_token_bf16"].to_dict() == {
        "gemma-7b": 28 * 2 * 16 * 256 * 2,
        "qwen3-4b": 36 * 2 * 8 * 128 * 2,
        "gpt-oss-20b": 24 * 2 * 8 * 64 * 2,
    }


@pytest.mark.parametrize(
    ("name", "published", "extra"),
    [
        # 32 layers each kept 64 inverse frequencies of the rotary positions as a buffer.
        ("llama-2-7b", 6_738_417_664, 32 * 64),
        # The head is the embedding table of 65,024 × 4,544, and was stored twice.
        ("falcon-7b", 7_217_189_760, 65_024 * 4544),
    ],
)
def test_a_total_holds_no_buffer_and_no_table_twice(name, published, extra):
    """The published totals of Llama-2 and Falcon hold rotary buffers and a second copy of a tied head."""
    found = study(shipped(name), 1024)["model"]["n_params"][name]
    assert found == published - extra == TRUTH[name]["params_total"]


def test_a_billion_is_1e9_and_a_gib_is_no_gb():
    """Some calculators divide counts by 1024³ and call the quotient billions, or GB."""
    spec = {"version": 1, "context_lengths": [131_072], "weights": "bf16", "models": shipped("llama-3-70b")}
    found = frames_of(spec)
    # By hand: 70,553,706,496 parameters of two bytes; 1024³ is 1,073,741,824.
    weights = found["model"].loc["llama-3-70b", ["weight_bytes", "weight_gb", "weight_gib"]].tolist()
    assert weights == [141_107_412_992, 141.107412992, 141_107_412_992 / 1_073_741_824]
    # 40 GiB of cache are 42.94967296 GB.
    assert found["scenario"].loc[("llama-3-70b", 131_072), ["kv_cache_gb", "kv_cache_gib"]].tolist() == [
        42.94967296,
        40,
    ]


# The LM head and the look-up -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("conventions", "positions"),
    [({}, 1024), ({"lm_head_positions": "last"}, 1), ({"lm_head": "left_out"}, 0)],
    ids=["all", "last", "left_out"],
)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_the_lm_head_is_2_flop_per_weight_at_each_position_with_logits(conventions, positions, tied):
    """Others count the head once instead of twice per weight, at one position where all have logits, or not if tied."""
    models = shipped("gpt2-small", tie_embeddings=tied)
    found = study(models, 1024, conventions=conventions, batch_size=3)["scenario"].iloc[0]
    # torch counts 79,047,426,048 for the head of one sequence at 1,024 positions, and all else whatever the head does.
    truth = TRUTH["gpt2-small"]["forward_flops"]["1024"]
    head = truth["lm_head"] * positions // 1024
    assert (found["flops_lm_head"], found["flops_forward"]) == (
        3 * head,
        3 * (truth["total"] - truth["lm_head"] + head),
    )


def test_looking_up_an_embedding_is_no_flop():
    """Chinchilla's appendix F charges the look-up as a product with the whole vocabulary; others count it by 6N."""
    sizes = {"small": {"vocab_size": 100}, "large": {"vocab_size": 200_000, "max_positions": 1_000_000}}
    models = {name: {"model": "gpt2-small"} | inputs for name, inputs in sizes.items()}
    found = study(models, 1024)["scenario"].droplevel("context_length")
    assert (found["flops_forward"] - found["flops_lm_head"]).nunique() == 1
    # The head of 768 × V, and nothing else, grows with the vocabulary; the estimate of Chinchilla has it twice.
    more = 2 * 1024 * 768 * (200_000 - 100)
    work = found[["flops_forward", "estimate_chinchilla"]]
    assert (work.loc["large"] - work.loc["small"]).tolist() == [more, 3 * 2 * more]


# What is not there, and what is not understood -----------------------------------------------------------------------


def test_a_configuration_that_is_not_there_computes_no_default_model(tmp_path):
    """xtuner computes a default model where the configuration is missing."""
    missing = tmp_path / "config.json"
    for reader in (load_spec, read_config):
        with pytest.raises(FileError) as caught:
            reader(missing)
        assert str(caught.value) == f"cannot read '{missing}': no such file or directory; check the path"


def test_a_model_of_which_nothing_is_said_is_refused_with_what_is_missing():
    """xtuner fills what is not said with a default model."""
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": {}}}
    fact = "models.m: n_layers, d_model, vocab_size, n_heads, d_ff, ffn are missing"
    assert f"{fact}; write them here or under defaults:" in refusal(spec)


def test_an_unknown_key_of_a_spec_is_refused_by_name():
    """xtuner drops keys that it does not know, and with them what they say."""
    spec = {"version": 1, "context_lengths": [1024], "models": shipped("llama-2-7b", num_key_value_heads=8)}
    assert "models.llama-2-7b.num_key_value_heads: unknown key 'num_key_value_heads'; " in refusal(spec)


def test_an_unknown_key_of_a_configuration_is_refused_by_name():
    """xtuner drops keys that it does not know, and with them what they say."""
    with pytest.raises(SpecError) as caught:
        to_inputs(TRUTH["llama-2-7b"]["hf_config"] | {"n_memory_tokens": 4})
    assert [problem.path for problem in caught.value.problems] == ["n_memory_tokens"]
