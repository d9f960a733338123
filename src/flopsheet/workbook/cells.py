"""Cells whose formula and value come from one definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flopsheet.catalog import Entry, resolve
from flopsheet.errors import CatalogError
from flopsheet.formula import Node, evaluate, parse, to_excel
from flopsheet.workbook.layout import CHOSEN_BY, Block, Homes, Spot, absolute_span, letters, span
from flopsheet.workbook.model import Cell, Scalar

# What rounding alone can cause is no change.
CHANGE = parse("where(abs(live - built) <= 1e-12 * abs(built), 0, where(built == 0, 1, (live - built) / built))")
COLUMN = "\x00"  # stands for the column in a formula that is not yet in one


@dataclass(frozen=True)
class BlockReferences:
    """How a formula in one column of a block refers to its row's other values, and to the finer rows below."""

    block: Block
    homes: Homes
    row: int
    """Of the block's table."""

    def cell(self, name: str) -> str:
        return f"{letters(self.block.columns[self.row])}{self.block.rows[name]}"

    def finer(self, name: str) -> list[Spot]:
        world = self.block.world
        spots = self.homes.of(world, name)
        return [spots[row] for row in world.children[world.grain(name), self.block.grain][self.row]]

    def range(self, name: str) -> str:
        return span(self.finer(name), self.block.sheet)

    def first(self, name: str) -> str:
        return self.finer(name)[0].seen_from(self.block.sheet)


class _AnyColumn:
    """References in a formula that is the same in every column of its row."""

    def __init__(self, block: Block) -> None:
        self.rows = block.rows

    def cell(self, name: str) -> str:
        return f"{COLUMN}{self.rows[name]}"

    def range(self, name: str) -> str:
        raise AssertionError("what gathers finer rows differs from column to column")

    first = range


def row_formula(block: Block, homes: Homes, name: str) -> Callable[[int], str]:
    """A metric's formula by the row of its table: written once where it gathers nothing, then moved along."""
    metric = block.world.catalog.metrics[name]
    node = metric.node
    if metric.gathers:
        return lambda row: to_excel(node, BlockReferences(block, homes, row))
    text = to_excel(node, _AnyColumn(block))
    return lambda row: text.replace(COLUMN, letters(block.columns[row]))


def metric_cells(block: Block, homes: Homes, name: str, style: str) -> Iterator[Cell]:
    """A metric's formula and value in each row of its table."""
    world = block.world
    formula = row_formula(block, homes, name)
    format = world.catalog.format(name)
    for row, value in enumerate(world.column(name)):
        yield Cell(value, formula(row), style, format)


def call_ups(block: Block, homes: Homes, name: str) -> Iterator[Cell]:
    """References to the home of an input or metric, one in each column of a block that reads it."""
    world = block.world
    grain, table, values = world.grain(name), world.table(block.grain), world.column(name)
    rows = range(len(table)) if grain == block.grain else table.above[grain].tolist()
    spots = homes.of(world, name)
    format = world.catalog.format(name)
    if grain in CHOSEN_BY and grain != block.grain:
        choices = homes.of(world, CHOSEN_BY[grain])
        among, found = absolute_span(homes.spots["study", CHOSEN_BY[grain]]), absolute_span(spots)
        for at, run in zip(rows, table.above["run"].tolist(), strict=True):
            formula = f"INDEX({found},1,MATCH({choices[run].seen_from(block.sheet)},{among},0))"
            yield Cell(values[at], formula, "call_up", format)
        return
    seen = [spot.seen_from(block.sheet) for spot in spots]
    for at in rows:
        yield Cell(values[at], seen[at], "call_up", format)


def unit_of(entry: Entry) -> str:
    """The unit as a row names it; words and verdicts have none."""
    return "" if entry.unit in {"text", "verdict"} else entry.unit


@dataclass(frozen=True)
class Live:
    """A value somewhere in the workbook, under the name that a local formula gives it."""

    spot: Spot
    value: Scalar


class _Local:
    """References of a formula that stands outside every block."""

    def __init__(self, sheet: str, values: Mapping[str, Live]) -> None:
        self.sheet, self.values = sheet, values

    def cell(self, name: str) -> str:
        return self.values[name].spot.seen_from(self.sheet)

    def range(self, name: str) -> str:
        raise AssertionError(f"{name}: local formulas gather nothing")

    first = range


def local(sheet: str, node: Node, values: Mapping[str, Live], style: str = "calc", format: str = "General") -> Cell:
    """A formula over named cells: its text and its value from the same node."""
    value = evaluate(node, lambda name: values[name].value)
    return Cell(value, to_excel(node, _Local(sheet, values)), style, format)


def sentence(sheet: str, cases: Sequence[tuple[str, str]], values: Mapping[str, Live], style: str = "text") -> Cell:
    """A text that says the first case whose condition holds; the last has none."""

    def refuse(fact: str, remedy: str = "") -> CatalogError:
        raise AssertionError(f"{fact}; {remedy}")

    return local(sheet, resolve.first_that_holds(cases, refuse), values, style)


def count_text(sheet: str, corners: Sequence[Sequence[Spot]], values: Sequence[Scalar], word: str) -> Cell:
    """How many cells of some rectangles, each given by its first and last cell, read a word."""
    formula = "+".join(f'COUNTIF({first.address}:{last.address},"{word}")' for first, last in corners) or "0"
    return Cell(float(sum(value == word for value in values)), formula, "calc", "#,##0")


def count_differences(
    sheet: str, live: Sequence[Spot], built: Sequence[Spot], pairs: Sequence[tuple[Scalar, Scalar]]
) -> Cell:
    """In how many places two rows of cells differ."""
    formula = f"SUMPRODUCT(--({span(live, sheet)}<>{span(built, sheet)}))"
    return Cell(float(sum(now != then for now, then in pairs)), formula, "calc", "#,##0")


def mirror(sheet: str, live: Live, style: str = "call_up", format: str = "General") -> Cell:
    """The same value as another cell."""
    return Cell(live.value, live.spot.seen_from(sheet), style, format)
