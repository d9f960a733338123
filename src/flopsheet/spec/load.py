"""A spec from a file, a text or a mapping; every problem of it at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.catalog import Catalog, Metric
from flopsheet.diagnostics import CatalogError, Finding, Problem, SpecError
from flopsheet.records import frozen
from flopsheet.spec.entries import CustomEntries, Expectation, ModelSpec, Run, Spec
from flopsheet.spec.resolve import custom, suffixes
from flopsheet.spec.resolve.models import Resolver
from flopsheet.spec.runs import devices, runs
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.validate import shape_problems
from flopsheet.spec.sweep import expand
from flopsheet.spec.sweep.expand import Sweep
from flopsheet.yamlio import source
from flopsheet.yamlio.files import study_name
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import Path, Source


def load(spec: str | os.PathLike[str] | Mapping[str, Any]) -> Spec:
    """The spec at a path (`-` is stdin), or from a mapping of plain data; SpecError with all problems, FileError."""
    if isinstance(spec, Mapping):
        return from_source(source.parse(to_yaml(spec), "spec"), "spec")
    return read(spec).expand()


def read(spec: str | os.PathLike[str]) -> ParsedSpec:
    """The spec at a path, its sweeps not yet expanded."""
    return parse_spec(source.read(spec), study_name(spec))


def from_source(text: Source, name: str) -> Spec:
    """The spec that a strict YAML text says."""
    return parse_spec(text, name).expand()


@frozen
class ParsedSpec:
    """A spec that is read, its sweeps not yet expanded; what was found wrong waits to be told at once."""

    text: Source
    name: str
    defined: CustomEntries
    shape: list[tuple[Path, Problem]]
    resolver: Resolver
    extended: Catalog | None
    known: Catalog | None
    """The catalogue that expectations are held to; None where there are none, or it is faulty."""
    order: Callable[[Problem], Any]

    def members(self) -> tuple[ModelSpec | Sweep, ...]:
        """The models, swept ones unexpanded; SpecError where anything else is wrong with the spec."""
        found = tuple(expand.families(self.resolver))
        self.resolver.study()
        if self.shape or self.resolver.problems:  # what is wrong with the runs belongs to it
            hardware = devices(self.resolver)
            for kind in catalog.RUNS:
                runs(self.resolver, kind, (), hardware)
        self.stop_if_faulty()
        return found

    def subjects(self) -> set[str]:
        """What expectations and runs are about: names of models and runs."""
        data = self.resolver.data
        claims = [claim["that"].rpartition(".")[0] for claim in data.get("expect") or ()]
        runs = [run for kind in catalog.RUNS for run in (data.get(kind) or {}).values()]
        swept = [run.get("sweep", {}) for run in runs]
        chosen = [name for of in swept for axes in (of, of.get("zip", {})) for name in axes.get("model", ())]
        return {*claims, *chosen, *(run["model"] for run in runs if "model" in run)}

    def expand(self) -> Spec:
        """The spec with every variant of every sweep."""
        models = tuple(expand.models(self.resolver))
        return self.spec(models)

    def spec(self, models: tuple[ModelSpec, ...]) -> Spec:
        """The spec with these models."""
        resolver = self.resolver
        study = resolver.study()
        kinds = [kind for kind in catalog.RUNS if kind in resolver.data]
        hardware = devices(resolver) if kinds or "hardware" in resolver.data else ()
        ran = {kind: found for kind in kinds if (found := runs(resolver, kind, models, hardware))}
        expectations = tuple(_expectations(resolver, ran, self.known.metrics)) if self.known else ()
        self.stop_if_faulty()
        return Spec(
            name=self.name,
            title=resolver.data.get("title", self.name),
            context_lengths=tuple(map(float, resolver.data["context_lengths"])),
            study=study,
            models=models,
            hardware=hardware if ran else (),
            runs=ran,
            expectations=expectations,
            text=self.text.text,
            data=resolver.data,
            catalog=self.extended,
        )

    def stop_if_faulty(self) -> None:
        problems = [*dict.fromkeys(problem for _, problem in self.shape), *self.resolver.problems]
        if problems:
            raise SpecError(sorted(sorted(problems, key=_position), key=self.order))


def in_digits(text: Source) -> tuple[Source, CustomEntries]:
    """The spec with a number for each that has a suffix (`15T`), and what it defines itself."""
    text = suffixes.replace(text, data_model.spec_shape())
    defined = custom.read(text)
    if defined.inputs:
        text = suffixes.replace(text, data_model.spec_shape(defined.inputs, defined.faulty))
    return text, defined


def parse_spec(text: Source, name: str, order: Callable[[Problem], Any] = lambda _: 0) -> ParsedSpec:
    """A spec up to its sweeps; `order` sorts the problems of several files before their places do."""
    text, defined = in_digits(text)
    shape = [*shape_problems(text, defined), *defined.problems]
    resolver = Resolver(text, (path for path, _ in shape), defined)
    defines = any(resolver.data.get(key) for key in ("inputs", "metrics"))
    extended = _extended(text, resolver) if defines and not defined.is_faulty else None
    known = extended if defines else catalog.load() if resolver.data.get("expect") else None
    return ParsedSpec(text, name, defined, shape, resolver, extended, known, order)


def _extended(text: Source, resolver: Resolver) -> Catalog | None:
    """The catalogue with what the spec defines; None where that is faulty, which is reported."""
    if not all(resolver.is_valid((key,)) for key in ("inputs", "metrics")):
        return None
    try:
        return custom.extend(text)
    except CatalogError as error:
        resolver.problems += error.problems
        return None


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)


def _expectations(
    resolver: Resolver, ran: Mapping[str, Sequence[Run]], known: Mapping[str, Metric]
) -> Iterator[Expectation]:
    """The claims that name a number of this spec; the others are reported."""
    listed, models, lengths = (resolver.data.get(key) for key in ("expect", "models", "context_lengths"))
    if not (isinstance(listed, list) and isinstance(models, dict) and models):
        return
    if not (isinstance(lengths, list) and resolver.is_valid(("context_lengths",))):
        return
    subjects = _subjects(resolver, ran)
    told: set[Finding] = set()  # one misspelled model or context length is one mistake, however many claims name it
    for index, claim in enumerate(listed):
        path: Path = ("expect", index)
        if not resolver.is_valid(path):
            continue
        subject, _, metric = claim["that"].rpartition(".")
        if subject not in subjects and not resolver.is_unknown(subject):
            continue
        fault = _fault(resolver, claim, subject, metric, subjects, lengths, known)
        if fault:
            key, finding = fault
            if finding not in told:
                resolver.report((*path, key), finding)
            told.add(finding)
            continue
        said = {key: value for key, value in claim.items() if key != "that"}
        if known[metric].grain == "scenario":
            said.setdefault("context_length", lengths[0])
        yield Expectation(subject, metric, **said)


def _subjects(resolver: Resolver, ran: Mapping[str, Sequence[Run]]) -> dict[str, tuple[str, ...]]:
    """The models and runs that a claim may be about, each with the grains of its numbers."""
    subjects: dict[str, tuple[str, ...]] = dict.fromkeys(resolver.names, ("model", "scenario"))
    for kind, (of_run, _) in catalog.RUNS.items():
        listed = resolver.data.get(kind)
        entries = listed.items() if isinstance(listed, dict) else ()
        plain = [name for name, run in entries if not (isinstance(run, dict) and "sweep" in run)]
        subjects |= dict.fromkeys((*plain, *(run.name for run in ran.get(kind, ()))), (of_run,))
    return subjects


def _fault(
    resolver: Resolver,
    claim: Mapping[str, Any],
    subject: str,
    metric: str,
    subjects: Mapping[str, Sequence[str]],
    lengths: list[float],
    known: Mapping[str, Metric],
) -> tuple[str, Finding] | None:
    """The key of a claim that is at fault, and why."""
    if not subject:
        return "that", diagnostics.not_a_claim(claim["that"])
    if subject not in subjects:
        has_runs = len(set(subjects.values())) > 1
        return "that", resolver.unknown_model(subject, list(subjects), "model or run" if has_runs else "model")
    metrics = {name: entry for name, entry in known.items() if entry.grain in subjects[subject]}
    if metric not in metrics:
        of = " or ".join(grain.replace("_", " ") for grain in subjects[subject])
        return "that", diagnostics.unknown_metric(metric, sorted(metrics), list(catalog.load_inputs().inputs), of)
    claimed = {key: claim[key] for key in ("equals", "at_least", "at_most") if key in claim}
    if not claimed:
        return "that", diagnostics.claims_nothing()
    if "within" in claim and "equals" not in claim:
        return "within", diagnostics.tolerance_of_nothing()
    is_text = metrics[metric].unit in {"text", "verdict"}
    for key, value in claimed.items():
        if isinstance(value, str) != is_text:
            return key, diagnostics.claim_of_another_type(metric, value, metrics[metric].unit, is_text=is_text)
    length = claim.get("context_length")
    if metrics[metric].grain != "scenario":
        return ("context_length", diagnostics.claim_without_context(metric)) if length is not None else None
    if length is None and len(lengths) > 1:
        return "that", diagnostics.claim_needs_context(None, lengths)
    if length is not None and length not in lengths:
        return "context_length", diagnostics.claim_needs_context(length, lengths)
    return None
