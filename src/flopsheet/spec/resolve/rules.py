"""The catalogue's rules on inputs of a spec: which are broken, and what is told of one that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from flopsheet import catalog
from flopsheet.catalog import Rule
from flopsheet.diagnostics import Finding, divisors, quoted, shown, ways
from flopsheet.formula import evaluate
from flopsheet.formula.evaluate import PLAIN, Functions
from flopsheet.spec.resolve.draft import Draft, Fault, RawInputs
from flopsheet.yamlio.source import Path

Values: TypeAlias = Mapping[str, Any]  # of inputs: plain values, or columns of them


class Row:
    """What a rule reads: inputs of its own row and of those above it, and the layer groups below."""

    def __init__(self, inputs: Values, groups: Sequence[Values] = (), functions: Functions = PLAIN) -> None:
        self.inputs, self.groups, self.functions = inputs, groups, functions

    def value(self, name: str) -> Any:
        """An input, or what the rules compute from inputs; KeyError where an input has no value."""
        if name in self.inputs:
            return self.inputs[name]
        return self.evaluate(catalog.load_inputs().metrics[name].ast)

    def total(self, function: str, names: Sequence[str]) -> Any:
        """The sum over the layer groups, the only aggregate that rules need."""
        if function != "sum":
            raise LookupError(f"{function}(…) in a rule")
        return sum(Row(group, functions=self.functions).value(names[0]) for group in self.groups)

    def evaluate(self, node: Any, more: Functions | None = None) -> Any:
        return evaluate(node, self.value, self.total, {**self.functions, **(more or {})})

    def holds(self, rule: Rule) -> Any:
        """Whether a rule holds, or in which rows of columns; yes where an input that it reads has no value."""
        try:
            return self.evaluate(rule.condition)
        except KeyError:
            return True  # what is wrong with that input was told

    def finding(self, rule: Rule) -> Finding:
        """What is told of a broken rule."""
        texts = {name: shown(value) if isinstance(value, str) else value for name, value in self.inputs.items()}
        row = Row(texts, self.groups)
        lists: Functions = {
            "divisors": lambda number, near: quoted(divisors(number, near)),
            "ways": lambda number, near: quoted(ways(number, near)),
            "choices": lambda: quoted(row.choices(rule)),
        }
        return Finding(row.evaluate(rule.message), row.evaluate(rule.hint, lists), rule.code)

    def choices(self, rule: Rule) -> list[str]:
        """The choices of the input pointed at for which a rule holds."""
        [name] = rule.points_at
        options = map(str, catalog.load_inputs().inputs[name].choices)
        return [option for option in options if Row({**self.inputs, name: option}, self.groups).holds(rule)]


@cache
def of_grains(*grains: str) -> tuple[Rule, ...]:
    """The rules that a spec must keep, of some grains."""
    return tuple(rule for rule in catalog.load_inputs().rules.values() if rule.grain in grains and rule.is_error)


def broken(row: Row, said: Mapping[str, Any], *grains: str) -> Iterator[Rule]:
    """The rules of some grains that a row breaks; `said` are the inputs that the spec says."""
    for rule in of_grains(*grains):
        if rule.unless_said not in said and not row.holds(rule):
            yield rule


def faults_of(draft: Draft, of: Path, path: Path, row: Row, said: RawInputs, *grains: str) -> list[Fault]:
    """What is wrong where the inputs at a path break rules of some grains; `of` is their model or run."""
    return [fault_of(draft, of, path, rule, row, said) for rule in broken(row, said, *grains)]


def fault_of(draft: Draft, of: Path, path: Path, rule: Rule, row: Row, said: RawInputs) -> Fault:
    """A broken rule, where the spec says the input at fault, or at what says none."""
    at = blamed(rule, row, {name: one.path for name, one in said.items()}) or path
    return draft.fault(at, row.finding(rule), key=at == path, of=of)


def explanation(row: Row, name: str) -> Rule | None:
    """The broken rule that tells why the default of an input has no possible value."""
    rules = (rule for rule in catalog.load_inputs().rules.values() if rule.explains == name)
    return next((rule for rule in rules if not row.holds(rule)), None)


def blamed(rule: Rule, row: Row, paths: Mapping[str, Path]) -> Path | None:
    """Where the spec says the input that is at fault: of several the first that is not zero; None if it says none."""
    said = [name for name in rule.points_at if paths.get(name)]
    used = [name for name in said if row.inputs.get(name)]
    return paths[(used or said)[0]] if said else None
