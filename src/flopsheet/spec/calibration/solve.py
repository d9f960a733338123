"""A few linear equations, without NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The x for which matrix · x = right, by elimination; the matrix is symmetric and positive definite."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for at, pivot in enumerate(rows):
        for row in rows[at + 1 :]:
            factor = row[at] / pivot[at]
            row[at:] = [value - factor * above for value, above in zip(row[at:], pivot[at:], strict=True)]
    found: list[float] = []
    for at in range(len(rows) - 1, -1, -1):
        known = fsum(value * x for value, x in zip(rows[at][at + 1 : -1], found, strict=True))
        found.insert(0, (rows[at][-1] - known) / rows[at][at])
    return found
