"""Backend 4: a formula in its own language again, as a spec says it: `4 * d_model`."""

from __future__ import annotations

from flopsheet.formula.arms import arms
from flopsheet.formula.brackets import needs_brackets
from flopsheet.formula.excel import number
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.vocabulary import MATCH


def to_text(node: Node) -> str:
    """The text that `parse` reads as these nodes."""
    match node:
        case Number(value):
            return number(value)
        case Name(name) | Text(name):
            return name
        case Negative(operand):
            return f"-{_bracketed(operand, '^', right=True)}"
        case Operation(symbol, left, right):
            return f"{_bracketed(left, symbol, right=False)} {symbol} {_bracketed(right, symbol, right=True)}"
        case Call(function, (chosen, *_)) if function == MATCH:
            listed = (f"{' | '.join(map(to_text, choices))}: {to_text(value)}" for choices, value in arms(node))
            return f"{function}({', '.join((to_text(chosen), *listed))})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(to_text, arguments))})"
        case Aggregate(function, names):
            return f"{function}({', '.join(names)})"


def _bracketed(node: Node, symbol: str, *, right: bool) -> str:
    text = to_text(node)
    return f"({text})" if needs_brackets(node, symbol, "text", right=right) else text
