"""What a configuration says as a spec: a mapping of inputs, and text that a person reads gladly."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Collection, Sequence
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.catalog.entries import flag_word
from flopsheet.diagnostics import SpecError
from flopsheet.formula import evaluate, names, parse
from flopsheet.importers.huggingface.configuration import read_config, suggest_name
from flopsheet.importers.huggingface.groups import LayerGroup
from flopsheet.importers.huggingface.order import order_of
from flopsheet.importers.huggingface.read import Imported, interpret_config
from flopsheet.spec.load import from_source
from flopsheet.spec.schema.shapes import MOST_NAME, WILDCARDS
from flopsheet.yamlio import source
from flopsheet.yamlio.dump import WIDEST, block, flow, word
from flopsheet.yamlio.source import Data

NAME = "name"  # what is wrong with the model's name is told of this
COMPARED = 4096  # tokens; the context length beside the longest
PARTS = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^,"]|,(?! ))+')  # what stands between commas of flow style

# The inputs by topic, each of which begins a line.
TOPICS = (
    ("n_layers", "d_model", "vocab_size", "d_embedding", "tie_embeddings", "lm_head_bias"),
    ("positions", "max_positions", "n_extra_positions", "norm", "n_norms", "embedding_norm", "final_norm"),
    (
        *("n_heads", "n_kv_heads", "d_head", "kv_lora_rank", "q_lora_rank", "d_qk_nope", "d_qk_rope", "d_v"),
        *("qk_norm", "qkv_bias", "o_bias", "attention_sinks", "window"),
    ),
    ("ffn", "d_ff", "ffn_bias"),
    (
        *("n_experts", "n_active_experts", "d_expert", "n_shared_experts", "d_shared_expert", "shared_expert_gate"),
        *("expert_bias", "router_bias"),
    ),
)
# What a spec says though it is the default, where a layer has the part that it belongs to.
NEEDED = {"kv_lora_rank": ("d_qk_nope", "d_qk_rope", "d_v"), "n_linear_key_heads": ("linear_attention",)}
# What an input of families.yaml is called in a spec, and where the note stands.
OTHERS = {
    "other_params": ("other_params", "params"),
    "other_idle_params": ("other_params", "idle"),
    "other_weights": ("other_params", "weights"),
    "other_conv_weights": ("other_params", "conv_weights"),
    "other_state_values": ("other_params", "state_values"),
    "other_model_params": ("other_model_params", "params"),
    "other_model_weights": ("other_model_params", "weights"),
    "other_model_states": ("other_model_params", "state_values"),
}
NOTES = {"other_params": "other_note", "other_model_params": "other_model_note"}
ORDER = {key: at for at, key in enumerate(key for topic in TOPICS for key in topic)}


def to_inputs(config: Data) -> dict[str, Any]:
    """The model that a configuration describes, as a spec says it; SpecError with every problem."""
    return _inputs(interpret_config(config))


def convert(path: str | os.PathLike[str], name: str | None = None, ignored: Collection[str] = ()) -> str:
    """The spec of the configuration at a path (`-` is stdin), keys in `ignored` left aside; SpecError, FileError."""
    config = read_config(path)
    try:
        return to_spec(config, name or suggest_name(config, path), ignored)
    except SpecError as error:
        file = "<stdin>" if os.fspath(path) == "-" else os.fspath(path)
        # The name of the model may come from elsewhere.
        raise SpecError(
            one if one.path == NAME else one._replace(path=f"{file}: {one.path}") for one in error.problems
        ) from None


def to_spec(config: Data, name: str, ignored: Collection[str] = ()) -> str:
    """A whole spec with the model that a configuration describes; SpecError with every problem."""
    if finding := diagnostics.model_name_problem(name, MOST_NAME, WILDCARDS):
        raise SpecError(diagnostics.located(finding, NAME, None))
    imported = interpret_config(config, ignored)
    longest = imported.longest
    lines = [
        *_remarks(imported),
        "version: 1",
        f"title: {word(f'Resource accounting of {name}')}",
        f"context_lengths: {flow(sorted({min(COMPARED, longest), longest}))}",
        *block({"weights": imported.weights} if imported.weights else {}),
        "models:",
        *_model(name, imported),
    ]
    text = "\n".join(lines) + "\n"
    from_source(source.parse(text, name), name)  # whatever the strict reader refuses is told here
    return text


def _inputs(imported: Imported) -> dict[str, Any]:
    """What differs from the catalogue's defaults; what all layers share stands outside the groups."""
    groups = [_said({**imported.inputs, **group.inputs}) for group in imported.groups]
    if len(groups) == 1:
        return _ordered(groups[0])
    shared = {key: value for key, value in groups[0].items() if all(group.get(key) == value for group in groups)}
    del shared["n_layers"]
    own = [
        {"name": group.name, "n_layers": len(group.layers) * group.repeats}
        | _ordered({key: value for key, value in said.items() if key not in shared and key != "n_layers"})
        for group, said in zip(imported.groups, groups, strict=True)
    ]
    return _ordered(shared) | order_of(imported.groups) | {"layers": own}


