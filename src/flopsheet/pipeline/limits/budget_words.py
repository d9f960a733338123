"""What is said of a limit within a budget: the last value, or that there is none, and what one step further gives."""

from __future__ import annotations

from functools import cache

from flopsheet.catalog.sentences import first_that_holds
from flopsheet.formula import Node
from flopsheet.formula.nodes import Call, Name, Text, substitute
from flopsheet.formula.parse import parse
from flopsheet.pipeline.limits.budgets import HOLDS_EVERYWHERE, HOLDS_NOWHERE, IS_LIMIT, IS_MOST, IS_UNLIMITED
from flopsheet.pipeline.limits.words import EMPTY, NO_LIMIT

NONE_MEETS = "none meets it"
READ = ("found", "is_end", "last", "next", "last_spent", "next_spent", "told", "off")
# How much a metric is over a bound, or short of it: three digits, or all that are whole.
AMOUNT = (
    ("off >= 100", "{off:,}"),
    ("off >= 10", "{off:.1}"),
    ("off >= 1", "{off:.2}"),
    ("off >= 1 / 10", "{off:.3}"),
    ("off >= 1 / 100", "{off:.4}"),
    ("off >= 1 / 1000", "{off:.5}"),
    ("off >= 1 / 10000", "{off:.6}"),
    ("", "less than 0.0001"),
)
IS = {"at_most": "over", "at_least": "short"}
BEGINS = (
    (IS_MOST, "at most that; "),
    (IS_LIMIT, "at least that; "),
    ("", "no value was found that meets it: "),
)


@cache
def sentence(claim: str, unit: str) -> Node:
    """What breaks the budget one step further, or why there is no such step; `told` is the value that breaks it."""
    cases = (
        (IS_UNLIMITED, "the budget sets no limit"),
        (HOLDS_EVERYWHERE, "about that; one step to either side meets the budget too"),
        ("", f"{{begins}}{{told:,}} is {IS[claim]} by {{amount}} {unit}".rstrip()),
    )
    parts = {name: first_that_holds(each) for name, each in (("begins", BEGINS), ("amount", AMOUNT))}
    return substitute(first_that_holds(cases), parts)


VALUE: Node = Call(
    "where",
    (
        parse(IS_UNLIMITED),
        Text(NO_LIMIT),
        Call("where", (parse(HOLDS_NOWHERE), Text(NONE_MEETS), Name("last"))),
    ),
)
# Whether it is the most or the least that a budget allows, as claims are called; empty where neither.
KIND = first_that_holds([(IS_MOST, "at_most"), (IS_LIMIT, "at_least"), ("", "")], may_be_empty=True)


def where_limited(shown: Node) -> Node:
    """What is shown at a limit or one step further, nothing where there is no limit: it was tried, and no answer."""
    unlimited = Call("where", (parse(IS_UNLIMITED), Text(EMPTY), shown))
    return Call("where", (parse(HOLDS_NOWHERE), Text(EMPTY), unlimited))
