"""A configuration as inputs: every key accounted for, every problem of it at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flopsheet import catalog, errors
from flopsheet.errors import Finding, Problem, SpecError
from flopsheet.formula import evaluate, names, parse
from flopsheet.huggingface import families, layers
from flopsheet.huggingface.families import Family, Key, Rule
from flopsheet.spec.shapes import LARGEST

MOST_LAYERS = 10_000


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


def read(config: Mapping[str, Any]) -> Imported:
    """What a configuration says; SpecError with every key that is not understood and every value that is wrong."""
    known = families.load()
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise SpecError(errors.no_model_type(model_type))
    if model_type not in known.by_type:
        raise SpecError(errors.unknown_model_type(model_type, sorted(known.by_type)))
    family = known.by_type[model_type]
    reader = _Reader(model_type, family)
    notes = [note for key, note in family.notes.items() if config.get(key)]
    if family.text:
        config = reader.text_of(config, family)
        reader.family = family = known.by_type[family.text.model_type]
        notes += [note for key, note in family.notes.items() if config.get(key)]
    reader.take(config)
    imported = reader.imported(tuple(notes))
    if reader.problems or imported is None:
        raise SpecError(reader.problems)
    return imported


class _Reader:
    """Reads one configuration; `problems` collects what is wrong, so that all of it is reported at once."""

    def __init__(self, model_type: str, family: Family) -> None:
        self.model_type, self.family = model_type, family
        self.config: dict[str, Any] = {}
        self.values: dict[str, Any] = {}  # of the keys that count; None where the value is refused
        self.assumed: dict[str, Any] = {}  # keys that the file lacks, with the default that counts instead
        self.problems: list[Problem] = []

    def report(self, key: str, finding: Finding) -> None:
        self.problems.append(errors.located(finding, key, None))

    # Keys ------------------------------------------------------------------------------------------------------------

    def text_of(self, config: Mapping[str, Any], family: Family) -> Mapping[str, Any]:
        """The configuration of the language model inside one of several models."""
        assert family.text
        inner = config.get(family.text.mapping)
        if not isinstance(inner, dict):
            self.report(family.text.mapping, errors.not_keys(inner))
            return {}
        if inner.get("model_type", family.text.model_type) != family.text.model_type:
            finding = errors.value_not_understood(inner["model_type"], [family.text.model_type])
            self.report(f"{family.text.mapping}.model_type", finding)
        outer = {key: value for key, value in config.items() if key not in (family.text.mapping, "tie_word_embeddings")}
        self.refuse_strange(outer)
        passed_on = ("tie_word_embeddings", "dtype", "torch_dtype")
        shared = {key: config[key] for key in passed_on if config.get(key) is not None}
        tied = "tie_word_embeddings"
        if tied in shared and inner.get(tied, shared[tied]) != shared[tied]:
            self.report(f"{family.text.mapping}.{tied}", errors.keys_disagree(tied))
        return shared | inner

    def take(self, config: Mapping[str, Any]) -> None:
        """Notes every key, those of nested mappings under `mapping.key`; reports what is not understood."""
        for key, value in config.items():
            if key in self.family.nested and isinstance(value, dict):
                self.config |= {f"{key}.{inner}": said for inner, said in value.items()}
            elif key in self.family.nested and value is not None:
                self.report(key, errors.not_keys(value))
            else:
                self.config[key] = value
        self.refuse_strange(self.config)
        for known in self.family.keys.values():
            self.value(known)

    def refuse_strange(self, config: Mapping[str, Any]) -> None:
        """Reports keys, or values of keys, that may change a count and are not understood."""
        known = self.family.names()
        for key, value in config.items():
            if key in known or key in self.family.nested:
                continue
            accepted = self.family.accepted(key)
            if accepted is not None:
                if value is not None and not any(type(value) is type(one) and value == one for one in accepted):
                    self.report(key, errors.value_not_understood(value, accepted))
            elif not self.family.ignores(key):
                self.problems.append(errors.key_not_understood(key, self.model_type, sorted(known)))
        architectures, heads = config.get("architectures") or [], families.load().heads
        if not isinstance(architectures, list):
            self.report("architectures", errors.not_a_list(architectures))
        elif strange := [name for name in architectures if not str(name).endswith(heads)]:
            self.report("architectures", errors.not_a_language_model(str(strange[0]), heads))

    def value(self, key: Key) -> Any:
        """What a key says, or its default; None where that is refused."""
        if key.name not in self.values:
            self.values[key.name] = None  # until it is known
            self.values[key.name] = self.read(key)
        return self.values[key.name]

    def read(self, key: Key) -> Any:
        said = {alias: self.config[alias] for alias in key.aliases if alias in self.config}
        first, *others = said or [key.name]
        for other in others:
            if said[other] != said[first]:
                self.report(other, errors.keys_disagree(first))
        rule = key.missing if not said else key.null if said[first] is None else None
        if rule is not None:
            value = self.evaluate(rule)
            if not said and isinstance(rule, int) and value:
                self.assumed[key.name] = value
            return value
        if not said:
            self.report(key.name, errors.no_default(self.model_type))
            return None
        value = said[first]
        finding = errors.flag_problem(value) if key.is_flag else self.number_problem(key, value)
        if finding:
            self.report(first, finding)
            return None
        return value if key.is_flag else int(value)

    def number_problem(self, key: Key, value: Any) -> Finding | None:
        least = 0 if 0 in (key.missing, key.null) else 1
        most = MOST_LAYERS if key.name == self.family.inputs["n_layers"] else LARGEST
        return errors.number_problem(value, least, most, whole=True)

    def evaluate(self, rule: Rule) -> Any:
        """The value of a rule; None where a key that it reads is refused."""
        if isinstance(rule, Mapping):
            flag = self.value(self.family.keys[rule["by"]])
            return None if flag is None else self.evaluate(rule["yes" if flag else "no"])
        if not isinstance(rule, str):
            return rule
        if rule in self.family.keys:
            return self.value(self.family.keys[rule])
        node = parse(rule, None, "families.yaml")
        found = {name: self.value(self.family.keys[name]) for name in names(node)}
        return None if None in found.values() else int(evaluate(node, lambda name: float(found[name])))

    # Inputs ----------------------------------------------------------------------------------------------------------

    def inputs(self, rules: Mapping[str, Rule]) -> dict[str, Any]:
        """The value of each input; words of a choice stand for themselves."""
        entries = catalog.load_inputs().inputs
        words = {name for name, entry in entries.items() if entry.choices and not entry.is_flag and not entry.is_number}
        chosen = {name for name in rules if name in words or name == "ffn"}
        return {name: self.choose(rule) if name in chosen else self.evaluate(rule) for name, rule in rules.items()}

    def choose(self, rule: Rule) -> Any:
        if not isinstance(rule, Mapping):
            return rule
        flag = self.value(self.family.keys[rule["by"]])
        return None if flag is None else self.choose(rule["yes" if flag else "no"])

    def imported(self, notes: tuple[str, ...]) -> Imported | None:
        """What the keys say together; None, with problems told, where that is not sound."""
        weights = self.weights()
        if None in self.values.values():
            return None
        inputs = {"ffn": self.ffn()} | self.inputs(self.family.inputs)
        self.check(inputs)
        groups = self.groups(inputs["n_layers"], inputs.get("window", 0))
        if self.problems:
            return None
        if inputs.get("kv_lora_rank") and inputs["d_model"] % inputs["n_heads"]:
            inputs["d_head"] = inputs["d_qk_nope"] + inputs["d_qk_rope"]  # not used, but the spec wants a whole one
        longest = inputs.pop("context")
        inputs.pop("window", None)
        return Imported(self.model_type, inputs, groups, longest, weights, self.assumed_inputs(), notes)

    def assumed_inputs(self) -> dict[str, Any]:
        """The defaults that stand in the spec; not those that only a rule for layers reads."""
        tables = (self.family.inputs, self.family.dense, self.family.experts)
        said = {rule for rules in tables for rule in rules.values() if isinstance(rule, str)}
        return {key: value for key, value in self.assumed.items() if key in said}

    def ffn(self) -> str:
        """The FFN by name: what its activation makes of a gated or plain one."""
        kind = "gated" if self.family.is_gated else "plain"
        key, default = self.family.activation
        return families.load().activations[kind].get(str(self.config.get(key) or default), kind)

    def weights(self) -> str:
        """The number format of the weights, empty where the file does not say."""
        said = self.config.get("dtype") or self.config.get("torch_dtype") or "auto"
        name, formats = str(said).removeprefix("torch."), families.load().formats
        if name != "auto" and name not in formats:
            finding = errors.choice_problem(name, list(formats))
            assert finding
            self.report("dtype" if self.config.get("dtype") else "torch_dtype", finding)
        return formats.get(name, "")

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Rules between keys, told by the names that the file has."""
        heads, width = inputs["n_heads"], inputs["d_model"]
        is_uneven = "d_head" not in inputs and not inputs.get("kv_lora_rank") and width % heads
        if is_uneven or inputs.get("d_head") == 0:  # transformers rounds down
            self.report(self.spelled("n_heads"), errors.does_not_divide(heads, self.spelled("d_model"), width))
        shared = inputs.get("n_kv_heads", heads)
        if heads % shared:
            self.report(self.spelled("n_kv_heads"), errors.does_not_divide(shared, self.spelled("n_heads"), heads))
        experts = self.inputs(self.family.experts)
        if experts and experts["n_experts"] and experts["n_active_experts"] > experts["n_experts"]:
            names = [self.spelled(name, self.family.experts) for name in ("n_active_experts", "n_experts")]
            self.report(names[0], errors.more_than(experts["n_active_experts"], names[1], experts["n_experts"]))

    def spelled(self, name: str, rules: Mapping[str, Rule] | None = None) -> str:
        """The key of the file that says an input."""
        rule = (rules or self.family.inputs)[name]
        key = self.family.keys.get(rule) if isinstance(rule, str) else None
        return next((alias for alias in key.aliases if alias in self.config), key.name) if key else name

    # Layers ----------------------------------------------------------------------------------------------------------

    def groups(self, count: int, window: int) -> tuple[LayerGroup, ...]:
        """The groups of layers that are alike, in the order of their first layers."""
        listed = {key: self.config[key] for key in self.family.lists if self.config.get(key) is not None}
        said = layers.Layers(count, self.values, listed, self.problems)
        windowed = layers.have_window(said, self.family.windows)
        expert = layers.have_experts(said, self.family.experts_in)
        if self.problems:
            return ()
        alike: dict[tuple[int, bool], list[int]] = {}
        for layer, (has_window, has_experts) in enumerate(zip(windowed, expert, strict=True), start=1):
            alike.setdefault((window if has_window else 0, has_experts), []).append(layer)
        windows, kinds = ({kind[at] for kind in alike} for at in (0, 1))
        return tuple(
            LayerGroup(
                " ".join(self.called(width, has_experts, len(windows) > 1, len(kinds) > 1)),
                tuple(numbers),
                ({"window": width} if width else {})
                | self.inputs(self.family.experts if has_experts else self.family.dense),
            )
            for (width, has_experts), numbers in alike.items()
        )

    def called(self, window: int, has_experts: bool, windows_differ: bool, experts_differ: bool) -> Iterable[str]:
        """What tells a group from the others."""
        if windows_differ:
            yield "local" if window else "global"
        if experts_differ:
            yield "experts" if has_experts else "dense"
