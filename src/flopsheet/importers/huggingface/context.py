"""The longest context in words, where positions are stretched or the file names another length."""

from __future__ import annotations

from typing import Any

from flopsheet.numerics import LARGEST_INPUT
from flopsheet.yamlio.source import Data

STRETCHED = ("yarn", "deepseek_yarn", "longrope", "su", "llama3", "dynamic", "linear")
CALLED = {"yarn": "YaRN", "deepseek_yarn": "YaRN", "longrope": "LongRoPE", "su": "LongRoPE", "llama3": "Llama 3's rule"}


def remark(config: Data, longest: int) -> str:
    """That the longest context is stretched, and from what; empty where it is not."""
    for key in ("rope_scaling", "rope_parameters"):
        for said in _scalings(config.get(key)):
            kind = str(said.get("rope_type") or said.get("type"))
            original = _number(said.get("original_max_position_embeddings"))
            original = original or _number(config.get("original_max_position_embeddings"))
            factor = _number(said.get("factor"))
            if kind not in STRETCHED or not (factor or original):
                continue
            how = f"by {CALLED.get(kind, f'{kind} scaling')}{f' (factor {factor:g})' if factor else ''}"
            if not original:
                return f"Contexts are stretched {how}; the file says {longest:,} tokens."
            reached = int(original * factor) if factor else longest
            other = f"; the file says {longest:,}" if reached > longest else ""
            return (
                f"Contexts beyond {int(original):,} tokens are stretched {how}, up to {max(longest, reached):,}{other}."
            )
    return ""


def other_length(config: Data, longest: int) -> str:
    """That the file names a longer text than the longest context; empty where it does not."""
    said = _number(config.get("model_max_length"))
    if not longest < said <= LARGEST_INPUT:  # tokenizers write 1e30 for no limit
        return ""
    return (
        f"model_max_length says {int(said):,} tokens; the longest context is the {longest:,} of the model's positions."
    )


def _scalings(said: Any) -> list[Data]:
    """A scaling, or one for each kind of layer."""
    if not isinstance(said, dict):
        return []
    return [said, *(inner for inner in said.values() if isinstance(inner, dict))]


def _number(value: Any) -> float:
    """A number above 0; 0 for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0
