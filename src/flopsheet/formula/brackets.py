"""Where a formula needs brackets: one rule for all writers, by the nodes and not by what was written of them."""

from __future__ import annotations

from flopsheet.formula.nodes import Aggregate, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import FUNCTIONS, GATHERERS, LOOSE, OPERATORS, POWER, TIGHT, Style

WORDS = Name, Text


def needs_brackets(part: Node, symbol: str, style: Style, *, right: bool) -> bool:
    """Whether a part stands in brackets beside an operator, at its right or at its left.

    A chain is read from the left, and a right operand of the same precedence is in brackets, so that no reader and no
    program has to know which way a chain is read. A spreadsheet reads 2^3^2 from the left, mathematics from the right:
    the parts of a power always get brackets. Texts may be joined in any order.
    """
    inner, outer = binding(part, style), OPERATORS[symbol].binds
    if inner == outer:
        return not _is_join(part) and (right or symbol == "^")
    return inner < outer


def binding(node: Node, style: Style) -> int:
    """How tightly the outermost sign of a node binds as a writer spells it."""
    if isinstance(node, WORDS):  # as most parts are
        return TIGHT
    if isinstance(node, Operation):
        return OPERATORS[node.symbol].binds
    if isinstance(node, Number):
        if node.value < 0:
            return LOOSE
        return POWER if style == "notation" and is_power_of_ten(node.value) else TIGHT
    if isinstance(node, Negative):
        return LOOSE
    if isinstance(node, Aggregate):
        return GATHERERS[node.function].binds.get(style, TIGHT)
    return FUNCTIONS[node.function].binds.get(style, TIGHT) if node.function in FUNCTIONS else TIGHT


def is_power_of_ten(value: float) -> bool:
    """Whether a number is written as a power of ten for reading: 10⁶ and 10⁻⁹, but 1,000 and 0.01."""
    tens = int(f"{value:e}".partition("e")[2])
    return value == float(f"1e{tens}") and not -5 < tens < 6


def _is_join(node: Node) -> bool:
    return isinstance(node, Operation) and node.symbol == "&"
