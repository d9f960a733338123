"""How a change is put into words: numbers as people write them, and the working of a list of lines."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import Call, Name, Operation, Text
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, MATHS, NAME, TAIL, CellRef
from flopsheet.workbook.model.sheet import Cell, Cells
from flopsheet.workbook.model.styles import NAME_INDENT

SHEET = "Checks"
MOST = 5  # lines of a list
# Programs differ in what they make of an empty text: a list says NONE where there is no unit or owner, a line that has
# nothing to say is a blank that nobody sees.
NONE, NOTHING = "–", "\N{NO-BREAK SPACE}"
UNITS = {"day": "days", "parameters": "", "token/s": "tokens/s"}  # as a line says them

GROUPED = (
    "{floor(floor(x + 0.5) / 1000)},{floor(floor(x + 0.5) / 100) - 10 * floor(floor(x + 0.5) / 1000)}"
    "{floor(floor(x + 0.5) / 10) - 10 * floor(floor(x + 0.5) / 100)}"
    "{floor(x + 0.5) - 10 * floor(floor(x + 0.5) / 10)}"
)


def _spelled(*cases: tuple[str, str]) -> Node:
    """A number in words, or the text that stands in its place."""
    return Call("where", (parse("given(x)"), first_that_holds(cases), Name("x")))


# A number that somebody typed, with every digit; `unit` is one that takes a prefix, `billion` its thousand million.
TYPED = _spelled(
    ("x >= 1e12", "{x / 1e12} T{unit}"),
    ("x >= 1e9", "{x / 1e9} {billion}{unit}"),
    ("x >= 1e6", "{x / 1e6} M{unit}"),
    ("x < 1000", "{x + 0}"),
    ("x == floor(x)", GROUPED),
    ("", "{x + 0}"),
)
# A result, rounded.
COMPUTED = _spelled(
    ("x >= 1e12", "{x / 1e12:.2} T"),
    ("x >= 1e9", "{x / 1e9:.2} B"),
    ("x >= 1e6", "{x / 1e6:.2} M"),
    ("x >= 1000", GROUPED),
    ("x >= 100", "{x:.1}"),
    ("x >= 1", "{x:.2}"),
    ("x >= 0.1", "{x:.3}"),
    ("", "{x:.4}"),
)


def heading(row: int, title: str, columns: Sequence[tuple[int, str]] = ()) -> Cells:
    """The bar above a list, and what heads its columns."""
    cells = dict(bar(row, title, "block", (*range(LABEL, FIRST + MOST), *TAIL)))
    for column, text in columns:
        is_text = column < FIRST or column in {NAME, MATHS}
        cells[row + 1, column] = Cell(
            text, style="header_left" if is_text else "header", indent=NAME_INDENT * (column == NAME)
        )
    return cells


def spaced(name: str, *, before: bool) -> Node:
    """A word of a list with a blank before or behind it, nothing where the list has none."""
    word = Operation("&", Text(" "), Name(name)) if before else Operation("&", Name(name), Text(" "))
    return Call("where", (Operation("==", Name(name), Text(NONE)), Text(""), word))


class Grid:
    """The working of a list of lines: a field in each row, a line in each column."""

    def __init__(self, top: int, title: str) -> None:
        self.cells = heading(top, title, [(FIRST + step, str(step + 1)) for step in range(MOST)])
        self.top = top
        self.rows: dict[str, int] = {}

    def put(self, field: str, step: int, cell: Cell) -> Live:
        """Puts a field of a line where it belongs."""
        row = self.rows.setdefault(field, self.top + 2 + len(self.rows))
        self.cells[row, LABEL] = Cell(field, style="label")
        is_name = isinstance(cell.value, str) and cell.style == "linked"  # it makes no column of the sheet wider
        self.cells[row, FIRST + step] = cell._replace(style="fitted_linked") if is_name else cell
        return Live(CellRef(SHEET, row, FIRST + step), cell.value)

    @property
    def bottom(self) -> int:
        return self.top + 1 + len(self.rows)
