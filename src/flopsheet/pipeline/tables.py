"""A spec as tables of inputs: a pandas DataFrame per grain, each row knowing its rows in the coarser tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flopsheet.catalog import PARENTS, RUNS, coarser, load_inputs
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.records import frozen
from flopsheet.spec import Group, InputValue, ModelSpec, Spec

Numbers: TypeAlias = NDArray[np.float64]
Texts: TypeAlias = NDArray[np.object_]
Truths: TypeAlias = NDArray[np.bool_]
Column: TypeAlias = Numbers | Texts
Rows: TypeAlias = NDArray[np.int64]  # numbers of rows, from 0
Array: TypeAlias = Numbers | Rows | Truths | Texts  # whatever a formula may give over rows
Keys: TypeAlias = Mapping[str, Sequence[object] | Column]


@frozen
class Table:
    """The rows of one grain: `inputs` has a row for each and a column for each input, its index names the rows.

    `columns` are the inputs as arrays, from which one is picked much faster than from the DataFrame; texts are objects.
    `above` gives a row's place in every coarser table, `given` what the spec says of an input, expressions included;
    the tables of a stream, whose variants come as columns, have no `given`.
    """

    grain: Grain
    inputs: pd.DataFrame
    columns: Mapping[str, Column]
    above: Mapping[Grain, Rows]
    given: Mapping[str, tuple[InputValue, ...]]

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _length(self) -> int:  # of an index with several levels, pandas finds it anew each time
        return len(self.inputs.index)

    def with_inputs(self, inputs: pd.DataFrame) -> Table:
        """The same rows with other values."""
        columns = {str(name): column.to_numpy() for name, column in inputs.items()}
        return replace(self, inputs=inputs, columns=columns)

    @cached_property
    def keys(self) -> tuple[tuple[Any, ...], ...]:
        """The names of each row, one for each name of `key_names`."""
        rows = self.inputs.index.tolist()
        return tuple(rows if self.inputs.index.nlevels > 1 else [(name,) for name in rows])

    @cached_property
    def key_names(self) -> tuple[str, ...]:
        return tuple(map(str, self.inputs.index.names))


Tables = Mapping[Grain, Table]
FEW_ROWS = 1_000


def add_table(
    built: dict[Grain, Table],
    grain: Grain,
    keys: Keys,
    parents: Mapping[Grain, Sequence[int] | Rows],
    columns: Mapping[str, Column],
    given: Mapping[str, tuple[InputValue, ...]] | None = None,
) -> None:
    """Adds a table to those that are built, coarse ones first; its rows are followed up to every coarser table."""
    assert tuple(parents) == PARENTS[grain]
    above = {parent: np.asarray(rows, np.int64) for parent, rows in parents.items()}
    for parent, rows in tuple(above.items()):
        for higher, their_rows in built[parent].above.items():
            above.setdefault(higher, their_rows[rows])
    levels = [pd.Index(values, name=name) for name, values in keys.items()]
    index = levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels)
    inputs = frame_of(columns, index)
    built[grain] = Table(grain, inputs, columns, {name: above[name] for name in coarser(grain)}, given or {})


def frame_of(columns: Mapping[str, Column], index: pd.Index) -> pd.DataFrame:
    """The DataFrame of these columns, in their order.

    Of few rows, all numbers are copied into one block and all texts into another: pandas takes longer to make a block
    for each of hundreds of columns than to compute them. Of many rows, a copy would cost more, and hold them twice.
    """
    if len(index) > FEW_ROWS:
        return pd.DataFrame(columns, index, copy=False)
    texts = [name for name, column in columns.items() if column.dtype == object]
    numbers = [name for name, column in columns.items() if column.dtype != object]
    frame = pd.concat(
        [
            pd.DataFrame(np.stack([columns[name] for name in names]).T, index, dtype=dtype)
            for names, dtype in ((numbers, np.float64), (texts, object))
            if names
        ]
        or [pd.DataFrame(index=index)],
        axis=1,
        ignore_index=True,
    )
    if texts and numbers:
        place = {name: at for at, name in enumerate((*numbers, *texts))}
        frame = frame.take([place[name] for name in columns], axis=1)
    frame.columns = pd.Index(list(columns), dtype=object)
    return frame


def frame_by_type(columns: Mapping[str, Array], index: pd.Index) -> pd.DataFrame:
    """The DataFrame of columns of any types, with pandas' own type of texts; of few rows made as `frame_of` does it."""
    if len(index) > FEW_ROWS:
        return pd.DataFrame(columns, index)
    texts = {name: column for name, column in columns.items() if column.dtype == object}
    of_type: dict[np.dtype[Any], list[str]] = {}
    for name, column in columns.items():
        if name not in texts:
            of_type.setdefault(column.dtype, []).append(name)
    blocks = [pd.DataFrame(np.stack([columns[name] for name in names]).T, index) for names in of_type.values()]
    frame = pd.concat([*blocks, pd.DataFrame(texts, index)], axis=1, ignore_index=True)
    place = {name: at for at, name in enumerate((*(name for names in of_type.values() for name in names), *texts))}
    frame = frame.take([place[name] for name in columns], axis=1)
    frame.columns = pd.Index(list(columns))
    return frame


