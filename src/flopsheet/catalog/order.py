"""The order in which formulas are evaluated: each after what it reads, else as their authors wrote them.

`graphlib` would give some such order; this one keeps that of the files, which columns of frames and exports follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


class CycleError(Exception):
    """Names that read each other in a circle; `chain` begins and ends with the same one."""

    def __init__(self, chain: Sequence[str]) -> None:
        self.chain = tuple(chain)
        super().__init__(" → ".join(chain))


def sort_by_dependencies(reads: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names so that each follows those it reads; names that are no key are given. CycleError for a circle."""
    done: dict[str, None] = {}
    open_names: dict[str, None] = {}

    def visit(name: str) -> Iterator[str]:
        """Depth first with an explicit stack, so that a chain of thousands cannot exhaust Python's own."""
        yield from (read for read in reads[name] if read in reads)

    for root in reads:
        if root in done:
            continue
        stack = [(root, visit(root))]
        open_names[root] = None
        while stack:
            name, rest = stack[-1]
            for read in rest:
                if read in open_names:
                    chain = list(open_names)
                    raise CycleError([*chain[chain.index(read) :], read])
                if read not in done:
                    open_names[read] = None
                    stack.append((read, visit(read)))
                    break
            else:
                stack.pop()
                del open_names[name]
                done[name] = None
    return tuple(done)
