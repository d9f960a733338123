"""The shape of a spec against the schema: every deviation as a problem in our words, with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from flopsheet import errors
from flopsheet.errors import Problem
from flopsheet.source import Path, Source, spell
from flopsheet.spec import schema


def shape_problems(source: Source) -> list[tuple[Path, Problem]]:
    """What is wrong with keys and types, each with the path that it stands at."""
    if not isinstance(source.data, dict):
        return [((), errors.located(errors.not_a_mapping(source.data), "", source.place(())))]
    found = []
    try:
        schema.spec_model().model_validate(source.data)
    except ValidationError as error:
        found = [_translated(source, detail) for detail in error.errors(include_url=False, include_input=False)]
    found += [
        (path, errors.located(problem, spell(path), source.place(path, key=True)))
        for path, problem in _names(source.data.get("models"))
    ]
    return found


def _translated(source: Source, detail: Any) -> tuple[Path, Problem]:
    path: Path = tuple(part for part in detail["loc"] if part != "[key]")
    kind = detail["type"]
    at_key = kind in {"missing", "extra_forbidden"}
    if kind == "flopsheet":
        problem = (detail["ctx"]["fact"], detail["ctx"]["remedy"])
    elif kind == "extra_forbidden":
        problem = errors.unknown_key(str(path[-1]), _known_keys(path[:-1]))
    elif kind == "missing":
        problem = errors.missing_key(str(path[-1]))
        path = path[:-1]
    elif kind == "literal_error":
        problem = ("this version of the spec format is unknown", "write version: 1")
    elif kind in {"too_short", "too_long"}:
        problem = (f"{detail['ctx']['actual_length']:,} entries", f"between 1 and {detail['ctx'].get('max_length', 10_000):,} are possible")
    else:
        wants_list = kind == "list_type"
        problem = errors.wrong_shape("a list" if wants_list else "keys and values", _at(source.data, path))
    return path, errors.located(problem, spell(path), source.place(path, key=at_key))


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _known_keys(path: Path) -> list[str]:
    """The keys that may stand in the mapping at a path."""
    model: Any = schema.spec_model()
    for part in path:
        if isinstance(part, int):
            continue
        fields = getattr(model, "model_fields", {})
        annotation = fields[part].annotation if part in fields else model
        arguments = getattr(annotation, "__args__", ())
        model = arguments[-1] if arguments else annotation
    return list(model.model_fields)


def _names(models: object) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Names that a spreadsheet could not look up."""
    seen: dict[str, str] = {}
    for name in models if isinstance(models, dict) else ():
        if problem := errors.model_name_problem(name, schema.MOST_NAME, schema.WILDCARDS):
            yield ("models", name), problem
        elif name.casefold() in seen:
            yield ("models", name), errors.same_name(name, seen[name.casefold()])
        seen.setdefault(name.casefold(), name)
