"""Which rows of Inputs are folded: what the study has no use for, and assumptions about which the spec says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.catalog import Input, Section
from flopsheet.formula import parse
from flopsheet.spec import InputValue
from flopsheet.workbook.layout.cells import BEFORE_STATE, UNFOLD, TableSet
from flopsheet.workbook.model.sheet import Cell, Fold

STATES = {"assumptions": "at their defaults"}  # of a section that is folded as a whole; others are unused


def folds_of(section: Section, entries: Sequence[Input], table_set: TableSet, first: int) -> tuple[str, list[Fold]]:
    """The heading of a section whose rows begin at `first`, and which of them are folded.

    All of them where the spec says nothing about any; in a section that it uses those that are nothing, each by itself.
    """
    if not section.fold:
        return section.title, []
    given = table_set.built.tables[section.grain].given
    unsaid = [all(is_default(entry, one) for one in given[entry.name]) for entry in entries]
    last = first + len(entries) - 1
    if all(unsaid):
        return UNFOLD.format(title=section.title, state=STATES.get(section.kind, "unused")), [(first, last, True)]
    rows = [first + at for at, entry in enumerate(entries) if unsaid[at] and table_set.is_unused(entry.name)]
    if not rows:
        return section.title, [(first, last, False)]
    return UNFOLD.format(title=section.title, state=f"{len(rows)} unused"), [(row, row, True) for row in rows]


def title_of(heading: Cell) -> str:
    """The title in a heading, without what it says of rows that are folded."""
    return str(heading.value).partition(BEFORE_STATE)[0]


def is_default(entry: Input, given: InputValue) -> bool:
    """Whether an input is as it is where nobody says anything about it, or follows another one to the same number."""
    if (isinstance(entry.default, str) and entry.is_number and not entry.absent) or entry.follows:
        return given.ast == parse(str(entry.default))
    return given.value == (entry.absent or entry.default)
