"""The Summary sheet: what this is, under which conventions, whether it holds, the headline numbers, two charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from flopsheet.catalog import RUNS, Entry, Metric
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, mirror, sentence
from flopsheet.workbook.model.references import CellRef, absolute_span, letters, quoted
from flopsheet.workbook.model.sheet import Cell, Chart, Highlight, Series, Sheet
from flopsheet.workbook.model.sizes import ROW_CM, width_of
from flopsheet.workbook.model.styles import COLOURS, PALETTE
from flopsheet.workbook.sheets import context
from flopsheet.workbook.sheets.change_words import NOTHING
from flopsheet.workbook.sheets.checks import FITS, fit_colours, verdict_colours

SHEET = "Summary"
CHART_ROWS = 19
CHANGES = 5  # the first row of what changed
FIRST_ROW = 11  # below the banner
SECOND = 8  # the column of the second chart, and of what stands beside the list of sheets
MOST_LINES = 18  # of headline tables that leave room for the charts on a screen
MOST_BARS = 24  # models in a chart
SHARES = tuple(COLOURS)
CACHE_COLOURS = dict(
    zip(("kv_cache_growing_gib", "kv_cache_fixed_gib", "kv_cache_gib"), (PALETTE[0], PALETTE[2], "1F2933"), strict=True)
)
WIDTHS = {"parameters": 15.0, "text": 21.0, "ratio": 13.0}  # of a column, by the unit of its metric
COLOURS_MEAN = (
    ("input_legend", "typed: change it, on Inputs and at the top of Context and Compare"),
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
    sheets: Sequence[tuple[str, str]]
    largest: str


def sheet(
    table_sets: Sequence[TableSet],
    cell_index: CellIndex,
    what_if: TableSet,
    what_if_homes: dict[str, list[CellRef]],
    chart_title: Live,
    facts: Facts,
) -> Sheet:
    """The sheet with its charts; the study's own table set comes first, then those of its runs."""
    table_set, *runs = table_sets
    cells: dict[tuple[int, int], Cell] = {
        (1, 1): Cell(facts.title, style="title"),
        (2, 1): Cell(facts.subtitle, style="subtitle"),
        (4, 1): mirror(SHEET, facts.verdict, "lead"),
        (CHANGES + len(facts.lines), 1): _conventions(table_set, cell_index),
    }
    cells |= {(CHANGES + at, 1): mirror(SHEET, line, "muted") for at, line in enumerate(facts.lines)}
    metrics = _headlines(table_set)
    lines = len(table_set.table("scenario")) + sum(len(of_kind.table("run")) for of_kind in runs)
    length = "context_length_words"
    heading = {length: Live(cell_index.of(table_set, length)[0], table_set.value(length, 0))}
    models = len(table_set.table("model"))
    bars = min(models, MOST_BARS)
    about = f"Where the forward pass goes at {{{length}}} tokens"
    family_title = sentence(SHEET, [("", about if bars == models else f"{about}, the first {bars} models")], heading)
    chart_rows = ceil(_height(bars) / ROW_CM) + 1
    # What an approver wants to see fits one screen: below a long table nobody would find the charts.
    is_long = lines > MOST_LINES
    top = FIRST_ROW
    if is_long:
        chart_row, words_row = top, top + chart_rows
        top = _words(cells, table_set, cell_index, facts.largest, words_row) + 2
    row = top - 2
    answers: list[str] = []  # where the tables of runs say whether each fits
    for each in table_sets:
        first = row + 4  # below a blank row and two of headers
        row = bottom = _table(cells, each, cell_index, row + 2)
        for at, metric in enumerate(_headlines(each), start=3):
            if metric.name == FITS.get(each.name):
                answers.append(f"{letters(at)}{first}:{letters(at)}{row}")
    if not is_long:
        chart_row = bottom + 2
        row = _words(cells, table_set, cell_index, facts.largest, chart_row + chart_rows)
    # The titles of the charts stand in the cells that the charts cover.
    cells[chart_row, 1], cells[chart_row, SECOND] = family_title, mirror(SHEET, chart_title, "text")
    charts = (
        _family(table_set, metrics, bars, top, chart_row, str(family_title.value)),
        context_chart(what_if, what_if_homes, CellRef(SHEET, chart_row, SECOND), str(chart_title.value)),
    )
    _guide(cells, facts.sheets, row + 2)
    last = 2 + len(metrics)
    names = [str(key[0]) for key in table_set.table("scenario").keys]
    names += [str(name) for of_kind in runs for (name,) in of_kind.table("run").keys]
    widths = {1: max(16.0, *(len(name) + 3 for name in names)), 2: 12.0}
    for at, metric in enumerate(metrics):
        widths[3 + at] = WIDTHS.get(metric.unit, 11.0)
    for (_, column), cell in cells.items():
        if cell.style == "linked":
            widths[column] = max(widths[column], width_of(cell))
    highlights = (
        *verdict_colours(SHEET, "A4:F4", facts.status),
        *(colour for each in answers for colour in fit_colours(each)),
        *_colours_of_changes(facts),
    )
    heights = {row: 30.0 for (row, _), cell in cells.items() if cell.style == "header_wrapped"}
    return Sheet(
        SHEET, cells, widths, heights=heights, freeze="", title_rows="", highlights=highlights, charts=charts,
        tab="1F3A5F", print_to=last, one_page=True,
    )  # fmt: skip


