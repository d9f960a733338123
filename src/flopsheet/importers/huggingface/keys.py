"""The keys of one configuration: what they say, and what rules make of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flopsheet import diagnostics
from flopsheet.diagnostics import Finding, Problem
from flopsheet.importers.huggingface import families, rules
from flopsheet.importers.huggingface.families import Family, Key, Rule
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.yamlio.source import Data

MOST_LAYERS = 10_000
PER_LAYER = "per_layer_config"  # {"5": {"head_dim": 512}}: what single layers have instead
LEFT_TO_DEFAULTS = ("auto", -1)  # where the default is an expression
FULL = {"full_attention", "attention"}  # words for layers that are like any others


class Keys:
    """Reads one configuration; `problems` collects what is wrong, so that all of it is reported at once."""

    def __init__(self, model_type: str, family: Family, ignored: Collection[str]) -> None:
        self.model_type, self.family, self.ignored = model_type, family, ignored
        self.config: dict[str, Any] = {}
        self.values: dict[str, Any] = {}  # of the keys that count; None where the value is refused
        self.assumed: dict[str, Any] = {}  # keys that the file lacks, with the default that counts instead
        self.remarks: dict[str, None] = {}  # what a reader of the spec should know of them, in order
        self.lists: Mapping[str, list[Any] | None] = {}
        self.overrides: dict[int, dict[str, Any]] = {}  # by layer, from 0
        self.of_layers: set[str] = set()  # keys that say how many layers there are
        self.uses = 0  # layers beside which a block of its own stands
        self.problems: list[Problem] = []

    def report(self, key: str, finding: Finding) -> None:
        self.problems.append(diagnostics.located(finding, key, None))

    def take(self, config: Data) -> None:
        """Notes every key, those of nested mappings under `mapping.key`; reports what is not understood."""
        for key, value in config.items():
            if key in self.family.nested and isinstance(value, dict):
                self.config |= {f"{key}.{inner}": said for inner, said in value.items()}
            elif key in self.family.nested and value is not None:
                self.report(key, diagnostics.not_keys(value))
            else:
                self.config[key] = value
        self.refuse_strange(self.config)
        self.of_layers = self.read_by("n_layers")
        for name in [*self.of_layers & self.family.keys.keys()]:
            self.of_layers |= _read_by(self.family.keys[name].missing or 0)
        for known in self.family.keys.values():
            self.value(known)

    def refuse_strange(self, config: Data, inner: Data | None = None) -> None:
        """Reports keys, or values of keys, that may change a count and are not understood.

        Of a file of several models, the outer mapping may repeat what the `inner` one says.
        """
        known = self.family.names()
        for key, value in config.items():
            if key in known or key in self.family.nested or key in self.ignored:
                continue
            if inner is not None and key in inner and inner[key] == value:
                continue
            if key == PER_LAYER and self.family.overrides is not None:
                continue
            accepted = self.family.accepted(key)
            if accepted is not None:
                if key == "layer_types" and isinstance(value, list) and set(map(str, value)) <= FULL:
                    continue
                if value is not None and not any(type(value) is type(one) and value == one for one in accepted):
                    self.report(key, diagnostics.value_not_understood(value, accepted))
            elif not self.family.ignores(key):
                self.problems.append(diagnostics.key_not_understood(key, self.model_type, sorted(known)))
        architectures, heads = config.get("architectures") or [], families.load_families().heads
        if not isinstance(architectures, list):
            self.report("architectures", diagnostics.not_a_list(architectures))
        elif strange := [name for name in architectures if not str(name).endswith(heads)]:
            self.report("architectures", diagnostics.not_a_language_model(str(strange[0]), heads))

    def refuse_experts_from_defaults(self) -> None:
        """A file that says sizes but nothing of the experts that it gets is probably of another model."""
        sizes = {key for rule in ("d_model", "n_layers") for key in self.read_by(rule)}
        experts = {key for rule in ("n_experts", "n_active_experts", "d_expert") for key in self.read_by(rule)}
        experts -= {key for rule in ("d_model", "n_layers", "d_ff") for key in self.read_by(rule)}
        if self.says_any(sizes) and not self.says_any(experts):
            self.report(self.spelled("n_experts"), diagnostics.experts_from_defaults(self.model_type))

    def says_any(self, names: Collection[str]) -> bool:
        """Whether the file has one of these keys, under whichever name."""
        keys = [self.family.keys[name] for name in names if name in self.family.keys]
        return any(alias in self.config for key in keys for alias in key.aliases)

    def read_by(self, name: str) -> set[str]:
        """The keys that the rules of an input read."""
        return {key for rule in self.family.layer_inputs(name) for key in _read_by(rule)}

    def spelled(self, name: str) -> str:
        """The key of the file that says an input."""
        keys = self.family.keys
        key = next(
            (keys[rule] for rule in self.family.layer_inputs(name) if isinstance(rule, str) and rule in keys), None
        )
        return next((alias for alias in key.aliases if alias in self.config), key.name) if key else name

    def value(self, key: Key) -> Any:
        """What a key says, or its default; None where that is refused."""
        if key.name not in self.values:
            self.values[key.name] = None  # until it is known
            self.values[key.name] = self.read(key)
        return self.values[key.name]

    def read(self, key: Key) -> Any:
        said = {alias: self.config[alias] for alias in key.aliases if alias in self.config}
        said = {alias: value for alias, value in said.items() if not self.is_list_of_layers(alias, value)}
        first, *others = said or [key.name]
        for other in others:
            if said[other] != said[first]:
                self.report(other, diagnostics.keys_disagree(first))
        if said and isinstance(said[first], str) and key.name in self.family.lengths:
            said[first] = len(said[first])
        is_left_out = bool(said) and (
            said[first] is None or (isinstance(key.missing, str) and said[first] in LEFT_TO_DEFAULTS)
        )
        rule = key.missing if not said else key.null if is_left_out else None
        if rule is not None:
            value = self.evaluate(rule)
            if not said and isinstance(rule, int) and value:
                self.assumed[key.name] = value
            return value
        if not said:
            self.report(key.name, diagnostics.no_default(self.model_type))
            return None
        value = said[first]
        is_flag = key.is_flag or (isinstance(value, bool) and isinstance(self.evaluate(key.missing or 0), bool))
        finding = diagnostics.flag_problem(value) if is_flag else self.number_problem(key, value)
        if finding:
            self.report(first, finding)
            return None
        return value if is_flag or key.is_fraction else int(value)

    def is_list_of_layers(self, alias: str, value: object) -> bool:
        """Whether a key that may be one number for all layers is a list of one for each."""
        return isinstance(value, list) and any(alias in one.keys for one in self.family.lists.values())

    def number_problem(self, key: Key, value: object) -> Finding | None:
        least = 0 if 0 in (key.missing, key.null) or key.is_fraction else 1
        most = MOST_LAYERS if key.name in self.of_layers else LARGEST_INPUT
        return diagnostics.number_problem(value, least, most, whole=not key.is_fraction)

    def evaluate(self, rule: Rule, layer: int | None = None) -> Any:
        """The value of a rule, of one layer where it differs by layer; None where a key that it reads is refused."""
        if isinstance(rule, Mapping):
            flag = self.evaluate(rule["by"], layer)
            return None if flag is None else self.evaluate(rule["yes" if flag else "no"], layer)
        if not isinstance(rule, str):
            return rule
        if rule in self.family.keys and layer is None:
            return self.value(self.family.keys[rule])
        found = {name: self.named(name, layer) for name in rules.read_by(rule)}
        if None in found.values():
            return None
        value = rules.value(rule, lambda name: found[name])
        return int(value) if type(value) is float and value == int(value) else value

    def named(self, name: str, layer: int | None) -> Any:
        """What a name in a rule stands for: a number of this layer or of the model, or the word itself."""
        if layer is not None:
            if name in ("layer", "uses"):
                return float(layer if name == "layer" else self.uses)
            if name in self.overrides.get(layer, {}):
                return self.overrides[layer][name]
            if (items := self.lists.get(name)) is not None:
                return items[layer] if isinstance(items[layer], str | bool) else float(items[layer])
            if name in self.family.lists and (rule := self.family.lists[name].missing) is not None:
                return self.evaluate(rule, layer)
        if name not in self.family.keys:
            return name
        value = self.value(self.family.keys[name])
        return value if value is None or isinstance(value, str | bool) else float(value)

    def override(self, count: int) -> None:
        """What single layers have instead of what the keys say: as the file lists it, else as the family has it."""
        given = self.config.get(PER_LAYER)
        if given is None or self.family.overrides is None:
            own = self.family.overrides or {}
            for layer in range(count):
                self.overrides[layer] = {key: self.evaluate(rule, layer) for key, rule in own.items()}
            return
        names = {alias: key.name for key in self.family.keys.values() for alias in key.aliases}
        for number, said in given.items() if isinstance(given, dict) else [("", given)]:
            if not str(number).isdigit() or not isinstance(said, dict):
                self.report(PER_LAYER, diagnostics.not_keys(said if str(number).isdigit() else given))
                continue
            for key, value in said.items():
                if key not in names and (self.family.ignores(key) or f"{PER_LAYER}.{key}" in self.ignored):
                    continue
                if key not in names:
                    self.problems.append(
                        diagnostics.key_not_understood(f"{PER_LAYER}.{key}", self.model_type, list(names))
                    )
                elif finding := diagnostics.number_problem(value, 0, LARGEST_INPUT, whole=True):
                    self.report(f"{PER_LAYER}.{number}.{key}", finding)
            self.overrides[int(number)] = {
                names[key]: float(said[key]) for key in said if key in names and not self.problems
            }


def _read_by(rule: Rule) -> set[str]:
    if isinstance(rule, Mapping):
        return {name for part in rule.values() for name in _read_by(part)}
    return set(rules.read_by(rule)) if isinstance(rule, str) else set()
