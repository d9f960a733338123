"""Backend 3: a formula as a person writes it: `2 · S · D²`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flopsheet.formula.arms import arms
from flopsheet.formula.brackets import is_power_of_ten, needs_brackets
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import FUNCTIONS, GATHERERS, OPERATORS
from flopsheet.formula.vocabulary import MATCH
from flopsheet.numerics import EXACT

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def to_notation(node: Node, symbol_of: Callable[[str], str] = str) -> str:
    """The formula in mathematical spelling; `symbol_of` gives the letter that stands for a name."""

    def visit(node: Node) -> str:
        match node:
            case Number(value):
                return format_number(value)
            case Text(value):
                return value
            case Name(name):
                return symbol_of(name)
            case Negative(operand):
                return f"−{bracketed(operand, '^', right=True)}"
            case Operation("^", base, exponent):
                return bracketed(base, "^", right=False) + (
                    _superscript(exponent) or f"^{bracketed(exponent, '^', right=True)}"
                )
            case Operation(symbol, left, right):
                return (
                    bracketed(left, symbol, right=False)
                    + OPERATORS[symbol].notation
                    + bracketed(right, symbol, right=True)
                )
            case Call(function) if function == MATCH:
                return f"({', '.join(matched(node))})"
            case Call(function, arguments) if function in FUNCTIONS:
                return FUNCTIONS[function].notation(*map(visit, arguments))
            case Call(function, arguments):  # of the catalogue
                return f"{function}({', '.join(map(visit, arguments))})"
            case Aggregate(function, names):
                return GATHERERS[function].notation(*map(symbol_of, names))

    def matched(call: Call) -> Iterator[str]:
        chosen = f"{visit(call.arguments[0])} = "
        for choices, value in arms(call):
            yield f"{visit(value)} if {chosen}{' or '.join(map(visit, choices))}"
            chosen = ""

    def bracketed(node: Node, symbol: str, *, right: bool) -> str:
        text = visit(node)
        return f"({text})" if needs_brackets(node, symbol, "notation", right=right) else text

    text = visit(node)
    whole = isinstance(node, Call) and node.function in {"where", MATCH}
    return text[1:-1] if whole else text


def _superscript(exponent: Node) -> str:
    """A whole exponent as raised digits; nothing for any other."""
    if isinstance(exponent, Number) and exponent.value == int(exponent.value) and exponent.value >= 0:
        return str(int(exponent.value)).translate(SUPERSCRIPTS)
    return ""


def format_number(value: float) -> str:
    """A number for reading: thousands separators, powers of ten as powers, else up to 15 digits."""
    if is_power_of_ten(value):
        return "10" + str(int(f"{value:e}".partition("e")[2])).translate(SUPERSCRIPTS)
    if value == int(value) and abs(value) < EXACT:
        return f"{int(value):,}".replace("-", "−")
    return f"{value:,.15g}".replace("-", "−")
