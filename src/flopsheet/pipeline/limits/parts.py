"""What is computed anew at each point of a limit: the metrics that depend on an input, each part of them written once.

A metric that only one other reads stands in that one's formula. A part that several formulas have is a row of its own,
and so is what the input does not move: that is computed once for all points.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from flopsheet import quantities
from flopsheet.catalog import KEYS, Catalog, Input
from flopsheet.catalog.grains import OF_LAYERS
from flopsheet.formula import Node
from flopsheet.formula.marked import marked, pieces
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Number, Operation, Text, rebuilt
from flopsheet.formula.operators import ABSENT, COMPARISON, GIVEN, OPERATORS
from flopsheet.records import frozen

FINER = OF_LAYERS
# Names and numbers of a part that has a row of its own. A sheet stores what all pipeline stages have once, and cells of
# each row: their parts are longer.
LEAST_SHARED, LEAST_OF_STAGE, LEAST_FIXED = 6, 20, 4
OF_STAGE = re.compile(r"_[0-9]+(?=#|$)")  # the number of a stage, in the name of a metric or before that of its part
MOST, DEEPEST = 120, 16  # names and numbers of a formula, functions inside each other
NO_NUMBER = frozenset({"&", *(symbol for symbol, row in OPERATORS.items() if row.binds == COMPARISON)})


def family(name: str) -> str:
    """A name without the number of a stage: what those of all stages have in common."""
    return OF_STAGE.sub("_", name)


@frozen
class Part:
    """A metric, or a part of one, that has a row of its own."""

    name: str
    node: Node
    of: str
    """The metric that it belongs to."""
    is_finer: bool
    """Whether each layer group has one."""
    is_moved: bool
    """Whether it depends on the input."""

    @cached_property
    def text(self) -> str:
        """Its formula in a spreadsheet, with marks where references go."""
        return marked(self.node)

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The same in pieces, of which every second one is a mark."""
        return pieces(self.text)


@dataclass
class _Piece:
    """A piece of a formula: what it is, its arguments, and what is known of it."""

    node: Node
    below: tuple[int, ...]
    of: str
    is_finer: bool
    is_moved: bool
    may_fail: bool
    is_number: bool
    is_positive: bool = False
    """Whether it is above 0 whatever the inputs are."""
    is_kept: bool = False
    is_sure: bool = False
    """Whether some metric computes it whatever its conditions say."""
    uses: int = 0
    beside_moved: bool = False
    """Whether it stands in a piece that depends on the input."""
    size: int = 1
    depth: int = 0
    name: str = ""
    """Of its row, where it has one."""


