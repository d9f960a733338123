"""The arms of `match(…)`, which the parser makes a call of the input, a choice, its value, a choice, its value, …"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from flopsheet.formula.nodes import Call, Name, Node, Number, Text, with_parts
from flopsheet.formula.vocabulary import MATCH

Choice: TypeAlias = Text | Number
FORMATS = "formats"  # the arm of every number format that has none of its own


def matched_name(call: Call) -> str:
    """The input whose choice is looked up."""
    chosen = call.arguments[0]
    assert isinstance(chosen, Name)
    return chosen.name


def choices_and_values(call: Call) -> Iterator[tuple[Choice, Node]]:
    """Every choice with its value, in the author's order."""
    for choice, value in zip(call.arguments[1::2], call.arguments[2::2], strict=True):
        assert isinstance(choice, Choice)
        yield choice, value


def arms(call: Call) -> list[tuple[tuple[Choice, ...], Node]]:
    """The choices and the value of each arm; choices that follow each other with one value share an arm."""
    found: list[tuple[tuple[Choice, ...], Node]] = []
    for choice, value in choices_and_values(call):
        if found and found[-1][1] == value:
            found[-1] = ((*found[-1][0], choice), value)
        else:
            found.append(((choice,), value))
    return found


def pick_arms(node: Node, choice_of: Callable[[str], str | float]) -> Node:
    """The node with the value of the arm that counts in the place of each `match(…)`."""
    if isinstance(node, Call) and node.function == MATCH:
        chosen = choice_of(matched_name(node))
        by_choice = {choice.value: value for choice, value in choices_and_values(node)}
        node = by_choice.get(chosen) or by_choice[FORMATS]
        return pick_arms(node, choice_of)
    return with_parts(node, lambda part: pick_arms(part, choice_of))
