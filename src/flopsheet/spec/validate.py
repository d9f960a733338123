"""The shape of a spec against the schema: every deviation as a problem in our words, with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flopsheet import errors
from flopsheet.errors import Finding, Problem
from flopsheet.source import Path, Source, spell
from flopsheet.spec import schema
from flopsheet.spec.own import Own
from flopsheet.spec.shapes import Shape, below, faults, keys_of


def shape_problems(source: Source, own: Own) -> list[tuple[Path, Problem]]:
    """What is wrong with keys and types, each with the path that it stands at."""
    if not isinstance(source.data, dict):
        return [((), errors.located(errors.not_a_mapping(source.data), "", source.place(())))]
    shape = schema.spec_shape(own.inputs, own.faulty)
    deviations = faults(schema.spec_validator(own.inputs, own.faulty), source.data)
    meant = {_meant(fault["loc"], shape) for fault in deviations if fault["type"] == "extra_forbidden"}
    found = [
        _translated(source, fault, shape)
        for fault in deviations
        if not (fault["type"] == "missing" and fault["loc"] in meant)  # it is there, under a misspelled key
    ]
    repeated = (*_names(source.data), *_lengths(source.data.get("context_lengths")))
    found += [(path, errors.located(finding, spell(path), source.place(path, key=True))) for path, finding in repeated]
    return found


def _translated(source: Source, fault: Any, shape: Shape) -> tuple[Path, Problem]:
    path: Path = tuple(part for part in fault["loc"] if part not in {"[key]", schema.LIST, schema.RANGE})
    kind = fault["type"]
    at_key = kind in {"missing", "extra_forbidden"}
    if kind == "flopsheet":
        finding = (fault["ctx"]["fact"], fault["ctx"]["remedy"])
    elif kind == "extra_forbidden":
        finding = _unknown(fault["loc"], shape)
    elif kind == "missing":
        finding = errors.missing_key(str(path[-1]))
        path = path[:-1]
    elif kind in {"too_short", "too_long"}:
        finding = errors.wrong_count(len(_at(source.data, path)), fault["ctx"].get("max_length", 0))
    else:
        value = _at(source.data, path)
        finding = errors.not_a_list(value) if kind == "list_type" else errors.not_keys(value)
    return path, errors.located(finding, spell(path), source.place(path, key=at_key))


def _unknown(path: Path, shape: Shape) -> Finding:
    """An unknown key; under `sweep:` some known ones are."""
    key = str(path[-1])
    if "sweep" in path[2:-1] and (
        finding := errors.not_swept_here(key, [one.name for one in schema.inputs_of("study")])
    ):
        return finding
    return errors.unknown_key(key, _known_keys(path[:-1], shape))


def _meant(path: Path, shape: Shape) -> Path:
    """The path of an unknown key with the key that was probably meant."""
    return (*path[:-1], errors.nearest(str(path[-1]), _known_keys(path[:-1], shape)) or "")


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _known_keys(path: Path, kind: Shape) -> list[str]:
    """The keys that may stand in the mapping at a path of a spec."""
    for part in path:
        kind = below(kind, part)
    return keys_of(kind) or []


def _lengths(lengths: object) -> Iterator[tuple[Path, Finding]]:
    """Context lengths that stand twice in the list: their scenarios would have one name."""
    seen: set[float] = set()
    for index, length in enumerate(lengths if isinstance(lengths, list) else ()):
        if type(length) in (int, float):
            if length in seen:
                yield ("context_lengths", index), errors.same_length(length)
            seen.add(length)


def _names(data: Mapping[str, Any]) -> Iterator[tuple[Path, Finding]]:
    """Names that a spreadsheet could not look up; a model and a run of one name could not be told apart."""
    for kinds in (("models", "training", "serving"), ("hardware",)):
        seen: dict[str, str] = {}
        for kind in kinds:
            listed = data.get(kind)
            for name in listed if isinstance(listed, dict) else ():
                if problem := errors.model_name_problem(name, schema.MOST_NAME, schema.WILDCARDS):
                    yield (kind, name), problem
                elif name.casefold() in seen:
                    yield (kind, name), errors.same_name(name, seen[name.casefold()])
                seen.setdefault(name.casefold(), name)
