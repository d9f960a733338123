"""Backend 3: a formula as a person writes it: `2 · S · D²`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flopsheet.formula.arms import arms
from flopsheet.formula.language import MATCH, PRECEDENCE
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text

SYMBOLS = {
    "&": " & ",
    "==": " = ",
    "!=": " ≠ ",
    "<": " < ",
    "<=": " ≤ ",
    ">": " > ",
    ">=": " ≥ ",
    "+": " + ",
    "-": " − ",
    "*": " · ",
    "/": " / ",
}
assert SYMBOLS.keys() | {"^"} == PRECEDENCE.keys(), "an operation without a spelling"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def to_maths(
    node: Node,
    symbol_of: Callable[[str], str] = str,
    gathered: Callable[[str, tuple[str, ...]], str] | None = None,
) -> str:
    """The formula in mathematical spelling; `symbol_of` gives the letter, or the number, that stands for a name."""

    def visit(node: Node) -> str:
        match node:
            case Number(value):
                return shown(value)
            case Text(value):
                return value
            case Name(name):
                return symbol_of(name)
            case Negative(operand):
                return f"−{bracketed(operand, '^', right=True)}"
            case Operation("^", base, Number(exponent)) if exponent == int(exponent) and exponent >= 0:
                return bracketed(base, "^", right=False) + str(int(exponent)).translate(SUPERSCRIPTS)
            case Operation("^", base, exponent):
                return f"{bracketed(base, '^', right=False)}^{bracketed(exponent, '^', right=True)}"
            case Operation(symbol, left, right):
                return bracketed(left, symbol, right=False) + SYMBOLS[symbol] + bracketed(right, symbol, right=True)
            case Call("where", (condition, yes, no)):
                return f"({visit(yes)} if {visit(condition)}, else {visit(no)})"
            case Call(function) if function == MATCH:
                return f"({', '.join(matched(node))})"
            case Call("floor", (inside,)):
                return f"⌊{visit(inside)}⌋"
            case Call("ceil", (inside,)):
                return f"⌈{visit(inside)}⌉"
            case Call("abs", (inside,)):
                return f"|{visit(inside)}|"
            case Call(function, arguments):
                return f"{function}({', '.join(map(visit, arguments))})"
            case Aggregate(function, names):
                if gathered is not None:
                    return gathered(function, names)
                return f"{'Σ ' if function == 'sum' else function}{_listed(function, names, symbol_of)}"

    def matched(call: Call) -> Iterator[str]:
        chosen = f"{visit(call.arguments[0])} = "
        for choices, value in arms(call):
            yield f"{visit(value)} if {chosen}{' or '.join(map(visit, choices))}"
            chosen = ""

    def bracketed(node: Node, symbol: str, *, right: bool) -> str:
        text = visit(node)
        inner = _precedence(node, text)
        tighter = inner > PRECEDENCE[symbol]
        same = inner == PRECEDENCE[symbol] and not right and symbol != "^"
        return text if tighter or same else f"({text})"

    text = visit(node)
    whole = isinstance(node, Call) and node.function in {"where", MATCH}
    return text[1:-1] if whole else text


def _precedence(node: Node, text: str) -> int:
    """How tightly the outermost sign of a node's text binds."""
    match node:
        case Operation(symbol):
            return PRECEDENCE[symbol]
        case Negative():
            return 0
        case Number() | Name() | Aggregate():  # 10⁶, −5 and 3 + 4 can stand for them
            if text.startswith("−"):
                return 0
            if " + " in text:
                return PRECEDENCE["+"]
            if text.startswith("Σ") or text[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹":
                return PRECEDENCE["^"]
    return max(PRECEDENCE.values()) + 1


def _listed(function: str, names: tuple[str, ...], symbol_of: Callable[[str], str]) -> str:
    listed = ", ".join(map(symbol_of, names))
    return listed if function == "sum" else f"({listed})"


def shown(value: float) -> str:
    """A number for reading: thousands separators, powers of ten as powers, else up to 15 digits."""
    tens = int(f"{value:e}".partition("e")[2])
    if value == float(f"1e{tens}") and not -5 < tens < 6:
        return "10" + str(tens).translate(SUPERSCRIPTS)
    if value == int(value) and abs(value) < 2**53:
        return f"{int(value):,}".replace("-", "−")
    return f"{value:,.15g}".replace("-", "−")
