"""Runs a command: a user's mistake ends in its message and an exit code, never in a traceback."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TextIO

import click

from flopsheet.cli.commands import commands
from flopsheet.cli.findings import print_error
from flopsheet.diagnostics import FlopsheetError

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
            stream.reconfigure(errors="backslashreplace")  # as JSON spells it, too
        else:
            stream.reconfigure(encoding="utf-8")
    return stream
