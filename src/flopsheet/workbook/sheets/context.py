"""The what-if of the Context sheet: any model of the study over twelve context lengths that the reviewer types.

It is a second set of tables with one model, whose inputs are looked up on Inputs by the chosen name.
"""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog import Catalog
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.pipeline import what_ifs
from flopsheet.pipeline.frames import Values
from flopsheet.records import frozen
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, local, sentence
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef
from flopsheet.workbook.model.sheet import Cell, Validation
from flopsheet.workbook.sheets import input_layout
from flopsheet.workbook.sheets.compare import Pair

SHEET = "Context"
SECOND = FIRST + 5  # the column in which the second chart begins, about halfway
LENGTHS = 12
FURTHER = 4  # times the longest context of the study: how far charts go
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


SHORT = first_that_holds(
    [
        ("x == floor(x / 2^20) * 2^20", "{floor(x / 2^20)}M"),
        ("x == floor(x / 2^10) * 2^10", "{floor(x / 2^10)}k"),
        ("", "{x + 0}"),
    ]
)
# What the shares show, where the lengths that are drawn have it: neither windows nor an indexer, both of which the
# crossover ignores, keep QKᵀ + PV from growing with the context up to the last of them.
IS_DRAWN = """
    where(crossover > first, where(crossover < last, where(abs(scores * crossover - ffn * last) < ffn * last / 100,
    1, 0), 0), 0) == 1
"""
OVERTAKES = "{model}: QKᵀ + PV overtakes the FFN at {crossover:,} tokens"
GOES = "Where the forward pass of {model} goes as the context grows"


def short_lengths(table_set: TableSet, chart_row: int) -> tuple[CellRef, ...]:
    """Where the lengths stand as the axis has them, 8k for 8,192: below the figures that are drawn."""
    return tuple(CellRef(SHEET, chart_row - 3, FIRST + at) for at in range(LENGTHS))


def folded(chart_row: int) -> tuple[int, int, bool]:
    """The row of the lengths as the axis has them: nobody reads them but the charts."""
    return chart_row - 3, chart_row - 3, True


def short_cells(table_set: TableSet, chart_row: int) -> dict[tuple[int, int], Cell]:
    """The lengths as the axis has them."""
    placed = short_lengths(table_set, chart_row)
    cells = {
        cell_ref[1:]: local(SHEET, SHORT, {"x": _length(table_set, at)}, "calc") for at, cell_ref in enumerate(placed)
    }
    return {(placed[0].row, LABEL): Cell("Length on the axis of the chart", style="label"), **cells}


def short(table_set: TableSet, at: int) -> str:
    """A length as the axis has it."""
    return str(local(SHEET, SHORT, {"x": _length(table_set, at)}).value)


def _length(table_set: TableSet, at: int) -> Live:
    return Live(CellRef(SHEET, 5, FIRST + at), table_set.value("context_length", at))


def longest_built(table_set: TableSet) -> float:
    """The longest context length of a table set as it was built: what a chart draws stays when a length is edited."""
    return float(max(table_set.built.column(table_set.grain("context_length"), "context_length")))


def n_drawn(table_set: TableSet, longest: float) -> int:
    """How many of the lengths are drawn: as built, not far beyond the longest context of the study."""
    lengths = table_set.built.column(table_set.grain("context_length"), "context_length")
    return sum(float(length) <= FURTHER * longest for length in lengths) or LENGTHS


def shares_title(controls: Controls, shown: Mapping[str, int], longest: float) -> Cell:
    """What the shares of the chosen model show."""
    table_set = controls.table_set
    row, drawn = shown["crossover_ffn"], n_drawn(controls.table_set, longest) - 1

    def share(name: str) -> Live:
        return Live(CellRef(SHEET, shown[name], FIRST + drawn), table_set.value(name, drawn))

    read = {
        "model": Live(controls.model, table_set.value("model", 0)),
        "crossover": Live(CellRef(SHEET, row, FIRST), table_set.value("crossover_ffn", 0)),
        "first": _length(table_set, 0),
        "last": _length(table_set, drawn),
        "scores": share("share_attention_scores"),
        "ffn": share("share_ffn"),
    }
    return sentence(SHEET, [(" ".join(IS_DRAWN.split()), OVERTAKES), ("", GOES)], read)


def control_validations(controls: Controls, layout: input_layout.InputsLayout) -> tuple[Validation, ...]:
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
