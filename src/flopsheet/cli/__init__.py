"""The command line. Results go to stdout, everything else to stderr; pandas and openpyxl load only when needed."""

from __future__ import annotations

import atexit
import gc

__all__ = ["main"]


def main() -> None:
    """The command that the arguments name, and its exit code."""
    # A command makes hundreds of thousands of objects and drops few: looking for cycles among them costs a fifth of it,
    # from its imports on, and once more when Python ends, unless all that is left is set aside.
    gc.set_threshold(1_000_000, 20, 100)
    atexit.register(gc.freeze)
    from flopsheet.cli.run import run

    run()
