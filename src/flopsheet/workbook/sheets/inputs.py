"""The Inputs sheet: every editable cell of the study, with its value as built beside it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from flopsheet.catalog import RUNS, Input, Section
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import evaluate, to_excel
from flopsheet.formula.nodes import Aggregate
from flopsheet.records import frozen
from flopsheet.spec import InputValue
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import count_differences
from flopsheet.workbook.model.references import (
    FIRST,
    LABEL,
    UNIT,
    CellRef,
    absolute_span,
    between,
    letters,
    span,
)
from flopsheet.workbook.model.sheet import Cell, Cells, Highlight, Scalar, Sheet, Validation
from flopsheet.workbook.model.sizes import WORD_WIDTH, folded, heights_of, width_of
from flopsheet.workbook.model.styles import NAME_INDENT, StyleName
from flopsheet.workbook.sheets.input_folds import folds_of
from flopsheet.workbook.sheets.input_numbers import as_written
from flopsheet.workbook.sheets.input_refs import InputRefs
from flopsheet.workbook.sheets.input_words import allowed, note, validation, was

SHEET = "Inputs"
# Behind the values: what the first of them that differs was, what it means, the name in the spec, what may be typed,
# how many values differ; then the values as the spec says them.
BETWEEN = 5
WAS, NOTE, NAME, ALLOWED, CHANGED = range(BETWEEN)
BEHIND = {
    WAS: ("Was", 16.0),
    NOTE: ("Note", 80.0),
    NAME: ("", 32.0),
    ALLOWED: ("Allowed", 46.0),
    CHANGED: ("Changed", 9.0),
}
NOTE_WIDTH, MOST_OF_NOTES = 0.85, 130.0  # of a letter of a note, which is small, and of all of them
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
    folds: list[tuple[int, int, bool]] = field(default_factory=list)
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
        layout.bands.append((row, "block", "Hardware"))
        layout.headers.append((row + 1, "Hardware", names))
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


def sheet(layout: InputsLayout, as_built: Mapping[str, TableSet]) -> tuple[Sheet, dict[CellRef, Cell]]:
    """The sheet, and its cells by position; `as_built` holds the values of the spec, by table set."""
    cell_index = layout.cell_index
    last = 2 * layout.built_column - BETWEEN - FIRST - 1
    cells: dict[tuple[int, int], Cell] = {
        (1, LABEL): Cell("Inputs", style="title"),
        (2, LABEL): Cell(
            "Edit the blue-on-yellow cells; everything else follows. Inputs that differ from the spec turn orange.",
            style="subtitle",
        ),
        (CHANGED_ROW, LABEL): Cell("Inputs that differ from the spec", style="lead"),
    }
    validations: list[Validation] = []
    highlights: list[Highlight] = []
    for row, style, text in layout.bands:
        for column in range(LABEL, last + 1):
            cells[row, column] = Cell(text if column == LABEL else "", style=style)
        if style == "block":
            cells[row, layout.built_column] = Cell("As in the spec", style=style)
    _headers(layout, cells)
    unused = {row for first, end, is_closed in layout.folds if is_closed for row in range(first, end + 1)}
    counted: list[tuple[CellRef, Cell]] = []
    for line in layout.rows:
        table_set = line.table_set
        table = table_set.table(line.entry.grain)
        row = line.live[0].row
        cells |= _describe(layout, line.entry, row)
        format = table_set.catalog.format(line.entry.name)
        typed: StyleName = "fitted_input" if row in unused else "input"  # what is folded makes no column wider
        pairs: dict[int, tuple[Scalar, Scalar]] = {}
        editable = []
        for at, (live, built) in enumerate(zip(line.live, line.built, strict=True)):
            given = table.given[line.entry.name][at]
            said = as_built[table_set.name].table(line.entry.grain).given[line.entry.name][at]
            locked = is_derived(line.entry, given, table_set, at)
            beside = InputRefs(table_set, cell_index, table, at)
            formula = to_excel(given.ast, beside) if given.ast else ""
            value = _typed(line.entry, given.value)
            cells[row, live.column] = Cell(value, formula, "calc" if locked else typed, format)
            cells[row, built.column] = _as_said(line.entry, said, beside, format)
            pairs[live.column] = value, cells[row, built.column].value
            if not locked:
                editable.append(live.address)
        live_row = [CellRef(SHEET, row, column) for column in range(FIRST, max(pairs) + 1)]
        built_row = [CellRef(SHEET, row, layout.built_column + at) for at in range(len(live_row))]
        in_order = [pair for _, pair in sorted(pairs.items())]
        cell = count_differences(SHEET, live_row, built_row, in_order)
        cells[line.changed.row, line.changed.column] = Cell(cell.value, cell.formula, "calc", '0;-0;""')
        cells[row, layout.behind(WAS)] = was(line.entry, (live_row, built_row), in_order, line.changed, format)
        counted.append((line.changed, cell))
        highlights.append(Highlight(span(live_row, SHEET), "changed", f"{live_row[0].address}<>{built_row[0].address}"))
        if editable:
            among = layout.choices(line.entry) if line.entry.chooses else ""
            validations.append(validation(line.entry, tuple(editable), among))
    highlights += as_written([(line.entry, line.live) for line in layout.rows], cells)
    cells[CHANGED_ROW, FIRST] = _sum_of_changes(counted)
    cells |= folded(cells, last + 1)
    labels = [str(cell.value) for (_, column), cell in cells.items() if column == LABEL and cell.style == "label"]
    widths = {LABEL: max(36.0, *(len(label) * WORD_WIDTH + 2.0 for label in labels)), UNIT: 11.0} | dict.fromkeys(
        range(FIRST, last + 1), 3.0
    )
    for (row, column), cell in cells.items():
        if column >= FIRST and row != 3 and cell.style not in {"block", "band", "fitted_input"}:
            widths[column] = max(widths[column], 12.0, width_of(cell))
    widths |= {layout.behind(place): width for place, (_, width) in BEHIND.items()}
    notes = (len(str(cell.value)) for (_, column), cell in cells.items() if column == layout.behind(NOTE))
    widths[layout.behind(NOTE)] = min(max(notes) * NOTE_WIDTH + 2.0, MOST_OF_NOTES)
    others = range(FIRST + layout.shown, FIRST + layout.width)
    outline = (*others, *range(layout.behind(CHANGED), last + 1))
    result = Sheet(
        SHEET,
        cells,
        widths,
        heights_of(cells, widths),
        freeze=f"{letters(FIRST)}{layout.model_row + 1 + 2 * bool(layout.group_row)}",
        title_rows="1:1",
        title_columns="A:B",
        outline_rows=tuple(layout.folds),
        outline_columns=outline,
        tail=layout.behind(NAME),
        print_to=layout.behind(WAS),
        print_spare="the column Was",
        print_rows=layout.printed,
        validations=tuple(validations),
        highlights=tuple(highlights),
        tab="C9A400",
    )
    return result, {CellRef(SHEET, *at): cell for at, cell in cells.items()}


def _as_said(entry: Input, said: InputValue, beside: InputRefs, format: str) -> Cell:
    """What the spec says of an input: where it says an expression, its value for the inputs as they are now.

    So an input that follows another, such as 4 * d_model, differs from the spec only where somebody typed over it.
    """
    if said.ast is None:
        return Cell(_typed(entry, said.value), style="as_built", format=format)
    value = evaluate(said.ast, beside.value, lambda _, names: beside.sum(names[0]))
    return Cell(value, to_excel(said.ast, beside), "as_built", format)


def _sum_of_changes(counted: Sequence[tuple[CellRef, Cell]]) -> Cell:
    """How many inputs differ in all; the counts stand in one column, headings between them count as nothing."""
    first, last = counted[0][0], counted[-1][0]
    return Cell(
        sum(float(cell.value) for _, cell in counted), f"SUM({between(first.address, last.address)})", "lead", "0"
    )


def _typed(entry: Input, value: Scalar) -> Scalar:
    """A choice that is a number, such as 2, enters the cell as a number."""
    return next(
        (float(choice) if isinstance(choice, int) else choice for choice in entry.choices if choice == value), value
    )


def is_derived(entry: Input, given: InputValue, table_set: TableSet, at: int) -> bool:
    """Whether nobody types the cell: layers are typed for the model while it has one group, else per group."""
    if entry.name == "n_layers":
        return isinstance(given.ast, Aggregate)
    if entry.name == "n_group_layers":
        model = table_set.table("layer_group").above["model"][at]
        return len(table_set.children["layer_group", "model"][model]) == 1
    return entry.name == "context_length" and table_set.name == "serving"


def _headers(layout: InputsLayout, cells: dict[tuple[int, int], Cell]) -> None:
    table_set = layout.table_set
    shift = layout.built_column - FIRST

    def header(row: int, label: str, name: str, columns: Iterable[int], texts: Iterable[str]) -> None:
        cells[row, LABEL] = Cell(label, style="header_left")
        titles = {UNIT: "Unit"} | {layout.behind(place): text for place, (text, _) in BEHIND.items()}
        for column, text in titles.items():
            is_said = row == layout.model_row or column == layout.behind(CHANGED)
            style: StyleName = "header" if column == layout.behind(WAS) else "header_left"
            cells[row, column] = Cell(text if is_said else "", style=style, indent=int(column == layout.behind(NOTE)))
        cells[row, layout.behind(NAME)] = Cell(name, style="header_left", indent=NAME_INDENT)
        for column, text in zip(columns, texts, strict=True):
            cells[row, column] = Cell(text, style="header")
            cells[row, column + shift] = Cell(f"{text} (spec)" if text else "", style="header")

    models, groups = table_set.table("model"), table_set.table("layer_group")
    header(layout.model_row, "Model", "model", layout.model_columns(), [str(key) for (key,) in models.keys])
    if layout.group_row:
        columns = range(FIRST, FIRST + len(groups))
        header(layout.group_row, "Layer group", "group", columns, [str(key[1]) for key in groups.keys])
        cells[layout.count_row, LABEL] = Cell("Layer groups", style="label")
        cells[layout.count_row, layout.behind(ALLOWED)] = Cell("fixed when the workbook is built", style="maths")
        for at, column in enumerate(layout.model_columns()):
            cells[layout.count_row, column] = Cell(
                float(len(table_set.children["layer_group", "model"][at])), style="calc", format="0"
            )
    for row, label, texts in layout.headers:
        own = layout.hardware if label == "Hardware" else range(FIRST, FIRST + len(texts))
        header(row, label, label.lower(), own, texts)


def _describe(layout: InputsLayout, entry: Input, row: int) -> Cells:
    symbol = f" {entry.symbol}" if entry.symbol else ""
    return {
        (row, LABEL): Cell(entry.label + symbol, style="label"),
        (row, UNIT): Cell(entry.unit if entry.unit != "text" else "", style="unit"),
        (row, layout.behind(NOTE)): note(entry),
        (row, layout.behind(NAME)): Cell(entry.name, style="name"),
        (row, layout.behind(ALLOWED)): Cell(allowed(entry), style="aside"),
    }
