"""Where everything stands: blocks of rows on sheets, and the home of every input and metric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise, repeat
from typing import Literal, TypeAlias

from flopsheet.catalog import KEYS, Catalog, Input, Metric
from flopsheet.catalog.entries import NO, Scalar
from flopsheet.catalog.grains import RUNS, Grain, RunKind
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.tables import Table
from flopsheet.records import frozen, side_by_side
from flopsheet.workbook.model.references import COLUMNS, FIRST, SENTENCE, CellRef

BandKind: TypeAlias = Literal["metrics", "linked_rows", "sentences"]
TableSetName: TypeAlias = Literal["study", "what_if", "sensitivity", RunKind]

SHARED = frozenset({"study", "hardware"})  # grains with the same rows in every table set

BEFORE_STATE = " · "
UNFOLD = f"{{title}}{BEFORE_STATE}{{state}}; expand with + at the left"

UNUSED = "Linked inputs and metrics that this study does not use"

NOTHING = frozenset({0.0, NO, "none"})

# Grain -> the input that names the row of it which a run uses; the names themselves stand above the study's columns.
CHOSEN_BY = {"hardware": "hardware"}


@frozen
class TableSet:
    """A set of tables with their values: the study itself, the what-if on the Context sheet, or the runs of a kind.

    `built` are the values of the spec; they decide what is folded, so that an edit moves numbers and never rows.
    """

    name: TableSetName
    values: Values
    catalog: Catalog
    built: Values

    def is_unused(self, name: str) -> bool:
        """Whether the spec has no use for a name: it is zero, no, none or not given throughout."""
        values = self.built.plain(self.grain(name), name)
        if name in self.built.absent:  # a number or the words for its absence, of which there may be several
            return all(isinstance(value, str) or value in NOTHING for value in values)
        return all(value in NOTHING for value in values)

    @property
    def run_kind(self) -> RunKind:
        """The kind of runs whose tables these are."""
        return next(kind for kind in RUNS if kind == self.name)

    def table(self, grain: Grain) -> Table:
        return self.values.tables[grain]

    def grain(self, name: str) -> Grain:
        return KEYS[name] if name in KEYS else self.catalog.entry(name).grain

    def value(self, name: str, row: int) -> Scalar:
        """The value of an input, metric or key in one row of its own table."""
        return self.column(name)[row]

    def column(self, name: str) -> list[Scalar]:
        """The values of an input or metric in every row of its own table."""
        return self.values.plain(self.grain(name), name)

    @cached_property
    def children(self) -> dict[tuple[str, str], dict[int, list[int]]]:
        """(finer grain, coarser grain) → row of the coarser → its rows in the finer table."""
        found: dict[tuple[str, str], dict[int, list[int]]] = {}
        for grain, table in self.values.tables.items():
            for above, rows in table.above.items():
                below: dict[int, list[int]] = defaultdict(list)
                for row, parent in enumerate(rows.tolist()):
                    below[parent].append(row)
                found[grain, above] = below
        return found


@dataclass
class CellIndex:
    """The cell in which each row of each name is computed or typed, per table set."""

    cell_refs: dict[tuple[TableSetName, str], tuple[CellRef, ...]] = field(default_factory=dict)
    first: dict[str, CellRef] = field(default_factory=dict)
    """Of a name, in any table set but the what-if, which shows nothing of its own."""

    def put(self, table_set: TableSetName, name: str, cell_refs: Iterable[CellRef]) -> None:
        assert (table_set, name) not in self.cell_refs, f"{name} has two homes in {table_set}"
        self.cell_refs[table_set, name] = tuple(cell_refs)
        if table_set != "what_if":
            self.first.setdefault(name, self.cell_refs[table_set, name][0])

    def of(self, table_set: TableSet, name: str) -> tuple[CellRef, ...]:
        """The cells of a name; what belongs to the study as a whole has one row of cells for all table sets."""
        own = self.cell_refs.get((table_set.name, name))
        if own is None:
            assert table_set.grain(name) in SHARED, f"{name} has no home in {table_set.name}"
            return self.cell_refs["study", name]
        return own


@frozen
class BandPlan:
    """What a block is to hold: a heading and the metrics below it."""

    title: str
    names: tuple[str, ...]
    detail: bool = False
    fold: bool = False
    closed: bool = False
    """Folded, whatever the study."""


@frozen
class Band:
    """A run of rows under one heading inside a block; sentences stand one below the other, numbers side by side."""

    title: str
    names: tuple[str, ...]
    row: int
    rows: Mapping[str, int]
    detail: bool = False
    kind: BandKind = "metrics"
    collapsed: bool = False
    fold: bool = False
    """Of an architecture, shown where the study uses it."""

    def heading(self, table_set: TableSet) -> str:
        """Its title, and whether it is folded since the study has no use for any of it."""
        if not self.collapsed or self.kind != "metrics" or not all(map(table_set.is_unused, self.names)):
            return self.title
        return UNFOLD.format(title=self.title, state="unused")

    def unused(self, table_set: TableSet) -> list[int]:
        """The rows of an architecture that is used which the study has no use for: folded, each by itself."""
        if not self.fold or self.collapsed:
            return []
        return [row for name, row in self.rows.items() if table_set.is_unused(name)]


@frozen
class Block:
    """Rows of one grain on one sheet, one column for each row of the grain's table."""

    table_set: TableSet
    sheet: str
    grain: Grain
    title: str
    top: int
    headers: Mapping[str, int]
    bands: tuple[Band, ...]
    bottom: int
    beside: frozenset[str]
    """Names of other blocks of the sheet that its formulas read there: in the same column, or the only cell."""

    @cached_property
    def columns(self) -> tuple[int, ...]:
        return COLUMNS[FIRST : FIRST + len(self.table_set.table(self.grain))]

    @property
    def cuts(self) -> tuple[int, ...]:
        """The columns after which a part of them may end: the last one of each context length, or any."""
        lengths = self.table_set.table(self.grain).above.get("context")
        rows = range(len(self.columns)) if lengths is None else lengths.tolist()
        return tuple(column for column, (row, after) in zip(self.columns, pairwise(rows), strict=False) if row != after)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of every name that a formula of this block can read in its own column."""
        found = {name: row for band in self.bands if band.kind != "sentences" for name, row in band.rows.items()}
        return found | {name: row for name, row in self.headers.items() if name != "group"}

    @property
    def results_bottom(self) -> int:
        """The last row of its results, above the working."""
        shown = [band for band in self.bands if not band.detail or band.fold]
        last = max(shown, key=lambda band: band.row, default=self.bands[0])
        return max(last.rows.values())

    def cell_ref(self, name: str, column: int) -> CellRef:
        return CellRef(self.sheet, self.rows[name], column)


GRAIN_TITLES = {
    "study": "For the whole study",
    "model": "Per model",
    "layer_group": "Per model and layer group",
    "context": "Per context length",
    "scenario": "Per model and context length",
    "layer_run": "Per model, context length and layer group",
    "hardware": "Per kind of hardware",
    "run": "Per run",
    "run_layer": "Per run and layer group",
    "training_run": "Per training run",
    "training_layer": "Per training run and layer group",
    "serving_run": "Per serving run",
    "serving_layer": "Per serving run and layer group",
}


def place(
    table_set: TableSet,
    sheet: str,
    grain: Grain,
    sections: Sequence[BandPlan],
    top: int,
    cell_index: CellIndex,
    here: Collection[str],
) -> Block:
    """Gives rows to a block and makes it the home of its metrics: results first, then working, then linked rows.

    What is `here`, on the same sheet, needs no link where it stands in the same columns or in one cell. Linked rows
    are folded, and so are parts of an architecture that the study does not use: there, and closed.
    """
    table = table_set.table(grain)
    own = {name for part in sections for name in part.names}
    header_names = [key for key in table.key_names if not (key == "group" and not any(_groups(table)))]
    row = top + 1
    headers = {}
    for name in header_names:
        headers[name] = row
        row += 1
    needed = [read for part in sections for name in part.names for read in table_set.catalog.dependencies(name)]
    called = dict.fromkeys(read for read in needed if read not in own and read not in headers)
    beside = frozenset(name for name in called if _is_beside(table_set, sheet, table, name, cell_index, here))
    bands = []

    def band(
        title: str, listed: Sequence[str], detail: bool, kind: BandKind, collapsed: bool = False, fold: bool = False
    ) -> None:
        nonlocal row
        per_name = len(table) if kind == "sentences" else 1
        rows = {name: row + 1 + at * per_name for at, name in enumerate(listed)}
        bands.append(Band(title, tuple(listed), row, rows, detail, kind, collapsed, fold))
        row += 1 + per_name * len(listed)

    linked = [name for name in called if name not in beside]
    used, unused = ([name for name in linked if table_set.is_unused(name) == is_not] for is_not in (False, True))

    for part in sorted(sections, key=lambda part: part.detail):
        are_sentences = all(_metric(table_set, name).is_sentence for name in part.names)
        collapsed = part.closed or (part.fold and all(table_set.is_unused(name) for name in part.names))
        kind: BandKind = "sentences" if are_sentences else "metrics"
        band(part.title, part.names, part.detail or part.fold, kind, collapsed, part.fold and not part.detail)
    for title, listed in (("Linked inputs and metrics", used), (UNUSED, unused)):
        if listed:
            band(title, listed, True, "linked_rows", True)
    block = Block(table_set, sheet, grain, GRAIN_TITLES[grain], top, headers, tuple(bands), row - 1, beside)
    _index(block, cell_index)
    return block


def _is_beside(
    table_set: TableSet, sheet: str, table: Table, name: str, cell_index: CellIndex, here: Collection[str]
) -> bool:
    """Whether its sheet has a name in each column of a table, or in one cell for all; an empty cell needs words."""
    if isinstance(entry := table_set.catalog.inputs.get(name), Input) and entry.absent:
        return False
    cell_refs = cell_index.cell_refs.get((table_set.name, name), ())
    if (cell_refs[0].sheet != sheet) if cell_refs else (name not in here):
        return False
    if cell_refs and cell_refs[0] == cell_refs[-1]:
        return True
    rows = range(len(table)) if (grain := table_set.grain(name)) == table.grain else table.above[grain].tolist()
    return not any(rows) or list(rows) == [*range(len(table_set.table(grain)))]


def _index(block: Block, cell_index: CellIndex) -> None:
    """Makes a block the home of its metrics, and of the names of its rows where these have none yet."""
    table_set, sheet = block.table_set, block.sheet
    n_rows = len(table_set.table(block.grain))
    for placed in block.bands:
        if placed.kind == "sentences":
            for name, first in placed.rows.items():
                rows = range(first, first + n_rows)
                cell_index.put(table_set.name, name, side_by_side(CellRef, repeat(sheet), rows, repeat(SENTENCE)))
        elif placed.kind == "metrics":
            for name, at in placed.rows.items():
                cell_index.put(table_set.name, name, side_by_side(CellRef, repeat(sheet), repeat(at), block.columns))
    for name, at in block.headers.items():
        if name in KEYS and block.grain == KEYS[name] and (table_set.name, name) not in cell_index.cell_refs:
            cell_index.put(table_set.name, name, side_by_side(CellRef, repeat(sheet), repeat(at), block.columns))


def _metric(table_set: TableSet, name: str) -> Metric:
    return table_set.catalog.metrics[name]


def _groups(table: Table) -> list[object]:
    return [row[table.key_names.index("group")] for row in table.keys]
