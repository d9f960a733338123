"""The tables of the Summary: runs of each kind, and the models at each context length; every figure is linked."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from string import Formatter

from flopsheet.catalog import RUNS, Metric
from flopsheet.catalog.entries import NO
from flopsheet.formula.nodes import Call, Name, names
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, live_of, local, mirror, sentence
from flopsheet.workbook.model.references import letters
from flopsheet.workbook.model.sheet import Cell, Cells, Highlight
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets.fits import fit_colours
from flopsheet.workbook.sheets.run_metrics import FITS, MARGIN_SHARE, MEMORY
from flopsheet.workbook.sheets.summary_words import SHEET

TITLES = {
    "flops_ratio": "Against first",
    "doubling_multiplier": "Context ×2 costs",
    "dominant": "Largest share",
    "share_attention_projections": "Q/K/V/O",
    "n_params_active": "Active parameters",
    "device_gib": "Memory of capacity",
    "served_gib_device": "Memory of usable",
    "peak_phase": "Peak in",
    "energy_mwh": "Energy",
    "largest_batch": "Batch of largest",
    "longest_context": "Longest context",
    "prefill_seconds_one": "Bound of first token",
    "seconds_per_token_bound": "Bound per token",
    "generated_tokens_per_second": "Bound in all",
    "decode_bound": "Decoding bound by",
    "cost_per_million_generated": "Bound per M tokens",
    "mfu": "MFU of peak",
    "time_is": "Time is",
    "served_margin_share": "Margin",
    "predicted_days_range": "Predicted days",
    "predicted_token_range": "Predicted per token",
    "predicted_first_token_range": "Predicted first token",
    "predicted_served_tokens_range": "Predicted in all",
    "predicted_cost_per_million_range": "Predicted per M tokens",
    "predicted_cost_range": "Predicted USD",
}
# As many digits as a decision needs; the sheet that a header leads to has them all.
FORMATS = {
    "parameters": '[>=1000000000]#,##0.00,,," B";[>=1000000]#,##0.0,," M";#,##0',
    "TFLOP": "[>=100]#,##0;0.00",
    "share": "0%",
    "GiB": "[>=100]#,##0;[>=0.1]0.0;0.00",
    "GB": "[>=100]#,##0;0.0",
    "ratio": '[>=10]#,##0"×";0.0"×"',
    "h": '[>=1000000]0.00,," M";[>=1000]#,##0;0.0',
    "day": "[>=100]#,##0;[>=0.1]0.0;0.0000##",
    "USD": '[>=1000000]0.00,," M";[>=1000]#,##0;0.00',
    "MWh": "[>=100]#,##0;[>=0.1]0.0;0.0000",
    "s": "[>=10]0.0;0.000",
    "token/s": "[>=100]#,##0;0.0",
    "B": '[>=1000000]#,##0.0,," M";#,##0',
}
CALLED = {"text": "→", "share": "%", "ratio": "×", "parameters": "number", "token": "tokens", "day": "days"}
# Of figures that are words, the unit that they have.
UNITS = {
    "predicted_days_range": "days",
    "predicted_cost_range": "USD",
    "predicted_token_range": "ms",
    "seconds_per_token_bound": "ms",
    "predicted_served_tokens_range": "token/s",
    "predicted_cost_per_million_range": "USD",
}
ONCE = frozenset({"weight_gb", "device_gb"})  # said in GiB beside them
# What a column says in words, that of its first figure, which may be a word for none: two figures, or thousandths.
JOINED = {
    "device_gib": "{device_gib:.1} of {capacity_gib:.1}",
    "served_gib_device": "{served_gib_device:.1} of {served_capacity_gib_device:.1}",
    "mfu": "{mfu:.0%} of {mfu_is_of}",
    "largest_batch": "{n_sequences:,} of {largest_batch:,}",
    "seconds_per_token_bound": "{1000 * seconds_per_token_bound:,.1}",
}
# The columns of runs that stand first; the others follow as the catalogue orders them.
LEADING = {
    "training": ("device_gib", "margin_share", "fits", "days", "predicted_days_range", "time_is", "mfu"),
    "serving": ("served_gib_device", "served_margin_share", "served_fits"),
}
# What stands in a second table, so that neither is wider than a laptop's screen: what is predicted beside its bound.
SECOND = {
    "serving": (
        *("predicted_first_token_range", "prefill_seconds_one"),
        *("predicted_token_range", "seconds_per_token_bound"),
        *("predicted_served_tokens_range", "generated_tokens_per_second"),
        *("predicted_cost_per_million_range", "cost_per_million_generated"),
    )
}
MEANS = "predicted: P10 to P90; bound: prefill and decoding at 100 % of peak compute and bandwidth, not a forecast"
# On the sheets of the runs; what bounds decoding alone is not what its prediction, with prefill, is held against.
DETAILS = frozenset({"peak_phase", "served_largest_class", "kv_cache_tokens"})
DECODING = frozenset({"decode_tokens_per_second", "decode_tokens_per_second_user"})
FULLEST = {"served_gib": "served_gib_device"}  # what fits or not is a device
ACTIVE, STATE = "n_params_active", "state_bytes"  # of experts and of recurrent layers, where there are any
MOST_LETTERS, MOST_OF_TWO = 9, 22  # of a header in one line, and in two
SAID_ANYWAY = frozenset({"context_length", "hardware", "n_devices"})  # swept or not
SWITCH = "hardware"  # the input of a run that the link above its table leads to
SWITCHES = {
    "training": "change hardware, devices, context length, micro-batch, layout on Inputs →",
    "serving": "change hardware, devices, prompt, formats, sequences on Inputs →",
}
DEVICES = "{n_devices:,} {hardware}"


@frozen
class Column:
    """What heads a column, where that leads, and its cell in a row of the table."""

    name: str
    title: str
    unit: str
    link: str
    cell: Callable[[int], Cell]


@frozen
class Table:
    """Where a table stands: its first and last row of figures, and the columns by name."""

    top: int
    first: int
    bottom: int
    columns: dict[str, int]


def headlines(table_set: TableSet) -> list[Metric]:
    """The metrics of a table: of models and scenarios, or of the runs of a kind."""
    grains = {RUNS[table_set.name][0]} if table_set.name in RUNS else {"model", "scenario"}
    catalog = table_set.catalog
    left_out = ONCE | DETAILS | DECODING | _beside_others()
    listed = [one.name for one in catalog.headlines if one.grain in grains and one.name not in left_out]
    wanted = dict.fromkeys((*LEADING.get(table_set.name, ()), *(FULLEST.get(name, name) for name in listed)))
    return [catalog.metrics[name] for name in wanted if not _says_nothing(table_set, name)]


@cache
def _beside_others() -> frozenset[str]:
    """The metrics that stand in the cell of another one."""
    found = (name for words in JOINED.values() for name in names(first_that_holds([("", words)])))
    return frozenset(found) - JOINED.keys()


def halves(table_set: TableSet) -> list[list[Metric]]:
    """The same, those of the first table and those of the second where there is one."""
    listed = headlines(table_set)
    second = [table_set.catalog.metrics[name] for name in SECOND.get(table_set.name, ())]
    first = [metric for metric in listed if metric not in second]
    if not second:
        return [first]
    # No time or price is read without whether the run fits at all.
    return [first, [table_set.catalog.metrics[FITS[table_set.run_kind]], *second]]


def _says_nothing(table_set: TableSet, name: str) -> bool:
    """Whether a column would say nothing as the spec stands: what is not used, or the parameters a second time."""
    if name == ACTIVE:
        return table_set.built.plain("model", name) == table_set.built.plain("model", "n_params")
    return (name in table_set.catalog.folded or name == STATE) and table_set.is_unused(name)


def labels(table_set: TableSet) -> tuple[list[str], list[str]]:
    """What each run or scenario is called, and the inputs whose values tell its variants apart: columns, not words."""
    inputs = table_set.catalog.inputs
    called = {entry.symbol: name for name, entry in inputs.items() if entry.symbol} | {"model": "run_model"}
    said, told = [], dict[str, None]()
    for key in table_set.table("run" if table_set.name in RUNS else "scenario").keys:
        base, *words = str(key[0]).split(" ")
        varied = [called.get(word, word) for word in (one.partition("=")[0] for one in words)]
        is_variant = all(name in inputs for name in varied)
        said.append(base if is_variant else str(key[0]))
        told |= dict.fromkeys(varied if is_variant else ())
    return said, [name for name in told if name not in SAID_ANYWAY]


def columns(
    table_set: TableSet, cell_index: CellIndex, metrics: Sequence[Metric], answers: Sequence[Live]
) -> Iterator[Column]:
    """What a sweep varies; the devices of a run and the context length beside whether it fits; then some metrics."""
    of_runs = table_set.name in RUNS
    table = table_set.table("run" if of_runs else "scenario")

    def live(name: str, at: int) -> Live:
        """The value of a name in a row of the table; what belongs to a model stands above a scenario."""
        grain = table_set.grain(name)
        row = at if of_runs or grain == "scenario" else table.above["model" if grain == "layer_group" else grain][at]
        if grain == "layer_group":  # the first of a model's groups
            row = table_set.children[grain, "model"][row][0]
        return live_of(table_set, cell_index, name, row)

    def words(text: str, at: int) -> Cell:
        named = {name: live(name, at) for _, name, _, _ in Formatter().parse(text) if name}
        return sentence(SHEET, [("", text)], named, "figure")

    for name in labels(table_set)[1]:
        entry = table_set.catalog.inputs[name]
        yield _column(table_set, cell_index, name, entry.label, entry.unit, live)
    is_first = not of_runs or any(metric.name in MEMORY.values() for metric in metrics)
    if of_runs and is_first:
        yield Column("devices", "Devices", "→", cell_index.of(table_set, "hardware")[0].link, partial(words, DEVICES))
    if is_first:
        yield _column(table_set, cell_index, "context_length", "Context", "token", live)
    for metric in metrics:
        column = _column(table_set, cell_index, metric.name, TITLES.get(metric.name, metric.label), metric.unit, live)
        if metric.name in JOINED:
            column = replace(column, cell=_joined(JOINED[metric.name], metric.name, live))
        if metric.name in FITS.values():
            column = replace(column, cell=lambda at: mirror(SHEET, answers[at], "figure_centred"))
        yield column


def _joined(text: str, first: str, live: Callable[[str, int], Live]) -> Callable[[int], Cell]:
    """Two figures in words, unless the first is itself a word."""
    said = first_that_holds([("", text)])
    node = Call("where", (Call("given", (Name(first),)), said, Name(first)))
    return lambda at: local(SHEET, node, {name: live(name, at) for name in names(said)}, "figure")


def _column(
    table_set: TableSet, cell_index: CellIndex, name: str, title: str, unit: str, live: Callable[[str, int], Live]
) -> Column:
    style: StyleName = "figure_centred" if unit == "text" and name not in UNITS else "figure"
    format = FORMATS.get(unit, table_set.catalog.format(name))

    def cell(at: int) -> Cell:
        return mirror(SHEET, live(name, at), style, format)

    called = UNITS.get(name) or CALLED.get(unit, unit)
    return Column(name, title, called, cell_index.of(table_set, name)[0].link, cell)


def place(
    cells: Cells, table_set: TableSet, cell_index: CellIndex, top: int, answers: Sequence[Live] = ()
) -> list[Table]:
    """Writes the tables of runs of a kind, one row per run, or that of the models at each context length.

    `answers` say of each run whether it fits.
    """
    of_runs = table_set.name in RUNS
    tables: list[Table] = []
    for metrics in halves(table_set):
        what = table_set.name.capitalize() if of_runs else "Models"
        cells[top, 1] = Cell(f"{what}, time and cost" if tables else what, style="section")
        if tables:
            cells[top, 3] = Cell(MEANS, style="subtitle")
        elif of_runs:  # what is tried most, where its results are: a link, since an input has one cell
            home = cell_index.of(table_set, SWITCH)[0].link
            cells[top, 3] = Cell(SWITCHES[table_set.name], style="link", link=home)
        tables.append(_place(cells, table_set, list(columns(table_set, cell_index, metrics, answers)), top + 1))
        top = tables[-1].bottom + 2
    return tables


def _place(cells: Cells, table_set: TableSet, listed: Sequence[Column], top: int) -> Table:
    """Writes one table from its header on."""
    of_runs = table_set.name in RUNS
    table = table_set.table("run" if of_runs else "scenario")
    cells[top, 1] = Cell("Run" if of_runs else "Model", style="above_unit_left")
    cells[top + 1, 1] = Cell("", style="header_left")
    found = {}
    for column, one in enumerate(listed, start=2):
        found[one.name] = column
        style: StyleName = "above_unit_centred" if one.cell(0).style == "figure_centred" else "above_unit"
        cells[top, column] = Cell(_folded(one.title), style=style)
        # The unit leads to the row of the figures: as a link, LibreOffice would write a title in one line.
        look: StyleName = "unit_link_centred" if style == "above_unit_centred" else "unit_link"
        cells[top + 1, column] = Cell(one.unit, style=look, link=one.link)
        for at in range(len(table)):
            cells[top + 2 + at, column] = one.cell(at)
    first_rows = set() if of_runs else _repeated(table_set)
    for at, said in enumerate(labels(table_set)[0]):
        cells[top + 2 + at, 1] = Cell(said, style="label")
        if at in first_rows:  # what a model has at every context length is said once
            for metric in (metric for metric in headlines(table_set) if metric.grain == "model"):
                del cells[top + 2 + at, found[metric.name]]
    return Table(top, top + 2, top + 1 + len(table), found)


def _repeated(table_set: TableSet) -> set[int]:
    """The scenarios of a model after its first."""
    seen: set[str] = set()
    again = set()
    for at, (model, _) in enumerate(table_set.table("scenario").keys):
        again |= {at} if model in seen else set()
        seen.add(model)
    return again


def _folded(title: str) -> str:
    """What heads a column, in two or three lines where it is long, as narrow as its words allow."""
    most = 1 if len(title) <= MOST_LETTERS else 2 if len(title) <= MOST_OF_TWO else 3
    wrapped = (textwrap.wrap(title, width, break_long_words=False) for width in range(1, len(title) + 1))
    return "\n".join(next(lines for lines in wrapped if len(lines) <= most))


def colours(table: Table) -> Iterator[Highlight]:
    """Those of yes and no in a table of runs, and of its memory and margin while a run does not fit."""
    for kind, name in FITS.items():
        if name in table.columns:
            yield from fit_colours(_area(table, name))
            answer = f"${letters(table.columns[name])}{table.first}"
            for beside in (name for name in (MEMORY[kind], MARGIN_SHARE[kind]) if name in table.columns):
                yield Highlight(_area(table, beside), "bad", f'{answer}="{NO}"')


def _area(table: Table, name: str) -> str:
    """The cells of a column."""
    column = letters(table.columns[name])
    return f"{column}{table.first}:{column}{table.bottom}"
