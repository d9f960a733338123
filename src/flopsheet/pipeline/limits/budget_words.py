"""What is said of a limit within a budget: the last value, or that there is none, and what one step further gives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from flopsheet.catalog.desugar import first_that_holds, substitute
from flopsheet.diagnostics import CatalogError
from flopsheet.formula import Node
from flopsheet.formula.nodes import Call, Name, Text
from flopsheet.formula.parse import parse
from flopsheet.pipeline.limits.words import NO_LIMIT, NONE

READ = ("claimed", "found", "is_end", "last", "next", "last_spent", "next_spent")
IS_EXACT = "found <= 4"


def _refuse(fact: str, remedy: str = "", at: str = "") -> CatalogError:
    raise AssertionError(f"{fact}; {remedy}")


# How much a metric is over a bound, or short of it.
AMOUNT = (
    ("off >= 100", "{off:,}"),
    ("off >= 1", "{off:.2}"),
    ("off >= 1 / 100", "{off:.4}"),
    ("off >= 1 / 1000000", "{off:.8}"),
    ("", "less than 0.000001"),
)
OFF = {"at_most": parse("spent - claimed"), "at_least": parse("claimed - spent")}
IS = {"at_most": "over", "at_least": "short"}


def _amount(claim: str, spent: str) -> Node:
    off = substitute(OFF[claim], {"spent": Name(spent)})
    return substitute(first_that_holds(AMOUNT, _refuse), {"off": off})


@cache
def sentence(claim: str, unit: str) -> Node:
    """What breaks the budget one step further, or why there is no such step."""
    then, there = (f"{IS[claim]} by {{{name}}} {unit}".rstrip() for name in ("off_next", "off_last"))
    cases = (
        ("found <= 2", f"at most that; {{next:,}} is {then}"),
        (IS_EXACT, f"at least that; {{next:,}} is {then}"),
        ("where(found == 5, is_end, 0) == 1", "the budget sets no limit"),
        ("found == 5", "about that; one step to either side meets the budget too"),
        ("is_end == 1", f"nothing meets the budget: {{last:,}} is still {there}"),
        ("", f"none was found: {{last:,}} is {there}"),
    )
    amounts = {f"off_{end}": _amount(claim, f"{end}_spent") for end in ("next", "last")}
    return substitute(first_that_holds(cases, _refuse), amounts)


VALUE: Node = Call(
    "where",
    (
        parse("where(found == 5, is_end, 0) == 1"),
        Text(NO_LIMIT),
        Call("where", (parse("found == 6"), Text(NONE), Name("last"))),
    ),
)


def kind(found: Mapping[str, float]) -> str:
    """Whether it is the most or the least that a budget allows, as claims are called; empty where neither."""
    return "at_most" if found["found"] <= 2 else "at_least" if found["found"] <= 4 else ""
