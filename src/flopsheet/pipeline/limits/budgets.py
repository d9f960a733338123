"""The steps by which the last value of an input within a budget is found, as formulas: for NumPy and for cells alike.

A budget is a bound of a metric of a run or a model. Over the input, times and costs are about `a + b·x + c·x²` where
they rise, and about the same of `1/x` where they fall: a line through two points, then parabolas through the latest
three, come to where the bound is met. There the metric is computed again, and one step beside it, on the side where the
budget breaks: what is said of the value is what is found there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import floor, log10

from flopsheet.catalog import Catalog
from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import Name, substitute
from flopsheet.numerics import ALMOST_ZERO, ROUNDING, STORED
from flopsheet.pipeline.limits.dials import Limit
from flopsheet.pipeline.limits.program import (
    AT,
    BESIDE,
    CALLED,
    DOUBLE,
    NOW,
    PROBES,
    UNLIMITED,
    Points,
    Step,
    at_point,
    opening,
    read_at,
)
from flopsheet.records import frozen
from flopsheet.spec.entries import CLAIM_WORDS

CLAIMED = "claimed"
OF_TWO, OF_THREE = "ab", "abc"
MOST_DECIMALS, DIGITS = 6, 4
NOTHING = "1e100"  # stands for the reciprocal of 0; a parabola squares it
# What is compared: of a bound from below the reciprocal, which a larger value makes smaller.
SPENT = {"at_most": "spent", "at_least": f"where(spent > 0, 1 / spent, {NOTHING})"}
# What is found: 1 and 2, the most that the budget allows; 3 and 4, the least; 5, it holds everywhere; 6, nowhere.
IS_MOST, IS_LIMIT, HOLDS_EVERYWHERE, HOLDS_NOWHERE = "found <= 2", "found <= 4", "found == 5", "found == 6"
IS_UNLIMITED = f"where({HOLDS_EVERYWHERE}, is_end, 0) == 1"
TARGET = {"at_most": parse("claimed"), "at_least": parse("1 / claimed")}
OFF = {
    "at_most": parse(f"where({IS_LIMIT}, next_spent, last_spent) - claimed"),
    "at_least": parse(f"claimed - where({IS_LIMIT}, next_spent, last_spent)"),
}
LEFT = {"at_most": parse("claimed - spent"), "at_least": parse("spent - claimed")}
# Ratios are compared, not products or differences: a program that we are held to takes what is nearer than 2e-16 for
# equal, and reciprocals are small.
CHANGE = f"(v_b - v_a) / max(abs(v_a), 1 / {NOTHING})"
LATEST = f"(v_c - v_b) / max(abs(v_b), 1 / {NOTHING})"
IS_FLAT = f"abs({CHANGE}) <= {ROUNDING}"
INVERSE = "1 / x_a + (target - v_a) * (1 / x_b - 1 / x_a) / (v_b - v_a)"
LINE = parse(
    f"where(x_a == x_b, x_b, where({IS_FLAT}, x_b, where({CHANGE} * (x_b - x_a) > 0, "
    "x_a + (target - v_a) * (x_b - x_a) / (v_b - v_a), "
    f"where({INVERSE} > 0, 1 / max(1 / {UNLIMITED}, {INVERSE}), {UNLIMITED}))))"
)
# Rounding alone bends no line: programs round such a difference to zero, NumPy does not.
IS_LEVEL = f"abs({LATEST}) <= {ROUNDING}"
EARLIER = "(v_b - v_a) / (u_b - u_a)"
BEND = f"where(abs(1 - {EARLIER} / chord) <= {ROUNDING}, 0, (chord - {EARLIER}) / (u_c - u_a))"
# A parabola through three points, over x where the latest two rise, else over 1 / x; `reached` is where it meets the
# bound. Where it does not, the line stands. `inside` is what is under the root, over the square of the slope.
PARABOLA = {
    "rises": f"where({LATEST} * (x_c - x_b) > 0, 1, 0)",
    **{f"u_{letter}": f"where(rises > 0, x_{letter}, 1 / max(x_{letter}, {ALMOST_ZERO}))" for letter in "abc"},
    "chord": f"where(x_c == x_b, 0, where({IS_LEVEL}, 0, (v_c - v_b) / (u_c - u_b)))",
    "bend": f"where(x_c == x_b, 0, where({IS_LEVEL}, 0, where(x_b == x_a, 0, where(x_c == x_a, 0, {BEND}))))",
    "steep": "chord + bend * (u_c - u_b)",
    "turned": f"where(x_c == x_b, 0, where({IS_LEVEL}, 0, steep / chord))",
    "inside": "where(turned > 0, 1 + 4 * bend / steep * ((target - v_c) / steep), 0)",
    "reached": "where(turned > 0, where(inside < 0, 0, u_c + 2 * (target - v_c) / (steep * (1 + max(0, inside)^0.5))), "
    "0)",
    "crossing": f"where(reached > 1 / {UNLIMITED}, where(rises > 0, reached, 1 / reached), line)",
}
SHOWN_AS = {
    "rises": "Rises",
    "chord": "Chord",
    "bend": "Bend",
    "steep": "Slope",
    "turned": "Slope over chord",
    "inside": "Under the root",
    "reached": "Parabola meets",
    "line": "Line meets",
    "crossing": "Meets the bound",
}
ON_GRID = parse(f"max(least, min(most, now + floor((crossing - now) / step + {STORED}) * step))")
TWICE = parse("now + max(1, floor(now / step)) * step")
# To which side the neighbour lies: where it is met, towards what costs more.
BESIDE_AT = parse("max(least, min(most, where(where(left_at >= 0, 1, 0) == rises, x_at + step, x_at - step)))")
RISES = f"where(x_a == x_b, before, where({CHANGE} * (x_b - x_a) > 0, 1, 0))"
FOUND = parse(
    "where(left_at >= 0, where(where(x_beside == x_at, 0, left_beside) < 0, where(x_beside > x_at, 1, 4), 5), "
    "where(where(x_beside == x_at, 0 - 1, left_beside) >= 0, where(x_beside < x_at, 2, 3), 6))"
)
IS_END = parse(
    f"where({IS_FLAT}, 1, where(x_at <= least, 1, where(x_at >= most, 1, "
    f"where({HOLDS_NOWHERE}, where(v_at == v_before, 1, 0), 0))))"  # it falls no further
)
LAST_OF = parse("where(found == 2, beside, where(found == 3, beside, at))")
NEXT_OF = parse("where(found == 1, beside, where(found == 4, beside, at))")
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
    """A budget for a reader: `days: at most 14 days`."""
    metric = catalog.metrics[budget.metric]
    shown = f"{bound:,.{decimals(bound)}f}"
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    words = f"{metric.label}: {CLAIM_WORDS[budget.claim]} {shown}"
    unit = catalog.units[metric.unit]
    return f"{words} {unit.label if bound == 1 else unit.plural}".rstrip()


def decimals(bound: float) -> int:
    """With how many decimals a number beside a bound is told."""
    return max(0, min(MOST_DECIMALS, DIGITS - 1 - floor(log10(abs(bound))))) if bound else 2


def program(limit: Limit, budget: Budget, *, may_be_absent: bool) -> list[Step | Points]:
    """What is computed in turn, as that of memory: `claimed` is the bound, `spent@point` the metric there."""
    done: list[Step | Points] = [
        *opening(limit),
        Step("target", TARGET[budget.claim], "Compared with"),
        *_read(budget, NOW, may_be_absent=may_be_absent),
        *_point(budget, DOUBLE, TWICE, may_be_absent=may_be_absent),
    ]
    before = [NOW, DOUBLE]
    for point in (*PROBES, AT):
        done += _crossing(before[-3:], point)
        x = substitute(ON_GRID, {"crossing": Name(at_point("crossing", point))})
        done += _point(budget, point, x, may_be_absent=may_be_absent)
        before.append(point)
    done.append(Step("rises", _rises(before), "Rises"))
    at_end = {f"{name}_at": Name(at_point(name, AT)) for name in ("x", "left")}
    done += _point(budget, BESIDE, substitute(BESIDE_AT, at_end), may_be_absent=may_be_absent)
    read = {f"{name}_{point}": Name(at_point(name, point)) for name in ("x", "left") for point in (AT, BESIDE)}
    done.append(Step("found", substitute(FOUND, read), "What is found"))
    latest = zip(("v_before", "v_at"), before[-2:], strict=True)
    read |= {name: Name(at_point("compared", point)) for name, point in latest}
    done.append(Step("is_end", substitute(IS_END, {**read, **_of_two([NOW, DOUBLE])}), "Nothing beyond"))
    for name, (chosen, words) in SAID.items():
        said = Name("spent") if name.endswith("_spent") else limit.shown
        each = {point: read_at(said, point) for point in (AT, BESIDE)}
        done.append(Step(name, substitute(chosen, each), words))
    done.append(Step("told", parse(f"where({IS_LIMIT}, next, last)"), "What breaks it"))
    done.append(Step("off", OFF[budget.claim], "By how much"))
    return done


def _crossing(points: list[str], point: str) -> Iterator[Step]:
    """Where the bound would be met by the line through two points, or by the parabola through three."""
    line = substitute(LINE, _of_two(points[-2:]))
    if len(points) < len(OF_THREE):
        yield Step(at_point("crossing", point), line, SHOWN_AS["crossing"])
        return
    read = _of_points(points, OF_THREE)
    for name, node in {"line": line, **{name: parse(text) for name, text in PARABOLA.items()}}.items():
        yield Step(at_point(name, point), substitute(node, read), SHOWN_AS.get(name, "Where it is drawn"))
        read[name] = Name(at_point(name, point))


def _rises(points: list[str]) -> Node:
    """1 where the metric rises with the input, by the latest two points that differ."""
    found = parse("1")
    for pair in pairwise(points):
        found = substitute(parse(RISES), {**_of_two(list(pair)), "before": found})
    return found


def _of_two(points: list[str]) -> dict[str, Node]:
    return _of_points(points, OF_TWO)


def _of_points(points: list[str], letters: str) -> dict[str, Node]:
    """What formulas call the values that were tried, and what the metric was there."""
    return {
        f"{letter}_{end}": Name(at_point(name, point))
        for end, point in zip(letters, points, strict=True)
        for letter, name in (("x", "x"), ("v", "compared"))
    }


def _point(budget: Budget, point: str, x: Node, *, may_be_absent: bool) -> list[Step | Points]:
    step = Step(at_point("x", point), substitute(x, {"x": Name(at_point("x", AT))}), CALLED[point])
    return [step, Points((point,)), *_read(budget, point, may_be_absent=may_be_absent)]


def _read(budget: Budget, point: str, *, may_be_absent: bool) -> list[Step | Points]:
    """The metric at a point, what is compared, and what is left of the budget."""
    metric: Node = Name(budget.metric) if point == NOW else Name(at_point(budget.metric, point))
    if may_be_absent:
        metric = substitute(parse("where(given(metric), metric, 0)"), {"metric": metric})
    spent = {"spent": Name(at_point("spent", point))}
    return [
        Step(at_point("spent", point), metric, "The metric"),
        Step(at_point("compared", point), substitute(parse(SPENT[budget.claim]), spent), "What is compared"),
        Step(at_point("left", point), substitute(LEFT[budget.claim], spent), "Left of the budget"),
    ]
