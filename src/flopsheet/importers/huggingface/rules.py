"""The expressions of families.yaml: arithmetic over keys, and over what lists say of one layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from inspect import signature
from typing import Any

from flopsheet.formula import evaluate, names, parse
from flopsheet.formula.evaluate import PLAIN
from flopsheet.formula.nodes import Node

# What the formulas of the catalogue need not know.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "rest": lambda a, b: a % b,
    "both": lambda a, b: bool(a) and bool(b),
    "either": lambda a, b: bool(a) or bool(b),
    "no": lambda a: not a,
    "up_to_multiple": lambda a, b: -(-a // b) * b,
}
ARGUMENTS = {name: len(signature(function).parameters) for name, function in FUNCTIONS.items()}

INNER = re.compile(r"(?<=[a-z])\.(?=[a-z])")  # the dot of mapping.key, which a formula does not know
DOT = "__"


@cache
def parsed(rule: str) -> Node:
    return parse(INNER.sub(DOT, rule), None, "families.yaml", ARGUMENTS)


@cache
def read_by(rule: str) -> frozenset[str]:
    """The names that a rule reads."""
    return frozenset(name.replace(DOT, ".") for name in names(parsed(rule)))


def value(rule: str, value_of: Callable[[str], Any]) -> Any:
    """What an expression gives: a number, whether something holds, or a word."""
    return evaluate(parsed(rule), lambda name: value_of(name.replace(DOT, ".")), functions={**PLAIN, **FUNCTIONS})
