"""The bytes of a file that a user names, up to a bound; `-` is the standard input."""

from __future__ import annotations

import os
import sys

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
