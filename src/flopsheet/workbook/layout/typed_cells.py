"""Cells whose formula and value come from one definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog import Entry, sentences
from flopsheet.catalog.entries import Scalar
from flopsheet.formula import Node, evaluate, parse
from flopsheet.formula.marked import pieces_of
from flopsheet.numerics import ROUNDING
from flopsheet.quantities import NO_NUMBER
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.model.references import CellRef
from flopsheet.workbook.model.sheet import Cell
from flopsheet.workbook.model.styles import StyleName

# A difference that rounding alone can cause is no change.
CHANGE = parse(f"where(abs(live - built) <= {ROUNDING} * abs(built), 0, where(built == 0, 1, (live - built) / built))")


def unit_of(entry: Entry) -> str:
    """The unit as a row names it; words and verdicts have none."""
    return "" if entry.unit in NO_NUMBER else entry.unit


@frozen
class Live:
    """A value somewhere in the workbook, under the name that a local formula gives it."""

    cell_ref: CellRef
    value: Scalar


def live_of(table_set: TableSet, cell_index: CellIndex, name: str, row: int = 0) -> Live:
    """An input or metric in a row of its table."""
    return Live(cell_index.of(table_set, name)[row], table_set.value(name, row))


def local(
    sheet: str, node: Node, values: Mapping[str, Live], style: StyleName = "calc", format: str = "General"
) -> Cell:
    """A formula over named cells: its text and its value from the same node."""
    text = list(pieces_of(node))
    seen = {mark: values[mark.removeprefix("cell ")].cell_ref.seen_from(sheet) for mark in set(text[1::2])}
    text[1::2] = map(seen.__getitem__, text[1::2])
    return Cell(evaluate(node, lambda name: values[name].value), "".join(text), style, format)


def first_that_holds(cases: Sequence[tuple[str, str]]) -> Node:
    """The text of the first case whose condition holds, which may be empty; the last has none."""
    return sentences.first_that_holds(cases, may_be_empty=True)


def sentence(
    sheet: str, cases: Sequence[tuple[str, str]], values: Mapping[str, Live], style: StyleName = "text"
) -> Cell:
    """A cell that says the first case whose condition holds."""
    return local(sheet, first_that_holds(cases), values, style)


def mirror(sheet: str, live: Live, style: StyleName = "linked", format: str = "General") -> Cell:
    """The same value as another cell."""
    return Cell(live.value, live.cell_ref.seen_from(sheet), style, format)
