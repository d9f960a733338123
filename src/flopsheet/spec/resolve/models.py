"""From the shape of a spec to its models: defaults, `extends`, layer groups, expressions, rules between inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.catalog import Input
from flopsheet.diagnostics import Finding, Problem
from flopsheet.formula.nodes import Aggregate
from flopsheet.spec import library
from flopsheet.spec.entries import CustomEntries, Group, InputValue, ModelSpec
from flopsheet.spec.resolve import parts, rules
from flopsheet.spec.resolve.scope import RawInput, RawInputs, Scope
from flopsheet.spec.schema import data_model, kinds
from flopsheet.yamlio.source import Path, Source, spell


class Resolver:
    """Resolves one spec; `problems` collects what is wrong, so that all of it is reported at once."""

    def __init__(self, source: Source, faulty: Iterable[Path], own: CustomEntries) -> None:
        self.source = source
        self.data: Mapping[str, Any] = source.data if isinstance(source.data, dict) else {}
        self.faulty = {path[:length] for path in faulty for length in range(len(path) + 1)}
        self.merged: dict[str, RawInputs | None] = {}
        self.problems: list[Problem] = []
        self.reported: set[tuple[Path, str]] = set()
        self.current: Path = ()  # the model, or variant of a run, that is resolved
        self.faults = 0  # findings, told or told before
        self.names: list[str] = []  # of the models, variants of sweeps among them
        self.unresolved: list[str] = []  # swept models of which not all variants are known
        self.variants: dict[str, Callable[[], str]] = {}  # of swept models and runs: the first variant
        self.inputs: dict[str, Input] = {**catalog.load_inputs().inputs, **{entry.name: entry for entry in own.inputs}}
        self.custom_defaults = own.defaults  # where the spec says the defaults of its own inputs

    def is_valid(self, path: Path) -> bool:
        """Whether the shape at and below a path was found valid."""
        return path not in self.faulty

    def report(self, path: Path, finding: Finding, *, key: bool = False, depends: bool = False) -> None:
        """Notes what is wrong with a value, once although several models may inherit it.

        What `depends` on other inputs names the model or run, where the value is not its own.
        """
        self.faults += 1
        if (path, finding[0]) in self.reported:
            return
        self.reported.add((path, finding[0]))
        if depends and self.current and path[:2] != self.current:
            finding = diagnostics.inherited(finding, *map(str, self.current))
        self.problems.append(diagnostics.located(finding, spell(path), self.source.place(path, key=key)))

    # Merging ---------------------------------------------------------------------------------------------------------

    def is_unknown(self, name: str) -> bool:
        """Whether no model has this name; of a sweep that is faulty nobody knows."""
        return name not in self.names and not any(name.startswith(f"{base} ") for base in self.unresolved)

    def unknown_model(self, name: str, known: Sequence[str], kind: str = "model", *, extends: bool = False) -> Finding:
        """A name that no model has, and what may be meant."""
        if name in self.variants and (first := self.variants[name]()):
            return diagnostics.stands_for_variants(name, first)
        if name in library.load() and diagnostics.nearest(name, known) is None:
            return diagnostics.model_of_the_library(name, extends=extends)
        return diagnostics.unknown_model(name, known, kind)

    def listed(self) -> Mapping[str, Any]:
        """What stands under `models:`."""
        listed = self.data.get("models")
        return listed if isinstance(listed, dict) else {}

    def swept(self) -> list[str]:
        """The models that stand for their variants."""
        return [name for name, entry in self.listed().items() if isinstance(entry, dict) and "sweep" in entry]

    def merged_models(self) -> dict[str, RawInputs]:
        """What each model says with what it starts from, by name; one for which that is not known is left out."""
        listed = self.listed()
        if not all(isinstance(entry, dict) for entry in listed.values()):
            return {}
        return {name: said for name in listed if (said := self.merge(name, listed)) is not None}

    def merge(self, name: str, listed: Mapping[str, Any]) -> RawInputs | None:
        """What a model says, on top of what it extends, on top of the defaults; None where that is not known."""
        chain: dict[str, None] = {}  # the model and what it extends, up to one that is merged
        at: str | None = name
        while at is not None and at not in self.merged and at not in chain:
            chain[at] = None
            at = self.parent(at, listed)
        if at in chain:
            self.report_circle([*chain][[*chain].index(at) :], listed)
            at = None
        said = self.merged[at] if at is not None else self.defaults()
        for link in reversed(chain):
            path: Path = ("models", link)
            shipped = self.from_library(path, listed[link])
            if said is not None and shipped is not None and self.is_valid(path):
                said = {**said, **shipped, **self.normalize(path, listed[link])}
            else:
                said = None
            self.merged[link] = said
        return said

    def from_library(self, path: Path, data: Mapping[str, Any]) -> RawInputs | None:
        """What the library says of the model that `model:` names, as if it stood there; None where it has none."""
        at = (*path, "model")
        if "model" not in data:
            return {}
        if "extends" in data:
            self.report(at, diagnostics.said_twice("model", "extends"), key=True)
        shipped = library.load()
        if not self.is_valid(at):
            return None  # what is wrong was told
        if data["model"] not in shipped:
            self.report(at, diagnostics.unknown_library_model(data["model"], list(shipped)))
            self.faulty.add(path)
            return None
        inputs = self.normalize(at, shipped[data["model"]].inputs)
        return {key: RawInput(said.value, at) for key, said in inputs.items()}

    def parent(self, name: str, listed: Mapping[str, Any]) -> str | None:
        """The model that this one extends; a name that no model has is reported."""
        path: Path = ("models", name, "extends")
        parent = listed[name].get("extends")
        if not isinstance(parent, str) or parent in listed:
            return parent if isinstance(parent, str) else None
        known = [other for other in listed if other != name]
        self.report(path, self.unknown_model(parent, known, extends=True))
        self.faulty.add(path[:2])
        return None

    def report_circle(self, circle: Sequence[str], listed: Mapping[str, Any]) -> None:
        """Tells a circle from the first of its models in the file."""
        start = min(range(len(circle)), key=[*map([*listed].index, circle)].__getitem__)
        chain = [*circle[start:], *circle[: start + 1]]
        self.report(("models", chain[0], "extends"), diagnostics.cycle(chain))
        self.faulty |= {("models", name) for name in circle}

    def defaults(self) -> RawInputs | None:
        """What every model starts from."""
        return self.normalize(("defaults",), self.data.get("defaults", {})) if self.is_valid(("defaults",)) else None

    def normalize(self, path: Path, data: Mapping[str, Any]) -> RawInputs:
        """What one mapping says about inputs, `ffn: swiglu` turned into the number of matrices that it stands for."""
        said = {key: RawInput(value, (*path, key)) for key, value in data.items()}
        if "ffn" in said:
            kind = said.pop("ffn")
            if "ffn_matrices" in said:
                self.report(kind.path, diagnostics.said_twice("ffn", "ffn_matrices"), key=True)
            said["ffn_matrices"] = RawInput(kinds.FFN_KINDS[kind.value], kind.path)
            if kind.value == "none":
                self.without(said, "d_ff", kinds.MOE_KEYS)
        for group in ("attention", "moe"):
            if group in said:
                self.expand_groups(said, said.pop(group))
        if "mixer" in said:
            self.expand_mixers(said, said.pop("mixer"))
        for key in kinds.OTHERS.keys() & said.keys():
            others = said.pop(key)
            for brief, value in others.value.items():
                if name := kinds.OTHERS[key].get(brief):
                    if name in said:
                        self.report(said[name].path, diagnostics.said_twice(name, spell(others.path)), key=True)
                    said[name] = RawInput(value, (*others.path, brief))
        return said

    def without(self, said: RawInputs, width: str, keys: Sequence[str]) -> None:
        """Turns off what this mapping doesn't say and may start from: a width, and keys that belong to it."""
        said.setdefault(width, RawInput(0, ()))
        for key in keys:
            said.setdefault(key, RawInput(self.inputs[key].default, ()))

    def expand_mixers(self, said: RawInputs, mixer: RawInput) -> None:
        """Adds the inputs under `mixer:`, which takes the place of attention unless n_heads stands beside it."""
        own = {key: RawInput(value, (*mixer.path, key)) for key, value in mixer.value.items()}
        kind = own.pop("kind")
        fixes, needs, assumes = kinds.MIXER_KINDS[kind.value]
        for key in own.keys() & said.keys():
            self.report(own[key].path, diagnostics.said_twice(key, spell(said[key].path)), key=True)
        if absent := [key for key in needs if key not in own and key not in said]:
            self.report(kind.path, diagnostics.mixer_needs(kind.value, absent))
            own |= {key: RawInput(1, kind.path) for key in absent}  # so that nothing is told that follows from it
        for key in fixes.keys() & (said | own).keys():
            self.report((said | own)[key].path, diagnostics.mixer_sets(kind.value, key, fixes[key]), key=True)
        implied = {**assumes, **fixes}
        said |= own | {key: RawInput(value, kind.path) for key, value in implied.items() if key not in said | own}
        if "n_heads" not in said:
            self.without(said, "n_heads", [key for key in kinds.ATTENTION_KEYS if key != "n_heads"])

    def expand_groups(self, said: RawInputs, group: RawInput) -> None:
        """Adds the inputs that stand together under `attention:` or `moe:`, and those that a kind of attention sets."""
        own = {key: RawInput(value, (*group.path, key)) for key, value in group.value.items()}
        kind = own.pop("kind", None)
        for key in own.keys() & said.keys():
            self.report(own[key].path, diagnostics.said_twice(key, spell(said[key].path)), key=True)
        if kind:
            sets, needs = kinds.ATTENTION_KINDS[kind.value]
            if absent := [key for key in needs if key not in own and key not in said]:
                self.report(kind.path, diagnostics.kind_needs(kind.value, absent))
                own |= {key: RawInput(1, kind.path) for key in absent}  # so that nothing is told that follows from it
            for key in sets.keys() & (said | own).keys():
                self.report((said | own)[key].path, diagnostics.kind_sets(kind.value, key, sets[key]), key=True)
            own |= {key: RawInput(value, kind.path) for key, value in sets.items() if key not in own}
        said |= own

    def model(self, name: str, said: RawInputs, path: Path = ()) -> ModelSpec | None:
        """The model; a variant stands where the spec says its sweep."""
        self.current = ("models", name)
        path = path or self.current
        layers = said.get("layers")
        whole = {key: value for key, value in said.items() if self.grain(key) == "model"}
        common = {key: value for key, value in said.items() if self.grain(key) == "layer_group"}
        groups: list[tuple[str, Path, RawInputs]] = []
        taken: set[str] = set()
        for index, data in enumerate(layers.value if layers else [{}]):
            at = (*layers.path, index) if layers else path
            own = self.normalize(at, data)
            label = own.pop("name").value if "name" in own else f"group {index + 1}" if layers else ""
            if "n_layers" in own:
                own["n_group_layers"] = own.pop("n_layers")
            if label.casefold() in taken:
                self.report(at, diagnostics.same_group_name(label))
            taken.add(label.casefold())
            groups.append((label, at, self.add_implied(common | own)))
        groups[-1][2].setdefault("n_group_mtp_layers", RawInput("n_mtp_layers", ()))
        missing = [*self.missing("model", whole, bool(layers))]
        for _, _, group in groups:
            missing += [key for key in self.missing("layer_group", group, False) if key not in missing]
        if missing:
            self.report(path, diagnostics.missing_inputs(missing), key=True)
            return None
        return self.evaluate_model(name, path, whole, groups, bool(layers))

    def add_implied(self, said: RawInputs) -> RawInputs:
        """What latent attention and experts imply of inputs that a group does not mention."""
        if "kv_lora_rank" in said and said["kv_lora_rank"].value != 0 and "d_head" not in said:
            widths = {"d_qk_nope", "d_qk_rope"} & said.keys()  # without any, what is missing is told, not its sum
            said["d_head"] = RawInput("d_qk_nope + d_qk_rope" if widths else 1, ())
        if "n_experts" in said and said["n_experts"].value != 0 and "d_ff" not in said:
            said["d_ff"] = RawInput(0, ())
        return said

    def inputs_of(self, grain: str) -> tuple[Input, ...]:
        return tuple(entry for entry in self.inputs.values() if entry.grain == grain)

    def grain(self, name: str) -> str:
        entry = self.inputs.get(name)
        return entry.grain if entry else ""

    def missing(self, grain: str, said: RawInputs, has_layers: bool) -> list[str]:
        required = [entry.name for entry in self.inputs_of(grain) if entry.default is None]
        shown = ["ffn" if name == "ffn_matrices" else name for name in required if name not in said]
        return [name for name in shown if not (name == "n_layers" and has_layers)]

    # Evaluating ------------------------------------------------------------------------------------------------------

    def evaluate_model(
        self, name: str, path: Path, whole: RawInputs, groups: list[tuple[str, Path, RawInputs]], has_layers: bool
    ) -> ModelSpec:
        """The model; what has no value is left out, and reported."""
        entries = self.inputs_of("model")
        if has_layers:  # the layers are counted below
            entries = tuple(entry for entry in entries if entry.name != "n_layers")
        values = Scope(self, path, entries, whole).resolve()
        resolved = []
        for label, at, said in groups:
            inner = Scope(self, at, self.inputs_of("layer_group"), said, values, entries).resolve()
            resolved.append(Group(label, inner))
        counted = {**values}
        if has_layers and all("n_group_layers" in group.inputs for group in resolved):
            total = sum(float(group.inputs["n_group_layers"].value) for group in resolved)
            counted["n_layers"] = InputValue(total, Aggregate("sum", ("n_group_layers",)))
            if "n_layers" in whole:  # what is claimed is held to a rule
                claim = (catalog.load_inputs().inputs["n_layers"],)
                values |= Scope(self, path, claim, whole, values, entries).resolve()
        plain = [values_of(group.inputs) for group in resolved]
        self.check(path, rules.Row(self.shared | values_of(values), plain), whole, "model")
        for (_, at, said), own in zip(groups, plain, strict=True):
            self.check(at, rules.Row(self.shared | values_of(counted) | own), said, "layer_group")
        in_order = {entry.name: counted[entry.name] for entry in self.inputs_of("model") if entry.name in counted}
        return ModelSpec(name, in_order, tuple(resolved))

    def check(self, path: Path, row: rules.Row, said: RawInputs, *grains: str) -> None:
        """Reports the rules of some grains that the inputs at a path break."""
        for rule in rules.broken(row, said, *grains):
            self.report_broken(path, rule, row, said)

    def report_broken(self, path: Path, rule: catalog.Rule, row: rules.Row, said: RawInputs) -> None:
        """Reports a broken rule where the spec says the input at fault, or at what says none."""
        at = rules.blamed(rule, row, {name: one.path for name, one in said.items()}) or path
        self.report(at, row.finding(rule), key=at == path, depends=True)

    @cached_property
    def shared(self) -> dict[str, float | str]:
        """The values of the study's own inputs, which every rule may read."""
        before = self.current
        found = values_of(self.study())
        self.current = before
        return found

    def study(self) -> dict[str, InputValue]:
        """Conventions and load, defaults filled in."""
        self.current = ()
        said: RawInputs = {}
        for entry in self.inputs_of("study"):
            path: Path = ("conventions", entry.name) if entry in data_model.conventions() else (entry.name,)
            holder = self.data if len(path) == 1 else self.data.get("conventions")
            if isinstance(holder, dict) and entry.name in holder and self.is_valid(path):
                said[entry.name] = RawInput(holder[entry.name], path)
            elif entry.default is None and self.is_valid(path):
                self.report(self.custom_defaults[entry.name][:-1], diagnostics.missing_of_study(entry.name))
        valued = [entry for entry in self.inputs_of("study") if entry.default is not None or entry.name in said]
        return Scope(self, (), valued, parts.spread(self, said)).resolve()


def values_of(inputs: Mapping[str, InputValue]) -> dict[str, float | str]:
    """The values of inputs, without the expressions that gave them."""
    return {name: given.value for name, given in inputs.items()}
