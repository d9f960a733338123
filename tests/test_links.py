"""Which cells a workbook repeats: only what stands on another sheet, or in other columns of the same one."""

from __future__ import annotations

import pytest

from edits import sheet_of
from flopsheet.api import Report, compute
from flopsheet.catalog import Input
from flopsheet.workbook.arrange import WorkbookLayout, lay_out
from flopsheet.workbook.layout.cells import SHARED
from flopsheet.workbook.model.references import FIRST
from flopsheet.workbook.sheets.sensitivity import SHEET, tags_of_inputs
from studies import SPECS

STUDIES = ("gpt2", "llama3-70b-512xh100", "deepseek-v3")  # alone, with runs, with two groups of layers


def laid_out(report: Report) -> WorkbookLayout:
    return lay_out(report.study, report.study)


@pytest.mark.parametrize("name", STUDIES)
def test_no_row_repeats_what_its_sheet_has_in_the_same_columns_or_in_one_cell(name: str) -> None:
    laid = laid_out(compute(SPECS / f"{name}.yaml"))
    linked = [
        (block, read)
        for blocks in laid.blocks.values()
        for block in blocks
        for band in block.bands
        for read in (band.names if band.kind == "linked_rows" else ())
    ]
    needless = []
    for block, read in linked:
        entry = block.table_set.catalog.inputs.get(read)
        cells = laid.cell_index.of(block.table_set, read)
        is_beside = len(set(cells)) == 1 or tuple(cell.column for cell in cells) == block.columns
        says_words = isinstance(entry, Input) and bool(entry.absent)  # for an empty cell
        is_shared = block.table_set.grain(read) in SHARED  # with the study, whose blocks come later
        if cells[0].sheet == block.sheet and is_beside and not says_words and not is_shared:
            needless.append((block.sheet, read))
    assert (len(linked) > 100, needless) == (True, [])


def test_on_sensitivity_an_input_that_no_step_scales_stands_once() -> None:
    report = compute(SPECS / "gpt2.yaml")
    laid = laid_out(report)
    rows, cells = laid.looked_up[SHEET].rows, sheet_of(SHEET, report).cells
    n_variants = len(laid.steps.choices)
    shown = {name: sum((row, FIRST + at) in cells for at in range(n_variants)) for name, row in rows.items()}
    assert shown == {name: n_variants if name in tags_of_inputs() else 1 for name in rows}
