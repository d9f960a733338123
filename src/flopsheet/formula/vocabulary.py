"""The vocabulary of formulas: what may be written, with how many arguments, and within which bounds."""

from __future__ import annotations

from flopsheet.formula import operators
from flopsheet.formula.operators import COMPARISON, OPERATORS

COMPARISONS = frozenset(symbol for symbol, row in OPERATORS.items() if row.binds == COMPARISON)
SAME_UNIT = COMPARISONS | {"+", "-"}

MOST_DIGITS = 15  # of a constant; a spreadsheet cuts off further ones without a word

# Function -> least and most arguments; function of metrics of a finer grain -> number of names.
FUNCTIONS: dict[str, tuple[int, int]] = {
    name: (row.least, row.most) for name, row in operators.FUNCTIONS.items() if name != operators.ABSENT
}
AGGREGATES: dict[str, int] = {name: row.count for name, row in operators.GATHERERS.items()}

# match(choice, a: x, b | c: y): the value of the choice's arm; the catalogue expands it to where, once it has seen that
# every choice has an arm.
MATCH = "match"

# Shorthands that the catalogue spells out in the terms above; they give a text.
WORDS: dict[str, tuple[int, int]] = {
    "largest": (2, 12),  # largest(a, b, …): the label of the largest
    "trend": (2, 2),  # trend(before, after): rises, falls, stays
    "shift": (2, 2),  # shift(before, after): rises from 9.2 % to 61.8 %, or stays at 16.7 %
}