def _said(inputs: Data) -> dict[str, Any]:
    """The inputs that are not the catalogue's defaults, further parameters under one key with their note."""
    others: dict[str, dict[str, Any]] = {}
    for name, (key, brief) in OTHERS.items():
        if inputs.get(name):
            others.setdefault(key, {})[brief] = inputs[name]
    others = {key: {"note": inputs[NOTES[key]], **said} for key, said in others.items()}
    inputs = {name: value for name, value in inputs.items() if name not in (*OTHERS, *NOTES.values())}
    return _differing(inputs) | others


def _differing(inputs: Data) -> dict[str, Any]:
    entries = catalog.load_inputs().inputs
    defaults = {name: entries[name].default if name in entries else None for name in inputs}
    needed = {name for key, names in NEEDED.items() if inputs.get(key) for name in names}
    return {
        name: value
        for name, value in inputs.items()
        if name in needed or not _is_default(value, defaults[name], inputs)
    }


def _is_default(value: Any, default: int | float | str | None, inputs: Data) -> bool:
    if isinstance(value, bool):
        return default == flag_word(value)
    if isinstance(default, str) and isinstance(value, int):
        node = parse(default, None, "default")
        return all(name in inputs for name in names(node)) and bool(
            evaluate(node, lambda name: float(inputs[name])) == value
        )
    return bool(value == default)


def _ordered(inputs: Data) -> dict[str, Any]:
    """By topic."""
    return dict(sorted(inputs.items(), key=lambda item: ORDER.get(item[0], len(ORDER))))


def _model(name: str, imported: Imported) -> list[str]:
    """The entry under `models:`, on one line where it fits."""
    inputs = _inputs(imported)
    groups = inputs.pop("layers", None)
    entry = f"  {word(name)}: "
    if not groups and len(entry + flow(inputs)) <= WIDEST:
        return [entry + flow(inputs)]
    further = [key for key in inputs if key not in ORDER]
    rows = [row for topic in (*TOPICS, further) for row in _wrapped(inputs, topic)]
    if not groups:
        return [f"{entry}{{", *(f"    {row}," for row in rows[:-1]), f"    {rows[-1]}}}"]
    remarks = [f"# {_numbers(group)}" for group in imported.groups]
    listed = [f"      {flow(group)}" for group in groups]
    ends = [","] * (len(groups) - 1) + ["]}"]
    width = max(len(line + end) for line, end in zip(listed, ends, strict=True))
    if width + max(map(len, remarks)) < WIDEST:
        shown = zip(listed, ends, remarks, strict=True)
        lines = [f"{line + end:{width}}  {remark}" for line, end, remark in shown]
    else:
        shown = zip(listed, ends, remarks, strict=True)
        lines = [
            text for line, end, remark in shown for text in (f"      {remark}", *_broken(f"{line}{end}", "        "))
        ]
    return [f"{entry}{{", *(f"    {row}," for row in rows), "    layers: [", *lines]


def _wrapped(inputs: Data, topic: Sequence[str]) -> list[str]:
    """The inputs of a topic as `key: value, key: value`, on as many lines as they need.

    A line ends between two inputs; only one that is too wide by itself goes over several.
    """
    entries = [f"{key}: {flow(inputs[key])}" for key in topic if key in inputs]
    lines: list[str] = []
    for at, entry in enumerate(entries, start=1):
        comma = "," if at < len(entries) else ""
        if lines and len(f"{lines[-1]}, {entry}{comma}") <= WIDEST - 6:
            lines[-1] += f", {entry}"
        else:
            lines += [line.rstrip(",") for line in _broken(entry, "  ", WIDEST - 6)]
    return lines


def _broken(line: str, indent: str, width: int = WIDEST) -> list[str]:
    """A line of flow style on as many as it needs, each but the last ending in a comma."""
    first, *others = PARTS.findall(line)
    lines = [first]
    for part in others:  # with the blank before it
        if len(f"{lines[-1]},{part}") < width:
            lines[-1] += f",{part}"
        else:
            lines.append(f"{indent}{part.lstrip()}")
    return [f"{text}," for text in lines[:-1]] + lines[-1:]


def _numbers(group: LayerGroup) -> str:
    """`layers 1 to 5, 7 to 11, 13 to 17, …`: the first few runs of a group."""
    runs: list[list[int]] = []
    for layer in group.layers:
        if runs and layer == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], layer]
        else:
            runs.append([layer])
    spelled = [" to ".join(map(str, run)) for run in runs[:3]] + ["…"] * (len(runs) > 3)
    return f"{'layer' if len(group.layers) == 1 else 'layers'} {', '.join(spelled)}"


def _remarks(imported: Imported) -> list[str]:
    """What a reader should know: where it is from, what the file leaves to transformers, what is left out."""
    said = ", ".join(f"{key} {flow(value)}" for key, value in imported.assumed.items())
    remarks = (
        f"Imported from a Hugging Face configuration of model_type {imported.model_type}.",
        f"Not in the file; transformers' defaults are used: {said}." if said else "",
        *imported.notes,
    )
    return [f"# {line}" for remark in remarks for line in textwrap.wrap(remark, WIDEST - 2)]
