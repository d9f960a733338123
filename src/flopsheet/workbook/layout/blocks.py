"""A block as cells: headings, headers, and one row per input, linked input and metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flopsheet.catalog import Entry, Input, Metric
from flopsheet.workbook.layout.cells import Band, Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import linked_rows, metric_cells, unit_of
from flopsheet.workbook.model.references import LABEL, MATHS, NAME, NOTE, SENTENCE, TAIL, UNIT
from flopsheet.workbook.model.sheet import Cell
from flopsheet.workbook.model.styles import NAME_INDENT, StyleName, varied

NAMES_TITLE = "Name"
Placed = tuple[tuple[int, int], Cell]
HEADER_LABELS = {
    "model": "Model",
    "context_length": "Context length",
    "group": "Layer group",
    "study": "",
    "run": "Run",
    "hardware": "Hardware",
}


def header_label(table_set: TableSet, name: str) -> str:
    """What the names above columns are of; those of the sensitivity are one step away from a scenario."""
    return "Variant" if (table_set.name, name) == ("sensitivity", "run") else HEADER_LABELS[name]


def block_cells(block: Block, cell_index: CellIndex, links: Callable[[str], str]) -> Iterator[Placed]:
    """Every cell of a block; `links` gives where a name is explained."""
    for column in (*range(LABEL, block.columns[-1] + 1), *TAIL):
        yield (block.top, column), Cell(block.title if column == LABEL else "", style="block")
    yield from _header_cells(block, cell_index)
    for band in block.bands:
        heading = band.heading(block.table_set)
        for column in (*range(LABEL, block.columns[-1] + 1), *TAIL):
            yield (band.row, column), Cell(heading if column == LABEL else "", style="band")
        for name in band.names:
            if band.kind == "sentences":
                yield from _sentence_rows(block, cell_index, band, name, links)
            else:
                yield from _row(block, cell_index, band, name, links)


def _header_cells(block: Block, cell_index: CellIndex) -> Iterator[Placed]:
    table = block.table_set.table(block.grain)
    for name, row in block.headers.items():
        yield (row, LABEL), Cell(header_label(block.table_set, name), style="header_left")
        yield (row, NAME), name_header(name, is_first=row == min(block.headers.values()))
        for column in (UNIT, NOTE, MATHS):
            yield (row, column), Cell("", style="header_left")
        for at, column in enumerate(block.columns):
            yield (row, column), header_cell(block, cell_index, name, at)
    if "study" not in block.headers:
        first = min(block.headers.values())
        for column, text in ((UNIT, "Unit"), (MATHS, "Formula"), (NOTE, "Shape or note")):
            yield (first, column), Cell(text, style="header_left")
    assert len(table) == len(block.columns)


def name_header(name: str, *, is_first: bool) -> Cell:
    """What heads the names of rows; below it stands the name of each further header."""
    said = "" if name == "study" else NAMES_TITLE if is_first else name
    return Cell(said, style="header_left", indent=NAME_INDENT)


def header_cell(block: Block, cell_index: CellIndex, name: str, at: int) -> Cell:
    """The name of a column; a context length is the live one."""
    table = block.table_set.table(block.grain)
    if name == "context_length":
        rows = table.above["context"] if block.grain != "context" else range(len(table))
        cell_ref = cell_index.of(block.table_set, "context_length")[rows[at]]
        return Cell(block.table_set.value(name, rows[at]), cell_ref.seen_from(block.sheet), "header", "#,##0")
    if name == "study":
        return Cell("Value", style="header")
    return Cell(str(table.keys[at][table.key_names.index(name)]), style="header")


def describe(entry: Entry, block: Block, target: str = "", *, is_folded: bool = False) -> Iterator[tuple[int, Cell]]:
    """The columns beside the values: label, name (a link to a target), unit, formula, shape.

    A label that is folded makes no column wider.
    """
    level = entry.level if isinstance(entry, Metric) else "part"
    ruled = "" if level == "part" else level
    yield LABEL, Cell(entry.label, style="fitted_label" if is_folded and not ruled else varied("label", ruled))
    yield NAME, Cell(entry.name, style=varied("name", ruled), link=target)
    yield UNIT, Cell(unit_of(entry), style=varied("unit", ruled))
    if isinstance(entry, Metric) and not entry.is_sentence:
        yield MATHS, Cell(block.table_set.catalog.notation[entry.name], style=varied("maths", ruled))
        yield NOTE, Cell(entry.shape, style=varied("note", ruled))


def _row(block: Block, cell_index: CellIndex, band: Band, name: str, links: Callable[[str], str]) -> Iterator[Placed]:
    row, entry = band.rows[name], block.table_set.catalog.entry(name)
    if band.kind == "linked_rows":
        symbol = entry.symbol if isinstance(entry, Input) else ""
        yield (row, LABEL), Cell(entry.label, style="fitted_label")
        yield (row, NAME), Cell(name, style="name")
        yield (row, UNIT), Cell(unit_of(entry), style="unit")
        yield (row, MATHS), Cell(symbol, style="maths")
        for column, cell in zip(block.columns, linked_rows(block, cell_index, name), strict=True):
            yield (row, column), cell
        return
    assert isinstance(entry, Metric)
    for column, cell in describe(entry, block, links(name), is_folded=band.collapsed):
        yield (row, column), cell
    style: StyleName = "verdict" if entry.unit == "verdict" else "calc" if entry.level == "part" else entry.level
    for column, cell in zip(block.columns, metric_cells(block, cell_index, name, style), strict=True):
        yield (row, column), cell


def _sentence_rows(
    block: Block, cell_index: CellIndex, band: Band, name: str, links: Callable[[str], str]
) -> Iterator[Placed]:
    """A sentence per line: the context length that it is about, then the text, free to run over the empty cells."""
    entry = block.table_set.catalog.metrics[name]
    for at, cell in enumerate(metric_cells(block, cell_index, name, "text")):
        row = band.rows[name] + at
        yield (row, LABEL), Cell(entry.label, style="label", link=links(name))  # a name would cut the sentence
        if "context_length" in block.headers:
            length = header_cell(block, cell_index, "context_length", at)
            yield (row, UNIT), Cell(length.value, length.formula, "linked_left", length.format)
        yield (row, SENTENCE), cell
