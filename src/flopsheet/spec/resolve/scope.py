"""The inputs of one model, layer group or study as values: constants, defaults, expressions that read each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from flopsheet import catalog, diagnostics
from flopsheet.catalog import CycleError, Input
from flopsheet.catalog.entries import flag_word
from flopsheet.diagnostics import Finding, FormulaError
from flopsheet.formula import Node, evaluate, names, parse
from flopsheet.formula.nodes import Aggregate, Call, Name, walk
from flopsheet.formula.vocabulary import FUNCTIONS
from flopsheet.records import frozen
from flopsheet.spec.entries import NONE, InputValue
from flopsheet.spec.resolve import rules
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved, values_of
from flopsheet.yamlio.source import Path, spell


def resolve_inputs(
    draft: Draft,
    of: Path,
    path: Path,
    entries: Iterable[Input],
    said: RawInputs,
    above: Mapping[str, InputValue] | None = None,
    higher: Iterable[Input] = (),
) -> Resolved[dict[str, InputValue]]:
    """The inputs at a path that have a value; expressions read each other and the inputs `above`, declared `higher`.

    `of` is the model or run that they belong to.
    """
    own = {entry.name: entry for entry in entries}
    filled = {
        name: said.get(name) or RawInput(entry.default, draft.custom_defaults.get(name, ()))
        for name, entry in own.items()
    }
    readable = sorted(entry.name for entry in (*own.values(), *higher) if entry.is_number)
    return _Scope(draft, of, path, own, filled, above or {}, readable).resolve()


def parse_inputs(
    draft: Draft, path: Path, entries: Iterable[Input], said: RawInputs, others: Iterable[Input]
) -> Resolved[dict[str, InputValue]]:
    """The inputs at a path before any expression is evaluated: it has no value yet, and may read `others`, too."""
    own = {entry.name: entry for entry in entries}
    filled = {name: said.get(name) or RawInput(entry.default, ()) for name, entry in own.items()}
    readable = sorted(entry.name for entry in (*own.values(), *others) if entry.is_number)
    done, nodes, faults = _Scope(draft, path, path, own, filled, {}, readable).parsed()
    found = done | {name: InputValue(math.nan, node) for name, node in nodes.items()}
    return Resolved({name: found[name] for name in own if name in found}, faults)


@frozen
class _Scope:
    """The inputs of one model, layer group, run or study, with defaults filled in."""

    draft: Draft
    of: Path
    path: Path
    entries: Mapping[str, Input]
    said: RawInputs
    above: Mapping[str, InputValue]
    readable: Sequence[str]

    def parsed(self) -> tuple[dict[str, InputValue], dict[str, Node], list[Fault]]:
        """The constants, the expressions in the order in which they can be evaluated, and what is wrong."""
        faults: list[Fault] = []
        nodes: dict[str, Node] = {}
        done: dict[str, InputValue] = {}
        for name, said in self.said.items():
            if not self.is_expression(name, said):
                done[name] = self.constant(name, said)
                continue
            node, wrong = self.expression(name, said)
            faults += wrong
            if node is not None:
                nodes[name] = node
        try:
            order = catalog.sort_by_dependencies({name: names(node) for name, node in nodes.items()})
        except CycleError as cycle:
            return done, {}, [*faults, self.circle(cycle.chain)]
        return done, {name: nodes[name] for name in order}, faults

    def resolve(self) -> Resolved[dict[str, InputValue]]:
        done, nodes, faults = self.parsed()
        known = {**self.above, **done}
        for name in nodes:
            if not all(read in known for read in names(nodes[name])):
                continue  # what is wrong with one of them was told
            given = self.compute(name, nodes[name], known)
            if isinstance(given, Fault):
                faults.append(given)
            else:
                done[name] = known[name] = given
        return Resolved({name: done[name] for name in self.entries if name in done}, faults)

    def is_expression(self, name: str, said: RawInput) -> bool:
        entry = self.entries[name]
        if entry.follows:
            return bool(said.value == entry.default)
        is_absent = entry.absent and said.value == NONE
        return isinstance(said.value, str) and entry.is_number and not is_absent

    def circle(self, chain: Sequence[str]) -> Fault:
        """A circle, told from the first of its inputs that the spec says, so that two models tell one circle alike."""
        first = next(name for name, said in self.said.items() if name in chain and said.path)
        start, at = chain.index(first), self.said[first].path
        return self.draft.fault(at, diagnostics.cycle([*chain[start:-1], *chain[: start + 1]]))

    def constant(self, name: str, said: RawInput) -> InputValue:
        if said.value == NONE and (words := self.entries[name].absent):
            return InputValue(words)
        if isinstance(said.value, bool):
            return InputValue(flag_word(said.value))
        value = said.value
        return InputValue(value if isinstance(value, str) else self.entries[name].number(float(value)))

    def expression(self, name: str, said: RawInput) -> Resolved[Node | None]:
        """The formula of an input that is said as one; None where it is refused."""
        if follows := self.entries[name].follows:
            return Resolved(Name(follows), [])
        at = said.path or (*self.path, name)
        place = self.draft.source.place(at)
        try:
            node = parse(said.value, place, spell(at))
            if refused := self.refusal(node):
                word, finding = refused
                column = next(re.finditer(rf"\b{word}\b", said.value)).start()
                raise FormulaError(diagnostics.formula_syntax(said.value, finding, column, len(word), place, spell(at)))
        except FormulaError as error:
            return Resolved(None, [Fault(at, problem.fact, problem) for problem in error.problems])
        return Resolved(node, [])

    def refusal(self, node: Node) -> tuple[str, Finding] | None:
        """A word that an input cannot read, and why."""
        for part in walk(node):
            if isinstance(part, Aggregate | Call) and part.function not in FUNCTIONS:
                return part.function, diagnostics.not_for_inputs(part.function)
            if isinstance(part, Name) and part.name not in self.readable:
                return part.name, diagnostics.unknown_input(part.name, self.readable)
        return None

    def compute(self, name: str, node: Node, known: Mapping[str, InputValue]) -> InputValue | Fault:
        """The value of an expression, or what is wrong with it."""
        entry, said = self.entries[name], self.said[name]
        at = said.path or (*self.path, name)
        try:
            result = evaluate(node, lambda read: known[read].value)
            if entry.follows:
                return InputValue(str(result), node)
            value = entry.number(float(result))
        except (ArithmeticError, TypeError, ValueError):  # 1 / 0, a root of -1, floor(∞ - ∞)
            value = math.nan
        problem: Finding | None
        if not math.isfinite(value):
            problem = diagnostics.no_value(said.value)
        elif isinstance(result, bool):
            problem = diagnostics.no_number(said.value)
        elif not said.path and (rule := rules.explanation(row := self.row(known, name, value), name)):
            return rules.fault_of(self.draft, self.of, self.path, rule, row, self.said)
        elif entry.choices:
            problem = diagnostics.gives(said.value, diagnostics.choice_problem(value, entry.choices))
        else:
            bounds = entry.least, entry.largest
            found = diagnostics.number_problem(value, *bounds, whole=entry.whole, unit=entry.unit)
            problem = diagnostics.gives(said.value, found)
        if problem:
            return self.draft.fault(at, problem, key=at == self.path, of=self.of)
        return InputValue(value, node)

    def row(self, known: Mapping[str, InputValue], name: str, value: float) -> rules.Row:
        """The inputs that are known, one of them with a value that it may not have."""
        return rules.Row({**values_of(known), name: value})
