"""The Checks sheet: what must hold, what the spec expects, and which runs fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog import entries, ranges
from flopsheet.catalog.desugar import TRUTH, substitute
from flopsheet.catalog.entries import NOTICE, OK
from flopsheet.formula import parse
from flopsheet.formula.nodes import Number
from flopsheet.pipeline.expectations import claims, row_in, table_set_of, verdict
from flopsheet.records import frozen
from flopsheet.spec import Expectation
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, count_text, local, mirror, sentence
from flopsheet.workbook.model.references import FIRST, LABEL, MATHS, NAME, NOTE, UNIT, CellRef, between, letters, quoted
from flopsheet.workbook.model.sheet import Cell, Cells, Highlight, Scalar
from flopsheet.workbook.sheets import rules
from flopsheet.workbook.sheets.change_words import heading
from flopsheet.workbook.sheets.runs import CAPACITY

SHEET = "Checks"
# What the colours go by: 2 where a check fails or a run does not fit, 1 where an expected figure is not met.
ZERO = Number(0.0)
FAILED, MISSED, HELD = 2, 1, 0
STATUS = parse(f"where(failed + unfit > 0, {FAILED}, where(missed > 0, {MISSED}, {HELD}))")
STATUS_WITHOUT_RUNS = substitute(STATUS, {"unfit": ZERO})
STYLES = {FAILED: "bad", HELD: "good", MISSED: "hint"}  # of the sentence, by status
FITS = {"training": "fits", "serving": "served_fits"}  # the metric of a kind of run that says yes or no
MEMORY = {"training": "device_gib", "serving": "served_gib_device"}
LACKS = "{run} needs {memory:.1} GiB a device, {hardware} has {capacity:.1} ({memory / capacity:.1}×)"
UNFIT = [
    ("unfit == 0", "Every run fits."),
    ("runs == 1", f"The run does not fit: {LACKS}."),
    ("unfit == 1", f"1 of {{runs:,}} runs does not fit: {LACKS}."),
    ("", f"{{unfit:,}} of {{runs:,}} runs do not fit, the first: {LACKS}."),
]
FAIL = "FAIL: {failed:,} of {held + failed:,} checks fail; {first}."
MISS = "The {held:,} checks hold, but {missed:,} of {met + missed:,} budgets are not met."
# Of a study with runs, beside what is said of every study, which stands in a cell of its own: both in one formula are
# more characters than Excel reads.
VERDICTS_OF_RUNS = [
    ("unfit == 0", "{about_checks}"),
    ("failed > 0", "{about_checks} {about_runs}"),
    ("missed > 0", "{about_runs} {about_checks}"),
    ("", "{about_runs} The {held + met:,} checks hold."),
]
VERDICTS = [
    ("failed > 0", FAIL),
    ("missed > 0", MISS),
    ("noted > 0", "All {held + met:,} checks hold; {noted:,} notes on a convention, see Checks."),
    ("", "All {held + met:,} checks hold."),
]
VERDICT_CELL, STATUS_CELL, RANGES_ROW = (2, LABEL), (9, FIRST), 11
# Of the list of claims; verdicts stand below those of the blocks, on the same page of paper.
VERDICT, LIVE, CLAIM, EXPECTED, TOLERANCE = range(FIRST, FIRST + 5)


FAILS_ROW = 13  # below the counts


@frozen
class Tops:
    """The first rows of what stands above the checks themselves: budgets, runs that fit, then the checks."""

    claims: int
    runs: int
    blocks: int

    @classmethod
    def of(cls, listed: Sequence[Expectation], n_runs: int) -> Tops:
        """Where everything begins, after as many lines as may fail are told."""
        at = FAILS_ROW + rules.MOST_TOLD + 2
        n_claims = sum(len(claims(expectation)) for expectation in listed)
        runs = at + (n_claims + 3 if listed else 0)
        return cls(at, runs, runs + (n_runs + 13 if n_runs else 0))


@frozen
class Listing:
    """Lines of a list: cells, and the positions and values of its verdicts."""

    cells: dict[tuple[int, int], Cell]
    verdicts: tuple[CellRef, ...]
    values: tuple[Scalar, ...]
    bottom: int
    has_warnings: bool = False


def expectations(
    table_sets: Mapping[str, TableSet],
    built: Mapping[str, TableSet],
    cell_index: CellIndex,
    listed: Sequence[Expectation],
    top: int,
) -> Listing:
    """One line per claim: what, verdict, live, claimed, tolerance."""
    titles = (
        (LABEL, "Budget"),
        (NAME, "Metric"),
        (UNIT, "Unit"),
        (MATHS, "Where the figure comes from"),
        (NOTE, "Context length"),
        (VERDICT, "Verdict"),
        (LIVE, "Live"),
        (CLAIM, "Claim"),
        (EXPECTED, "Expected"),
        (TOLERANCE, "Tolerance"),
    )
    cells = heading(top, "Budgets in the spec (as built; an edited input may break them)", titles)
    row, cell_refs, values = top + 2, [], []
    for expectation in listed:
        metric = table_sets["study"].catalog.metrics[expectation.metric]
        table_set = table_sets[table_set_of(metric.grain)]
        # The row is the scenario's as built: a reviewer who edits its context length breaks the claim, and is told so.
        tables = built[table_set.name].values.tables
        at = row_in(tables, metric.grain, expectation.subject, expectation.context_length)
        format, typed = table_set.catalog.format(metric.name), table_set.catalog.units[metric.unit].exact_format
        live = Live(cell_index.of(table_set, metric.name)[at], table_set.value(metric.name, at))
        for kind, claimed in claims(expectation):
            cells[row, LABEL] = Cell(f"{expectation.subject}: {metric.name}", style="label")
            cells[row, NAME] = Cell(metric.name, style="name")
            cells[row, UNIT] = Cell(metric.unit, style="unit")
            cells[row, MATHS] = Cell(expectation.note, style="maths")
            if expectation.context_length is not None:
                cells[row, NOTE] = Cell(expectation.context_length, style="as_built", format="#,##0")
            cells[row, LIVE] = mirror(SHEET, live, format=format)
            cells[row, CLAIM] = Cell(kind.replace("_", " ") if kind != "text" else "equals", style="calc")
            cells[row, EXPECTED] = Cell(claimed, style="as_built", format=typed)
            cells[row, TOLERANCE] = Cell(expectation.within, style="as_built", format='0.00######%;;"exact"')
            here = {
                "live": Live(CellRef(SHEET, row, LIVE), live.value),
                "claimed": Live(CellRef(SHEET, row, EXPECTED), claimed),
                "within": Live(CellRef(SHEET, row, TOLERANCE), expectation.within),
            }
            words = verdict(kind, absent=bool(metric.absent), missed=NOTICE if expectation.is_warning else entries.FAIL)
            cells[row, VERDICT] = local(SHEET, words, here, "verdict")
            cell_refs.append(CellRef(SHEET, row, VERDICT))
            values.append(cells[row, VERDICT].value)
            row += 1
    has_warnings = any(one.is_warning and claims(one) for one in listed)
    return Listing(cells, tuple(cell_refs), tuple(values), row - 1, has_warnings)


@frozen
class Fitting:
    """Which runs fit: cells, their number, how many do not fit, and what is said of them; empty without runs."""

    cells: dict[tuple[int, int], Cell]
    said: dict[str, Live]
    answers: str
    bottom: int


def fitting(table_sets: Mapping[str, TableSet], cell_index: CellIndex, top: int) -> Fitting:
    """One line per run: whether it fits, on what; below them the first that does not, in words."""
    titles = (
        (LABEL, "Run"), (NAME, "Metric"), (FIRST, "Fits"), (FIRST + 1, "Hardware"), (FIRST + 2, "Needs GiB"),
        (FIRST + 3, "Has GiB"),
    )  # fmt: skip
    cells, row = heading(top, "Runs that fit", titles), top + 2
    for kind, metric in FITS.items():
        table_set = table_sets.get(kind)
        for at, (run,) in enumerate(table_set.table("run").keys if table_set else ()):
            assert table_set is not None
            cells[row, LABEL] = Cell(str(run), style="label")
            cells[row, NAME] = Cell(metric, style="name")
            for column, name in enumerate((metric, "hardware", MEMORY[kind], CAPACITY[kind]), start=FIRST):
                live = Live(cell_index.of(table_set, name)[at], table_set.value(name, at))
                look = ("linked_centred", "General") if column < FIRST + 2 else ("linked", "#,##0.0")
                cells[row, column] = mirror(SHEET, live, *look)
            row += 1
    first, last = top + 2, row - 1
    if last < first:
        return Fitting({}, {}, "", top - 2)
    bottom = max(last, first + 1)  # with the empty row below a single run: INDEX of one cell fails in some programs
    answers = [cells[at, FIRST].value for at in range(first, row)]
    count = Cell(float(len(answers)), f"COUNTA({_column(FIRST, first, bottom)})", "calc", "#,##0")
    unfit = count_text(SHEET, [(CellRef(SHEET, first, FIRST), CellRef(SHEET, last, FIRST))], answers, "no")
    place = answers.index("no") if "no" in answers else 0
    among = _column(FIRST, first, bottom)
    position = CellRef(SHEET, row + 3, FIRST).address
    lines = {
        "runs": ("Runs", count),
        "unfit": ("Runs that do not fit", unfit),
        "place": (
            "First that does not fit",
            Cell(float(place + 1), f'IF(COUNTIF({among},"no")>0,MATCH("no",{among},0),1)', "calc", "0"),
        ),
    }
    columns = (("run", LABEL), ("hardware", FIRST + 1), ("memory", FIRST + 2), ("capacity", FIRST + 3))
    for name, column in columns:
        formula = f"INDEX({_column(column, first, bottom)},{position})"
        lines[name] = (f"First that does not fit: {name}", Cell(cells[first + place, column].value, formula, "linked"))
    said = {}
    for at, (name, (label, cell)) in enumerate(lines.items(), start=row + 1):
        cells[at, LABEL], cells[at, FIRST] = Cell(label, style="label"), cell
        said[name] = Live(CellRef(SHEET, at, FIRST), cell.value)
    words = CellRef(SHEET, row + 1 + len(lines), LABEL)
    cells[words.row, LABEL] = sentence(SHEET, UNFIT, said)
    said["about_runs"] = Live(words, cells[words.row, LABEL].value)
    return Fitting(cells, said, among, words.row + 1)  # the last line is for what is said of the checks


def _column(column: int, first: int, last: int) -> str:
    return f"{letters(column)}{first}:{letters(column)}{last}"


@frozen
class Verdict:
    """The counts, the status and the sentence at the top of the sheet."""

    cells: dict[tuple[int, int], Cell]
    sentence: Live
    status: CellRef
    counts: Mapping[str, Live]

    @property
    def style(self) -> str:
        """The style of the sentence for the values as built."""
        return STYLES[int(float(self.cells[STATUS_CELL].value))]


def failures(told: rules.Told) -> Cells:
    """What fails, in sentences with values; the link leads to the list of all rules."""
    cells = heading(FAILS_ROW, "What fails")
    home = f"{SHEET}!A{told.verdicts[0]}"
    for row, cell in enumerate(told.broken, start=FAILS_ROW + 1):
        cells[row, LABEL] = cell._replace(link=home)
    return cells


def verdict_colours(sheet: str, cells: str, status: CellRef) -> tuple[Highlight, ...]:
    """The colours of the sentence, which follow the status and not the wording."""
    cell = status.absolute if sheet == status.sheet else f"{quoted(status.sheet)}!{status.absolute}"
    return tuple(Highlight(cells, style, f"{cell}={code}") for code, style in STYLES.items())


def fit_colours(answers: str) -> tuple[Highlight, ...]:
    """The colours of yes and no, in cells that say whether a run fits."""
    first = answers.partition(":")[0]
    return (
        ()
        if not answers
        else tuple(Highlight(answers, style, f'{first}="{word}"') for style, word in (("lacks", "no"), ("fits", "yes")))
    )


def verdict_cells(blocks: Sequence[Block], listing: Listing, fitted: Fitting, first: Live) -> Verdict:
    """How many checks hold, fail, or are notes by the author's own choice; `first` says which rule is broken."""
    rows: list[list[CellRef]] = []
    in_range: list[list[CellRef]] = []
    values: list[Scalar] = []
    range_values: list[Scalar] = []
    for block in blocks:
        for band in block.bands:
            if band.kind != "metrics":
                continue
            for name in (name for name in band.names if block.table_set.catalog.metrics[name].unit == TRUTH):
                rows.append([block.cell_ref(name, column) for column in block.columns])
                own = [block.table_set.value(name, at) for at in range(len(block.columns))]
                values += own
                if name.startswith(ranges.CHECK):
                    in_range.append(rows[-1])
                    range_values += own
    claims = [list(listing.verdicts)] if listing.verdicts else []
    within, noted = _counted(in_range, range_values, OK), _counted(rows, values, NOTICE)
    held = _counted(rows, values, OK)
    ranged = CellRef(SHEET, RANGES_ROW, FIRST)  # values of inputs are many: they are no checks that count
    held = held._replace(value=float(held.value) - float(within.value), formula=f"{held.formula}-{ranged.address}")
    met = _counted(claims, listing.values, OK)
    if listing.has_warnings:  # what only warns is not missed
        warned = _counted(claims, listing.values, NOTICE)
        met = met._replace(value=float(met.value) + float(warned.value), formula=f"{met.formula}+{warned.formula}")
    at = {
        name: CellRef(SHEET, 4 + place, FIRST)
        for place, name in enumerate(("held", "failed", "noted", "met", "missed"))
    }
    lines = {
        "held": ("Checks that hold", held),
        "failed": ("Checks that fail", _rest(rows, values, {at["held"]: held, at["noted"]: noted, ranged: within})),
        "noted": ("Notes: a convention was chosen in the spec", noted),
        "met": ("Budgets that are met", met),
        "missed": ("Budgets that are not met", _rest(claims, listing.values, {at["met"]: met})),
    }
    counts = {"first": first, **fitted.said}
    cells: dict[tuple[int, int], Cell] = {(1, LABEL): Cell("Checks", style="title")}
    for name, (label, count) in lines.items():
        cells[at[name].row, LABEL] = Cell(label, style="label")
        cells[at[name].row, FIRST] = count
        counts[name] = Live(at[name], count.value)
    cells[RANGES_ROW, LABEL], cells[RANGES_ROW, FIRST] = Cell("Values of inputs in their range", style="label"), within
    status = CellRef(SHEET, *STATUS_CELL)
    meaning = "Status: 2 fails or does not fit, 1 unmet budget"
    cells[STATUS_CELL[0], LABEL] = Cell(meaning, style="label")
    cells[STATUS_CELL] = local(SHEET, STATUS if fitted.said else STATUS_WITHOUT_RUNS, counts, "calc", "0")
    if fitted.said:
        about_checks = sentence(SHEET, VERDICTS, counts)
        cells[fitted.bottom, LABEL] = about_checks
        counts["about_checks"] = Live(CellRef(SHEET, fitted.bottom, LABEL), about_checks.value)
    words = sentence(SHEET, VERDICTS_OF_RUNS if fitted.said else VERDICTS, counts, "lead")
    cells[VERDICT_CELL] = words
    return Verdict(cells, Live(CellRef(SHEET, *VERDICT_CELL), words.value), status, counts)


