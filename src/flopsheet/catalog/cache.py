"""What was built of the catalogue, kept the way Python keeps bytecode: to start faster, never to be relied on.

It stands in `__pycache__` beside this file, so it is trusted as the bytecode there is. It holds for the same files, the
same code that reads them and the same Python; for anything else, and wherever it cannot be read, it is built anew.
Files and code are the same where their contents are: archives that unpack with one time for every file would make
sizes and times say so of what has changed. Paths are text here: pathlib takes longer to import than all this to do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import cache_from_source, source_hash
from typing import TypeVar

try:
    from _pickle import loads  # CPython's own: the module around it takes as long to import as the copy to read
except ImportError:
    from pickle import loads

Built = TypeVar("Built")
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHARED = ("numerics.py", "quantities.py", "records.py")  # what every room reads
# Where the code stands that decides what a text becomes.
ROOMS = ("yamlio", "catalog", "formula", "diagnostics")


def load_or_build(name: str, files: Sequence[str], build: Callable[[], Built]) -> Built:
    """What `build` makes of the files, or a copy of what it made of the same ones before."""
    path, key = place(name), state(files)
    with suppress(Exception):  # a damaged file may raise anything; it is nobody's mistake, and built anew below
        content = read_file(path)
        if content.startswith(key):
            copy: Built = loads(content[len(key) :])
            return copy
    built = build()
    if not sys.dont_write_bytecode:
        with suppress(OSError):  # a read-only or full disk
            write_beside(path, key + pickled(built))
    return built


def pickled(built: object) -> bytes:
    """Without the numbers that pickle gives to objects of which nothing is said again: read a third faster."""
    import pickle
    from pickletools import optimize

    return optimize(pickle.dumps(built, pickle.HIGHEST_PROTOCOL))


def place(name: str) -> str:
    """Where it is kept."""
    folder = os.path.dirname(cache_from_source(__file__))
    return os.path.join(folder, f"{name}.{sys.implementation.cache_tag}.pickle")


def code() -> list[str]:
    """The files of that code."""
    folders = [PACKAGE, *(os.path.join(PACKAGE, room) for room in ROOMS)]
    names = [(folder, name) for folder in folders if os.path.isdir(folder) for name in sorted(os.listdir(folder))]
    return [
        os.path.join(folder, name)
        for folder, name in names
        if name.endswith(".py") and (folder != PACKAGE or name in SHARED)
    ]


def state(files: Sequence[str]) -> bytes:
    """What tells one state of the files, of the code and of Python from another."""
    parts = [sys.version.encode()]
    for path in (*files, *code()):
        content = read_file(path)
        parts += (f"\n{os.path.basename(path)} {len(content)}\n".encode(), content)
    return source_hash(b"".join(parts))  # the hash that Python's own bytecode can be keyed by (PEP 552)


def read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write_beside(path: str, content: bytes) -> None:
    """Beside its place and then into it, since others may be reading."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{os.getpid()}"
    try:
        with open(part, "wb") as file:
            file.write(content)
        os.replace(part, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(part)
