"""Studies that tests edit: a family, layer groups, runs, inputs and metrics of their own, every architecture."""

from __future__ import annotations

from typing import Any

# Every model says its inputs itself: an edit of one cell must not reach another model through `extends`.
FAMILY: dict[str, Any] = {
    "version": 1,
    "title": "family",
    "context_lengths": [1024, 16384],
    "weights": "fp32",
    "conventions": {"ffn_matmuls": 2},
    "models": {
        "small": {
            "n_layers": 12,
            "d_model": 768,
            "n_heads": 12,
            "vocab_size": 50257,
            "ffn": "swiglu",
            "d_ff": "4 * d_model",
        },
        "medium": {
            "n_layers": 24,
            "d_model": 1024,
            "n_heads": 16,
            "vocab_size": 50257,
            "ffn": "swiglu",
            "d_ff": "4 * d_model",
        },
        "xl": {"n_layers": 48, "d_model": 1600, "n_heads": 25, "vocab_size": 50257, "ffn": "gelu", "d_ff": 6400},
        "xl-tied": {
            "n_layers": 48,
            "d_model": 1600,
            "n_heads": 25,
            "vocab_size": 50257,
            "ffn": "swiglu",
            "d_ff": "4 * d_model",
            "tie_embeddings": True,
        },
    },
    "expect": [
        {"that": "xl.n_params", "at_least": 1e9},
        {"that": "small.flops_forward", "context_length": 1024, "equals": 291648307200},
    ],
}

# Models of several layer groups, so that sums and the look-up on Context meet more than one column.
GROUPS: dict[str, Any] = {
    "version": 1,
    "context_lengths": [2048, 8192, 32768],
    "models": {
        "plain": {
            "n_layers": 8,
            "d_model": 512,
            "n_heads": 8,
            "n_kv_heads": 2,
            "vocab_size": 32000,
            "ffn": "swiglu",
            "d_ff": 1408,
        },
        "mixed": {
            "d_model": 640,
            "n_heads": 10,
            "vocab_size": 32000,
            "positions": "learned",
            "max_positions": 4096,
            "norm": "layernorm",
            "layers": [
                {"name": "first", "n_layers": 1, "ffn": "gelu", "d_ff": 2560},
                {"name": "middle", "n_layers": 10, "ffn": "swiglu", "d_ff": "3 * d_model", "n_kv_heads": 5},
                {"name": "last", "n_layers": 1, "ffn": "gelu", "d_ff": 2560, "d_head": 128},
            ],
        },
        "other": {
            "n_layers": 6,
            "d_model": 256,
            "n_heads": 4,
            "vocab_size": 1000,
            "ffn": "relu",
            "d_ff": "4 * d_model",
            "final_norm": False,
        },
    },
}

# Peaks in every format, so that an edited precision finds one.
BOX: dict[str, Any] = {
    "peak_flops_fp32": 50e12,
    "peak_flops_tf32": 100e12,
    "peak_flops_bf16": 200e12,
    "peak_flops_fp16": 210e12,
    "peak_flops_fp8": 400e12,
    "peak_flops_int8": 410e12,
    "memory_bytes": 64e9,
    "memory_bandwidth": 2e12,
    "link_bandwidth": 400e9,
    "network_bandwidth": 25e9,
    "matmul_efficiency": 0.7,
    "fused_attention_efficiency": 0.3,
    "power_watts": 500,
    "price_per_hour": 1.5,
}

# Runs whose models have one, two and three layer groups: grouped heads, windows, experts, latents.
RUNS: dict[str, Any] = {
    "version": 1,
    "context_lengths": [2048],
    "models": {
        "plain": {
            "n_layers": 8,
            "d_model": 512,
            "n_heads": 8,
            "n_kv_heads": 2,
            "vocab_size": 32000,
            "ffn": "gelu",
            "d_ff": "4 * d_model",
            "norm": "layernorm",
            "positions": "learned",
            "max_positions": 8192,
            "tie_embeddings": True,
        },
        "latent": {
            "d_model": 256,
            "n_heads": 8,
            "vocab_size": 32000,
            "ffn": "swiglu",
            "kv_lora_rank": 64,
            "q_lora_rank": 96,
            "d_qk_nope": 32,
            "d_qk_rope": 16,
            "d_v": 32,
            "layers": [
                {"name": "dense", "n_layers": 2, "d_ff": 1024},
                {
                    "name": "experts",
                    "n_layers": 10,
                    "d_ff": 0,
                    "n_experts": 16,
                    "n_active_experts": 4,
                    "d_expert": 128,
                    "n_shared_experts": 1,
                },
            ],
        },
        "windows": {
            "d_model": 384,
            "n_heads": 8,
            "n_kv_heads": 4,
            "d_head": 64,
            "vocab_size": 50000,
            "ffn": "swiglu",
            "d_ff": 1536,
            "qk_norm": "per_head",
            "layers": [
                {"name": "local", "n_layers": 6, "window": 512},
                {"name": "global", "n_layers": 4},
                {"name": "wide", "n_layers": 2, "window": 4096, "n_norms": 4},
            ],
        },
    },
    "hardware": {"box": BOX, "crate": BOX | {"memory_bytes": 20e9, "price_per_hour": "none", "link_bandwidth": "none"}},
    "training": {
        "small": {
            "model": "plain",
            "hardware": "box",
            "context_length": 2048,
            "micro_batch_size": 4,
            "n_tokens": "20 * 1e6 * micro_batch_size",
        },
        "spread": {
            "model": "latent",
            "hardware": "box",
            "context_length": 4096,
            "n_devices": 32,
            "tensor_parallel": 2,
            "sequence_parallel": True,
            "pipeline_parallel": 2,
            "virtual_stages": 2,
            "expert_parallel": 4,
            "zero_stage": 1,
            "global_batch_size": 64,
            "n_tokens": 1e12,
            "recomputation": "selective",
            "attention_kernel": "eager",
            "grid_carbon": 0.3,
            "adapter_rank": 8,
        },
        "measured": {
            "model": "windows",
            "hardware": "crate",
            "context_length": 8192,
            "n_devices": 16,
            "context_parallel": 4,
            "zero_stage": 3,
            "recomputation": "full",
            "n_tokens": "1e4 * global_batch_size * context_length",
            "measured_tokens_per_second": "1000 * n_devices",
            "optimizer": "muon",
        },
    },
    "serving": {
        "chat": {"model": "plain", "hardware": "box", "prompt_length": 1000, "generated_length": 200},
        "many": {
            "model": "latent",
            "hardware": "crate",
            "prompt_length": 3000,
            "generated_length": "prompt_length / 2",
            "n_sequences": 64,
            "n_devices": 16,
            "tensor_parallel": 2,
            "pipeline_parallel": 2,
            "attention_data_parallel": 2,
            "expert_parallel": 4,
            "prefix_hit_rate": 0.25,
            "weight_format": "fp8",
            "cache_format": "q8_0",
        },
        "long": {
            "model": "windows",
            "hardware": "box",
            "prompt_length": 20000,
            "generated_length": 100,
            "n_sequences": 4,
            "memory_utilisation": 0.9,
            "chunk_length": 512,
            "window_cache": "window_and_chunk",
            "cache_memory_gib": 2.5,
        },
    },
    "expect": [{"that": "small.fits", "equals": "yes"}, {"that": "chat.largest_batch", "at_least": 10}],
}

