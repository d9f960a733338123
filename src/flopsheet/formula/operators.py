"""One row per operator and function: what every reader and writer of formulas needs to know of it.

A field that a row lacks is an error when this module is loaded, so no backend can miss an operation.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeAlias

from flopsheet.records import frozen

Value: TypeAlias = Any  # float | str | bool, or an array of them
Compute: TypeAlias = Callable[..., Value]
Style: TypeAlias = Literal["excel", "notation", "text"]

# How tightly a piece of a formula binds: LOOSE takes brackets beside every operator, TIGHT beside none.
LOOSE, COMPARISON, JOIN, SUM, PRODUCT, POWER, TIGHT = range(7)


GIVEN, ABSENT = "given", "no number"


class References(Protocol):
    """Where names stand in the workbook."""

    def cell(self, name: str) -> str:
        """The reference of a name in the formula's own column: `F12`."""

    def range(self, name: str) -> str:
        """The reference of all cells of a name one grain finer: `F12:H12`, or `F12` of one."""

    def first(self, name: str) -> str:
        """The reference of the first of them."""

    def pick(self, pick: str, key: str, name: str) -> str:
        """The text of the one where a key is least or largest (`MIN`, `MAX`), see `picked`."""


class GathersNothing:
    """References of a formula that reads no finer cells."""

    def range(self, name: str) -> str:
        raise AssertionError(f"{name}: this formula gathers nothing")

    first = range

    def pick(self, pick: str, key: str, name: str) -> str:
        return self.range(name)


@frozen
class Operator:
    """`left symbol right`."""

    symbol: str
    binds: int
    python: type[ast.operator | ast.cmpop] | None
    """What Python's grammar calls it, in whose place it stands; None for what nobody types."""
    scalar: Compute
    columns: Callable[[Any], Compute]
    """The operation over NumPy columns, given NumPy, which is imported only where a column is computed."""
    excel: str
    notation: str


@frozen
class Function:
    """`name(arguments)`."""

    name: str
    least: int
    most: int
    scalar: Compute
    columns: Callable[[Any], Compute]
    excel: Callable[..., str]
    notation: Callable[..., str]
    binds: Mapping[Style, int] = field(default_factory=dict)
    """How tightly its spelling binds where it is not closed on both sides, as `-INT(-(x))` is not."""


@frozen
class Gatherer:
    """`name(metrics)` of a finer grain; what it computes is the business of the tables."""

    name: str
    count: int
    excel: Callable[..., str]
    """Of the references and the names."""
    notation: Callable[..., str]
    binds: Mapping[Style, int] = field(default_factory=dict)


# Scalars -------------------------------------------------------------------------------------------------------------


def power(base: float, exponent: float) -> float:
    """A power where all programs agree: Python's (-8)^(1/3) is complex, a spreadsheet's -2; 0^0 is 1, or an error."""
    if base == exponent == 0 or (base < 0 and exponent % 1):
        raise ArithmeticError(f"{base}^{exponent} has no value")
    return float(base**exponent)


def as_text(value: float | str) -> str:
    """A value inside a sentence, as a spreadsheet's `&` writes it: 15 digits, no trailing zeros, no exponent."""
    if isinstance(value, str):
        return value
    text = f"{value + 0.0:.15g}"
    if text[-1].isdecimal() and "e" not in text:
        return text

    return f"{Decimal(text):f}"


# Columns -------------------------------------------------------------------------------------------------------------


def _power_of_columns(np: Any) -> Compute:
    def power(base: Value, exponent: Value) -> Value:
        result = np.asarray(base, dtype=np.float64) ** exponent
        return np.where((base == 0) & (exponent == 0), np.nan, result)

    return power


FEW_TEXTS = 20  # that are spelled sooner than sorted


def _join_columns(np: Any) -> Compute:
    def texts(value: Value) -> Value:
        if isinstance(value, str):
            return value
        items = np.atleast_1d(value)
        if items.dtype == object:
            return items
        if len(items) <= FEW_TEXTS:
            return np.array([as_text(item) for item in items.tolist()], dtype=object)
        distinct, which = np.unique(items, return_inverse=True)  # rounded numbers: few, and slow to spell
        return np.array([as_text(item) for item in distinct.tolist()], dtype=object)[which]

    return lambda left, right: texts(left) + texts(right)


def _fold(pairwise: Compute) -> Compute:
    def folded(*arguments: Value) -> Value:
        result = arguments[0]
        for argument in arguments[1:]:
            result = pairwise(result, argument)
        return result

    return folded


def _where_of_columns(np: Any) -> Compute:
    def where(condition: Value, yes: Value, no: Value) -> Value:
        if isinstance(yes, str):
            yes = np.array(yes, dtype=object)
        if isinstance(no, str):
            no = np.array(no, dtype=object)
        return np.where(condition, yes, no)

    return where


# The tables ----------------------------------------------------------------------------------------------------------


def _alike(symbol: str, binds: int, python: type, compute: Compute, excel: str, notation: str) -> Operator:
    """An operator that Python computes for columns as it does for numbers."""
    return Operator(
        symbol=symbol, binds=binds, python=python, scalar=compute, columns=lambda _: compute, excel=excel,
        notation=notation,
    )  # fmt: skip


def _called(name: str) -> Callable[..., str]:
    """The notation of a function by its name."""
    return lambda *arguments: f"{name}({', '.join(arguments)})"


