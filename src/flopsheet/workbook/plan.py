"""A report as a workbook: lays out every sheet first, then writes the formulas that refer to what was laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from flopsheet import errors
from flopsheet.catalog import OF_RUNS, RUNS, Catalog, Metric
from flopsheet.catalog.load import OWN_SHEET
from flopsheet.errors import SizeError
from flopsheet.frames import Values
from flopsheet.spec import Spec
from flopsheet.workbook import checks, chosen, compare, context, inputs, reference, runs, sensitivity, summary
from flopsheet.workbook.blocks import block_cells
from flopsheet.workbook.cells import Live, mirror, sentence
from flopsheet.workbook.chosen import Chosen
from flopsheet.workbook.layout import (
    FIRST,
    LABEL,
    MATHS,
    NAME,
    NOTE,
    SHARED,
    UNIT,
    Block,
    Homes,
    Part,
    Spot,
    World,
    coordinates,
    letters,
    place,
    quoted,
    shown,
)
from flopsheet.workbook.model import Cell, Highlight, Plan, Sheet

WIDTHS = {LABEL: 40.0, NAME: 31.0, UNIT: 11.0, MATHS: 46.0, NOTE: 25.0}
PURPOSE = {
    inputs.SHEET: "everything that you may change",
    "Parameters": "parameters by component, weight memory, what tying saves",
    "Forward FLOPs": "every matmul, subtotals, totals, shares, the trend over the family",
    "KV cache": "bytes per token and per context, beside multi-head attention; the cost of one decoded token",
    "Conventions": "what each switch would change, and the estimates of others with the reason why they differ",
    OWN_SHEET: "what this spec defines itself",
    context.SHEET: "any model over twelve context lengths; ratios, doubling, crossovers",
    compare.SHEET: "any two scenarios side by side; what a step of each input would change",
    sensitivity.SHEET: "the working of that: a scenario with each input one step down and one up",
    "Training": "memory of one device by class, largest batch, time, cost, energy of each training run",
    "Serving": "weights and cache, prefill, decoding and what bounds them, cost of each serving run",
    checks.SHEET: "sums of parts, ranges, figures that the spec expects, live against as built",
    reference.FORMULAS: "every metric: formula, meaning, source",
    reference.PROVENANCE: "version, spec text, conventions",
}
MOST_COLUMNS = 16_384
RESULTS = ("Parameters", "Forward FLOPs", "KV cache", "Conventions")
TABS = dict.fromkeys((*RESULTS, OWN_SHEET), "0072B2") | {
    context.SHEET: "E69F00",
    compare.SHEET: "E69F00",
    sensitivity.SHEET: "E69F00",
    checks.SHEET: "009E73",
}
TABS |= dict.fromkeys(runs.SHEETS.values(), "CC79A7")


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
            raise SizeError(errors.too_wide_for_a_sheet(sheet, columns, MOST_COLUMNS))


def lay_out(study: Study, built: Study) -> Layout:
    """Gives every input, metric and control its cells; the study as built decides which rows are folded."""
    worlds, homes = study.worlds(built), Homes()
    world = worlds.pop("study")
    laid = inputs.lay_out(world, worlds, homes)
    blocks: dict[str, list[Block]] = {}
    for sheet in results(study.catalog):
        blocks[sheet] = _place_sections(world, sheet, 4, homes)

    # Context: controls and what they give on top, a chart, the study's own scenarios, the working below.
    top = 4
    shown = {name: top + 3 + at for at, name in enumerate((*context.SHOWN, *context.SHOWN_MODEL))}
    chart_row = max(shown.values()) + 4
    blocks[context.SHEET] = _place_sections(world, context.SHEET, chart_row + summary.CHART_ROWS + 2, homes)
    other = context.what_if(study.spec, study.choice, (built.spec, built.choice), study.catalog)
    controls = context.place_controls(other, top, homes)
    looked_up = {}
    wanted = study.catalog.closure((*context.SHOWN, *context.SHOWN_MODEL))
    at = chosen.inputs_row(blocks[context.SHEET])
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
        at = chosen.inputs_row(blocks[sheet])
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
    needed = chosen.inputs_read(world, wanted)
    scaled = {name: tag for name, tag in (scaled or {}).items() if name in needed}
    looked_up = chosen.place(world, sheet, needed, choices, names, top, homes, scaled, tag_row)
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


def build(study: Study, as_built: Study | None = None) -> Plan:
    """The whole workbook; `as_built` is what it is compared with, the study itself when it is first built."""
    check_size(study)
    original = as_built or study
    laid = lay_out(study, original)
    homes, world = laid.homes, study.world(original)
    built, spec = original.worlds(original), original.spec

    def home(name: str) -> str:
        spot = homes.first.get(name)
        return f"{quoted(spot.sheet)}!{spot.address}" if spot else ""

    formulas, explained = reference.formulas(study.catalog, home)
    links = explained.__getitem__
    inputs_sheet, input_cells = inputs.sheet(laid.inputs, built)
    changed = Live(laid.inputs.changed, input_cells[laid.inputs.changed].value)
    inputs_sheet = _linked(inputs_sheet, {line.live[0].row: line.entry.name for line in laid.inputs.rows}, links)

    checks_sheet, verdict, move = _checks_sheet(study, laid, world, built, links)
    rows = {
        name: [Spot(context.SHEET, row, FIRST + at) for at in range(context.LENGTHS)]
        for name, row in laid.shown.items()
    }
    rows["context_length"] = list(homes.of(laid.controls.world, "context_length"))
    context_sheet, chart_title = _context_sheet(laid, rows, links)
    counted = [_result_sheet(title, laid, links) for title in results(study.catalog)]
    ran = [_runs_sheet(of_kind, laid, links) for of_kind in laid.worlds[1:]]
    written = [inputs_sheet, *counted, context_sheet, _compare_sheet(laid, links), *ran, checks_sheet]
    written.insert(-1, _sensitivity_sheet(laid, links))
    listed = {*(sheet.title for sheet in written), reference.FORMULAS, reference.PROVENANCE}
    facts = summary.Facts(
        title=spec.title,
        subtitle=(
            f"Resource accounting of {_counted(len(world.table('model')), 'model')}, "
            f"{_counted(len(spec.context_lengths), 'context length')} · "
            f"made by flopsheet {study.version} · spec {reference.digest(spec)[:12]}"
        ),
        changed=changed,
        verdict=verdict,
        move=move,
        sheets=tuple((title, purpose) for title, purpose in PURPOSE.items() if title in listed),
        largest=original.choice.model,
    )
    sheets = (
        summary.sheet(laid.worlds, homes, laid.controls.world, rows, chart_title, facts),
        *map(_with_way_back, (*written, formulas, reference.provenance(spec, study.version, study.catalog))),
    )
    properties = {"flopsheet version": study.version, "spec sha256": reference.digest(spec)}
    return Plan(spec.title, sheets, properties)


def _with_way_back(sheet: Sheet) -> Sheet:
    """The sheet with a link to Summary beside its title, put among the cells that were just made for it.

    A copy of a million of them would be the most memory that a build ever takes.
    """
    assert isinstance(sheet.cells, dict)
    sheet.cells[1, NAME] = Cell("← Summary", style="link", link=f"{summary.SHEET}!A1")
    return sheet


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _linked(sheet: Sheet, names: dict[int, str], links: Callable[[str], str]) -> Sheet:
    """The sheet with the names in its name column leading to where they are explained."""
    cells = dict(sheet.cells)
    for row, name in names.items():
        cells[row, NAME] = cells[row, NAME]._replace(link=links(name))
    return replace(sheet, cells=cells)


def _widths(cells: dict[tuple[int, int], Cell]) -> dict[int, float]:
    """Value columns as wide as their longest number or header."""
    widths = WIDTHS | dict.fromkeys(range(FIRST, max(column for _, column in cells) + 1), 12.0)
    width_of = lru_cache(1024)(lambda value, format: len(shown(Cell(value, format=format))) * 1.08 + 2.0)
    for (_, column), cell in cells.items():
        if column >= FIRST and cell.style not in {"text", "block", "band", "lead"}:
            width = width_of(cell.value, cell.format)  # side by side, cells repeat each other
            if width > widths[column]:
                widths[column] = width
    return widths


def _heights(cells: dict[tuple[int, int], Cell], widths: dict[int, float]) -> dict[int, float]:
    """Rows whose formula wraps get the height that it needs."""
    heights: dict[int, float] = {}
    for (row, column), cell in cells.items():
        if cell.style in {"maths", "note", "wrapped"} and isinstance(cell.value, str):
            lines = -(-len(cell.value) // max(1, int(widths[column] * 1.12)))
            if lines > 1:
                heights[row] = max(heights.get(row, 0.0), 12.5 * lines + 2)
    return heights


def _finish(
    title: str, subtitle: str, cells: dict[tuple[int, int], Cell], blocks: Sequence[Block], **more: object
) -> Sheet:
    cells.setdefault((1, LABEL), Cell(title, style="title"))
    cells.setdefault((2, LABEL), Cell(subtitle, style="subtitle"))
    widths = _widths(cells)
    details = tuple(
        (band.row + 1, band.row + len(band.rows), band.closed)
        for block in blocks
        for band in block.bands
        if band.detail
    )
    return Sheet(title, cells, widths, _heights(cells, widths), outline_rows=details, tab=TABS[title], **more)  # type: ignore[arg-type]


def _result_sheet(title: str, laid: Layout, links: Callable[[str], str]) -> Sheet:
    blocks = laid.blocks[title]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, laid.homes, links)}
    subtitle = "Green is called up, black is computed; click a cell for its working."
    return _finish(title, subtitle, cells, blocks, freeze=f"{letters(FIRST)}4", title_rows="1:3", title_columns="A:C")


def _runs_sheet(world: World, laid: Layout, links: Callable[[str], str]) -> Sheet:
    title = runs.SHEETS[world.name]
    blocks, looked_up = laid.blocks[title], laid.looked_up[title]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, laid.homes, links)}
    cells |= dict(chosen.cells(looked_up, laid.inputs))
    cells |= runs.title_cells(world)
    subtitle = "Every run in a column of its own; its inputs are on Inputs, its model is looked up there."
    return _finish(
        title, subtitle, cells, blocks, freeze=f"{letters(FIRST)}4", title_rows="1:3", title_columns="A:C",
        charts=runs.charts(world, laid.homes),
    )  # fmt: skip


def _context_sheet(laid: Layout, rows: dict[str, list[Spot]], links: Callable[[str], str]) -> tuple[Sheet, Live]:
    homes, controls, other = laid.homes, laid.controls, laid.controls.world
    blocks = laid.blocks[context.SHEET]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, homes, links)}
    cells |= context.control_cells(controls)
    cells |= dict(chosen.cells(laid.looked_up[context.SHEET], laid.inputs))
    for column in range(LABEL, FIRST + context.LENGTHS):
        cells[controls.context_row + 1, column] = Cell(
            "What the context costs, for the chosen model" if column == LABEL else "", style="band"
        )
    for name, row in laid.shown.items():
        metric = other.catalog.metrics[name]
        format = other.catalog.units[metric.unit].format
        cells[row, LABEL] = Cell(metric.label, style="label")
        cells[row, NAME] = Cell(name, style="name", link=links(name))
        cells[row, UNIT] = Cell(metric.unit if metric.unit != "text" else "", style="unit")
        cells[row, MATHS] = Cell("from the working below", style="maths")
        for at, spot in enumerate(homes.of(other, name)):
            cells[row, FIRST + at] = mirror(context.SHEET, Live(spot, other.value(name, at)), format=format)
    # The chart covers the cell that holds its title.
    anchor = Spot(context.SHEET, laid.chart_row, LABEL)
    model = {"model": Live(controls.model, other.value("model", 0))}
    title = sentence(context.SHEET, [("", "Where the forward pass of {model} goes as the context grows")], model)
    cells[anchor.row, anchor.column] = title
    cells |= context.crossover_cells(other, laid.shown, anchor.row - 3)
    chart = summary.context_chart(other, rows, anchor, str(title.value), context.crossover(other, anchor.row - 3))
    sheet = _finish(
        context.SHEET, "Choose a model and type context lengths; the whole sheet follows.", cells, blocks,
        freeze=f"{letters(FIRST)}4", title_rows="1:3", title_columns="A:C", charts=(replace(chart, width_cm=26.0),),
        print_rows=laid.looked_up[context.SHEET].top - 2,
        validations=context.control_validations(controls, laid.inputs),
    )  # fmt: skip
    return sheet, Live(anchor, title.value)


def _compare_sheet(laid: Layout, links: Callable[[str], str]) -> Sheet:
    layout, steps = laid.compared, laid.steps
    cells = dict(compare.cells(layout, steps, laid.homes, links))
    chart = compare.tornado(layout, steps)
    cells[coordinates(chart.anchor)] = Cell(chart.title, style="lead")
    cells[1, LABEL] = Cell(compare.SHEET, style="title")
    cells[2, LABEL] = Cell("Choose two scenarios; the sensitivity below follows the second.", style="subtitle")
    return Sheet(
        compare.SHEET, cells, compare.WIDTHS, freeze="D4", title_rows="1:3", charts=(chart,), tab=TABS[compare.SHEET],
        validations=compare.validations(layout, steps), highlights=compare.highlights(layout),
    )  # fmt: skip


def _sensitivity_sheet(laid: Layout, links: Callable[[str], str]) -> Sheet:
    blocks = laid.blocks[sensitivity.SHEET]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, laid.homes, links)}
    cells |= dict(chosen.cells(laid.looked_up[sensitivity.SHEET], laid.inputs))
    cells |= dict(sensitivity.cells(laid.steps, laid.homes))
    subtitle = "Scenario B of Compare with each main input one step down and one up; the others stay as they are."
    return _finish(
        sensitivity.SHEET, subtitle, cells, blocks,
        freeze=f"{letters(FIRST)}4", title_rows="1:3", title_columns="A:C", print_rows=laid.steps.bottom,
    )  # fmt: skip


def _checks_sheet(
    study: Study, laid: Layout, world: World, built: Mapping[str, World], links: Callable[[str], str]
) -> tuple[Sheet, Live, Live]:
    homes, blocks = laid.homes, laid.blocks[checks.SHEET]
    cells = {at: cell for block in blocks for at, cell in block_cells(block, homes, links)}
    by_name = {each.name: each for each in laid.worlds}
    listing = checks.expectations(by_name, built, homes, study.spec.expectations, blocks[-1].bottom + 2)
    cells |= listing.cells if study.spec.expectations else {}
    moved = checks.changes(
        by_name, built, homes, (listing.bottom if study.spec.expectations else blocks[-1].bottom) + 2
    )
    cells |= moved.cells
    working, move = checks.largest_move(moved)
    cells |= working
    verdict = checks.verdict_cells(blocks, listing)
    cells |= verdict.cells
    words = homes.of(world, "ffn_count_words")[0]
    cells[10, LABEL] = mirror(checks.SHEET, Live(words, world.value("ffn_count_words", 0)), "text")
    bottom = max(row for row, _ in cells)
    last = max(column for _, column in cells)
    area = f"F12:{letters(last)}{bottom}"
    highlights = (
        Highlight(area, "bad", 'F12="FAIL"'),
        Highlight(area, "good", 'F12="ok"'),
        Highlight(area, "hint", 'F12="note"'),
        Highlight("A2:D2", "bad", 'LEFT($A$2,4)="FAIL"'),
        Highlight("A2:D2", "good", 'LEFT($A$2,3)="All"'),
        Highlight("A2:D2", "hint", 'LEFT($A$2,3)="The"'),
    )
    sheet = _finish(
        checks.SHEET,
        "",
        cells,
        blocks,
        freeze=f"{letters(FIRST)}4",
        title_rows="1:3",
        title_columns="A:C",
        highlights=highlights,
    )
    return sheet, verdict.sentence, move
