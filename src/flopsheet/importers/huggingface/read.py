"""A configuration as inputs: every key accounted for, every problem of it at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from flopsheet import diagnostics
from flopsheet.diagnostics import SpecError
from flopsheet.importers.huggingface import context, families, quantization, wrappers
from flopsheet.importers.huggingface.formats import by_part
from flopsheet.importers.huggingface.groups import LayerGroup, check_inputs, group_layers
from flopsheet.importers.huggingface.keys import Keys
from flopsheet.importers.huggingface.layers import Lists
from flopsheet.yamlio.source import Data


@dataclass(frozen=True)
class Imported:
    """What a configuration says: inputs of the whole model and of its layer groups, and what a reader should know."""

    model_type: str
    inputs: Data
    groups: tuple[LayerGroup, ...]
    longest: int
    weights: str | dict[str, str]
    """The format, or formats by part."""
    assumed: Data
    notes: tuple[str, ...]


def interpret_config(config: Data, ignored: Collection[str] = ()) -> Imported:
    """What a configuration says; SpecError with every key that is not understood and every value that is wrong.

    Keys in `ignored` are taken to change no count although their meaning is not known.
    """
    known = families.load_families()
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise SpecError(diagnostics.no_model_type(model_type))
    if model_type in known.refused:
        raise SpecError(diagnostics.model_type_not_modelled(model_type, known.refused[model_type]))
    if model_type not in known.by_type:
        raise SpecError(
            diagnostics.unknown_model_type(model_type, sorted(known.by_type), model_type in known.elsewhere)
        )
    keys = Keys(model_type, known.by_type[model_type], ignored)
    notes = wrappers.notes(keys, config)
    while keys.family.text:
        config = wrappers.language_model(keys, config, keys.family.text)
        keys.family = known.by_type[config["model_type"]]
        notes |= wrappers.notes(keys, config)
    keys.take(config)
    found = _imported(keys, (*notes, *keys.remarks))
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
    groups = group_layers(keys, count, _ffn(keys))
    for group in groups:
        check_inputs(keys, group.inputs)
    if any(group.inputs.get("n_experts") for group in groups):
        keys.refuse_experts_from_defaults()
    if keys.problems:
        return None
    model = {"n_layers": sum(len(group.layers) * group.repeats for group in groups)}
    lengths = (context.remark(keys.config, longest), context.other_length(keys.config, longest))
    said = (*lengths, quantization.remark(keys.config))
    told = (*notes, *(text for text in said if text))
    formats = by_part(keys.config, count, _parts(groups), weights)
    return Imported(keys.model_type, model, groups, longest, formats, _assumed_inputs(keys, groups), told)


def _count_layers(keys: Keys) -> int:
    """The layers: as many as a list has, where the family counts by one, else as the file says."""
    for key in keys.family.count_by:
        if isinstance(listed := keys.config.get(key), list | str):
            if not listed:
                keys.report(key, diagnostics.no_layers())
            return len(listed)
    return int(keys.evaluate(keys.family.inputs["n_layers"]))


def _assumed_inputs(keys: Keys, groups: Collection[LayerGroup]) -> dict[str, Any]:
    """The defaults that stand in the spec; not those of what no layer has, or that only a rule for layers reads."""
    used = {name for group in groups for name, value in group.inputs.items() if value} | {"n_layers", "context"}
    said = {rule for name in used for rule in keys.family.layer_inputs(name) if isinstance(rule, str)}
    said |= {str(keys.family.keys[name].missing) for name in said if name in keys.family.keys}  # what they stand for
    return {key: value for key, value in keys.assumed.items() if key in said}


def _ffn(keys: Keys) -> str:
    """The FFN by name: what its activation makes of a gated or plain one."""
    kind, key, default = keys.family.activation
    return families.load_families().activations[kind].get(str(keys.config.get(key) or default), kind)


# Which input of a layer group says that it has a part.
HAS = {
    "attention": "n_heads",
    "index_head_weights": "n_index_heads",
    "ffn": "d_ff",
    "experts": "n_experts",
    "shared_experts": "n_shared_experts",
}


def _parts(groups: Sequence[LayerGroup]) -> list[str]:
    """The parts of the model whose matrices a checkpoint may quantise."""
    found = [part for part, name in HAS.items() if any(group.inputs.get(name) for group in groups)]
    mixes = any(group.inputs.get(name) for group in groups for name in ("n_linear_key_heads", "n_ssm_heads"))
    return [*found, *(["state_space"] if mixes else [])]


def _weights(keys: Keys) -> str:
    """The number format of the weights that are not quantised, empty where the file does not say."""
    said = keys.config.get("dtype") or keys.config.get("torch_dtype") or "auto"
    name, formats = str(said).removeprefix("torch."), families.load_families().formats
    if name != "auto" and name not in formats:
        finding = diagnostics.choice_problem(name, list(formats))
        assert finding
        keys.report("dtype" if keys.config.get("dtype") else "torch_dtype", finding)
    return formats.get(name, "")
