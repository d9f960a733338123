"""The Checks sheet: what must hold, what the spec expects, and which runs fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from flopsheet.catalog import RUNS, ranges
from flopsheet.catalog.entries import FAIL, NO, NOTICE, OK, YES, Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, parse
from flopsheet.formula.excel import literal
from flopsheet.formula.nodes import substitute
from flopsheet.pipeline.expectations import Called, claims
from flopsheet.quantities import TRUTH
from flopsheet.records import frozen
from flopsheet.spec import Expectation
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet, TableSetName
from flopsheet.workbook.layout.typed_cells import (
    Live,
    count_text,
    counting,
    first_place,
    first_that_holds,
    live_of,
    local,
    mirror,
    sentence,
)
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef, between, letters
from flopsheet.workbook.model.sheet import Cell, Cells, Fold, Highlight
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets import budgets, change_words, rules
from flopsheet.workbook.sheets.change_words import heading
from flopsheet.workbook.sheets.run_metrics import CAPACITY, FITS, MEMORY

SHEET = change_words.SHEET
# What the colours go by: 2 where a check fails or a run does not fit, 1 where an expected figure is not met.
FAILED, MISSED, HELD = 2, 1, 0
STATUS = parse(f"where(failed + unfit > 0, {FAILED}, where(missed > 0, {MISSED}, {HELD}))")
STATUS_LABEL = f"Status: {HELD} good, {MISSED} figure not met, {FAILED} failure"
STATUS_WITHOUT_RUNS = substitute(STATUS, {"unfit": parse("0")})
STYLES: dict[int, StyleName] = {FAILED: "bad", HELD: "good", MISSED: "hint"}  # of the sentence, by status
BROKEN = "rule broken"  # in the place of yes and no, where the inputs of a run break a rule
LACKS = "{run} needs {memory:.1} GiB a device, {hardware} has {capacity:.1} usable ({memory / capacity:.1}×)"
UNFIT = [
    ("unfit + broken == 0", "✔ Every run fits."),
    # Beside the rule that fails: no figure of such a run counts.
    ("unfit == 0", "{broken:,} of {runs:,} runs cannot be judged: a rule is broken."),
    ("runs == 1", f"✘ The run does not fit: {LACKS}."),
    ("unfit == 1", f"✘ 1 of {{runs:,}} runs does not fit: {LACKS}."),
    ("", f"✘ {{unfit:,}} of {{runs:,}} runs do not fit, the first: {LACKS}."),
]
# What is said of the checks, of the budgets and of the runs stands in a cell each: one formula for all would have more
# characters than Excel reads.
OF_CHECKS = [
    ("failed == 1", "✘ 1 of {held + failed:,} checks fails; {first}."),
    ("failed > 0", "✘ {failed:,} of {held + failed:,} checks fail; {first}."),
    ("noted > 1", "✔ All {held:,} checks hold; {noted:,} notes, see Checks."),
    ("noted == 1", "✔ All {held:,} checks hold; 1 note, see Checks."),
    ("", "✔ All {held:,} checks hold."),
]
# Beside how many are not met, where some only warn.
WARNED = first_that_holds([("warned == 1", ", 1 warning"), ("warned > 1", ", {warned:,} warnings"), ("", "")])


def of_budgets(them: Called, total: int, warned: str) -> list[tuple[str, str]]:
    """What is said of all claims of a spec, as they are called; `warned` tells how many only warn."""
    of_them = f"of {total:,} {them.many}"
    warns = [("warned > 0", f"! {{met:,}} {of_them} {them.met}{warned}.")] if warned else []
    return [
        ("missed > 1", f"✘ {{missed:,}} {of_them} are not {them.met}{warned}, the first: {{first_missed}}."),
        (f"missed == {total}", f"✘ The {them.one} is not {them.met}: {{first_missed}}."),
        ("missed == 1", f"✘ 1 {of_them} is not {them.met}{warned}: {{first_missed}}."),
        *warns,
        ("met == 1", f"✔ The {them.one} is {them.met}."),
        ("", f"✔ All {total:,} {them.many} are {them.met}."),
    ]


def _with_warnings(cases: Sequence[tuple[str, str]]) -> Node:
    """The text of the first case that holds, with how many claims only warn."""
    return substitute(first_that_holds(cases), {"warnings": WARNED})


# From the top: the verdict, what is counted, the status, what the FFN of the study counts, the rules that are broken.
VERDICT_CELL, STATUS_CELL, FFN_CELL = (CellRef(SHEET, *at) for at in ((2, LABEL), (9, FIRST), (10, LABEL)))
COUNTED = {"held": 4, "failed": 5, "noted": 6, "met": 7, "missed": 8, "within": 11, "warned": 12}
COUNTS = {name: CellRef(SHEET, row, FIRST) for name, row in COUNTED.items()}
FAILS_ROW = 13  # where nothing only warns, an empty row below the counts
AROUND_RUNS = (
    14  # rows: a bar and a header, an empty row, eight of the first that does not fit, two sentences, an empty row
)


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
        runs = at + (n_claims + budgets.AROUND_LINES if listed else 0)
        return cls(at, runs, runs + (n_runs + AROUND_RUNS if n_runs else 0))


@frozen
class Fitting:
    """Which runs fit: cells, their number, how many do not fit, and what is said of them; empty without runs."""

    cells: Cells
    said: dict[str, Live]
    answers: str
    bottom: int
    of_runs: Mapping[RunKind, Sequence[Live]]
    """Of each run of a kind whether it fits, or that its inputs break a rule."""
    folded: tuple[Fold, ...] = ()
    """The rows that the sentence is looked up from."""


def fitting(table_sets: Mapping[TableSetName, TableSet], cell_index: CellIndex, top: int) -> Fitting:
    """One line per run: whether it fits, on what; below them the first that does not, in words."""
    titles = (
        (LABEL, "Run"), (UNIT, ""), (NAME, "Metric"), (FIRST, "Fits"), (FIRST + 1, "Hardware"),
        (FIRST + 2, "Needs GiB"), (FIRST + 3, "Has GiB"),
    )  # fmt: skip
    cells, row = heading(top, "Whether each run fits", titles), top + 2
    for column in (FIRST, FIRST + 1):  # of words
        cells[top + 1, column] = cells[top + 1, column]._replace(style="header_centred")
    of_runs: dict[RunKind, list[Live]] = {}
    for kind in FITS:
        if table_set := table_sets.get(kind):
            of_runs[kind] = []
            for at in range(len(table_set.table("run"))):
                line = _fitting_line(table_set, cell_index, at, row)
                of_runs[kind].append(Live(CellRef(SHEET, row, FIRST), line[row, FIRST].value))
                cells |= line
                row += 1
    if not of_runs:
        return Fitting({}, {}, "", top - 2, {})
    lines, answers = _first_unfit(cells, top + 2, row)
    said = {}
    for at, (name, (label, cell)) in enumerate(lines.items(), start=row + 1):
        cells[at, LABEL], cells[at, FIRST] = Cell(label, style="label"), cell
        said[name] = Live(CellRef(SHEET, at, FIRST), cell.value)
    words = CellRef(SHEET, row + 1 + len(lines), LABEL)
    cells[words.row, LABEL] = sentence(SHEET, UNFIT, said)
    said["about_runs"] = Live(words, cells[words.row, LABEL].value)
    last = words.row + 1  # for what is said of the checks
    return Fitting(cells, said, answers, last, of_runs, ((row + 1, last, True),))


def _fitting_line(table_set: TableSet, cell_index: CellIndex, run: int, row: int) -> Cells:
    """Whether one run fits, on what, what a device needs and what it has."""
    kind = table_set.run_kind
    answer, hardware, memory, capacity = (
        live_of(table_set, cell_index, name, run) for name in (FITS[kind], "hardware", MEMORY[kind], CAPACITY[kind])
    )
    return {
        (row, LABEL): Cell(str(table_set.table("run").keys[run][0]), style="label"),
        (row, NAME): Cell(FITS[kind], style="name"),
        (row, FIRST): _unless_broken(table_set, cell_index, run, mirror(SHEET, answer, "linked_centred")),
        (row, FIRST + 1): mirror(SHEET, hardware, "linked_centred"),
        (row, FIRST + 2): mirror(SHEET, memory, format="#,##0.0"),
        (row, FIRST + 3): mirror(SHEET, capacity, format="#,##0.0"),
    }


def _unless_broken(table_set: TableSet, cell_index: CellIndex, run: int, answer: Cell) -> Cell:
    """Whether a run fits, unless its inputs break a rule: then no figure of it means anything."""
    of_run, of_layer = RUNS[table_set.run_kind]
    layers = {grain: table_set.children[grain, "run"] for grain in ("run_layer", of_layer)}
    grains = {"run", of_run, *layers}
    verdicts = [one for one in table_set.catalog.metrics.values() if one.unit == TRUTH and one.grain in grains]
    own = {metric.name: layers[metric.grain][run] if metric.grain in layers else [run] for metric in verdicts}
    rows = sorted([cell_index.of(table_set, name)[row] for row in found] for name, found in own.items())
    parts = (f"{first.seen_from(SHEET)}:{last.address}" for first, last in rectangles(rows))
    broken = "+".join(counting(FAIL, among) for among in parts)
    is_broken = any(table_set.value(name, row) == FAIL for name, found in own.items() for row in found)
    formula = f'IF({broken}>0,"{BROKEN}",{answer.formula})'
    return answer._replace(value=BROKEN if is_broken else answer.value, formula=formula)


def _first_unfit(cells: Cells, first: int, end: int) -> tuple[dict[str, tuple[str, Cell]], str]:
    """What the sentence about the runs in some rows is made of, each with its label; and the range of their answers."""
    bottom = max(end - 1, first + 1)  # with the empty row below a single run: MATCH of one cell fails in some programs
    answers = [cells[row, FIRST].value for row in range(first, end)]
    among = _column(FIRST, first, bottom)
    corners = [(CellRef(SHEET, first, FIRST), CellRef(SHEET, end - 1, FIRST))]
    place = answers.index(NO) if NO in answers else 0
    position = Cell(float(place + 1), first_place(literal(NO), among), "calc", "0")
    lines = {
        "runs": ("Runs", Cell(float(len(answers)), f"COUNTA({among})", "calc", "#,##0")),
        "unfit": ("Runs that do not fit", count_text(SHEET, corners, answers, NO)),
        "broken": ("Runs whose inputs break a rule", count_text(SHEET, corners, answers, BROKEN)),
        "place": ("First run that does not fit", position),
    }
    address = CellRef(SHEET, end + 1 + list(lines).index("place"), FIRST).address
    for name, column in (("run", LABEL), ("hardware", FIRST + 1), ("memory", FIRST + 2), ("capacity", FIRST + 3)):
        found, formula = cells[first + place, column], f"INDEX({_column(column, first, bottom)},{address})"
        lines[name] = (f"First run that does not fit: {name}", Cell(found.value, formula, "linked", found.format))
    return lines, among


def _column(column: int, first: int, last: int) -> str:
    return f"{letters(column)}{first}:{letters(column)}{last}"


@frozen
class Verdict:
    """The counts, the status and the sentence at the top of the sheet."""

    cells: Cells
    sentence: Live
    status: CellRef
    counts: Mapping[str, Live]
    budgets: budgets.Listing
    fits: Mapping[RunKind, Sequence[Live]]
    """Of each run of a kind whether it fits, or that its inputs break a rule."""

    @property
    def style(self) -> StyleName:
        """The style of the sentence for the values as built."""
        return STYLES[int(float(self.cells[self.status[1:]].value))]


def failures(told: rules.Told) -> Cells:
    """The rules that are broken, in sentences with values; the link leads to the list of all rules."""
    cells = heading(FAILS_ROW, "Rules that are broken")
    home = f"{SHEET}!A{told.verdicts[0]}"
    for row, cell in enumerate(told.broken, start=FAILS_ROW + 1):
        cells[row, LABEL] = cell._replace(link=home)
    return cells


def verdict_colours(sheet: str, cells: str, status: CellRef) -> tuple[Highlight, ...]:
    """The colours of the sentence, which follow the status and not the wording."""
    cell = status.absolute if sheet == status.sheet else status.anywhere
    return tuple(Highlight(cells, style, f"{cell}={code}") for code, style in STYLES.items())


def fit_colours(answers: str) -> tuple[Highlight, ...]:
    """The colours of yes and no, in cells that say whether a run fits."""
    first = answers.partition(":")[0]
    colours: dict[str, StyleName] = {NO: "lacks", BROKEN: "lacks", YES: "fits"}
    return tuple(Highlight(answers, style, f'{first}="{word}"') for word, style in colours.items())


def word_colours(cells: str, first: str) -> Iterator[Highlight]:
    """The colours of verdicts; `first` is the first of the cells."""
    colours: dict[str, StyleName] = {FAIL: "lacks", OK: "fits", NOTICE: "hint"}
    for word, style in colours.items():
        yield Highlight(cells, style, f'{first}="{word}"')


def verdict_cells(blocks: Sequence[Block], listing: budgets.Listing, fitted: Fitting, first: Live) -> Verdict:
    """How many checks hold, fail, or are notes by the author's own choice; `first` says which rule is broken."""
    them = listing.called
    counts = {"first": first, **fitted.said}
    cells: Cells = {(1, LABEL): Cell("Checks", style="title")}
    for name, (label, count) in _counts(blocks, listing).items():
        at = COUNTS[name]
        cells[at.row, LABEL], cells[at[1:]] = Cell(label, style="label"), count
        counts[name] = Live(at, count.value)
    cells[STATUS_CELL.row, LABEL] = Cell(STATUS_LABEL, style="label")
    cells[STATUS_CELL[1:]] = local(SHEET, STATUS if fitted.said else STATUS_WITHOUT_RUNS, counts, "calc", "0")
    counts |= listing.said
    warned = "{warnings}" if listing.has_warnings else ""
    parts = {"about_budgets": of_budgets(them, len(listing.lines), warned)} if listing.said else {}
    parts |= {"about_checks": OF_CHECKS} if listing.said or fitted.said else {}
    for row, (name, cases) in enumerate(parts.items(), start=listing.bottom if listing.said else fitted.bottom):
        cells[row, LABEL] = local(SHEET, _with_warnings(cases), counts, "text")
        counts[name] = Live(CellRef(SHEET, row, LABEL), cells[row, LABEL].value)
    words = local(SHEET, _with_warnings(_whole(counts, listing, warned) if parts else OF_CHECKS), counts, "lead")
    cells[VERDICT_CELL[1:]] = words
    return Verdict(cells, Live(VERDICT_CELL, words.value), STATUS_CELL, counts, listing, fitted.of_runs)


