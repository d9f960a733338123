"""`--set PATH=VALUE`: one value of a spec replaced, as if it stood there, with its place in the argument."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.diagnostics import Place, Problem, SpecError, UsageError
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.shapes import Shape, below, keys_of
from flopsheet.yamlio import source
from flopsheet.yamlio.merge import forget
from flopsheet.yamlio.source import Path, Source

ARGUMENT = "--set"
INDEX = re.compile(r"\[(\d+)\]")
WORD = re.compile(r"[^.\[]*")


def apply(spec: Source, settings: tuple[str, ...]) -> Source:
    """The spec with every setting in it, from left to right; UsageError with what is wrong with each."""
    problems: list[Problem] = []
    for text in settings:
        try:
            spec = _apply(spec, text)
        except UsageError as error:
            problems.extend(error.problems)
    if problems:
        raise UsageError(problems)
    return spec


def _apply(spec: Source, text: str) -> Source:
    written, equals, value = text.partition("=")
    if not equals:
        raise UsageError(diagnostics.setting_without_value(_place(text, 0, len(text))))
    if not written.strip():
        raise UsageError(diagnostics.setting_without_path(_place(text, 0, 1)))
    steps = list(_steps(written, text, spec.data))
    path: Path = tuple(part for part, _ in steps)
    if not value.strip():
        raise UsageError(diagnostics.setting_is_empty(_place(text, len(written) + 1, 1), written))
    said = _read(value, text, len(written) + 1, written)
    data = copy.deepcopy(spec.data)
    keys, values = dict(spec.keys), dict(spec.values)
    forget(path, keys, values)
    holder: Any = data
    for at, (part, place) in enumerate(steps):
        here = path[: at + 1]
        keys.setdefault(here, place)
        if at + 1 == len(steps):
            holder[part] = said.data
            break
        said_there = holder.get(part) if isinstance(holder, dict) else holder[part]
        if said_there is None:
            holder[part] = {}
            values[here] = place
        elif isinstance(said_there, str) and data_model.parts_of(str(part)):  # bf16: one part of it is set
            holder[part] = {data_model.DEFAULT: said_there}
            values[(*here, data_model.DEFAULT)] = values[here]
        elif not isinstance(said_there, dict | list):
            raise UsageError(diagnostics.setting_below_a_value(steps[at + 1][1], written, source.spell(here)))
        holder = holder[part]
    keys |= {(*path, *inner): place for inner, place in said.keys.items()}
    values |= {(*path, *inner): place for inner, place in said.values.items()}
    return spec._replace(data=data, keys=keys, values=values)


def _read(value: str, text: str, start: int, path: str) -> Source:
    """The value by the strict reader, its places moved to where it stands in the argument."""
    try:
        said = source.parse(value, ARGUMENT)
    except SpecError as error:
        raise UsageError(
            problem._replace(path=path, place=_moved(problem.place, text, start)) for problem in error.problems
        ) from None
    return said._replace(
        keys={at: _moved(place, text, start) for at, place in said.keys.items()},
        values={at: _moved(place, text, start) for at, place in said.values.items()},
    )


def _moved(place: Place | None, text: str, start: int) -> Place:
    if place is None or place.line > 1:
        return _place(text, start, 1)
    return place._replace(column=place.column + start, text=text)


def _place(text: str, start: int, width: int) -> Place:
    return Place(ARGUMENT, 1, start + 1, text, max(1, width))


def _steps(written: str, text: str, data: Any) -> Iterator[tuple[str | int, Place]]:
    """The parts of a path along the data model: keys that a spec may have, names and items that this one has."""
    kind = data_model.spec_shape()
    steps: list[tuple[str | int, Place]] = []
    start = 0
    while start < len(written):
        where = _place(text, start, len(written) - start)
        part: str | int
        if isinstance(data, list):
            found = INDEX.match(written, start)
            if not found or int(found[1]) >= len(data):
                above = written[:start].rstrip(".")
                raise UsageError(diagnostics.setting_of_missing_item(where, above, len(data)))
            part, end = int(found[1]), found.end()
        else:
            known = _known(kind, data, tuple(key for key, _ in steps))
            if known is None:
                raise UsageError(diagnostics.setting_below_a_value(where, written, written[:start].rstrip(".")))
            part, end = _longest(written, start, known)
            where = _place(text, start, end - start)
            if part not in known:
                above = written[:start].rstrip(".")
                if keys_of(kind):
                    of_models = start == 0 and part in (keys_of(below(kind, "defaults")) or ())
                    raise UsageError(diagnostics.setting_of_unknown_key(where, written, part, known, of_models))
                raise UsageError(diagnostics.setting_of_unknown_name(where, written, part, known, above))
        steps.append((part, where._replace(width=end - start)))
        yield steps[-1]
        kind = below(kind, part)
        data = data[int(part)] if isinstance(data, list) else data.get(part) if isinstance(data, dict) else None
        start = end + (written[end : end + 1] == ".")


def _known(kind: Shape, data: Any, path: Path) -> list[str] | None:
    """The keys that may stand at a path: those of its data model, or the names that the spec has there.

    Hardware that ships has a name without the spec's saying so. None where nothing may stand.
    """
    names = list(data) if isinstance(data, dict) else None
    if path == ("hardware",) and (names is not None or data is None):
        names = list(dict.fromkeys((*(names or ()), *catalog.hardware())))
    return keys_of(kind) or names


def _longest(written: str, start: int, known: list[str]) -> tuple[str, int]:
    """The longest known key that stands here, since names may hold dots; the next word where none does."""
    for key in sorted(known, key=len, reverse=True):
        end = start + len(key)
        if key and written.startswith(key, start) and written[end : end + 1] in {"", ".", "["}:
            return key, end
    found = WORD.match(written, start)
    assert found
    return found[0], found.end()
