"""Sheets put together of what was laid out for them: cells, charts and colours, sized and finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flopsheet.catalog.load import CUSTOM_SHEET
from flopsheet.spec import Spec
from flopsheet.workbook.arrange import RESULTS, WorkbookInput, WorkbookLayout
from flopsheet.workbook.layout.blocks import block_cells
from flopsheet.workbook.layout.cells import Block, TableSet, TableSetName
from flopsheet.workbook.layout.typed_cells import Live, live_of, mirror
from flopsheet.workbook.model.references import FIRST, LABEL, TAIL, CellRef, letters
from flopsheet.workbook.model.sheet import Cell, Cells, Fold, Highlight, Sheet
from flopsheet.workbook.model.sizes import folded, heights_of, widths_of
from flopsheet.workbook.model.styles import TABS
from flopsheet.workbook.model.tail import hairlines, settle
from flopsheet.workbook.sheets import (
    budgets,
    candidates,
    changes,
    checks,
    compare,
    context,
    context_charts,
    conventions,
    fits,
    limits_if_any,
    lookups,
    rules,
    runs,
    sensitivity,
    summary,
)

if TYPE_CHECKING:
    from flopsheet.workbook.sheets import limits

# What is read on paper where a study has no runs, besides Summary, Inputs and Checks.
PRINTED = frozenset({"Parameters", "Forward FLOPs", "KV cache"})
FROZEN = f"{letters(FIRST)}4"  # labels and units stay on the screen
TAB_OF = dict.fromkeys((*RESULTS, CUSTOM_SHEET), "results") | dict.fromkeys(runs.SHEETS.values(), "runs")
TAB_OF |= dict.fromkeys((context.SHEET, compare.SHEET, sensitivity.SHEET), "what-if") | {checks.SHEET: "checks"}


def _finish(
    title: str,
    subtitle: str,
    cells: Cells,
    blocks: Sequence[Block],
    details: Sequence[Fold] = (),
    chart_titles: Cells | None = None,
    highlights: tuple[Highlight, ...] = (),
    **more: object,
) -> Sheet:
    cells.setdefault((1, LABEL), Cell(title, style="title"))
    cells.setdefault((2, LABEL), Cell(subtitle, style="subtitle"))
    tail = settle(cells)
    cells |= chart_titles or {}  # wherever a chart begins: they take no column of their own
    cells |= folded(cells, tail)
    widths = widths_of(cells, tail)
    details = (
        *details,
        *(
            (band.row + 1, band.row + len(band.rows), band.collapsed)
            for block in blocks
            for band in block.bands
            if band.detail
        ),
        *((row, row, True) for block in blocks for band in block.bands for row in band.unused(block.table_set)),
    )
    return Sheet(
        title, cells, widths, heights_of(cells, widths), outline_rows=details, tab=TABS[TAB_OF[title]], tail=tail,
        highlights=highlights if title == checks.SHEET else (*highlights, hairlines(cells, tail)),
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def result_sheet(title: str, laid: WorkbookLayout, links: Callable[[str], str]) -> Sheet:
    """A sheet of results: its blocks, and what only Conventions has."""
    blocks = laid.blocks[title]
    cells = block_cells(blocks, laid.cell_index, links)
    if title == conventions.SHEET:
        cells |= dict(conventions.cells(blocks[0], laid.cell_index))
    highlights = tuple(conventions.highlights(blocks[0])) if title == conventions.SHEET else ()
    subtitle = "Green cells are linked, black cells are computed; click a cell to see its formula."
    return _finish(
        title, subtitle, cells, blocks, freeze=FROZEN, title_rows="1:3", title_columns="A:B", highlights=highlights,
        is_printed=title == CUSTOM_SHEET or (title in PRINTED and not laid.of_runs),
        print_rows=blocks[0].results_bottom, most_pages=2, print_cuts=blocks[0].cuts,
    )  # fmt: skip


def runs_sheet(table_set: TableSet, laid: WorkbookLayout, links: Callable[[str], str]) -> Sheet:
    """The runs of a kind, with their charts and the inputs of their models."""
    title = runs.SHEETS[table_set.name]
    blocks, looked_up = laid.blocks[title], laid.looked_up[title]
    cells = block_cells(blocks, laid.cell_index, links)
    cells |= dict(lookups.cells(looked_up, laid.inputs))
    subtitle = "One column per run; its inputs, and those of its model, are on Inputs."
    return _finish(
        title, subtitle, cells, blocks, freeze=FROZEN, title_rows="1:3", title_columns="A:B",
        chart_titles=runs.title_cells(table_set, laid.cell_index), charts=runs.charts(table_set, laid.cell_index),
        details=((*runs.words_rows(table_set), True), *looked_up.folded),
        print_rows=runs.print_rows(blocks[0]), print_to=runs.print_to(table_set),
        most_pages=2 if (cuts := runs.print_cuts(table_set)) else 0, print_cuts=cuts,
    )  # fmt: skip


def limits_sheet(laid: WorkbookLayout, spec: Spec, built: Spec, listed: Callable[[], Sequence[limits.Listed]]) -> Sheet:
    """How far each run can go; the spec as `built` decides which rows there are."""
    blocks = {of_kind.name: laid.blocks[runs.SHEETS[of_kind.name]] for of_kind in laid.of_runs}
    return limits_if_any.sheet((spec, built), laid.of_study, listed(), laid.cell_index, blocks)


def summary_sheet(
    laid: WorkbookLayout, shares_title: Cell, facts: summary.Facts, listed: Callable[[], Sequence[limits.Listed]]
) -> Sheet:
    """Summary, with what would make a run fit, of those that Limits lists."""
    chart_title = Live(CellRef(context.SHEET, context.WORDS_ROW, LABEL), shares_title.value)
    remedies = limits_if_any.fitting(listed(), laid.cell_index)
    return summary.sheet(laid.table_sets, laid.cell_index, laid.what_if, chart_title, facts, remedies)


def context_sheet(laid: WorkbookLayout, shares_title: Cell, links: Callable[[str], str]) -> Sheet:
    """Context: what a reviewer chooses, the table and the charts that follow, and the working below."""
    cell_index, what_if, study = laid.cell_index, laid.what_if, laid.of_study
    blocks, looked_up = laid.blocks[context.SHEET], laid.looked_up[context.SHEET]
    cells = block_cells(blocks, cell_index, links)
    cells |= context.choice_cells(what_if) | context.table_cells(what_if, cell_index, links)
    cells |= context.axis_cells(what_if)
    cells |= dict(lookups.cells(looked_up, laid.inputs))
    titles = {LABEL: shares_title, context.SECOND: context.cache_title(what_if)}
    cells |= {(context.WORDS_ROW, column): title for column, title in titles.items()}
    anchors = [CellRef(context.SHEET, context.CHART_ROW, column) for column in titles]
    said = [Live(CellRef(context.SHEET, context.WORDS_ROW, column), title.value) for column, title in titles.items()]
    rows, longest = context.drawn_rows(what_if, cell_index), context.longest_built(study)
    charts = (
        context_charts.shares(what_if, rows, anchors[0], said[0], longest),
        context_charts.cache(what_if, rows, anchors[1], said[1], longest, not study.is_unused("kv_cache_fixed_gib")),
    )
    bottom = context.CHART_ROW + context.CHART_ROWS - 1
    ends = [CellRef(context.SHEET, bottom, column).address for column in (context.SECOND, FIRST + context.LENGTHS)]
    folded = [(row, row, True) for row in (context.WORDS_ROW, context.AXIS_ROW)]
    return _finish(
        context.SHEET, "Choose a model and context lengths: the first table and its charts follow.", cells, blocks,
        freeze=FROZEN, title_rows="1:3", title_columns="A:B", is_printed=False,
        charts=tuple(replace(chart, end=end) for chart, end in zip(charts, ends, strict=True)),
        details=(*folded, *looked_up.folded), validations=context.validations(laid.inputs),
    )  # fmt: skip


def compare_sheet(laid: WorkbookLayout, best: candidates.Candidates, links: Callable[[str], str]) -> Sheet:
    """Compare: two scenarios side by side, the sensitivity of the second, the best candidates."""
    layout, steps = laid.compared, laid.steps
    cells = dict(compare.cells(layout, steps, laid.cell_index, links)) | best.cells | candidates.joined(best.lines, 3)
    chart = compare.tornado(layout, steps)
    words = layout.words_row(len(steps.tags))
    cells[words, LABEL] = Cell(chart.title, style="lead")
    cells[1, LABEL] = Cell(compare.SHEET, style="title")
    cells[2, LABEL] = Cell("Choose two scenarios; the sensitivity below follows the second.", style="subtitle")
    if compare.has_long_names(layout):
        cells |= {at: cell for at, cell in folded(cells, compare.NAMED).items() if cell.style != "as_built_folded"}
    widths = compare.widths_of(layout)
    return Sheet(
        compare.SHEET, cells, widths, heights_of(cells, widths), freeze="C4", title_rows="1:3", charts=(chart,),
        outline_rows=((words, words, True),), tail=compare.NAMED, is_printed=False,
        tab=TABS["what-if"], validations=compare.validations(layout, steps), highlights=compare.highlights(layout),
    )  # fmt: skip


def sensitivity_sheet(laid: WorkbookLayout, links: Callable[[str], str]) -> Sheet:
    """The working of that sensitivity."""
    blocks = laid.blocks[sensitivity.SHEET]
    cells = block_cells(blocks, laid.cell_index, links)
    cells |= dict(lookups.cells(laid.looked_up[sensitivity.SHEET], laid.inputs))
    cells |= dict(sensitivity.cells(laid.steps, laid.cell_index))
    subtitle = "Scenario B of Compare with each main input one step (see Compare) down and up, all others unchanged."
    return _finish(
        sensitivity.SHEET, subtitle, cells, blocks, laid.looked_up[sensitivity.SHEET].folded,
        freeze=FROZEN, title_rows="1:3", title_columns="A:B", is_printed=False,
    )  # fmt: skip


def checks_sheet(
    study: WorkbookInput,
    laid: WorkbookLayout,
    built: Mapping[TableSetName, TableSet],
    input_cells: Mapping[CellRef, Cell],
    missed: float,
    links: Callable[[str], str],
) -> tuple[Sheet, checks.Conclusion, tuple[Live, ...]]:
    """Checks, its verdict, and the lines that say what changed; `missed` are figures not met as built."""
    cell_index, blocks = laid.cell_index, laid.blocks[checks.SHEET]
    cells = block_cells(blocks, cell_index, links)
    by_name = {each.name: each for each in laid.table_sets}
    tops = checks.Tops.of(study.spec.expectations, sum(len(each.table("run")) for each in laid.of_runs))
    listing = budgets.listing(by_name, built, cell_index, study.spec.expectations, tops.claims)
    if study.spec.expectations:
        cells |= listing.cells
    fitted = fits.fitting(by_name, cell_index, tops.runs)
    cells |= fitted.cells
    told = rules.told(checks.SHEET, blocks, blocks[-1].bottom + 2, links)
    cells |= told.cells
    cells |= checks.failures(told)
    verdict = checks.verdict_cells(blocks, listing, fitted, told.first)
    cells |= verdict.cells
    counts = [("checks that fail", verdict.counts["failed"], checks.failed_as_built(blocks, built))]
    if study.spec.expectations:
        counts.append((f"{listing.called.many} not {listing.called.met}", verdict.counts["missed"], float(missed)))
    changed = changes.changes(laid.inputs, input_cells, by_name, built, fitted.of_runs, counts, told.bottom + 2)
    cells |= changed.cells
    words = live_of(laid.of_study, cell_index, "ffn_count_words")
    cells[checks.FFN_CELL[1:]] = mirror(checks.SHEET, words, "text")
    bottom = max(row for row, _ in cells)
    last = max(column for _, column in cells if column < TAIL[0])
    corner = f"{letters(FIRST)}{checks.FAILS_ROW - 1}"  # below the counts
    area = f"{corner}:{letters(last)}{bottom}"
    start, end = told.verdicts
    verdict_column = letters(rules.VERDICT)
    verdicts = f"{verdict_column}{start}:{verdict_column}{end}"
    highlights = (
        *checks.word_colours(verdicts, f"{verdict_column}{start}"),
        *checks.word_colours(area, corner),
        *checks.verdict_colours(checks.SHEET, "A2:D2", verdict.status),
        *(fits.fit_colours(fitted.answers) if fitted.answers else ()),
    )
    sheet = _finish(
        checks.SHEET, "", cells, blocks, freeze=FROZEN, title_rows="1:3", highlights=highlights,
        details=(*listing.folded, *fitted.folded, *told.folded, *changed.folded),
        print_rows=tops.blocks - 1, print_to=budgets.TOLERANCE,
    )  # fmt: skip
    return sheet, verdict, changed.lines
