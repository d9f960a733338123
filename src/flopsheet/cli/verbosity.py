"""How much a command says besides its result: progress with --verbose, nothing with --quiet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from flopsheet.records import frozen


@frozen
class Verbosity:
    """What the flags of a command ask for; --quiet wins."""

    quiet: bool = False
    verbose: bool = False

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """With --verbose, one line on stderr about a step once it is done, and how long it took."""
        began = time.perf_counter()
        yield
        if self.verbose and not self.quiet:
            click.echo(f"{what}: {time.perf_counter() - began:.2f} s", err=True)
