"""The shape of a spec against the schema: every deviation as a problem in our words, with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flopsheet import diagnostics
from flopsheet.diagnostics import Finding, Problem
from flopsheet.spec import library
from flopsheet.spec.entries import CustomEntries
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.shapes import MOST_NAME, TAGS, WILDCARDS, Shape, below, faults, keys_of
from flopsheet.yamlio.source import Path, Source, spell

NOT_OURS = {"[key]", *TAGS}  # parts of pydantic's paths that are none of a spec's


def shape_problems(source: Source, own: CustomEntries) -> list[tuple[Path, Problem]]:
    """What is wrong with keys and types, each with the path that it stands at; at several, where one is the cause."""
    if not isinstance(source.data, dict):
        return [((), diagnostics.located(diagnostics.not_a_mapping(source.data), "", source.place(())))]
    kind = own.inputs, own.faulty, data_model.unsaid(source.data)
    shape = data_model.spec_shape(*kind)
    deviations = faults(data_model.spec_validator(*kind), source.data)
    causes = [
        (paths, diagnostics.located(finding, spell(paths[0]), source.place(paths[0], key=len(paths[0]) == 1)))
        for paths, finding in (*_unnamed(source.data, shape), *_cut_formulas(source.data, deviations))
    ]
    unknown = [fault["loc"] for fault in deviations if fault["type"] == "extra_forbidden"]
    meant = {_meant(path, shape) for path in unknown}
    unclear = {path[:-1] for path in meant if not path[-1]} | {path[:-1] for path in unknown if _why(path, causes)}
    found = [(paths[0], problem) for paths, problem in causes]
    for fault in deviations:
        # What is missing is there, under a key that is misspelled or that nobody understands.
        if fault["type"] == "missing" and (fault["loc"] in meant or fault["loc"][:-1] in unclear):
            continue
        path = _path(source.data, fault)
        why = _why(path, causes)
        found.append((path, why) if why else _translated(source, path, fault, shape))
    repeated = (*_names(source.data), *_lengths(source.data.get("context_lengths")))
    found += [
        (path, diagnostics.located(finding, spell(path), source.place(path, key=True))) for path, finding in repeated
    ]
    return found


def _why(path: Path, causes: Sequence[tuple[list[Path], Problem]]) -> Problem | None:
    """What explains a fault at a path, where it follows from another mistake."""
    return next((problem for paths, problem in causes if any(path[: len(one)] == one for one in paths)), None)


# One mistake, whatever follows from it: the paths that it explains, the first of which it is told at.
Cause = tuple[list[Path], Finding]


def _unnamed(data: Mapping[str, Any], shape: Shape) -> Iterator[Cause]:
    """Inputs right below `models:` or `training:`, where names should stand."""
    for kind in diagnostics.NAMED:
        listed = data.get(kind)
        if isinstance(listed, dict):
            known = keys_of(below(below(shape, kind), "")) or ()
            inputs = [key for key, value in listed.items() if key in known and not isinstance(value, dict)]
            named = [key for key, value in listed.items() if key not in known and isinstance(value, dict)]
            if inputs and not named:
                yield [(kind,)], diagnostics.no_names(kind, inputs)


def _cut_formulas(data: Any, deviations: Sequence[Any]) -> Iterator[Cause]:
    """Formulas between { } that YAML cuts at their commas: `{d_ff: min(8, d_model)}` has the key `d_model)`."""
    for fault in deviations:
        path = _path(data, fault)
        end = str(path[-1]) if fault["type"] == "extra_forbidden" else ""
        if end.count(")") <= end.count("("):
            continue
        entries = list(_at(data, path[:-1]).items())
        at = [key for key, _ in entries].index(end)
        start = next((back for back in range(at, -1, -1) if entries[back][1] is not None), 0)
        key, begun = entries[start]
        if start < at and isinstance(begun, str) and begun.count("(") > begun.count(")"):
            parts = [key for key, _ in entries[start + 1 : at + 1]]
            yield [(*path[:-1], one) for one in (key, *parts)], diagnostics.comma_in_braces(begun, parts)


def _path(data: Any, fault: Any) -> Path:
    """Where a fault stands in the spec, whose own keys may be spelled as parts of pydantic's paths are."""
    path: list[str | int] = []
    for part in fault["loc"]:
        is_there = isinstance(data, dict) and part in data
        if is_there or part not in NOT_OURS:
            path.append(part)
            data = data[part] if is_there or (isinstance(data, list) and isinstance(part, int)) else None
    return tuple(path)


def _translated(source: Source, path: Path, fault: Any, shape: Shape) -> tuple[Path, Problem]:
    kind = fault["type"]
    at_key = kind in {"missing", "extra_forbidden"}
    if kind == "flopsheet":
        finding = _beside_vary(source.data, path, shape) or Finding(**fault["ctx"])
    elif kind == "extra_forbidden":
        finding = _unknown(fault["loc"], shape)
    elif kind == "missing":
        finding = diagnostics.missing_key(str(path[-1]))
        path = path[:-1]
    elif kind in {"too_short", "too_long"}:
        finding = diagnostics.wrong_count(len(_at(source.data, path)), fault["ctx"].get("max_length", 0))
    else:
        value = _at(source.data, path)
        finding = diagnostics.not_a_list(value) if kind == "list_type" else _not_keys(source.data, path, value)
    return path, diagnostics.located(finding, spell(path), source.place(path, key=at_key))


def _not_keys(data: Any, path: Path, value: Any) -> Finding:
    """Something else where a mapping should stand; a model may be named instead of being described."""
    if path[0] == "models" and len(path) == 2 and isinstance(value, str):
        return diagnostics.not_keys(value, path, list(library.load_library()), list(data["models"]))
    return diagnostics.not_keys(value, path)


def _beside_vary(data: Any, path: Path, shape: Shape) -> Finding | None:
    """The values of an input in a search that does not list them under `vary:`."""
    match path:
        case ["search", name, str(key)] if isinstance(_at(data, path), list):
            varied = _known_keys(("search", name, "vary"), shape)
            return diagnostics.list_beside_vary(key) if key in varied else None
    return None


def _unknown(path: Path, shape: Shape) -> Finding:
    """An unknown key; under `sweep:` some known ones are."""
    key = str(path[-1])
    if "sweep" in path[2:-1] and (
        finding := diagnostics.not_swept_here(key, [one.name for one in data_model.inputs_of("study")])
    ):
        return finding
    return diagnostics.unknown_key(key, _known_keys(path[:-1], shape))


def _meant(path: Path, shape: Shape) -> Path:
    """The path of an unknown key with the key that was probably meant."""
    return (*path[:-1], diagnostics.nearest(str(path[-1]), _known_keys(path[:-1], shape)) or "")


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
                yield ("context_lengths", index), diagnostics.same_length(length)
            seen.add(length)


def _names(data: Mapping[str, Any]) -> Iterator[tuple[Path, Finding]]:
    """Names that a spreadsheet could not look up; a model and a run of one name could not be told apart."""
    for kinds in ([kind for kind in diagnostics.NAMED if kind != "hardware"], ["hardware"]):
        seen: dict[str, str] = {}
        for kind in kinds:
            listed = data.get(kind)
            for name in listed if isinstance(listed, dict) else ():
                if problem := diagnostics.model_name_problem(name, MOST_NAME, WILDCARDS):
                    yield (kind, name), problem
                elif name.casefold() in seen:
                    yield (kind, name), diagnostics.same_name(name, seen[name.casefold()])
                seen.setdefault(name.casefold(), name)
