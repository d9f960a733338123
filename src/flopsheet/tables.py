"""A spec as tables of inputs: one per grain, each row knowing its rows in the coarser tables."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flopsheet.catalog import KEYS, PARENTS, RUNS, coarser, load_inputs
from flopsheet.spec import Given, Group, ModelSpec, Spec


@dataclass(frozen=True)
class Table:
    """The rows of one grain: `keys` name each row, `above` gives its row in every coarser table."""

    grain: str
    key_names: tuple[str, ...]
    keys: tuple[tuple[object, ...], ...]
    above: Mapping[str, Sequence[int]]
    inputs: Mapping[str, tuple[Given, ...]]

    def __len__(self) -> int:
        return len(self.keys)


Tables = Mapping[str, Table]


class _Builder:
    """Collects tables, coarse ones first, and follows each row up to its rows in every coarser table."""

    def __init__(self) -> None:
        self.built: dict[str, Table] = {}

    def add(
        self,
        grain: str,
        key_names: Sequence[str],
        keys: Sequence[tuple[object, ...]],
        parents: Mapping[str, Sequence[int]],
        inputs: Mapping[str, tuple[Given, ...]],
    ) -> None:
        assert tuple(parents) == PARENTS[grain]
        above: dict[str, Sequence[int]] = {parent: array("q", rows) for parent, rows in parents.items()}
        for parent, rows in parents.items():
            for higher, their_rows in self.built[parent].above.items():
                above.setdefault(higher, array("q", map(their_rows.__getitem__, rows)))
        found = {name: above[name] for name in coarser(grain)}
        self.built[grain] = Table(grain, tuple(key_names), tuple(keys), found, inputs)

    def add_study(self, spec: Spec) -> None:
        self.add("study", ("study",), [(spec.name,)], {}, {key: (given,) for key, given in spec.study.items()})

    def add_hardware(self, spec: Spec) -> None:
        if spec.hardware:
            keys = [(device.name,) for device in spec.hardware]
            inputs = _columns([device.inputs for device in spec.hardware])
            self.add("hardware", ("hardware",), keys, {"study": [0] * len(keys)}, inputs)


def _columns(rows: Sequence[Mapping[str, Given]]) -> dict[str, tuple[Given, ...]]:
    return {key: tuple(row[key] for row in rows) for key in rows[0]}


def tabulate(spec: Spec) -> dict[str, Table]:
    """Every table of a spec but those of its runs, coarse ones first.

    Scenarios go context by context and within one model by model, so that the family stands side by side.
    """
    models, lengths = spec.models, spec.context_lengths
    groups = [(at, group) for at, model in enumerate(models) for group in model.groups]
    scenarios = [(model, context) for context in range(len(lengths)) for model in range(len(models))]
    of_model: list[list[int]] = [[] for _ in models]
    for group, (owner, _) in enumerate(groups):
        of_model[owner].append(group)
    runs = [(group, scenario) for scenario, (model, _) in enumerate(scenarios) for group in of_model[model]]
    name = {at: model.name for at, model in enumerate(models)}
    tables = _Builder()
    tables.add_study(spec)
    tables.add(
        "model",
        ("model",),
        [(model.name,) for model in models],
        {"study": [0] * len(models)},
        _columns([model.inputs for model in models]),
    )
    tables.add(
        "layer_group",
        ("model", "group"),
        [(name[at], group.name) for at, group in groups],
        {"model": [at for at, _ in groups]},
        _columns([group.inputs for _, group in groups]),
    )
    tables.add(
        "context",
        ("context_length",),
        [(int(length),) for length in lengths],
        {"study": [0] * len(lengths)},
        {"context_length": tuple(map(Given, lengths))},
    )
    tables.add(
        "scenario",
        ("model", "context_length"),
        [(name[model], int(lengths[context])) for model, context in scenarios],
        {"model": [model for model, _ in scenarios], "context": [context for _, context in scenarios]},
        {},
    )
    scenario_keys = tables.built["scenario"].keys
    tables.add(
        "layer_run",
        ("model", "context_length", "group"),
        [(*scenario_keys[scenario], groups[group][1].name) for group, scenario in runs],
        {"layer_group": [group for group, _ in runs], "scenario": [scenario for _, scenario in runs]},
        {},
    )
    tables.add_hardware(spec)
    return tables.built


def tabulate_runs(spec: Spec, kind: str) -> dict[str, Table]:
    """The tables of a world of runs: a model, a context and a scenario of its own for each.

    A reviewer may choose another model for a run, so each has as many layer groups as any model of the study.
    """
    runs, of_models = spec.runs[kind], {model.name: model for model in spec.models}
    most = most_groups(spec)
    models = [chosen(of_models[run.model], most) for run in runs]
    names, each = [(run.name,) for run in runs], range(len(runs))
    devices = [device.name for device in spec.hardware]
    owner = [at for at in each for _ in range(most)]
    group_keys = [(runs[at].name, group.name) for at in each for group in models[at].groups]
    of_run, of_layer = RUNS[kind]
    inputs = _columns([run.inputs for run in runs])
    at_grain = {
        grain: {key: column for key, column in inputs.items() if grain_of(key) == grain}
        for grain in ("context", "run", of_run)
    }
    tables = _Builder()
    tables.add_study(spec)
    whole, groups = _columns([model.inputs for model in models]), [group for model in models for group in model.groups]
    tables.add("model", ("run",), names, {"study": [0] * len(runs)}, whole)
    tables.add("layer_group", ("run", "group"), group_keys, {"model": owner}, _columns([g.inputs for g in groups]))
    tables.add("context", ("run",), names, {"study": [0] * len(runs)}, at_grain["context"])
    tables.add("scenario", ("run",), names, {"model": each, "context": each}, {})
    tables.add("layer_run", ("run", "group"), group_keys, {"layer_group": range(len(owner)), "scenario": owner}, {})
    tables.add_hardware(spec)
    hardware = [devices.index(run.hardware) for run in runs]
    tables.add("run", ("run",), names, {"scenario": each, "hardware": hardware}, at_grain["run"])
    tables.add(of_run, ("run",), names, {"run": each}, at_grain[of_run])
    tables.add(of_layer, ("run", "group"), group_keys, {of_run: owner, "layer_run": range(len(owner))}, {})
    return tables.built


@dataclass(frozen=True)
class Variant:
    """A scenario with some inputs scaled to so many percent: 110 % of 50,000 is whole in doubles, 1.1 times it not."""

    name: str
    inputs: tuple[str, ...]
    percent: float


def tabulate_variants(spec: Spec, scenario: int, variants: Sequence[Variant]) -> dict[str, Table]:
    """The tables of variants of one scenario, its row among all: a model, a context and a scenario for each."""
    context, model = divmod(scenario, len(spec.models))
    most, each, names = most_groups(spec), range(len(variants)), [(variant.name,) for variant in variants]
    base = chosen(spec.models[model], most)

    def scaled(inputs: Mapping[str, Given], variant: Variant) -> dict[str, Given]:
        return {
            key: Given(given.value * variant.percent / 100)
            if key in variant.inputs and not isinstance(given.value, str)
            else given
            for key, given in inputs.items()
        }

    length = {"context_length": Given(spec.context_lengths[context])}
    owner = [at for at in each for _ in range(most)]
    groups = [scaled(group.inputs, variant) for variant in variants for group in base.groups]
    group_keys = [(variant.name, group.name) for variant in variants for group in base.groups]
    tables = _Builder()
    tables.add_study(spec)
    whole = _columns([scaled(base.inputs, variant) for variant in variants])
    tables.add("model", ("run",), names, {"study": [0] * len(names)}, whole)
    tables.add("layer_group", ("run", "group"), group_keys, {"model": owner}, _columns(groups))
    lengths = _columns([scaled(length, variant) for variant in variants])
    tables.add("context", ("run",), names, {"study": [0] * len(names)}, lengths)
    tables.add("scenario", ("run",), names, {"model": each, "context": each}, {})
    tables.add("layer_run", ("run", "group"), group_keys, {"layer_group": range(len(owner)), "scenario": owner}, {})
    return tables.built


def grain_of(name: str) -> str:
    """The grain of an input."""
    return load_inputs().inputs[name].grain


def most_groups(spec: Spec) -> int:
    """The most layer groups of any model."""
    return max(len(model.groups) for model in spec.models)


def chosen(model: ModelSpec, most: int) -> ModelSpec:
    """A model as a look-up finds it: plain values, and padded with empty layer groups."""
    groups = []
    for at in range(most):
        group = model.groups[at] if at < len(model.groups) else model.groups[0]
        given = {key: Given(value.value) for key, value in group.inputs.items()}
        if at >= len(model.groups):
            given["n_group_layers"] = Given(0.0)
        groups.append(Group(f"group {at + 1}" if most > 1 else "", given))
    return ModelSpec(model.name, {key: Given(value.value) for key, value in model.inputs.items()}, tuple(groups))


def key_of(table: Table, key: str) -> tuple[object, ...]:
    """The names that a key such as `model` stands for, one per row."""
    assert key in KEYS
    at = table.key_names.index(key)
    return tuple(row[at] for row in table.keys)
