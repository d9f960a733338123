"""Well-known models that ship with the package, each with the source of its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from flopsheet.records import NamedTuple
from flopsheet.yamlio import source
from flopsheet.yamlio.files import read_shipped


class LibraryModel(NamedTuple):
    """What a spec would say of the model, and where that comes from."""

    name: str
    source: str
    inputs: Mapping[str, Any]


@cache
def load_library() -> dict[str, LibraryModel]:
    """The models by name."""
    data = source.parse(read_shipped(__file__, "library.yaml"), "library.yaml").data
    assert isinstance(data, dict)
    return {
        name: LibraryModel(name, entry["source"], {key: value for key, value in entry.items() if key != "source"})
        for name, entry in data.items()
    }
