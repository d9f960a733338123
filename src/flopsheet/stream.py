"""A spec of any size, computed some models at a time: tables whose inputs are columns, and the values above them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from flopsheet import catalog as catalogue
from flopsheet import errors, frames
from flopsheet.catalog import Catalog, coarser
from flopsheet.errors import UsageError
from flopsheet.frames import Column, Values
from flopsheet.spec import Spec
from flopsheet.spec.columns import Faulty, Resolution, Variants, of_model
from flopsheet.spec.entries import Given, ModelSpec
from flopsheet.spec.load import Unexpanded, unexpanded
from flopsheet.spec.sweep import MOST_HELD, Sweep
from flopsheet.tables import Table, tabulate

ROWS = 8_192  # of the largest table of a chunk, about


@dataclass(frozen=True)
class Chunk:
    """Some models with all their contexts, computed; `models` and `scenarios` are their rows in the spec's order."""

    values: Values
    models: Column
    scenarios: Column


@dataclass(frozen=True)
class Stream:
    """A spec whose models are computed as they are asked for, model by model and within one context by context."""

    read: Unexpanded
    members: tuple[ModelSpec | Sweep, ...]
    spec: Spec
    catalog: Catalog

    @property
    def is_swept(self) -> bool:
        return any(isinstance(member, Sweep) for member in self.members)

    @cached_property
    def n_models(self) -> int:
        """Of the models, variants that are not excluded among them."""
        return sum(
            1 if isinstance(member, ModelSpec) else sum(map(len, member.kept(self.read.resolver)))
            for member in self.members
        )

    def check(self) -> None:
        """SpecError where a variant is not possible: nothing is written then."""
        for member in self.members:
            if isinstance(member, Sweep):
                self.check_sweep(member)
        self.read.stop_if_faulty()

    def check_sweep(self, sweep: Sweep) -> None:
        resolver, told = self.read.resolver, len(self.read.resolver.problems)
        resolution, kept = Resolution(resolver, sweep), 0
        try:
            for numbers in sweep.kept(resolver):
                kept += len(numbers)
                for _ in resolution.resolve(numbers):
                    pass
        except Faulty:
            resolver.problems[told:] = map(errors.or_exclude, resolver.problems[told:])
            return
        if not kept:
            resolver.report((*sweep.path, "sweep", "exclude"), errors.excludes_everything(), key=True)

    def chunks(self, grains: Sequence[str]) -> Iterator[Chunk]:
        """The values of every metric at these grains, and of what they read.

        All at once where one reads all models; UsageError where they are too many for that.
        """
        wanted = self.catalog.closure(name for name, one in self.catalog.metrics.items() if one.grain in grains)
        gathering = [name for name in wanted if gathers_models(self.catalog, name)]
        if gathering:
            if self.n_models > MOST_HELD:
                raise UsageError(errors.located(errors.not_streamed(gathering[0]), "", None))
            yield self.whole(wanted)
            return
        most = max(1, ROWS // (len(self.spec.context_lengths) * self.most_groups))
        for parts in self.parts(most):
            yield self.computed(parts, wanted)

    def whole(self, wanted: Sequence[str]) -> Chunk:
        """All models with all their contexts."""
        read = self.read
        tables = tabulate(unexpanded(read.text, read.name, read.order).expanded())
        above = tables["scenario"].above
        scenarios = np.lexsort((np.asarray(above["context"]), np.asarray(above["model"])))
        return Chunk(frames.compute(tables, self.catalog, wanted), np.arange(len(tables["model"])), scenarios)

    @property
    def most_groups(self) -> int:
        """Layer groups of the model that has most."""
        return max(len(member.groups) if isinstance(member, ModelSpec) else member.n_groups for member in self.members)

    def parts(self, most: int) -> Iterator[list[Variants]]:
        """The models, at most so many at a time; those of a sweep by kind."""
        held: list[Variants] = []
        for member in self.members:
            if isinstance(member, ModelSpec):
                held.append(of_model(member))
                if len(held) == most:
                    yield held
                    held = []
                continue
            if held:
                yield held
                held = []
            resolution = Resolution(self.read.resolver, member)
            for numbers in member.kept(self.read.resolver):
                for start in range(0, len(numbers), most):
                    yield [*resolution.resolve(numbers[start : start + most])]
        if held:
            yield held

    def computed(self, parts: Sequence[Variants], wanted: Sequence[str]) -> Chunk:
        tables, numbers = self.tables(parts)
        count, lengths = len(numbers), len(self.spec.context_lengths)
        order = np.argsort(numbers, kind="stable")
        scenarios = (order[:, None] * lengths + np.arange(lengths)).reshape(-1)
        assert len(tables["scenario"]) == count * lengths
        return Chunk(frames.compute(tables, self.catalog, wanted), order, scenarios)

    def tables(self, parts: Sequence[Variants]) -> tuple[dict[str, Table], Column]:
        """The tables of a spec as tables.tabulate makes them, but model by model, and where each model belongs."""
        lengths = [int(length) for length in self.spec.context_lengths]
        names = np.concatenate([part.names for part in parts])
        count, n_lengths = len(names), len(lengths)
        groups_of = np.repeat([len(part.groups) for part in parts], [len(part) for part in parts])
        starts = np.cumsum(groups_of) - groups_of
        owner = np.repeat(np.arange(count), groups_of)
        of_scenario = np.repeat(np.arange(count), n_lengths)
        context = np.tile(np.arange(n_lengths), count)
        runs = groups_of[of_scenario]
        run_scenario = np.repeat(np.arange(count * n_lengths), runs)
        run_group = np.arange(runs.sum()) - np.repeat(np.cumsum(runs) - runs, runs) + starts[of_scenario][run_scenario]
        model_keys = [(name,) for name in names.tolist()]
        built: dict[str, Table] = {}

        def add(grain: str, key_names: Sequence[str], keys: Any, parents: dict[str, Column], inputs: Any) -> None:
            above = dict(parents)
            for parent, rows in parents.items():
                for higher, theirs in built[parent].above.items():
                    above.setdefault(higher, np.asarray(theirs)[rows])
            built[grain] = Table(grain, tuple(key_names), keys, {one: above[one] for one in coarser(grain)}, inputs)  # type: ignore[misc]

        nothing = np.zeros
        add("study", ("study",), [(self.spec.name,)], {}, {key: (given,) for key, given in self.spec.study.items()})
        add("model", ("model",), model_keys, {"study": nothing(count, np.int64)}, _columns(parts))
        group_names = np.concatenate(
            [np.tile(np.array([name for name, _ in part.groups], dtype=object), len(part)) for part in parts]
        )
        group_keys = _Keys(len(owner), lambda row: (names[owner[row]], group_names[row]))
        add("layer_group", ("model", "group"), group_keys, {"model": owner}, _group_columns(parts))
        add(
            "context", ("context_length",), [(length,) for length in lengths],
            {"study": nothing(n_lengths, np.int64)}, {"context_length": tuple(map(Given, self.spec.context_lengths))},
        )  # fmt: skip
        keys = [(*key, length) for key in model_keys for length in lengths]
        add("scenario", ("model", "context_length"), keys, {"model": of_scenario, "context": context}, {})
        run_keys = _Keys(len(run_group), lambda row: (*keys[run_scenario[row]], group_names[run_group[row]]))
        above_run = {"layer_group": run_group, "scenario": run_scenario}
        add("layer_run", ("model", "context_length", "group"), run_keys, above_run, {})
        return built, np.concatenate([part.numbers for part in parts])


@dataclass(frozen=True)
class _Keys:
    """The keys of a table, each made when it is asked for: only a message about a row needs it."""

    count: int
    key: Callable[[int], tuple[object, ...]]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> tuple[object, ...]:
        return self.key(row)


def open_stream(read: Unexpanded) -> Stream:
    """The stream of a spec; SpecError where anything but a variant is wrong with it.

    Its `spec` has the models that runs and expectations name, and those that are not swept.
    """
    members = read.members()
    models = [member for member in members if isinstance(member, ModelSpec)]
    for name in sorted(read.subjects() - {model.name for model in models}):
        for sweep in (member for member in members if isinstance(member, Sweep)):
            number = sweep.find(name, read.resolver)
            model = sweep.resolved(read.resolver, number) if number is not None else None
            if model is not None:
                models.append(model)
                read.resolver.names.append(name)
    return Stream(read, members, read.spec(tuple(models)), read.extended or catalogue.load())


def checked(read: Unexpanded) -> Spec:
    """The spec, found valid; where its variants are too many to be held, with the models that are named alone."""
    if not read.resolver.swept():
        return read.expanded()
    stream = open_stream(unexpanded(read.text, read.name, read.order))
    if stream.n_models <= MOST_HELD:
        return read.expanded()
    stream.check()
    return stream.spec


def gathers_models(catalog: Catalog, name: str) -> bool:
    """Whether a metric has no value before the last model: it gathers over all of them."""
    metric = catalog.metrics[name]
    return metric.grain in {"study", "context"} and any(
        catalog.entry(read).grain != "context" for read in metric.gathers
    )


def _columns(parts: Sequence[Variants]) -> dict[str, Column]:
    return {key: np.concatenate([_column(part.inputs[key], len(part)) for part in parts]) for key in parts[0].inputs}


def _group_columns(parts: Sequence[Variants]) -> dict[str, Column]:
    """The inputs of the layer groups, model by model."""
    keys = parts[0].groups[0][1]
    return {
        key: np.concatenate(
            [np.stack([_column(own[key], len(part)) for _, own in part.groups], axis=1).reshape(-1) for part in parts]
        )
        for key in keys
    }


def _column(value: Any, count: int) -> Column:
    kind = object if isinstance(value, str) else np.float64
    return np.broadcast_to(np.asarray(value, dtype=kind), count)
