"""A block as cells: headings, headers, and one row per input, linked input and metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import get_args

from flopsheet.catalog import Input, Metric
from flopsheet.catalog.entries import Level
from flopsheet.workbook.layout.block_rows import InBlock, linked_cells, metric_cells
from flopsheet.workbook.layout.cells import Band, Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import LABEL, MATHS, NAME, NOTE, SENTENCE, TAIL, UNIT
from flopsheet.workbook.model.sheet import Cell, Cells, Placed
from flopsheet.workbook.model.styles import NAME_INDENT, RULED, RULES, StyleName, varied

NAMES_TITLE = "Name"
# The styles of label, name, unit, formula and note beside a metric of each level.
BESIDE: Mapping[Level, tuple[StyleName, ...]] = {
    level: tuple(varied(style, level if level in RULES else "") for style in ("label", *RULED))
    for level in get_args(Level)
}
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


def block_cells(blocks: Sequence[Block], cell_index: CellIndex, links: Callable[[str], str]) -> Cells:
    """Every cell of some blocks; `links` gives where a name is explained."""
    cells: Cells = {}
    for block in blocks:
        here, columns = InBlock(block, cell_index), (*range(LABEL, block.columns[-1] + 1), *TAIL)
        cells.update(bar(block.top, block.title, "block", columns))
        cells.update(_header_cells(block, cell_index))
        for band in block.bands:
            cells.update(bar(band.row, band.heading(block.table_set), "band", columns))
            for name in band.names:
                cells.update(ROWS[band.kind](here, band, name, links))
    return cells


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


def describe(entry: Metric, here: InBlock, row: int, target: str = "", *, is_folded: bool = False) -> Iterator[Placed]:
    """The cells beside the values of a row: label, name (a link to a target), unit, formula, shape.

    A label that is folded makes no column wider.
    """
    label, name, unit, maths, note = BESIDE[entry.level]
    yield (row, LABEL), Cell(entry.label, style="fitted_label" if is_folded and entry.level == "part" else label)
    yield (row, NAME), Cell(entry.name, style=name, link=target)
    yield (row, UNIT), Cell(unit_of(entry), style=unit)
    if not entry.is_sentence:
        yield (row, MATHS), Cell(here.block.table_set.catalog.notation[entry.name], style=maths)
        yield (row, NOTE), Cell(entry.shape, style=note)


def _linked_row(here: InBlock, band: Band, name: str, _: Callable[[str], str]) -> Iterator[Placed]:
    row, entry = band.rows[name], here.block.table_set.catalog.entry(name)
    yield (row, LABEL), Cell(entry.label, style="fitted_label")
    yield (row, NAME), Cell(name, style="name")
    yield (row, UNIT), Cell(unit_of(entry), style="unit")
    yield (row, MATHS), Cell(entry.symbol if isinstance(entry, Input) else "", style="maths")
    yield from _in_columns(here.block, row, linked_cells(here, name))


def _metric_row(here: InBlock, band: Band, name: str, links: Callable[[str], str]) -> Iterator[Placed]:
    row, entry = band.rows[name], here.block.table_set.catalog.metrics[name]
    yield from describe(entry, here, row, links(name), is_folded=band.collapsed)
    style: StyleName = "verdict" if entry.unit == "verdict" else "calc" if entry.level == "part" else entry.level
    yield from _in_columns(here.block, row, metric_cells(here, name, style))


def _in_columns(block: Block, row: int, cells: Iterator[Cell]) -> Iterator[Placed]:
    return zip(zip(repeat(row), block.columns), cells, strict=True)


def _sentence_rows(here: InBlock, band: Band, name: str, links: Callable[[str], str]) -> Iterator[Placed]:
    """A sentence per line: the context length that it is about, then the text, free to run over the empty cells."""
    block = here.block
    entry = block.table_set.catalog.metrics[name]
    for at, cell in enumerate(metric_cells(here, name, "text")):
        row = band.rows[name] + at
        yield (row, LABEL), Cell(entry.label, style="label", link=links(name))  # a name would cut the sentence
        if "context_length" in block.headers:
            length = header_cell(block, here.cell_index, "context_length", at)
            yield (row, UNIT), Cell(length.value, length.formula, "linked_left", length.format)
        yield (row, SENTENCE), cell


ROWS = {"linked_rows": _linked_row, "metrics": _metric_row, "sentences": _sentence_rows}