def arrays_of(frame: pd.DataFrame) -> dict[str, Column]:
    """The columns of a frame of numbers and texts as arrays.

    Of few rows each block is copied: pandas takes longer to make a Series of each column.
    """
    if len(frame.index) > FEW_ROWS:
        return {str(name): column.to_numpy() for name, column in frame.reset_index(drop=True).items()}
    is_text = np.array([kind.kind == "O" for kind in frame.dtypes])
    found: dict[str, Column] = {}
    for chosen in (is_text, ~is_text):
        part = frame.loc[:, chosen]
        found |= zip(map(str, part.columns), part.to_numpy().T, strict=True)
    return {str(name): found[str(name)] for name in frame.columns}


class _Builder:
    """Collects the tables of a spec that is read, coarse ones first."""

    def __init__(self) -> None:
        self.built: dict[Grain, Table] = {}

    def add(
        self,
        grain: Grain,
        keys: Keys,
        parents: Mapping[Grain, Sequence[int] | Rows],
        given: Mapping[str, tuple[InputValue, ...]],
    ) -> None:
        add_table(self.built, grain, keys, parents, columns_of(given), given)

    def add_study(self, spec: Spec) -> None:
        self.add("study", {"study": [spec.name]}, {}, {key: (given,) for key, given in spec.study.items()})

    def add_hardware(self, spec: Spec) -> None:
        if spec.hardware:
            names = [device.name for device in spec.hardware]
            inputs = _given([device.inputs for device in spec.hardware])
            self.add("hardware", {"hardware": names}, {"study": [0] * len(names)}, inputs)


def columns_of(given: Mapping[str, tuple[InputValue, ...]]) -> dict[str, Column]:
    """The values of inputs that a spec gives one by one."""
    return {name: _column(name, [one.value for one in column]) for name, column in given.items()}


def _column(name: str, values: Sequence[Scalar]) -> Column:
    if words := absent_of(name):
        return np.array([np.nan if value == words else value for value in values], np.float64)
    text = any(isinstance(value, str) for value in values)
    return np.array(values, dtype=object if text else np.float64)


def _given(rows: Sequence[Mapping[str, InputValue]]) -> dict[str, tuple[InputValue, ...]]:
    return {key: tuple(row[key] for row in rows) for key in rows[0]}


def tabulate(spec: Spec) -> dict[Grain, Table]:
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
    name, whole = [model.name for model in models], [int(length) for length in lengths]
    tables = _Builder()
    tables.add_study(spec)
    tables.add("model", {"model": name}, {"study": [0] * len(models)}, _given([model.inputs for model in models]))
    tables.add(
        "layer_group",
        {"model": [name[at] for at, _ in groups], "group": [group.name for _, group in groups]},
        {"model": [at for at, _ in groups]},
        _given([group.inputs for _, group in groups]),
    )
    tables.add(
        "context",
        {"context_length": whole},
        {"study": [0] * len(lengths)},
        {"context_length": tuple(map(InputValue, lengths))},
    )
    tables.add(
        "scenario",
        {"model": [name[model] for model, _ in scenarios], "context_length": [whole[at] for _, at in scenarios]},
        {"model": [model for model, _ in scenarios], "context": [context for _, context in scenarios]},
        {},
    )
    tables.add(
        "layer_run",
        {
            "model": [name[scenarios[scenario][0]] for _, scenario in runs],
            "context_length": [whole[scenarios[scenario][1]] for _, scenario in runs],
            "group": [groups[group][1].name for group, _ in runs],
        },
        {"layer_group": [group for group, _ in runs], "scenario": [scenario for _, scenario in runs]},
        {},
    )
    tables.add_hardware(spec)
    return tables.built


