"""Specs for tests: from a text, or computed as frames."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

import flopsheet
from flopsheet.spec import Spec
from flopsheet.spec.load import from_source
from flopsheet.yamlio import source

SPECS = Path(__file__).parent.parent / "specs"


def spec_of(text: str) -> Spec:
    """The spec that a text says, as if it stood in s.yaml."""
    return from_source(source.parse(text, "s.yaml"), "s")


def frames_of(spec: str | os.PathLike[str] | Mapping[str, Any]) -> Mapping[str, pd.DataFrame]:
    """One DataFrame per grain of a computed spec.

    Nobody may change them: tests that ask for one number after the other of the same study share them.
    """
    return _frames_of(_Said(spec)) if isinstance(spec, Mapping) else flopsheet.compute(spec).frames


class _Said:
    """A spec as a key: two are alike if they say the same in the same order."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec, self.text = spec, repr(spec)

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Said) and self.text == other.text


@functools.lru_cache(8)
def _frames_of(said: _Said) -> Mapping[str, pd.DataFrame]:
    return flopsheet.compute(said.spec).frames
