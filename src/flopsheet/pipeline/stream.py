"""A spec of any size, computed some models at a time: tables whose inputs are columns, and the values above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from flopsheet import catalog as catalogue
from flopsheet import diagnostics
from flopsheet.catalog import Catalog
from flopsheet.catalog.grains import Grain
from flopsheet.diagnostics import UsageError
from flopsheet.records import NamedTuple, frozen
from flopsheet.spec import Spec
from flopsheet.spec.entries import ModelSpec
from flopsheet.spec.load import ParsedSpec
from flopsheet.spec.resolve.draft import Fault
from flopsheet.spec.sweep.columns import InvalidVariant, Resolution, Variants, of_model
from flopsheet.spec.sweep.expand import MOST_HELD, Sweep

if TYPE_CHECKING:
    from flopsheet.pipeline.frames import Values
    from flopsheet.pipeline.tables import Column, Rows, Table, Texts

ROWS = 8_192  # of the largest table of a chunk, about
CHUNKS = 8  # of a partition


@frozen
class Chunk:
    """Some models with all their contexts, computed; `models` and `scenarios` are their rows in the spec's order."""

    values: Values
    models: Rows
    scenarios: Rows


class Partition(NamedTuple):
    """Some models that follow each other: listed ones from a member on, or variants of a swept one by number."""

    number: int
    member: int
    n_models: int
    variants: Rows | None


