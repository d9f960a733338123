"""The command line. Results go to stdout, everything else to stderr; pandas and openpyxl load only when needed."""

from flopsheet.cli.run import main

__all__ = ["main"]
