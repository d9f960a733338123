"""The specs and settings of a command as one spec, and the text that would say the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flopsheet.diagnostics import Problem
from flopsheet.spec.load import ParsedSpec, parse_spec
from flopsheet.yamlio import source
from flopsheet.yamlio.files import study_name
from flopsheet.yamlio.source import Source


def read_combined(paths: Sequence[str], settings: Sequence[str] = ()) -> ParsedSpec:
    """The spec that the files say from left to right, with the settings in it; SpecError, FileError."""
    sources = [source.read_yaml(path) for path in paths]
    name = "+".join(map(study_name, paths))
    if len(sources) == 1 and not settings:
        return parse_spec(sources[0], name)
    from flopsheet.spec import setting as settings_of
    from flopsheet.yamlio.merge import merge

    merged = merge(sources)
    if isinstance(merged.data, dict):
        merged = settings_of.apply(merged, tuple(settings))
        said: Any = merged.data
        merged = merged._replace(text=_text(said, sources, settings))
    return parse_spec(merged, name, _order(sources))


def _text(data: dict[str, Any], sources: Sequence[Source], settings: Sequence[str]) -> str:
    """One spec that says what the files and settings say together."""
    from flopsheet.yamlio.dump import block

    said = [one.name for one in sources] + [f"--set {setting}" for setting in settings]
    remark = "".join(letter if letter.isprintable() else " " for letter in ", ".join(said))
    return "\n".join([f"# Put together from {remark}", *block(data)]) + "\n"


def _order(sources: Sequence[Source]) -> Callable[[Problem], int]:
    """A sort key: file after file as they were given, the settings last."""
    names = [one.name for one in sources]

    def order(problem: Problem) -> int:
        named = problem.place.source if problem.place else ""
        return names.index(named) if named in names else len(names)

    return order
