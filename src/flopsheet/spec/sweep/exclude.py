"""`exclude:` of a sweep: which combinations are left out, by some of their values or by a condition."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from flopsheet import catalog, diagnostics
from flopsheet.catalog.entries import flag_word
from flopsheet.catalog.expand import expand
from flopsheet.catalog.refusals import refusal
from flopsheet.diagnostics import FlopsheetError, FormulaError
from flopsheet.formula import Node, evaluate, names, parse
from flopsheet.formula.evaluate import vectorised
from flopsheet.formula.nodes import Aggregate, Call, Operation, walk
from flopsheet.formula.vocabulary import COMPARISONS, FUNCTIONS
from flopsheet.records import NamedTuple
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs
from flopsheet.spec.schema import kinds
from flopsheet.spec.sweep.axes import Grid
from flopsheet.yamlio.source import Path, spell

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Partial(NamedTuple):
    """Some values of a combination: for each axis the points that have them."""

    points: Mapping[int, frozenset[int]]


class Condition(NamedTuple):
    """A comparison that holds for what is left out; it reads the inputs of the variant."""

    ast: Node


Exclude: TypeAlias = Partial | Condition


def read_condition(draft: Draft, path: Path, text: str, readable: Sequence[str]) -> Condition | list[Fault]:
    """The condition that a text says, or what is wrong with it."""
    place = draft.source.place(path)
    try:
        written = parse(text, place, spell(path))
        for part in walk(written):
            if isinstance(part, Aggregate | Call) and part.function not in FUNCTIONS:
                raise _refused(draft, path, text, part.function, diagnostics.not_for_inputs(part.function))
        node = expand(written, draft.inputs, {}, {}, refusal(spell(path), place))
        for name in names(node):
            if name not in readable:
                raise _refused(draft, path, text, name, diagnostics.unknown_in_condition(name, readable))
    except FlopsheetError as error:
        return [Fault(path, problem.fact, problem) for problem in error.problems]
    if not _is_condition(node):
        return [draft.fault(path, diagnostics.not_a_condition(text))]
    return Condition(node)


def _refused(draft: Draft, path: Path, text: str, word: str, finding: diagnostics.Finding) -> FormulaError:
    found = re.search(rf"\b{re.escape(word)}\b", text)
    column = found.start() if found else 0
    place = draft.source.place(path)
    return FormulaError(diagnostics.formula_syntax(text, finding, column, len(word), place, spell(path)))


def _is_condition(node: Node) -> bool:
    match node:
        case Operation(symbol):
            return symbol in COMPARISONS
        case Call("where", (_, yes, no)):
            return _is_condition(yes) and _is_condition(no)
    return False


def readable(
    inputs: Mapping[str, catalog.Input], said: RawInputs, swept: Sequence[str], grains: frozenset[str]
) -> list[str]:
    """The inputs of these grains that have a value before the layer groups are looked at."""
    own = set(map(kinds.input_of, swept))
    return sorted(
        name
        for name, entry in inputs.items()
        if entry.grain in grains and (name in said or name in own or entry.default is not None)
    )


def find_kept(
    excludes: Sequence[Exclude], numbers: range, grid: Grid, said: RawInputs, inputs: Mapping[str, catalog.Input]
) -> Sequence[int]:
    """The combinations that none of the exclusions means."""
    import numpy as np

    chosen = np.arange(numbers.start, numbers.stop)
    points = grid.points(chosen)
    out = np.zeros(len(chosen), dtype=bool)
    columns = _Columns(inputs, grid, said, points)
    for one in excludes:
        if isinstance(one, Partial):
            meant = np.ones(len(chosen), dtype=bool)
            for axis, which in one.points.items():
                meant &= np.isin(points[axis], list(which))
        else:
            with np.errstate(all="ignore"):
                meant = np.asarray(evaluate(one.ast, columns.value, functions=columns.functions), dtype=bool)
        out |= meant
    kept: list[int] = chosen[~out].tolist()
    return kept


class _Columns:
    """The inputs of some combinations as columns, before any of them is validated."""

    def __init__(
        self,
        inputs: Mapping[str, catalog.Input],
        grid: Grid,
        said: RawInputs,
        points: Sequence[NDArray[np.int64]],
    ) -> None:
        self.inputs, self.grid, self.said, self.points = inputs, grid, said, points
        self.functions = vectorised()
        self.known: dict[str, Any] = {}
        self.open: set[str] = set()

    def value(self, name: str) -> Any:
        """The column of an input; NaN where it has no value, which validation tells."""
        if name not in self.known:
            if name in self.open:
                return float("nan")
            self.open.add(name)
            self.known[name] = self.compute(name)
            self.open.remove(name)
        return self.known[name]

    def compute(self, name: str) -> Any:
        entry = self.inputs[name]
        for axis, points in zip(self.grid.axes, self.points, strict=True):
            for key, values in zip(axis.keys, axis.values, strict=True):
                if kinds.input_of(key) == name:
                    given = [kinds.FFN_KINDS[value] if key == "ffn" else value for value in values]
                    return self.swept(entry, given, points)
        return self.single(entry, self.said.get(name) or RawInput(entry.default, ()))

    def swept(self, entry: catalog.Input, values: Sequence[Any], points: NDArray[np.int64]) -> Any:
        import numpy as np

        singles = [self.single(entry, RawInput(value, ())) for value in values]
        if all(np.ndim(single) == 0 for single in singles):
            return np.array(singles, dtype=np.float64 if entry.is_number else object)[points]
        column = np.empty(len(points))
        for at, single in enumerate(singles):
            column[points == at] = np.broadcast_to(single, len(points))[points == at]
        return column

    def single(self, entry: catalog.Input, said: RawInput) -> Any:
        """One value, or a column where it is an expression of others."""
        if isinstance(said.value, bool):
            return flag_word(said.value)
        if not isinstance(said.value, str):
            return float(said.value)
        if not entry.is_number:
            return said.value
        try:
            return evaluate(parse(said.value), self.value, functions=self.functions)
        except (FlopsheetError, LookupError, TypeError):
            return float("nan")
