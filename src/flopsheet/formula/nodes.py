"""What a formula is made of: seven frozen node classes, and nothing of Python's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias


class _Part(tuple[Any, ...]):
    """A named tuple that equals none of another kind: `Text("a")` is not `Name("a")`."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        """Made anew without a call of anything that is written in Python."""
        return tuple.__new__, (type(self), tuple(self))


class Number(_Part, NamedTuple("Number", [("value", float)])):
    """A constant, always a float64."""

    __slots__ = ()


class Text(_Part, NamedTuple("Text", [("value", str)])):
    """A word: a choice such as `causal_half`, or a piece of a sentence; never typed inside a formula."""

    __slots__ = ()


class Name(_Part, NamedTuple("Name", [("name", str)])):
    """A metric or an input, of the same or a coarser grain."""

    __slots__ = ()


class Negative(_Part, NamedTuple("Negative", [("operand", "Node")])):
    """`-operand`."""

    __slots__ = ()


class Operation(_Part, NamedTuple("Operation", [("symbol", str), ("left", "Node"), ("right", "Node")])):
    """`left symbol right`, for the symbols of `operators.OPERATORS`."""

    __slots__ = ()


class Call(_Part, NamedTuple("Call", [("function", str), ("arguments", "tuple[Node, ...]")])):
    """A function of `operators.FUNCTIONS` of its arguments."""

    __slots__ = ()


class Aggregate(_Part, NamedTuple("Aggregate", [("function", str), ("names", tuple[str, ...])])):
    """A function of `operators.GATHERERS` of metrics of a finer grain: `sum(flops_ffn_expand)`."""

    __slots__ = ()


Node: TypeAlias = Number | Text | Name | Negative | Operation | Call | Aggregate


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, in the author's order; an object that is part of it twice, once.

    Equal digits of a sentence are one object, which some formulas have thousands of times.
    """
    pending, seen = [node], set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        pending += reversed(below(node))


def below(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node, in the author's order."""
    match node:
        case Operation(_, left, right):
            return left, right
        case Call(_, arguments):
            return arguments
        case Negative(operand):
            return (operand,)
    return ()


def nesting(node: Node) -> int:
    """How many functions stand inside each other at most."""
    match node:
        case Operation(_, left, right):
            return max(nesting(left), nesting(right))
        case Call(_, arguments):
            return 1 + max(map(nesting, arguments))
        case Negative(operand):
            return nesting(operand)
        case Aggregate():
            return 1
    return 0


def with_parts(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each of its direct parts changed; itself where it has none."""
    match node:
        case Negative(operand):
            return Negative(change(operand))
        case Operation(symbol, left, right):
            return Operation(symbol, change(left), change(right))
        case Call(function, arguments):
            return Call(function, tuple(map(change, arguments)))
    return node


def substitute(node: Node, values: Mapping[str, Node]) -> Node:
    """The node with some names replaced."""
    if isinstance(node, Name):
        return values.get(node.name, node)
    return with_parts(node, lambda part: substitute(part, values))


def rebuilt(node: Node, parts: Iterable[Node]) -> Node:
    """The node with other direct parts, as many as it has; itself where it has none."""
    others = iter(parts)
    return with_parts(node, lambda _: next(others))


def with_leaves(node: Node, change: Callable[[Name | Aggregate], Node]) -> Node:
    """The node with what stands for each name, and for each function of a finer grain."""
    if isinstance(node, Name | Aggregate):
        return change(node)
    return with_parts(node, lambda part: with_leaves(part, change))


def shared(node: Node, known: dict[Node, Node]) -> Node:
    """An equal node whose parts are the same objects wherever they are equal; `known` has those of other formulas.

    A third of the objects are to be kept, and made again by whoever reads what was kept.
    """
    whole = with_parts(node, lambda part: shared(part, known))
    return known.setdefault(whole, whole)


def names(node: Node) -> tuple[str, ...]:
    """The names that a formula reads in its own row, each once, in the author's order."""
    return tuple(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Name)))


def aggregated(node: Node) -> tuple[str, ...]:
    """The names of a finer grain that a formula gathers, each once, in the author's order."""
    found = (name for part in walk(node) if isinstance(part, Aggregate) for name in part.names)
    return tuple(dict.fromkeys(found))
