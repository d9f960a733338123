"""The Inputs sheet: every editable cell of the study, with its value as built beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flopsheet.catalog import Input
from flopsheet.catalog.entries import Scalar
from flopsheet.formula import evaluate, to_excel
from flopsheet.formula.nodes import Aggregate
from flopsheet.spec import InputValue
from flopsheet.workbook.layout.blocks import NAMES_TITLE
from flopsheet.workbook.layout.cells import TableSet, TableSetName
from flopsheet.workbook.layout.counting import count_differences
from flopsheet.workbook.layout.typed_cells import unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT, CellRef, between, letters, span
from flopsheet.workbook.model.sheet import Cell, Cells, Highlight, Sheet, Validation
from flopsheet.workbook.model.sizes import WORD_WIDTH, folded, heights_of, width_of
from flopsheet.workbook.model.styles import NAME_INDENT, TABS, StyleName
from flopsheet.workbook.sheets import input_layout
from flopsheet.workbook.sheets.input_layout import (
    ALLOWED,
    BETWEEN,
    CHANGED,
    CHANGED_ROW,
    HARDWARE,
    NAME,
    NOTE,
    WAS,
    InputsLayout,
    Row,
)
from flopsheet.workbook.sheets.input_numbers import as_written
from flopsheet.workbook.sheets.input_refs import InputRefs
from flopsheet.workbook.sheets.input_words import allowed, note, validation, was

SHEET = input_layout.SHEET
BEHIND = {
    WAS: ("Was", 16.0),
    NOTE: ("Note", 80.0),
    NAME: (NAMES_TITLE, 32.0),
    ALLOWED: ("Allowed", 46.0),
    CHANGED: ("Changed", 9.0),
}
NOTE_WIDTH, MOST_OF_NOTES = 0.85, 130.0  # of a letter of a note, which is small, and of all of them


class _Written:
    """What the rows bring to the sheet: cells, what may be typed in them, colours, and how many differ in each."""

    def __init__(self, layout: InputsLayout, as_built: Mapping[TableSetName, TableSet]) -> None:
        self.layout, self.as_built = layout, as_built
        self.unused = {row for first, end, is_closed in layout.folds if is_closed for row in range(first, end + 1)}
        self.cells: Cells = {}
        self.validations: list[Validation] = []
        self.highlights: list[Highlight] = []
        self.counted: list[tuple[CellRef, Cell]] = []

    def line(self, line: Row) -> None:
        """An input: its cells, those as in the spec, and what is said of both."""
        layout, entry, row = self.layout, line.entry, line.live[0].row
        self.cells |= _describe(layout, entry, row)
        editable = list(self.values(line))
        last = max(live.column for live in line.live)
        live_row = [CellRef(SHEET, row, column) for column in range(FIRST, last + 1)]
        built_row = [CellRef(SHEET, row, layout.built_column + at) for at in range(len(live_row))]
        places = sorted((live.column, built.column) for live, built in zip(line.live, line.built, strict=True))
        pairs = [(self.cells[row, live].value, self.cells[row, built].value) for live, built in places]
        cell = count_differences(SHEET, live_row, built_row, pairs)
        self.cells[line.changed.row, line.changed.column] = Cell(cell.value, cell.formula, "calc", '0;-0;""')
        format = line.table_set.catalog.format(entry.name)
        self.cells[row, layout.behind(WAS)] = was(entry, (live_row, built_row), pairs, line.changed, format)
        self.counted.append((line.changed, cell))
        differs = f"{live_row[0].address}<>{built_row[0].address}"
        self.highlights.append(Highlight(span(live_row, SHEET), "changed", differs))
        if editable:
            self.validations.append(validation(entry, tuple(editable), layout.choices(entry) if entry.chooses else ""))

    def values(self, line: Row) -> Iterator[str]:
        """The cells of an input and those as in the spec; gives the addresses of what may be typed in."""
        table_set, entry = line.table_set, line.entry
        table, format = table_set.table(entry.grain), table_set.catalog.format(entry.name)
        as_in_spec = self.as_built[table_set.name].table(entry.grain).given[entry.name]
        typed: StyleName = "fitted_input" if line.live[0].row in self.unused else "input"  # folded, widens no column
        for at, (live, built) in enumerate(zip(line.live, line.built, strict=True)):
            given = table.given[entry.name][at]
            is_locked = is_derived(entry, given, table_set, at)
            beside = InputRefs(table_set, self.layout.cell_index, table, at)
            formula = to_excel(given.ast, beside) if given.ast else ""
            style = "calc" if is_locked else typed
            self.cells[live.row, live.column] = Cell(_typed(entry, given.value), formula, style, format)
            self.cells[live.row, built.column] = _as_said(entry, as_in_spec[at], beside, format)
            if not is_locked:
                yield live.address


def sheet(layout: InputsLayout, as_built: Mapping[TableSetName, TableSet]) -> tuple[Sheet, dict[CellRef, Cell]]:
    """The sheet, and its cells by position; `as_built` holds the values of the spec, by table set."""
    last = 2 * layout.built_column - BETWEEN - FIRST - 1
    written = _Written(layout, as_built)
    cells = written.cells
    cells |= _top(layout, last)
    for line in layout.rows:
        written.line(line)
    written.highlights += as_written([(line.entry, line.live) for line in layout.rows], cells)
    cells[CHANGED_ROW, FIRST] = _sum_of_changes(written.counted)
    cells |= folded(cells, last + 1)
    widths = _widths(layout, cells, last)
    others = range(FIRST + layout.shown, FIRST + layout.width)
    result = Sheet(
        SHEET,
        cells,
        widths,
        heights_of(cells, widths),
        freeze=f"{letters(FIRST)}{layout.model_row + 1 + 2 * bool(layout.group_row)}",
        title_rows="1:1",
        title_columns="A:B",
        outline_rows=tuple(layout.folds),
        outline_columns=(*others, *range(layout.behind(CHANGED), last + 1)),
        tail=layout.behind(NAME),
        print_to=layout.behind(WAS),
        print_spare="the column Was",
        print_rows=layout.printed,
        validations=tuple(written.validations),
        highlights=tuple(written.highlights),
        tab=TABS["inputs"],
    )
    return result, {CellRef(SHEET, *at): cell for at, cell in cells.items()}


def _top(layout: InputsLayout, last: int) -> Cells:
    """Title, how many inputs differ, headers, and the bands between rows; `last` is the last column."""
    cells: Cells = {
        (1, LABEL): Cell("Inputs", style="title"),
        (2, LABEL): Cell(
            "Edit the blue-on-yellow cells; everything else follows. Inputs that differ from the spec turn orange.",
            style="subtitle",
        ),
        (CHANGED_ROW, LABEL): Cell("Inputs that differ from the spec", style="lead"),
    }
    for row, style, text in layout.bands:
        cells.update(bar(row, text, style, range(LABEL, last + 1)))
        if style == "block":
            cells[row, layout.built_column] = Cell("As in the spec", style=style)
    _headers(layout, cells)
    return cells


def _widths(layout: InputsLayout, cells: Cells, last: int) -> dict[int, float]:
    """Columns as wide as what stands in them, up to the last; what is folded widens none."""
    labels = [str(cell.value) for (_, column), cell in cells.items() if column == LABEL and cell.style == "label"]
    widths = {LABEL: max(36.0, *(len(label) * WORD_WIDTH + 2.0 for label in labels)), UNIT: 11.0}
    widths |= dict.fromkeys(range(FIRST, last + 1), 3.0)
    for (row, column), cell in cells.items():
        if column >= FIRST and row != CHANGED_ROW and cell.style not in {"block", "band", "fitted_input"}:
            widths[column] = max(widths[column], 12.0, width_of(cell))
    widths |= {layout.behind(place): width for place, (_, width) in BEHIND.items()}
    notes = (len(str(cell.value)) for (_, column), cell in cells.items() if column == layout.behind(NOTE))
    widths[layout.behind(NOTE)] = min(max(notes) * NOTE_WIDTH + 2.0, MOST_OF_NOTES)
    return widths


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


def _headers(layout: InputsLayout, cells: Cells) -> None:
    table_set = layout.table_set
    shift = layout.built_column - FIRST

    def header(row: int, label: str, columns: Iterable[int], texts: Iterable[str]) -> None:
        cells[row, LABEL] = Cell(label, style="header_left")
        titles = {UNIT: "Unit"} | {layout.behind(place): text for place, (text, _) in BEHIND.items()}
        for column, text in titles.items():
            is_said = row == layout.model_row or column == layout.behind(CHANGED)
            style: StyleName = "header" if column == layout.behind(WAS) else "header_left"
            indent = {layout.behind(NOTE): 1, layout.behind(NAME): NAME_INDENT}.get(column, 0)
            cells[row, column] = Cell(text if is_said else "", style=style, indent=indent)
        for column, text in zip(columns, texts, strict=True):
            cells[row, column] = Cell(text, style="header")
            cells[row, column + shift] = Cell(f"{text} (spec)" if text else "", style="header")
        for column in range(FIRST, layout.behind(WAS)):  # the rule below goes on to the notes
            cells.setdefault((row, column), Cell("", style="header_left"))

    models, groups = table_set.table("model"), table_set.table("layer_group")
    header(layout.model_row, "Model", layout.model_columns(), [str(key) for (key,) in models.keys])
    if layout.group_row:
        columns = range(FIRST, FIRST + len(groups))
        header(layout.group_row, "Layer group", columns, [str(key[1]) for key in groups.keys])
        cells[layout.count_row, LABEL] = Cell("Layer groups", style="label")
        cells[layout.count_row, layout.behind(ALLOWED)] = Cell("fixed when the workbook is built", style="maths")
        for at, column in enumerate(layout.model_columns()):
            cells[layout.count_row, column] = Cell(
                float(len(table_set.children["layer_group", "model"][at])), style="calc", format="0"
            )
    for row, label, texts in layout.headers:
        own = layout.hardware if label == HARDWARE else range(FIRST, FIRST + len(texts))
        header(row, label, own, texts)


def _describe(layout: InputsLayout, entry: Input, row: int) -> Cells:
    symbol = f" {entry.symbol}" if entry.symbol else ""
    return {
        (row, LABEL): Cell(entry.label + symbol, style="label"),
        (row, UNIT): Cell(unit_of(entry), style="unit"),
        (row, layout.behind(NOTE)): note(entry),
        (row, layout.behind(NAME)): Cell(entry.name, style="name"),
        (row, layout.behind(ALLOWED)): Cell(allowed(entry), style="aside"),
    }
