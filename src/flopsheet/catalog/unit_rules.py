"""Refuses to add, compare or choose between values of different units, or a result of another unit than declared."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog.refusals import Refuse
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import GIVEN
from flopsheet.formula.vocabulary import COMPARISONS, SAME_UNIT
from flopsheet.quantities import NO_NUMBER, TEXT_UNIT, TRUTH
from flopsheet.records import frozen


def check_units(node: Node, unit: str, unit_of: Mapping[str, str], refuse: Refuse) -> None:
    """Holds a formula against the unit that its metric declares."""
    inferred = _Units(unit_of, refuse).infer(node)
    if inferred is None and unit in NO_NUMBER:
        raise refuse(f"the formula gives a number, but the metric has the unit {unit}", "write the number's unit")
    if inferred is not None and inferred != unit:
        raise refuse(f"the formula gives {inferred}, but the metric has the unit {unit}", f"write unit: {inferred}")


@frozen
class _Units:
    """The units of names, and how a formula that breaks their rules is refused."""

    unit_of: Mapping[str, str]
    refuse: Refuse

    def infer(self, node: Node) -> str | None:
        """The unit of a node, each visited once: a sum of twenty terms is twenty levels deep."""
        match node:
            case Number():
                return None  # a bare number takes the unit of what it meets
            case Text():
                return TEXT_UNIT
            case Name(name):
                return self.read(name)
            case Negative(operand):
                return self.number(operand)
            case Operation(symbol, left, right):
                return self.operation(symbol, left, right)
            case Call(function, arguments):
                return self.call(function, arguments)
            case Aggregate(function, gathered):
                if function != "first" and self.read(gathered[0]) == TEXT_UNIT:
                    raise self.refuse(f"{function}(…) over texts", f"aggregate numbers; {gathered[0]} is a text")
                return self.read(gathered[-1])

    def read(self, name: str) -> str:
        """The unit of what a cell holds; that of a verdict says ok or FAIL."""
        return TEXT_UNIT if self.unit_of[name] == TRUTH else self.unit_of[name]

    def number(self, node: Node) -> str | None:
        """The unit of a number; neither a text nor a condition is one."""
        inferred = self.infer(node)
        if inferred in NO_NUMBER:
            raise self.refuse(f"arithmetic with a {inferred}", "use numbers")
        return inferred

    def same(self, *inferred: str | None) -> str | None:
        """The one unit of all sides."""
        found = sorted({unit for unit in inferred if unit is not None})
        if None in inferred and not NO_NUMBER.isdisjoint(found):
            found.append("a number")
        if len(found) > 1:
            raise self.refuse(f"{' and '.join(found)} in one sum, comparison or choice", "all sides need the same unit")
        return found[0] if found else None

    def operation(self, symbol: str, left: Node, right: Node) -> str | None:
        match symbol, left, right:
            case "==" | "!=", Name(), Number():
                return TRUTH  # a choice among words may be a number
            case "&", _, _:
                return self.joined(left, right)
        if symbol in COMPARISONS:
            return self.compared(symbol, left, right)
        sides = self.number(left), self.number(right)
        return self.same(*sides) if symbol in SAME_UNIT else None

    def compared(self, symbol: str, left: Node, right: Node) -> str:
        unit = self.same(self.infer(left), self.infer(right))
        if unit == TRUTH:
            raise self.refuse("a comparison of comparisons", "nest where(…)")  # programs disagree on TRUE and 1
        if unit == TEXT_UNIT and symbol not in {"==", "!="}:
            raise self.refuse("texts have no order", "compare them with == or !=")
        return TRUTH

    def joined(self, left: Node, right: Node) -> str:
        if TRUTH in {self.infer(left), self.infer(right)}:
            raise self.refuse("a comparison inside a text", "write the cases with when: and say:")
        for name in (side.name for side in (left, right) if isinstance(side, Name)):
            if self.read(name) not in NO_NUMBER:  # as it comes it would have a comma where the reader's language has
                remedy = f"say how it is written: {{{name}:.1}} or {{{name}:,}}"
                raise self.refuse(f"'{name}' is a number", remedy, at=name)
        return TEXT_UNIT

    def call(self, function: str, arguments: tuple[Node, ...]) -> str | None:
        if function == GIVEN:
            self.number(arguments[0])
            return TRUTH
        if function != "where":
            return self.same(*map(self.number, arguments))
        condition, yes, no = arguments
        if self.infer(condition) != TRUTH:
            raise self.refuse("where(…) needs a condition first", "write a comparison, such as a < b")
        return self.same(self.infer(yes), self.infer(no))