def indexed(cells: str, position: str, *, down: bool = False) -> str:
    """The spreadsheet text of the cell at a position, among cells in a row or column.

    In some programs INDEX fails of a single cell, which is then the one, and in a row without the row number.
    """
    first, _, last = cells.rpartition("!")[2].partition(":")
    if last in {"", first}:
        return cells.partition(":")[0]
    return f"INDEX({cells},{position})" if down else f"INDEX({cells},1,{position})"


def picked(pick: str, keys: str, values: str) -> str:
    """The spreadsheet text of the value where a key is least or largest, among cells in a row."""
    return indexed(values, f"MATCH({pick}({keys}),{keys},0)")


OPERATORS: Mapping[str, Operator] = {
    row.symbol: row
    for row in (
        _alike("==", COMPARISON, ast.Eq, operator.eq, "=", " = "),
        _alike("!=", COMPARISON, ast.NotEq, operator.ne, "<>", " ≠ "),
        _alike("<", COMPARISON, ast.Lt, operator.lt, "<", " < "),
        _alike("<=", COMPARISON, ast.LtE, operator.le, "<=", " ≤ "),
        _alike(">", COMPARISON, ast.Gt, operator.gt, ">", " > "),
        _alike(">=", COMPARISON, ast.GtE, operator.ge, ">=", " ≥ "),
        Operator(  # joins texts; only sentences use it
            symbol="&", binds=JOIN, python=None, scalar=lambda left, right: as_text(left) + as_text(right),
            columns=_join_columns, excel="&", notation=" & ",
        ),
        _alike("+", SUM, ast.Add, operator.add, "+", " + "),
        _alike("-", SUM, ast.Sub, operator.sub, "-", " − "),
        _alike("*", PRODUCT, ast.Mult, operator.mul, "*", " · "),
        Operator(
            symbol="/", binds=PRODUCT, python=ast.Div, scalar=operator.truediv, columns=lambda np: np.divide,
            excel="/", notation=" / ",
        ),
        Operator(
            symbol="^", binds=POWER, python=ast.Pow, scalar=power, columns=_power_of_columns, excel="^", notation="^"
        ),
    )
}  # fmt: skip

FUNCTIONS: Mapping[str, Function] = {
    row.name: row
    for row in (
        Function(
            name="min", least=2, most=30, scalar=min, columns=lambda np: _fold(np.minimum),
            excel=lambda *arguments: f"MIN({','.join(arguments)})", notation=_called("min"),
        ),
        Function(
            name="max", least=2, most=30, scalar=max, columns=lambda np: _fold(np.maximum),
            excel=lambda *arguments: f"MAX({','.join(arguments)})", notation=_called("max"),
        ),
        Function(
            name="floor", least=1, most=1, scalar=lambda x: float(math.floor(x)), columns=lambda np: np.floor,
            excel=lambda x: f"INT({x})", notation=lambda x: f"⌊{x}⌋",
        ),
        Function(  # ROUNDUP goes away from zero, CEILING differs between programs
            name="ceil", least=1, most=1, scalar=lambda x: float(math.ceil(x)), columns=lambda np: np.ceil,
            excel=lambda x: f"-INT(-({x}))", notation=lambda x: f"⌈{x}⌉", binds={"excel": LOOSE},
        ),
        Function(
            name="abs", least=1, most=1, scalar=abs, columns=lambda np: np.abs,
            excel=lambda x: f"ABS({x})", notation=lambda x: f"|{x}|",
        ),
        Function(  # where(condition, value if it holds, value if not)
            name="where", least=3, most=3, scalar=lambda condition, yes, no: yes if condition else no,
            columns=_where_of_columns, excel=lambda condition, yes, no: f"IF({condition},{yes},{no})",
            notation=lambda condition, yes, no: f"({yes} if {condition}, else {no})",
        ),
        Function(  # whether an input is given, or what follows from it has a value
            name=GIVEN, least=1, most=1, scalar=lambda x: not isinstance(x, str) and x == x,
            columns=lambda np: lambda x: ~np.isnan(x), excel=lambda x: f"ISNUMBER({x})",
            notation=lambda x: f"{x} is given",
        ),
        Function(  # no number, and the words that a cell says in its place; nobody types it
            name=ABSENT, least=1, most=1, scalar=lambda words: words, columns=lambda np: lambda words: np.nan,
            excel=lambda words: words, notation=lambda words: words,
        ),
    )
}  # fmt: skip

GATHERERS: Mapping[str, Gatherer] = {
    row.name: row
    for row in (
        Gatherer(
            name="sum", count=1, excel=lambda at, x: f"SUM({at.range(x)})", notation=lambda x: f"Σ {x}",
            binds={"notation": POWER},
        ),
        # first(x): x in the first row below this one
        Gatherer(name="first", count=1, excel=lambda at, x: at.first(x), notation=_called("first")),
        # at_min(key, x): x in that row below this one where key is least (the first of equals)
        Gatherer(name="at_min", count=2, excel=lambda at, key, x: at.pick("MIN", key, x), notation=_called("at_min")),
        Gatherer(name="at_max", count=2, excel=lambda at, key, x: at.pick("MAX", key, x), notation=_called("at_max")),
    )
}  # fmt: skip


def computed(functions: Iterable[Operator | Function], numpy: Any = None) -> dict[str, Compute]:
    """What each operation computes by its symbol or name: over numbers, or over columns of a given NumPy."""
    return {
        row.symbol if isinstance(row, Operator) else row.name: row.columns(numpy) if numpy else row.scalar
        for row in functions
    }
