"""The budgets of a spec on the Checks sheet: each claim with its verdict, live, and in words for the Summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, reduce

from flopsheet.catalog import Catalog, Metric
from flopsheet.catalog.entries import FAIL, NOTICE, OK, Scalar
from flopsheet.formula import Node
from flopsheet.formula.excel import literal
from flopsheet.formula.nodes import Call, Name, Operation, Text, substitute
from flopsheet.formula.operators import GIVEN
from flopsheet.pipeline.expectations import Called, called, claims, row_in, table_set_of, verdict
from flopsheet.records import frozen
from flopsheet.spec import Expectation
from flopsheet.spec.entries import CLAIM_WORDS
from flopsheet.workbook.layout.cells import CellIndex, TableSet, TableSetName
from flopsheet.workbook.layout.counting import counting, first_place
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, live_of, local, mirror, unit_of
from flopsheet.workbook.model.references import (
    FIRST,
    LABEL,
    MATHS,
    NAME,
    NOTE,
    UNIT,
    CellRef,
    column_span,
    quoted,
    span,
)
from flopsheet.workbook.model.sheet import Cell, Cells, Fold
from flopsheet.workbook.sheets.change_words import COMPUTED, SHEET, UNITS, heading

# Verdicts stand below those of the blocks, on the same page of paper.
VERDICT, LIVE, CLAIM, EXPECTED, TOLERANCE, SAID = range(FIRST, FIRST + 6)
ELSEWHERE = "on Checks"  # where a list that is cut goes on
CLAIMED = CLAIM_WORDS | dict.fromkeys(("equals", "text"), "expected")
UNSAID = frozenset({"text", "verdict", "count", "ratio", "share"})  # units that a sentence leaves out
# How a sentence shows a number or text x.
SHOWN: Mapping[str, Node] = {
    "computed": COMPUTED, "text": Name("x"),
    **{how: first_that_holds([("", template)]) for how, template in (("share", "{x:.1%}"), ("exact", "{x:,}"))},
}  # fmt: skip
# What no run can beat is no forecast: a metric whose label says so.
BOUNDS, BOUND = ("Lower bound", "Upper bound"), ", a bound"
MOST_NOTE = 120  # letters of the author's note in a sentence
AROUND_LINES = 7  # rows: a bar and a header, an empty row, the first that is missed, two sentences, an empty row
MOST_LINES = 5  # of a list on another sheet, the one that counts the others among them


@frozen
class Listing:
    """Lines of a list: cells, and the positions and values of its verdicts."""

    cells: Cells
    verdicts: tuple[CellRef, ...]
    values: tuple[Scalar, ...]
    said: Mapping[str, Live]
    """The first budget that is not met in words; none where the spec has no budget."""
    lines: tuple[Live, ...]
    """Each budget in words."""
    bottom: int
    """The first row below, where sentences about budgets and checks follow."""
    called: Called
    has_warnings: bool = False

    @property
    def folded(self) -> tuple[Fold, ...]:
        """The rows from which the verdict is put together: the first that is not met, and the two sentences."""
        return ((self.bottom - 1, self.bottom + 1, True),) if self.lines else ()


def listing(
    table_sets: Mapping[TableSetName, TableSet],
    built: Mapping[TableSetName, TableSet],
    cell_index: CellIndex,
    listed: Sequence[Expectation],
    top: int,
) -> Listing:
    """One line per claim: what, verdict, live, claimed, tolerance, and the same in words."""
    them = called(kind for one in listed for kind, _ in claims(one))
    cells = _headings(them, top)
    row, cell_refs, lines = top + 2, [], []
    for expectation in listed:
        metric = table_sets["study"].catalog.metrics[expectation.metric]
        table_set = table_sets[table_set_of(metric.grain)]
        # The row is the scenario's as built: a reviewer who edits its context length breaks the claim, and is told so.
        tables = built[table_set.name].values.tables
        at = row_in(tables, metric.grain, expectation.subject, expectation.context_length)
        live = live_of(table_set, cell_index, metric.name, at)
        for kind, claimed in claims(expectation):
            cells |= _line(table_set.catalog, expectation, kind, claimed, live, row)
            cell_refs.append(CellRef(SHEET, row, VERDICT))
            lines.append(Live(CellRef(SHEET, row, SAID), cells[row, SAID].value))
            row += 1
    values = tuple(cells[ref.row, ref.column].value for ref in cell_refs)
    said = {}
    if lines:
        cells[row + 1, LABEL] = Cell(f"First {them.one} that is not {them.met}", style="label")
        cells[row + 1, SAID] = _first_missed(top + 2, row, values, lines)
        said["first_missed"] = Live(CellRef(SHEET, row + 1, SAID), cells[row + 1, SAID].value)
    has_warnings = any(one.is_warning and claims(one) for one in listed)
    return Listing(cells, tuple(cell_refs), values, said, tuple(lines), row + 2, them, has_warnings)


def _headings(them: Called, top: int) -> Cells:
    """The bar above the list, and what heads its columns."""
    titles = (
        (LABEL, them.one.capitalize()), (NAME, "Metric"), (UNIT, "Unit"), (MATHS, "Where the figure comes from"),
        (NOTE, "Context length"), (VERDICT, "Verdict"), (LIVE, "Live"), (CLAIM, "Claim"), (EXPECTED, "Expected"),
        (TOLERANCE, "Tolerance"), (SAID, "In words"),
    )  # fmt: skip
    cells = heading(top, f"{them.many.capitalize()} in the spec (as built; an edited input may break them)", titles)
    cells[top + 1, VERDICT] = cells[top + 1, VERDICT]._replace(style="header_centred")
    cells[top + 1, SAID] = cells[top + 1, SAID]._replace(style="header_left", indent=1)
    return cells


def _line(catalog: Catalog, expectation: Expectation, kind: str, claimed: Scalar, found: Live, row: int) -> Cells:
    """One claim, whose figure is found elsewhere."""
    metric = catalog.metrics[expectation.metric]
    unit, format = catalog.units[metric.unit], catalog.format(metric.name)
    cells = {
        (row, LABEL): Cell(_claimed_of(expectation), style="label"),
        (row, NAME): Cell(metric.name, style="name"),
        (row, UNIT): Cell(unit_of(metric), style="unit"),
        (row, MATHS): Cell(expectation.note, style="maths", indent=1),
        (row, LIVE): mirror(SHEET, found, format=format),
        (row, CLAIM): Cell(CLAIM_WORDS[kind], style="calc"),
        (row, EXPECTED): Cell(claimed, style="as_built", format=unit.exact_format),
        (row, TOLERANCE): Cell(expectation.within, style="as_built", format='0.00######%;;"exact"'),
    }
    if expectation.context_length is not None:
        cells[row, NOTE] = Cell(expectation.context_length, style="as_built", format="#,##0")
    columns = {"subject": LABEL, "live": LIVE, "claimed": EXPECTED, "within": TOLERANCE}
    here = {name: Live(CellRef(SHEET, row, column), cells[row, column].value) for name, column in columns.items()}
    words = verdict(kind, absent=bool(metric.absent), missed=NOTICE if expectation.is_warning else FAIL)
    cells[row, VERDICT] = local(SHEET, words, here, "verdict")
    cells[row, SAID] = local(SHEET, _in_words(expectation, metric, kind, unit.whole), here, "text")._replace(indent=1)
    return cells


def _claimed_of(expectation: Expectation) -> str:
    """What a claim is of: `continued.days`, `gpt2.params_total at 2,048`."""
    length = "" if expectation.context_length is None else f" at {expectation.context_length:,.0f}"
    return f"{expectation.subject}.{expectation.metric}{length}"


def _first_missed(first: int, end: int, values: Sequence[Scalar], lines: Sequence[Live]) -> Cell:
    """The words of the first claim that fails, or of the first of all; with the empty row below: INDEX of one cell
    fails in some programs."""
    place = values.index(FAIL) if FAIL in values else 0
    verdicts, words = (column_span(column, first, end, held=False) for column in (VERDICT, SAID))
    return Cell(lines[place].value, f"INDEX({words},{first_place(literal(FAIL), verdicts)})", "text")


def _in_words(expectation: Expectation, metric: Metric, kind: str, is_whole: bool) -> Node:
    """`continued.days is 12.67 days (at most 14; the cluster is ours for two weeks)`."""
    how = "computed"
    if kind == "text":
        how = "text"
    elif metric.unit == "share":
        how = "share"
    elif kind == "equals" and is_whole:
        how = "exact"  # a count that is expected to the last digit
    unit = "" if metric.unit in UNSAID else f" {UNITS.get(metric.unit, metric.unit)}".rstrip()
    said: Node = Text(unit)
    if unit and metric.absent:  # its words in place of a number have no unit
        said = Call("where", (Call(GIVEN, (Name("live"),)), said, Text("")))
    bound = BOUND if metric.label.startswith(BOUNDS) else ""
    note = f"; {expectation.note}" if 0 < len(expectation.note) <= MOST_NOTE else ""
    parts = (
        Name("subject"),
        Text(" is "),
        _shown(how, "live"),
        said,
        Text(f" ({CLAIMED[kind]} "),
        _shown(how, "claimed"),
        Text(f"{note}){bound}"),
    )
    return reduce(lambda left, right: Operation("&", left, right), parts)


@cache
def _shown(how: str, name: str) -> Node:
    """A number or text of some name as a sentence shows it: each claim has two."""
    return substitute(SHOWN[how], {"x": Name(name)})


TICKED = first_that_holds([("verdict == met", "✔ {said}"), ("verdict == warned", "! {said}"), ("", "✘ {said}")])
TICKED = substitute(TICKED, {"met": Text(OK), "warned": Text(NOTICE)})


def ticked(sheet: str, listed: Listing) -> Iterator[Cell]:
    """The first budgets in words, each marked as met or not; then how many more there are."""
    most = MOST_LINES if len(listed.lines) <= MOST_LINES else MOST_LINES - 1
    for ref, value, said in list(zip(listed.verdicts, listed.values, listed.lines, strict=True))[:most]:
        yield local(sheet, TICKED, {"verdict": Live(ref, value), "said": said}, "text")
    if len(listed.lines) > MOST_LINES:
        missed = counting(FAIL, span(listed.verdicts[most:], sheet))
        more, n_missed = f"… {len(listed.lines) - most:,} more", listed.values[most:].count(FAIL)
        of_them = f" of them not {listed.called.met}, "
        told = f"{more}, {n_missed:,}{of_them}{ELSEWHERE}" if n_missed else f"{more} {ELSEWHERE}"
        formula = f'"{more}"&IF({missed}>0,", "&{missed}&"{of_them}"," ")&"{ELSEWHERE}"'
        yield Cell(told, formula, "muted", link=f"{quoted(SHEET)}!A{listed.verdicts[most].row}")
