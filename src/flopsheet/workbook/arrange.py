"""Gives every sheet its blocks, rows and columns, before any formula is written; formulas refer to what stands here."""

from __future__ import annotations

from collections import defaultdict
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
from flopsheet.workbook.layout.cells import SHARED, BandPlan, Block, CellIndex, TableSet, TableSetName, place
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
)
from flopsheet.workbook.sheets.lookups import Chosen

# From what a reviewer looks for to what it is made of.
ORDER = (
    "training_run", "serving_run", "scenario", "model", "context", "run",
    "training_layer", "serving_layer", "run_layer", "layer_run", "layer_group", "study", "hardware",
)  # fmt: skip
RESULTS = ("Parameters", "Forward FLOPs", "KV cache", "Conventions")
TOP = 4  # the first row below the title of a sheet


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

    def table_sets(self, built: WorkbookInput) -> dict[TableSetName, TableSet]:
        """The study's own and those of its runs, by name."""
        found: dict[TableSetName, TableSet] = {"study": self.table_set(built)}
        for kind, values in self.runs.items():
            found[kind] = TableSet(kind, values, self.catalog, built.runs[kind])
        return found


@frozen
class WorkbookLayout:
    """Every block of every sheet; nothing has a formula yet."""

    cell_index: CellIndex
    of_study: TableSet
    of_runs: tuple[TableSet, ...]
    """Of each kind of run that the study has."""
    inputs: input_layout.InputsLayout
    names: tuple[CellRef, ...]
    """Of the models, above their columns."""
    blocks: dict[str, list[Block]]
    what_if: TableSet
    """Of the model and the context lengths that are chosen on Context."""
    compared: compare.CompareLayout
    steps: sensitivity.SensitivityLayout
    looked_up: dict[str, Chosen]

    @property
    def table_sets(self) -> tuple[TableSet, ...]:
        """The study's own, then those of its runs."""
        return self.of_study, *self.of_runs


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
    table_sets, sheets = study.table_sets(built), _Sheets(CellIndex())
    table_set = table_sets.pop("study")
    of_kinds = tuple(table_sets.values())
    inputs = input_layout.lay_out(table_set, {one.run_kind: one for one in of_kinds}, sheets.cell_index)
    for sheet in results(study.catalog):
        sheets.add_sections(table_set, sheet, conventions.BOTTOM + 2 if sheet == conventions.SHEET else TOP)
    names = _model_names(sheets.blocks["Parameters"])
    what_if = _lay_out_context(study, built, table_set, sheets)
    compared, steps = _lay_out_comparison(study, built, table_set, sheets)
    for of_kind in of_kinds:
        _lay_out_runs(of_kind, table_set, sheets)
    _lay_out_checks(study.spec, table_set, of_kinds, sheets)
    return WorkbookLayout(
        sheets.cell_index,
        table_set,
        of_kinds,
        replace(inputs, model_names=absolute_span(names)),
        names,
        sheets.blocks,
        what_if,
        compared,
        steps,
        sheets.looked_up,
    )


@frozen
class _WorkingPlan:
    """What is to be computed for chosen models: the inputs that it needs, and the metrics of each grain."""

    table_set: TableSet
    sheet: str
    needed: tuple[str, ...]
    computed: Mapping[Grain, tuple[str, ...]]


class _Sheets:
    """What is laid out so far: the blocks of each sheet, and the look-ups below those of some."""

    def __init__(self, cell_index: CellIndex) -> None:
        self.cell_index = cell_index
        self.blocks: dict[str, list[Block]] = {}
        self.looked_up: dict[str, Chosen] = {}
        self.here: dict[tuple[str, str], set[str]] = defaultdict(set)
        """(Sheet, table set) -> the names that stand there, before they have a row."""

    def below(self, sheet: str) -> int:
        """The first row of what comes next on a sheet that has blocks."""
        return self.blocks[sheet][-1].bottom + 2

    def add_sections(self, table_set: TableSet, sheet: str, top: int) -> None:
        """The catalogue's sections of one sheet; those of the same grain share a block."""
        by_grain: dict[Grain, list[BandPlan]] = {}
        for section in table_set.catalog.sections:
            own = (section.grain in OF_RUNS) == (table_set.name in RUNS)
            if section.sheet != sheet or not own or section.grain not in table_set.values.tables:
                continue
            if listed := tuple(entry.name for entry in section.entries if isinstance(entry, Metric)):
                by_grain.setdefault(section.grain, []).append(_band_plan(section, listed))
        blocks, here = self.blocks.setdefault(sheet, []), self.here[sheet, table_set.name]
        here.update(name for parts in by_grain.values() for part in parts for name in part.names)
        for grain, sections in sorted(by_grain.items(), key=lambda item: ORDER.index(item[0])):
            blocks.append(place(table_set, sheet, grain, sections, top, self.cell_index, here))
            top = self.below(sheet)

    def expect_working(self, table_set: TableSet, sheet: str, wanted: Sequence[str]) -> _WorkingPlan:
        """What a working needs and computes, all of it on the sheet."""
        needed, computed = lookups.inputs_read(table_set, wanted), {}
        for grain in (grain for grain in table_set.values.tables if grain not in OF_RUNS):
            listed = (name for name in wanted if table_set.grain(name) == grain and not _is_shared(table_set, name))
            if names := tuple(listed):
                computed[grain] = names
        self.here[sheet, table_set.name].update(needed, *computed.values())
        return _WorkingPlan(table_set, sheet, needed, computed)

    def add_working(
        self,
        working: _WorkingPlan,
        choices: tuple[CellRef, ...],
        names: tuple[str, ...],
        top: int,
        scaled: Mapping[str, str] | None = None,
        tag_row: int = 0,
    ) -> None:
        """The inputs of the chosen models, and what is computed from them in between."""
        table_set, sheet, needed = working.table_set, working.sheet, working.needed
        scaled = {name: tag for name, tag in (scaled or {}).items() if name in needed}
        chosen = lookups.place(table_set, sheet, needed, choices, names, top, self.cell_index, scaled, tag_row)
        self.looked_up[sheet] = chosen
        blocks, here, row = self.blocks.setdefault(sheet, []), self.here[sheet, table_set.name], chosen.bottom + 2
        for grain, listed in working.computed.items():
            band = BandPlan("Working", listed, detail=True)
            blocks.append(place(table_set, sheet, grain, [band], row, self.cell_index, here))
            row = self.below(sheet)


