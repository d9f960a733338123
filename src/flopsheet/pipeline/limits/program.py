"""The steps by which the last value of an input is found, as formulas: for NumPy columns and for cells alike.

What is left of a device's memory is linear in nearly every input, in the context length at most quadratic, for each
stage and phase apart. So a run is computed as it is and far away; the line through both tells where it ends, and there
it is computed again: at the last value and one step further. Where layer groups differ, the largest of them may be
another one there; then the line is drawn anew between two neighbours, twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog import Catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, names, parse
from flopsheet.formula.nodes import Call, Name, substitute
from flopsheet.numerics import ROUNDING
from flopsheet.pipeline.limits.dials import FURTHEST, LEFT, MARGIN, Limit
from flopsheet.records import NamedTuple

NOW, FAR, OTHER, LAST, NEXT = "now", "far", "other", "last", "next"
ROUNDS = ("near", "near_next"), ("nearer", "nearer_next")  # a point near the end and its neighbour, twice
DOUBLE, PROBES = "double", ("first", "second", "third")  # what a budget is looked for with
AT, BESIDE = "at", "beside"  # where it ends, and its neighbour
CALLED = {
    FAR: "Far away",
    OTHER: "A further point",
    **{point: words for pair in ROUNDS for point, words in zip(pair, ("Near the end", "Its neighbour"), strict=True)},
    LAST: "Last that fits",
    NEXT: "One step further",
    DOUBLE: "Twice",
    **dict.fromkeys(PROBES, "Nearer"),
    AT: "Where it ends",
    BESIDE: "One step beside",
}
UNLIMITED, NOWHERE = "1e300", "0"  # where a line that does not fall ends, or that is below from the start
ENDLESS = f"where(left_a >= 0, {UNLIMITED}, {NOWHERE})"
FALL = "(left_a - left_b) / (need_b - need_a)"
LINE = parse(
    f"where(need_b == need_a, {ENDLESS}, where((left_a - left_b) * (need_b - need_a) > 0, "
    f"max({NOWHERE}, need_a + left_a / ({FALL})), {ENDLESS}))"
)
BEND = f"((left_b - left_c) / (need_c - need_b) - {FALL})"
# Rounding alone bends no line: programs round such a difference to zero, NumPy does not.
CURVE = parse(f"where(abs{BEND} <= {ROUNDING} * abs({FALL}), 0, {BEND} / (need_c - need_a))")
SLOPE = parse(f"{FALL} - curve * (need_b - need_a)")
FALLS = "(slope + max(0, slope * slope + 4 * curve * left_a)^0.5)"
ROOT = parse(
    f"where(slope * slope + 4 * curve * left_a < 0, {NOWHERE}, where({FALLS} > 0, "
    f"max({NOWHERE}, need_a + 2 * left_a / {FALLS}), {ENDLESS}))"
)
CLAMPED = parse("max(least, min(most, value))")
BEYOND = {False: parse("last + step"), True: parse("where(last > least, last - step, last)")}


class Step(NamedTuple):
    """A number on the way."""

    name: str
    node: Node
    label: str


class Points(NamedTuple):
    """The run computed anew, with the values that steps have given: at all of these points at once."""

    names: tuple[str, ...]


def wanted(kind: RunKind, limit: Limit, catalog: Catalog) -> tuple[str, ...]:
    """The metrics that are read at a point."""
    read = [name for node in (*LEFT[kind].values(), limit.need, limit.shown) for name in names(node)]
    return tuple(dict.fromkeys(name for name in (MARGIN[kind], *read) if name in catalog.metrics))


def recomputed(limit: Limit, read: Sequence[str], catalog: Catalog) -> tuple[str, ...]:
    """The metrics that are computed anew at a point: what is read there and depends on the inputs that vary."""
    depend = set(limit.varied)
    found = []
    for name in catalog.closure(read):
        if depend.intersection((*catalog.metrics[name].dependencies, *catalog.metrics[name].aggregated)):
            depend.add(name)
            found.append(name)
    return tuple(found)


def at_point(name: str, point: str) -> str:
    """A step or a metric at a point; as it is, a metric has its own name."""
    return f"{name}@{point}"


def name_and_point(name: str) -> tuple[str, str]:
    """`x@near` → x, near; of what is as it is, no point."""
    own, _, point = name.partition("@")
    return own, point


def read_at(node: Node, point: str) -> Node:
    """A formula with what it reads at a point."""
    return substitute(node, {name: Name(at_point(name, point)) for name in names(node)})


def opening(limit: Limit) -> list[Step]:
    """What every limit begins with: the value as it is, and where others are tried."""
    return [
        Step("now", limit.now, "Now"),
        Step("step", limit.step, "Step"),
        Step("least", limit.least, "Least"),
        Step("most", FURTHEST, "Tried at most"),
        Step(at_point("x", NOW), Name("now"), "Now"),
    ]


def program(kind: RunKind, limit: Limit, n_groups: int) -> list[Step | Points]:
    """What is computed in turn.

    A formula reads the run as it is by the names of the catalogue, earlier steps by theirs, and what a point gives as
    `metric@point`; `need@point` and the pieces of what is left there are steps.
    """
    pieces = LEFT[kind]
    done: list[Step | Points] = [*opening(limit)]
    points, tried = [NOW, FAR], {FAR: limit.far}
    if limit.other is not None:
        points = [NOW, OTHER, FAR] if limit.is_squared else [OTHER, FAR]
        tried = {OTHER: limit.other, FAR: limit.far}
    done += _tried(limit, pieces, tried)
    if NOW in points:
        done += _left(limit, pieces, NOW)
    done += _end(pieces, points, "", is_squared=limit.is_squared)
    need = "need"
    for near, beside in ROUNDS[: limit.rounds(n_groups)]:
        done += _tried(limit, pieces, {near: _value(limit, need), beside: _beside(near)})
        done += _end(pieces, [near, beside], f"_{near}", is_squared=limit.is_squared)
        need = f"need_{near}"
    done.append(Step(at_point("x", LAST), _value(limit, need), CALLED[LAST]))
    beyond = substitute(BEYOND[limit.fewest], {"last": Name(at_point("x", LAST))})
    done += [Step(at_point("x", NEXT), beyond, CALLED[NEXT]), Points((LAST, NEXT))]
    done += [Step(point, read_at(limit.shown, point), CALLED[point]) for point in (LAST, NEXT)]
    return done


def _beside(near: str) -> Node:
    """One step beyond a point."""
    return substitute(parse("x + step"), {"x": Name(at_point("x", near))})


def _tried(limit: Limit, pieces: Mapping[str, Node], tried: Mapping[str, Node]) -> list[Step | Points]:
    """What is left at some points, given the value at each."""
    found: list[Step | Points] = [Step(at_point("x", point), x, CALLED[point]) for point, x in tried.items()]
    return [*found, Points(tuple(tried)), *(step for point in tried for step in _left(limit, pieces, point))]


def _left(limit: Limit, pieces: Mapping[str, Node], point: str) -> list[Step | Points]:
    """What memory is linear in, and what is left of it for each stage and phase, at a point."""
    need = Step(at_point("measure", point), _read(limit.need, point), "Measured by")
    left = (Step(at_point(f"left_{name}", point), _read(node, point), f"Left: {name}") for name, node in pieces.items())
    return [need, *left]


def _read(node: Node, point: str) -> Node:
    if point == NOW:
        return substitute(node, {"x": Name(at_point("x", NOW))})
    return read_at(node, point)


def _end(pieces: Mapping[str, Node], points: Sequence[str], anew: str, *, is_squared: bool) -> list[Step | Points]:
    """Where each piece of what is left ends, and the first of these."""
    done: list[Step | Points] = []
    for piece in pieces:
        read: dict[str, Node] = {}
        for letter, point in zip("abc", points, strict=False):
            read[f"need_{letter}"] = Name(at_point("measure", point))
            read[f"left_{letter}"] = Name(at_point(f"left_{piece}", point))
        node = LINE
        if is_squared:
            read["curve"], read["slope"] = Name(f"curve_{piece}"), Name(f"slope_{piece}{anew}")
            if not anew:
                done.append(Step(f"curve_{piece}", substitute(CURVE, read), f"Curve: {piece}"))
            done.append(Step(f"slope_{piece}{anew}", substitute(SLOPE, read), f"Slope: {piece}"))
            node = ROOT
        done.append(Step(f"end_{piece}{anew}", substitute(node, read), f"Ends: {piece}"))
    first = Call("min", tuple(Name(f"end_{piece}{anew}") for piece in pieces))
    return [*done, Step(f"need{anew}", first, "Ends at")]


def _value(limit: Limit, need: str) -> Node:
    """The value for a need, not below the least and not beyond what is tried."""
    return substitute(CLAMPED, {"value": substitute(limit.back, {"need": Name(need)})})
