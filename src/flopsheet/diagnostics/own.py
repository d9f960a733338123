"""Wording: inputs and metrics that a spec defines itself."""

from __future__ import annotations

import re

from flopsheet.diagnostics.problem import Finding, shown
from flopsheet.diagnostics.values import kind_of

NAME = re.compile(r"[a-z][a-z0-9_]*")
MOST = 60


def own_name_problem(value: object) -> Finding | None:
    if not isinstance(value, str):
        return f"{kind_of(value)} is not a name", "write small letters, digits and _"
    if not NAME.fullmatch(value) or len(value) > MOST:
        return f"'{shown(value)}' is not a name", f"write small letters, digits and _, {MOST} at most"
    return None


def own_choice_problem(value: object) -> Finding | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return f"{kind_of(value)} is neither a word nor a whole number", "write words such as low, or whole numbers"
    if isinstance(value, str) and (not NAME.fullmatch(value) or len(value) > 20):
        return f"'{shown(value)}' is not a word", "write small letters, digits and _, 20 at most"
    return None


def own_default_problem(value: object) -> Finding | None:
    if isinstance(value, bool | int | float | str):
        return None
    return f"{kind_of(value)} is no value of an input", "write a number, an expression or a choice"


def name_is_built_in(name: str, kind: str) -> Finding:
    return f"'{name}' is a built-in {kind}", "choose another name"


def name_is_reserved(name: str) -> Finding:
    return f"'{name}' has a meaning in specs or formulas already", "choose another name"


def name_is_taken(name: str) -> Finding:
    return f"the spec already defines '{name}'", "choose another name"


def least_above_most() -> Finding:
    return "least is more than most", "exchange the two"


def bounds_and_choices(key: str) -> Finding:
    return f"the choices already say what is possible, and so does {key}", "keep one of the two"


def words_need_text() -> Finding:
    return "choices that are words have the unit text", "write unit: text"


def text_needs_words() -> Finding:
    return "an input of unit text needs choices", "write choices: [low, high], or another unit"


def too_long_for_a_cell(length: int, most: int) -> Finding:
    return f"the formula would take {length:,} characters of a cell, which holds {most:,}", "split it into metrics"


def too_deep_for_a_cell(depth: int, most: int) -> Finding:
    return f"the formula would nest {depth} functions in a cell, which allows {most}", "split it into metrics"


def gathers_no_range(function: str, grain: str, finer: str) -> Finding:
    fact = f"{function}(…) over the {finer} rows of a {grain}, which do not stand side by side"
    return fact, "use sum(…), or gather at grain context or study"


def gathers_too_many(count: int, most: int) -> Finding:
    return f"a sum over {count:,} context lengths", f"{most} are the most in one formula; sum at grain context or study"


def mixed_choices() -> Finding:
    return "the choices are words and numbers", "write words only, or numbers only"


def missing_of_study(name: str) -> Finding:
    """An input of the spec's own, of the whole study, that nobody gives a value."""
    return f"{name} has no value", f"write {name}: … at the top of the spec, or give it a default"
