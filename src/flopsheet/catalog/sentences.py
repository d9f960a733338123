"""A sentence with values in it, as a formula: texts and values joined, numbers spelled digit by digit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce

from flopsheet import numerics
from flopsheet.catalog.refusals import Refuse, refuse_ours
from flopsheet.formula.nodes import Call, Name, Node, Number, Operation, Text, with_parts
from flopsheet.formula.parse import parse

PLACEHOLDER = r"\{([^{}:]+)(?::([^{}]*))?\}"
DECIMALS, GROUPED = r"\.(\d)(%?)", r",(\.\d)?"


def sentence(
    template: str, refuse: Refuse = refuse_ours, path: str = "", known: Mapping[str, int] | None = None
) -> Node:
    """`"FFN {trend(a, b)} to {b:.1%}"` as texts and values joined by `&`.

    Styles: `.1` for a decimal at most, `.1%` for a percentage, `,` for a whole number in groups of three digits, `,.1`
    for such a number from a thousand on and decimals below. Decimals are spelled by floor(x·10ⁿ + HALF)/10ⁿ, groups
    digit by digit from x + 0.5: a spreadsheet's TEXT and FIXED follow the reader's language, and rounding functions
    differ on halves.
    `known` are functions beside those of the language, each with its number of arguments.
    """
    if not template:
        raise refuse("the text is empty", "write the text of the cell")
    pieces: list[Node] = []
    position = 0
    for match in re.finditer(PLACEHOLDER, template):
        if match.start() > position:
            pieces.append(Text(template[position : match.start()]))
        pieces.extend(shown(parse(match[1], path=path, functions=known), match[2], refuse))
        position = match.end()
    if position < len(template):
        pieces.append(Text(template[position:]))
    if any(isinstance(piece, Text) and {"{", "}"} & set(piece.value) for piece in pieces):
        raise refuse("a '{' or '}' without a value", "write {name} or {name:.1%}")
    if len(pieces) == 1 and not isinstance(pieces[0], Text):
        pieces.insert(0, Text(""))
    return reduce(lambda left, right: Operation("&", left, right), pieces)


def first_that_holds(
    cases: Sequence[tuple[str, str]],
    refuse: Refuse = refuse_ours,
    path: str = "",
    known: Mapping[str, int] | None = None,
    *,
    may_be_empty: bool = False,
) -> Node:
    """The sentence of the first case, (when, say), whose condition holds; the last case has none."""

    def said(say: str) -> Node:
        return Text("") if may_be_empty and not say else sentence(say, refuse, path, known)

    node = said(cases[-1][1])
    for when, say in reversed(cases[:-1]):
        node = Call("where", (parse(when, path=path, functions=known), said(say), node))
    return node


def shown(node: Node, style: str | None, refuse: Refuse) -> list[Node]:
    if style is None:
        return [node]
    if match := re.fullmatch(GROUPED, style):
        if not match[1]:
            return [grouped(node)]
        [told] = shown(node, match[1], refuse)
        small = Operation("&", Text(""), told)
        return [Call("where", (Operation(">=", told, Number(1000.0)), grouped(node), small))]
    match = re.fullmatch(DECIMALS, style)
    if not match:
        remedy = "write .1 for one decimal, .1% for a percentage, a comma for groups of three digits"
        raise refuse(f"'{style}' is not a number style", remedy)
    decimals, percent = int(match[1]), bool(match[2])
    scaled = Operation("*", node, Number(10.0 ** (decimals + 2 * percent)))
    rounded: Node = Call("floor", (Operation("+", scaled, Number(numerics.HALF)),))
    if decimals:
        rounded = Operation("/", rounded, Number(10.0**decimals))
    return [rounded, Text(" %")] if percent else [rounded]


def spelled_apart(message: Node) -> tuple[Node, tuple[tuple[str, Node], ...]]:
    """A message with a name for each number that it spells in groups of digits, and these numbers by name."""
    found: dict[str, Node] = {}

    def visit(node: Node) -> Node:
        if (number := _grouped_in(node)) is not None:
            name = next((name for name, one in found.items() if one == number), f"number {len(found) + 1} in words")
            found[name] = number
            return Name(name)
        return with_parts(node, visit)

    return visit(message), tuple(found.items())


def _grouped_in(node: Node) -> Node | None:
    """The whole number that a node spells in groups of three digits; None where it spells none."""
    match node:
        case Call("where", (Operation(">=", Operation("+", number, Number(0.5)), Number(1000.0)), _, _)):
            return number if node == grouped(number) else None
    return None


def grouped(node: Node) -> Node:
    """The text of a whole number in groups of three digits; equal parts of it are one object."""
    half_up = Operation("+", node, Number(0.5))
    without = {1: Call("floor", (half_up,))}  # its last digits, those that make up a power of ten

    def above(least: int) -> Node:
        """The text of what stands before some digits."""
        whole = Operation("&", Text(""), without[least])
        if least * 1000 >= numerics.SPREADSHEET_EXACT:
            return whole
        for power in (least * 10, least * 100, least * 1000):
            without[power] = Call("floor", (Operation("/", half_up, Number(float(power))),))
        digits = [
            Operation("-", without[least * at], Operation("*", Number(10.0), without[least * at * 10]))
            for at in (100, 10, 1)
        ]
        pieces: list[Node] = [above(least * 1000), Text(","), *digits]
        joined = reduce(lambda left, right: Operation("&", left, right), pieces)
        return Call("where", (Operation(">=", half_up, Number(1000.0 * least)), joined, whole))

    return above(1)
