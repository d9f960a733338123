"""Files that take long to make and are alike in every process: the first that asks makes one for all of a session.

The processes of pytest-xdist share the folder, which the first of them makes and removes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Unix: each process then makes its own, and the last one stays
    fcntl = None  # type: ignore[assignment]

VARIABLE = "FLOPSHEET_TESTS_KEPT"


@contextlib.contextmanager
def folder_for_all() -> Iterator[None]:
    """A folder for this process and all that it starts, unless it was itself given one."""
    if VARIABLE in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="flopsheet-kept-", ignore_cleanup_errors=True) as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]


def kept(key: str, suffix: str, make: Callable[[Path], object]) -> Path:
    """The file of a key, which `make` writes where there is none; nobody may change it."""
    path = Path(os.environ[VARIABLE], hashlib.sha256(key.encode()).hexdigest()[:24] + suffix)
    if not path.exists():
        with _alone(path):
            if not path.exists():
                part = path.with_name(f"{os.getpid()}-{path.name}")
                make(part)
                part.replace(path)
    return path


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """No other process makes the same file meanwhile."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
