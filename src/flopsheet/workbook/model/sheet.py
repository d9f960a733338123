"""A workbook as plain frozen data: what stands in each cell and how it looks, before any library is involved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from itertools import repeat
from operator import itemgetter
from typing import Literal, TypeAlias

from flopsheet.catalog.entries import Scalar
from flopsheet.records import NamedTuple, frozen, side_by_side
from flopsheet.workbook.model.styles import TABS, StyleName, Written

Draw: TypeAlias = Literal["both", "line", "marker", "column"]
ChartKind: TypeAlias = Literal["shares", "columns", "tornado", "scatter", "lines"]
Place: TypeAlias = Literal["", "t", "b", "l", "r", "unnamed"]


class Cell(NamedTuple):
    """One cell: a constant, or a formula with the value that it has when the workbook is built.

    A tuple, since a workbook has up to millions of them and a frozen dataclass takes three times as long to make.
    """

    value: Scalar
    formula: str = ""
    style: StyleName = "text"
    format: str = "General"
    link: str = ""  # 'Sheet'!A1
    indent: int = 0


def cells_alike(
    values: Iterable[Scalar], formulas: Iterable[str], style: StyleName, format: str = "General"
) -> Iterator[Cell]:
    """Cells that look the same, each with its value and formula."""
    return side_by_side(Cell, values, formulas, repeat(style), repeat(format), repeat(""), repeat(0))


@frozen
class Validation:
    """What a reviewer may type into some cells, and what the program says about it."""

    cells: tuple[str, ...]
    kind: Literal["whole", "decimal", "list"]
    prompt_title: str
    prompt: str
    error: str
    least: float = 0
    most: float = 0
    choices: str = ""  # "a,b" in quotes, or a reference


@frozen
class Highlight:
    """Cells that take a style while a condition holds: `formula` is written for the first cell of the range."""

    cells: str
    style: StyleName | Written
    formula: str


@frozen
class Series:
    """One line or one colour of a chart: references, and the points that a viewer without a calculator shows."""

    title_ref: str
    title: str
    ref: str
    points: tuple[float | None, ...]
    """None where there is no number: a gap."""
    colour: str
    x_ref: str = ""
    x_points: tuple[Scalar | None, ...] = ()
    """Of its own, where the chart's do not hold for it."""
    draw: Draw = "both"
    """Of a scatter line, marker or both; of columns column or line."""
    named: Place = ""
    """Where its name stands beside its middle point: top, bottom, left or right; where empty, in the legend."""


@frozen
class Chart:
    """A chart over cells: shares are 100 % bars, columns are stacked with lines over them, lines go over categories.

    The title is the text of a cell, so that it follows the numbers that it names. A logarithmic axis has a base.
    """

    kind: ChartKind
    title_ref: str
    title: str
    anchor: str
    x_title: str
    y_title: str
    x_ref: str
    x_points: tuple[Scalar, ...]
    series: tuple[Series, ...]
    width_cm: float = 18.0
    height_cm: float = 9.0
    y_format: str = "0%"
    x_format: str = "#,##0"
    y_most: float | None = 1.0
    x_log: int = 0
    y_log: int = 0
    from_zero: bool = True
    """Whether the vertical axis begins there; not where values that differ little are compared."""
    end: str = ""
    """The cell before whose corner it ends, so that it is as wide as columns are; else it has its size in cm."""
    x_ends: tuple[float, float] | None = None
    y_ends: tuple[float, float] | None = None
    """The ends of an axis, where its points would lie close together between those that programs choose."""


Cells: TypeAlias = dict[tuple[int, int], Cell]  # by row and column
Placed: TypeAlias = tuple[tuple[int, int], Cell]  # the row and column of a cell, and the cell


Fold: TypeAlias = tuple[int, int, bool]  # rows that can be folded: the first, the last, whether they are


class Extent(NamedTuple):
    """A rectangle of cells by its outermost rows and columns."""

    top: int
    left: int
    bottom: int
    right: int


@frozen
class Sheet:
    """One sheet; rows and columns count from 1."""

    title: str
    cells: Mapping[tuple[int, int], Cell]
    widths: Mapping[int, float]
    heights: Mapping[int, float] = field(default_factory=dict)
    freeze: str = ""
    title_rows: str = ""
    title_columns: str = ""
    outline_rows: tuple[Fold, ...] = ()
    outline_columns: tuple[int, ...] = ()  # folded
    validations: tuple[Validation, ...] = ()
    highlights: tuple[Highlight, ...] = ()
    charts: tuple[Chart, ...] = ()
    tail: int = 0
    """The first column behind the values, that of the names in the spec; 0 where there is none."""
    tab: str = TABS["reference"]
    print_to: int = 0
    """The last column that is printed; 0 prints all."""
    print_spare: str = ""
    """What the last printed column holds, if the sheet may be printed without it where that takes fewer pages."""
    unprinted: str = ""
    """What stands behind the last printed column, as the footer says; nothing is said where empty."""
    print_rows: int = 0
    """The last row that is printed; 0 prints all."""
    is_printed: bool = True
    """Working sheets are for the screen."""
    shared: tuple[tuple[tuple[int, int], ...], ...] = ()
    """Cells of a row that have one formula, moved along: the file holds it once."""
    print_parts: tuple[int, ...] = ()
    """The last row of each part: all on one page where that can be read, else on as few as that takes."""
    most_pages: int = 0
    """Of a sheet that takes more, only the columns that one page holds are printed, or these pages; 0 prints all."""
    print_cuts: tuple[int, ...] = ()
    """The columns after which such a sheet may be cut; where not even the first ones fit, it is not printed."""

    @cached_property
    def extent(self) -> Extent:
        """The smallest rectangle that holds every cell."""
        rows, columns = set(map(itemgetter(0), self.cells)), set(map(itemgetter(1), self.cells))
        return Extent(min(rows), min(columns), max(rows), max(columns))


@frozen
class Verdict:
    """What the workbook says of itself as built: the sentence at the top of Summary and its style."""

    words: str
    style: StyleName
    has_failures: bool = False
    """Whether a check fails; a run that does not fit is no failure of the workbook."""


@frozen
class Plan:
    """A whole workbook."""

    title: str
    sheets: tuple[Sheet, ...]
    properties: Mapping[str, str]
    verdict: Verdict

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(sheet.title for sheet in self.sheets)

    def sheet(self, title: str) -> Sheet:
        return next(sheet for sheet in self.sheets if sheet.title == title)


@frozen
class Draft:
    """A whole workbook whose sheets are made one after the other, each as it is taken: a million cells need not be in
    memory at once.
    """

    title: str
    titles: tuple[str, ...]
    sheets: Iterator[Sheet]
    properties: Mapping[str, str]
    verdict: Verdict
