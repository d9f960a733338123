"""Models of 2026 written by hand, as their published configurations describe them."""

from __future__ import annotations

from typing import Any

Model = dict[str, Any]


def delta_net(n_keys: int, n_values: int) -> Model:
    """A gated delta net with heads 128 wide and a kernel of 4."""
    return {
        "kind": "gated_delta_net",
        "n_linear_key_heads": n_keys,
        "n_linear_value_heads": n_values,
        "d_linear_key": 128,
        "d_linear_value": 128,
    }


def moe(n_experts: int, active: int, width: int, shared: int = 1) -> Model:
    return {"n_experts": n_experts, "n_active_experts": active, "d_expert": width, "n_shared_experts": shared}


_GATED = {"kind": "gqa", "d_head": 256, "qk_norm": "per_head", "attention_gate": "per_channel"}
QWEN35_35B: Model = {
    "vocab_size": 248320,
    "d_model": 2048,
    "ffn": "swiglu",
    "moe": moe(256, 8, 512) | {"shared_expert_gate": True},
    "layers": [
        {"n_layers": 30, "mixer": delta_net(16, 32)},
        {"n_layers": 10, "attention": _GATED | {"n_heads": 16, "n_kv_heads": 2}},
    ],
}
QWEN35_27B: Model = {
    "vocab_size": 248320,
    "d_model": 5120,
    "ffn": "swiglu",
    "d_ff": 17408,
    "layers": [
        {"n_layers": 48, "mixer": delta_net(16, 48)},
        {"n_layers": 16, "attention": _GATED | {"n_heads": 24, "n_kv_heads": 4}},
    ],
}
NEMOTRON3_NANO: Model = {
    "vocab_size": 131072,
    "d_model": 2688,
    "n_norms": 1,
    "layers": [
        {
            "n_layers": 23,
            "ffn": "none",
            "mixer": {"kind": "mamba2", "n_ssm_heads": 64, "d_ssm_head": 64, "n_ssm_groups": 8, "d_state": 128},
        },
        {
            "n_layers": 23,
            "mixer": {"kind": "none"},
            "ffn": "relu2",
            "moe": moe(128, 6, 1856) | {"d_shared_expert": 3712},
        },
        {"n_layers": 6, "ffn": "none", "attention": {"kind": "gqa", "n_heads": 32, "n_kv_heads": 2, "d_head": 128}},
    ],
}
_LATENT = {
    "kind": "mla", "n_heads": 128, "kv_lora_rank": 512, "q_lora_rank": 1536, "d_qk_nope": 128, "d_qk_rope": 64,
    "d_v": 128,
}  # fmt: skip
DEEPSEEK_V3: Model = {
    "vocab_size": 129280,
    "d_model": 7168,
    "ffn": "swiglu",
    "attention": _LATENT,
    "layers": [{"n_layers": 3, "d_ff": 18432}, {"n_layers": 58, "moe": moe(256, 8, 2048)}],
}
DEEPSEEK_V32: Model = DEEPSEEK_V3 | {
    "attention": _LATENT | {"index_top_k": 2048, "n_index_heads": 64, "d_index": 128},
}
_V4 = {
    "kind": "mqa", "n_heads": 64, "d_head": 512, "q_lora_rank": 1024, "keys_as_values": True, "window": 128,
    "o_lora_rank": 1024, "n_o_groups": 8, "attention_sinks": True,
}  # fmt: skip
DEEPSEEK_V4_FLASH: Model = {
    "vocab_size": 129280,
    "d_model": 4096,
    "ffn": "swiglu",
    "moe": moe(256, 6, 2048),
    "n_streams": 4,
    "other_params": {"note": "norm of the shared key and value", "params": 512},
    "layers": [
        {"n_layers": 2, "attention": _V4},
        {
            "n_layers": 21,
            "attention": _V4
            | {"compress_ratio": 4, "compress_overlap": True, "index_top_k": 512, "n_index_heads": 64, "d_index": 128},
        },
        {"n_layers": 20, "attention": _V4 | {"compress_ratio": 128}},
        {"n_layers": 0, "attention": _V4},
    ],
}
GEMMA4_26B: Model = {
    "vocab_size": 262144,
    "d_model": 2816,
    "tie_embeddings": True,
    "ffn": "geglu",
    "d_ff": 2112,
    "n_norms": 7,
    "moe": {"n_experts": 128, "n_active_experts": 8, "d_expert": 704, "ffn_beside_experts": True},
    "other_params": {"note": "scales of the router", "params": "d_model + n_experts"},
    "layers": [
        {
            "n_layers": 25,
            "attention": {
                "kind": "gqa", "n_heads": 16, "n_kv_heads": 8, "d_head": 256, "qk_norm": "per_head", "window": 1024
            },
        },
        {
            "n_layers": 5,
            "attention": {
                "kind": "gqa", "n_heads": 16, "n_kv_heads": 2, "d_head": 512, "qk_norm": "per_head",
                "keys_as_values": True, "cache_both": True,
            },
        },
    ],
}  # fmt: skip
GEMMA4_PER_LAYER: Model = {
    "vocab_size": 262144,
    "d_model": 2304,
    "tie_embeddings": True,
    "ffn": "geglu",
    "d_ff": 9216,
    "n_norms": 4,
    "d_per_layer_embedding": 256,
    "attention": {"kind": "gqa", "n_heads": 8, "n_kv_heads": 4, "qk_norm": "per_head"},
    "layers": [{"n_layers": 25, "d_head": 256, "window": 512}, {"n_layers": 5, "d_head": 512}],
}
FALCON_H1: Model = {
    "vocab_size": 128000,
    "d_model": 4096,
    "n_layers": 32,
    "ffn": "swiglu",
    "d_ff": 14336,
    "attention": {"kind": "gqa", "n_heads": 32, "n_kv_heads": 8, "d_head": 128},
    "mixer": {"kind": "mamba2", "n_ssm_heads": 128, "d_ssm_head": 8, "d_state": 256, "ssm_norm": "none"},
}
LFM2: Model = {
    "vocab_size": 65536,
    "d_model": 2048,
    "tie_embeddings": True,
    "ffn": "swiglu",
    "d_ff": 8192,
    "layers": [
        {"n_layers": 10, "mixer": {"kind": "short_conv"}},
        {"n_layers": 6, "attention": {"kind": "gqa", "n_heads": 32, "n_kv_heads": 8, "qk_norm": "per_head"}},
    ],
}
_SCOUT = {"kind": "gqa", "n_heads": 40, "n_kv_heads": 8, "d_head": 128}
LLAMA4_SCOUT: Model = {
    "vocab_size": 202048,
    "d_model": 5120,
    "ffn": "swiglu",
    "moe": moe(16, 1, 8192),
    "layers": [
        {"n_layers": 36, "attention": _SCOUT | {"attention_chunk": 8192}},
        {"n_layers": 12, "attention": _SCOUT},
    ],
}
_KDA = {"kind": "kda", "n_linear_key_heads": 32, "d_linear_key": 128, "d_linear_gate": 128}
KIMI_LINEAR: Model = {
    "vocab_size": 163840,
    "d_model": 2304,
    "ffn": "swiglu",
    "layers": [
        {"n_layers": 1, "d_ff": 9216, "mixer": _KDA},
        {"n_layers": 20, "moe": moe(256, 8, 1024), "mixer": _KDA},
        {
            "n_layers": 6,
            "moe": moe(256, 8, 1024),
            "attention": {
                "kind": "mla", "n_heads": 32, "kv_lora_rank": 512, "d_qk_nope": 128, "d_qk_rope": 64, "d_v": 128
            },
        },
    ],
}  # fmt: skip
_MAMBA = {"kind": "mamba", "d_ssm_head": 8192, "d_state": 16, "dt_rank": 256, "ssm_norm": "parts"}
_JAMBA = {"kind": "gqa", "n_heads": 32, "n_kv_heads": 8}
JAMBA_MINI: Model = {
    "vocab_size": 65536,
    "d_model": 4096,
    "ffn": "swiglu",
    "layers": [
        {"n_layers": 14, "d_ff": 14336, "mixer": _MAMBA},
        {"n_layers": 14, "moe": moe(16, 2, 14336, 0), "mixer": _MAMBA},
        {"n_layers": 2, "d_ff": 14336, "attention": _JAMBA},
        {"n_layers": 2, "moe": moe(16, 2, 14336, 0), "attention": _JAMBA},
    ],
}
MINIMAX_01: Model = {
    "vocab_size": 200064,
    "d_model": 6144,
    "ffn": "swiglu",
    "moe": moe(32, 2, 9216, 0),
    "layers": [
        {"n_layers": 70, "mixer": {"kind": "lightning", "n_linear_key_heads": 64, "d_linear_key": 128}},
        {"n_layers": 10, "attention": {"kind": "gqa", "n_heads": 64, "n_kv_heads": 8, "d_head": 128}},
    ],
}
RECURRENT_GEMMA: Model = {
    "vocab_size": 256000,
    "d_model": 2560,
    "tie_embeddings": True,
    "ffn": "geglu",
    "d_ff": 3840,
    "ffn_bias": True,
    "layers": [
        {"n_layers": 18, "mixer": {"kind": "rg_lru", "d_rnn": 2560, "n_rnn_blocks": 10}},
        {"n_layers": 8, "attention": {"kind": "mha", "n_heads": 10, "d_head": 256, "o_bias": True, "window": 2048}},
    ],
}
XLSTM: Model = {
    "vocab_size": 50304,
    "d_model": 4096,
    "n_layers": 32,
    "ffn": "swiglu",
    "d_ff": 10944,
    "mixer": {"kind": "mlstm", "n_linear_key_heads": 8, "d_linear_key": 256, "d_linear_value": 512},
    "other_model_params": {"note": "counter of positions", "state_values": 1},
}
_ZAMBA = {"kind": "mamba", "n_ssm_heads": 2, "d_ssm_head": 3712, "d_state": 16, "dt_rank": 232}
ZAMBA: Model = {
    "vocab_size": 32000,
    "d_model": 3712,
    "tie_embeddings": True,
    "layers": [
        {"n_layers": 63, "n_norms": 1, "ffn": "none", "mixer": _ZAMBA},
        {
            "n_layers": 13,
            "n_norms": 1,
            "ffn": "none",
            "mixer": _ZAMBA,
            "other_params": {"note": "out of the shared block", "weights": "d_model * d_model"},
        },
        {
            "n_layers": 13,
            "n_stored_layers": 1,
            "n_norms": 1,
            "attention": {"kind": "mha", "n_heads": 16, "d_head": 464},
            "ffn": "gated",
            "d_ff": 14848,
            # Its input is the stream beside the embedding, 2·D wide: Q, K and V have twice the rows, and the norm.
            "other_params": {"note": "width 2·D of the input", "params": 7424, "weights": "3 * d_model * 7424"},
        },
    ],
}
