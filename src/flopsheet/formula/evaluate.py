"""Backend 1: the value of a formula, over plain numbers or over whole NumPy columns."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from flopsheet.formula.language import FUNCTIONS, PRECEDENCE
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text

Value: TypeAlias = Any  # float | str | bool, or an array of them
ValueOf: TypeAlias = Callable[[str], Value]
Gather: TypeAlias = Callable[[str, tuple[str, ...]], Value]
Functions: TypeAlias = Mapping[str, Callable[..., Value]]

OPERATORS: Functions = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def power(base: float, exponent: float) -> float:
    """A power where all programs agree: Python's (-8)^(1/3) is complex, a spreadsheet's -2; 0^0 is 1, or an error."""
    if base == exponent == 0 or (base < 0 and exponent % 1):
        raise ArithmeticError(f"{base}^{exponent} has no value")
    return float(base**exponent)


def as_text(value: float | str) -> str:
    """A value inside a sentence, as a spreadsheet's `&` writes it: 15 digits, no trailing zeros, no exponent."""
    return value if isinstance(value, str) else f"{Decimal(f'{value + 0.0:.15g}'):f}"


PLAIN: Functions = {
    **OPERATORS,
    "/": operator.truediv,
    "^": power,
    "&": lambda left, right: as_text(left) + as_text(right),
    "min": min,
    "max": max,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "abs": abs,
    "where": lambda condition, yes, no: yes if condition else no,
}
assert PLAIN.keys() == FUNCTIONS.keys() | PRECEDENCE.keys(), "an operation without a spelling"


def vectorised() -> Functions:
    """The operations over NumPy columns; what has no value is NaN or infinite, among constants too.

    The import waits until a column is to be computed.
    """
    import numpy as np

    def power(base: Value, exponent: Value) -> Value:
        result = np.asarray(base, dtype=np.float64) ** exponent
        return np.where((base == 0) & (exponent == 0), np.nan, result)

    def texts(value: Value) -> Value:
        if isinstance(value, str):
            return value
        items = np.atleast_1d(value)
        if items.dtype == object:
            return items
        distinct, which = np.unique(items, return_inverse=True)  # rounded numbers: few, and slow to spell
        return np.array([as_text(item) for item in distinct.tolist()], dtype=object)[which]

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
        **OPERATORS,
        "/": np.divide,
        "^": power,
        "&": lambda left, right: texts(left) + texts(right),
        "min": fold(np.minimum),
        "max": fold(np.maximum),
        "floor": np.floor,
        "ceil": np.ceil,
        "abs": np.abs,
        "where": where,
    }


def evaluate(
    node: Node,
    value_of: ValueOf,
    aggregate: Gather | None = None,
    functions: Functions = PLAIN,
) -> Value:
    """The node's value; `value_of` gives that of a name, `aggregate` that of a function over a finer grain.

    Operations run in the author's order, so that a spreadsheet that does the same gets the same double.
    """

    return _value(node, value_of, aggregate, functions)


def _value(node: Node, read: ValueOf, gather: Gather | None, functions: Functions) -> Value:
    # No function inside another, which would hold itself, and with it every column until Python looks for circles.
    match node:
        case Number(value) | Text(value):
            return value
        case Name(name):
            return read(name)
        case Negative(operand):
            return -_value(operand, read, gather, functions)
        case Operation(symbol, left, right):
            return functions[symbol](_value(left, read, gather, functions), _value(right, read, gather, functions))
        case Call("where", (condition, yes, no)):
            holds = _value(condition, read, gather, functions)
            if isinstance(holds, bool):  # like a spreadsheet, only the arm that counts: the other may divide by 0
                return _value(yes if holds else no, read, gather, functions)
            return functions["where"](holds, _value(yes, read, gather, functions), _value(no, read, gather, functions))
        case Call(function, arguments):
            return functions[function](*[_value(argument, read, gather, functions) for argument in arguments])
        case Aggregate(function, names):
            if gather is None:
                raise LookupError(f"{function}(…) has no rows to gather here")
            return gather(function, names)
