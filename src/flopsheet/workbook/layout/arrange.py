"""Gives every sheet its blocks, rows and columns, before any formula is written; formulas refer to what stands here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flopsheet import diagnostics
from flopsheet.catalog import OF_RUNS, RUNS, Catalog, Metric
from flopsheet.catalog.load import OWN_SHEET
from flopsheet.diagnostics import SizeError
from flopsheet.pipeline.frames import Values
from flopsheet.spec import Spec
from flopsheet.workbook.layout import lookups
from flopsheet.workbook.layout.cells import FIRST, SHARED, Block, Homes, Part, Spot, World, absolute_span, place
from flopsheet.workbook.layout.lookups import Chosen
from flopsheet.workbook.sheets import checks, compare, context, inputs, runs, sensitivity, summary

MOST_COLUMNS = 16_384
RESULTS = ("Parameters", "Forward FLOPs", "KV cache", "Conventions")


@dataclass(frozen=True)
class Study:
    """What a workbook is made of: the spec, its values, and the choice on Context."""

    spec: Spec
    values: Values
    runs: Mapping[str, Values]
    catalog: Catalog
    version: str
    choice: context.Choice

    def world(self, built: Study) -> World:
        return World("study", self.values, self.catalog, built.values)

    def worlds(self, built: Study) -> dict[str, World]:
        """The study's own and those of its runs, by name."""
        found = {kind: World(kind, values, self.catalog, built.runs[kind]) for kind, values in self.runs.items()}
        return {"study": self.world(built), **found}


@dataclass
class Layout:
    """Every block of every sheet; nothing has a formula yet."""

    homes: Homes
    worlds: tuple[World, ...]
    inputs: inputs.Layout
    blocks: dict[str, list[Block]]
    controls: context.Controls
    compared: compare.Layout
    steps: sensitivity.Layout
    looked_up: dict[str, Chosen]
    shown: dict[str, int]
    chart_row: int


def results(catalog: Catalog) -> tuple[str, ...]:
    """The sheets of results; metrics that the spec defines have one of their own."""
    return (*RESULTS, OWN_SHEET) if any(section.sheet == OWN_SHEET for section in catalog.sections) else RESULTS


def check_size(study: Study) -> None:
    """Says so before anything is planned where a study has more columns than a sheet holds."""
    tables = study.values.tables
    check_columns(len(tables["layer_group"]), len(tables["context"]))


def check_columns(n_groups: int, n_lengths: int) -> None:
    """Whether so many layer groups of all models fit, each at so many context lengths; SizeError where not."""
    widest = {
        inputs.SHEET: 2 * max(n_groups, n_lengths) + FIRST,
        "Forward FLOPs": n_groups * n_lengths + FIRST - 1,
    }
    for sheet, columns in widest.items():
        if columns > MOST_COLUMNS:
            raise SizeError(diagnostics.too_wide_for_a_sheet(sheet, columns, MOST_COLUMNS))