def _model_names(blocks: Sequence[Block]) -> tuple[CellRef, ...]:
    """Where the names of the models stand side by side."""
    block = next(block for block in blocks if block.grain == "model")
    return tuple(CellRef(block.sheet, block.headers["model"], column) for column in block.columns)


def _lay_out_context(study: WorkbookInput, built: WorkbookInput, table_set: TableSet, sheets: _Sheets) -> TableSet:
    """The what-if of Context: below its choice, table and charts the study's own scenarios, then the working."""
    sheets.add_sections(table_set, context.SHEET, context.WORDS_ROW + 2)
    what_if = context.what_if(study.spec, study.choice, (built.spec, built.choice), study.catalog)
    context.place_choice(what_if, sheets.cell_index)
    wanted = study.catalog.closure(context.SHOWN_ROWS)
    at = lookups.inputs_row(sheets.blocks[context.SHEET])
    working = sheets.expect_working(what_if, context.SHEET, wanted)
    sheets.add_working(working, (context.MODEL,), (study.choice.model,), at)
    return what_if


def _lay_out_comparison(
    study: WorkbookInput, built: WorkbookInput, table_set: TableSet, sheets: _Sheets
) -> tuple[compare.CompareLayout, sensitivity.SensitivityLayout]:
    """The two scenarios of Compare, and the steps from the second of them with their working on Sensitivity."""
    compared = compare.CompareLayout(table_set, study.choice.pair)
    as_built = compare.CompareLayout(table_set, built.choice.pair).base
    steps = sensitivity.lay_out(study.spec, compared.base, (built.spec, as_built), table_set, sheets.cell_index)
    model = str(table_set.table("scenario").keys[compared.pair.second][0])
    working = sheets.expect_working(steps.table_set, sensitivity.SHEET, study.catalog.closure(sensitivity.EFFECTS))
    names = (model,) * len(steps.choices)
    sheets.add_working(working, steps.choices, names, steps.working_row, sensitivity.tags_of_inputs(), steps.tag_row)
    return compared, steps


def _lay_out_runs(of_kind: TableSet, study: TableSet, sheets: _Sheets) -> None:
    """The runs of a kind: what is computed of them and for all of them, then the working for the model of each."""
    sheet, catalog = runs.SHEETS[of_kind.name], of_kind.catalog
    grains = OF_RUNS & of_kind.values.tables.keys()
    wanted = catalog.closure(metric.name for metric in catalog.metrics.values() if metric.grain in grains)
    working = sheets.expect_working(of_kind, sheet, wanted)
    sheets.add_sections(of_kind, sheet, runs.first_row(of_kind))
    sheets.add_sections(study, sheet, sheets.below(sheet))
    choices = sheets.cell_index.of(of_kind, "run_model")
    names = tuple(map(str, of_kind.column("run_model")))
    sheets.add_working(working, choices, names, lookups.inputs_row(sheets.blocks[sheet]))


def _lay_out_checks(spec: Spec, study: TableSet, of_kinds: Sequence[TableSet], sheets: _Sheets) -> None:
    """The checks of the study, then those of its runs, below what is told of them."""
    n_runs = sum(len(of_kind.table("run")) for of_kind in of_kinds)
    sheets.add_sections(study, checks.SHEET, checks.Tops.of(spec.expectations, n_runs).blocks)
    for of_kind in of_kinds:
        sheets.add_sections(of_kind, checks.SHEET, sheets.below(checks.SHEET))


def _is_shared(table_set: TableSet, name: str) -> bool:
    """Whether a metric of the study as a whole is the same everywhere: it gathers nothing that differs there."""
    if table_set.grain(name) not in SHARED:
        return False
    metrics = table_set.catalog.metrics
    return not any(metrics[read].aggregated for read in table_set.catalog.closure([name]))


def _band_plan(section: Section, listed: tuple[str, ...]) -> BandPlan:
    """A section as a band of a block; ranges of inputs are many, and of interest where one is broken."""
    is_range = section.kind == "ranges"
    return BandPlan(section.title, listed, section.detail or is_range, section.fold, closed=is_range)
