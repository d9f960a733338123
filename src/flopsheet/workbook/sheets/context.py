"""The what-if of the Context sheet: any model of the study over twelve context lengths that the reviewer types.

It is a second set of tables with one model, whose inputs are looked up on Inputs by the chosen name.
"""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog import Catalog
from flopsheet.formula import parse
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.pipeline import what_ifs
from flopsheet.pipeline.frames import Values
from flopsheet.records import frozen
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, local
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef, absolute_span
from flopsheet.workbook.model.sheet import Cell, Series, Validation
from flopsheet.workbook.sheets import inputs
from flopsheet.workbook.sheets.compare import Pair

SHEET = "Context"
LENGTHS = 12
SHOWN = (
    "flops_forward", "tflop_forward", "flops_ratio", "share_ffn", "share_attention_projections",
    "share_attention_scores", "share_lm_head", "share_mixers", "share_index_scores", "share_non_matmul",
    "doubling_multiplier", "dominant", "kv_cache_growing_gib", "kv_cache_fixed_gib", "kv_cache_gib",
)  # fmt: skip
SHOWN_MODEL = ("crossover_ffn", "crossover_attention", "crossover_block")


@frozen
class Selections:
    """What a reviewer chose: the model and context lengths of the what-if, and the scenarios that are compared."""

    model: str
    lengths: tuple[float, ...]
    pair: Pair


def default_choice(spec: Spec, values: Values) -> Selections:
    """The largest forward pass of the study, over twelve doublings of its shortest context."""
    work = values.column("scenario", "flops_forward")
    model = str(values.tables["scenario"].keys[int(work.argmax())][0])
    shortest = min(spec.context_lengths)
    return Selections(model, tuple(shortest * 2**step for step in range(LENGTHS)), Pair(0, int(work.argmax())))


def what_if(spec: Spec, choice: Selections, built: tuple[Spec, Selections], catalog: Catalog) -> TableSet:
    """The table set of the chosen model over the chosen lengths; which rows are folded depends on what was built."""

    def values(spec: Spec, choice: Selections) -> Values:
        return what_ifs.at_lengths(spec, choice.model, choice.lengths, catalog, (*SHOWN, *SHOWN_MODEL))

    now = values(spec, choice)
    return TableSet("what_if", now, catalog, now if built == (spec, choice) else values(*built))


@frozen
class Controls:
    """The cells that choose."""

    table_set: TableSet
    model: CellRef

    @property
    def context_row(self) -> int:
        return self.model.row + 1


def place_controls(table_set: TableSet, top: int, cell_index: CellIndex) -> Controls:
    """Rows for the choice at the top of the sheet."""
    controls = Controls(table_set, CellRef(SHEET, top, FIRST))
    lengths = (CellRef(SHEET, controls.context_row, FIRST + at) for at in range(LENGTHS))
    cell_index.put(table_set.name, "context_length", lengths)
    cell_index.put(table_set.name, "model", (controls.model,))
    return controls


def control_cells(controls: Controls) -> dict[tuple[int, int], Cell]:
    """The choice itself."""
    table_set, top = controls.table_set, controls.model.row
    cells: dict[tuple[int, int], Cell] = {}
    cells[top, LABEL] = Cell("Model (choose)", style="lead")
    cells[top, NAME] = Cell("model", style="name")
    cells[top, FIRST] = Cell(str(table_set.table("model").keys[0][0]), style="input")
    cells[controls.context_row, LABEL] = Cell("Context lengths (enter)", style="lead")
    cells[controls.context_row, NAME] = Cell("context_length", style="name")
    cells[controls.context_row, UNIT] = Cell("token", style="unit")
    for at in range(LENGTHS):
        cells[controls.context_row, FIRST + at] = Cell(
            table_set.value("context_length", at), style="input", format="#,##0"
        )
    return cells


WITHIN = parse("min(max(crossover, first), last)")


def crossover_cells(table_set: TableSet, shown: Mapping[str, int], row: int) -> dict[tuple[int, int], Cell]:
    """Two points of an upright line in the chart, where QKᵀ and PV equal the FFN, kept within the lengths shown."""
    lengths = [Live(CellRef(SHEET, 5, FIRST + at), table_set.value("context_length", at)) for at in (0, LENGTHS - 1)]
    live = Live(CellRef(SHEET, shown["crossover_ffn"], FIRST), table_set.value("crossover_ffn", 0))
    values = {"crossover": live, "first": lengths[0], "last": lengths[1]}
    cells = {
        (row, LABEL): Cell("QKᵀ + PV equal the FFN", style="label"),
        (row, NAME): Cell("for the chart", style="name"),
    }
    cells[row + 1, LABEL] = Cell("Height of the line", style="label")
    for at in range(2):
        cells[row, FIRST + at] = local(SHEET, WITHIN, values, "calc", "#,##0")
        cells[row + 1, FIRST + at] = Cell(float(at), style="as_built", format="0%")
    return cells


def crossover(table_set: TableSet, row: int) -> Series:
    """That line; its cells are those of `crossover_cells`."""
    first, last = (float(table_set.value("context_length", at)) for at in (0, LENGTHS - 1))
    x = min(max(float(table_set.value("crossover_ffn", 0)), first), last)
    cell_refs = [[CellRef(SHEET, row + step, FIRST + at) for at in range(2)] for step in range(2)]
    title = CellRef(SHEET, row, LABEL)
    return Series(
        f"{SHEET}!{title.absolute}", "QKᵀ + PV equal the FFN", absolute_span(cell_refs[1]), (0.0, 1.0), "66727F",
        absolute_span(cell_refs[0]), (x, x), "line",
    )  # fmt: skip


def control_validations(controls: Controls, layout: inputs.InputsLayout) -> tuple[Validation, ...]:
    """A drop-down of models and whole numbers for the lengths."""
    lengths = tuple(CellRef(SHEET, controls.context_row, FIRST + at).address for at in range(LENGTHS))
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
            most=LARGEST_INPUT,
        ),
    )
