"""Specs for tests: from a text, or computed as frames."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
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


def frames_of_each(specs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, pd.DataFrame]]:
    """The frames of each of some specs that are alike but for their models and runs.

    They are computed as one study: one of twenty models takes as long as one of one. Columns that name a model have
    its number before it.
    """
    listed = [*specs]
    whole: dict[str, Any] = {key: value for key, value in listed[0].items() if key not in NAMED}
    for at, spec in enumerate(listed):
        assert {key: value for key, value in spec.items() if key not in NAMED} == {
            key: value for key, value in whole.items() if key not in NAMED
        }
        for key in NAMED & spec.keys():
            named = {_numbered(at, name): dict(said) for name, said in spec[key].items()}
            for said in named.values():
                said |= {
                    link: _numbered(at, said[link]) for link in LINKS & said.keys() if said[link] in spec["models"]
                }
            whole.setdefault(key, {}).update(named)
    frames = frames_of(whole)
    return [{grain: _own(frame, at) for grain, frame in frames.items()} for at in range(len(listed))]


def assert_alike(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Two frames have the same values, to the last bit, types and names.

    pandas' own assertion takes seconds for hundreds of columns; it says what differs where something does.
    """
    if not (one.equals(other) and one.index.names == other.index.names and one.columns.equals(other.columns)):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


NAMED, LINKS = {"models", "training", "serving"}, {"model", "extends"}


def _numbered(at: int, name: str) -> str:
    return f"{at} {name}"


def _own(frame: pd.DataFrame, at: int) -> pd.DataFrame:
    """The rows of one of the studies that were computed together, under the names that it gives them."""
    level = next((name for name in ("run", "model") if name in frame.index.names), None)
    if level is None:
        return frame
    prefix = _numbered(at, "")
    own = frame[frame.index.get_level_values(level).str.startswith(prefix)]
    return own.rename(index=lambda name: name.removeprefix(prefix), level=level if own.index.nlevels > 1 else None)
