"""What a spec says in brief: kinds of FFN, attention and mixers, and the inputs that each stands for."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.records import NamedTuple

FFN_KINDS = {"swiglu": 3, "geglu": 3, "reglu": 3, "gated": 3, "gelu": 2, "relu": 2, "relu2": 2, "silu": 2, "plain": 2,
             "none": 0}  # fmt: skip
FFN_INPUT = "ffn_matrices"  # what `ffn:` says by the name of a kind


def input_of(key: str) -> str:
    """The input that a key of a model says."""
    return FFN_INPUT if key == "ffn" else key


# kind of attention -> what it says of the inputs, and the keys that must stand beside it.
ATTENTION_KINDS: dict[str, tuple[dict[str, int | str], tuple[str, ...]]] = {
    "mha": ({"n_kv_heads": "n_heads", "kv_lora_rank": 0}, ()),
    "gqa": ({"kv_lora_rank": 0}, ("n_kv_heads",)),
    "mqa": ({"n_kv_heads": 1, "kv_lora_rank": 0}, ()),
    "mla": ({}, ("kv_lora_rank", "d_qk_nope", "d_qk_rope", "d_v")),
}
ATTENTION_KEYS = (
    "n_heads", "n_kv_heads", "d_head", "window", "kv_lora_rank", "q_lora_rank", "d_qk_nope", "d_qk_rope", "d_v",
    "qkv_bias", "o_bias", "qk_norm", "attention_sinks",
    "attention_chunk", "attention_gate", "keys_as_values", "cache_both", "shared_kv_cache", "o_lora_rank", "n_o_groups",
    "index_top_k", "n_index_heads", "d_index", "index_head_weights", "compress_ratio", "compress_overlap",
)  # fmt: skip
MOE_KEYS = (
    "n_experts", "n_active_experts", "d_expert", "n_shared_experts", "d_shared_expert", "shared_expert_gate",
    "expert_bias", "router_bias", "d_expert_latent", "n_zero_experts", "ffn_beside_experts",
)  # fmt: skip
LINEAR_KEYS = ("n_linear_key_heads", "n_linear_value_heads", "d_linear_key", "d_linear_value")
SSM_KEYS = ("n_ssm_heads", "d_ssm_head", "d_state")


class MixerKind(NamedTuple):
    """What a kind of token mixer fixes, which keys must stand beside it, and what it assumes where nothing is said."""

    fixes: Mapping[str, int | str]
    needs: tuple[str, ...]
    assumes: Mapping[str, int | str | bool]


MIXER_KINDS = {
    "gated_delta_net": MixerKind(
        {"linear_attention": "gated_delta_net"}, ("n_linear_key_heads", "d_linear_key"), {"d_conv": 4}
    ),
    "kda": MixerKind({"linear_attention": "kda"}, ("n_linear_key_heads", "d_linear_key"), {"d_conv": 4}),
    "lightning": MixerKind({"linear_attention": "lightning"}, ("n_linear_key_heads", "d_linear_key"), {}),
    "mlstm": MixerKind({"linear_attention": "mlstm"}, ("n_linear_key_heads", "d_linear_key"), {}),
    "mamba": MixerKind({}, ("d_ssm_head", "d_state", "dt_rank"), {"n_ssm_heads": 1, "d_conv": 4, "conv_bias": True}),
    "mamba2": MixerKind(
        {"dt_rank": 0}, ("n_ssm_heads", "d_ssm_head", "d_state"), {"ssm_norm": "inner", "d_conv": 4, "conv_bias": True}
    ),
    "rg_lru": MixerKind({}, ("d_rnn",), {"d_conv": 4, "conv_bias": True, "mixer_bias": True}),
    "short_conv": MixerKind({}, (), {"d_short_conv": "d_model", "d_conv": 3}),
    "none": MixerKind({}, (), {}),
}
MIXER_KEYS = (
    *LINEAR_KEYS, "d_linear_gate", *SSM_KEYS, "n_ssm_groups", "dt_rank", "ssm_norm", "d_rnn", "n_rnn_blocks",
    "d_short_conv", "d_conv", "conv_bias", "mixer_bias",
)  # fmt: skip
# What a spec says under a key with a note -> the inputs that it stands for.
OTHERS = {
    "other_params": {
        "params": "n_other_params",
        "idle": "n_other_params_idle",
        "weights": "n_other_params_matmul",
        "conv_weights": "n_other_params_conv",
        "state_values": "n_other_state_values",
    },
    "other_model_params": {
        "params": "n_model_other_params",
        "weights": "n_model_other_params_matmul",
        "state_values": "n_model_other_state_values",
    },
}
SWEEP_WORDS = frozenset({"zip", "exclude"})  # keys beside the inputs of a sweep
