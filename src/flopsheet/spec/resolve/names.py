"""The names of models and runs that other parts of a spec may use, and what is told of one that nobody has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from flopsheet import diagnostics
from flopsheet.diagnostics import Finding
from flopsheet.records import NamedTuple
from flopsheet.spec import library


class Names(NamedTuple):
    """The names that runs and expectations may use."""

    models: tuple[str, ...] = ()
    """Variants of sweeps among them."""
    unresolved: tuple[str, ...] = ()
    """Swept models and runs of which not all variants are known."""
    first_variants: Mapping[str, Callable[[], str]] = MappingProxyType({})
    """Of each swept model or run: what gives the name of its first variant, empty where it has none."""

    def is_unknown(self, name: str) -> bool:
        """Whether no model has this name; of a sweep that is faulty nobody knows."""
        return name not in self.models and not any(name.startswith(f"{base} ") for base in self.unresolved)

    def unknown(self, name: str, known: Sequence[str], kind: str = "model") -> Finding:
        """A name that nothing has, and what may be meant."""
        if name in self.first_variants and (first := self.first_variants[name]()):
            return diagnostics.stands_for_variants(name, first)
        return unknown_model(name, known, kind)


def unknown_model(name: str, known: Sequence[str], kind: str = "model", *, extends: bool = False) -> Finding:
    """A name that no model of the spec has; the library may have it."""
    if name in library.load_library() and diagnostics.nearest(name, known) is None:
        return diagnostics.model_of_the_library(name, extends=extends)
    return diagnostics.unknown_model(name, known, kind)
