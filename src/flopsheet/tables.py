"""A spec as tables of inputs: one per grain, each row knowing its rows in the coarser tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flopsheet.catalog import KEYS, PARENTS, coarser
from flopsheet.spec import Given, Spec


@dataclass(frozen=True)
class Table:
    """The rows of one grain: `keys` name each row, `above` gives its row in every coarser table."""

    grain: str
    key_names: tuple[str, ...]
    keys: tuple[tuple[object, ...], ...]
    above: Mapping[str, tuple[int, ...]]
    inputs: Mapping[str, tuple[Given, ...]]

    def __len__(self) -> int:
        return len(self.keys)


Tables = Mapping[str, Table]


def tabulate(spec: Spec) -> dict[str, Table]:
    """Every table of a spec, coarse ones first.

    Scenarios go context by context and within one model by model, so that the family stands side by side.
    """
    models, lengths = spec.models, spec.context_lengths
    groups = [(at, group) for at, model in enumerate(models) for group in model.groups]
    scenarios = [(model, context) for context in range(len(lengths)) for model in range(len(models))]
    runs = [
        (group, scenario)
        for scenario, (model, _) in enumerate(scenarios)
        for group, (owner, _) in enumerate(groups)
        if owner == model
    ]
    name = {at: model.name for at, model in enumerate(models)}
    built: dict[str, Table] = {}

    def add(
        grain: str,
        key_names: Sequence[str],
        keys: Sequence[tuple[object, ...]],
        parents: Mapping[str, Sequence[int]],
        inputs: Mapping[str, tuple[Given, ...]],
    ) -> None:
        assert tuple(parents) == PARENTS[grain]
        above: dict[str, tuple[int, ...]] = {parent: tuple(rows) for parent, rows in parents.items()}
        for parent, rows in parents.items():
            for higher, their_rows in built[parent].above.items():
                above.setdefault(higher, tuple(their_rows[row] for row in rows))
        built[grain] = Table(grain, tuple(key_names), tuple(keys), {g: above[g] for g in coarser(grain)}, inputs)

    add("study", ("study",), [(spec.name,)], {}, {key: (given,) for key, given in spec.study.items()})
    add(
        "model",
        ("model",),
        [(model.name,) for model in models],
        {"study": [0] * len(models)},
        {key: tuple(model.inputs[key] for model in models) for key in models[0].inputs},
    )
    add(
        "layer_group",
        ("model", "group"),
        [(name[at], group.name) for at, group in groups],
        {"model": [at for at, _ in groups]},
        {key: tuple(group.inputs[key] for _, group in groups) for key in groups[0][1].inputs},
    )
    add(
        "context",
        ("context_length",),
        [(int(length),) for length in lengths],
        {"study": [0] * len(lengths)},
        {"context_length": tuple(map(Given, lengths))},
    )
    add(
        "scenario",
        ("model", "context_length"),
        [(name[model], int(lengths[context])) for model, context in scenarios],
        {"model": [model for model, _ in scenarios], "context": [context for _, context in scenarios]},
        {},
    )
    add(
        "layer_run",
        ("model", "context_length", "group"),
        [(*built["scenario"].keys[scenario], groups[group][1].name) for group, scenario in runs],
        {"layer_group": [group for group, _ in runs], "scenario": [scenario for _, scenario in runs]},
        {},
    )
    return built


def key_of(table: Table, key: str) -> tuple[object, ...]:
    """The names that a key such as `model` stands for, one per row."""
    assert key in KEYS
    return tuple(row[table.key_names.index(key)] for row in table.keys)
