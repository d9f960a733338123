"""A limit as a line of the tables on top of sheet Limits: the value as it is, the last one, one step further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node
from flopsheet.formula.nodes import Name, names
from flopsheet.pipeline.limits import budget_words, words
from flopsheet.pipeline.limits.budgets import Budget
from flopsheet.workbook.layout.typed_cells import local, unit_of
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT
from flopsheet.workbook.model.sheet import Cell, Placed
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets.limit_links import SHEET
from flopsheet.workbook.sheets.limit_working import Working

NOW_AT, LAST_AT, NEXT_AT, LEFT_AT, LACKS_AT, SAYS_AT, HELD_AT = range(FIRST, FIRST + 7)  # the last is not printed
WIDE = {SAYS_AT: 46.0, HELD_AT: 54.0}  # texts
FIGURES = dict.fromkeys((NOW_AT, LAST_AT, NEXT_AT), 14.0) | dict.fromkeys((LEFT_AT, LACKS_AT), 18.0)
WIDTHS = {LABEL: 34.0, UNIT: 9.0} | FIGURES | WIDE
HEADS = {
    LABEL: "Run and input", UNIT: "Unit", HELD_AT: "What else changes", SAYS_AT: words.HEADS["says"],
    NOW_AT: words.HEADS["now"], LAST_AT: words.HEADS["last"], NEXT_AT: words.HEADS["next"],
    LEFT_AT: words.HEADS["left"], LACKS_AT: words.HEADS["left_next"],
}  # fmt: skip
HEADS_OF_BUDGETS = HEADS | {LEFT_AT: "Metric at limit", LACKS_AT: "Metric beyond"}
MIB = "#,##0.0"  # a step may lack some KiB


def line(working: Working, row: int, label: str, said: Mapping[int, Cell]) -> Iterator[Placed]:
    """A limit in the tables on top: what it is about, the value as it is, and what is said of it."""
    limit = working.solved.limit
    yield (row, LABEL), Cell(label, style="label", indent=1)
    yield (row, HELD_AT), Cell(limit.held, style="name")
    yield (row, UNIT), Cell(unit_of(working.catalog.entry(limit.input)), style="unit")
    shown = {"x": working.live("now")}
    shown |= {name: working.live(name) for name in names(limit.shown) if name != "x"}
    yield (row, NOW_AT), local(SHEET, limit.shown, shown, "linked", "#,##0")
    yield from (((row, column), cell) for column, cell in said.items())


def _said(
    working: Working, read: Mapping[str, str], node: Node, style: StyleName = "calc", format: str = "#,##0"
) -> Cell:
    """A formula over steps, which have names of their own in it."""
    return local(SHEET, node, {name: working.live(read[name]) for name in names(node)}, style, format)


def of_memory(working: Working, kind: RunKind) -> dict[int, Cell]:
    """What is said of a limit in memory."""
    said, fewest = partial(_said, working, words.read(kind)), working.solved.limit.fewest
    return {
        LAST_AT: said(words.value(fewest=fewest)), NEXT_AT: said(words.further(words.NEXT_VALUE, fewest=fewest)),
        LEFT_AT: said(words.LEFT_MIB, format=MIB),
        LACKS_AT: said(words.further(words.LEFT_NEXT_MIB, fewest=fewest), format=MIB),
        SAYS_AT: said(words.sentence(fewest=fewest), "wrapped")._replace(indent=1),
    }  # fmt: skip


def of_budget(working: Working, budget: Budget) -> dict[int, Cell]:
    """What is said of a limit within a budget."""
    said = partial(_said, working, {name: name for name in budget_words.READ})
    limited = budget_words.where_limited
    unit, format = working.catalog.unit_of(budget.metric).plural, working.catalog.format(budget.metric)
    return {
        LAST_AT: said(budget_words.VALUE), NEXT_AT: said(limited(words.NEXT_VALUE)),
        LEFT_AT: said(limited(Name("last_spent")), format=format),
        LACKS_AT: said(limited(Name("next_spent")), format=format),
        SAYS_AT: said(budget_words.sentence(budget.claim, unit), "wrapped")._replace(indent=1),
    }  # fmt: skip
