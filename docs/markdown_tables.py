"""Tables of the generated pages, and the note at their top."""

from __future__ import annotations

from collections.abc import Iterator

NOTE = "<!-- Written by `make docs` from the live definitions; do not edit. -->"


def table(header: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    yield from ("| " + " | ".join(row) + " |" for row in rows)
