"""The what-if of the Context sheet: any model of the study over twelve context lengths that the reviewer types.

It is a second set of tables with one model, whose inputs are looked up on Inputs by the chosen name. Everything above
them is the same catalogue, so no metric is defined a second time.
"""

from __future__ import annotations

import dataclasses

from flopsheet.catalog import Catalog, Input
from flopsheet.frames import Values, compute
from flopsheet.spec import Given, Group, ModelSpec, Spec
from flopsheet.tables import tabulate
from flopsheet.workbook import inputs
from flopsheet.workbook.layout import FIRST, LABEL, MATHS, NAME, UNIT, Homes, Spot, World, quoted
from flopsheet.workbook.model import Cell, Validation

SHEET = "Context"
LENGTHS = 12
SHOWN = (
    "flops_forward", "tflop_forward", "flops_ratio", "share_ffn", "share_attention_projections",
    "share_attention_scores", "share_lm_head", "share_non_matmul", "doubling_multiplier", "dominant",
)  # fmt: skip
SHOWN_MODEL = ("crossover_ffn", "crossover_attention", "crossover_block")


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the what-if is about: a model, and the context lengths."""

    model: str
    lengths: tuple[float, ...]


def default_choice(spec: Spec, values: Values) -> Choice:
    """The largest forward pass of the study, over twelve doublings of its shortest context."""
    work = values.column("scenario", "flops_forward")
    model = str(values.tables["scenario"].keys[int(work.argmax())][0])
    shortest = min(spec.context_lengths)
    return Choice(model, tuple(shortest * 2**step for step in range(LENGTHS)))


def what_if(spec: Spec, built: Spec, choice: Choice, catalog: Catalog) -> World:
    """The world of the chosen model over the chosen lengths, in a spec and in the one that was built."""
    values = _values(spec, choice, catalog)
    return World("what_if", values, catalog, values if built is spec else _values(built, choice, catalog))


def _values(spec: Spec, choice: Choice, catalog: Catalog) -> Values:
    """The chosen model over the chosen lengths, padded to the most layer groups of any model."""
    model = next(model for model in spec.models if model.name == choice.model)
    most = max(len(model.groups) for model in spec.models)
    names = [f"group {at + 1}" for at in range(most)] if most > 1 else [""]
    groups = []
    for at, name in enumerate(names):
        group = model.groups[min(at, len(model.groups) - 1)] if at < len(model.groups) else model.groups[0]
        given = {key: Given(value.value) for key, value in group.inputs.items()}
        if at >= len(model.groups):
            given["n_group_layers"] = Given(0.0)
        groups.append(Group(name, given))
    chosen = ModelSpec(model.name, {key: Given(value.value) for key, value in model.inputs.items()}, tuple(groups))
    study = dataclasses.replace(spec, models=(chosen,), context_lengths=choice.lengths, expectations=())
    # What the sheet doesn't show isn't computed: a metric of the spec's own may have no value for a padded group.
    shown = catalog.closure((*SHOWN, *SHOWN_MODEL))
    return compute(tabulate(study), dataclasses.replace(catalog, order=shown))


@dataclasses.dataclass(frozen=True)
class Controls:
    """The cells that choose, and those that look the inputs up."""

    world: World
    top: int
    model: Spot
    start: Spot
    rows: dict[str, int]
    context_row: int

    @property
    def bottom(self) -> int:
        return max(self.rows.values(), default=self.context_row)


def place_controls(world: World, needed: tuple[str, ...], top: int, lookup_top: int, homes: Homes) -> Controls:
    """Rows for the choice at the top of the sheet, and for the inputs looked up where the working begins."""
    model = Spot(SHEET, top, FIRST)
    context_row = top + 1
    homes.put(world.name, "context_length", (Spot(SHEET, context_row, FIRST + at) for at in range(LENGTHS)))
    homes.put(world.name, "model", (model,))
    rows = {}
    start = Spot(SHEET, lookup_top + 1, FIRST)
    for at, name in enumerate(needed):
        rows[name] = lookup_top + 3 + at
        table = world.table(world.grain(name))
        homes.put(world.name, name, (Spot(SHEET, rows[name], FIRST + at) for at in range(len(table))))
    return Controls(world, top, model, start, rows, context_row)


def control_cells(controls: Controls, layout: inputs.Layout) -> dict[tuple[int, int], Cell]:
    """The choice itself, and INDEX formulas that fetch the chosen model's inputs."""
    world, study = controls.world, layout.world
    cells: dict[tuple[int, int], Cell] = {}
    top = controls.top
    name = str(world.table("model").keys[0][0])
    cells[top, LABEL] = Cell("Model (choose)", style="lead")
    cells[top, NAME] = Cell("model", style="name")
    cells[top, FIRST] = Cell(name, style="input")
    cells[controls.context_row, LABEL] = Cell("Context lengths (type)", style="lead")
    cells[controls.context_row, NAME] = Cell("context_length", style="name")
    cells[controls.context_row, UNIT] = Cell("token", style="unit")
    for at in range(LENGTHS):
        cells[controls.context_row, FIRST + at] = Cell(world.value("context_length", at), style="input", format="#,##0")

    columns = layout.model_columns()
    models = [str(key) for (key,) in study.table("model").keys]
    place = columns[models.index(name)] - FIRST + 1
    last = FIRST + len(study.table("layer_group")) - 1
    sheet = quoted(inputs.SHEET)

    def row_of(row: int) -> str:
        left, right = Spot(inputs.SHEET, row, FIRST).absolute, Spot(inputs.SHEET, row, last).absolute
        return f"{sheet}!{left}:{right}"

    start = controls.start
    cells[start.row, LABEL] = Cell("Column on Inputs", style="label")
    cells[start.row, MATHS] = Cell("position of the chosen model in the header row", style="maths")
    cells[start.row, FIRST] = Cell(
        float(place), f"MATCH({controls.model.absolute},{row_of(layout.model_row)},0)", "calc", "0"
    )
    count = Spot(SHEET, start.row + 1, FIRST)
    if layout.count_row:
        groups = len(study.children["layer_group", "model"][models.index(name)])
        cells[count.row, LABEL] = Cell("Layer groups", style="label")
        cells[count.row, MATHS] = Cell("of the chosen model, from Inputs", style="maths")
        formula = f"INDEX({row_of(layout.count_row)},1,{start.absolute})"
        cells[count.row, FIRST] = Cell(float(groups), formula, "call_up", "0")
    home_row = {line.entry.name: line.live[0].row for line in layout.rows}
    for name, row in controls.rows.items():
        entry = world.catalog.entry(name)
        assert isinstance(entry, Input)
        format = "General" if entry.choices else world.catalog.units[entry.unit].format
        cells[row, LABEL] = Cell(entry.label, style="label")
        cells[row, NAME] = Cell(name, style="name")
        cells[row, UNIT] = Cell(entry.unit if entry.unit != "text" else "", style="unit")
        cells[row, MATHS] = Cell(f"{entry.symbol} of the chosen model, from Inputs".strip(), style="maths")
        for at in range(len(world.table(world.grain(name)))):
            source = row_of(home_row[name])
            formula = f"INDEX({source},1,{start.absolute})"
            if at:
                missing = "0" if name == "n_group_layers" else f"{Spot(SHEET, row, FIRST).address}"
                formula = f"IF({count.absolute}<={at},{missing},INDEX({source},1,{start.absolute}+{at}))"
            cells[row, FIRST + at] = Cell(world.value(name, at), formula, "call_up", format)
    return cells


def control_validations(controls: Controls, layout: inputs.Layout) -> tuple[Validation, ...]:
    """A drop-down of models and whole numbers for the lengths."""
    columns = layout.model_columns()
    first, last = Spot(inputs.SHEET, layout.model_row, columns[0]), Spot(inputs.SHEET, layout.model_row, columns[-1])
    choices = f"{quoted(inputs.SHEET)}!{first.absolute}:{last.absolute}"
    lengths = tuple(Spot(SHEET, controls.context_row, FIRST + at).address for at in range(LENGTHS))
    return (
        Validation(
            (controls.model.address,),
            "list",
            "Model",
            "Any model of this study.",
            "Choose one from the list.",
            choices=choices,
        ),
        Validation(
            lengths,
            "whole",
            "Context length",
            "Tokens of one sequence; the ratios refer to the first.",
            "A whole number of 1 or more.",
            least=1,
            most=1e15,
        ),
    )
