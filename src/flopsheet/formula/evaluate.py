"""Backend 1: the value of a formula, over plain numbers or over whole NumPy columns."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from flopsheet.formula.language import FUNCTIONS, PRECEDENCE
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text

Value: TypeAlias = Any  # float | str | bool, or an array of them
Functions: TypeAlias = Mapping[str, Callable[..., Value]]

PLAIN: Functions = {
    "min": min,
    "max": max,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "abs": abs,
    "where": lambda condition, yes, no: yes if condition else no,
    "&": lambda left, right: as_text(left) + as_text(right),
}

OPERATORS: Functions = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
assert PLAIN.keys() | OPERATORS.keys() == FUNCTIONS.keys() | PRECEDENCE.keys(), "an operation without a spelling"


def as_text(value: float | str) -> str:
    """A value inside a sentence, as a spreadsheet's `&` writes it: 15 digits, no trailing zeros."""
    return value if isinstance(value, str) else f"{value + 0.0:.15g}"


def vectorised() -> Functions:
    """The functions over NumPy columns; the import waits until a column is to be computed."""
    import numpy as np

    def texts(value: Value) -> Value:
        if isinstance(value, str):
            return value
        return np.array([as_text(item) for item in np.atleast_1d(value)], dtype=object)

    def fold(pairwise: Callable[[Value, Value], Value]) -> Callable[..., Value]:
        def folded(*arguments: Value) -> Value:
            result = arguments[0]
            for argument in arguments[1:]:
                result = pairwise(result, argument)
            return result

        return folded

    def where(condition: Value, yes: Value, no: Value) -> Value:
        if isinstance(yes, str):
            yes = np.array(yes, dtype=object)
        if isinstance(no, str):
            no = np.array(no, dtype=object)
        return np.where(condition, yes, no)

    return {
        "min": fold(np.minimum),
        "max": fold(np.maximum),
        "floor": np.floor,
        "ceil": np.ceil,
        "abs": np.abs,
        "where": where,
        "&": lambda left, right: texts(left) + texts(right),
    }


def evaluate(
    node: Node,
    value_of: Callable[[str], Value],
    aggregate: Callable[[str, tuple[str, ...]], Value] | None = None,
    functions: Functions = PLAIN,
) -> Value:
    """The node's value; `value_of` gives that of a name, `aggregate` that of a function over a finer grain.

    Operations run in the author's order, so that a spreadsheet that does the same gets the same double.
    """

    def visit(node: Node) -> Value:
        match node:
            case Number(value) | Text(value):
                return value
            case Name(name):
                return value_of(name)
            case Negative(operand):
                return -visit(operand)
            case Operation("&", left, right):
                return functions["&"](visit(left), visit(right))
            case Operation(symbol, left, right):
                return OPERATORS[symbol](visit(left), visit(right))
            case Call(function, arguments):
                return functions[function](*map(visit, arguments))
            case Aggregate(function, names):
                if aggregate is None:
                    raise LookupError(f"{function}(…) has no rows to gather here")
                return aggregate(function, names)

    return visit(node)
