"""Which single change would make a run fit that does not: the last values of its limits, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.catalog.sentences import first_that_holds
from flopsheet.formula import Node, evaluate
from flopsheet.formula.nodes import Call, Name, Operation, Text
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.limits.dials import MARGIN
from flopsheet.pipeline.limits.solve import Solved, solve
from flopsheet.pipeline.limits.told import last_value

# By its name here, the limit whose last value is told; the layers and the width of a model are not a run's to change.
LIMITS: Mapping[RunKind, Mapping[str, str]] = {
    "training": {"batch": "largest_micro_batch", "context": "longest_context", "devices": "fewest_devices"},
    "serving": {"batch": "largest_batch", "context": "longest_context", "devices": "fewest_devices"},
}
# What is said of each; a limit is a number where it has a last value that fits, else a word.
CHANGES: Mapping[RunKind, Mapping[str, Sequence[tuple[str, str]]]] = {
    "training": {
        "batch": [("batch == 1", "a micro-batch of 1"), ("", "a micro-batch of at most {batch:,}")],
        "context": [("", "a context of at most {context:,} tokens")],
        "devices": [("", "at least {devices:,} devices")],
    },
    "serving": {
        "batch": [("batch == 1", "1 sequence at once"), ("", "at most {batch:,} sequences at once")],
        "context": [("", "a context of at most {context:,} tokens")],
        # Where the split follows the devices, one replica would take them all.
        "devices": [("", "at least {devices:,} devices in replicas of {n_replica_devices:.0}")],
    },
}
HOPELESS: Mapping[RunKind, str] = {
    "training": "no micro-batch, context or number of replicas alone makes it fit: change the split, the "
    "recomputation or the hardware",
    "serving": "no batch, context or number of replicas alone makes it fit: change the split, the formats or the "
    "hardware",
}


NOTHING: Node = Text("")


def _if_given(name: str, yes: Node, no: Node = NOTHING) -> Node:
    return Call("where", (Call("given", (Name(name),)), yes, no))


@cache
def remedy(kind: RunKind) -> Node:
    """What would make a run of a kind fit that does not, each change by itself; or that no single one would."""
    would, either = Text("would fit with "), Text(" or ")
    node = _if_given("batch", would, _if_given("context", would, _if_given("devices", would, Text(HOPELESS[kind]))))
    before = {
        "batch": NOTHING,
        "context": _if_given("batch", _if_given("devices", Text(", "), either)),
        "devices": _if_given("batch", either, _if_given("context", either)),
    }
    for name, cases in CHANGES[kind].items():
        node = Operation("&", node, _if_given(name, Operation("&", before[name], first_that_holds(cases))))
    return node


def remedies(values: Values, kind: RunKind, catalog: Catalog) -> dict[int, str]:
    """That of each run that does not fit; nothing where the limits are beyond what doubles hold."""
    lacking = [at for at, left in enumerate(values.plain(RUNS[kind][0], MARGIN[kind])) if float(left) < 0]
    solved = solve(values, kind, catalog) if lacking else []
    return {at: _told(values, kind, solved, at) for at in lacking} if solved else {}


def _told(values: Values, kind: RunKind, solved: Sequence[Solved], at: int) -> str:
    of_limit = {one.limit.name: one for one in solved}

    def read(name: str) -> Scalar:
        limit = LIMITS[kind].get(name)
        return last_value(of_limit[limit], at, kind) if limit else values.plain(RUNS[kind][0], name)[at]

    return str(evaluate(remedy(kind), read))
