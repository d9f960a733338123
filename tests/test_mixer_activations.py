"""What autograd keeps of token mixers is, byte for byte, what it kept of other people's layers and kernels."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from studies import frames_of
from test_activations import PRECISIONS

# torch 2.13.0, transformers 5.24.0, flash-linear-attention 0.6.0, mlstm-kernels 2.0.6, mamba-ssm 2.3.2 and
# causal-conv1d 1.7.0, on a CPU: benchmarks/measure_mixers.py.
FILE = Path(__file__).parent / "truth" / "saved_mixers.json"
ROWS: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["rows"]
KINDS = {"mamba_1": "mamba", "mamba_1_with_norms": "mamba", "mamba_2": "mamba2", "short_convolution": "short_conv"}
NORMS = {"mamba_1": "none", "mamba_1_with_norms": "parts", "mamba_2": "inner"}


def said(row: dict[str, Any]) -> dict[str, Any]:
    """The measured mixer as a model of one layer."""
    inputs = dict(row["inputs"])
    width = inputs.pop("d_short_conv", 96)
    mixer = {"kind": KINDS.get(row["mixer"], row["mixer"])} | inputs
    if row["mixer"] in NORMS:
        mixer |= {"ssm_norm": NORMS[row["mixer"]]}
    return {"d_model": width, "vocab_size": 100, "layers": [{"n_layers": 1, "mixer": mixer, "ffn": "none"}]}


@cache
def kept() -> dict[str, int]:
    """Bytes of the mixers of one sequence by our formulas, in one study."""
    runs = {
        f"r{at}": {"model": f"m{at}", "hardware": "a100-80gb", "context_length": row["context_length"]}
        | {"precision": PRECISIONS[row["dtype"]]}
        for at, row in enumerate(ROWS)
    }
    models = {f"m{at}": said(row) for at, row in enumerate(ROWS)}
    spec = {"version": 1, "context_lengths": [64], "models": models, "training": runs}
    return frames_of(spec)["training_layer"]["mixer_bytes_layer"].groupby(level=0).first().astype(int).to_dict()


def apart(row: dict[str, Any], value: int) -> int:
    """Bytes of a measured layer that don't grow with its tokens, which the formulas leave out; of mLSTM its layer."""
    inputs = row["inputs"]
    match row["mixer"]:
        case "gated_delta_net" | "kda":  # the exponential of the decay and its negative, one number a head
            return 2 * 4 * inputs["n_linear_value_heads"]
        case "lightning":  # a slope for each head
            return 4 * inputs["n_linear_value_heads"]
        case "mlstm":  # the kernel alone: without output, gate and their product; it keeps three scalars
            values = inputs["n_linear_value_heads"] * inputs["d_linear_value"]
            return 4 + 8 + 4 - 3 * row["batch_size"] * row["context_length"] * values * value
        case "mamba_2":  # the exponential of the decay and its negative
            return 2 * 4 * inputs["n_ssm_heads"]
        case "mamba_1" | "mamba_1_with_norms":  # the same for each channel's states, and D and the bias cast to fp32
            channels = inputs["d_ssm_head"]
            return 2 * 4 * channels * inputs["d_state"] + (2 * 4 * channels if value == 2 else 0)
        case (
            "rg_lru"
        ):  # the convolution pads; softplus of the decay; where texts begin, twice; no decay of the first token
            padding = row["batch_size"] * (inputs["d_conv"] - 1) * inputs["d_rnn"] * value
            first = row["batch_size"] * inputs["d_rnn"] * 4 if value == 2 else 0
            return padding - first + inputs["d_rnn"] * value + 2 * row["context_length"]
    return 0


@pytest.mark.parametrize("at", range(len(ROWS)), ids=lambda at: f"{ROWS[at]['mixer']}-{ROWS[at]['dtype']}-{at}")
def test_a_mixer_keeps_what_autograd_saved_of_it(at: int) -> None:
    row = ROWS[at]
    ours = row["batch_size"] * kept()[f"r{at}"] + apart(row, 4 if row["dtype"] == "float32" else 2)
    assert ours == row["saved_bytes"]
