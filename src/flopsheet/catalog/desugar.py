"""From a parsed formula to one that the backends know: choices become texts, words and sentences are spelled out,
units and grains are held to their rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TypeAlias

from flopsheet import diagnostics, numerics
from flopsheet.catalog import formats
from flopsheet.catalog.entries import Function, Input
from flopsheet.catalog.grains import OF_RUNS, Grain, coarser
from flopsheet.catalog.matching import expand_match
from flopsheet.diagnostics import CatalogError, Place
from flopsheet.formula.evaluate import as_text
from flopsheet.formula.nodes import (
    Aggregate,
    Call,
    Name,
    Node,
    Number,
    Operation,
    Text,
    names,
    walk,
    with_parts,
)
from flopsheet.formula.parse import parse
from flopsheet.formula.vocabulary import MATCH, WORDS

PLACEHOLDER = r"\{([^{}:]+)(?::([^{}]*))?\}"
DECIMALS, GROUPED = r"\.(\d)(%?)", r",(\.\d)?"
# Numbers that formulas of the catalogue name, so that each is written once.
CONSTANTS: Mapping[str, Node] = {
    "rounding_tolerance": Number(numerics.ROUNDING),
    "stored_tolerance": Number(numerics.STORED),
    "almost_zero": Number(numerics.ALMOST_ZERO),
}

Refuse: TypeAlias = Callable[..., CatalogError]


def refuse_ours(fact: str, remedy: str = "", at: str = "") -> CatalogError:
    """The refusal of a text that stands in this code: nobody else can have made the mistake."""
    raise AssertionError(f"{fact}; {remedy}")


def expand(
    node: Node,
    inputs: Mapping[str, Input],
    labels: Mapping[str, str],
    functions: Mapping[str, Function],
    refuse: Refuse,
) -> Node:
    """The node with choices as texts, and `match`, words (`largest`) and the catalogue's own functions written out."""

    possible = {entry.name: tuple(map(str, entry.choices)) for entry in inputs.values() if entry.choices}
    groups = formats.groups(functions)

    def visit(node: Node) -> Node:
        match node:
            case Operation("==" | "!=" as symbol, Name(name), Name(choice)) if _is_choice(name):
                check_choice(name, choice)
                return Operation(symbol, Name(name), Text(choice))
            case Operation("==" | "!=", Name(name), Number(choice)) if _is_choice(name):
                check_choice(name, as_text(choice))
                return node
            case Call(function, arguments) if function in WORDS:
                return WORD_BUILDERS[function](tuple(map(visit, arguments)), labels, refuse)
            case Call(function, arguments) if function in functions:
                shared = functions[function]
                return visit(substitute(shared.ast, dict(zip(shared.arguments, arguments, strict=True))))
            case Call(function) if function == MATCH:
                return expand_match(node, possible, groups, visit, refuse)
        return with_parts(node, visit)

    def _is_choice(name: str) -> bool:
        return name in inputs and not inputs[name].is_number

    def check_choice(name: str, choice: str) -> None:
        allowed = [str(option) for option in inputs[name].choices]
        if choice not in allowed:
            raise refuse(f"'{choice}' is not a choice of {name}", diagnostics.did_you_mean(choice, allowed), at=choice)

    return visit(node)


def substitute(node: Node, values: Mapping[str, Node]) -> Node:
    """The node with some names replaced."""
    if isinstance(node, Name):
        return values.get(node.name, node)
    return with_parts(node, lambda part: substitute(part, values))


def _largest(arguments: tuple[Node, ...], labels: Mapping[str, str], refuse: Refuse) -> Node:
    named = [argument.name for argument in arguments if isinstance(argument, Name)]
    if len(named) < len(arguments):
        raise refuse("largest(…) takes names", "make the argument a metric of its own")
    *earlier, last = named
    chosen: Node = Text(labels.get(last, last))
    for name in reversed(earlier):
        is_largest = Operation(">=", Name(name), Call("max", arguments))
        chosen = Call("where", (is_largest, Text(labels.get(name, name)), chosen))
    return chosen