def _counts(blocks: Sequence[Block], listing: budgets.Listing) -> dict[str, tuple[str, Cell]]:
    """What is counted of checks and of claims, each with its label."""
    checks = [*_verdicts(blocks)]
    rows, values = _said(checks)
    within = _counted(*_said([(block, name) for block, name in checks if name.startswith(ranges.CHECK)]), OK)
    held, noted, ranged = _counted(rows, values, OK), _counted(rows, values, NOTICE), COUNTS["within"]
    # Values of inputs are many: they are no checks that count.
    held = held._replace(value=float(held.value) - float(within.value), formula=f"{held.formula}-{ranged.address}")
    them, claimed = listing.called, [list(listing.verdicts)] if listing.verdicts else []
    met, warned = (_counted(claimed, listing.values, word) for word in (OK, NOTICE))
    told = {COUNTS["met"]: met} | ({COUNTS["warned"]: warned} if listing.has_warnings else {})
    failed = _rest(rows, values, {COUNTS["held"]: held, COUNTS["noted"]: noted, ranged: within})
    many = them.many.capitalize()
    counted = {
        "held": ("Checks that hold", held),
        "failed": ("Checks that fail", failed),
        "noted": ("Notes, such as on conventions chosen in the spec", noted),
        "met": (f"{many} that are {them.met}", met),
        "missed": (f"{many} that are not {them.met}", _rest(claimed, listing.values, told)),
        "within": ("Input values in range", within),
    }
    return counted | (
        {"warned": (f"{many} that are not {them.met} and only warn", warned)} if listing.has_warnings else {}
    )


