"""The models and steps whose memory measure_memory.py measures, and the rows of its tables."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from transformers import GPT2Config, LlamaConfig, PreTrainedConfig

Config = Callable[[float], PreTrainedConfig]  # dropout -> configuration


@dataclass(frozen=True)
class Setup:
    """One model in one precision, with all steps that share its parameters and optimizer."""

    model: str
    precision: str  # float32 | bfloat16 (weights and state in bfloat16) | autocast (float32 weights)
    attention: str = "sdpa"
    dropout: float = 0.0
    optimizer: str = "fused"  # AdamW implementation; foreach makes temporaries of the parameters' size
    recomputations: tuple[bool, ...] = (False, True)
    batch_sizes: tuple[int, ...] = (4, 16)
    seq_len: int = 1024


@dataclass(frozen=True)
class Decoding:
    """Decoding steps of one model with a cache filled up to the context."""

    model: str
    batch_sizes: tuple[int, ...]
    context: int
    precision: str = "bfloat16"
    n_steps: int = 3


@dataclass(frozen=True)
class TrainingRow:
    """One measured training step, in bytes; None where nothing was measured."""

    model: str
    precision: str
    attention: str
    dropout: float
    optimizer: str
    recompute: bool
    batch_size: int
    seq_len: int
    n_params: int
    parameter_bytes: int
    optimizer_bytes: int | None = None
    gradient_bytes: int | None = None
    saved_bytes: int | None = None
    attention_kernel: str | None = None  # None where the graph does not show it (recomputation)
    start_bytes: int | None = None
    after_forward_bytes: int | None = None
    forward_peak_bytes: int | None = None
    backward_peak_bytes: int | None = None
    optimizer_peak_bytes: int | None = None
    peak_bytes: int | None = None
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class DecodingRow:
    """The peak of the decoding steps, in bytes; None where nothing was measured."""

    model: str
    precision: str
    batch_size: int
    context: int
    n_params: int
    parameter_bytes: int
    cache_bytes: int | None = None
    start_bytes: int | None = None
    peak_bytes: int | None = None
    seconds: float = 0.0
    error: str | None = None


def gpt2(d_model: int, n_layers: int, n_heads: int, vocab: int = 50257, positions: int = 1024) -> Config:
    """A GPT-2 configuration by its sizes."""

    def config(dropout: float) -> PreTrainedConfig:
        return GPT2Config(
            vocab_size=vocab, n_positions=positions, n_embd=d_model, n_layer=n_layers, n_head=n_heads,
            resid_pdrop=dropout, embd_pdrop=dropout, attn_pdrop=dropout, bos_token_id=0, eos_token_id=0,
        )  # fmt: skip

    return config


def llama(d_model: int, n_layers: int, n_heads: int, n_kv_heads: int, d_ffn: int, vocab: int) -> Config:
    """A Llama configuration by its sizes, embedding and head tied."""

    def config(dropout: float) -> PreTrainedConfig:
        if dropout:
            raise ValueError(f"dropout {dropout} in a Llama model: the model has none, write 0")
        return LlamaConfig(
            vocab_size=vocab, hidden_size=d_model, num_hidden_layers=n_layers, num_attention_heads=n_heads,
            num_key_value_heads=n_kv_heads, intermediate_size=d_ffn, max_position_embeddings=8192,
            tie_word_embeddings=True, bos_token_id=0, eos_token_id=0,
        )  # fmt: skip

    return config


MODELS: dict[str, Config] = {
    "gpt2-small": gpt2(768, 12, 12),
    "gpt2-medium": gpt2(1024, 24, 16),
    "llama-1b": llama(2048, 16, 32, 8, 8192, 128256),
}
TINY_MODELS: dict[str, Config] = {
    "gpt2-small": gpt2(48, 2, 4, vocab=500, positions=64),
    "gpt2-medium": gpt2(64, 3, 4, vocab=500, positions=64),
    "llama-1b": llama(64, 2, 4, 2, 128, 500),
}
BATCH_SIZES = {"gpt2-small": (4, 16), "gpt2-medium": (4, 8), "llama-1b": (1, 4)}
PRECISIONS = ("float32", "bfloat16", "autocast")

SETUPS = [
    *(Setup(m, p, batch_sizes=BATCH_SIZES[m]) for m, p in itertools.product(MODELS, PRECISIONS)),
    *(Setup("gpt2-small", p, attention="eager", recomputations=(False,)) for p in ("float32", "bfloat16")),
    *(Setup("gpt2-small", p, dropout=0.1, recomputations=(False,)) for p in ("float32", "bfloat16")),
    *(Setup("llama-1b", p, attention="eager", recomputations=(False,), batch_sizes=(1,)) for p in PRECISIONS[:2]),
    *(Setup("gpt2-medium", p, optimizer="foreach", recomputations=(True,), batch_sizes=(4,)) for p in PRECISIONS[:2]),
]
DECODINGS = [Decoding("llama-1b", batch_sizes=(8, 32), context=4096)]
