"""Formats of a checkpoint by part: which matrices are quantised, from the names of those that are not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from flopsheet.importers.huggingface import quantization
from flopsheet.spec.schema.data_model import DEFAULT
from flopsheet.yamlio.source import Data

LAYER = "{layer}"
# The matrices of each part of a layer as checkpoints call them; of experts the first stands for all.
MATRICES: Mapping[str, tuple[str, ...]] = {
    "attention": tuple(f"model.layers.{LAYER}.self_attn.{name}" for name in ("q_proj", "k_proj", "v_proj", "o_proj")),
    "ffn": tuple(f"model.layers.{LAYER}.mlp.{name}" for name in ("gate_proj", "up_proj", "down_proj")),
    "experts": tuple(f"model.layers.{LAYER}.mlp.experts.0.{name}" for name in ("gate_proj", "up_proj", "down_proj")),
    "shared_experts": tuple(
        f"model.layers.{LAYER}.mlp.shared_experts.{name}" for name in ("gate_proj", "up_proj", "down_proj")
    ),
    "state_space": (f"model.layers.{LAYER}.linear_attn.in_proj", f"model.layers.{LAYER}.mixer.in_proj"),
}
# A matrix that may stay in 16 bits inside a quantised part, as checkpoints call it; who names one layer's means all.
KEPT_INSIDE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "index_head_weights": (
        "attention",
        tuple(f"model.layers.{LAYER}.self_attn.{name}" for name in ("indexers_proj", "indexer.weights_proj")),
    ),
}
EXPERTS_ALONE = frozenset({"mxfp4"})  # methods of transformers that quantise nothing but routed experts
# Where several names fit a module, the first does: experts stand below the FFN.
NAMED = (
    (re.compile(r"shared_expert"), "shared_experts"),
    (re.compile(r"\bexperts\b"), "experts"),
    (re.compile(r"self_attn|\battention\b"), "attention"),
    (re.compile(r"\bmlp\b|feed_forward"), "ffn"),
)


def by_part(config: Data, n_layers: int, parts: Iterable[str], whole: str) -> str | dict[str, str]:
    """What a spec says under `weights:`; `whole` is the format of what is not quantised, `parts` those of the model."""
    said = quantization.said_of(config)
    if not said:
        return whole
    formats = dict(_named(said)) or dict(_converted(said, n_layers))
    formats |= {part: whole or "bf16" for part in _kept_inside(said, n_layers, formats)}
    listed = {part: formats[part] for part in parts if part in formats}
    if not listed:
        return quantization.weights(said) or whole
    return {DEFAULT: whole or "bf16", **listed}


def _converted(said: Data, n_layers: int) -> Iterator[tuple[str, str]]:
    """Each part of which most matrices are quantised, with its format."""
    format, method = quantization.weights(said), str(said.get("quant_method") or "").lower()
    if not format or ("quant_method" not in said and "quant_algo" not in said and "config_groups" not in said):
        return  # as MLX has it, tables too
    kept = quantization.modules(said)
    for part, matrices in MATRICES.items():
        if method in EXPERTS_ALONE and part != "experts":
            continue
        names = [name.replace(LAYER, str(layer)) for layer in range(n_layers) for name in matrices]
        if 2 * sum(_is_kept(name, kept) for name in names) < len(names):
            own = part == "experts" and str(said.get("expert_dtype")) == "fp4"
            yield part, "mxfp4" if own else format


def _kept_inside(said: Data, n_layers: int, quantised: Collection[str]) -> Iterator[str]:
    """Each small part that stays as it is though that around it is quantised."""
    kept = quantization.modules(said)
    for part, (around, matrices) in KEPT_INSIDE.items():
        names = (name.replace(LAYER, str(layer)) for layer in range(n_layers) for name in matrices)
        if around in quantised and any(_is_kept(name, kept) for name in names):
            yield part


def _named(said: Data) -> Iterator[tuple[str, str]]:
    """The format that most layers of each part have in a file that lists them one by one."""
    layers = said.get("quantized_layers")
    found: dict[str, Counter[str]] = {}
    for name, one in layers.items() if isinstance(layers, dict) else ():
        format = quantization.weights(one) if isinstance(one, dict) else ""
        part = next((part for pattern, part in NAMED if pattern.search(str(name))), "")
        if format and part:
            found.setdefault(part, Counter())[format] += 1
    yield from ((part, counts.most_common(1)[0][0]) for part, counts in found.items())


def _is_kept(name: str, patterns: Sequence[str]) -> bool:
    """Whether a module is one that the file says not to quantise."""
    return any(_fits(name, pattern) for pattern in patterns)


def _fits(name: str, pattern: str) -> bool:
    """`re:` is a regular expression, `*` stands for anything, a plain name for the module and all below it."""
    if pattern.startswith("re:"):
        try:
            return re.match(pattern.removeprefix("re:"), name) is not None
        except re.error:
            return False
    if "*" in pattern:
        return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")
    return f".{pattern}." in f".{name}."
