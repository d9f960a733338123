"""The shape of a spec against the schema: every deviation as a problem in our words, with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from flopsheet import errors
from flopsheet.errors import Finding, Problem
from flopsheet.source import Path, Source, spell
from flopsheet.spec import schema
from flopsheet.spec.own import Own


def shape_problems(source: Source, own: Own) -> list[tuple[Path, Problem]]:
    """What is wrong with keys and types, each with the path that it stands at."""
    if not isinstance(source.data, dict):
        return [((), errors.located(errors.not_a_mapping(source.data), "", source.place(())))]
    model = schema.spec_model(own.inputs, own.faulty)
    found = []
    try:
        model.model_validate(source.data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        meant = {_meant(detail["loc"], model) for detail in details if detail["type"] == "extra_forbidden"}
        found = [
            _translated(source, detail, model)
            for detail in details
            if not (detail["type"] == "missing" and detail["loc"] in meant)  # it is there, under a misspelled key
        ]
    repeated = (*_names(source.data), *_lengths(source.data.get("context_lengths")))
    found += [(path, errors.located(finding, spell(path), source.place(path, key=True))) for path, finding in repeated]
    return found


def _translated(source: Source, detail: Any, model: Any) -> tuple[Path, Problem]:
    path: Path = tuple(part for part in detail["loc"] if part not in {"[key]", schema.LIST, schema.RANGE})
    kind = detail["type"]
    at_key = kind in {"missing", "extra_forbidden"}
    if kind == "flopsheet":
        finding = (detail["ctx"]["fact"], detail["ctx"]["remedy"])
    elif kind == "extra_forbidden":
        finding = _unknown(path, model)
    elif kind == "missing":
        finding = errors.missing_key(str(path[-1]))
        path = path[:-1]
    elif kind in {"too_short", "too_long"}:
        finding = errors.wrong_count(len(_at(source.data, path)), detail["ctx"].get("max_length", 0))
    else:
        value = _at(source.data, path)
        finding = errors.not_a_list(value) if kind == "list_type" else errors.not_keys(value)
    return path, errors.located(finding, spell(path), source.place(path, key=at_key))


def _unknown(path: Path, model: Any) -> Finding:
    """An unknown key; under `sweep:` some known ones are."""
    key = str(path[-1])
    if "sweep" in path[2:-1] and (
        finding := errors.not_swept_here(key, [one.name for one in schema.inputs_of("study")])
    ):
        return finding
    return errors.unknown_key(key, _known_keys(path[:-1], model))


def _meant(path: Path, model: Any) -> Path:
    """The path of an unknown key with the key that was probably meant."""
    return (*path[:-1], errors.nearest(str(path[-1]), _known_keys(path[:-1], model)) or "")


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _known_keys(path: Path, model: Any) -> list[str]:
    """The keys that may stand in the mapping at a path of a spec."""
    kind = model
    for part in path:
        within = get_args(kind)  # of list[…] and dict[str, …], where the part is an index or a name
        kind = within[-1] if within else kind.model_fields[part].annotation
    while within := get_args(kind):  # of a range, which might have been a list
        kind = within[0] if hasattr(kind, "__metadata__") else within[-1]
    return list(kind.model_fields)


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
