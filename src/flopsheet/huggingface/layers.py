"""Which layers have a sliding window and which have experts: one small rule per pattern that configurations know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flopsheet import errors
from flopsheet.errors import Problem

LAYER_TYPES = ("full_attention", "sliding_attention", "attention")  # the last is an older name of the first
ATTENTION_TYPES = ("global", "local")


@dataclass(frozen=True)
class Layers:
    """What a rule reads: the keys that count, the lists as the file has them, and where it notes what is wrong."""

    count: int
    values: Mapping[str, Any]
    lists: Mapping[str, Any]
    problems: list[Problem] = field(default_factory=list)

    def report(self, key: str, finding: errors.Finding) -> None:
        self.problems.append(errors.located(finding, key, None))


Rule: TypeAlias = Callable[[Layers, int], bool]


def from_max_window_layers(layers: Layers, layer: int) -> bool:
    return layer >= int(layers.values["max_window_layers"])


def every_other_below_max_window_layers(layers: Layers, layer: int) -> bool:
    return layer % 2 == 0 and layer < int(layers.values["max_window_layers"])


def every(layers: Layers, layer: int) -> bool:
    return True


def every_other(layers: Layers, layer: int) -> bool:
    return layer % 2 == 0


def all_but_every_nth(layers: Layers, layer: int) -> bool:
    return (layer + 1) % int(layers.values["sliding_window_pattern"]) != 0


def without_rope(layers: Layers, layer: int) -> bool:
    """SmolLM3's layers without rotary positions, 0 in `no_rope_layers`."""
    listed = layers.lists.get("no_rope_layers")
    if listed is None:
        return (layer + 1) % int(layers.values["no_rope_layer_interval"]) == 0
    return not listed[layer]


def after_first_k(layers: Layers, layer: int) -> bool:
    return layer >= int(layers.values["first_k_dense_replace"])


def sparse_step(layers: Layers, layer: int) -> bool:
    """Every n-th layer, unless it is listed as dense or there are no experts at all."""
    values, dense = layers.values, layers.lists.get("mlp_only_layers") or ()
    return layer not in dense and values["num_experts"] > 0 and (layer + 1) % int(values["decoder_sparse_step"]) == 0


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        every,
        every_other,
        every_other_below_max_window_layers,
        from_max_window_layers,
        all_but_every_nth,
        without_rope,
        after_first_k,
        sparse_step,
    )
}


def have_window(layers: Layers, rule: str) -> list[bool]:
    """For each layer whether its attention is windowed: as the file lists it, or by the rule of its family."""
    if rule == "attention_types":
        return _by_attention_types(layers)
    listed = layers.lists.get("layer_types")
    if listed is not None:
        sound = _of_words(layers, "layer_types", listed, LAYER_TYPES)
        return [kind == "sliding_attention" for kind in listed] if sound else []
    if "no_rope_layers" in layers.lists and not _of_words(
        layers, "no_rope_layers", layers.lists["no_rope_layers"], (0, 1)
    ):
        return []
    return follow(layers, rule)


def have_experts(layers: Layers, rule: str) -> list[bool]:
    """For each layer whether experts take the place of its FFN."""
    dense = layers.lists.get("mlp_only_layers")
    if dense is not None and not (isinstance(dense, list) and all(type(layer) is int for layer in dense)):
        layers.report("mlp_only_layers", errors.not_layer_numbers(dense))
        return []
    return follow(layers, rule)


def follow(layers: Layers, rule: str) -> list[bool]:
    """A rule asked about every layer; no layer where the family has no rule."""
    return [bool(rule) and RULES[rule](layers, layer) for layer in range(layers.count)]


def _of_words(layers: Layers, key: str, listed: Any, words: Sequence[int | str]) -> bool:
    """Whether a list has one known word for each layer."""
    if not isinstance(listed, list):
        layers.report(key, errors.not_a_list(listed))
        return False
    strange = [
        (at, word) for at, word in enumerate(listed) if isinstance(word, bool | list | dict) or word not in words
    ]
    for at, word in strange[:1]:
        finding = errors.choice_problem(word, words)
        assert finding
        layers.report(f"{key}[{at}]", finding)
    if len(listed) != layers.count:
        layers.report(key, errors.wrong_layer_count(len(listed), layers.count))
    return not strange and len(listed) == layers.count


def _by_attention_types(layers: Layers) -> list[bool]:
    """GPT-Neo: `attention_layers` word by word, or `attention_types` as [[["global", "local"], 12]]."""
    spelled, short = layers.lists.get("attention_layers"), layers.lists.get("attention_types")
    if short is not None:
        expanded = _expanded(short, layers.count)
        if expanded is None:
            layers.report("attention_types", errors.not_attention_types())
            return []
        if spelled is not None and spelled != expanded:
            layers.report("attention_layers", errors.keys_disagree("attention_types"))
            return []
        spelled = expanded
    if spelled is None:
        spelled = ["global", "local"] * 12
    key = "attention_types" if short is not None else "attention_layers"
    return [word == "local" for word in spelled] if _of_words(layers, key, spelled, ATTENTION_TYPES) else []


def _expanded(short: Any, most: int) -> list[Any] | None:
    """`[[["global", "local"], 12]]` as 24 words; None where it has another shape, and no longer than it need be."""
    words: list[Any] = []
    for item in short if isinstance(short, list) else [None]:
        match item:
            case [list(pattern), int(times)] if not isinstance(times, bool) and times >= 0:
                words += pattern * min(times, most + 1)
            case _:
                return None
    return words
