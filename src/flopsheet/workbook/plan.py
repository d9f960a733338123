"""A report as a workbook: lays out every sheet first, then writes the formulas that refer to what was laid out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from flopsheet.catalog.load import CUSTOM_SHEET
from flopsheet.pipeline.expectations import Numbers, failed
from flopsheet.spec import Spec
from flopsheet.workbook.arrange import RESULTS, WorkbookInput, WorkbookLayout, check_size, lay_out, results
from flopsheet.workbook.layout.blocks import block_cells
from flopsheet.workbook.layout.cells import Block, TableSet
from flopsheet.workbook.layout.typed_cells import Live, mirror, sentence, unit_of
from flopsheet.workbook.model.references import (
    FIRST,
    LABEL,
    MATHS,
    NAME,
    TAIL,
    UNIT,
    CellRef,
    letters,
    quoted,
)
from flopsheet.workbook.model.sheet import Cell, Cells, Draft, Highlight, Plan, Sheet, Verdict
from flopsheet.workbook.model.sizes import folded, heights_of, widths_of
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
    inputs,
    layout_charts,
    layouts,
    limit_links,
    limits_if_any,
    lookups,
    measured,
    reference,
    rules,
    runs,
    sensitivity,
    summary,
)

PURPOSE = {
    inputs.SHEET: "everything that you may change",
    "Parameters": "parameters by component, weight memory, what tying saves",
    "Forward FLOPs": "every matmul, subtotals, totals, shares, the trend over the family",
    "KV cache": "bytes per token and per context, compared with multi-head attention; the cost of one decoded token",
    "Conventions": "what each switch would change; published estimates and why they differ",
    CUSTOM_SHEET: "metrics that the spec defines",
    context.SHEET: "any model over twelve context lengths; ratios, doubling, crossovers",
    compare.SHEET: "any two scenarios side by side; what a step of each input would change",
    "Training": "memory of one device by class, largest batch, time, cost, energy of each training run",
    measured.SHEET: "measured times against their predictions, and the efficiencies fitted to them",
    layouts.SHEET: "the best layouts of each search, and why each loses against the first",
    "Serving": "weights and cache, prefill, decoding and what bounds them, cost of each serving run",
    limit_links.SHEET: "how far each run can go in one input, in memory and budgets; what breaks one step further",
    checks.SHEET: "sums of parts, ranges of inputs, what the spec expects, live values against those as built",
    sensitivity.SHEET: "the working of Compare: a scenario with each main input one step down and one step up",
    reference.FORMULAS: "every metric: formula, meaning, source",
    reference.PROVENANCE: "version, spec text, conventions",
}
TITLES = {summary.SHEET, *PURPOSE}
WAY_BACK = (1, UNIT)  # the cell of each sheet that leads to Summary
# What is read on paper where a study has no runs, besides Summary, Inputs and Checks.
PRINTED = frozenset({"Parameters", "Forward FLOPs", "KV cache"})
FROZEN = f"{letters(FIRST)}4"  # labels and units stay on the screen
TABS = dict.fromkeys((*RESULTS, CUSTOM_SHEET), "0072B2") | {
    context.SHEET: "E69F00",
    compare.SHEET: "E69F00",
    sensitivity.SHEET: "E69F00",
    checks.SHEET: "009E73",
}
TABS |= dict.fromkeys(runs.SHEETS.values(), "CC79A7")


def plan_workbook(
    study: WorkbookInput, as_built: WorkbookInput | None = None, only: Container[str] | None = None
) -> Plan:
    """The whole workbook, or `only` some sheets of it; `as_built` is what it is compared with, at first itself."""
    draft = draft_workbook(study, as_built, only)
    return Plan(draft.title, tuple(draft.sheets), draft.properties, draft.verdict)


def draft_workbook(
    study: WorkbookInput, as_built: WorkbookInput | None = None, only: Container[str] | None = None
) -> Draft:
    """The same with each sheet made as it is taken."""
    check_size(study)
    original = as_built or study
    laid = lay_out(study, original)
    cell_index, table_set = laid.cell_index, study.table_set(original)
    built, spec = original.table_sets(original), original.spec

    def home(name: str) -> str:
        cell_ref = cell_index.first.get(name)
        return f"{quoted(cell_ref.sheet)}!{cell_ref.address}" if cell_ref else ""

    formulas, explained = reference.formulas(study.catalog, home)
    links = explained.__getitem__
    inputs_sheet, input_cells = inputs.sheet(laid.inputs, built)
    changed = Live(laid.inputs.changed, input_cells[laid.inputs.changed].value)
    inputs_sheet = _linked(inputs_sheet, {line.live[0].row: line.entry.name for line in laid.inputs.rows}, links)

    numbers = Numbers(original.values, original.runs, original.catalog)
    missed = sum(1 for one in failed(spec, numbers) if not one.expectation.is_warning)
    checks_sheet, verdict, lines = _checks_sheet(study, laid, table_set, built, input_cells, missed, links)
    rows = {
        name: [CellRef(context.SHEET, row, FIRST + at) for at in range(context.LENGTHS)]
        for name, row in laid.shown_rows.items()
    }
    rows["context_length"] = list(cell_index.of(laid.controls.table_set, "context_length"))
    longest = context.longest_built(table_set)
    shares_title = context.shares_title(laid.controls, laid.shown_rows, longest)
    names = context.short_lengths(laid.controls.table_set, laid.chart_row)
    chart_title = Live(CellRef(context.SHEET, laid.chart_row + summary.CHART_ROWS, LABEL), shares_title.value)
    top = laid.compared.below(len(laid.steps.tags))
    best = candidates.candidates(laid.table_sets, cell_index, laid.names, top)
    ran = [(runs.SHEETS[of_kind.name], partial(_runs_sheet, of_kind, laid, links)) for of_kind in laid.table_sets[1:]]
    if timed := measured.listed(spec.calibrations, table_set, laid.table_sets, cell_index):
        ran.insert(1, (measured.SHEET, partial(measured.sheet, timed)))
    if searched := layouts.listed(spec.searches, laid.table_sets, cell_index):
        ran.insert(1, (layouts.SHEET, partial(layouts.sheet, searched, layout_charts.beside(searched))))
    if ran or limits_if_any.are_models(study.spec, study.catalog):
        ran.append((limit_links.SHEET, partial(_limits_sheet, laid, study.spec)))
    written: list[tuple[str, Callable[[], Sheet]]] = [
        (inputs.SHEET, partial(_itself, inputs_sheet)),
        *((title, partial(_result_sheet, title, laid, links)) for title in results(study.catalog)),
        (context.SHEET, partial(_context_sheet, laid, rows, shares_title, links)),
        (compare.SHEET, partial(_compare_sheet, laid, best, links)),
        *ran,
        (checks.SHEET, partial(_itself, checks_sheet)),
        (sensitivity.SHEET, partial(_sensitivity_sheet, laid, links)),
        (reference.FORMULAS, partial(_itself, formulas)),
        (reference.PROVENANCE, partial(reference.provenance, spec, study.version, study.catalog)),
    ]
    listed = {title for title, _ in written}
    facts = summary.Facts(
        title=spec.title,
        subtitle=(
            f"Resource accounting of {_counted(len(table_set.table('model')), 'model')}, "
            f"{_counted(len(spec.context_lengths), 'context length')} · "
            f"made by flopsheet {study.version} · spec {reference.digest(spec)[:12]}"
        ),
        changed=changed,
        verdict=verdict.sentence,
        status=verdict.status,
        lines=lines,
        budgets=verdict.budgets,
        sheets=tuple((title, purpose) for title, purpose in PURPOSE.items() if title in listed),
        largest=original.choice.model,
        names=laid.names,
        candidates=best.lines,
    )
    first = summary.sheet(laid.table_sets, cell_index, laid.controls.table_set, rows, names, chart_title, facts)
    properties = {"flopsheet version": study.version, "spec sha256": reference.digest(spec)}
    written.insert(0, (first.title, partial(_itself, first)))
    made = [(title, make) for title, make in written if only is None or title in only]
    titles = tuple(title for title, _ in made)
    has_failures = float(verdict.counts["failed"].value) > 0
    said = Verdict(str(verdict.sentence.value), verdict.style, has_failures)
    return Draft(spec.title, titles, _made(made), properties, said)


def _itself(sheet: Sheet) -> Sheet:
    return sheet


def _made(makers: list[tuple[str, Callable[[], Sheet]]]) -> Iterator[Sheet]:
    """The sheets in turn; none of them is held once the next is asked for."""
    while makers:
        title, make = makers.pop(0)
        yield make() if title == summary.SHEET else _with_way_back(make())


def _with_way_back(sheet: Sheet) -> Sheet:
    """The sheet with a link to Summary beside its title, put among the cells that were just made for it.

    A copy of a million of them would be the most memory that a build ever takes.
    """
    assert isinstance(sheet.cells, dict)
    sheet.cells[WAY_BACK] = Cell("← Summary", style="link", link=f"{summary.SHEET}!A1")
    return sheet


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _linked(sheet: Sheet, names: dict[int, str], links: Callable[[str], str]) -> Sheet:
    """The sheet with the names in its name column leading to where they are explained."""
    cells = dict(sheet.cells)
    for row, name in names.items():
        cells[row, sheet.tail] = cells[row, sheet.tail]._replace(link=links(name))
    return replace(sheet, cells=cells)


def _finish(
    title: str,
    subtitle: str,
    cells: dict[tuple[int, int], Cell],
    blocks: Sequence[Block],
    details: Sequence[tuple[int, int, bool]] = (),
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
        title, cells, widths, heights_of(cells, widths), outline_rows=details, tab=TABS[title], tail=tail,
        highlights=highlights if title == checks.SHEET else (*highlights, hairlines(cells, tail)),
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def _result_sheet(title: str, laid: WorkbookLayout, links: Callable[[str], str]) -> Sheet:
    blocks = laid.blocks[title]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, laid.cell_index, links)}
    if title == conventions.SHEET:
        cells |= dict(conventions.cells(blocks[0], laid.cell_index))
    highlights = tuple(conventions.highlights(blocks[0])) if title == conventions.SHEET else ()
    subtitle = "Green cells are linked, black cells are computed; click a cell to see its formula."
    return _finish(
        title, subtitle, cells, blocks, freeze=FROZEN, title_rows="1:3", title_columns="A:B", highlights=highlights,
        is_printed=title == CUSTOM_SHEET or (title in PRINTED and len(laid.table_sets) == 1),
        print_rows=blocks[0].results_bottom, most_pages=2, print_cuts=blocks[0].cuts,
    )  # fmt: skip


def _runs_sheet(table_set: TableSet, laid: WorkbookLayout, links: Callable[[str], str]) -> Sheet:
    title = runs.SHEETS[table_set.name]
    blocks, looked_up = laid.blocks[title], laid.looked_up[title]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, laid.cell_index, links)}
    cells |= dict(lookups.cells(looked_up, laid.inputs))
    subtitle = "One column per run; its inputs, and those of its model, are on Inputs."
    return _finish(
        title, subtitle, cells, blocks, freeze=FROZEN, title_rows="1:3", title_columns="A:B",
        chart_titles=runs.title_cells(table_set, laid.cell_index), charts=runs.charts(table_set, laid.cell_index),
        details=((*runs.words_rows(table_set), True), *looked_up.folded),
        print_rows=runs.print_rows(blocks[0]), print_to=runs.print_to(table_set),
    )  # fmt: skip


def _limits_sheet(laid: WorkbookLayout, spec: Spec) -> Sheet:
    study, *of_kinds = laid.table_sets
    blocks = {of_kind.name: laid.blocks[runs.SHEETS[of_kind.name]] for of_kind in of_kinds}
    return limits_if_any.sheet(spec, study, of_kinds, laid.cell_index, blocks)


def _about_model(laid: WorkbookLayout, words: str) -> Cell:
    """A sentence of Context with the name of the {model} that is chosen there."""
    model = Live(laid.controls.model, laid.controls.table_set.value("model", 0))
    return sentence(context.SHEET, [("", words)], {"model": model})


def _context_sheet(
    laid: WorkbookLayout, rows: dict[str, list[CellRef]], title: Cell, links: Callable[[str], str]
) -> Sheet:
    cell_index, controls, other = laid.cell_index, laid.controls, laid.controls.table_set
    blocks = laid.blocks[context.SHEET]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, cell_index, links)}
    cells |= context.control_cells(controls)
    cells |= dict(lookups.cells(laid.looked_up[context.SHEET], laid.inputs))
    for column in (*range(LABEL, FIRST + context.LENGTHS), *TAIL):
        cells[controls.context_row + 1, column] = Cell(
            "Cost of context for the chosen model" if column == LABEL else "", style="band"
        )
    for name, row in laid.shown_rows.items():
        metric = other.catalog.metrics[name]
        format = other.catalog.format(name)
        cells[row, LABEL] = Cell(metric.label, style="label")
        cells[row, NAME] = Cell(name, style="name", link=links(name))
        cells[row, UNIT] = Cell(unit_of(metric), style="unit")
        cells[row, MATHS] = Cell("from the working below", style="maths")
        for at, cell_ref in enumerate(cell_index.of(other, name)):
            cells[row, FIRST + at] = mirror(context.SHEET, Live(cell_ref, other.value(name, at)), format=format)
    words_row = laid.chart_row + summary.CHART_ROWS  # of the titles, folded below the charts
    anchor = CellRef(context.SHEET, laid.chart_row, LABEL)
    cells[words_row, anchor.column] = title
    said = Live(anchor._replace(row=words_row), title.value)
    cells |= context.short_cells(other, laid.chart_row)
    longest, names = context.longest_built(laid.table_sets[0]), context.short_lengths(other, laid.chart_row)
    shares = context_charts.shares(other, rows, names, anchor, said, longest)
    beside = CellRef(context.SHEET, laid.chart_row, context.SECOND)
    of_cache = _about_model(laid, "Cache of {model} as the context grows")
    cells[words_row, beside.column] = of_cache
    said = Live(beside._replace(row=words_row), of_cache.value)
    has_states = not laid.table_sets[0].is_unused("kv_cache_fixed_gib")
    cache = context_charts.cache(other, rows, beside, said, longest, has_states)
    bottom = laid.chart_row + summary.CHART_ROWS - 1
    ends = [CellRef(context.SHEET, bottom, column).address for column in (context.SECOND, FIRST + context.LENGTHS)]
    return _finish(
        context.SHEET, "Choose a model and context lengths: the first table and its charts follow.", cells, blocks,
        freeze=FROZEN, title_rows="1:3", title_columns="A:B",
        charts=(replace(shares, end=ends[0]), replace(cache, end=ends[1])), is_printed=False,
        details=((words_row, words_row, True), context.folded(laid.chart_row), *laid.looked_up[context.SHEET].folded),
        validations=context.control_validations(controls, laid.inputs),
    )  # fmt: skip


def _compare_sheet(laid: WorkbookLayout, best: candidates.Candidates, links: Callable[[str], str]) -> Sheet:
    layout, steps = laid.compared, laid.steps
    cells = dict(compare.cells(layout, steps, laid.cell_index, links)) | best.cells | candidates.joined(best.lines, 3)
    chart = compare.tornado(layout, steps)
    words = layout.words_row(len(steps.tags))
    cells[words, LABEL] = Cell(chart.title, style="lead")
    cells[1, LABEL] = Cell(compare.SHEET, style="title")
    cells[2, LABEL] = Cell("Choose two scenarios; the sensitivity below follows the second.", style="subtitle")
    return Sheet(
        compare.SHEET, cells, compare.widths_of(layout), freeze="C4", title_rows="1:3", charts=(chart,),
        outline_rows=((words, words, True),), tail=compare.NAMED, is_printed=False,
        tab=TABS[compare.SHEET], validations=compare.validations(layout, steps), highlights=compare.highlights(layout),
    )  # fmt: skip


def _sensitivity_sheet(laid: WorkbookLayout, links: Callable[[str], str]) -> Sheet:
    blocks = laid.blocks[sensitivity.SHEET]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, laid.cell_index, links)}
    cells |= dict(lookups.cells(laid.looked_up[sensitivity.SHEET], laid.inputs))
    cells |= dict(sensitivity.cells(laid.steps, laid.cell_index))
    subtitle = "Scenario B of Compare with each main input one step (see Compare) down and up, all others unchanged."
    return _finish(
        sensitivity.SHEET, subtitle, cells, blocks, laid.looked_up[sensitivity.SHEET].folded,
        freeze=FROZEN, title_rows="1:3", title_columns="A:B", is_printed=False,
    )  # fmt: skip


def _checks_sheet(
    study: WorkbookInput,
    laid: WorkbookLayout,
    table_set: TableSet,
    built: Mapping[str, TableSet],
    input_cells: Mapping[CellRef, Cell],
    missed: float,
    links: Callable[[str], str],
) -> tuple[Sheet, checks.Verdict, tuple[Live, ...]]:
    cell_index, blocks = laid.cell_index, laid.blocks[checks.SHEET]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, cell_index, links)}
    by_name = {each.name: each for each in laid.table_sets}
    tops = checks.Tops.of(study.spec.expectations, sum(len(each.table("run")) for each in laid.table_sets[1:]))
    listing = budgets.listing(by_name, built, cell_index, study.spec.expectations, tops.claims)
    if study.spec.expectations:
        cells |= listing.cells
    fitted = checks.fitting(by_name, cell_index, tops.runs)
    cells |= fitted.cells
    told = rules.told(checks.SHEET, blocks, blocks[-1].bottom + 2, links)
    cells |= told.cells
    cells |= checks.failures(told)
    verdict = checks.verdict_cells(blocks, listing, fitted, told.first)
    cells |= verdict.cells
    counts = [("checks that fail", verdict.counts["failed"], checks.failed_as_built(blocks, built))]
    if study.spec.expectations:
        counts.append((f"{listing.called.many} not {listing.called.met}", verdict.counts["missed"], float(missed)))
    changed = changes.changes(laid.inputs, input_cells, by_name, built, counts, told.bottom + 2)
    cells |= changed.cells
    words = cell_index.of(table_set, "ffn_count_words")[0]
    cells[10, LABEL] = mirror(checks.SHEET, Live(words, table_set.value("ffn_count_words", 0)), "text")
    bottom = max(row for row, _ in cells)
    last = max(column for _, column in cells if column < TAIL[0])
    corner = f"{letters(FIRST)}12"
    area = f"{corner}:{letters(last)}{bottom}"
    start, end = told.verdicts
    verdict_column = letters(rules.VERDICT)
    verdicts = f"{verdict_column}{start}:{verdict_column}{end}"
    highlights = (
        *checks.word_colours(verdicts, f"{verdict_column}{start}"),
        *checks.word_colours(area, corner),
        *checks.verdict_colours(checks.SHEET, "A2:D2", verdict.status),
        *(checks.fit_colours(fitted.answers) if fitted.answers else ()),
    )
    sheet = _finish(
        checks.SHEET, "", cells, blocks, freeze=FROZEN, title_rows="1:3", highlights=highlights,
        details=(*listing.folded, *fitted.folded, *told.folded, *changed.folded),
        print_rows=tops.blocks - 1, print_to=budgets.TOLERANCE,
    )  # fmt: skip
    return sheet, verdict, changed.lines