def lay_out(study: Study, built: Study) -> Layout:
    """Gives every input, metric and control its cells; the study as built decides which rows are folded."""
    worlds, homes = study.worlds(built), Homes()
    world = worlds.pop("study")
    laid = inputs.lay_out(world, worlds, homes)
    blocks: dict[str, list[Block]] = {}
    for sheet in results(study.catalog):
        blocks[sheet] = _place_sections(world, sheet, 4, homes)
    named = next(block for block in blocks["Parameters"] if block.grain == "model")
    laid.model_names = absolute_span([Spot(named.sheet, named.headers["model"], named.columns[at]) for at in (0, -1)])

    # Context: controls and what they give on top, a chart, the study's own scenarios, the working below.
    top = 4
    shown = {name: top + 3 + at for at, name in enumerate((*context.SHOWN, *context.SHOWN_MODEL))}
    chart_row = max(shown.values()) + 4
    blocks[context.SHEET] = _place_sections(world, context.SHEET, chart_row + summary.CHART_ROWS + 2, homes)
    other = context.what_if(study.spec, study.choice, (built.spec, built.choice), study.catalog)
    controls = context.place_controls(other, top, homes)
    looked_up = {}
    wanted = study.catalog.closure((*context.SHOWN, *context.SHOWN_MODEL))
    at = lookups.inputs_row(blocks[context.SHEET])
    looked_up[context.SHEET] = _place_working(
        other, context.SHEET, wanted, (controls.model,), (study.choice.model,), at, blocks[context.SHEET], homes
    )

    compared = compare.Layout(world, study.choice.pair)
    as_built = compare.Layout(world, built.choice.pair).base
    steps = sensitivity.lay_out(study.spec, compared.base, (built.spec, as_built), world, homes)
    blocks[sensitivity.SHEET] = []
    looked_up[sensitivity.SHEET] = _place_working(
        steps.world, sensitivity.SHEET, study.catalog.closure(sensitivity.EFFECTS), steps.choices,
        (spec_model(study, compared.pair.second),) * len(steps.choices), steps.working_row,
        blocks[sensitivity.SHEET], homes, sensitivity.tags_of_inputs(), steps.tag_row,
    )  # fmt: skip

    for kind, of_kind in worlds.items():
        sheet = runs.SHEETS[kind]
        own = _place_sections(of_kind, sheet, runs.first_row(of_kind), homes)
        blocks[sheet] = [*own, *_place_sections(world, sheet, own[-1].bottom + 2, homes)]
        told = [metric.name for metric in study.catalog.metrics.values() if metric.grain in OF_RUNS]
        wanted = study.catalog.closure(name for name in told if of_kind.grain(name) in of_kind.values.tables)
        choices = homes.of(of_kind, "run_model")
        names = tuple(str(of_kind.value("run_model", at)) for at in range(len(choices)))
        at = lookups.inputs_row(blocks[sheet])
        looked_up[sheet] = _place_working(of_kind, sheet, wanted, choices, names, at, blocks[sheet], homes)

    blocks[checks.SHEET] = _place_sections(world, checks.SHEET, 12, homes)
    for of_kind in worlds.values():
        bottom = blocks[checks.SHEET][-1].bottom
        blocks[checks.SHEET] += _place_sections(of_kind, checks.SHEET, bottom + 2, homes)
    return Layout(
        homes, (world, *worlds.values()), laid, blocks, controls, compared, steps, looked_up, shown, chart_row
    )


def spec_model(study: Study, scenario: int) -> str:
    """The name of a scenario's model."""
    return str(study.values.tables["scenario"].keys[scenario][0])


def _place_working(
    world: World,
    sheet: str,
    wanted: Sequence[str],
    choices: tuple[Spot, ...],
    names: tuple[str, ...],
    top: int,
    blocks: list[Block],
    homes: Homes,
    scaled: Mapping[str, str] | None = None,
    tag_row: int = 0,
) -> Chosen:
    """Below the blocks of a sheet: the inputs of the chosen models, and what is computed from them in between."""
    needed = lookups.inputs_read(world, wanted)
    scaled = {name: tag for name, tag in (scaled or {}).items() if name in needed}
    looked_up = lookups.place(world, sheet, needed, choices, names, top, homes, scaled, tag_row)
    row = looked_up.bottom + 2
    for grain in (grain for grain in world.values.tables if grain not in OF_RUNS):
        listed = [name for name in wanted if world.grain(name) == grain and not _is_shared(world, name)]
        if listed:
            blocks.append(place(world, sheet, grain, [Part("Working", tuple(listed), detail=True)], row, homes))
            row = blocks[-1].bottom + 2
    return looked_up


def _is_shared(world: World, name: str) -> bool:
    """Whether a metric of the study as a whole is the same in every world: it gathers nothing that differs there."""
    if world.grain(name) not in SHARED:
        return False
    metrics = world.catalog.metrics
    return not any(metrics[read].gathers for read in world.catalog.closure([name]))


def _place_sections(world: World, sheet: str, top: int, homes: Homes) -> list[Block]:
    """The catalogue's sections of one sheet; those of the same grain share a block."""
    by_grain: dict[str, list[Part]] = {}
    for section in world.catalog.sections:
        listed = tuple(entry.name for entry in section.entries if isinstance(entry, Metric))
        own = (section.grain in OF_RUNS) == (world.name in RUNS)
        if section.sheet == sheet and listed and own and section.grain in world.values.tables:
            by_grain.setdefault(section.grain, []).append(Part(section.title, listed, section.detail, section.fold))
    blocks = []
    for grain, sections in by_grain.items():
        of_run = grain in {kind[0] for kind in RUNS.values()}  # what a reviewer of a run looks for stands on top
        block = place(world, sheet, grain, sections, top, homes, results_first=of_run)
        blocks.append(block)
        top = block.bottom + 2
    return blocks