# Inputs and metrics that a spec defines itself, at several grains, reading each other and built-in ones.
OWN: dict[str, Any] = {
    **GROUPS,
    "load_factor": 0.5,
    "inputs": [
        {"name": "load_factor", "label": "Load", "grain": "study", "unit": "ratio", "most": 200, "doc": "How full."},
        {
            "name": "lora_rank",
            "label": "LoRA rank",
            "grain": "model",
            "unit": "width",
            "default": "max(1, d_model / 64)",
            "doc": "Rank of the adapters.",
        },
        {
            "name": "adapted",
            "label": "Adapted",
            "grain": "layer_group",
            "unit": "text",
            "choices": ["attention", "all", "none"],
            "default": "attention",
            "doc": "Which matrices have adapters.",
        },
    ],
    "metrics": [
        {
            "name": "n_group_lora",
            "label": "Adapters of a group",
            "grain": "layer_group",
            "unit": "parameters",
            "formula": "where(adapted == none, 0, lora_rank * n_group_layers * (2 * d_model + n_lora_ffn))",
            "doc": "Two matrices beside each adapted one.",
        },
        {
            "name": "n_lora_ffn",
            "label": "Widths of the FFN",
            "grain": "layer_group",
            "unit": "width",
            "formula": "where(adapted == all, ffn_matrices * (d_model + d_ff), 0)",
            "doc": "In and out of each matrix.",
        },
        {
            "name": "share_lora",
            "label": "Share of adapters",
            "grain": "model",
            "unit": "share",
            "formula": "sum(n_group_lora) / n_params",
            "doc": "Of all parameters.",
        },
        {
            "name": "loaded_tflop",
            "label": "Loaded",
            "grain": "scenario",
            "unit": "TFLOP",
            "formula": "load_factor * tflop_forward * (1 + share_lora)",
            "doc": "Forward pass at that load.",
            "level": "total",
        },
        {
            "name": "all_loaded",
            "label": "All contexts",
            "grain": "model",
            "unit": "TFLOP",
            "formula": "sum(loaded_tflop)",
            "doc": "Over the context lengths.",
        },
        {
            "name": "check_share_lora",
            "label": "Adapters are small",
            "grain": "model",
            "unit": "verdict",
            "formula": "share_lora < 0.1",
            "doc": "Below a tenth.",
        },
    ],
}

# Everything that a spec can say: runs, hardware, and inputs of its own.
EVERYTHING: dict[str, Any] = {**RUNS, **{key: OWN[key] for key in ("load_factor", "inputs", "metrics")}}

# A model whose layers have every mixer at once, so that each of its inputs can be edited.
EVERYTHING["models"] = EVERYTHING["models"] | {
    "mixed": {
        "d_model": 64,
        "vocab_size": 1000,
        "n_layers": 4,
        "ffn": "swiglu",
        "d_ff": 96,
        "n_heads": 8,
        "n_kv_heads": 4,
        "n_linear_key_heads": 2,
        "n_linear_value_heads": 4,
        "d_linear_key": 16,
        "n_ssm_heads": 4,
        "d_ssm_head": 16,
        "d_state": 8,
        "d_rnn": 32,
        "d_short_conv": 64,
        "d_conv": 4,
        "index_top_k": 512,
        "n_index_heads": 4,
        "d_index": 16,
        "n_experts": 8,
        "n_active_experts": 2,
        "d_expert": 32,
        "ffn_beside_experts": True,
    }
}
