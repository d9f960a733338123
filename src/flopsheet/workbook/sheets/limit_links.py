"""What the workings on sheet Limits read of other sheets: one block of links, each value once for a run or a model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TypeAlias

from flopsheet.catalog import KEYS
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import Grain
from flopsheet.pipeline.limits.parts import FINER, OF_STAGE, family
from flopsheet.records import frozen
from flopsheet.workbook.layout.block_rows import linked_formula
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef
from flopsheet.workbook.model.sheet import Cell, Placed

SHEET = "Limits"
TITLE = "Read on other sheets"

RowOf: TypeAlias = Callable[[str, int], int]
"""The row of a name for one layer group, in its own table."""


def by_family(names: Iterable[str]) -> list[str]:
    """Names with those side by side that differ by a number alone: stage 2, stage 3, …"""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(family(name), []).append(name)
    return [name for of_family in families.values() for name in of_family]


def is_of_family(name: str) -> bool:
    """Whether it may differ from others by a number alone."""
    return bool(OF_STAGE.search(name))


def are_family(one: str, other: str) -> bool:
    """Whether two names differ by a number alone."""
    return is_of_family(one) and family(one) == family(other)


@frozen
class Source:
    """What limits are about where it is computed: the runs of a kind, or the models of the study."""

    table_set: TableSet
    cell_index: CellIndex
    blocks: Mapping[str, Block]
    """By grain; their rows have also what is linked. Only what runs look up is read there."""

    def cell_ref(self, name: str, row: int) -> CellRef:
        """Where a name is computed or linked, in a row of its table."""
        if self.table_set.grain(name) == "hardware":  # a choice, looked up beside the run
            block = next(block for block in self.blocks.values() if name in block.rows)
            return block.cell_ref(name, FIRST + row)
        return self.cell_index.of(self.table_set, name)[row]

    def value(self, name: str, row: int) -> Scalar:
        """What stands there."""
        if self.table_set.grain(name) == "hardware":
            row = int(self.table_set.table("run").above["hardware"][row])
        return self.table_set.value(name, row)


@frozen
class Subject:
    """A run, or a model at a context length: where its rows are, and how many layer groups it has."""

    key: Hashable
    title: str
    row_of: RowOf
    n_groups: int


def rows_of_run(table_set: TableSet, run: int, n_groups: int) -> RowOf:
    """Those of a run; where what all runs share has one row, it is that one."""

    def row(name: str, group: int) -> int:
        grain = table_set.grain(name)
        if grain in FINER:
            return run * n_groups + group
        return 0 if grain == "study" else run

    return row


def rows_of_model(table_set: TableSet, model: str, context_length: float | None) -> RowOf:
    """Those of a model of the study at one of its context lengths, the first if none is said."""
    scenarios = table_set.table("scenario")
    found = next(
        at for at, (name, length) in enumerate(scenarios.keys) if name == model and context_length in {None, length}
    )
    rows: dict[Grain, list[int]] = {"scenario": [found]}
    rows |= {grain: [int(above[found])] for grain, above in scenarios.above.items()}
    rows["layer_group"] = table_set.children["layer_group", "model"][rows["model"][0]]
    rows["layer_run"] = table_set.children["layer_run", "scenario"][found]

    def row(name: str, group: int) -> int:
        grain = table_set.grain(name)
        return rows[grain][group if grain in FINER else 0]

    return row


class Links:
    """The block of a source: a row for each name, a column for each subject, or one for each of its layer groups."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.names: dict[Hashable, dict[str, None]] = {}
        self.subjects: dict[Hashable, Subject] = {}
        self.columns: dict[Hashable, int] = {}
        self.rows: dict[str, int] = {}
        self.top = self.right = FIRST

    def need(self, subject: Subject, names: Iterable[str]) -> None:
        """Has a link for each of some names."""
        if subject.key not in self.subjects:
            self.subjects[subject.key] = subject
            self.names[subject.key] = {}
            self.columns[subject.key], self.right = self.right, self.right + subject.n_groups
        self.names[subject.key] |= dict.fromkeys(names)

    def put(self, top: int) -> int:
        """Gives each name its row; tells the last of them."""
        self.top = top
        every = by_family(dict.fromkeys(name for names in self.names.values() for name in names))
        self.rows = {name: top + 1 + at for at, name in enumerate(every)}
        return top + len(every)

    def cell_ref(self, key: Hashable, name: str, group: int) -> CellRef | None:
        """Where a name of a subject is linked, if it is."""
        if name not in self.names.get(key, ()):
            return None
        return CellRef(SHEET, self.rows[name], self.columns[key] + (group if self.is_finer(name) else 0))

    def is_finer(self, name: str) -> bool:
        """Whether each layer group has one of its own."""
        return self.source.table_set.grain(name) in FINER

    def cells(self, right: int) -> Iterator[Placed]:
        """The whole block; its band goes on to a column on the right."""
        yield from bar(self.top, TITLE, "band", range(LABEL, max(right + 1, self.right)))
        for name, row in self.rows.items():
            entry = None if name in KEYS else self.source.table_set.catalog.entry(name)
            yield (row, LABEL), Cell(entry.label if entry else name.capitalize(), style="fitted_label")
            yield (row, UNIT), Cell(unit_of(entry) if entry else "", style="unit")
            yield (row, NAME), Cell(name, style="name")
        for key, subject in self.subjects.items():
            yield (self.top, self.columns[key]), Cell(subject.title, style="band")
            for name in self.names[key]:
                yield from self._linked(subject, name)

    def _linked(self, subject: Subject, name: str) -> Iterator[Placed]:
        """A name of a subject, in each of its layer groups if they differ."""
        catalog = self.source.table_set.catalog
        words = catalog.inputs[name].absent if name in catalog.inputs else ""
        left = self.columns[subject.key]
        for group in range(subject.n_groups if self.is_finer(name) else 1):
            row = subject.row_of(name, group)
            formula = linked_formula(self.source.cell_ref(name, row).seen_from(SHEET), words)
            yield (self.rows[name], left + group), Cell(self.source.value(name, row), formula, "linked", "General")