def _colours_of_changes(facts: Facts) -> Iterator[Highlight]:
    """Each line of what changed is coloured while it says something and an input differs from the spec."""
    changed = f"{quoted(facts.changed.cell_ref.sheet)}!{facts.changed.cell_ref.absolute}>0"
    for row in range(CHANGES, CHANGES + len(facts.lines)):
        yield Highlight(f"A{row}:N{row}", "hint", f'IF($A{row}="{NOTHING}",FALSE,{changed})')


def _guide(cells: dict[tuple[int, int], Cell], sheets: Sequence[tuple[str, str]], row: int) -> None:
    """The sheets with what each is for; beside them what the colours mean."""
    cells[row, 1], cells[row, SECOND] = Cell("Sheets", style="lead"), Cell("Colours", style="lead")
    for at, (title, purpose) in enumerate(sheets, start=row + 1):
        cells[at, 1] = Cell(title, style="link", link=f"{quoted(title)}!A1")
        cells[at, 2] = Cell(purpose, style="text")
    for at, (style, meaning) in enumerate(COLOURS_MEAN, start=row + 1):
        cells[at, SECOND] = Cell("123", style=style)
        cells[at, SECOND + 1] = Cell(meaning, style="sentence")


def _conventions(table_set: TableSet, cell_index: CellIndex) -> Cell:
    """The switches as they stand now, in one line."""
    switches = [entry.name for entry in table_set.catalog.conventions]
    live = {name: Live(cell_index.of(table_set, name)[0], table_set.value(name, 0)) for name in switches}
    styles = {entry.name: ":.3" if entry.is_number else "" for entry in table_set.catalog.conventions}
    text = "Conventions: " + " · ".join(f"{name} {{{name}{styles[name]}}}" for name in live)
    return sentence(SHEET, [("", text)], live)


def _headlines(table_set: TableSet) -> list[Metric]:
    """The metrics of a table: of models and scenarios, or of the runs of a kind."""
    grains = {RUNS[table_set.name][0]} if table_set.name in RUNS else {"model", "scenario"}
    headlines = [metric for metric in table_set.catalog.headlines if metric.grain in grains]
    return [one for one in headlines if not (one.name in table_set.catalog.folded and table_set.is_unused(one.name))]


