"""A table of texts, whatever it is written as."""

from __future__ import annotations

from flopsheet.records import frozen


@frozen
class Summary:
    """One table: its first `n_keys` columns name a row; `texts` are the columns that hold words."""

    title: str
    header: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    n_keys: int
    texts: frozenset[int]
    more: int = 0  # rows that were left out
