"""The code of a diagnostic, its name and its documentation, held by the function that words it.

The documentation is the docstring of that function: what is wrong in the first line, then `Why:`, `Fix:` and
`Example:`. It is read where it is asked for, never while a mistake is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, Literal, ParamSpec, Protocol, overload

from flopsheet.diagnostics.problem import Finding, Problem
from flopsheet.records import NamedTuple

P = ParamSpec("P")
# What a wording function returns: what is wrong, and what to write instead. Its decorator adds the code.
Wording = tuple[str, str]
PARTS = r"(?m)^(Why|Fix|Example):[ \n]"

# The first digit of a code says what it is about.
TOPICS = {
    "FS0": "Files and YAML",
    "FS1": "Rules between inputs of a model",
    "FS2": "Rules between inputs of a training run",
    "FS3": "Rules between inputs of a serving run",
    "FS4": "Keys, names and values of a spec",
    "FS5": "Sweeps and searches",
    "FS6": "Formulas, metrics and inputs of the spec's own, expectations",
    "FS7": "Import of configurations",
    "FS8": "Workbooks and their review",
    "FS9": "The command line and the library",
}


Level = Literal["error", "warning", "note"]  # as SARIF calls them


class Diagnostic(NamedTuple):
    """One kind of mistake: its stable code, a short name, and what a reader should know of it."""

    code: str
    name: str
    what: str
    why: str
    fix: str
    example: str
    """A part of a spec, a configuration (JSON) or a command ($ …) that shows it."""
    level: Level = "error"


class _Entry(NamedTuple):
    name: str
    word: Callable[..., Any]
    level: Level


REGISTRY: dict[str, _Entry] = {}


class _Decorator(Protocol):
    @overload
    def __call__(self, word: Callable[P, Problem], /) -> Callable[P, Problem]: ...
    @overload
    def __call__(self, word: Callable[P, Wording], /) -> Callable[P, Finding]: ...
    @overload
    def __call__(self, word: Callable[P, Wording | None], /) -> Callable[P, Finding | None]: ...


def diagnostic(code: str, name: str, *, level: Level = "error") -> _Decorator:
    """Gives what a wording function returns its code; two functions cannot share one."""

    def decorate(word: Callable[..., Any]) -> Callable[..., Any]:
        if code in REGISTRY:
            raise ValueError(f"{code} is both {REGISTRY[code].name} and {name}")
        REGISTRY[code] = _Entry(name, word, level)

        @wraps(word)
        def coded(*args: Any, **kwargs: Any) -> Any:
            said = word(*args, **kwargs)
            if said is None:
                return None
            if isinstance(said, Problem):
                return said._replace(code=code)
            fact, remedy = said
            return Finding(fact, remedy, code)

        return coded

    return decorate


def documented() -> list[Diagnostic]:
    """Every diagnostic, by code."""
    from flopsheet import diagnostics

    for module in diagnostics.LATER:
        import_module(f"{diagnostics.__name__}.{module}")
    return [_documented(code, entry) for code, entry in sorted(REGISTRY.items())]


def _documented(code: str, entry: _Entry) -> Diagnostic:
    import inspect  # takes longer to import than a mistake to be told
    import textwrap

    what, *parts = re.split(PARTS, inspect.getdoc(entry.word) or "")
    said = dict(zip(parts[::2], parts[1::2], strict=True))
    why, fix = (" ".join(said.get(part, "").split()) for part in ("Why", "Fix"))
    example = textwrap.dedent(said.get("Example", "")).strip()
    return Diagnostic(code, entry.name, " ".join(what.split()), why, fix, example, entry.level)
