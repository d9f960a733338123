"""Look-ups: the inputs of a model that a cell names, fetched from its columns on Inputs.

The what-if of Context and every run have tables of their own, whose models are looked up by name. Everything above
their inputs is the same catalogue, so no metric is defined a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import repeat

from flopsheet.catalog.grains import Grain
from flopsheet.formula.excel import literal
from flopsheet.formula.operators import indexed
from flopsheet.pipeline.tables import LAYER_COUNTS
from flopsheet.records import frozen
from flopsheet.workbook.layout.blocks import header_label, name_header
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import (
    FIRST,
    LABEL,
    MATHS,
    NAME,
    NOTE,
    TAIL,
    UNIT,
    CellRef,
    absolute_span,
    letters,
)
from flopsheet.workbook.model.sheet import Cell, Fold, Placed
from flopsheet.workbook.sheets import input_layout


@frozen
class Chosen:
    """The rows of a look-up.

    `choices` are the cells that name the models, one for each row of the model table, `models` what they say.
    """

    table_set: TableSet
    sheet: str
    top: int
    choices: tuple[CellRef, ...]
    models: tuple[str, ...]
    rows: dict[str, int]
    group_header: int
    scaled: Mapping[str, str] = field(default_factory=dict)
    """Input -> the word in `tag_row` of the columns in which it is scaled by the percentage below that word."""
    tag_row: int = 0

    @property
    def bottom(self) -> int:
        return max(self.rows.values(), default=self.count_row)

    @property
    def folded(self) -> tuple[Fold, ...]:
        """What is looked up is working: it is there, below its heading."""
        return ((self.position_row, self.bottom, True),)

    @property
    def position_row(self) -> int:
        return self.top + 1 + self.has_header

    @property
    def count_row(self) -> int:
        return self.position_row + 1

    @property
    def has_header(self) -> bool:
        """Whether the columns need names: the what-if has one model only."""
        return "run" in self.table_set.table("model").key_names

    @property
    def n_groups(self) -> int:
        """How many layer groups each model has columns for."""
        return len(self.table_set.table("layer_group")) // len(self.table_set.table("model"))

    def has_one(self, name: str) -> bool:
        """Whether one cell of an input is for all: the same cell names all models, and none scales it."""
        is_of_model = self.table_set.grain(name) == "model" or self.n_groups == 1
        return is_of_model and name not in self.scaled and len({*self.choices}) == 1


def inputs_row(blocks: Sequence[Block]) -> int:
    """Where a look-up begins below some blocks."""
    return blocks[-1].bottom + 3


def inputs_read(table_set: TableSet, metrics: Sequence[str]) -> tuple[str, ...]:
    """The inputs of model and layer group that some metrics read, in the catalogue's order."""
    listed = [table_set.catalog.metrics[name] for name in metrics]
    read = {name for metric in listed for part in (metric.dependencies, metric.aggregated) for name in part}
    known = table_set.catalog.inputs.items()
    return tuple(name for name, entry in known if name in read and entry.grain in {"model", "layer_group"})


def place(
    table_set: TableSet,
    sheet: str,
    needed: Sequence[str],
    choices: tuple[CellRef, ...],
    models: tuple[str, ...],
    top: int,
    cell_index: CellIndex,
    scaled: Mapping[str, str],
    tag_row: int,
) -> Chosen:
    """Gives the looked-up inputs their rows: those of models first, then those of layer groups."""
    grains = {name: table_set.grain(name) for name in needed}
    chosen = Chosen(table_set, sheet, top, choices, models, {}, 0, scaled, tag_row)
    row = chosen.count_row
    for name in (name for name in needed if grains[name] == "model"):
        row += 1
        chosen.rows[name] = row
    if chosen.has_header and chosen.n_groups > 1:
        chosen = replace(chosen, group_header=row + 1)
        row += 2
    for name in (name for name in needed if grains[name] == "layer_group"):
        row += 1
        chosen.rows[name] = row
    for name, at in chosen.rows.items():
        columns = range(len(table_set.table(grains[name])))
        shown = repeat(0, len(columns)) if chosen.has_one(name) else columns
        cell_index.put(table_set.name, name, (CellRef(sheet, at, FIRST + column) for column in shown))
    return chosen


def cells(chosen: Chosen, layout: input_layout.InputsLayout) -> Iterator[Placed]:
    """Positions of the chosen models on Inputs, and INDEX formulas that fetch what stands there."""
    columns = (*range(LABEL, FIRST + len(chosen.table_set.table("layer_group"))), *TAIL)
    yield from bar(chosen.top, "Working: inputs of the chosen model", "block", columns)
    if chosen.has_header:
        yield from _header(chosen, chosen.top + 1, "model", ("run",))
    if chosen.group_header:
        yield from _header(chosen, chosen.group_header, "layer_group", ("run", "group"))
    yield from _position_cells(chosen, layout)
    home_row = {line.entry.name: line.live[0].row for line in layout.rows if line.table_set is layout.table_set}
    for name, row in chosen.rows.items():
        yield from _input_cells(chosen, name, row, _row_on_inputs(layout, home_row[name]))


