"""What is said of a limit: the last value, or that there is none, and what breaks one step further."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from flopsheet.catalog.sentences import first_that_holds
from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import Call, Name, Operation, Text, substitute
from flopsheet.pipeline.limits.dials import MARGIN
from flopsheet.pipeline.limits.program import LAST, NEXT, at_point

NOTHING, NO_LIMIT, NOT_FOUND, EMPTY = "nothing fits", "no limit", "not found", "–"
HEADS = {
    "now": "Now",
    "last": "Limit",
    "next": "A step further",
    "left": "Left at limit MiB",
    "left_next": "Left beyond MiB",
    "says": "One step further",
}
# `tried` is the value of x, `last` and `next` what is shown of it there and one step further, `left` and `left_next`
# the bytes that a device has left.
LARGEST = (
    ("where(left < 0, where(tried <= least, 1, 0), 0) == 1", "not even {last:,} fits: a device lacks {lack}"),
    ("left < 0", "less than {last:,}, at which a device lacks {lack}"),
    ("tried >= most", "memory sets no limit"),
    ("left_next >= 0", "about {last:,}; {next:,} fits too"),
    ("", "{next:,} breaks: a device lacks {lack_next}"),
)
FEWEST = (
    ("left < 0", "no number of replicas of this layout fits: a device lacks {lack}"),
    ("tried <= least", "fewer are not possible"),
    ("left_next >= 0", "about {last:,}; {next:,} would fit too"),
    ("", "{next:,} would not fit: a device lacks {lack_next}"),
)
LACK = (
    ("lack >= 1000 * 2^30", "{lack / 2^40:.1} TiB"),
    ("lack >= 1000 * 2^20", "{lack / 2^30:.1} GiB"),
    ("lack >= 1000 * 2^10", "{lack / 2^20:.1} MiB"),
    ("", "{ceil(lack / 2^10)} KiB"),
)


def _lack(left: str) -> Node:
    return substitute(first_that_holds(LACK), {"lack": Operation("-", parse("0"), Name(left))})


def read(kind: str) -> Mapping[str, str]:
    """The steps and metrics at points of which these texts are made, by their names here."""
    return {
        "tried": at_point("x", LAST), "last": LAST, "next": NEXT, "least": "least", "most": "most",
        "left": at_point(MARGIN[kind], LAST), "left_next": at_point(MARGIN[kind], NEXT),
    }  # fmt: skip


@cache
def sentence(*, fewest: bool) -> Node:
    """What breaks one step further, or why there is no such step."""
    said = first_that_holds(FEWEST if fewest else LARGEST)
    return substitute(said, {"lack": _lack("left"), "lack_next": _lack("left_next")})


@cache
def value(*, fewest: bool) -> Node:
    """The last value, or the word that stands in its place."""
    found, lacking = Name("last"), Text(NOTHING)
    if fewest:
        return Call("where", (parse("left < 0"), lacking, found))
    unlimited = Call("where", (parse("tried >= most"), Text(NO_LIMIT), found))
    missed = Call("where", (parse("tried <= least"), lacking, Text(NOT_FOUND)))
    return Call("where", (parse("left < 0"), missed, unlimited))


@cache
def further(shown: Node, *, fewest: bool) -> Node:
    """What is shown of one step further, nothing where there is no such step or no value fits."""
    at_end = parse("tried <= least" if fewest else "tried >= most")
    return Call("where", (parse("left < 0"), Text(EMPTY), Call("where", (at_end, Text(EMPTY), shown))))


NEXT_VALUE = parse("next")
LEFT_MIB, LEFT_NEXT_MIB = parse("left / 2^20"), parse("left_next / 2^20")
