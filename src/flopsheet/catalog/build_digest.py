"""Which build of flopsheet wrote a file: one hash of all that decides its numbers and where they stand.

A version number says it of releases; between two of them, and in a copy that somebody changed, this does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache

from flopsheet.catalog.cache import PACKAGE, SHARED, read_file

ROOMS = ("catalog", "formula", "pipeline", "spec", "workbook", "yamlio")
KINDS = (".py", ".yaml")


@cache
def build_digest() -> str:
    """The same for the same contents, wherever they are installed and whichever Python reads them."""
    found = hashlib.sha256()
    for path in _files():
        content = read_file(path)
        found.update(f"{os.path.relpath(path, PACKAGE)} {len(content)}\n".replace(os.sep, "/").encode())
        found.update(content)
    return found.hexdigest()


def _files() -> Iterator[str]:
    yield from (os.path.join(PACKAGE, name) for name in SHARED)
    for room in ROOMS:
        for folder, inner, names in os.walk(os.path.join(PACKAGE, room)):
            inner.sort()
            yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(KINDS))
