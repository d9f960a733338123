"""The Summary sheet: what this is, under which conventions, whether it holds, the headline numbers, two charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil, fsum

from flopsheet.catalog.grains import RunKind
from flopsheet.numerics import HALF
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, live_of, mirror
from flopsheet.workbook.model.references import CellRef, absolute_span, between, letters, quoted
from flopsheet.workbook.model.sheet import Cell, Cells, Chart, Highlight, Series, Sheet
from flopsheet.workbook.model.sizes import EXCEL_CM, NARROW, NARROW_BY, ROW_CM, WORD_WIDTH, width_of
from flopsheet.workbook.model.styles import COLOURS, TABS, StyleName
from flopsheet.workbook.sheets import budgets, context, context_charts, conventions, runs, summary_tables, summary_words
from flopsheet.workbook.sheets.change_words import NOTHING
from flopsheet.workbook.sheets.checks import verdict_colours

SHEET = summary_words.SHEET
OF_RUNS = 7.5  # cm, so that the charts of runs and the words below them take one page
COUNTED = 3  # the row that says what is counted
BANNER_ROW, CHANGES = 4, 5  # the verdict, and the first row of what changed
FIRST_ROW = 8  # below the banner and what changed; its height parts them
BANNER, SECTION, LINE = 24.0, 18.0, 14.0  # heights of rows, in points
SECOND = 8  # the column of the second chart, and of what stands beside the list of sheets
MOST_LINES = 18  # of headline tables that leave room for the charts on a screen
MOST_BARS = 24  # models in a chart
SHARES = tuple(COLOURS)
ABOVE_UNITS: frozenset[StyleName] = frozenset({"above_unit", "above_unit_centred"})
NARROWEST, NARROWEST_NAME = 7.5, 14.0  # columns of figures and of names
LINES: frozenset[StyleName] = frozenset({"text", "muted", "subtitle", "sentence"})
RUNNING_LETTER, WIDEST = 0.75, 180.0  # of sentences in columns, and as much as a laptop shows
SPARED = 0.8  # of the room beside a number that the other sheets leave
# A letter and the margin of texts that no program shows as #### where it draws them wider than Excel does.
LETTER, MARGIN = 0.97, 1.4
FIGURES = frozenset({"figure", "figure_centred"})  # styles of the numbers and words of a table
COLOURS_MEAN: tuple[tuple[StyleName, str], ...] = (
    ("input_legend", "input: edit it on Inputs, or at the top of Context and Compare"),
    ("linked", "linked from another cell"),
    ("calc", "computed"),
)


@frozen
class Facts:
    """What the Summary says of the study besides its numbers."""

    title: str
    subtitle: str
    changed: Live
    verdict: Live
    status: CellRef
    lines: Sequence[Live]
    """What changed since the workbook was built."""
    budgets: budgets.Listing
    sheets: Sequence[tuple[str, str]]
    largest: str
    names: Sequence[CellRef]
    """Where the names of the models stand."""
    candidates: Sequence[Live]
    """Which of several runs and models is best."""
    fits: Mapping[RunKind, Sequence[Live]]
    """Of each run of a kind whether it fits."""


def sheet(
    table_sets: Sequence[TableSet],
    cell_index: CellIndex,
    what_if: TableSet,
    chart_title: Live,
    facts: Facts,
    remedies: Mapping[RunKind, Sequence[Live]],
) -> Sheet:
    """The sheet with its charts; the study's own table set comes first, then those of its runs.

    `remedies` say of the first runs of a kind which single change would make them fit; of none where nobody knows.
    """
    table_set, *of_kinds = table_sets
    cells = _top(facts, conventions.in_words(SHEET, table_set, cell_index))
    lines = len(table_set.table("scenario")) + sum(len(of_kind.table("run")) for of_kind in of_kinds)
    bars = min(len(table_set.table("model")), MOST_BARS)
    longest = context.longest_built(table_set)
    chart_rows = ceil((OF_RUNS if of_kinds else _height(bars)) / ROW_CM) + 1
    # What an approver wants to see fits one screen: below a long table nobody would find the charts.
    is_long = lines > MOST_LINES
    row = FIRST_ROW
    if is_long:
        chart_row = row
        found, row = _words(cells, table_sets, cell_index, facts, remedies, chart_row + chart_rows)
    bottom = row - 2  # of the words
    tables: list[summary_tables.Table] = []
    for each in (*of_kinds, table_set):  # runs first: they are what is to be decided
        answers = () if each is table_set else facts.fits[each.run_kind]
        tables += summary_tables.place(cells, each, cell_index, row, answers)
        row = tables[-1].bottom + 2
    if not is_long:
        chart_row = row
        found, row = _words(cells, table_sets, cell_index, facts, remedies, chart_row + chart_rows)
    if not of_kinds:
        cells[found.row, found.column] = _finding(table_set, cell_index, tables[-1], bars)
    last = max(column for table in tables for column in table.columns.values())
    widths = _widths(cells, last)
    # Where it begins does not depend on any figure: an edit moves numbers and never cells.
    second = _second(_widths({at: cell for at, cell in cells.items() if cell.style not in FIGURES}, last), last)
    shown = context.drawn_rows(what_if, cell_index)
    anchors = (CellRef(SHEET, chart_row, 1), CellRef(SHEET, chart_row, second))
    drawn = (
        replace(runs.charts(of_kinds[0], cell_index)[0], anchor=anchors[0].address)
        if of_kinds
        else _family(table_set, tables[-1], facts.names[:bars], anchors[0], Live(found, cells[found[1:]].value)),
        context_charts.shares(what_if, shown, anchors[1], chart_title, longest),
    )
    ends = (CellRef(SHEET, chart_row + chart_rows - 1, column).address for column in (second, last + 1))
    charts = tuple(replace(chart, end=end) for chart, end in zip(drawn, ends, strict=True))
    # On paper an approver needs no list of links: the tables, the charts and the words.
    between = [table.bottom + 1 for table in tables][:-1]
    parts = (bottom, *between, row - 2) if is_long else (chart_row - 1, chart_row + chart_rows - 1, row - 2)
    _guide(cells, facts.sheets, row)
    highlights = (
        *verdict_colours(SHEET, f"A{BANNER_ROW}:{letters(last)}{BANNER_ROW}", facts.status),
        *(colour for each in tables for colour in summary_tables.colours(each)),
        *_colours_of_changes(facts, last),
    )
    return Sheet(
        SHEET, cells, widths, heights=_heights(cells), freeze="", title_rows="", highlights=highlights, charts=charts,
        tab=TABS["summary"], print_to=last, print_parts=parts,
    )  # fmt: skip


def _top(facts: Facts, counted: Cell) -> Cells:
    """The title, the verdict, what is counted and what changed."""
    cells = {
        (1, 1): Cell(facts.title, style="title"),
        (2, 1): Cell(facts.subtitle, style="subtitle"),
        (BANNER_ROW, 1): mirror(SHEET, facts.verdict, "lead"),
        (COUNTED, 1): counted,
    }
    return cells | {(CHANGES + at, 1): mirror(SHEET, line, "muted") for at, line in enumerate(facts.lines)}


def _heights(cells: Cells) -> dict[int, float]:
    """Rows as high as the lines of their headers."""
    heights = {BANNER_ROW: BANNER, FIRST_ROW: SECTION}
    for (at, _), cell in cells.items():
        if cell.style in ABOVE_UNITS:
            heights[at] = max(heights.get(at, 0.0), LINE * (1 + str(cell.value).count("\n")))
    return heights


def _widths(cells: Cells, last: int) -> dict[int, float]:
    """Columns as wide as their figures and the lines of their headers."""
    widths = dict.fromkeys(range(1, last + 1), NARROWEST)
    for (_, column), cell in cells.items():
        if column == 1 and cell.style == "label":
            widths[1] = max(widths[1], len(str(cell.value)) * WORD_WIDTH + 2, NARROWEST_NAME)
        elif cell.style in FIGURES:
            of_cell = _text(cell.value) if isinstance(cell.value, str) else width_of(cell) - SPARED
            widths[column] = max(widths[column], of_cell)
        elif cell.style in ABOVE_UNITS:
            widths[column] = max(widths[column], *map(_text, str(cell.value).split("\n")))
    # Sentences are cut at the edge of the paper: the names have the room that they lack.
    lines = (len(str(cell.value)) for (_, column), cell in cells.items() if column == 1 and cell.style in LINES)
    lacking = min(max(lines) * RUNNING_LETTER, WIDEST) - fsum(widths.values())
    widths[1] += max(0.0, lacking)
    return widths


def _text(words: str) -> float:
    """The width that words take."""
    return (len(words) - NARROW_BY * sum(letter in NARROW for letter in words)) * LETTER + MARGIN


def _second(widths: Mapping[int, float], last: int) -> int:
    """The column in which the second chart begins, about halfway."""
    return min(range(3, last), key=lambda at: abs(_cm(widths, 1, at) - _cm(widths, at, last + 1)))


def _cm(widths: Mapping[int, float], first: int, end: int) -> float:
    return fsum(widths[column] for column in range(first, end)) * EXCEL_CM


def _finding(table_set: TableSet, cell_index: CellIndex, table: summary_tables.Table, bars: int) -> Cell:
    """What the shares of the forward pass show at the first context length; it is the title of their chart."""
    named = [name for name in SHARES if name in table.columns]
    built = {name: [float(value) for value in table_set.built.plain("scenario", name)[:bars]] for name in named}
    most = max(named, key=lambda name: fsum(built[name]))  # as built: what a title speaks of stays
    length = live_of(table_set, cell_index, "context_length_words")
    shares = [float(table_set.value(most, step)) for step in range(bars)]
    column = letters(table.columns[most])
    among = between(f"{column}{table.first}", f"{column}{table.first + bars - 1}")
    least, largest = (int(pick(shares) * 100 + HALF) for pick in (min, max))
    of_models = "" if bars == len(table_set.table("model")) else f", the first {bars} models"
    label = table_set.catalog.metrics[most].label
    ends = [f"INT({pick}({among})*100+{HALF})" for pick in ("MIN", "MAX")]
    apart = f'IF({ends[0]}={ends[1]},{ends[0]},{ends[0]}&" to "&{ends[1]})'
    at = length.cell_ref.seen_from(SHEET)
    said = least if least == largest else f"{least} to {largest}"
    return Cell(
        f"{label} takes {said} % of the forward pass at {length.value} tokens{of_models}.",
        f'"{label} takes "&{apart}&" % of the forward pass at "&{at}&" tokens{of_models}."',
        "text",
    )


def _colours_of_changes(facts: Facts, last: int) -> Iterator[Highlight]:
    """Each line of what changed is coloured while it says something and an input differs from the spec."""
    changed = f"{facts.changed.cell_ref.anywhere}>0"
    for row in range(CHANGES, CHANGES + len(facts.lines)):
        yield Highlight(f"A{row}:{letters(last)}{row}", "hint", f'IF($A{row}="{NOTHING}",FALSE,{changed})')


def _guide(cells: Cells, sheets: Sequence[tuple[str, str]], row: int) -> None:
    """The sheets with what each is for; beside them what the colours mean."""
    cells[row, 1], cells[row, SECOND] = Cell("Sheets", style="lead"), Cell("Colours", style="lead")
    for at, (title, purpose) in enumerate(sheets, start=row + 1):
        cells[at, 1] = Cell(title, style="link", link=f"{quoted(title)}!A1")
        cells[at, 2] = Cell(purpose, style="text")
    for at, (style, meaning) in enumerate(COLOURS_MEAN, start=row + 1):
        cells[at, SECOND] = Cell("123", style=style)
        cells[at, SECOND + 1] = Cell(meaning, style="sentence")


def _words(
    cells: Cells,
    table_sets: Sequence[TableSet],
    cell_index: CellIndex,
    facts: Facts,
    remedies: Mapping[RunKind, Sequence[Live]],
    row: int,
) -> tuple[CellRef, int]:
    """The sentences that an approver reads, of budgets, of runs and of models.

    Gives the cell of what the chart of a family shows, and the row after a blank one.
    """
    table_set, *of_kinds = table_sets
    if facts.budgets.lines:
        cells[row, 1] = Cell(f"{facts.budgets.called.many.capitalize()} of the spec", style="lead")
        for cell in budgets.ticked(SHEET, facts.budgets):
            row += 1
            cells[row, 1] = cell
        row += 2
    cells[row, 1] = Cell("What the numbers say", style="lead")
    row += not of_kinds
    found = CellRef(SHEET, row, 1)
    said = [mirror(SHEET, line, "text") for line in facts.candidates]
    for of_kind in of_kinds:
        kind = of_kind.run_kind
        said += summary_words.of_runs(of_kind, cell_index, facts.fits[kind], remedies[kind])
    said += summary_words.of_models(table_set, cell_index, facts.largest, has_runs=bool(of_kinds))
    for cell in said:
        row += 1
        cells[row, 1] = cell
    return found, row + 2


def _height(bars: int) -> float:
    """How high the chart of a family is, in cm."""
    return max(9.0, 3.5 + 0.55 * bars)


def _family(
    table_set: TableSet, table: summary_tables.Table, spots: Sequence[CellRef], anchor: CellRef, title: Live
) -> Chart:
    """Shares of the forward pass at the first context length, a bar per model, whose names stand in some spots."""
    bars = len(spots)
    names = [str(key) for (key,) in table_set.table("model").keys[:bars]]
    rows = range(table.first, table.first + bars)
    listed = []
    for name in (name for name in SHARES if name in table.columns):
        column = table.columns[name]
        points = tuple(float(table_set.value(name, step)) for step in range(bars))
        heading = CellRef(SHEET, table.top, column).anywhere
        label = summary_tables.TITLES.get(name, table_set.catalog.metrics[name].label)
        found = absolute_span([CellRef(SHEET, row, column) for row in rows])
        listed.append(Series(heading, label, found, points, COLOURS[name]))
    return Chart(
        "shares", title.cell_ref.anywhere, str(title.value), anchor.address, "", "Share of FLOPs",
        absolute_span(spots), tuple(names), tuple(listed),
    )  # fmt: skip
