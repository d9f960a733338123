"""The bytes of files that a user names: read up to a bound (`-` is the standard input), written whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from flopsheet import errors
from flopsheet.errors import FileError


def read_bytes(path: str | os.PathLike[str], most: int) -> tuple[str, bytes]:
    """The file's name for messages, and at most one byte more than `most`; FileError where it cannot be read."""
    name = os.fspath(path)
    try:
        if name == "-":
            name = "<stdin>"
            return name, sys.stdin.buffer.read(most + 1)
        with open(name, "rb") as file:
            return name, file.read(most + 1)
    except OSError as error:
        raise FileError(errors.cannot_read(name, (error.strerror or str(error)).lower())) from None
    except AttributeError:  # sys.stdin is None
        raise FileError(errors.cannot_read(name, "it is closed")) from None
    except ValueError as error:  # a NUL in the path
        raise FileError(errors.cannot_read(name, str(error))) from None


def write_bytes(target: str | os.PathLike[str], data: bytes) -> None:
    """Writes beside the target and then puts it in its place, so that no half file is ever seen."""
    path = Path(target)
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a directory")
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError("it is read-only")
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as part:
            try:
                part.write(data)
                part.flush()
                os.fsync(part.fileno())
                part.close()
                os.chmod(part.name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
                os.replace(part.name, path)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise FileError(errors.cannot_write(str(target), error.strerror or str(error))) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
