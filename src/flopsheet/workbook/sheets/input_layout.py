"""Where everything stands on the Inputs sheet: inputs under their headings, their values, and what is behind these."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from flopsheet.catalog import RUNS, Input, Section
from flopsheet.catalog.grains import RunKind
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.model.references import FIRST, CellRef, absolute_span
from flopsheet.workbook.model.sheet import Fold
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets.input_folds import folds_of

SHEET = "Inputs"
# Behind the values: what the first of them that differs was, what it means, the name in the spec, what may be typed,
# how many values differ; then the values as the spec says them.
BETWEEN = 5
WAS, NOTE, NAME, ALLOWED, CHANGED = range(BETWEEN)
HARDWARE = "Hardware"  # what heads the section of the kinds of hardware, whose columns stand in an order of their own
CHANGED_ROW = 3  # how many inputs differ from the spec


@frozen
class Row:
    """One input: the cells that hold it, live and as built, and the cell that counts what differs."""

    table_set: TableSet
    entry: Input
    live: tuple[CellRef, ...]
    built: tuple[CellRef, ...]
    changed: CellRef


@frozen
class InputsLayout:
    """Where the inputs stand; made before any formula is written, since formulas refer to it."""

    table_set: TableSet
    runs: Mapping[RunKind, TableSet]
    cell_index: CellIndex
    model_row: int
    group_row: int
    count_row: int
    """How many layer groups each model has; 0 while every model has one."""
    rows: list[Row] = field(default_factory=list)
    bands: list[tuple[int, StyleName, str]] = field(default_factory=list)  # row, style, text
    headers: list[tuple[int, str, Sequence[str]]] = field(default_factory=list)
    """Header rows of the blocks below the models: row, label, texts."""
    changed: CellRef = field(default_factory=lambda: CellRef(SHEET, CHANGED_ROW, FIRST))
    bottom: int = 0
    printed: int = 0
    """The last row that is printed; what hardware was fitted to stands below."""
    folds: list[Fold] = field(default_factory=list)
    hardware: tuple[int, ...] = ()
    """The column of each kind of hardware: those that runs use stand first."""
    shown: int = 0
    """How many columns of values are not folded: other kinds of hardware are."""
    model_names: str = ""
    """The reference to the names of the models, for drop-downs; on Inputs there may be gaps between them."""

    @cached_property  # asked thousands of times
    def built_column(self) -> int:
        tables = [*self.table_set.values.tables.values(), *(table_set.table("run") for table_set in self.runs.values())]
        return FIRST + max(len(table) for table in tables if table.grain in WIDE) + BETWEEN

    @property
    def width(self) -> int:
        """How many columns of values there are."""
        return self.built_column - BETWEEN - FIRST

    def behind(self, place: int) -> int:
        """The column of one of the things that stand between the values and those as built."""
        return self.built_column - BETWEEN + place

    def model_columns(self) -> list[int]:
        """The first column of every model: a model with several layer groups takes one column for each."""
        owner = self.table_set.table("layer_group").above["model"].tolist()
        return [FIRST + owner.index(model) for model in range(len(self.table_set.table("model")))]

    def choices(self, entry: Input) -> str:
        """The reference to what an input can choose among."""
        return (
            self.model_names
            if entry.chooses == "model"
            else absolute_span(self.cell_index.cell_refs["study", entry.chooses])
        )


# Grains with one column on Inputs for each row.
WIDE = frozenset({"layer_group", "context", "hardware", "run"})


def lay_out(table_set: TableSet, runs: Mapping[RunKind, TableSet], cell_index: CellIndex) -> InputsLayout:
    """Gives every input its row and columns, and tells the homes."""
    row = 5
    has_groups = any(group for _, group in table_set.table("layer_group").keys)
    group_row, count_row = (row + 2, row + 3) if has_groups else (0, 0)
    hardware, used = _hardware_columns(table_set, runs)
    layout = InputsLayout(
        table_set,
        runs,
        cell_index,
        row + 1,
        group_row,
        count_row,
        hardware=hardware,
        shown=_shown(table_set, runs, used),
    )
    columns = layout.model_columns()
    cell_index.put(table_set.name, "model", (CellRef(SHEET, layout.model_row, column) for column in columns))
    layout.bands.append((row, "block", "Models"))
    row += 4 if has_groups else 2
    for section in _sections(table_set, {"model", "layer_group"}):
        row = _place_section(layout, table_set, section, row, "band")
    row += 1
    lengths = [f"context {at + 1}" for at in range(len(table_set.table("context")))]
    layout.bands.append((row, "block", "Context lengths"))
    layout.headers.append((row + 1, "", lengths))
    row = _place_rows(layout, table_set, [table_set.catalog.inputs["context_length"]], row + 2) + 1
    for section in _sections(table_set, {"study"}):
        row = _place_section(layout, table_set, section, row, "block") + 1
    for kind, of_kind in runs.items():
        row = _place_runs(layout, kind, of_kind, row) + 1
    printed = row - 1
    if runs:
        names = [str(key) for (key,) in table_set.table("hardware").keys]
        layout.bands.append((row, "block", HARDWARE))
        layout.headers.append((row + 1, HARDWARE, names))
        cell_index.put(table_set.name, "hardware", (CellRef(SHEET, row + 1, column) for column in layout.hardware))
        peaks, *efficiencies = _sections(table_set, {"hardware"})
        row = printed = _place_rows(layout, table_set, _entries(peaks), row + 2)  # that need no name of their own
        for section in efficiencies:
            layout.bands.append((row, "band", section.title))
            row = _place_rows(layout, table_set, _entries(section), row + 1)
        row += 1
    return replace(layout, bottom=row - 2, printed=printed - 1)


def _hardware_columns(table_set: TableSet, runs: Mapping[RunKind, TableSet]) -> tuple[tuple[int, ...], int]:
    """The column of each kind, those first that runs use as built, and how many these are."""
    names = [str(key) for (key,) in table_set.table("hardware").keys] if runs else []
    used = {name for of_kind in runs.values() for name in of_kind.built.plain("run", "hardware")}
    ordered = sorted(names, key=lambda name: name not in used)
    return tuple(FIRST + ordered.index(name) for name in names), len(used)


def _shown(table_set: TableSet, runs: Mapping[RunKind, TableSet], used: int) -> int:
    """As many columns of values as anything but hardware has, or the hardware that is used."""
    tables = [*table_set.values.tables.values(), *(of_kind.table("run") for of_kind in runs.values())]
    return max(used, *(len(table) for table in tables if table.grain in WIDE - {"hardware"}))


def _sections(table_set: TableSet, grains: Container[str]) -> list[Section]:
    return [section for section in table_set.catalog.sections if section.grain in grains and _entries(section)]


def _entries(section: Section) -> list[Input]:
    return [entry for entry in section.entries if isinstance(entry, Input)]


def _place_section(layout: InputsLayout, table_set: TableSet, section: Section, row: int, style: StyleName) -> int:
    """A heading and the inputs below it; gives the row after them."""
    entries = _entries(section)
    title, folds = folds_of(section, entries, table_set, row + 1)
    layout.folds.extend(folds)
    layout.bands.append((row, style, title))
    return _place_rows(layout, table_set, entries, row + 1)


def _place_runs(layout: InputsLayout, kind: RunKind, table_set: TableSet, row: int) -> int:
    """The inputs of the runs of a kind, those that both kinds share and their context length first."""
    layout.bands.append((row, "block", f"{kind.capitalize()} runs"))
    layout.headers.append((row + 1, "Run", [str(key) for (key,) in table_set.table("run").keys]))
    shared = [entry.of_kind(kind) for section in _sections(table_set, {"run"}) for entry in _entries(section)]
    row = _place_rows(layout, table_set, [*shared, table_set.catalog.inputs["context_length"]], row + 2)
    for section in _sections(table_set, {RUNS[kind][0]}):
        row = _place_section(layout, table_set, section, row, "band")
    return row


def _place_rows(layout: InputsLayout, table_set: TableSet, entries: Sequence[Input], row: int) -> int:
    shift = layout.built_column - FIRST
    for entry in entries:
        count = len(table_set.table(entry.grain))
        columns: Sequence[int] = range(FIRST, FIRST + count)
        if entry.grain in {"model", "hardware"}:
            columns = layout.model_columns() if entry.grain == "model" else layout.hardware
        live = tuple(CellRef(SHEET, row, column) for column in columns)
        built = tuple(CellRef(SHEET, row, cell_ref.column + shift) for cell_ref in live)
        layout.rows.append(Row(table_set, entry, live, built, CellRef(SHEET, row, layout.behind(CHANGED))))
        layout.cell_index.put(table_set.name, entry.name, live)
        row += 1
    return row