def tabulate_runs(spec: Spec, kind: RunKind) -> dict[Grain, Table]:
    """The tables of a kind of run: a model, a context and a scenario of its own for each.

    A reviewer may choose another model for a run, so each has as many layer groups as any model of the study.
    """
    runs, of_models = spec.runs[kind], {model.name: model for model in spec.models}
    most = most_groups(spec)
    models = [chosen(of_models[run.model], most) for run in runs]
    names, each = {"run": [run.name for run in runs]}, range(len(runs))
    devices = [device.name for device in spec.hardware]
    owner = [at for at in each for _ in range(most)]
    group_keys = {
        "run": [runs[at].name for at in owner],
        "group": [group.name for model in models for group in model.groups],
    }
    of_run, of_layer = RUNS[kind]
    inputs = _given([run.inputs for run in runs])
    at_grain = {
        grain: {key: column for key, column in inputs.items() if grain_of(key) == grain}
        for grain in ("context", "run", of_run)
    }
    tables = _Builder()
    tables.add_study(spec)
    whole, groups = _given([model.inputs for model in models]), [group for model in models for group in model.groups]
    tables.add("model", names, {"study": [0] * len(runs)}, whole)
    tables.add("layer_group", group_keys, {"model": owner}, _given([g.inputs for g in groups]))
    tables.add("context", names, {"study": [0] * len(runs)}, at_grain["context"])
    tables.add("scenario", names, {"model": each, "context": each}, {})
    tables.add("layer_run", group_keys, {"layer_group": range(len(owner)), "scenario": owner}, {})
    tables.add_hardware(spec)
    hardware = [devices.index(run.hardware) for run in runs]
    tables.add("run", names, {"scenario": each, "hardware": hardware}, at_grain["run"])
    tables.add(of_run, names, {"run": each}, at_grain[of_run])
    tables.add("run_layer", group_keys, {"run": owner, "layer_run": range(len(owner))}, {})
    tables.add(of_layer, group_keys, {of_run: owner, "run_layer": range(len(owner))}, {})
    return tables.built


@frozen
class Variant:
    """A scenario with some inputs scaled to so many percent: 110 % of 50,000 is whole in doubles, 1.1 times it not."""

    name: str
    inputs: tuple[str, ...]
    percent: float


def tabulate_variants(spec: Spec, scenario: int, variants: Sequence[Variant]) -> dict[Grain, Table]:
    """The tables of variants of one scenario, its row among all: a model, a context and a scenario for each."""
    context, model = divmod(scenario, len(spec.models))
    most, each, names = most_groups(spec), range(len(variants)), {"run": [variant.name for variant in variants]}
    base = chosen(spec.models[model], most)

    def scaled(inputs: Mapping[str, InputValue], variant: Variant) -> dict[str, InputValue]:
        return {
            key: InputValue(given.value * variant.percent / 100)
            if key in variant.inputs and not isinstance(given.value, str)
            else given
            for key, given in inputs.items()
        }

    length = {"context_length": InputValue(spec.context_lengths[context])}
    owner = [at for at in each for _ in range(most)]
    groups = [scaled(group.inputs, variant) for variant in variants for group in base.groups]
    group_keys = {
        "run": [variants[at].name for at in owner],
        "group": [group.name for group in base.groups] * len(variants),
    }
    tables = _Builder()
    tables.add_study(spec)
    whole = _given([scaled(base.inputs, variant) for variant in variants])
    tables.add("model", names, {"study": [0] * len(variants)}, whole)
    tables.add("layer_group", group_keys, {"model": owner}, _given(groups))
    lengths = _given([scaled(length, variant) for variant in variants])
    tables.add("context", names, {"study": [0] * len(variants)}, lengths)
    tables.add("scenario", names, {"model": each, "context": each}, {})
    tables.add("layer_run", group_keys, {"layer_group": range(len(owner)), "scenario": owner}, {})
    return tables.built


def grain_of(name: str) -> Grain:
    """The grain of an input."""
    return load_inputs().inputs[name].grain


def absent_of(name: str) -> str:
    """What is said of an input that is not given; empty for one that always is."""
    entry = load_inputs().inputs.get(name)
    return entry.absent if entry else ""


def most_groups(spec: Spec) -> int:
    """The most layer groups of any model."""
    return max(len(model.groups) for model in spec.models)


LAYER_COUNTS = ("n_group_layers", "n_stored_layers", "n_group_mtp_layers")  # 0 in an empty layer group


def chosen(model: ModelSpec, most: int) -> ModelSpec:
    """A model as a look-up finds it: plain values, and padded with empty layer groups."""
    groups = []
    for at in range(most):
        group = model.groups[at] if at < len(model.groups) else model.groups[0]
        given = {key: InputValue(value.value) for key, value in group.inputs.items()}
        if at >= len(model.groups):
            given |= dict.fromkeys(LAYER_COUNTS, InputValue(0.0))
        groups.append(Group(f"group {at + 1}" if most > 1 else "", given))
    return ModelSpec(model.name, {key: InputValue(value.value) for key, value in model.inputs.items()}, tuple(groups))
