"""What follows from an input that is not given has no number either: each formula with the test that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from flopsheet import quantities
from flopsheet.catalog.entries import Input, Metric
from flopsheet.diagnostics import CatalogError
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import ABSENT, GIVEN

YES, NO = Number(1.0), Number(0.0)


def where_given(metric: Metric, absent: Mapping[str, Input | Metric], refuse: Callable[..., CatalogError]) -> Metric:
    """The metric with no number where something that it needs is not given.

    `absent` are the inputs and metrics that may have no number. A verdict does not hold there; a text says the words.
    """
    if absent.keys().isdisjoint((*metric.dependencies, *metric.aggregated)):
        return metric
    test = has_value(metric.ast, frozenset(absent), refuse)
    if test == YES:
        return metric

    def words(name: str) -> Node:
        entry = absent[name]
        several = entry.words if isinstance(entry, Metric) else None
        return several or Text(entry.absent)

    def in_cell(name: str) -> Node:
        """The words themselves, or of several those of the cell that it names."""
        said = words(name)
        return Call(ABSENT, (said if isinstance(said, Text) else Name(name),))

    if metric.unit == quantities.TRUTH:
        return replace(metric, ast=_where(test, metric.ast, Text(metric.failing)))
    said, node = because(test, words), said_by(test, metric.ast, in_cell)
    if metric.unit == quantities.TEXT_UNIT:
        return replace(metric, ast=node, words=said)
    several, first = None if isinstance(said, Text) else said, absent[_needed(test)[0]]
    return replace(metric, ast=node, has_value=test, absent=first.absent, words=several)


def said_by(test: Node, yes: Node, say: Callable[[str], Node]) -> Node:
    """`yes` where a test is 1, else what is said of the first name that has no number."""
    match test:
        case Call("where", (condition, one, zero)) if zero == NO:
            rest = yes if one == YES else said_by(one, yes, say)
            return Call("where", (condition, rest, because(condition, say)))
    return Call("where", (Operation("==", test, YES), yes, because(test, say)))


def because(test: Node, say: Callable[[str], Node]) -> Node:
    """What is said where a test is 0: of the first name that has no number, in the arm that counts."""
    match test:
        case Call(function, (Name(name),)) if function == GIVEN:
            return say(name)
        case Operation(_, part, _):
            return because(part, say)
        case Call("where", (condition, yes, no)):
            if yes == YES:
                return because(condition if no == NO else no, say)
            rest = because(yes, say)
            return rest if no == YES else _where_given(condition, rest, because(condition if no == NO else no, say))
    raise AssertionError(f"{test} is no test")


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
    """1 where all of them are; what several ask for is asked once."""
    found: Node = YES
    for part in dict.fromkeys(part for test in tests for part in _parts(test)):
        found = part if found == YES else _where(found, part, NO)
    return found


def _parts(test: Node) -> Iterator[Node]:
    """The tests that a test asks one after the other."""
    while test != YES:
        match test:
            case Call("where", (condition, rest, zero)) if zero == NO:
                yield Call("where", (condition, YES, NO))
                test = rest
            case _:
                yield test
                return


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
