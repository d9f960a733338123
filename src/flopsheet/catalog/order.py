"""The order in which formulas are evaluated: each after what it reads, else as their authors wrote them.

`graphlib` finds circles. The order is depth first, so that columns of frames and exports follow the files: what a
formula reads from further down comes right before it. `TopologicalSorter` gives whatever is ready at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


class CycleError(Exception):
    """Names that read each other in a circle; `chain` begins and ends with the same one."""

    def __init__(self, chain: Sequence[str]) -> None:
        self.chain = tuple(chain)
        super().__init__(" → ".join(chain))


def sort_by_dependencies(reads: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names so that each follows those it reads; names that are no key are given. CycleError for a circle."""
    import graphlib  # which a stored catalogue makes needless

    graph = {name: [read for read in others if read in reads] for name, others in reads.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        raise CycleError(_from_first(error.args[1][:0:-1], reads)) from None
    done: dict[str, None] = {}
    for root in graph:
        stack = [] if root in done else [root]  # of its own, so that a chain of thousands cannot exhaust Python's
        while stack:
            waits_for = next((read for read in graph[stack[-1]] if read not in done), None)
            if waits_for is None:
                done[stack.pop()] = None
            else:
                stack.append(waits_for)
    return tuple(done)


def _from_first(circle: Sequence[str], names: Iterable[str]) -> list[str]:
    """A circle from the one of its names that was written first, and back to it."""
    start = circle.index(next(name for name in names if name in circle))
    return [*circle[start:], *circle[:start], circle[start]]
