"""What changed since the workbook was built, as the few lines that the Summary says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog.grains import RunKind
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import TableSet, TableSetName
from flopsheet.workbook.layout.typed_cells import Live, sentence
from flopsheet.workbook.model.references import LABEL, CellRef
from flopsheet.workbook.model.sheet import Cell, Cells, Fold
from flopsheet.workbook.sheets import changed_inputs, changed_results, input_layout
from flopsheet.workbook.sheets.change_words import NOTHING, SHEET, heading

AS_BUILT = "As built."
INPUTS = [
    ("total == 0", AS_BUILT),
    ("total == 1", "Changed: {one}"),
    ("total == 2", "Changed, {number} inputs: {one} · {two}"),
    ("total == 3", "Changed, {number} inputs: {one} · {two} · {three}"),
    ("total == 4", "Changed, {number} inputs: {one} · {two} · {three} · {four}"),
    ("total == 5", "Changed, {number} inputs: {one} · {two} · {three} · {four} · {five}"),
    ("", "Changed, {number:,} inputs: {one} · {two} · {three} · {four} · {five} · {total - 5} more"),
]
RESULTS = [
    ("total == 0", NOTHING),
    ("total == 1", "Moved: {one}"),
    ("total == 2", "Moved, {total} results: {one} · {two}"),
    ("", "Moved, {total:,} results: {one} · {two} · {three}"),
]
MORE = [
    ("total <= 3", NOTHING),
    ("total == 4", "and {four}"),
    ("total == 5", "and {four} · {five}"),
    ("", "and {four} · {five} · {total - 5:,} more"),
]


@frozen
class Changes:
    """The cells, the lines for the Summary (a blank where there is nothing to say), and the rows that are folded."""

    cells: Cells
    lines: tuple[Live, ...]
    folded: tuple[Fold, ...]


def changes(
    laid: input_layout.InputsLayout,
    input_cells: Mapping[CellRef, Cell],
    table_sets: Mapping[TableSetName, TableSet],
    built: Mapping[TableSetName, TableSet],
    fits: Mapping[RunKind, Sequence[Live]],
    counts: Sequence[tuple[str, Live, float]],
    top: int,
) -> Changes:
    """The lines, and below them what they are looked up from.

    `counts` are of checks that fail and of budgets not met, each as a line calls it and as it was built.
    """
    failing, *unmet = (changed_results.Result("", words, "", "", "#,##0", live, then) for words, live, then in counts)
    compared = changed_results.results(table_sets, built, laid.cell_index, fits)
    start = top + 5
    moved = changed_results.listing([failing, *compared, *unmet], start)
    results, n_results, of_results = changed_results.in_words(moved, moved.last + 2)
    edited = changed_inputs.listing(laid, input_cells, results.bottom + 2)
    typed, n_inputs, of_inputs = changed_inputs.in_words(laid, input_cells, edited, edited.lines[1] + 2)
    cells = heading(top, "What changed since the workbook was built")
    number = Live(laid.changed, input_cells[laid.changed].value)
    values: dict[str, Live] = {"number": number}
    row = top + 1

    def put(name: str, cases: Sequence[tuple[str, str]], total: Live, lines: Sequence[Live]) -> None:
        nonlocal row
        numbers = dict(zip(("one", "two", "three", "four", "five"), lines, strict=False))
        numbers |= {name: lines[-1] for name in ("one", "two", "three", "four", "five") if name not in numbers}
        cells[row, LABEL] = sentence(SHEET, cases, {**values, **numbers, "total": total})
        values[name] = Live(CellRef(SHEET, row, LABEL), cells[row, LABEL].value)
        row += 1

    put("inputs", INPUTS, n_inputs, of_inputs)
    put("results", RESULTS, n_results, of_results)
    put("more_results", MORE, n_results, of_results)
    lines = (values["inputs"], values["results"], values["more_results"])
    folded = ((results.top + 1, results.bottom, True), (edited.lines[0], typed.bottom, True))
    return Changes({**cells, **moved.cells, **results.cells, **edited.cells, **typed.cells}, lines, folded)
