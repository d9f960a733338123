"""What follows from an input that is not given has no number either: each formula with the test that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from flopsheet import quantities
from flopsheet.catalog.entries import Metric
from flopsheet.diagnostics import CatalogError
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import ABSENT, GIVEN

YES, NO = Number(1.0), Number(0.0)


def where_given(metric: Metric, words: Mapping[str, str], refuse: Callable[..., CatalogError]) -> Metric:
    """The metric with no number where something that it needs is not given.

    `words` are what inputs and metrics say that may have no number. A verdict does not hold there; a text says so.
    """
    if words.keys().isdisjoint((*metric.dependencies, *metric.aggregated)):
        return metric
    test = has_value(metric.ast, frozenset(words), refuse)
    if test == YES:
        return metric
    said = tuple(dict.fromkeys(words[name] for name in _needed(test)))
    spelled = said_by(test, Text(""), words, Text)
    match metric.unit:
        case quantities.TRUTH:
            return replace(metric, ast=_where(test, metric.ast, Text(metric.failing)))
        case quantities.TEXT_UNIT:
            return replace(metric, ast=said_by(test, metric.ast, words, Text))
    node = said_by(test, metric.ast, words, lambda word: Call(ABSENT, (Text(word),)))
    return replace(metric, ast=node, has_value=test, absent=said[0], words=spelled if len(said) > 1 else None)


def said_by(test: Node, yes: Node, words: Mapping[str, str], say: Callable[[str], Node]) -> Node:
    """`yes` where a test is 1, else what is said of the first name that has no number."""
    match test:
        case Call("where", (condition, one, zero)) if zero == NO:
            rest = yes if one == YES else said_by(one, yes, words, say)
            return Call("where", (condition, rest, say(words[_needed(condition)[0]])))
    return Call("where", (Operation("==", test, YES), yes, say(words[_needed(test)[0]])))


def has_value(node: Node, absent: frozenset[str], refuse: Callable[..., CatalogError]) -> Node:
    """1 where a formula has a value, else 0: of two arms the one that counts, of all other parts every one."""

    def visit(node: Node, absent: frozenset[str]) -> Node:
        match node:
            case Name(name):
                return Call("where", (Call(GIVEN, (node,)), YES, NO)) if name in absent else YES
            case Negative(operand):
                return visit(operand, absent)
            case Operation(_, left, right):
                return every(visit(left, absent), visit(right, absent))
            case Call("where", (Call(function, (Name(name),)) as given, yes, no)) if function == GIVEN:
                return _where_given(given, visit(yes, absent - {name}), visit(no, absent))
            case Call("where", (condition, yes, no)):
                return every(visit(condition, absent), _where_given(condition, visit(yes, absent), visit(no, absent)))
            case Call(function) if function == GIVEN:
                return YES
            case Call(_, arguments):
                return every(*(visit(argument, absent) for argument in arguments))
            case Aggregate(function, names) if not absent.isdisjoint(names):
                raise refuse(f"{function}(…) of something optional", "aggregate what always has a number")
        return YES

    return visit(node, absent)


def every(*tests: Node) -> Node:
    """1 where all of them are."""
    found: Node = YES
    for test in dict.fromkeys(tests):
        found = _both(found, test)
    return found


def _both(one: Node, other: Node) -> Node:
    return other if one == YES else one if other == YES else _where(one, other, NO)


def _where(test: Node, yes: Node, no: Node) -> Node:
    """`yes` where a test is 1; the test's own condition does where it has no third case."""
    match test:
        case Call("where", (condition, one, zero)) if zero == NO:
            return Call("where", (condition, yes if one == YES else _where(one, yes, no), no))
    return Call("where", (Operation("==", test, YES), yes, no))


def _where_given(condition: Node, yes: Node, no: Node) -> Node:
    return yes if yes == no else Call("where", (condition, yes, no))


def _needed(test: Node) -> list[str]:
    """The names that a test asks for, in the author's order."""
    match test:
        case Call(function, (Name(name),)) if function == GIVEN:
            return [name]
        case Operation(_, left, right):
            return _needed(left) + _needed(right)
        case Call(_, arguments):
            return [name for argument in arguments for name in _needed(argument)]
    return []
