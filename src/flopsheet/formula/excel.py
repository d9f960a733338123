"""Backend 2: the text of a spreadsheet formula that computes the same double in the same order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flopsheet.formula.language import AGGREGATES, FUNCTIONS, PRECEDENCE
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text

MAX_LITERAL = 255  # Excel's longest text inside a formula


class References(Protocol):
    """Where names stand in the workbook."""

    def cell(self, name: str) -> str:
        """The reference of a name in the formula's own column: `F12`."""

    def range(self, name: str) -> str:
        """The reference of all cells of a name one grain finer: `F12:H12`."""

    def first(self, name: str) -> str:
        """The reference of the first of them."""


SYMBOLS = {symbol: {"==": "=", "!=": "<>"}.get(symbol, symbol) for symbol in PRECEDENCE}

CALLS: dict[str, Callable[..., str]] = {
    "min": lambda *arguments: f"MIN({','.join(arguments)})",
    "max": lambda *arguments: f"MAX({','.join(arguments)})",
    "floor": lambda x: f"INT({x})",
    "ceil": lambda x: f"-INT(-({x}))",  # ROUNDUP goes away from zero, CEILING differs between programs
    "abs": lambda x: f"ABS({x})",
    "where": lambda condition, yes, no: f"IF({condition},{yes},{no})",
}

GATHERED: dict[str, Callable[..., str]] = {
    "sum": lambda at, x: f"SUM({at.range(x)})",
    "first": lambda at, x: at.first(x),
    "at_min": lambda at, key, x: f"INDEX({at.range(x)},MATCH(MIN({at.range(key)}),{at.range(key)},0))",
    "at_max": lambda at, key, x: f"INDEX({at.range(x)},MATCH(MAX({at.range(key)}),{at.range(key)},0))",
}
assert CALLS.keys() == FUNCTIONS.keys() and GATHERED.keys() == AGGREGATES.keys(), "an operation without a spelling"


def to_excel(node: Node, at: References) -> str:
    """The formula's text, without the leading equals sign."""
    match node:
        case Number(value):
            return number(value)
        case Text(value):
            return literal(value)
        case Name(name):
            return at.cell(name)
        case Negative(operand):
            # A spreadsheet's minus binds tighter than its power, and two signs in a row are hard to read.
            return f"-{_bracketed(operand, '^', at, right=True)}"
        case Operation("&", left, right):
            return f"{_said(left, at, right=False)}&{_said(right, at, right=True)}"
        case Operation(symbol, left, right):
            before, after = _bracketed(left, symbol, at, right=False), _bracketed(right, symbol, at, right=True)
            return f"{before}{SYMBOLS[symbol]}{after}"
        case Call(function, arguments):
            return CALLS[function](*(to_excel(argument, at) for argument in arguments))
        case Aggregate(function, names):
            return GATHERED[function](at, *names)


def _said(node: Node, at: References, *, right: bool) -> str:
    """A part of a text; a spreadsheet writes 28.7 as the reader's language does, often 28,7: it gets its point back."""
    if _has_decimals(node):
        return f'SUBSTITUTE({to_excel(node, at)},MID(1/2,2,1),".")'
    return _bracketed(node, "&", at, right=right)


def _has_decimals(node: Node) -> bool:
    """Whether it may be a number that is not whole; a name that stands alone in a text is that of a text."""
    match node:
        case Number(value):
            return value != int(value)
        case Operation("/" | "^"):
            return True
        case Operation("+" | "-" | "*", left, right):
            parts: tuple[Node, ...] = (left, right)
        case Negative(operand):
            parts = (operand,)
        case Call("min" | "max" | "abs", parts):
            pass
        case Call("where", (_, yes, no)):
            return _has_decimals(yes) or _has_decimals(no)
        case _:
            return False
    return any(isinstance(part, Name) or _has_decimals(part) for part in parts)


def _bracketed(node: Node, symbol: str, at: References, *, right: bool) -> str:
    text = to_excel(node, at)
    match node:
        case Operation(inner) if symbol == "&" == inner:
            return text
        case Operation(inner):
            tighter = PRECEDENCE[inner] > PRECEDENCE[symbol]
            # A spreadsheet reads 2^3^2 from the left, mathematics from the right: a power's parts always get brackets.
            same = PRECEDENCE[inner] == PRECEDENCE[symbol] and not right and symbol != "^"
            return text if tighter or same else f"({text})"
        case Negative() | Call("ceil"):
            return f"({text})"
    return text


def number(value: float) -> str:
    """A constant as a spreadsheet reads it back to the same double."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value).upper()


def literal(text: str) -> str:
    """A text constant; longer ones are joined from pieces, since Excel's own limit is 255 characters."""
    pieces = [text[start : start + MAX_LITERAL] for start in range(0, len(text), MAX_LITERAL)] or [""]
    joined = "&".join('"' + piece.replace('"', '""') + '"' for piece in pieces)
    return joined if len(pieces) == 1 else f"({joined})"