def _said(checks: Sequence[tuple[Block, str]]) -> tuple[list[list[CellRef]], list[Scalar]]:
    """The cells of some checks, row by row, and what they say."""
    rows = [[block.cell_ref(name, column) for column in block.columns] for block, name in checks]
    return rows, [value for block, name in checks for value in block.table_set.column(name)]


def _verdicts(blocks: Sequence[Block]) -> Iterator[tuple[Block, str]]:
    """The checks that have a row in some blocks."""
    for block in blocks:
        names = (name for band in block.bands if band.kind == "metrics" for name in band.names)
        yield from ((block, name) for name in names if block.table_set.catalog.metrics[name].unit == TRUTH)


def _whole(counts: Mapping[str, Live], listing: budgets.Listing, warned: str) -> list[tuple[str, str]]:
    """The verdict in one line: what fails, with what does not fit and is not met, and nothing that holds; else all.

    Beside a check that fails, budgets are counted: what the first of them is may be an error.
    """
    parts = [f"{{{name}}}" for name in ("about_runs", "about_budgets", "about_checks") if name in counts]
    them = listing.called
    missed = f"✘ {{missed:,}} of {len(listing.lines):,} {them.many} not {them.met}{warned}."
    told = {"unfit": "{about_runs}", "missed": missed} if "unfit" in counts else {"missed": missed}
    fails = [
        (" * ".join(("failed", *names)) + " > 0", " ".join(("{about_checks}", *(told[name] for name in names))))
        for count in range(len(told), -1, -1)
        for names in combinations(told, count)
    ]
    return [*fails, ("", " ".join(parts))]


def failed_as_built(blocks: Sequence[Block], built: Mapping[TableSetName, TableSet]) -> float:
    """How many checks fail for the values of the spec."""
    values = (value for block, name in _verdicts(blocks) for value in built[block.table_set.name].column(name))
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
