"""The inputs of one model, layer group or study as values: constants, defaults, expressions that read each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flopsheet import catalog, diagnostics
from flopsheet.catalog import CycleError, Input
from flopsheet.diagnostics import Finding, FormulaError
from flopsheet.formula import Node, evaluate, names, parse
from flopsheet.formula.nodes import Aggregate, Call, Name, walk
from flopsheet.formula.vocabulary import FUNCTIONS
from flopsheet.spec.entries import NONE, InputValue
from flopsheet.spec.resolve import rules
from flopsheet.spec.schema import shapes
from flopsheet.yamlio.source import Path, spell

if TYPE_CHECKING:
    from flopsheet.spec.resolve.models import Resolver


class RawInput(NamedTuple):
    """A raw value and where the spec says it; an empty path is the catalogue's default."""

    value: Any
    path: Path


RawInputs = dict[str, RawInput]


class Scope:
    """The inputs of one model, layer group or study; expressions read each other and those of the scope above."""

    def __init__(
        self,
        resolver: Resolver,
        path: Path,
        entries: Iterable[Input],
        said: RawInputs,
        above: Mapping[str, InputValue] | None = None,
        higher: Iterable[Input] = (),
    ) -> None:
        self.resolver, self.path, self.above = resolver, path, above or {}
        self.entries = {entry.name: entry for entry in entries}
        self.said = {
            name: said.get(name) or RawInput(entry.default, resolver.custom_defaults.get(name, ()))
            for name, entry in self.entries.items()
        }
        self.readable = sorted(entry.name for entry in (*self.entries.values(), *higher) if entry.is_number)

    def resolve(self) -> dict[str, InputValue]:
        nodes = {name: node for name, said in self.said.items() if (node := self.expression(name, said)) is not None}
        done: dict[str, InputValue] = {
            name: self.constant(name, said) for name, said in self.said.items() if not self.is_expression(name, said)
        }
        try:
            order = catalog.sort_by_dependencies({name: names(node) for name, node in nodes.items()})
        except CycleError as cycle:
            self.report_cycle(cycle.chain)
            return done
        known = dict(self.above) | done
        for name in order:
            is_ready = all(read in known for read in names(nodes[name]))
            if is_ready and (given := self.compute(name, nodes[name], known)) is not None:
                done[name] = known[name] = given
        return {name: done[name] for name in self.entries if name in done}

    def is_expression(self, name: str, said: RawInput) -> bool:
        entry = self.entries[name]
        if entry.follows:
            return bool(said.value == entry.default)
        is_absent = entry.absent and said.value == NONE
        return isinstance(said.value, str) and entry.is_number and not is_absent

    def report_cycle(self, chain: Sequence[str]) -> None:
        """Tells a circle from the first of its inputs that the spec says, so that two models tell one circle alike."""
        first = next(name for name, said in self.said.items() if name in chain and said.path)
        start, at = chain.index(first), self.said[first].path
        self.resolver.report(at, diagnostics.cycle([*chain[start:-1], *chain[: start + 1]]))

    def constant(self, name: str, said: RawInput) -> InputValue:
        if said.value == NONE and (words := self.entries[name].absent):
            return InputValue(words)
        if isinstance(said.value, bool):
            return InputValue("yes" if said.value else "no")
        return InputValue(said.value if isinstance(said.value, str) else float(said.value) + 0.0)

    def expression(self, name: str, said: RawInput) -> Node | None:
        """The formula of an input that is said as one; None for constants and for formulas that are refused."""
        if not self.is_expression(name, said):
            return None
        if follows := self.entries[name].follows:
            return Name(follows)
        at = said.path or (*self.path, name)
        place = self.resolver.source.place(at)
        try:
            node = parse(said.value, place, spell(at))
            if refused := self.refusal(node):
                word, finding = refused
                column = next(re.finditer(rf"\b{word}\b", said.value)).start()
                raise FormulaError(diagnostics.formula_syntax(said.value, finding, column, len(word), place, spell(at)))
        except FormulaError as error:
            for problem in error.problems:
                self.resolver.faults += 1
                if (at, problem.fact) not in self.resolver.reported:
                    self.resolver.reported.add((at, problem.fact))
                    self.resolver.problems.append(problem)
            return None
        return node

    def refusal(self, node: Node) -> tuple[str, Finding] | None:
        """A word that an input cannot read, and why."""
        for part in walk(node):
            if isinstance(part, Aggregate | Call) and part.function not in FUNCTIONS:
                return part.function, diagnostics.not_for_inputs(part.function)
            if isinstance(part, Name) and part.name not in self.readable:
                return part.name, diagnostics.unknown_input(part.name, self.readable)
        return None

    def compute(self, name: str, node: Node, known: Mapping[str, InputValue]) -> InputValue | None:
        entry, said = self.entries[name], self.said[name]
        at = said.path or (*self.path, name)
        try:
            result = evaluate(node, lambda read: known[read].value)
            if entry.follows:
                return InputValue(str(result), node)
            value = float(result) + 0.0  # no negative zero
        except (ArithmeticError, TypeError, ValueError):  # 1 / 0, a root of -1, floor(∞ - ∞)
            value = math.nan
        problem: Finding | None
        if not math.isfinite(value):
            problem = diagnostics.no_value(said.value)
        elif isinstance(result, bool):
            problem = diagnostics.no_number(said.value)
        elif not said.path and (rule := rules.explanation(row := self.row(known, name, value), name)):
            self.resolver.report_broken(self.path, rule, row, self.said)
            return None
        elif entry.choices:
            problem = diagnostics.gives(said.value, diagnostics.choice_problem(value, entry.choices))
        else:
            most = shapes.LARGEST if entry.most is None else entry.most
            problem = diagnostics.gives(
                said.value, diagnostics.number_problem(value, entry.least, most, whole=entry.whole)
            )
        if problem:
            self.resolver.report(at, problem, key=at == self.path, depends=True)
        return None if problem else InputValue(value, node)

    def row(self, known: Mapping[str, InputValue], name: str, value: float) -> rules.Row:
        """The inputs that are known, one of them with a value that it may not have."""
        return rules.Row({**{read: given.value for read, given in known.items()}, name: value})