def _row_on_inputs(layout: input_layout.InputsLayout, row: int) -> str:
    """The reference to a row of Inputs over the columns of all models."""
    width = max(len(layout.table_set.table("layer_group")), 2)  # MATCH of a single cell fails in some programs
    return absolute_span([CellRef(input_layout.SHEET, row, column) for column in (FIRST, FIRST + width - 1)])


def _position_cells(chosen: Chosen, layout: input_layout.InputsLayout) -> Iterator[Placed]:
    """In which column of Inputs each chosen model begins, and how many layer groups it has."""
    study, columns = layout.table_set, layout.model_columns()
    models = [str(key) for (key,) in study.table("model").keys]
    yield (chosen.position_row, LABEL), Cell("Column on Inputs", style="label")
    yield (chosen.position_row, MATHS), Cell("position of the chosen model in the header row", style="maths")
    if layout.count_row:
        yield (chosen.count_row, LABEL), Cell("Layer groups", style="label")
        yield (chosen.count_row, MATHS), Cell("of the chosen model, from Inputs", style="maths")
    for at, (choice, name) in enumerate(zip(chosen.choices, chosen.models, strict=True)):
        model = models.index(name)
        cell = choice.seen_from(chosen.sheet) if choice.sheet != chosen.sheet else choice.absolute
        formula = f"MATCH({cell},{_row_on_inputs(layout, layout.model_row)},0)"
        position = CellRef(chosen.sheet, chosen.position_row, FIRST + at)
        yield position[1:], Cell(float(columns[model] - FIRST + 1), formula, "calc", "0")
        if layout.count_row:
            groups = len(study.children["layer_group", "model"][model])
            formula = indexed(_row_on_inputs(layout, layout.count_row), position.address)
            yield (chosen.count_row, FIRST + at), Cell(float(groups), formula, "linked", "0")


def _input_cells(chosen: Chosen, name: str, row: int, source: str) -> Iterator[Placed]:
    """A looked-up input in every column, from a row of Inputs."""
    table_set = chosen.table_set
    entry, format = table_set.catalog.inputs[name], table_set.catalog.format(name)
    yield (row, LABEL), Cell(entry.label, style="label")
    yield (row, NAME), Cell(name, style="name")
    yield (row, UNIT), Cell(unit_of(entry), style="unit")
    yield (row, MATHS), Cell(f"{entry.symbol} of the chosen model, from Inputs".strip(), style="maths")
    if name in chosen.scaled:
        yield (row, NOTE), Cell(chosen.scaled[name], style="note")
    per_model = chosen.n_groups if entry.grain == "layer_group" else 1
    for at, value in enumerate(table_set.column(name)[: 1 if chosen.has_one(name) else None]):
        model, group = divmod(at, per_model)
        position = CellRef(chosen.sheet, chosen.position_row, FIRST + model)
        scaled = _scaled(chosen, name, FIRST + model)
        formula = f"{indexed(source, position.address)}{scaled}"
        if group:
            count = CellRef(chosen.sheet, chosen.count_row, FIRST + model)
            first = CellRef(chosen.sheet, row, FIRST + model * per_model)
            missing = "0" if name in LAYER_COUNTS else first.address
            found = f"{indexed(source, f'{position.address}+{group}')}{scaled}"
            formula = f"IF({count.address}<={group},{missing},{found})"
        yield (row, FIRST + at), Cell(value, formula, "linked", format)


def _scaled(chosen: Chosen, name: str, column: int) -> str:
    """What an input is multiplied by in a column that steps it."""
    if name not in chosen.scaled:
        return ""
    letter, tag = letters(column), literal(chosen.scaled[name])
    return f"*IF({letter}${chosen.tag_row}={tag},{letter}${chosen.tag_row + 1},100)/100"


def _header(chosen: Chosen, row: int, grain: Grain, key_names: Sequence[str]) -> Iterator[Placed]:
    table = chosen.table_set.table(grain)
    for step, key in enumerate(key_names):
        yield from bar(row + step, header_label(chosen.table_set, key), "header_left", (LABEL, UNIT, *TAIL))
        yield (row + step, NAME), name_header(key, is_first=not step)
        for at, parts in enumerate(table.keys):
            text = str(parts[table.key_names.index(key)])
            yield (row + step, FIRST + at), Cell(text, style="header")
