"""Gives every sheet its blocks, rows and columns, before any formula is written; formulas refer to what stands here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flopsheet import diagnostics
from flopsheet.catalog import OF_RUNS, RUNS, Catalog, Metric, Section
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.catalog.load import CUSTOM_SHEET
from flopsheet.diagnostics import SizeError
from flopsheet.pipeline.frames import Values
from flopsheet.records import frozen
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import (
    SHARED,
    Block,
    CellIndex,
    Part,
    TableSet,
    place,
)
from flopsheet.workbook.model.references import FIRST, MOST_COLUMNS, TAIL, CellRef, absolute_span
from flopsheet.workbook.sheets import (
    checks,
    compare,
    context,
    conventions,
    input_layout,
    lookups,
    runs,
    sensitivity,
    summary,
)
from flopsheet.workbook.sheets.lookups import Chosen

# From what a reviewer looks for to what it is made of.
ORDER = (
    "training_run", "serving_run", "scenario", "model", "context", "run",
    "training_layer", "serving_layer", "run_layer", "layer_run", "layer_group", "study", "hardware",
)  # fmt: skip
RESULTS = ("Parameters", "Forward FLOPs", "KV cache", "Conventions")


@frozen
class WorkbookInput:
    """What a workbook is made of: the spec, its values, and the choice on Context."""

    spec: Spec
    values: Values
    runs: Mapping[RunKind, Values]
    catalog: Catalog
    version: str
    choice: context.Selections

    def table_set(self, built: WorkbookInput) -> TableSet:
        return TableSet("study", self.values, self.catalog, built.values)

    def table_sets(self, built: WorkbookInput) -> dict[str, TableSet]:
        """The study's own and those of its runs, by name."""
        found = {"study": self.table_set(built)}
        for kind, values in self.runs.items():
            found[kind] = TableSet(kind, values, self.catalog, built.runs[kind])
        return found


@frozen
class WorkbookLayout:
    """Every block of every sheet; nothing has a formula yet."""

    cell_index: CellIndex
    table_sets: tuple[TableSet, ...]
    inputs: input_layout.InputsLayout
    names: tuple[CellRef, ...]
    """Of the models, above their columns."""
    blocks: dict[str, list[Block]]
    controls: context.Controls
    compared: compare.CompareLayout
    steps: sensitivity.SensitivityLayout
    looked_up: dict[str, Chosen]
    shown_rows: dict[str, int]
    chart_row: int


def results(catalog: Catalog) -> tuple[str, ...]:
    """The sheets of results; metrics that the spec defines have one of their own."""
    return (*RESULTS, CUSTOM_SHEET) if any(section.sheet == CUSTOM_SHEET for section in catalog.sections) else RESULTS


def check_size(study: WorkbookInput) -> None:
    """Says so before anything is planned where a study has more columns than a sheet holds."""
    tables = study.values.tables
    check_columns(len(tables["layer_group"]), len(tables["context"]))


def check_columns(n_groups: int, n_lengths: int) -> None:
    """Whether so many layer groups of all models fit, each at so many context lengths; SizeError where not."""
    widest = {
        input_layout.SHEET: 2 * max(n_groups, n_lengths) + input_layout.BETWEEN + FIRST - 1,
        "Forward FLOPs": n_groups * n_lengths + FIRST - 1 + len(TAIL),
    }
    for sheet, columns in widest.items():
        if columns > MOST_COLUMNS:
            raise SizeError(diagnostics.too_wide_for_a_sheet(sheet, columns, MOST_COLUMNS))


