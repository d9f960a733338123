"""The what-if of the Context sheet: any model of the study over twelve context lengths that the reviewer types.

It is a second set of tables with one model, whose inputs are looked up on Inputs by the chosen name.
"""

from __future__ import annotations

import dataclasses

from flopsheet.catalog import Catalog
from flopsheet.frames import Values, compute
from flopsheet.spec import Spec
from flopsheet.tables import chosen, most_groups, tabulate
from flopsheet.workbook import inputs
from flopsheet.workbook.layout import FIRST, LABEL, NAME, UNIT, Homes, Spot, World
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
    model = next(model for model in spec.models if model.name == choice.model)
    only = (chosen(model, most_groups(spec)),)
    study = dataclasses.replace(spec, models=only, context_lengths=choice.lengths, runs={}, expectations=())
    return compute(tabulate(study), catalog, (*SHOWN, *SHOWN_MODEL))


@dataclasses.dataclass(frozen=True)
class Controls:
    """The cells that choose."""

    world: World
    model: Spot

    @property
    def context_row(self) -> int:
        return self.model.row + 1


def place_controls(world: World, top: int, homes: Homes) -> Controls:
    """Rows for the choice at the top of the sheet."""
    controls = Controls(world, Spot(SHEET, top, FIRST))
    lengths = (Spot(SHEET, controls.context_row, FIRST + at) for at in range(LENGTHS))
    homes.put(world.name, "context_length", lengths)
    homes.put(world.name, "model", (controls.model,))
    return controls


def control_cells(controls: Controls) -> dict[tuple[int, int], Cell]:
    """The choice itself."""
    world, top = controls.world, controls.model.row
    cells: dict[tuple[int, int], Cell] = {}
    cells[top, LABEL] = Cell("Model (choose)", style="lead")
    cells[top, NAME] = Cell("model", style="name")
    cells[top, FIRST] = Cell(str(world.table("model").keys[0][0]), style="input")
    cells[controls.context_row, LABEL] = Cell("Context lengths (type)", style="lead")
    cells[controls.context_row, NAME] = Cell("context_length", style="name")
    cells[controls.context_row, UNIT] = Cell("token", style="unit")
    for at in range(LENGTHS):
        cells[controls.context_row, FIRST + at] = Cell(world.value("context_length", at), style="input", format="#,##0")
    return cells


def control_validations(controls: Controls, layout: inputs.Layout) -> tuple[Validation, ...]:
    """A drop-down of models and whole numbers for the lengths."""
    lengths = tuple(Spot(SHEET, controls.context_row, FIRST + at).address for at in range(LENGTHS))
    return (
        Validation(
            (controls.model.address,),
            "list",
            "Model",
            "Any model of this study.",
            "Choose one from the list.",
            choices=layout.model_names,
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
