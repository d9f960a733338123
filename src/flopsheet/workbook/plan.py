"""A report as a workbook: lays out every sheet first, then writes the formulas that refer to what was laid out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from flopsheet.catalog.load import CUSTOM_SHEET
from flopsheet.pipeline.expectations import Numbers, failed
from flopsheet.spec import Spec
from flopsheet.workbook import assemble
from flopsheet.workbook.arrange import WorkbookInput, WorkbookLayout, check_size, lay_out, results
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live
from flopsheet.workbook.model.references import UNIT
from flopsheet.workbook.model.sheet import Cell, Draft, Plan, Sheet, Verdict
from flopsheet.workbook.sheets import (
    candidates,
    checks,
    compare,
    context,
    inputs,
    layout_charts,
    layouts,
    limit_links,
    limits_if_any,
    measured,
    reference,
    runs,
    sensitivity,
    summary,
)

if TYPE_CHECKING:
    from flopsheet.workbook.sheets.limits import Listed

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
Makers: TypeAlias = list[tuple[str, Callable[[], Sheet]]]  # of sheets, by title
TITLES = {summary.SHEET, *PURPOSE}
WAY_BACK = (1, UNIT)  # the cell of each sheet that leads to Summary


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
    cell_index, of_study, spec = laid.cell_index, laid.of_study, original.spec
    built = original.table_sets(original)
    formulas, explained = reference.formulas(study.catalog, partial(_home, cell_index))
    links = explained.__getitem__
    inputs_sheet, input_cells = inputs.sheet(laid.inputs, built)
    inputs_sheet = _linked(inputs_sheet, {line.live[0].row: line.entry.name for line in laid.inputs.rows}, links)
    missed = _n_missed(original)
    checks_sheet, verdict, lines = assemble.checks_sheet(study, laid, built, input_cells, missed, links)
    shares_title = context.shares_title(laid.what_if, context.longest_built(of_study))
    below = laid.compared.below(len(laid.steps.tags))
    limits = cache(partial(limits_if_any.listed, laid.of_runs))  # solved once, and for none but who reads them
    best = candidates.candidates(laid.table_sets, cell_index, laid.names, below, verdict.fits)
    written: Makers = [
        (inputs.SHEET, lambda: inputs_sheet),
        *((title, partial(assemble.result_sheet, title, laid, links)) for title in results(study.catalog)),
        (context.SHEET, partial(assemble.context_sheet, laid, shares_title, links)),
        (compare.SHEET, partial(assemble.compare_sheet, laid, best, links)),
        *_of_runs(study, original, laid, links, limits),
        (checks.SHEET, lambda: checks_sheet),
        (sensitivity.SHEET, partial(assemble.sensitivity_sheet, laid, links)),
        (reference.FORMULAS, lambda: formulas),
        (reference.PROVENANCE, partial(reference.provenance, spec, study.version, study.catalog)),
    ]
    listed = {title for title, _ in written}
    facts = summary.Facts(
        title=spec.title,
        subtitle=_subtitle(spec, of_study, study.version),
        changed=Live(laid.inputs.changed, input_cells[laid.inputs.changed].value),
        verdict=verdict.sentence,
        status=verdict.status,
        lines=lines,
        budgets=verdict.budgets,
        sheets=tuple((title, purpose) for title, purpose in PURPOSE.items() if title in listed),
        largest=original.choice.model,
        names=laid.names,
        candidates=best.lines,
        fits=verdict.fits,
    )
    written.insert(0, (summary.SHEET, partial(assemble.summary_sheet, laid, shares_title, facts, limits)))
    made = [(title, make) for title, make in written if only is None or title in only]
    titles = tuple(title for title, _ in made)
    properties = {"flopsheet version": study.version, "spec sha256": reference.digest(spec)}
    has_failures = float(verdict.counts["failed"].value) > 0
    said = Verdict(str(verdict.sentence.value), verdict.style, has_failures)
    return Draft(spec.title, titles, _made(made), properties, said)


def _home(cell_index: CellIndex, name: str) -> str:
    """Where a metric stands, as a link says it; empty where it has no cell."""
    cell_ref = cell_index.first.get(name)
    return cell_ref.link if cell_ref else ""


def _n_missed(original: WorkbookInput) -> int:
    """How many of the figures that the spec expects are not met as built; those that only warn do not count."""
    numbers = Numbers(original.values, original.runs, original.catalog)
    return sum(1 for one in failed(original.spec, numbers) if not one.expectation.is_warning)


def _of_runs(
    study: WorkbookInput,
    original: WorkbookInput,
    laid: WorkbookLayout,
    links: Callable[[str], str],
    limits: Callable[[], Sequence[Listed]],
) -> Makers:
    """The sheets of runs, layouts, measured rows and limits, as far as the spec has any."""
    spec = original.spec
    found: Makers = [
        (runs.SHEETS[of_kind.name], partial(assemble.runs_sheet, of_kind, laid, links)) for of_kind in laid.of_runs
    ]
    if timed := measured.listed(spec.calibrations, laid.of_study, laid.of_runs, laid.cell_index):
        found.insert(1, (measured.SHEET, partial(measured.sheet, timed)))
    if searched := layouts.listed(spec.searches, laid.of_runs, laid.cell_index):
        found.insert(1, (layouts.SHEET, partial(layouts.sheet, searched, layout_charts.beside(searched))))
    if found or limits_if_any.are_models(study.spec, study.catalog):
        found.append((limit_links.SHEET, partial(assemble.limits_sheet, laid, study.spec, spec, limits)))
    return found


def _subtitle(spec: Spec, table_set: TableSet, version: str) -> str:
    return (
        f"Resource accounting of {_counted(len(table_set.table('model')), 'model')}, "
        f"{_counted(len(spec.context_lengths), 'context length')} · "
        f"made by flopsheet {version} · spec {reference.digest(spec)[:12]}"
    )


def _made(makers: Makers) -> Iterator[Sheet]:
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
