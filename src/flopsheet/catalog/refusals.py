"""How a mistake in an entry of the catalogue is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from flopsheet import diagnostics
from flopsheet.diagnostics import CatalogError, Place

Refuse: TypeAlias = Callable[..., CatalogError]


def refusal(path: str, place: Place | None) -> Refuse:
    """What builds an error about this entry from a fact and a remedy; `at` is a name of its formula at fault."""
    return lambda fact, remedy="", at="": CatalogError(
        diagnostics.located(diagnostics.not_in_catalogue(fact, remedy), path, place)
    )


def refuse_ours(fact: str, remedy: str = "", at: str = "") -> CatalogError:
    """The refusal of a text that stands in this code: nobody else can have made the mistake."""
    raise AssertionError(f"{fact}; {remedy}")
