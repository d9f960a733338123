"""From a parsed formula to one that the backends know: choices become texts, words and functions are written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from flopsheet import diagnostics, numerics
from flopsheet.catalog import formats
from flopsheet.catalog.entries import Function, Input
from flopsheet.catalog.matching import expand_match
from flopsheet.catalog.refusals import Refuse
from flopsheet.catalog.sentences import shown
from flopsheet.formula.evaluate import as_text
from flopsheet.formula.nodes import Call, Name, Node, Number, Operation, Text, substitute, with_parts
from flopsheet.formula.vocabulary import MATCH, WORDS

# Numbers that formulas of the catalogue name, so that each is written once.
CONSTANTS: Mapping[str, Node] = {
    "rounding_tolerance": Number(numerics.ROUNDING),
    "stored_tolerance": Number(numerics.STORED),
    "almost_zero": Number(numerics.ALMOST_ZERO),
}


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
    (before, _), (after, percent) = (shown(one, ".1%", refuse) for one in arguments)
    moves = Call("where", (Operation(">", after, before), Text("rises from "), Text("falls from ")))
    moved = reduce(lambda left, right: Operation("&", left, right), (moves, before, Text(" % to "), after))
    stays = Operation("&", Text("stays at "), after)
    return Operation("&", Call("where", (Operation("==", before, after), stays, moved)), percent)


WORD_BUILDERS: dict[str, Callable[..., Node]] = {"largest": _largest, "trend": _trend, "shift": _shift}
assert WORD_BUILDERS.keys() == WORDS.keys(), "a word without a builder"