@frozen
class Stream:
    """A spec whose models are computed as they are asked for, model by model and within one context by context."""

    read: ParsedSpec
    members: tuple[ModelSpec | Sweep, ...]
    spec: Spec
    catalog: Catalog

    @cached_property
    def n_models(self) -> int:
        """Of the models, variants that are not excluded among them."""
        return sum(1 if isinstance(member, ModelSpec) else sum(map(len, member.kept())) for member in self.members)

    def check(self) -> None:
        """SpecError where a variant is not possible: nothing is written then."""
        swept = (member for member in self.members if isinstance(member, Sweep))
        self.read.refuse([fault for sweep in swept for fault in check_sweep(sweep)])

    def chunks(self, grains: Sequence[Grain], among: Iterable[Partition] | None = None) -> Iterator[Chunk]:
        """The values of every metric at these grains, and of what they read, of all models or of some partitions.

        All at once where one reads all models; UsageError where they are too many for that.
        """
        wanted = self.catalog.closure(name for name, one in self.catalog.metrics.items() if one.grain in grains)
        if self.gathering(wanted):
            yield self.whole(wanted)
            return
        for partition in self.partitions(grains) if among is None else among:
            for variants in self.resolve(partition):
                yield self.compute(variants, wanted)

    def gathering(self, wanted: Iterable[str]) -> bool:
        """Whether a metric reads all models; UsageError where they are too many for that."""
        found = [name for name in wanted if gathers_models(self.catalog, name)]
        if found and self.n_models > MOST_HELD:
            raise UsageError(diagnostics.located(diagnostics.not_streamed(found[0]), "", None))
        return bool(found)

    @cached_property
    def most(self) -> int:
        """Models of a chunk."""
        return max(1, ROWS // (len(self.spec.context_lengths) * self.most_groups))

    def whole(self, wanted: Sequence[str]) -> Chunk:
        """All models with all their contexts."""
        from flopsheet.pipeline import frames
        from flopsheet.pipeline.tables import tabulate

        tables = tabulate(self.read.expand())
        above = tables["scenario"].above
        scenarios = np.lexsort((above["context"], above["model"]))
        return Chunk(frames.compute_values(tables, self.catalog, wanted), np.arange(len(tables["model"])), scenarios)

    @property
    def most_groups(self) -> int:
        """Layer groups of the model that has most."""
        return max(len(member.groups) if isinstance(member, ModelSpec) else member.n_groups for member in self.members)

    def partitions(self, grains: Sequence[Grain]) -> Iterator[Partition]:
        """The models in partitions of some chunks, the last of each member with less; one where a metric reads all."""
        wanted = self.catalog.closure(name for name, one in self.catalog.metrics.items() if one.grain in grains)
        if self.gathering(wanted):
            yield Partition(0, 0, self.n_models, None)
            return
        most, number = CHUNKS * self.most, 0
        for is_listed, group in groupby(enumerate(self.members), lambda one: isinstance(one[1], ModelSpec)):
            for found in _listed(group, most) if is_listed else chain.from_iterable(_swept(one, most) for one in group):
                yield found._replace(number=number)
                number += 1

    def resolve(self, partition: Partition) -> Iterator[list[Variants]]:
        """The models of a partition, those of a chunk at a time; those of a sweep by kind."""
        for start in range(0, partition.n_models, self.most):
            stop = min(start + self.most, partition.n_models)
            if partition.variants is None:
                listed = self.members[partition.member + start : partition.member + stop]
                yield [of_model(member) for member in listed if isinstance(member, ModelSpec)]
            else:
                yield [*self.resolution(partition.member).resolve(cast(Sequence[int], partition.variants[start:stop]))]

    def resolution(self, at: int) -> Resolution:
        """What resolves the variants of a swept model, made once for all of its partitions."""
        if at not in self.resolutions:
            member = self.members[at]
            assert isinstance(member, Sweep)
            self.resolutions.clear()
            self.resolutions[at] = Resolution(member)
        return self.resolutions[at]

    @cached_property
    def resolutions(self) -> dict[int, Resolution]:
        return {}

    def compute(self, parts: Sequence[Variants], wanted: Sequence[str]) -> Chunk:
        from flopsheet.pipeline import frames  # pandas, which a stream that is only checked does without

        tables, numbers = self.tables(parts)
        count, lengths = len(numbers), len(self.spec.context_lengths)
        order = np.argsort(numbers, kind="stable")
        scenarios = (order[:, None] * lengths + np.arange(lengths)).reshape(-1)
        assert len(tables["scenario"]) == count * lengths
        return Chunk(frames.compute_values(tables, self.catalog, wanted), order, scenarios)

    def tables(self, parts: Sequence[Variants]) -> tuple[dict[Grain, Table], Rows]:
        """The tables of a spec as tables.tabulate makes them, but model by model, and where each model belongs."""
        from flopsheet.pipeline.tables import add_table, columns_of

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
        groups = np.concatenate([np.tile(_texts([name for name, _ in part.groups]), len(part)) for part in parts])
        study = {key: (given,) for key, given in self.spec.study.items()}
        whole = np.array(self.spec.context_lengths)
        built: dict[Grain, Table] = {}
        add = partial(add_table, built)
        add("study", {"study": [self.spec.name]}, {}, columns_of(study), study)
        add("model", {"model": names}, {"study": np.zeros(count, np.int64)}, _columns(parts))
        add("layer_group", {"model": names[owner], "group": groups}, {"model": owner}, _group_columns(parts))
        lengths_above: dict[Grain, Rows] = {"study": np.zeros(n_lengths, np.int64)}
        add("context", {"context_length": lengths}, lengths_above, {"context_length": whole})
        keys = {"model": names[of_scenario], "context_length": np.array(lengths)[context]}
        add("scenario", keys, {"model": of_scenario, "context": context}, {})
        keys = {name: column[run_scenario] for name, column in keys.items()} | {"group": groups[run_group]}
        add("layer_run", keys, {"layer_group": run_group, "scenario": run_scenario}, {})
        return built, np.concatenate([part.numbers for part in parts])


def open_stream(read: ParsedSpec) -> Stream:
    """The stream of a spec; SpecError where anything but a variant is wrong with it.

    Its `spec` has the models that runs and expectations name, and those that are not swept.
    """
    members, names = read.families()
    models = [member for member in members if isinstance(member, ModelSpec)]
    variants: list[ModelSpec] = []
    faults: list[Fault] = []
    for name in sorted(read.subjects() - {model.name for model in models}):
        for sweep in (member for member in members if isinstance(member, Sweep)):
            if (number := sweep.find(name)) is not None:
                variant, wrong = sweep.resolve(number)
                variants += [variant] if variant is not None else []
                faults += wrong
    names = names._replace(models=(*names.models, *(variant.name for variant in variants)))
    spec = read.spec([*models, *variants], names, faults)
    return Stream(read, members, spec, read.extended or catalogue.load_catalog())


def _listed(members: Iterable[tuple[int, ModelSpec | Sweep]], most: int) -> Iterator[Partition]:
    """Models that follow each other and are not swept, at most so many in a partition."""
    numbers = [at for at, _ in members]
    for start in range(0, len(numbers), most):
        yield Partition(0, numbers[start], min(most, len(numbers) - start), None)


def _swept(member: tuple[int, ModelSpec | Sweep], most: int) -> Iterator[Partition]:
    """The variants of one model, so many in each partition but the last."""
    at, sweep = member
    assert isinstance(sweep, Sweep)
    held = np.zeros(0, np.int64)
    for numbers in sweep.kept():
        held = np.concatenate([held, numbers])
        while len(held) >= most:
            yield Partition(0, at, most, held[:most])
            held = held[most:]
    if len(held):
        yield Partition(0, at, len(held), held)


def check_sweep(sweep: Sweep) -> list[Fault]:
    """What is wrong with the first variant that is not possible, or with a sweep that has none."""
    resolution, kept = Resolution(sweep), 0
    try:
        for numbers in sweep.kept():
            kept += len(numbers)
            for _ in resolution.resolve(numbers):
                pass
    except InvalidVariant as invalid:
        return [fault._replace(problem=diagnostics.or_exclude(fault.problem)) for fault in invalid.faults]
    return [] if kept else [sweep.excludes_everything()]


def validate_stream(read: ParsedSpec) -> Spec:
    """The spec, found valid; where its variants are too many to be held, with the models that are named alone."""
    if not read.draft.swept():
        return read.expand()
    stream = open_stream(read)
    if stream.n_models <= MOST_HELD:
        return read.expand()
    stream.check()
    return stream.spec


def gathers_models(catalog: Catalog, name: str) -> bool:
    """Whether a metric has no value before the last model: it gathers over all of them."""
    metric = catalog.metrics[name]
    return metric.grain in {"study", "context"} and any(
        catalog.entry(read).grain != "context" for read in metric.aggregated
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


def _texts(values: Sequence[str]) -> Texts:
    return np.array(values, dtype=object)
