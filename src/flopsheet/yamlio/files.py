"""The bytes of a file that a user names, read up to a bound, written in one step; `-` is the standard input."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from flopsheet import diagnostics
from flopsheet.diagnostics import FileError, Problem

if TYPE_CHECKING:
    from pathlib import Path


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
        raise FileError(diagnostics.cannot_read(name, (error.strerror or str(error)).lower())) from None
    except AttributeError:  # sys.stdin is None
        raise FileError(diagnostics.cannot_read(name, "it is closed")) from None
    except ValueError as error:  # a NUL in the path
        raise FileError(diagnostics.cannot_read(name, str(error))) from None


def read_shipped(module: str, *names: str) -> str:
    """The text of a file that ships with a module, below the folder of its `__file__`.

    Without pathlib, which takes longer to import than a mistake to be told.
    """
    with open(os.path.join(os.path.dirname(module), *names), encoding="utf-8") as file:
        return file.read()


def study_name(path: str | os.PathLike[str]) -> str:
    """What a study is called after its file: `gpt2` of `specs/gpt2.yaml`, as pathlib's `stem`; `spec` of stdin."""
    if os.fspath(path) == "-":
        return "spec"
    name = os.path.basename(os.fspath(path))
    stem, _, suffix = name.rpartition(".")
    return stem if stem and suffix else name


def write_bytes(target: str | os.PathLike[str], data: bytes, *, replace: bool = True) -> None:
    """Writes a whole file in one step; FileError. Without `replace` a file that is there stays, and is an error."""
    with replacing(target, replace=replace) as file:
        file.write(data)


@contextmanager
def replacing(target: str | os.PathLike[str], *, replace: bool = True) -> Iterator[IO[bytes]]:
    """A file to be written piece by piece beside the target, which takes its place once it is complete; FileError.

    So no half file is ever seen. Without `replace` a file that is there stays, and is an error.
    """
    import tempfile  # with all that they load, only where something is written
    from pathlib import Path

    name = os.fspath(target)
    try:
        path = Path(os.path.realpath(name))  # a link stays one, and what it leads to is replaced
    except ValueError as error:  # a NUL in the path
        raise FileError(_cannot_write(name, error)) from None
    try:
        if path.is_dir():
            raise OSError(errno.EISDIR, "it is a directory")
        if not replace and path.exists():
            raise FileExistsError
        if path.exists() and not os.access(path, os.W_OK):
            raise OSError(errno.EACCES, "it is read-only")
        if path.exists() and not path.is_file():
            raise OSError(errno.ENODEV, "it is not a regular file")
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with open(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(handle)
            os.chmod(part, mode)
            if replace:
                os.replace(part, path)
            else:
                _claim(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise FileError(diagnostics.already_there(name)) from None
    except OSError as error:
        raise FileError(_cannot_write(name, error)) from None


def are_one(path: str, other: str) -> bool:
    """Whether two paths lead to one file."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def make_folder(folder: str | os.PathLike[str]) -> None:
    """The folder, and those above it, where they are not there yet; FileError."""
    from pathlib import Path

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise FileError(diagnostics.cannot_write(os.fspath(folder), "it is not a folder", errno.EEXIST)) from None
    except (OSError, ValueError) as error:  # a NUL in the path
        raise FileError(_cannot_write(os.fspath(folder), error)) from None


def _cannot_write(name: str, error: OSError | ValueError) -> Problem:
    reason = getattr(error, "strerror", None) or str(error)
    return diagnostics.cannot_write(name, reason.lower(), getattr(error, "errno", None))


def _claim(part: str, path: Path) -> None:
    """Gives a finished file its name unless another process took it meanwhile."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name was free a moment ago
        os.replace(part, path)
    else:
        os.unlink(part)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
