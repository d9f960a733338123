"""The steps by which the last value of an input within a budget is found, as formulas: for NumPy and for cells alike.

A budget is a bound of a metric of a run. Over the input, times and costs are about `a + b·x` where they rise and about
`a + b/x` where they fall, so that a line through two points, over x or over 1/x, comes close to where the bound is met;
some lines, each through the latest two points, come to the value. There it is computed again, and one step to either
side: what is said of it is what is found there.
"""

from __future__ import annotations

from math import floor, log10

from flopsheet.catalog import Catalog
from flopsheet.catalog.desugar import substitute
from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import Name
from flopsheet.numerics import ROUNDING, STORED
from flopsheet.pipeline.limits.dials import Limit
from flopsheet.pipeline.limits.program import (
    ABOVE,
    AT,
    BELOW,
    CALLED,
    DOUBLE,
    NOW,
    SECANTS,
    UNLIMITED,
    Point,
    Step,
    at,
    moved,
    opening,
)
from flopsheet.records import frozen

CLAIMED = "claimed"
MOST_DECIMALS, DIGITS = 6, 4
# What is compared: of a bound from below the reciprocal, which a larger value makes smaller.
SPENT = {"at_most": "spent", "at_least": f"where(spent > 0, 1 / spent, {UNLIMITED})"}
TARGET = {"at_most": parse("claimed"), "at_least": parse("1 / claimed")}
OFF = {
    "at_most": parse("where(found <= 4, next_spent, last_spent) - claimed"),
    "at_least": parse("claimed - where(found <= 4, next_spent, last_spent)"),
}
LEFT = {"at_most": parse("claimed - spent"), "at_least": parse("spent - claimed")}
IS_FLAT = f"abs(v_b - v_a) <= {ROUNDING} * abs(v_a)"
INVERSE = "1 / x_a + (target - v_a) * (1 / x_b - 1 / x_a) / (v_b - v_a)"
CROSSING = parse(
    f"where(x_a == x_b, x_b, where({IS_FLAT}, x_b, where((v_b - v_a) * (x_b - x_a) > 0, "
    "x_a + (target - v_a) * (x_b - x_a) / (v_b - v_a), "
    f"where({INVERSE} > 0, 1 / max(1 / {UNLIMITED}, {INVERSE}), {UNLIMITED}))))"
)
ON_GRID = parse(f"max(least, min(most, now + floor((crossing - now) / step + {STORED}) * step))")
TWICE = parse("now + max(1, floor(now / step)) * step")
# What is found: 1 and 2, the most that the budget allows; 3 and 4, the least; 5, it holds everywhere; 6, nowhere.
FOUND = parse(
    "where(left_at >= 0, where(where(x_above > x_at, left_above, 0) < 0, 1, "
    "where(where(x_below < x_at, left_below, 0) < 0, 4, 5)), where(where(x_below < x_at, left_below, 0 - 1) >= 0, 2, "
    "where(where(x_above > x_at, left_above, 0 - 1) >= 0, 3, 6)))"
)
IS_END = parse(
    f"where({IS_FLAT}, 1, where(x_at <= least, 1, where(x_at >= most, 1, "
    "where(found == 6, where(v_at == v_before, 1, 0), 0))))"  # it falls no further
)
LAST_OF = parse("where(found == 2, below, where(found == 3, above, at))")
NEXT_OF = parse("where(found == 1, above, where(found == 4, below, at))")
SAID = {
    "last": (LAST_OF, "Last within the budget"),
    "next": (NEXT_OF, "One step further"),
    "last_spent": (LAST_OF, "The metric there"),
    "next_spent": (NEXT_OF, "The metric then"),
}


@frozen
class Budget:
    """A bound of a metric of a kind of run: `at_most` or `at_least`."""

    metric: str
    claim: str


def called(budget: Budget, bound: float, catalog: Catalog) -> str:
    """A budget for a reader: `days at most 14`."""
    metric = catalog.metrics[budget.metric]
    shown = f"{bound:,.{decimals(bound)}f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    words = f"{metric.label}: {budget.claim.replace('_', ' ')} {shown}"
    return f"{words} {catalog.units[metric.unit].label}".rstrip()


def decimals(bound: float) -> int:
    """With how many decimals a number beside a bound is told."""
    return max(0, min(MOST_DECIMALS, DIGITS - 1 - floor(log10(abs(bound))))) if bound else 2


def program(limit: Limit, budget: Budget, *, may_be_absent: bool) -> list[Step | Point]:
    """What is computed in turn, as that of memory: `claimed` is the bound, `spent@point` the metric there."""
    done: list[Step | Point] = [
        *opening(limit),
        Step("target", TARGET[budget.claim], "Compared with"),
        *_read(budget, NOW, may_be_absent=may_be_absent),
        *_point(budget, DOUBLE, TWICE, may_be_absent=may_be_absent),
    ]
    before = [NOW, DOUBLE]
    for point in (*(SECANTS if limit.input == "context_length" else SECANTS[:-1]), AT):  # squares need one more
        found = substitute(CROSSING, _of_two(before))
        done += _point(budget, point, substitute(ON_GRID, {"crossing": found}), may_be_absent=may_be_absent)
        before = [before[1], point]
    done += _point(budget, BELOW, parse("max(least, x - step)"), may_be_absent=may_be_absent)
    done += _point(budget, ABOVE, parse("min(most, x + step)"), may_be_absent=may_be_absent)
    read = {f"{name}_{point}": Name(at(name, point)) for name in ("x", "left") for point in (BELOW, AT, ABOVE)}
    done.append(Step("found", substitute(FOUND, read), "What is found"))
    read |= {f"v_{end}": Name(at("compared", point)) for end, point in zip(("before", "at"), before, strict=True)}
    done.append(Step("is_end", substitute(IS_END, {**read, **_of_two([NOW, DOUBLE])}), "Nothing beyond"))
    for name, (chosen, words) in SAID.items():
        said = Name("spent") if name.endswith("_spent") else limit.shown
        each = {point: moved(said, point) for point in (BELOW, AT, ABOVE)}
        done.append(Step(name, substitute(chosen, each), words))
    done.append(Step("told", parse("where(found <= 4, next, last)"), "What breaks it"))
    done.append(Step("off", OFF[budget.claim], "By how much"))
    return done


def _of_two(points: list[str]) -> dict[str, Node]:
    return {
        f"{letter}_{end}": Name(at(name, point))
        for end, point in zip("ab", points, strict=True)
        for letter, name in (("x", "x"), ("v", "compared"))
    }


def _point(budget: Budget, point: str, x: Node, *, may_be_absent: bool) -> list[Step | Point]:
    where = at("x", point)
    beside = substitute(x, {"x": Name(at("x", AT))})
    return [Step(where, beside, CALLED[point]), Point(point, where), *_read(budget, point, may_be_absent=may_be_absent)]


def _read(budget: Budget, point: str, *, may_be_absent: bool) -> list[Step | Point]:
    """The metric at a point, what is compared, and what is left of the budget."""
    metric: Node = Name(budget.metric) if point == NOW else Name(at(budget.metric, point))
    if may_be_absent:
        metric = substitute(parse("where(given(metric), metric, 0)"), {"metric": metric})
    spent = {"spent": Name(at("spent", point))}
    return [
        Step(at("spent", point), metric, "The metric"),
        Step(at("compared", point), substitute(parse(SPENT[budget.claim]), spent), "What is compared"),
        Step(at("left", point), substitute(LEFT[budget.claim], spent), "Left of the budget"),
    ]
