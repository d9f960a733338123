"""The headline results live against as built, ranked: what no longer fits before any percentage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from flopsheet.catalog.entries import NO, Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import parse
from flopsheet.formula.nodes import Name, Operation, Text, substitute
from flopsheet.numerics import HALF_OF_A_RANK, STORED
from flopsheet.pipeline.expectations import table_set_of
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet, TableSetName
from flopsheet.workbook.layout.counting import counting_larger, counting_where
from flopsheet.workbook.layout.typed_cells import CHANGE, Live, first_that_holds, live_of, local, mirror
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef, column_span
from flopsheet.workbook.model.sheet import Cell, Cells
from flopsheet.workbook.sheets.change_words import (
    COMPUTED,
    MOST,
    NONE,
    NOTHING,
    SHEET,
    UNITS,
    Grid,
    heading,
    spaced,
)
from flopsheet.workbook.sheets.fits import BROKEN

# What a reviewer compares, in the words of a line, with the metric that says whether such a run fits.
COMPARED = {
    "n_params": ("parameters", ""),
    "weight_gb": ("weights", ""),
    "tflop_forward": ("forward pass", ""),
    "kv_cache_gib": ("KV cache", ""),
    "device_gib": ("memory per device", "fits"),
    "days": ("time", ""),
    "run_cost": ("cost", ""),
    "served_gib_device": ("memory per device", "served_fits"),
    "decode_tokens_per_second": ("bound of tokens/s", ""),
    "cost_per_million_generated": ("bound of the cost of a million tokens", ""),
}
SAME = {"weight_gb": "n_params"}  # what moves by the same share as another quantity has no line of its own
LIVE, BUILT, SHARE, RANK, FIT, PLACE, RESULT = range(FIRST, FIRST + 7)  # columns
# What is not given on one side has not changed by any number.
CHANGED = substitute(parse("where(given(live), where(given(built), change, 0), 0)"), {"change": CHANGE})
# How a change ranks: verdicts before any percentage, then in parts of a million, so that rounding cannot swap equals.
LOST, GAINED, UNKNOWN = 4_000_000_000, 2_000_000_000, 1_000_000_000
SIZE = parse(f"min(floor(abs(change) * 1000000 + {HALF_OF_A_RANK}), 900000000)")
OF_NUMBER = substitute(
    parse(f"where(given(live), where(given(built), size, {UNKNOWN}), where(given(built), {UNKNOWN}, 0))"),
    {"size": SIZE},
)
OF_COUNT = parse(f"where(live > built, {LOST}, where(live < built, {GAINED}, 0))")
OF_RUN = substitute(parse(f"where(fit == 2, {GAINED}, where(fit > 0, {LOST}, size))"), {"size": OF_NUMBER})
OF_OTHER = substitute(parse(f"where(abs(change - other) <= {STORED}, 0, size)"), {"size": OF_NUMBER})
VERDICT = substitute(
    parse("where(live == built, 0, where(live == no, 1, where(live == broken, 3, 2)))"),
    {"no": Text(NO), "broken": Text(BROKEN)},
)

CHANGE_FORMAT = '+#,##0.0%;-#,##0.0%;"–"'
BY = [
    ("built == 0", ""),
    ("change >= 999", " (1,000× or more)"),  # of so long a number programs show other digits
    ("change >= 1", " ({change + 1:.1}×)"),
    ("change >= 0.1", " (+{change:.0%})"),
    ("change >= 0.001", " (+{change:.1%})"),
    ("change > 0", " (+ under 0.1 %)"),
    ("change <= 0 - 0.1", " (−{0 - change:.0%})"),
    ("change <= 0 - 0.001", " (−{0 - change:.1%})"),
    ("change < 0", " (− under 0.1 %)"),
    ("", ""),
]
AFTER = [("fit == 1", ", no longer fits"), ("fit == 2", ", fits now"), ("fit == 3", ", breaks a rule"), ("", "")]
LINE = substitute(
    first_that_holds(
        [
            ("rank <= 0", NOTHING),
            ("given(live)", "{result} {before} → {now}{unit}{by}{after}"),
            ("", "{result} {before}{unit} → {now}"),
        ]
    ),
    {"unit": spaced("unit", before=True), "by": first_that_holds(BY), "after": first_that_holds(AFTER)},
)


@frozen
class Result:
    """One that is compared: what a line calls it, as it is and as it was built."""

    subject: str
    words: str
    name: str
    """Of its metric; none for a count of checks."""
    unit: str
    format: str
    live: Live
    built: Scalar
    fits: tuple[Live, Scalar] | None = None
    """Whether the run fits, and whether it did."""
    length: tuple[Live, str] | None = None
    """The context length in words, and as it was, where the study has several."""


def results(
    table_sets: Mapping[TableSetName, TableSet],
    built: Mapping[TableSetName, TableSet],
    cell_index: CellIndex,
    answers: Mapping[RunKind, Sequence[Live]],
) -> Iterable[Result]:
    """Every result that is compared; `answers` say of each run of a kind whether it fits, or that a rule is broken."""
    catalog = table_sets["study"].catalog
    for name, (words, fits) in COMPARED.items():
        metric = catalog.metrics[name]
        kind = table_set_of(metric.grain)
        if kind not in table_sets:
            continue
        table_set, then = table_sets[kind], built[kind]

        def pair(name: str, at: int, now: TableSet = table_set, then: TableSet = then) -> tuple[Live, Scalar]:
            return live_of(now, cell_index, name, at), then.value(name, at)

        above = then.table(metric.grain).above
        several = metric.grain == "scenario" and len(then.table("context")) > 1
        for at, key in enumerate(then.table(metric.grain).keys):
            live, before = pair(name, at)
            length = pair("context_length_words", above["context"][at]) if several else None
            yield Result(
                str(key[0]), words, name, UNITS.get(metric.unit, metric.unit), catalog.format(name), live, before,
                (answers[kind][at], then.value(fits, at)) if kind != "study" and fits else None,
                (length[0], str(length[1])) if length else None,
            )  # fmt: skip


@frozen
class Listing:
    """The list: its cells, its first and its last row, the rank of each."""

    cells: Cells
    first: int
    last: int
    ranks: tuple[float, ...]


def listing(listed: Sequence[Result], top: int) -> Listing:
    """One line per result: live, as built, change, rank."""
    titles = (
        (LABEL, "Model or run"), (NAME, "Metric"), (UNIT, "Unit"), (RESULT, "Result"), (LIVE, "Live"),
        (BUILT, "As built"), (SHARE, "Change"), (RANK, "Rank"), (FIT, "Fits: 1 no longer, 2 now, 3 broken"),
        (PLACE, "Place"),
    )  # fmt: skip
    cells, ranks = heading(top, "Live values against those as built", titles), []
    shares: dict[tuple[str, str], Live] = {}
    for at, one in enumerate(listed):
        row = top + 2 + at
        cells[row, LABEL] = Cell(one.subject, style="label")
        cells[row, NAME] = Cell(one.name, style="name")
        cells[row, UNIT] = Cell(one.unit or NONE, style="unit")
        cells[row, RESULT] = _called(one)
        cells[row, LIVE] = mirror(SHEET, one.live, format=one.format)
        cells[row, BUILT] = Cell(one.built, style="as_built", format=one.format)
        values = {
            name: Live(CellRef(SHEET, row, at), cells[row, at].value) for name, at in (("live", LIVE), ("built", BUILT))
        }
        cells[row, SHARE] = local(SHEET, CHANGED, values, "calc", CHANGE_FORMAT)
        values["change"] = shares[one.name, one.subject] = Live(CellRef(SHEET, row, SHARE), cells[row, SHARE].value)
        rank = OF_NUMBER if one.name else OF_COUNT
        if one.name in SAME:
            rank, values["other"] = OF_OTHER, shares[SAME[one.name], one.subject]
        if one.fits:
            live, then = one.fits
            cells[row, FIT] = local(
                SHEET, substitute(VERDICT, {"built": Text(str(then))}), {"live": live}, "calc", '0;-0;"–"'
            )
            rank, values["fit"] = OF_RUN, Live(CellRef(SHEET, row, FIT), cells[row, FIT].value)
        # Less than one is taken from a whole number: of two changes of one size the upper one comes first.
        ranked = Operation("-", rank, parse(f"{at} / {len(listed)}"))
        cells[row, RANK] = local(SHEET, ranked, values, "calc", "#,##0")
        ranks.append(float(cells[row, RANK].value))
    among = column_span(RANK, top + 2, top + 1 + len(listed))
    for row, own in enumerate(ranks, start=top + 2):
        formula = f"{counting_larger(CellRef(SHEET, row, RANK).address, among)}+1"
        cells[row, PLACE] = Cell(float(sum(other > own for other in ranks) + 1), formula, "calc", "0")
    return Listing(cells, top + 2, top + 1 + len(listed), tuple(ranks))


def _called(one: Result) -> Cell:
    """What a line calls a result: a length that was edited is the live one, with what it was."""
    words = f"{one.subject} {one.words}".strip()
    if not one.length:
        return Cell(words, style="text")
    live, then = one.length
    said = {"then": Text(then), "nothing": Text(""), "before": Text(f" (was {then})")}
    was = substitute(parse("where(length == then, nothing, before)"), said)
    node = Operation("&", Operation("&", Text(f"{words} at "), Name("length")), was)
    return local(SHEET, node, {"length": live}, "text")


def in_words(listed: Listing, top: int) -> tuple[Grid, Live, list[Live]]:
    """The results that moved most, each in a column of its own; how many moved, and the lines."""
    grid, among = Grid(top, "Results that moved most, in words"), column_span(RANK, listed.first, listed.last)
    moved = float(sum(rank > 0 for rank in listed.ranks))
    total = grid.put("results that moved", 0, Cell(moved, counting_where(">0", '">0"', among), "calc", "0"))
    ordered = sorted(range(len(listed.ranks)), key=lambda at: -listed.ranks[at])
    lines = []
    for step in range(min(MOST, len(ordered))):
        source = listed.first + ordered[step]
        formula = f"MATCH({step + 1},{column_span(PLACE, listed.first, listed.last)},0)"
        place = grid.put("place in the list", step, Cell(float(ordered[step] + 1), formula, "calc", "0")).cell_ref
        live = {}
        for name, column in {"live": LIVE, "built": BUILT, "change": SHARE, "rank": RANK, "fit": FIT}.items():
            value = listed.cells[source, column].value if (source, column) in listed.cells else 0.0
            formula = f"INDEX({column_span(column, listed.first, listed.last)},{place.address})"
            live[name] = grid.put(name, step, Cell(value, formula, "linked"))
        found = f"INDEX({column_span(RESULT, listed.first, listed.last)},{place.address})"
        live["result"] = grid.put("result", step, Cell(listed.cells[source, RESULT].value, found, "linked"))
        found = f"INDEX({column_span(UNIT, listed.first, listed.last)},{place.address})"
        live["unit"] = grid.put("unit", step, Cell(listed.cells[source, UNIT].value, found, "linked"))
        for name, of in (("before", "built"), ("now", "live")):
            live[name] = grid.put(f"{of}, in words", step, local(SHEET, COMPUTED, {"x": live[of]}))
        lines.append(grid.put("line", step, local(SHEET, LINE, live)))
    return grid, total, lines