def failed_as_built(blocks: Sequence[Block], built: Mapping[str, TableSet]) -> float:
    """How many checks fail for the values of the spec."""
    values: list[Scalar] = []
    for block in blocks:
        for name in (name for band in block.bands if band.kind == "metrics" for name in band.names):
            if block.table_set.catalog.metrics[name].unit == TRUTH:
                values += built[block.table_set.name].column(name)
    return float(sum(value not in {OK, NOTICE} for value in values))


def _counted(rows: Sequence[Sequence[CellRef]], values: Sequence[Scalar], word: str) -> Cell:
    """Neighbouring rows of one block are counted as one rectangle."""
    return count_text(SHEET, rectangles(rows), values, word)


def _rest(rows: Sequence[Sequence[CellRef]], values: Sequence[Scalar], counted: Mapping[CellRef, Cell]) -> Cell:
    """All verdicts but those counted elsewhere: one that is an error, as after a text typed for a number, fails too."""
    every = "+".join(f"COUNTA({between(first.address, last.address)})" for first, last in rectangles(rows)) or "0"
    formula = "-".join((every, *(cell_ref.address for cell_ref in counted)))
    rest = len(values) - sum(float(cell.value) for cell in counted.values())
    return Cell(rest, formula, "calc", "#,##0")


def rectangles(rows: Sequence[Sequence[CellRef]]) -> list[list[CellRef]]:
    """Rows that lie under each other with the same columns, as the corners of one range each."""
    merged: list[list[CellRef]] = []
    for row in rows:
        first, last = row[0], row[-1]
        if merged and len(row) and first.row == last.row:
            top, bottom = merged[-1][0], merged[-1][-1]
            if bottom.row == first.row - 1 and top.column == first.column and bottom.column == last.column:
                merged[-1] = [top, last]
                continue
        merged.append([first, last])
    return merged
