"""Files as their makers published them, with keys that one would not think of: what transformers counts of them."""

from __future__ import annotations

from typing import Any

import pytest

from flopsheet.importers.huggingface import to_inputs, to_spec
from studies import frames_of
from test_import_files import remarks_of

MAVERICK = {
    "model_type": "llama4_text", "hidden_size": 5120, "intermediate_size": 8192, "intermediate_size_mlp": 16384,
    "num_hidden_layers": 48, "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128,
    "interleave_moe_layer_step": 2, "num_local_experts": 128, "num_experts_per_tok": 1, "vocab_size": 202048,
    "attention_chunk_size": 8192, "max_position_embeddings": 1048576, "no_rope_layers": [],
}  # fmt: skip

FALCON_MAMBA = {
    "model_type": "falcon_mamba", "hidden_size": 4096, "num_hidden_layers": 64, "expand": 16, "intermediate_size": 8192,
    "state_size": 16, "conv_kernel": 4, "time_step_rank": 256, "vocab_size": 65024, "tie_word_embeddings": False,
}  # fmt: skip
MAMBA = {"model_type": "mamba", "hidden_size": 512, "num_hidden_layers": 2, "expand": 16, "intermediate_size": 1024}
ERNIE = {
    "model_type": "ernie4_5_moe", "hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 54,
    "num_attention_heads": 64, "num_key_value_heads": 8, "vocab_size": 103424, "use_bias": False,
    "moe_intermediate_size": 3584, "moe_k": 8, "moe_num_experts": 64, "moe_num_shared_experts": 0,
    "moe_layer_start_index": 3, "moe_layer_end_index": 53, "moe_layer_interval": 1, "num_nextn_predict_layers": 1,
    "tie_word_embeddings": False,
}  # fmt: skip
SMALL_ERNIE = {
    "model_type": "ernie4_5_moe", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100, "use_bias": True,
    "moe_intermediate_size": 32, "moe_k": 2, "moe_num_experts": 4, "moe_num_shared_experts": 0,
}  # fmt: skip

# Parameters as transformers 5.24.0 counts them on the meta device.
COUNTS: dict[str, tuple[dict[str, Any], int]] = {
    "Llama 4 Maverick": (MAVERICK, 400_711_848_960),
    # a key that nothing reads; every other one is at its default
    "MiniMax-M2": ({"model_type": "minimax_m2", "mlp_intermediate_size": 8192}, 228_689_748_992),
    # `intermediate_size` counts, not `expand`
    "Falcon-Mamba 7B": (FALCON_MAMBA, 7_272_665_088),
    "Mamba with both": (MAMBA, 29_134_336),
    "ERNIE 4.5 300B": (ERNIE, 299_484_163_264),
    "ERNIE 4.5 with biases and no shared experts": (SMALL_ERNIE, 81_512),
    "ERNIE 4.5 with biases and shared experts": (SMALL_ERNIE | {"moe_num_shared_experts": 2}, 93_992),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_published_file_has_the_parameters_that_transformers_counts(name: str) -> None:
    config, count = COUNTS[name]
    study = {"version": 1, "context_lengths": [1024], "models": {"m": to_inputs(config)}}
    assert int(frames_of(study)["model"]["n_params"]["m"]) == count


def test_an_empty_list_of_layers_with_positions_is_none_for_llama_4() -> None:
    # configuration_llama4.py: `self.no_rope_layers if self.no_rope_layers else default_no_rope_layers`
    assert to_inputs(MAVERICK) == to_inputs({key: value for key, value in MAVERICK.items() if key != "no_rope_layers"})


def test_the_layer_of_ernie_for_further_tokens_is_named_with_how_to_count_it() -> None:
    assert "`n_mtp_layers: 1` counts it" in remarks_of(to_spec(ERNIE, "m"))


def test_inputs_of_some_layers_stand_in_the_order_of_their_family_in_every_run() -> None:
    indexed = to_inputs({"model_type": "dots3_note_text"})["layers"][0]
    assert [name for name in indexed if "index" in name] == ["n_index_heads", "index_top_k", "d_index"]
