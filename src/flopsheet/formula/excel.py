"""Backend 2: the text of a spreadsheet formula that computes the same double in the same order."""

from __future__ import annotations

from functools import lru_cache

from flopsheet.formula.brackets import needs_brackets
from flopsheet.formula.nodes import Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import FUNCTIONS, GATHERERS, OPERATORS, References
from flopsheet.numerics import SPREADSHEET_EXACT

MAX_LITERAL = 255  # Excel's longest text inside a formula
LONGEST_NUMBER = 20  # characters of a constant that is written without an exponent


def to_excel(node: Node, at: References) -> str:
    """The formula's text, without the leading equals sign."""
    return _text(node, at, {})


def _text(node: Node, at: References, known: dict[int, str]) -> str:
    # By kind, the most frequent first: patterns with fields take twice the time.
    if isinstance(node, Name):
        return at.cell(node[0])
    if isinstance(node, Operation):
        symbol, left, right = node
        if symbol == "&":
            return f"{_said(left, at, known, right=False)}&{_said(right, at, known, right=True)}"
        before = _bracketed(left, symbol, at, known, right=False)
        after = _bracketed(right, symbol, at, known, right=True)
        return f"{before}{OPERATORS[symbol].excel}{after}"
    if isinstance(node, Number):
        return number(node[0])
    if isinstance(node, Call):
        # A part that occurs again, such as the digits of a number, is spelled once; none goes while the whole is.
        text = known.get(id(node))
        if text is None:
            function, arguments = node
            text = FUNCTIONS[function].excel(*[_text(argument, at, known) for argument in arguments])
            known[id(node)] = text
        return text
    if isinstance(node, Text):
        return literal(node[0])
    if isinstance(node, Negative):
        # A spreadsheet's minus binds tighter than its power, and two signs in a row are hard to read.
        return f"-{_bracketed(node[0], '^', at, known, right=True)}"
    function, names = node
    return GATHERERS[function].excel(at, *names)


def _said(node: Node, at: References, known: dict[int, str], *, right: bool) -> str:
    """A part of a text; a spreadsheet writes 28.7 as the reader's language does, often 28,7: it gets its point back."""
    if _has_decimals(node):
        return f'SUBSTITUTE({_text(node, at, known)},MID(1/2,2,1),".")'
    return _bracketed(node, "&", at, known, right=right)


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


def _bracketed(node: Node, symbol: str, at: References, known: dict[int, str], *, right: bool) -> str:
    if isinstance(node, Name):  # as most parts are, and no rule brackets it
        return at.cell(node[0])
    text = _text(node, at, known)
    return f"({text})" if needs_brackets(node, symbol, "excel", right=right) else text


@lru_cache(1_000)  # of the same few: thousands of digits in sentences are spelled by 10 and 1/2
def number(value: float) -> str:
    """A constant as a spreadsheet reads it back to the same double.

    In plain digits where they are not many: HyperFormula, which computes in many web pages, doesn't read 1E-12.
    """
    if value == int(value) and abs(value) < SPREADSHEET_EXACT:
        return str(int(value))
    from decimal import Decimal  # which few formulas need, and each start takes time

    digits = format(Decimal(repr(value)), "f")
    return digits if len(digits) <= LONGEST_NUMBER else repr(value).upper()


def literal(text: str) -> str:
    """A text constant; longer ones are joined from pieces, since Excel's own limit is 255 characters."""
    if len(text) > MAX_LITERAL:
        pieces = [text[start : start + MAX_LITERAL] for start in range(0, len(text), MAX_LITERAL)]
        return f"({'&'.join(map(literal, pieces))})"
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