def lay_out(study: WorkbookInput, built: WorkbookInput) -> WorkbookLayout:
    """Gives every input, metric and control its cells; the study as built decides which rows are folded."""
    table_sets, cell_index = study.table_sets(built), CellIndex()
    table_set = table_sets.pop("study")
    laid = input_layout.lay_out(table_set, {one.run_kind: one for one in table_sets.values()}, cell_index)
    blocks: dict[str, list[Block]] = {}
    for sheet in results(study.catalog):
        top = conventions.BOTTOM + 2 if sheet == conventions.SHEET else 4
        blocks[sheet] = _place_sections(table_set, sheet, top, cell_index)
    named = next(block for block in blocks["Parameters"] if block.grain == "model")
    headed = tuple(CellRef(named.sheet, named.headers["model"], column) for column in named.columns)
    laid = replace(laid, model_names=absolute_span(headed))

    # Context: controls and what they give on top, a chart, the study's own scenarios, the working below.
    top = 4
    shown_rows = {name: top + 3 + at for at, name in enumerate((*context.SHOWN, *context.SHOWN_MODEL))}
    chart_row = max(shown_rows.values()) + 4
    blocks[context.SHEET] = _place_sections(table_set, context.SHEET, chart_row + summary.CHART_ROWS + 2, cell_index)
    other = context.what_if(study.spec, study.choice, (built.spec, built.choice), study.catalog)
    controls = context.place_controls(other, top, cell_index)
    looked_up = {}
    wanted = study.catalog.closure((*context.SHOWN, *context.SHOWN_MODEL))
    at = lookups.inputs_row(blocks[context.SHEET])
    looked_up[context.SHEET] = _place_working(
        other, context.SHEET, wanted, (controls.model,), (study.choice.model,), at, blocks[context.SHEET], cell_index
    )

    compared = compare.CompareLayout(table_set, study.choice.pair)
    as_built = compare.CompareLayout(table_set, built.choice.pair).base
    steps = sensitivity.lay_out(study.spec, compared.base, (built.spec, as_built), table_set, cell_index)
    blocks[sensitivity.SHEET] = []
    looked_up[sensitivity.SHEET] = _place_working(
        steps.table_set, sensitivity.SHEET, study.catalog.closure(sensitivity.EFFECTS), steps.choices,
        (spec_model(study, compared.pair.second),) * len(steps.choices), steps.working_row,
        blocks[sensitivity.SHEET], cell_index, sensitivity.tags_of_inputs(), steps.tag_row,
    )  # fmt: skip

    for kind, of_kind in table_sets.items():
        sheet = runs.SHEETS[kind]
        own = _place_sections(of_kind, sheet, runs.first_row(of_kind), cell_index)
        blocks[sheet] = [*own, *_place_sections(table_set, sheet, own[-1].bottom + 2, cell_index)]
        told = [metric.name for metric in study.catalog.metrics.values() if metric.grain in OF_RUNS]
        wanted = study.catalog.closure(name for name in told if of_kind.grain(name) in of_kind.values.tables)
        choices = cell_index.of(of_kind, "run_model")
        names = tuple(str(of_kind.value("run_model", at)) for at in range(len(choices)))
        at = lookups.inputs_row(blocks[sheet])
        looked_up[sheet] = _place_working(of_kind, sheet, wanted, choices, names, at, blocks[sheet], cell_index)

    n_runs = sum(len(of_kind.table("run")) for of_kind in table_sets.values())
    top = checks.Tops.of(study.spec.expectations, n_runs).blocks
    blocks[checks.SHEET] = _place_sections(table_set, checks.SHEET, top, cell_index)
    for of_kind in table_sets.values():
        bottom = blocks[checks.SHEET][-1].bottom
        blocks[checks.SHEET] += _place_sections(of_kind, checks.SHEET, bottom + 2, cell_index)
    return WorkbookLayout(
        cell_index,
        (table_set, *table_sets.values()),
        laid,
        headed,
        blocks,
        controls,
        compared,
        steps,
        looked_up,
        shown_rows,
        chart_row,
    )


def spec_model(study: WorkbookInput, scenario: int) -> str:
    """The name of a scenario's model."""
    return str(study.values.tables["scenario"].keys[scenario][0])


def _place_working(
    table_set: TableSet,
    sheet: str,
    wanted: Sequence[str],
    choices: tuple[CellRef, ...],
    names: tuple[str, ...],
    top: int,
    blocks: list[Block],
    cell_index: CellIndex,
    scaled: Mapping[str, str] | None = None,
    tag_row: int = 0,
) -> Chosen:
    """Below the blocks of a sheet: the inputs of the chosen models, and what is computed from them in between."""
    needed = lookups.inputs_read(table_set, wanted)
    scaled = {name: tag for name, tag in (scaled or {}).items() if name in needed}
    looked_up = lookups.place(table_set, sheet, needed, choices, names, top, cell_index, scaled, tag_row)
    row = looked_up.bottom + 2
    for grain in (grain for grain in table_set.values.tables if grain not in OF_RUNS):
        listed = [name for name in wanted if table_set.grain(name) == grain and not _is_shared(table_set, name)]
        if listed:
            blocks.append(
                place(table_set, sheet, grain, [Part("Working", tuple(listed), detail=True)], row, cell_index)
            )
            row = blocks[-1].bottom + 2
    return looked_up


def _is_shared(table_set: TableSet, name: str) -> bool:
    """Whether a metric of the study as a whole is the same everywhere: it gathers nothing that differs there."""
    if table_set.grain(name) not in SHARED:
        return False
    metrics = table_set.catalog.metrics
    return not any(metrics[read].aggregated for read in table_set.catalog.closure([name]))


def _part(section: Section, listed: tuple[str, ...]) -> Part:
    """A section as a part of a block; ranges of inputs are many, and of interest where one is broken."""
    is_range = section.kind == "ranges"
    return Part(section.title, listed, section.detail or is_range, section.fold, closed=is_range)


def _place_sections(table_set: TableSet, sheet: str, top: int, cell_index: CellIndex) -> list[Block]:
    """The catalogue's sections of one sheet; those of the same grain share a block."""
    by_grain: dict[Grain, list[Part]] = {}
    for section in table_set.catalog.sections:
        own = (section.grain in OF_RUNS) == (table_set.name in RUNS)
        if section.sheet != sheet or not own or section.grain not in table_set.values.tables:
            continue
        if listed := tuple(entry.name for entry in section.entries if isinstance(entry, Metric)):
            by_grain.setdefault(section.grain, []).append(_part(section, listed))
    blocks = []
    for grain, sections in sorted(by_grain.items(), key=lambda item: ORDER.index(item[0])):
        block = place(table_set, sheet, grain, sections, top, cell_index)
        blocks.append(block)
        top = block.bottom + 2
    return blocks
