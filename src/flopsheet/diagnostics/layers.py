"""Wording: models of the library, and kinds of attention."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.problem import Finding, did_you_mean, shown


def unknown_library_model(name: str, known: Sequence[str]) -> Finding:
    return f"the library has no model '{shown(name)}'", did_you_mean(name, known) + " (flopsheet list models)"


def kind_needs(kind: str, absent: Sequence[str]) -> Finding:
    return f"{kind} attention needs {', '.join(absent)}", "write it beside kind" if len(
        absent
    ) == 1 else "write them beside kind"


def mixer_needs(kind: str, absent: Sequence[str]) -> Finding:
    return f"a {kind} mixer needs {', '.join(absent)}", f"write {'it' if len(absent) == 1 else 'them'} beside kind"


def mixer_sets(kind: str, key: str, value: int | str) -> Finding:
    return f"a {kind} mixer already says {key}: {value}", f"remove {key}, or choose another kind"


def kind_sets(kind: str, key: str, value: int | str) -> Finding:
    return f"{kind} attention already says {key}: {value}", f"remove {key}, or choose another kind"
