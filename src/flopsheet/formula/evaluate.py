"""Backend 1: the value of a formula, over plain numbers or over whole NumPy columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import FUNCTIONS, OPERATORS, Value, as_text, computed

__all__ = ["PLAIN", "Functions", "Value", "as_text", "evaluate", "vectorised"]

ValueOf: TypeAlias = Callable[[str], Value]
Gather: TypeAlias = Callable[[str, tuple[str, ...]], Value]
Functions: TypeAlias = Mapping[str, Callable[..., Value]]

PLAIN: Functions = computed((*OPERATORS.values(), *FUNCTIONS.values()))


def vectorised() -> Functions:
    """The operations over NumPy columns; what has no value is NaN or infinite, among constants too.

    The import waits until a column is to be computed.
    """
    import numpy as np

    return computed((*OPERATORS.values(), *FUNCTIONS.values()), np)


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
        case Name():
            return read(node[0])
        case Operation():
            symbol, left, right = node
            return functions[symbol](_value(left, read, gather, functions), _value(right, read, gather, functions))
        case Number() | Text():
            return node[0]
        case Call():
            function, arguments = node
            if function != "where":
                return functions[function](*[_value(argument, read, gather, functions) for argument in arguments])
            condition, yes, no = arguments
            holds = _value(condition, read, gather, functions)
            if isinstance(holds, bool):  # like a spreadsheet, only the arm that counts: the other may divide by 0
                return _value(yes if holds else no, read, gather, functions)
            return functions["where"](holds, _value(yes, read, gather, functions), _value(no, read, gather, functions))
        case Negative():
            return -_value(node[0], read, gather, functions)
        case Aggregate():
            function, names = node
            if gather is None:
                raise LookupError(f"{function}(…) has no rows to gather here")
            return gather(function, names)
