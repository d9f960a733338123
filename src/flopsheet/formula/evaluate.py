"""Backend 1: the value of a formula, over plain numbers or over whole NumPy columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import FUNCTIONS, OPERATORS, Value, as_text, computed

__all__ = ["PLAIN", "Functions", "Value", "as_text", "evaluate", "vectorised"]

ValueOf: TypeAlias = Callable[[str], Value]
Gather: TypeAlias = Callable[[str, tuple[str, ...]], Value]
Functions: TypeAlias = Mapping[str, Callable[..., Value]]

CONSTANTS = Number, Text  # a union would be made anew each time
PLAIN: Functions = computed((*OPERATORS.values(), *FUNCTIONS.values()))


@cache
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
    *,
    remember: bool = True,
) -> Value:
    """The node's value; `value_of` gives that of a name, `aggregate` that of a function over a finer grain.

    Operations run in the author's order, so that a spreadsheet that does the same gets the same double. A part that
    occurs again has its value already, unless that shall not be remembered: whole columns of millions would be held.
    """
    return _value(node, value_of, aggregate, functions, {} if remember else None)


def _value(
    node: Node, read: ValueOf, gather: Gather | None, functions: Functions, known: dict[int, Value] | None
) -> Value:
    # No function inside another, which would hold itself, and with it every column until Python looks for circles.
    # By kind, and parts by number: patterns take twice the time.
    if isinstance(node, Name):
        return read(node[0])
    if isinstance(node, CONSTANTS):
        return node[0]
    if known is None:
        return _computed(node, read, gather, functions, known)
    # Equal parts are one object; no part goes while its formula is computed, so that none gets the number of another.
    value = known.get(id(node))
    if value is None:
        value = known[id(node)] = _computed(node, read, gather, functions, known)
    return value


def _computed(
    node: Operation | Call | Negative | Aggregate,
    read: ValueOf,
    gather: Gather | None,
    functions: Functions,
    known: dict[int, Value] | None,
) -> Value:
    if isinstance(node, Operation):
        left, right = node[1], node[2]
        before = read(left[0]) if isinstance(left, Name) else _value(left, read, gather, functions, known)
        after = read(right[0]) if isinstance(right, Name) else _value(right, read, gather, functions, known)
        return functions[node[0]](before, after)
    if isinstance(node, Call):
        function, arguments = node[0], node[1]
        if function != "where":
            return functions[function](*[_value(part, read, gather, functions, known) for part in arguments])
        condition, yes, no = arguments
        holds = _value(condition, read, gather, functions, known)
        if isinstance(holds, bool):  # like a spreadsheet, only the arm that counts: the other may divide by 0
            return _value(yes if holds else no, read, gather, functions, known)
        one = _value(yes, read, gather, functions, known)
        return functions["where"](holds, one, _value(no, read, gather, functions, known))
    if isinstance(node, Negative):
        return -_value(node[0], read, gather, functions, known)
    function, names = node
    if gather is None:
        raise LookupError(f"{function}(…) has no rows to gather here")
    return gather(function, names)
