"""Files as their makers published them, with keys that one would not think of: what transformers counts of them."""

from __future__ import annotations

from typing import Any

import pytest

from flopsheet.importers.huggingface import to_inputs
from studies import frames_of

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

# Parameters as transformers 5.24.0 counts them on the meta device.
COUNTS: dict[str, tuple[dict[str, Any], int]] = {
    "Llama 4 Maverick": (MAVERICK, 400_711_848_960),
    # a key that nothing reads; every other one is at its default
    "MiniMax-M2": ({"model_type": "minimax_m2", "mlp_intermediate_size": 8192}, 228_689_748_992),
    # `intermediate_size` counts, not `expand`
    "Falcon-Mamba 7B": (FALCON_MAMBA, 7_272_665_088),
    "Mamba with both": (MAMBA, 29_134_336),
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_published_file_has_the_parameters_that_transformers_counts(name: str) -> None:
    config, count = COUNTS[name]
    study = {"version": 1, "context_lengths": [1024], "models": {"m": to_inputs(config)}}
    assert int(frames_of(study)["model"]["n_params"]["m"]) == count


def test_an_empty_list_of_layers_with_positions_is_none_for_llama_4() -> None:
    # configuration_llama4.py: `self.no_rope_layers if self.no_rope_layers else default_no_rope_layers`
    assert to_inputs(MAVERICK) == to_inputs({key: value for key, value in MAVERICK.items() if key != "no_rope_layers"})