def _table(cells: dict[tuple[int, int], Cell], table_set: TableSet, cell_index: CellIndex, top: int) -> int:
    """One row per scenario, or per run of a kind, every number called up; gives the last row."""
    is_runs, metrics = table_set.name in RUNS, _headlines(table_set)
    title, name = (f"{table_set.name.capitalize()} run", "run") if is_runs else ("Model", "model")
    cells[top, 1], cells[top + 1, 1] = Cell(title, style="header_left"), Cell(name, style="name")
    cells[top, 2] = Cell("Context\nlength", style="header_wrapped")
    cells[top + 1, 2] = Cell("context_length", style="name")
    for column, metric in enumerate(metrics, start=3):
        cells[top, column] = Cell(_title(metric), style="header_centred" if metric.unit == "text" else "header_wrapped")
        cells[top + 1, column] = Cell(metric.unit if metric.unit not in {"text", "share"} else "", style="unit_right")
    table = table_set.table("run" if is_runs else "scenario")
    entries: list[Entry] = [table_set.catalog.inputs["context_length"], *metrics]
    for at, key in enumerate(table.keys):
        row = top + 2 + at
        cells[row, 1] = Cell(str(key[0]), style="label")
        for column, entry in enumerate(entries, start=2):
            # A scenario's model and context length stand above it; the tables of a run have one row each for it.
            index = table.above[entry.grain][at] if not is_runs and entry.grain != "scenario" else at
            live = Live(cell_index.of(table_set, entry.name)[index], table_set.value(entry.name, index))
            style = "linked_centred" if entry.unit == "text" else "linked"
            cells[row, column] = mirror(SHEET, live, style, table_set.catalog.format(entry.name))
    return top + 1 + len(table)


TITLES = {
    "flops_ratio": "Work against first context",
    "doubling_multiplier": "Doubling context costs",
    "device_gb": "Memory per device",
    "device_gib": "Memory per device",
    "energy_mwh": "Energy",
    "largest_batch": "Largest batch",
    "longest_context": "Longest context",
    "prefill_seconds_one": "Bound of first token",
    "decode_tokens_per_second": "Bound of tokens/s",
    "decode_tokens_per_second_user": "Bound of tokens/s and user",
    "decode_bound": "Decoding bound by",
    "cost_per_million_generated": "Bound of cost per 1M",
    "predicted_days_range": "Predicted days, P10–P90",
    "predicted_token_range": "Predicted ms per token",
    "predicted_first_token_range": "Predicted ms to first",
}
MOST_LETTERS = 9  # of a header in one line


def _title(metric: Metric) -> str:
    """What heads a column, in two lines where it is long, so that it does not touch its neighbour."""
    title = TITLES.get(metric.name, metric.label)
    blanks = [at for at, letter in enumerate(title) if letter == " "]
    if len(title) <= MOST_LETTERS or not blanks:
        return title
    middle = min(blanks, key=lambda at: abs(at - len(title) / 2))
    return f"{title[:middle]}\n{title[middle + 1 :]}"


def _words(
    cells: dict[tuple[int, int], Cell], table_set: TableSet, cell_index: CellIndex, largest: str, row: int
) -> int:
    """The sentences of the catalogue that an approver reads; gives the row below them."""
    cells[row, 1] = Cell("What the numbers say", style="lead")
    contexts = sorted({0, len(table_set.table("context")) - 1})  # the first and the last
    scenarios = [at for at, key in enumerate(table_set.table("scenario").keys) if key[0] == largest]
    wanted = [("ffn_count_words", 0)]
    wanted += [(name, at) for at in contexts for name in ("trend_words", "trend_words_dense", "trend_words_other")]
    wanted.append(("context_words", scenarios[-1]))
    for name, at in wanted:
        row += 1
        live = Live(cell_index.of(table_set, name)[at], table_set.value(name, at))
        cells[row, 1] = mirror(
            SHEET, live, "sentence" if name in {"trend_words_dense", "trend_words_other"} else "text"
        )
    return row


def _height(bars: int) -> float:
    """How high the chart of a family is, in cm."""
    return max(9.0, 3.5 + 0.55 * bars)


