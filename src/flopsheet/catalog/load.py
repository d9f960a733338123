"""The catalogue as it is kept: read where what was built of it still holds, built where not; extended by specs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from flopsheet.catalog.cache import load_or_build
from flopsheet.catalog.entries import Catalog, Input, flag_word
from flopsheet.diagnostics import Place
from flopsheet.records import NamedTuple
from flopsheet.yamlio.files import read_shipped
from flopsheet.yamlio.source import Data

if TYPE_CHECKING:
    from flopsheet.catalog.refusals import Refuse

INPUT_TOPICS = ("formats", "inputs", "run_inputs", "rules")
TOPICS = (
    *INPUT_TOPICS, "parameters", "flops", "context", "cache", "estimators", "training", "recomputation", "adapters",
    "frozen", "muon", "peaks", "stages", "step_time", "serving", "serving_time", "checks",
)  # fmt: skip
CUSTOM_SHEET, CUSTOM_TITLE = "Metrics", "Defined in the spec"


class CustomEntry(NamedTuple):
    """An input or metric that a spec adds: its fields, where its formula stands, and how it is refused."""

    raw: Data
    place: Place | None
    path: str
    refuse: Refuse


@cache
def load_catalog() -> Catalog:
    """The catalogue that ships with the package."""
    return load_or_build("catalog", files_of_catalog(), lambda: _built(TOPICS))


@cache
def load_inputs() -> Catalog:
    """Its inputs and the rules between them: a spec is judged long before every metric is parsed and checked."""
    return load_or_build("inputs", _files(INPUT_TOPICS), lambda: _built(INPUT_TOPICS, ranges=False))


def files_of_catalog() -> list[str]:
    """The files that it is built of."""
    return _files(TOPICS)


def extend(inputs: Sequence[CustomEntry], metrics: Sequence[CustomEntry]) -> Catalog:
    """The catalogue with inputs and metrics of a spec; their own sheet is Metrics, that of verdicts Checks."""
    from flopsheet.catalog.build import extend_catalog

    return extend_catalog(load_catalog(), inputs, metrics)


def custom_input(raw: Data) -> Input:
    """An input that a spec defines; what is not said to go below zero does not."""
    fields = {"least": 0, **raw, "choices": tuple(raw.get("choices", ()))}
    if fields["choices"]:
        fields.pop("least")
    if isinstance(fields.get("default"), bool):
        fields["default"] = flag_word(fields["default"])
    return Input(**fields, whole=load_inputs().units[raw["unit"]].whole)


def _files(topics: Sequence[str]) -> list[str]:
    return [os.path.join(os.path.dirname(__file__), "data", f"{topic}.yaml") for topic in ("units", *topics)]


def _texts(topics: Sequence[str]) -> dict[str, str]:
    return {topic: read_shipped(__file__, "data", f"{topic}.yaml") for topic in ("units", *topics)}


def _built(topics: Sequence[str], *, ranges: bool = True) -> Catalog:
    from flopsheet.catalog.build import build_catalog  # only where nothing kept holds: it takes as long as to read that

    return build_catalog(_texts(topics), ranges=ranges)
