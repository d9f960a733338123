"""`match(choice, a: x, b | c: y)` → nested `where`, once every choice of the input has exactly one arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flopsheet import diagnostics
from flopsheet.diagnostics import CatalogError
from flopsheet.formula.arms import Choice, choices_and_values, matched_name
from flopsheet.formula.evaluate import as_text
from flopsheet.formula.nodes import Call, Name, Node, Operation


def expand_match(
    call: Call,
    possible: dict[str, tuple[str, ...]],
    groups: Mapping[str, tuple[Choice, ...]],
    expand: Callable[[Node], Node],
    refuse: Callable[..., CatalogError],
) -> Node:
    """The call as nested `where`, its values expanded; refused where an arm is missing, unknown or doubled.

    `possible` are the choices of each input, `groups` the words that stand for several. While the value of an arm is
    expanded they are those of the arm alone, so that a `match` of the same input inside of it names these and no
    others.
    """
    name = matched_name(call)
    if name not in possible:
        near = diagnostics.nearest(name, list(possible))
        remedy = f"did you mean '{near}'?" if near else "write where(condition, a, b)"
        raise refuse(f"'{name}' is not an input with choices", remedy, at=name)
    choices = possible[name]
    arms: dict[str, tuple[Choice, Node]] = {}
    for choice, value in choices_and_values(call):
        for one in groups.get(as_text(choice.value), (choice,)):
            word = as_text(one.value)
            if word not in choices:
                raise refuse(f"'{word}' is not a choice of {name}", diagnostics.did_you_mean(word, choices), at=word)
            if word in arms:
                raise refuse(f"'{word}' has two arms in match({name}, …)", "remove one of them", at=word)
            arms[word] = one, value
    if missing := [choice for choice in choices if choice not in arms]:
        fact = f"match(…) leaves out choices of '{name}': {', '.join(missing)}"
        raise refuse(fact, "give every choice an arm; a | b: value is one for both", at=name)
    expanded: list[tuple[Choice, Node]] = []
    for choice, value in arms.values():
        alike = tuple(other for other, (_, its) in arms.items() if its == value)
        possible[name] = alike
        expanded.append((choice, expand(value)))
    possible[name] = choices
    node = expanded[-1][1]
    for choice, value in reversed(expanded[:-1]):
        if value != node:  # else one condition tells the rest apart
            node = Call("where", (Operation("==", Name(name), choice), value, node))
    return node
