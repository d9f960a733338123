"""The inputs that differ from the spec, in words: whose, which, from what to what."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from flopsheet.catalog.entries import Scalar
from flopsheet.formula import parse
from flopsheet.formula.nodes import Text, substitute
from flopsheet.records import frozen
from flopsheet.workbook.layout.counting import first_place
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, local
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT, CellRef, column_span, letters
from flopsheet.workbook.model.sheet import Cell, Cells
from flopsheet.workbook.sheets import input_layout
from flopsheet.workbook.sheets.change_words import (
    MOST,
    NONE,
    NOTHING,
    SHEET,
    TYPED,
    Grid,
    heading,
    spaced,
)

EMPTY = "empty"  # where a reviewer emptied a cell
SO_FAR, WHOSE, ROW, NAMED = range(FIRST, FIRST + 4)  # columns of the list
PREFIXED = frozenset({"B", "B/s", "FLOP/s"})  # units that a typed number has with a prefix
UNIT_WORDS = {
    "unit": substitute(parse("where(unit == none, nothing, unit)"), {"none": Text(NONE), "nothing": Text("")}),
    "billion": substitute(
        parse("where(unit == none, billion, giga)"), {"none": Text(NONE), "billion": Text("B"), "giga": Text("G")}
    ),
}
SPELLED = substitute(TYPED, UNIT_WORDS)
LINE = substitute(
    first_that_holds(
        [
            ("nth > differing", NOTHING),
            ("cells > 1", "{subject}{name} {before} → {now} and {cells - 1} more"),
            ("", "{subject}{name} {before} → {now}"),
        ]
    ),
    {"subject": spaced("subject", before=False)},
)


@frozen
class Listing:
    """Whose the columns of Inputs are, by kind of line, and a row for each line of Inputs."""

    cells: Cells
    owners: tuple[int, int]
    lines: tuple[int, int]


def listing(laid: input_layout.InputsLayout, cells: Mapping[CellRef, Cell], top: int) -> Listing:
    """How many lines of Inputs differ up to each of them, by which the first, the second, … is found."""
    titles = [(SO_FAR, "So far"), (WHOSE, "Whose"), (ROW, "Row")]
    found = heading(top, "Lines of Inputs that differ from the spec", titles)
    owners: dict[tuple[str, str], int] = {}
    row = top + 2
    for line in laid.rows:
        key = line.table_set.name, line.entry.grain
        if key not in owners:
            owners[key] = len(owners) + 1
            found[row, LABEL] = Cell(f"Whose a line of a {line.entry.grain.replace('_', ' ')} is", style="label")
            named = {cell_ref.column: _owner(line, at) for at, cell_ref in enumerate(line.live)}
            for column in range(FIRST, FIRST + laid.width):
                found[row, column] = Cell(named.get(column, NONE), style="as_built")
            row += 1
    start, so_far = row, accumulate(int(float(cells[line.changed].value) > 0) for line in laid.rows)
    for line, count in zip(laid.rows, so_far, strict=True):
        above = f"{letters(SO_FAR)}{row - 1}+" if row > start else ""
        found[row, LABEL] = Cell(line.entry.label, style="label")
        found[row, NAMED] = Cell(line.entry.name, style="name")
        found[row, UNIT] = Cell(_prefixed(line), style="unit")
        found[row, ROW] = Cell(float(line.live[0].row), style="as_built", format="0")
        found[row, SO_FAR] = Cell(float(count), f"{above}IF({line.changed.seen_from(SHEET)}>0,1,0)", "calc", "0")
        found[row, WHOSE] = Cell(float(owners[line.table_set.name, line.entry.grain]), style="as_built", format="0")
        row += 1
    return Listing(found, (top + 2, start - 1), (start, row - 1))


def _prefixed(line: input_layout.Row) -> str:
    return line.entry.unit if line.entry.unit in PREFIXED else NONE


def _owner(line: input_layout.Row, at: int) -> str:
    """Whose value a line has in one of its columns: a model's, a run's, that of a context length; of the study none."""
    grain, table_set = line.entry.grain, line.table_set
    if grain == "study":
        return NONE
    if grain == "context" and table_set.name == "study":
        return f"context {at + 1}"
    return " ".join(str(part) for part in table_set.table("run" if grain == "context" else grain).keys[at] if part)


def in_words(
    laid: input_layout.InputsLayout, cells: Mapping[CellRef, Cell], listed: Listing, top: int
) -> tuple[Grid, Live, list[Live]]:
    """The first lines of Inputs that differ, each in a column of its own; how many do, and the lines."""
    grid, (first, last) = Grid(top, "Inputs that differ from the spec, in words"), listed.lines
    width, bottom = laid.width, laid.rows[-1].live[0].row
    changed = [line for line in laid.rows if float(cells[line.changed].value)]
    total = grid.put("lines that differ", 0, Cell(float(len(changed)), f"{letters(SO_FAR)}{last}", "linked", "0"))
    area = {"live": _area(FIRST, width, bottom), "built": _area(laid.built_column, width, bottom)}
    owners = f"${letters(FIRST)}${listed.owners[0]}:${letters(FIRST + width - 1)}${listed.owners[1]}"
    lines = []
    for step in range(MOST):
        line = changed[step] if step < len(changed) else laid.rows[-1]
        differing = [at for at, pair in enumerate(zip(line.live, line.built, strict=True)) if _differ(cells, *pair)]
        column = min(line.live[at].column for at in differing) if differing else FIRST + width - 1
        values: dict[str, Live] = {"differing": total}

        def put(name: str, value: Scalar, formula: str, step: int = step, values: dict[str, Live] = values) -> str:
            # A format of its own: LibreOffice shows a cell without one as the cell that it is looked up from.
            values[name] = grid.put(name, step, Cell(value, formula, "linked", "0.############"))
            return values[name].cell_ref.address

        put("nth", float(step + 1), str(step + 1))
        among = column_span(SO_FAR, first, last)
        place = put(
            "place in the list", float(laid.rows.index(line) + 1),
            first_place(str(step + 1), among, len(laid.rows)),
        )  # fmt: skip

        def found(column: int, place: str = place) -> str:
            return f"INDEX({column_span(column, first, last)},{place})"

        row = put("row of Inputs", float(line.live[0].row), found(ROW))
        # Cell by cell, from the last column to the first: INDEX(…, row, 0) and COLUMN of a range fail in some programs.
        across, differing_columns = str(width), sorted(line.live[at].column - FIRST + 1 for at in differing)
        for number in range(width - 1, 0, -1):
            reached = next((one for one in differing_columns if one >= number), width)
            sides = "<>".join(f"INDEX({area[side]},{row},{number})" for side in ("live", "built"))
            formula = f"IF({sides},{number},{across})"
            across = put(f"first column that differs, from {number} on", float(reached), formula)
        put("cells", cells[line.changed].value, f"INDEX({_area(laid.behind(input_layout.CHANGED), 1, bottom)},{row})")
        put("name", line.entry.name, found(NAMED))
        put("unit", _prefixed(line), found(UNIT))
        owners_of = {cell_ref.column: _owner(line, at) for at, cell_ref in enumerate(line.live)}
        whose = f"INDEX({owners},{found(WHOSE)},{across})"
        put("subject", owners_of.get(column, NONE), whose)
        for name, side in (("now", "live"), ("before", "built")):
            at = CellRef(input_layout.SHEET, line.live[0].row, column + (laid.built_column - FIRST) * (side == "built"))
            cell = f"INDEX({area[side]},{row},{across})"
            put(side, cells[at].value if at in cells else EMPTY, f'IF({cell}="","{EMPTY}",{cell})')
            spelled = local(SHEET, SPELLED, {**values, "x": values[side]})
            values[name] = grid.put(f"{side}, in words", step, spelled)
        lines.append(grid.put("line", step, local(SHEET, LINE, values)))
    return grid, total, lines


def _differ(cells: Mapping[CellRef, Cell], live: CellRef, built: CellRef) -> bool:
    return cells[live].value != cells[built].value


def _area(column: int, width: int, bottom: int) -> str:
    """Columns of Inputs from the first row to one."""
    return f"{input_layout.SHEET}!${letters(column)}$1:${letters(column + width - 1)}${bottom}"
