"""Whether each run fits, on the Checks sheet: a line for each, and the first that does not in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog import RUNS
from flopsheet.catalog.entries import FAIL, NO, YES
from flopsheet.catalog.grains import RunKind
from flopsheet.formula.excel import literal
from flopsheet.quantities import TRUTH
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet, TableSetName
from flopsheet.workbook.layout.counting import count_text, counting, first_place
from flopsheet.workbook.layout.typed_cells import Live, live_of, mirror, sentence
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef, column_span, rectangles
from flopsheet.workbook.model.sheet import Cell, Cells, Fold, Highlight
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets.change_words import SHEET, heading
from flopsheet.workbook.sheets.run_metrics import CAPACITY, FITS, MEMORY

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
# Rows: a bar and a header, an empty row, eight of the first that does not fit, two sentences, an empty row.
AROUND_RUNS = 14


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
    among = column_span(FIRST, first, bottom, held=False)
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
        found = cells[first + place, column]
        formula = f"INDEX({column_span(column, first, bottom, held=False)},{address})"
        lines[name] = (f"First run that does not fit: {name}", Cell(found.value, formula, "linked", found.format))
    return lines, among


def fit_colours(answers: str) -> tuple[Highlight, ...]:
    """The colours of yes and no, in cells that say whether a run fits."""
    first = answers.partition(":")[0]
    colours: dict[str, StyleName] = {NO: "lacks", BROKEN: "lacks", YES: "fits"}
    return tuple(Highlight(answers, style, f'{first}="{word}"') for word, style in colours.items())