def _trend(arguments: tuple[Node, ...], *_: object) -> Node:
    before, after = arguments
    falls = Call("where", (Operation("<", after, before), Text("falls"), Text("stays")))
    return Call("where", (Operation(">", after, before), Text("rises"), falls))


def _shift(arguments: tuple[Node, ...], _: object, refuse: Refuse) -> Node:
    """How a share moves, by the digits that are shown: what reads the same has not moved."""
    (before, _), (after, percent) = (_shown(one, ".1%", refuse) for one in arguments)
    moves = Call("where", (Operation(">", after, before), Text("rises from "), Text("falls from ")))
    moved = reduce(lambda left, right: Operation("&", left, right), (moves, before, Text(" % to "), after))
    stays = Operation("&", Text("stays at "), after)
    return Operation("&", Call("where", (Operation("==", before, after), stays, moved)), percent)


WORD_BUILDERS: dict[str, Callable[..., Node]] = {"largest": _largest, "trend": _trend, "shift": _shift}
assert WORD_BUILDERS.keys() == WORDS.keys(), "a word without a builder"


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
        pieces.extend(_shown(parse(match[1], path=path, functions=known), match[2], refuse))
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


def _shown(node: Node, style: str | None, refuse: Refuse) -> list[Node]:
    if style is None:
        return [node]
    if match := re.fullmatch(GROUPED, style):
        if not match[1]:
            return [grouped(node)]
        [told] = _shown(node, match[1], refuse)
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


def check_names(node: Node, grain: Grain, grain_of: Mapping[str, Grain], refuse: Refuse) -> None:
    """Refuses unknown names, and names of a grain that a formula of this grain cannot read that way."""
    for name in names(node):
        if name not in grain_of:
            raise refuse(f"unknown name '{name}'", diagnostics.did_you_mean(name, sorted(grain_of)), at=name)
        of = grain_of[name]
        if of != grain and of not in coarser(grain):
            readable = f"a {grain} can read {', '.join((grain, *coarser(grain)))}"
            remedy = f"write sum({name})" if grain in coarser(of) else readable
            if _is_of_runs_alone(of, grain):
                remedy = f"a metric of grain {of} can read it"
            raise refuse(f"'{name}' has grain {of}, which a metric of grain {grain} cannot read", remedy, at=name)
    for part in walk(node):
        if isinstance(part, Aggregate):
            _check_gathered(part, grain, grain_of, refuse)


def _is_of_runs_alone(of: str, grain: Grain) -> bool:
    """Whether a name lives in the tables of runs, and a formula of this grain outside of them."""
    return of in OF_RUNS and grain not in OF_RUNS


def _check_gathered(node: Aggregate, grain: Grain, grain_of: Mapping[str, Grain], refuse: Refuse) -> None:
    for name in node.names:
        if name not in grain_of:
            raise refuse(f"unknown name '{name}'", diagnostics.did_you_mean(name, sorted(grain_of)), at=name)
        of = grain_of[name]
        if grain not in coarser(of):
            fact = f"'{name}' has grain {of}, which has no rows within a {grain}"
            raise refuse(fact, f"write {name} without the function", at=name)
        if _is_of_runs_alone(of, grain):
            fact = f"'{name}' has grain {of}, which a metric of grain {grain} cannot aggregate"
            raise refuse(fact, f"a metric of grain {of} can read it", at=name)
    grains = dict.fromkeys(grain_of[name] for name in node.names)
    if len(grains) > 1:
        raise refuse(f"{node.function}(…) of names at grains {' and '.join(grains)}", "aggregate names of one grain")


def refusal(path: str, place: Place | None) -> Refuse:
    """What builds an error about this entry from a fact and a remedy; `at` is a name of its formula at fault."""
    return lambda fact, remedy="", at="": CatalogError(
        diagnostics.located(diagnostics.not_in_catalogue(fact, remedy), path, place)
    )
