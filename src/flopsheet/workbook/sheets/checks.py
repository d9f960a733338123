"""The Checks sheet as a whole: what is counted of it, the verdict in one line, its status and its colours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from flopsheet.catalog import ranges
from flopsheet.catalog.entries import FAIL, NOTICE, OK, Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import substitute
from flopsheet.pipeline.expectations import Called, claims
from flopsheet.quantities import TRUTH
from flopsheet.records import frozen
from flopsheet.spec import Expectation
from flopsheet.workbook.layout.cells import Block, TableSet, TableSetName
from flopsheet.workbook.layout.counting import count_text
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, local
from flopsheet.workbook.model.references import FIRST, LABEL, CellRef, between, rectangles
from flopsheet.workbook.model.sheet import Cell, Cells, Highlight
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets import budgets, change_words, fits, rules
from flopsheet.workbook.sheets.change_words import heading

SHEET = change_words.SHEET
# What the colours go by: 2 where a check fails or a run does not fit, 1 where an expected figure is not met.
FAILED, MISSED, HELD = 2, 1, 0
STATUS = parse(f"where(failed + unfit > 0, {FAILED}, where(missed > 0, {MISSED}, {HELD}))")
STATUS_LABEL = f"Status: {HELD} good, {MISSED} figure not met, {FAILED} failure"
STATUS_WITHOUT_RUNS = substitute(STATUS, {"unfit": parse("0")})
STYLES: dict[int, StyleName] = {FAILED: "bad", HELD: "good", MISSED: "hint"}  # of the sentence, by status
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
        return cls(at, runs, runs + (n_runs + fits.AROUND_RUNS if n_runs else 0))


@frozen
class Conclusion:
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


def word_colours(cells: str, first: str) -> Iterator[Highlight]:
    """The colours of verdicts; `first` is the first of the cells."""
    colours: dict[str, StyleName] = {FAIL: "lacks", OK: "fits", NOTICE: "hint"}
    for word, style in colours.items():
        yield Highlight(cells, style, f'{first}="{word}"')


def verdict_cells(blocks: Sequence[Block], listing: budgets.Listing, fitted: fits.Fitting, first: Live) -> Conclusion:
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
    return Conclusion(cells, Live(VERDICT_CELL, words.value), STATUS_CELL, counts, listing, fitted.of_runs)


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
