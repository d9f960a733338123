"""Building again whenever a spec is saved."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import click

from flopsheet.cli.findings import print_error
from flopsheet.diagnostics import FlopsheetError

PAUSE = 0.2  # seconds between two looks at the files

# Modification time, size and inode of a file; None where it is not there.
Stamp = tuple[int, int, int] | None


def rebuild_on_save(paths: Sequence[str], build: Callable[[], int]) -> int:
    """Builds now and after every change of a file, until Ctrl-C; a mistake is told, and the next save tries again."""
    try:
        while True:
            seen = stamps(paths)
            try:
                build()
            except FlopsheetError as error:
                print_error(error)
            click.echo(f"watching {', '.join(paths)} (Ctrl-C ends)", err=True)
            wait_for_change(paths, seen)
    except KeyboardInterrupt:
        click.echo("", err=True)
        return 0


def wait_for_change(paths: Sequence[str], seen: list[Stamp]) -> None:
    """Returns once the files differ from what was seen and stand still: an editor may write in several steps."""
    last = seen
    while True:
        time.sleep(PAUSE)
        now = stamps(paths)
        if now != seen and now == last and None not in now:
            return
        last = now


def stamps(paths: Sequence[str]) -> list[Stamp]:
    return [stamp(path) for path in paths]


def stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
