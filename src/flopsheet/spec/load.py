"""A spec from a file, a text or a mapping; every problem of it at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from flopsheet import catalog, errors, source
from flopsheet.errors import Problem, SpecError
from flopsheet.source import Source, spell
from flopsheet.spec.entries import Expectation, ModelSpec, Spec
from flopsheet.spec.resolve import Resolver
from flopsheet.spec.validate import shape_problems


def load(spec: str | os.PathLike[str] | Mapping[str, Any]) -> Spec:
    """The spec at a path (`-` is stdin), or from a mapping of plain data; SpecError with all problems, FileError."""
    if isinstance(spec, Mapping):
        # A mapping goes the way of a file, so that the same rules and messages hold for it.
        return from_source(source.parse(json.dumps(spec, indent=1, ensure_ascii=False), "spec"), "spec")
    return from_source(source.read(spec), "spec" if str(spec) == "-" else PurePath(spec).stem)


def from_source(text: Source, name: str) -> Spec:
    """The spec that a strict YAML text says."""
    shape = shape_problems(text)
    resolver = Resolver(text, (path for path, _ in shape))
    models = resolver.models()
    study = resolver.study()
    problems = [problem for _, problem in shape] + resolver.problems
    data = text.data if isinstance(text.data, dict) else {}
    expectations: list[Expectation] = []
    if not problems:
        expectations, problems = _expectations(text, data, models)
    if problems:
        raise SpecError(sorted(problems, key=_position))
    return Spec(
        name=name,
        title=data.get("title") or name,
        context_lengths=tuple(map(float, data["context_lengths"])),
        study=study,
        models=models,
        expectations=tuple(expectations),
        text=text.text,
    )


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column) if problem.place else (0, 0)


def _expectations(
    text: Source, data: Mapping[str, Any], models: tuple[ModelSpec, ...]
) -> tuple[list[Expectation], list[Problem]]:
    metrics = {name: entry for name, entry in catalog.load().metrics.items() if entry.grain in {"model", "scenario"}}
    known = [model.name for model in models]
    found, problems = [], []
    for index, raw in enumerate(data.get("expect") or []):
        path: source.Path = ("expect", index)
        claim = {key: value for key, value in raw.items() if value is not None}
        that = claim.pop("that")
        model, dot, metric = that.rpartition(".")
        problem: tuple[str, str] | None = None
        lengths = data["context_lengths"]
        if not dot:
            problem = errors.not_a_claim(that)
        elif model not in known:
            problem = errors.unknown_model(model, known)
        elif metric not in metrics:
            problem = errors.unknown_metric(metric, sorted(metrics))
        elif not {"equals", "at_least", "at_most"} & claim.keys():
            problem = errors.claims_nothing()
        elif isinstance(claim.get("equals"), str) != (metrics[metric].unit in {"text", "verdict"}):
            problem = errors.claim_of_another_type(metric)
        elif metrics[metric].grain == "model" and "context_length" in claim:
            problem = errors.claim_without_context(metric)
        elif metrics[metric].grain == "scenario" and claim.get("context_length", lengths[0] if len(lengths) == 1 else None) not in lengths:
            problem = errors.claim_needs_context(claim.get("context_length"), lengths)
        if problem:
            problems.append(errors.located(problem, spell((*path, "that")), text.place((*path, "that"))))
            continue
        if metrics[metric].grain == "scenario":
            claim.setdefault("context_length", lengths[0])
        found.append(Expectation(model, metric, **claim))
    return found, problems
