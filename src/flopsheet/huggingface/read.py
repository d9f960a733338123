"""A configuration as inputs: every key accounted for, every problem of it at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from flopsheet import catalog, errors
from flopsheet.errors import SpecError
from flopsheet.huggingface import context, families, quantization, wrappers
from flopsheet.huggingface.families import Rule
from flopsheet.huggingface.keys import Keys
from flopsheet.huggingface.layers import Lists


@dataclass(frozen=True)
class LayerGroup:
    """Layers that are alike: their numbers from 1, what they are called, and what only they have."""

    name: str
    layers: tuple[int, ...]
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class Imported:
    """What a configuration says: inputs of the whole model and of its layer groups, and what a reader should know."""

    model_type: str
    inputs: Mapping[str, Any]
    groups: tuple[LayerGroup, ...]
    longest: int
    weights: str
    assumed: Mapping[str, Any]
    notes: tuple[str, ...]


def read(config: Mapping[str, Any], ignored: Collection[str] = ()) -> Imported:
    """What a configuration says; SpecError with every key that is not understood and every value that is wrong.

    Keys in `ignored` are taken to change no count although their meaning is not known.
    """
    known = families.load()
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise SpecError(errors.no_model_type(model_type))
    if model_type in known.refused:
        raise SpecError(errors.model_type_not_modelled(model_type, known.refused[model_type]))
    if model_type not in known.by_type:
        raise SpecError(errors.unknown_model_type(model_type, sorted(known.by_type)))
    keys = Keys(model_type, known.by_type[model_type], ignored)
    notes = wrappers.notes(keys, config)
    while keys.family.text:
        config = wrappers.language_model(keys, config, keys.family.text)
        keys.family = known.by_type[config["model_type"]]
        notes |= wrappers.notes(keys, config)
    keys.take(config)
    found = _imported(keys, tuple(notes))
    if keys.problems or found is None:
        raise SpecError(dict.fromkeys(keys.problems))
    return found


def _imported(keys: Keys, notes: tuple[str, ...]) -> Imported | None:
    """What the keys say together; None, with problems told, where that is not sound."""
    weights = _weights(keys)
    if None in keys.values.values():
        return None
    longest = int(keys.evaluate(keys.family.inputs["context"]))
    count = _count_layers(keys)
    listed = Lists(keys.family.lists, keys.config, count)
    keys.problems += listed.problems
    keys.lists = listed.items
    keys.override(count)
    if keys.problems:
        return None
    groups = _groups(keys, count)
    for group in groups:
        _check(keys, group.inputs)
    if keys.problems:
        return None
    model = {"ffn": _ffn(keys), "n_layers": count}
    said = (context.remark(keys.config, longest), quantization.remark(keys.config))
    told = (*notes, *(text for text in said if text))
    return Imported(keys.model_type, model, groups, longest, weights, _assumed_inputs(keys), told)


def _count_layers(keys: Keys) -> int:
    """The layers: as many as a list has, where the family counts by one, else as the file says."""
    for key in keys.family.count_by:
        if isinstance(listed := keys.config.get(key), list | str):
            return len(listed)
    return int(keys.evaluate(keys.family.inputs["n_layers"]))


def _assumed_inputs(keys: Keys) -> dict[str, Any]:
    """The defaults that stand in the spec; not those that only a rule for layers reads."""
    tables = (keys.family.inputs, *(case.inputs for axis in keys.family.axes for case in axis))
    said = {rule for rules in tables for rule in rules.values() if isinstance(rule, str)}
    return {key: value for key, value in keys.assumed.items() if key in said}


def _ffn(keys: Keys) -> str:
    """The FFN by name: what its activation makes of a gated or plain one."""
    kind, key, default = keys.family.activation
    return families.load().activations[kind].get(str(keys.config.get(key) or default), kind)


def _weights(keys: Keys) -> str:
    """The number format of the weights, empty where the file does not say."""
    if quantised := quantization.weights(keys.config):
        return quantised
    said = keys.config.get("dtype") or keys.config.get("torch_dtype") or "auto"
    name, formats = str(said).removeprefix("torch."), families.load().formats
    if name != "auto" and name not in formats:
        finding = errors.choice_problem(name, list(formats))
        assert finding
        keys.report("dtype" if keys.config.get("dtype") else "torch_dtype", finding)
    return formats.get(name, "")


def _check(keys: Keys, inputs: Mapping[str, Any]) -> None:
    """Rules between keys, told by the names that the file has."""
    heads, width = inputs.get("n_heads", 0), inputs["d_model"]
    if heads:
        is_uneven = "d_head" not in inputs and not inputs.get("kv_lora_rank") and width % heads
        if is_uneven or inputs.get("d_head") == 0:  # transformers rounds down
            keys.report(keys.spelled("n_heads"), errors.does_not_divide(heads, keys.spelled("d_model"), width))
        shared = inputs.get("n_kv_heads", heads)
        if shared and heads % shared:
            keys.report(keys.spelled("n_kv_heads"), errors.does_not_divide(shared, keys.spelled("n_heads"), heads))
    if inputs.get("n_experts") and inputs["n_active_experts"] > inputs["n_experts"]:
        names = [keys.spelled(name) for name in ("n_active_experts", "n_experts")]
        keys.report(names[0], errors.more_than(inputs["n_active_experts"], names[1], inputs["n_experts"]))


def _groups(keys: Keys, count: int) -> tuple[LayerGroup, ...]:
    """The groups of layers that are alike, in the order of their first layers."""
    alike: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    cases: dict[tuple[tuple[str, Any], ...], list[str]] = {}
    for layer in range(count):
        taken = [
            next((case for case in axis if keys.evaluate(case.condition, layer)), None) for axis in keys.family.axes
        ]
        given = {key: rule for key, rule in keys.family.inputs.items() if key not in ("context", "n_layers")}
        for case in taken:
            given |= case.inputs if case else {}
        inputs = _inputs(keys, given, layer)
        if inputs.get("kv_lora_rank") and inputs["d_model"] % (inputs["n_heads"] or 1):
            inputs["d_head"] = inputs["d_qk_nope"] + inputs["d_qk_rope"]  # not used, but the spec wants a whole one
        kind = tuple(inputs.items())
        alike.setdefault(kind, []).append(layer + 1)
        cases.setdefault(kind, [case.name if case else "" for case in taken])
    names = _distinct(list(cases.values()))
    return tuple(
        LayerGroup(name, tuple(numbers), dict(kind)) for name, (kind, numbers) in zip(names, alike.items(), strict=True)
    )


def _inputs(keys: Keys, given: Mapping[str, Rule], layer: int) -> dict[str, Any]:
    """The value of each input; words of a choice stand for themselves."""
    entries = catalog.load_inputs().inputs
    words = {name for name, entry in entries.items() if entry.choices and not entry.is_flag and not entry.is_number}
    chosen = {name for name in given if name in words or name == "ffn"}
    flags = {name for name in given if name in entries and entries[name].is_flag}
    return {
        name: _choose(keys, rule, layer) if name in chosen else _as_flag(keys.evaluate(rule, layer), name in flags)
        for name, rule in given.items()
    }


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
