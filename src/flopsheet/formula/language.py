"""The vocabulary of formulas: operators with their precedence, functions with their arguments."""

from __future__ import annotations

# Higher binds tighter. Every operation with a right operand of the same precedence is written with brackets, so that
# no reader and no program has to know which way a chain of them is read.
PRECEDENCE = {
    "==": 1,
    "!=": 1,
    "<": 1,
    "<=": 1,
    ">": 1,
    ">=": 1,
    "&": 2,  # joins texts; only sentences use it
    "+": 3,
    "-": 3,
    "*": 4,
    "/": 4,
    "^": 5,
}
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
SAME_UNIT = COMPARISONS | {"+", "-"}

MOST_DIGITS = 15  # of a constant; a spreadsheet cuts off further ones without a word
SMALLEST, LARGEST = 1e-300, 1e300  # of a constant; as of every number in a spec

# Function -> least and most arguments.
FUNCTIONS: dict[str, tuple[int, int]] = {
    "min": (2, 30),
    "max": (2, 30),
    "floor": (1, 1),
    "ceil": (1, 1),
    "abs": (1, 1),
    "where": (3, 3),  # where(condition, value if it holds, value if not)
}

# Functions of metrics of a finer grain -> number of names.
AGGREGATES: dict[str, int] = {
    "sum": 1,
    "first": 1,  # first(x): x in the first row below this one
    "at_min": 2,  # at_min(key, x): x in that row below this one where key is least (the first of equals)
    "at_max": 2,
}

# match(choice, a: x, b | c: y): the value of the choice's arm; the catalogue expands it to where, once it has seen that
# every choice has an arm.
MATCH = "match"

# Shorthands that the catalogue spells out in the terms above; they give a text.
WORDS: dict[str, tuple[int, int]] = {
    "largest": (2, 12),  # largest(a, b, …): the label of the largest
    "trend": (2, 2),  # trend(before, after): rises, falls, stays
}
