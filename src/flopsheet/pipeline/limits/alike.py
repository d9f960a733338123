"""Parts that differ by the number of a pipeline stage alone, as one formula over the columns of all of them.

Most formulas of a run's working are those of single stages. Computed one by one they take three quarters of the time:
of a few runs an operation takes as long as of the same runs in all stages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from flopsheet.catalog.entries import Scalar
from flopsheet.formula import Node
from flopsheet.formula.nodes import Name, Number, aggregated, below, names, rebuilt, with_parts
from flopsheet.pipeline.limits.parts import Part, family
from flopsheet.records import frozen

BETWEEN = " "  # the names that one stands for: none has a space


@frozen
class Alike:
    """Parts with one formula, none of which reads another; most are alone."""

    parts: tuple[Part, ...]
    node: Node
    """The formula over the columns of all parts, those of the first part first."""
    stacked: Mapping[str, tuple[Scalar, ...]]
    """What a name of that formula stands for in each part, where they differ: other names, or numbers."""


@frozen
class WorkingRows:
    """The rows of a working, each after those that it reads."""

    parts: tuple[Part, ...]

    @cached_property
    def fixed(self) -> tuple[Alike, ...]:
        """What the input does not move."""
        return tuple(_together([part for part in self.parts if not part.is_moved]))

    @cached_property
    def moved(self) -> tuple[Alike, ...]:
        """What depends on the input."""
        return tuple(_together([part for part in self.parts if part.is_moved]))


def _together(parts: Sequence[Part]) -> Iterator[Alike]:
    """Parts in an order in which each comes after what it reads, those with one formula at once."""
    depths: dict[str, int] = {}
    found: dict[tuple[int, str], list[Part]] = {}
    for part in parts:
        depth = depths[part.name] = 1 + max((depths.get(name, 0) for name in _read(part.node)), default=0)
        found.setdefault((depth, part.name if part.is_finer else family(part.name)), []).append(part)
    for _, some in sorted(found.items(), key=lambda item: item[0][0]):
        yield from _alike(some)


def _read(node: Node) -> tuple[str, ...]:
    return (*names(node), *aggregated(node))


def _alike(parts: Sequence[Part]) -> Iterator[Alike]:
    """Some parts at once if they have one formula, else one by one."""
    stacked: dict[str, tuple[Scalar, ...]] = {}
    node = _merged([part.node for part in parts], stacked) if len(parts) > 1 else None
    if node is not None:
        yield Alike(tuple(parts), node, stacked)
        return
    for part in parts:
        yield Alike((part,), part.node, {})


def _merged(nodes: Sequence[Node], stacked: dict[str, tuple[Scalar, ...]]) -> Node | None:
    """One node in the place of several, with a name where they have different names or numbers; None if they differ."""
    first = nodes[0]
    if isinstance(first, Name | Number) and all(type(node) is type(first) for node in nodes):
        each = tuple(node[0] for node in nodes if isinstance(node, Name | Number))
        if len(set(each)) == 1:
            return first
        name = BETWEEN.join(map(str, each))
        stacked[name] = each
        return Name(name)
    if any(with_parts(node, _blank) != with_parts(first, _blank) for node in nodes):
        return None
    merged = [_merged(some, stacked) for some in zip(*map(below, nodes), strict=True)]
    made = [part for part in merged if part is not None]
    return rebuilt(first, made) if len(made) == len(merged) else None


def _blank(_: Node) -> Node:
    """In the place of a part: what is left is the operation or the function."""
    return Name(BETWEEN)
