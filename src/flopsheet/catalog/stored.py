"""What was built of the catalogue, kept the way Python keeps bytecode: to start faster, never to be relied on.

It stands in `__pycache__` beside this file, so it is trusted as the bytecode there is. It holds for the same texts, the
same code that reads them and the same Python; for anything else, and wherever it cannot be read, it is built anew.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import TypeVar

Built = TypeVar("Built")
PACKAGE = Path(__file__).parent.parent
READERS = ("source.py", "catalog/*.py", "formula/*.py", "errors/*.py")  # the code that decides what a text becomes


def stored(name: str, texts: Mapping[str, str], build: Callable[[Mapping[str, str]], Built]) -> Built:
    """What `build` makes of the texts, or a copy of what it made of the same ones before."""
    path, key = place(name), digest(texts)
    with suppress(Exception):  # a damaged file may raise anything; it is nobody's mistake, and built anew below
        content = path.read_bytes()
        if content.startswith(key):
            copy: Built = pickle.loads(content[len(key) :])
            return copy
    built = build(texts)
    if not sys.dont_write_bytecode:
        with suppress(OSError):  # a read-only or full disk
            write(path, key + pickle.dumps(built, pickle.HIGHEST_PROTOCOL))
    return built


def place(name: str) -> Path:
    """Where it is kept."""
    return Path(cache_from_source(__file__)).with_name(f"{name}.{sys.implementation.cache_tag}.pickle")


def digest(texts: Mapping[str, str]) -> bytes:
    """What tells one state of the texts, of the code and of Python from another."""
    found = hashlib.sha256(sys.version.encode())
    for name, text in texts.items():
        found.update(f"\n{name} {len(text)}\n{text}".encode())
    for path in (path for pattern in READERS for path in sorted(PACKAGE.glob(pattern))):
        found.update(path.read_bytes())
    return found.digest()


def write(path: Path, content: bytes) -> None:
    """Beside its place and then into it, since others may be reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
