"""Runs a command: a user's mistake ends in its message and an exit code, never in a traceback."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from typing import TextIO

import click

from flopsheet.cli.commands import commands
from flopsheet.cli.findings import print_error
from flopsheet.diagnostics import FlopsheetError

AS_JSON = "flopsheet.as-json"  # what becomes of letters that an encoding lacks
DONE, USAGE, INTERRUPTED = 0, 2, 130


def run() -> None:
    """The command that the arguments name, and its exit code."""
    sys.stdout, sys.stderr = map(_fit, (sys.stdout, sys.stderr))
    try:
        code = commands.main(prog_name="flopsheet", standalone_mode=False)
        sys.stdout.flush()
    except FlopsheetError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(DONE)
    except OSError as error:
        if error.filename is not None or error.errno not in {errno.ENOSPC, errno.EIO, errno.EDQUOT}:
            raise
        click.echo(f"cannot write to stdout: {(error.strerror or str(error)).lower()}", err=True)
        os._exit(USAGE)  # leaving in the usual way would try to write what is left once more
    sys.exit(code if isinstance(code, int) else DONE)


def _fit(stream: TextIO | None) -> TextIO:
    """What goes into a pipe is UTF-8, as all our files are; what a terminal or a wish cannot show is replaced.

    Elsewhere than on UTF-8 systems, such as Windows with its output redirected, `QKᵀ` would end in a traceback.
    """
    if stream is None:  # closed by >&-; a file that is opened later would take its place
        return open(os.devnull, "w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        if stream.isatty():
            stream.reconfigure(errors="replace")
        elif "PYTHONIOENCODING" in os.environ:
            codecs.register_error(AS_JSON, _as_json)
            stream.reconfigure(errors=AS_JSON)
        else:
            stream.reconfigure(encoding="utf-8")
    return stream


def _as_json(error: UnicodeError) -> tuple[str, int]:
    """Letters as JSON spells them, in UTF-16: Python's `\\xe9` and `\\U0001f999` are no JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end
