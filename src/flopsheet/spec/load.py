"""A spec from a file, a text or a mapping; every problem of it at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from flopsheet import catalog
from flopsheet.catalog import Catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.diagnostics import CatalogError, Problem, SpecError
from flopsheet.quantities import to_whole
from flopsheet.records import NamedTuple, frozen
from flopsheet.spec.entries import Calibration, CustomEntries, Device, InputValue, ModelSpec, Run, Search, Spec
from flopsheet.spec.expect import resolve_expectations
from flopsheet.spec.resolve import custom, suffixes
from flopsheet.spec.resolve.draft import Draft, Fault, Resolved, draft, merge_faults, values_of
from flopsheet.spec.resolve.models import resolve_study
from flopsheet.spec.resolve.names import Names
from flopsheet.spec.runs import MEASURED, devices, measured, runs
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.validate import shape_problems
from flopsheet.spec.sweep import expand
from flopsheet.spec.sweep.expand import Families
from flopsheet.yamlio import source
from flopsheet.yamlio.files import study_name
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import Data, Source


def load_spec(spec: str | os.PathLike[str] | Data) -> Spec:
    """The spec at a path (`-` is stdin), or from a mapping of plain data; SpecError with all problems, FileError."""
    if isinstance(spec, Mapping):
        return from_source(source.parse(to_yaml(spec), "spec"), "spec")
    return read_spec(spec).expand()


def read_spec(spec: str | os.PathLike[str]) -> ParsedSpec:
    """The spec at a path, its sweeps not yet expanded."""
    return parse_spec(source.read_yaml(spec), study_name(spec))


def from_source(text: Source, name: str) -> Spec:
    """The spec that a strict YAML text says."""
    return parse_spec(text, name).expand()


@frozen
class ParsedSpec:
    """A spec that is read, its sweeps not yet expanded; what was found wrong waits to be told at once."""

    text: Source
    name: str
    draft: Draft
    study: Mapping[str, InputValue]
    extended: Catalog | None
    known: Catalog | None
    """The catalogue that expectations are held to; None where there are none, or it is faulty."""
    problems: tuple[Problem, ...]
    """What is wrong with its shape and with what it defines."""
    faults: tuple[Fault, ...]
    """What is wrong with the inputs of the study."""
    order: Callable[[Problem], int]

    def families(self) -> Families:
        """The models, swept ones unexpanded; SpecError where anything else is wrong with the spec."""
        found, faults = expand.families(self.draft)
        if self.problems or self.faults or faults:  # what is wrong with the runs belongs to it
            faults += self.resolve_runs((), found.names).faults
        self.refuse(faults)
        return found

    def subjects(self) -> set[str]:
        """What expectations and runs are about: names of models and runs."""
        data = self.draft.data
        claims = [claim["that"].rpartition(".")[0] for claim in data.get("expect") or ()]
        runs = [run for kind in (*catalog.RUNS, MEASURED, "search") for run in (data.get(kind) or {}).values()]
        swept = [run.get("sweep", {}) for run in runs]
        chosen = [name for of in swept for axes in (of, of.get("zip", {})) for name in axes.get("model", ())]
        return {*claims, *chosen, *(run["model"] for run in runs if "model" in run)}

    def expand(self) -> Spec:
        """The spec with every variant of every sweep; SpecError with everything that is wrong."""
        (models, names), faults = expand.models(self.draft)
        return self.spec([model for model in models if isinstance(model, ModelSpec)], names, faults)

    def spec(self, models: Sequence[ModelSpec], names: Names, faults: Sequence[Fault]) -> Spec:
        """The spec with these models; SpecError where something is wrong, `faults` among it."""
        ran, wrong = self.resolve_runs(models, names)
        expectations, unmet = resolve_expectations(self.draft, ran.names, ran.runs, self.known)
        self.refuse([*faults, *wrong, *unmet])
        return Spec(
            name=self.name,
            title=self.draft.data.get("title", self.name),
            context_lengths=tuple(to_whole(float(one)) for one in self.draft.data["context_lengths"]),
            study=self.study,
            models=tuple(models),
            hardware=ran.hardware if ran.runs else (),
            runs=ran.runs,
            calibrations=ran.calibrations,
            searches=ran.searches,
            expectations=expectations,
            text=self.text.text,
            data=self.draft.data,
            catalog=self.extended,
        )

    def resolve_runs(self, models: Sequence[ModelSpec], names: Names) -> Resolved[Ran]:
        """The runs of every kind, their hardware, and all names that expectations may use."""
        kinds = [kind for kind in catalog.RUNS if kind in self.draft.data]
        has_search, has_measured = "search" in self.draft.data, MEASURED in self.draft.data
        if not kinds and not has_search and not has_measured and "hardware" not in self.draft.data:
            return Resolved(Ran({}, (), names), [])
        hardware, faults = devices(self.draft)
        ran: dict[RunKind, tuple[Run, ...]] = {}
        for kind in kinds:
            (found, names), wrong = runs(self.draft, kind, models, hardware, names)
            faults += wrong
            if found:
                ran[kind] = found
        calibrations: tuple[Calibration, ...] = ()
        if has_measured:
            from flopsheet.spec.calibration.fit import calibrate  # which few specs need, as what follows
            from flopsheet.spec.calibration.kinds import KINDS

            measured_runs, wrong = measured(self.draft, models, hardware, names)
            faults += wrong
            ran = {kind: of for kind in catalog.RUNS if (of := (*ran.get(kind, ()), *measured_runs.get(kind, ())))}
            for kind, rows in measured_runs.items():
                (hardware, made), wrong = calibrate(self.draft, models, hardware, rows, KINDS[kind])
                calibrations += made
                faults += wrong
        searched: tuple[Search, ...] = ()
        if has_search:
            from flopsheet.spec.search import searches  # which few specs have, and each start takes time

            metrics = (self.extended or catalog.load_catalog()).metrics
            by_kind = {kind: [run.name for run in found] for kind, found in ran.items()}
            searched, wrong = searches(self.draft, models, hardware, names, metrics, by_kind)
            faults += wrong
        return Resolved(Ran(ran, hardware, names, searched, calibrations), faults)

    def refuse(self, faults: Iterable[Fault]) -> None:
        """SpecError where anything is wrong: with the spec up to here, or what was found since."""
        problems = [*self.problems, *merge_faults([*self.faults, *faults])]
        if problems:
            raise SpecError(sorted(sorted(problems, key=_position), key=self.order))


class Ran(NamedTuple):
    """The training and serving runs of a spec by kind, and what they name."""

    runs: Mapping[RunKind, tuple[Run, ...]]
    hardware: tuple[Device, ...]
    names: Names
    searches: tuple[Search, ...] = ()
    calibrations: tuple[Calibration, ...] = ()


def in_digits(text: Source) -> tuple[Source, CustomEntries]:
    """The spec with a number for each that has a suffix (`15T`), and what it defines itself."""
    unsaid = data_model.unsaid(text.data)
    text = suffixes.replace(text, data_model.spec_shape(unsaid=unsaid))
    defined = custom.read_custom(text)
    if defined.inputs:
        text = suffixes.replace(text, data_model.spec_shape(defined.inputs, defined.faulty, unsaid))
    return text, defined


def as_found(_: Problem) -> int:
    """Problems of one file stand in the order of their places."""
    return 0


def parse_spec(text: Source, name: str, order: Callable[[Problem], int] = as_found) -> ParsedSpec:
    """A spec up to its sweeps; `order` sorts the problems of several files before their places do."""
    text, defined = in_digits(text)
    shape = [*shape_problems(text, defined), *defined.problems]
    problems = [*dict.fromkeys(problem for _, problem in shape)]
    written = draft(text, (path for path, _ in shape), defined)
    defines = any(written.data.get(key) for key in ("inputs", "metrics"))
    extended = None
    if defines and not defined.is_faulty and all(written.is_valid((key,)) for key in ("inputs", "metrics")):
        try:
            extended = custom.extend(text)
        except CatalogError as error:
            problems += error.problems
    known = extended if defines else catalog.load_catalog() if written.data.get("expect") else None
    study, faults = resolve_study(written)
    written = replace(written, study=values_of(study))
    return ParsedSpec(text, name, written, study, extended, known, tuple(problems), tuple(faults), order)


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)
