"""A spec from a file, a text or a mapping; every problem of it at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from flopsheet import catalog, errors, source
from flopsheet.errors import Finding, Problem, SpecError
from flopsheet.source import Path, Source
from flopsheet.spec.entries import Expectation, Spec
from flopsheet.spec.plain import to_yaml
from flopsheet.spec.resolve import Resolver
from flopsheet.spec.runs import devices, runs
from flopsheet.spec.validate import shape_problems


def load(spec: str | os.PathLike[str] | Mapping[str, Any]) -> Spec:
    """The spec at a path (`-` is stdin), or from a mapping of plain data; SpecError with all problems, FileError."""
    if isinstance(spec, Mapping):
        return from_source(source.parse(to_yaml(spec), "spec"), "spec")
    return from_source(source.read(spec), "spec" if str(spec) == "-" else PurePath(spec).stem)


def from_source(text: Source, name: str) -> Spec:
    """The spec that a strict YAML text says."""
    shape = shape_problems(text)
    resolver = Resolver(text, (path for path, _ in shape))
    models = resolver.models()
    study = resolver.study()
    kinds = [kind for kind in catalog.RUNS if kind in resolver.data]
    hardware = devices(resolver) if kinds or "hardware" in resolver.data else ()
    ran = {kind: found for kind in kinds if (found := runs(resolver, kind, models, hardware))}
    expectations = tuple(_expectations(resolver))
    problems = [problem for _, problem in shape] + resolver.problems
    if problems:
        raise SpecError(sorted(problems, key=_position))
    return Spec(
        name=name,
        title=resolver.data.get("title", name),
        context_lengths=tuple(map(float, resolver.data["context_lengths"])),
        study=study,
        models=models,
        hardware=hardware if ran else (),
        runs=ran,
        expectations=expectations,
        text=text.text,
    )


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)


def _expectations(resolver: Resolver) -> Iterator[Expectation]:
    """The claims that name a number of this spec; the others are reported."""
    listed, models, lengths = (resolver.data.get(key) for key in ("expect", "models", "context_lengths"))
    if not (isinstance(listed, list) and isinstance(models, dict) and models):
        return
    if not (isinstance(lengths, list) and resolver.sound(("context_lengths",))):
        return
    subjects = _subjects(resolver)
    told: set[Finding] = set()  # one misspelled model or context length is one mistake, however many claims name it
    for index, claim in enumerate(listed):
        path: Path = ("expect", index)
        if not resolver.sound(path):
            continue
        subject, _, metric = claim["that"].rpartition(".")
        fault = _fault(claim, subject, metric, subjects, lengths)
        if fault:
            key, finding = fault
            if finding not in told:
                resolver.report((*path, key), finding)
            told.add(finding)
            continue
        said = {key: value for key, value in claim.items() if key != "that"}
        if catalog.load().metrics[metric].grain == "scenario":
            said.setdefault("context_length", lengths[0])
        yield Expectation(subject, metric, **said)


def _subjects(resolver: Resolver) -> dict[str, tuple[str, ...]]:
    """The models and runs that a claim may be about, each with the grains of its numbers."""
    subjects: dict[str, tuple[str, ...]] = dict.fromkeys(resolver.data["models"], ("model", "scenario"))
    for kind, (of_run, _) in catalog.RUNS.items():
        listed = resolver.data.get(kind)
        subjects |= dict.fromkeys(listed, (of_run,)) if isinstance(listed, dict) else {}
    return subjects


def _fault(
    claim: Mapping[str, Any], subject: str, metric: str, subjects: Mapping[str, Sequence[str]], lengths: list[float]
) -> tuple[str, Finding] | None:
    """The key of a claim that is at fault, and why."""
    if not subject:
        return "that", errors.not_a_claim(claim["that"])
    if subject not in subjects:
        return "that", errors.unknown_model(subject, list(subjects))
    metrics = {name: entry for name, entry in catalog.load().metrics.items() if entry.grain in subjects[subject]}
    if metric not in metrics:
        return "that", errors.unknown_metric(metric, sorted(metrics))
    claimed = {key: claim[key] for key in ("equals", "at_least", "at_most") if key in claim}
    if not claimed:
        return "that", errors.claims_nothing()
    is_text = metrics[metric].unit in {"text", "verdict"}
    for key, value in claimed.items():
        if isinstance(value, str) != is_text:
            return key, errors.claim_of_another_type(metric, value, is_text=is_text)
    length = claim.get("context_length")
    if metrics[metric].grain != "scenario":
        return ("context_length", errors.claim_without_context(metric)) if length is not None else None
    if length is None and len(lengths) > 1:
        return "that", errors.claim_needs_context(None, lengths)
    if length is not None and length not in lengths:
        return "context_length", errors.claim_needs_context(length, lengths)
    return None
