"""Runs a command: a user's mistake ends in its message and an exit code, never in a traceback."""

from __future__ import annotations

import sys

import click

from flopsheet.cli.commands import commands
from flopsheet.errors import FlopsheetError

DONE, FINDINGS, USAGE, INTERRUPTED = 0, 1, 2, 130


def main() -> None:
    """The command that the arguments name, and its exit code."""
    try:
        code = commands.main(prog_name="flopsheet", standalone_mode=False)
    except FlopsheetError as error:
        click.echo(str(error), err=True)
        count = len(error.problems)
        if count > 1:
            click.echo(f"{count} problems", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(DONE)
    sys.exit(code if isinstance(code, int) else DONE)
