"""Groups of layers that are alike, and the inputs of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.importers.huggingface.families import Case, Rule
from flopsheet.importers.huggingface.keys import Keys
from flopsheet.yamlio.source import Data

NO_FFN = "none"  # the FFN of layers with neither FFN nor experts
NOTES = ("other_note", "other_model_note")  # texts: what further parameters are
NOT_OF_A_LAYER = ("context", "n_layers")
# What a layer without softmax attention has no use for.
OF_ATTENTION = (
    *("n_kv_heads", "d_head", "window", "kv_lora_rank", "q_lora_rank", "d_qk_nope", "d_qk_rope", "d_v", "qk_norm"),
    *("qkv_bias", "o_bias", "attention_sinks", "attention_gate", "attention_chunk", "n_index_heads", "index_top_k"),
)

OF_EXPERTS = (
    *("n_experts", "n_active_experts", "d_expert", "n_shared_experts", "d_shared_expert", "shared_expert_gate"),
    *("expert_bias", "router_bias", "d_expert_latent", "n_zero_experts"),
)


@dataclass(frozen=True)
class LayerGroup:
    """Layers that are alike: their numbers from 1, what they are called, and what they have."""

    name: str
    layers: tuple[int, ...]
    inputs: Data
    repeats: int = 1  # how often its layers are passed


def group_layers(keys: Keys, count: int, ffn: str) -> tuple[LayerGroup, ...]:
    """The groups of layers that are alike, in the order of their first layers; `ffn` is the kind of FFN they have."""
    beside = [
        (case, [layer for layer in range(count) if keys.evaluate(case.condition, layer)]) for case in keys.family.beside
    ]
    keys.uses = sum(len(uses) for _, uses in beside)
    alike: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    cases: dict[tuple[tuple[str, Any], ...], list[str]] = {}
    for layer in range(count):
        taken = [
            next((case for case in axis if keys.evaluate(case.condition, layer)), None) for axis in keys.family.axes
        ]
        kind = tuple(_inputs_of(keys, [case for case in taken if case], layer, ffn).items())
        alike.setdefault(kind, []).append(layer + 1)
        cases.setdefault(kind, [case.name if case else "" for case in taken])
    groups = zip(_distinct(list(cases.values())), alike.items(), strict=True)
    found = [_group(name, tuple(numbers), dict(kind)) for name, (kind, numbers) in groups]
    for case, uses in beside:
        if uses:
            inputs = _inputs_of(keys, [case], uses[0], ffn)
            inputs["n_stored_layers"] = min(inputs.get("n_stored_layers", len(uses)), len(uses))
            found.append(LayerGroup(case.name, tuple(layer + 1 for layer in uses), inputs))
    return tuple(found)


def _group(name: str, layers: tuple[int, ...], inputs: dict[str, Any]) -> LayerGroup:
    """Layers that are passed several times have their weights once."""
    repeats = inputs.pop("repeats", 1)
    stored = {"n_stored_layers": len(layers)} if repeats > 1 else {}
    return LayerGroup(name, layers, inputs | stored, repeats)


def _inputs_of(keys: Keys, cases: list[Case], layer: int, ffn: str) -> dict[str, Any]:
    """What a layer of these cases has; inputs of what it lacks are left out."""
    given = {key: rule for key, rule in keys.family.inputs.items() if key not in NOT_OF_A_LAYER}
    for case in cases:
        given |= case.inputs
    inputs = {"ffn": ffn} | _values(keys, given, layer)
    if not inputs["n_heads"]:
        inputs = {name: value for name, value in inputs.items() if name not in OF_ATTENTION}
    elif inputs.get("kv_lora_rank") and inputs["d_model"] % inputs["n_heads"]:
        inputs["d_head"] = inputs["d_qk_nope"] + inputs["d_qk_rope"]  # not used, but the spec wants a whole one
    if not inputs.get("n_experts"):
        inputs = {name: value for name, value in inputs.items() if name not in OF_EXPERTS}
    elif inputs.get("d_ff"):
        inputs["ffn_beside_experts"] = True
    if not inputs.get("d_ff") and not inputs.get("n_experts"):
        inputs["ffn"] = NO_FFN
    return inputs


def _values(keys: Keys, given: Mapping[str, Rule], layer: int) -> dict[str, Any]:
    """The value of each input; words of a choice stand for themselves."""
    entries = catalog.load_inputs().inputs
    words = {name for name, entry in entries.items() if entry.choices and not entry.is_flag and not entry.is_number}
    chosen = {name for name in given if name in words}
    flags = {name for name in given if name in entries and entries[name].is_flag}
    return {
        name: _choose(keys, rule, layer) if name in chosen else _as_flag(keys.evaluate(rule, layer), name in flags)
        for name, rule in given.items()
        if name not in NOTES
    } | {name: rule for name, rule in given.items() if name in NOTES}


def check_inputs(keys: Keys, inputs: Data) -> None:
    """Rules between keys, told by the names that the file has."""
    heads, width = inputs.get("n_heads", 0), inputs["d_model"]
    if heads:
        is_uneven = "d_head" not in inputs and not inputs.get("kv_lora_rank") and width % heads
        if is_uneven or inputs.get("d_head") == 0:  # transformers rounds down
            keys.report(keys.spelled("n_heads"), diagnostics.does_not_divide(heads, keys.spelled("d_model"), width))
        shared = inputs.get("n_kv_heads", heads)
        if shared and heads % shared:
            keys.report(keys.spelled("n_kv_heads"), diagnostics.does_not_divide(shared, keys.spelled("n_heads"), heads))
    if inputs.get("n_experts") and inputs["n_active_experts"] > inputs["n_experts"]:
        names = [keys.spelled(name) for name in ("n_active_experts", "n_experts")]
        keys.report(names[0], diagnostics.more_than(inputs["n_active_experts"], names[1], inputs["n_experts"]))


def _choose(keys: Keys, rule: Rule, layer: int) -> Any:
    if isinstance(rule, Mapping):
        flag = keys.evaluate(rule["by"], layer)
        return None if flag is None else _choose(keys, rule["yes" if flag else "no"], layer)
    return keys.evaluate(rule, layer) if isinstance(rule, str) and "(" in rule else rule


def _as_flag(value: Any, is_flag: bool) -> Any:
    """A yes or no for an input that is one, a number for any other."""
    return bool(value) if is_flag and value is not None else int(value) if isinstance(value, bool) else value


def _distinct(cases: list[list[str]]) -> list[str]:
    """What tells each group from the others; a number where its kind does not."""
    differ = [at for at in range(len(cases[0])) if len({case[at] for case in cases}) > 1]
    names = [" ".join(case[at] for at in differ if case[at]) or "layers" for case in cases]
    return [
        name if names.count(name) == 1 else f"{name} {names[: at + 1].count(name)}" for at, name in enumerate(names)
    ]
