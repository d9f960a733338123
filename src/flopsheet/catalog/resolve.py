"""From a parsed formula to one that the backends know: choices become texts, words and sentences are spelled out,
units and grains are held to their rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce

from flopsheet import errors
from flopsheet.catalog.entries import Input
from flopsheet.catalog.grains import coarser
from flopsheet.errors import CatalogError, Place, Problem
from flopsheet.formula.language import COMPARISONS, SAME_UNIT, WORDS
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text, aggregated, names
from flopsheet.formula.parse import parse

TEXT_UNIT, TRUTH = "text", "verdict"
PLACEHOLDER = re.compile(r"\{([^{}:]+)(?::([^{}]*))?\}")
DECIMALS = re.compile(r"\.(\d)(%?)")


def expand(node: Node, inputs: Mapping[str, Input], labels: Mapping[str, str], refuse: Callable[..., CatalogError]) -> Node:
    """The node with choices as texts and `largest`, `trend` written out with `where`."""

    def visit(node: Node) -> Node:
        match node:
            case Operation("==" | "!=" as symbol, Name(name), Name(choice)) if _is_choice(name):
                allowed = [str(option) for option in inputs[name].choices]
                if choice not in allowed:
                    raise refuse(f"{name} is never '{choice}'", errors.did_you_mean(choice, allowed))
                return Operation(symbol, Name(name), Text(choice))
            case Operation(symbol, left, right):
                return Operation(symbol, visit(left), visit(right))
            case Negative(operand):
                return Negative(visit(operand))
            case Call(function, arguments) if function in WORDS:
                return WORD_BUILDERS[function](tuple(map(visit, arguments)), labels, refuse)
            case Call(function, arguments):
                return Call(function, tuple(map(visit, arguments)))
        return node

    def _is_choice(name: str) -> bool:
        return name in inputs and not inputs[name].is_number

    return visit(node)


def _largest(arguments: tuple[Node, ...], labels: Mapping[str, str], refuse: Callable[..., CatalogError]) -> Node:
    for argument in arguments:
        if not isinstance(argument, Name):
            raise refuse("largest(…) takes names", "make the argument a metric of its own")
    *earlier, last = [(argument, Text(labels.get(argument.name, argument.name))) for argument in arguments if isinstance(argument, Name)]
    top = Call("max", arguments)
    return reduce(
        lambda rest, item: Call("where", (Operation(">=", item[0], top), item[1], rest)), reversed(earlier), last[1]
    )


def _trend(arguments: tuple[Node, ...], *_: object) -> Node:
    before, after = arguments
    falls = Call("where", (Operation("<", after, before), Text("falls"), Text("stays")))
    return Call("where", (Operation(">", after, before), Text("rises"), falls))


WORD_BUILDERS: dict[str, Callable[..., Node]] = {"largest": _largest, "trend": _trend}
assert WORD_BUILDERS.keys() == WORDS.keys(), "a word without a builder"


def sentence(template: str, refuse: Callable[..., CatalogError], path: str) -> Node:
    """`"FFN {trend(a, b)} to {b:.1%}"` as texts and values joined by `&`.

    Decimals are cut by floor(x·10ⁿ + 1/2)/10ⁿ: a spreadsheet's TEXT reads its format in the reader's own locale, and
    rounding functions differ on halves.
    """
    pieces: list[Node] = []
    position = 0
    for match in PLACEHOLDER.finditer(template):
        if match.start() > position:
            pieces.append(Text(template[position : match.start()]))
        pieces.extend(_shown(parse(match[1], path=path), match[2], refuse))
        position = match.end()
    if position < len(template):
        pieces.append(Text(template[position:]))
    if len(pieces) == 1 and not isinstance(pieces[0], Text):
        pieces.insert(0, Text(""))
    return reduce(lambda left, right: Operation("&", left, right), pieces)


def _shown(node: Node, style: str | None, refuse: Callable[..., CatalogError]) -> list[Node]:
    if style is None:
        return [node]
    match = DECIMALS.fullmatch(style)
    if not match:
        raise refuse(f"'{style}' is not a number style", "write .1 for one decimal, .1% for a percentage")
    decimals, percent = int(match[1]), bool(match[2])
    scaled = Operation("*", node, Number(10.0 ** (decimals + 2 * percent)))
    rounded: Node = Call("floor", (Operation("+", scaled, Number(0.5)),))
    if decimals:
        rounded = Operation("/", rounded, Number(10.0**decimals))
    return [rounded, Text(" %")] if percent else [rounded]


def check_names(node: Node, grain: str, grain_of: Mapping[str, str], refuse: Callable[..., CatalogError]) -> None:
    """Refuses unknown names, and names of a grain that a formula of this grain cannot read that way."""
    known = sorted(grain_of)
    for name in names(node):
        if name not in grain_of:
            raise refuse(f"unknown name '{name}'", errors.did_you_mean(name, known))
        of = grain_of[name]
        if of != grain and of not in coarser(grain):
            remedy = f"write sum({name})" if grain in coarser(of) else f"a {grain} can read {', '.join((grain, *coarser(grain)))}"
            raise refuse(f"'{name}' lives at grain {of}, finer than or apart from {grain}", remedy)
    for name in aggregated(node):
        if name not in grain_of:
            raise refuse(f"unknown name '{name}'", errors.did_you_mean(name, known))
        of = grain_of[name]
        if grain not in coarser(of):
            raise refuse(f"'{name}' lives at grain {of}, which has no rows below a {grain}", f"write {name} alone")


def check_units(node: Node, unit: str, unit_of: Mapping[str, str], refuse: Callable[..., CatalogError]) -> None:
    """Refuses to add, compare or choose between values of different units, and a result of another unit than declared."""

    def same(*nodes: Node) -> str | None:
        found = {inferred: part for part in nodes if (inferred := visit(part)) is not None}
        if len(found) > 1:
            raise refuse(f"{' and '.join(sorted(found))} in one sum or choice", "both sides need the same unit")
        return next(iter(found), None)

    def number(node: Node) -> str | None:
        inferred = visit(node)
        if inferred in {TEXT_UNIT, TRUTH}:
            raise refuse(f"arithmetic with a {inferred}", "use numbers")
        return inferred

    def visit(node: Node) -> str | None:
        match node:
            case Number():
                return None  # a bare number takes the unit of what it meets
            case Text():
                return TEXT_UNIT
            case Name(name):
                return unit_of[name]
            case Negative(operand):
                return number(operand)
            case Operation(symbol, left, right) if symbol in COMPARISONS:
                same(left, right)
                return TRUTH
            case Operation("&", left, right):
                visit(left), visit(right)
                return TEXT_UNIT
            case Operation(symbol, left, right):
                number(left), number(right)
                return same(left, right) if symbol in SAME_UNIT else None
            case Call("where", (condition, yes, no)):
                if visit(condition) != TRUTH:
                    raise refuse("where(…) needs a condition first", "write a comparison, such as a < b")
                return same(yes, no)
            case Call(_, arguments):
                for argument in arguments:
                    number(argument)
                return same(*arguments)
            case Aggregate(function, gathered):
                if function == "sum" and unit_of[gathered[0]] in {TEXT_UNIT, TRUTH}:
                    raise refuse(f"a sum of {unit_of[gathered[0]]}s", "sum numbers")
                return unit_of[gathered[-1]]

    inferred = visit(node)
    if inferred is not None and inferred != unit:
        raise refuse(f"the formula gives {inferred}, the metric says {unit}", f"write unit: {inferred}")


def refusal(path: str, place: Place | None) -> Callable[..., CatalogError]:
    """What builds an error about this entry from a fact and a remedy."""
    return lambda fact, remedy="": CatalogError(Problem(fact, remedy, path, place))


