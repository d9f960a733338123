"""What was built of the catalogue, kept the way Python keeps bytecode: to start faster, never to be relied on.

It stands in `__pycache__` beside this file, so it is trusted as the bytecode there is. It holds for the same files, the
same code that reads them and the same Python; for anything else, and wherever it cannot be read, it is built anew.
Files and code are the same where their contents are: archives that unpack with one time for every file would make
sizes and times say so of what has changed.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import cache_from_source, source_hash
from pathlib import Path
from typing import TypeVar

Built = TypeVar("Built")
PACKAGE = Path(__file__).parent.parent
# The code that decides what a text becomes.
READERS = ("quantities.py", "records.py", "yamlio/*.py", "catalog/*.py", "formula/*.py", "diagnostics/*.py")


def load_or_build(name: str, files: Sequence[Path], build: Callable[[], Built]) -> Built:
    """What `build` makes of the files, or a copy of what it made of the same ones before."""
    path, key = place(name), state(files)
    with suppress(Exception):  # a damaged file may raise anything; it is nobody's mistake, and built anew below
        content = path.read_bytes()
        if content.startswith(key):
            copy: Built = pickle.loads(content[len(key) :])
            return copy
    built = build()
    if not sys.dont_write_bytecode:
        with suppress(OSError):  # a read-only or full disk
            write(path, key + smallest(pickle.dumps(built, pickle.HIGHEST_PROTOCOL)))
    return built


def smallest(pickled: bytes) -> bytes:
    """The same without the numbers that pickle gives to objects of which nothing is said again: read a third faster."""
    from pickletools import optimize

    return optimize(pickled)


def place(name: str) -> Path:
    """Where it is kept."""
    return Path(cache_from_source(__file__)).with_name(f"{name}.{sys.implementation.cache_tag}.pickle")


def state(files: Sequence[Path]) -> bytes:
    """What tells one state of the files, of the code and of Python from another."""
    code = [path for pattern in READERS for path in sorted(PACKAGE.glob(pattern))]
    parts = [sys.version.encode()]
    for path in (*files, *code):
        content = path.read_bytes()
        parts += (f"\n{path.name} {len(content)}\n".encode(), content)
    return source_hash(b"".join(parts))  # the hash that Python's own bytecode can be keyed by (PEP 552)


def write(path: Path, content: bytes) -> None:
    """Beside its place and then into it, since others may be reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