def _family(table_set: TableSet, metrics: Sequence[Metric], bars: int, top: int, row: int, title: str) -> Chart:
    """Shares of the forward pass at the first context length, a bar per model."""
    names = [str(key) for (key,) in table_set.table("model").keys[:bars]]
    listed = []
    for at, metric in enumerate(metrics, start=3):
        if metric.name in SHARES:
            cells = [CellRef(SHEET, top + 2 + step, at) for step in range(bars)]
            points = tuple(float(table_set.value(metric.name, step)) for step in range(bars))
            name = f"{quoted(SHEET)}!{CellRef(SHEET, top, at).absolute}"
            listed.append(Series(name, metric.label, absolute_span(cells), points, COLOURS[metric.name]))
    categories = [CellRef(SHEET, top + 2 + step, 1) for step in range(bars)]
    anchor = CellRef(SHEET, row, 1)
    return Chart(
        "shares", f"{SHEET}!{anchor.absolute}", title, anchor.address,
        "Model", "Share of FLOPs", absolute_span(categories), tuple(names), tuple(listed),
        height_cm=_height(bars),
    )  # fmt: skip


def context_chart(
    what_if: TableSet, rows: dict[str, list[CellRef]], anchor: CellRef, title: str, crossover: Series | None = None
) -> Chart:
    """Shares against context length for the chosen model."""
    colours = {name: colour for name, colour in COLOURS.items() if name != "share_non_matmul"}
    used = {name: colour for name, colour in colours.items() if not _is_folded(what_if, name)}
    series = _lines(what_if, rows, used)
    axes = "Context length (tokens, log scale)", "Share of FLOPs"
    return _context_chart(what_if, rows, anchor, title, axes, (*series, crossover) if crossover else series, x_log=2)


def cache_chart(
    what_if: TableSet, rows: dict[str, list[CellRef]], anchor: CellRef, title: str, has_states: bool
) -> Chart:
    """The cache of the chosen model; where models of the study have states, also its fixed and its growing part.

    Axes are linear: the slope is what a token adds, and what doesn't grow is where the line begins.
    """
    lines = CACHE_COLOURS if has_states else {"kv_cache_gib": CACHE_COLOURS["kv_cache_gib"]}
    series = _lines(what_if, rows, lines)
    format = '[>=1000000]#,##0,,"M";[>=1000]#,##0,"k";General'
    return _context_chart(
        what_if, rows, anchor, title, ("Context length (tokens)", "GiB"), series,
        y_format="#,##0", y_most=None, x_format=format,
    )  # fmt: skip


def _is_folded(what_if: TableSet, name: str) -> bool:
    return name in what_if.catalog.folded and what_if.is_unused(name)


def _lines(what_if: TableSet, rows: dict[str, list[CellRef]], colours: Mapping[str, str]) -> tuple[Series, ...]:
    """A line against the context lengths for each of some metrics."""
    listed = []
    for name, colour in colours.items():
        if name in rows:
            cell_refs = rows[name]
            points = tuple(float(what_if.value(name, at)) for at in range(len(cell_refs)))
            label = what_if.catalog.metrics[name].label
            heading = f"{quoted(context.SHEET)}!{CellRef(context.SHEET, cell_refs[0].row, 1).absolute}"
            listed.append(Series(heading, label, absolute_span(cell_refs), points, colour))
    return tuple(listed)


def _context_chart(
    what_if: TableSet,
    rows: dict[str, list[CellRef]],
    anchor: CellRef,
    title: str,
    axes: tuple[str, str],
    series: tuple[Series, ...],
    **more: Any,
) -> Chart:
    lengths = tuple(what_if.value("context_length", at) for at in range(context.LENGTHS))
    return Chart(
        "scatter",
        f"{anchor.sheet}!{anchor.absolute}",
        title,
        anchor.address,
        *axes,
        absolute_span(rows["context_length"]),
        lengths,
        series,
        **more,
    )
