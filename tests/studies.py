"""Specs for tests: from a text, or computed as frames."""

from __future__ import annotations

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


def frames_of(spec: str | os.PathLike[str] | Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """One DataFrame per grain of a computed spec."""
    return flopsheet.compute(spec).frames