@dataclass
class _Pieces:
    """Every piece of some formulas, equal ones once, each after those that it is made of."""

    catalog: Catalog
    moved: Collection[str]
    every: list[_Piece] = field(default_factory=list)
    known: dict[object, int] = field(default_factory=dict)
    metrics: dict[str, int] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    """By the identity of a node of the catalogue: equal parts of its formulas are one object."""

    def add(self, key: object, made: Callable[[], _Piece]) -> int:
        """The place of a piece; it is made where it is not known."""
        at = self.known.get(key)
        if at is None:
            at = self.known[key] = len(self.every)
            self.every.append(made())
        return at

    def metric(self, name: str, *, is_kept: bool) -> None:
        """A metric that depends on the input; one that is kept has a row whatever it is."""
        entry = self.catalog.metrics[name]
        root = self.visit(entry.ast, name)
        self.every[root].is_sure = True
        if is_kept:
            is_finer, below = entry.grain in FINER, self.every[root]
            kept = _Piece(
                Name(name), (root,), name, is_finer=is_finer, is_moved=True, may_fail=below.may_fail,
                is_number=below.is_number, is_kept=True, name=name,
            )  # fmt: skip
            root = self.add((name,), lambda: kept)
        self.metrics[name] = root

    def visit(self, node: Node, of: str) -> int:
        """The place of a node, whose names that are metrics of this working have theirs."""
        at = self.seen.get(id(node))
        if at is None:
            at = self.seen[id(node)] = self.visit_first(node, of)
        return at

    def visit_first(self, node: Node, of: str) -> int:
        below: tuple[int, ...]
        match node:
            case Name(name):
                if name in self.metrics:
                    return self.metrics[name]
                return self.add(name, lambda: self.named(node, name, of))
            case Number() | Text():
                return self.add(node, lambda: _constant(node, of))
            case Aggregate(_, names):
                moved = not self.moved_among(names).isdisjoint(names)
                return self.add(
                    node,
                    lambda: _Piece(node, (), of, is_finer=False, is_moved=moved, may_fail=False, is_number=True),
                )
            case Negative(operand):
                kind, below = "-", (self.visit(operand, of),)
            case Operation(kind, left, right):
                below = (self.visit(left, of), self.visit(right, of))
            case Call(kind, arguments):
                below = tuple(self.visit(argument, of) for argument in arguments)
        return self.add((kind, below), lambda: self.made(node, below, of))

    def named(self, node: Node, name: str, of: str) -> _Piece:
        """An input, or a metric that does not depend on the input that varies."""
        entry = None if name in KEYS else self.catalog.entry(name)
        finer, unsure = entry is not None and entry.grain in FINER, name in self.catalog.absent
        is_number = entry is not None and entry.unit not in quantities.NO_NUMBER and not unsure
        is_positive = isinstance(entry, Input) and is_number and (entry.least or 0) > 0
        return _Piece(
            node, (), of, is_finer=finer, is_moved=name in self.moved, may_fail=unsure, is_number=is_number,
            is_positive=is_positive,
        )  # fmt: skip

    def moved_among(self, names: Sequence[str]) -> set[str]:
        return {name for name in names if name in self.moved or name in self.metrics}

    def made(self, node: Node, below: tuple[int, ...], of: str) -> _Piece:
        made_of = [self.every[at] for at in below]
        fails, is_number, is_positive = False, True, False
        above = [piece.is_positive for piece in made_of]
        match node:
            case Operation("/"):
                fails, is_positive = not above[1], all(above)
            case Operation("^"):
                fails, is_positive = not above[0], above[0]
            case Operation(symbol):
                is_number, is_positive = symbol not in NO_NUMBER, symbol in {"+", "*"} and all(above)
            case Call("where"):
                is_number, is_positive = all(piece.is_number for piece in made_of[1:]), all(above[1:])
            case Call(function):
                fails, is_number = function == ABSENT, function not in {ABSENT, GIVEN}
                is_positive = any(above) if function == "max" else all(above) and function in {"min", "ceil"}
        return _Piece(
            node, below, of, is_finer=any(piece.is_finer for piece in made_of),
            is_moved=any(piece.is_moved for piece in made_of), may_fail=fails, is_number=is_number,
            is_positive=is_positive,
        )  # fmt: skip

    def note_what_is_sure(self, roots: Sequence[int]) -> list[int]:
        """Marks what is read, how often, and what is computed whatever conditions say; gives the former in order."""
        read = set(roots)
        for at in range(len(self.every) - 1, -1, -1):
            if at not in read:
                continue
            piece = self.every[at]
            is_choice = isinstance(piece.node, Call) and piece.node.function == "where"
            for place, below in enumerate(piece.below):
                other = self.every[below]
                other.uses += 1
                other.beside_moved |= piece.is_moved
                other.is_sure |= piece.is_sure and not (is_choice and place > 0)
                read.add(below)
            if isinstance(piece.node, Aggregate):
                read |= {self.metrics[name] for name in piece.node.names if name in self.metrics}
        return sorted(read)

    def rows(self, read: Sequence[int]) -> Iterator[Part]:
        counts: dict[str, int] = {}
        nodes: dict[int, Node] = {}
        for at in read:
            piece = self.every[at]
            node = piece.node
            below = [self.every[one] for one in piece.below]
            if below:
                piece.may_fail |= any(one.may_fail and not one.is_sure for one in below)
                piece.size = sum(1 if one.name else one.size for one in below)
                own = isinstance(node, Call)
                piece.depth = own + max(0 if one.name else one.depth for one in below)
            inside = [Name(self.every[one].name) if self.every[one].name else nodes[one] for one in piece.below]
            nodes[at] = rebuilt(node, inside)
            if piece.is_kept:
                yield Part(piece.name, inside[0], piece.of, is_finer=piece.is_finer, is_moved=True)
            elif below and self.has_row(piece):
                counts[piece.of] = counts.get(piece.of, 0) + 1
                piece.name = f"{piece.of}#{counts[piece.of]}"
                yield Part(piece.name, nodes[at], piece.of, is_finer=piece.is_finer, is_moved=piece.is_moved)

    def has_row(self, piece: _Piece) -> bool:
        if not piece.is_number or (piece.may_fail and not piece.is_sure):
            return False
        if not piece.is_moved:
            return piece.beside_moved and piece.size >= LEAST_FIXED
        least = LEAST_OF_STAGE if OF_STAGE.search(piece.of) else LEAST_SHARED
        return (piece.uses > 1 and piece.size >= least) or piece.size > MOST or piece.depth > DEEPEST


def _constant(node: Number | Text, of: str) -> _Piece:
    """A number or a text."""
    is_positive = isinstance(node, Number) and node.value > 0
    return _Piece(
        node, (), of, is_finer=False, is_moved=False, may_fail=False, is_number=isinstance(node, Number),
        is_positive=is_positive,
    )  # fmt: skip


def parts(
    varied: Mapping[str, Node], metrics: Sequence[str], read: Sequence[str], catalog: Catalog
) -> tuple[Part, ...]:
    """The rows of a working, each after those that it reads.

    `metrics` depend on the inputs that vary, each after those that it reads itself; those `read` are wanted.
    """
    gathered = {name for metric in metrics for name in catalog.metrics[metric].aggregated}
    across = _gathering(metrics, catalog)
    of_stages = {name for name in metrics if OF_STAGE.search(name)}
    # Words in the place of a number have a cell of their own.
    kept = gathered | across | of_stages | set(read) | catalog.absent.keys()
    every = _Pieces(catalog, frozenset(varied))
    for name in metrics:
        every.metric(name, is_kept=name in kept)
    roots = [every.metrics[name] for name in metrics if name in read]
    return tuple(every.rows(every.note_what_is_sure(roots)))


def _gathering(metrics: Sequence[str], catalog: Catalog) -> set[str]:
    """Metrics that layer groups read and that gather over these: the groups' own formulas cannot."""
    of_groups = [name for name in metrics if catalog.metrics[name].grain in FINER]
    read = {name for metric in of_groups for name in catalog.metrics[metric].reads if name in catalog.metrics}
    return {
        name
        for name in read
        if catalog.metrics[name].grain not in FINER
        and any(catalog.metrics[one].aggregated for one in catalog.closure([name]))
    }
