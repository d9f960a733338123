"""The what-if of the Context sheet: any model of the study over twelve context lengths that the reviewer types.

It is a second set of tables with one model, whose inputs are looked up on Inputs by the chosen name.
"""

from __future__ import annotations

from collections.abc import Callable

from flopsheet.catalog import Catalog
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.pipeline import what_ifs
from flopsheet.pipeline.frames import Values
from flopsheet.records import frozen
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, local, mirror, sentence, unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, MATHS, NAME, TAIL, UNIT, CellRef
from flopsheet.workbook.model.sheet import Cell, Cells, Validation
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
# From the top: what is chosen, the table and the charts that follow, the titles of these, folded; below are blocks.
MODEL = CellRef(SHEET, 4, FIRST)
LENGTHS_ROW, TABLE_ROW = MODEL.row + 1, MODEL.row + 2
SHOWN_ROWS = {name: row for row, name in enumerate((*SHOWN, *SHOWN_MODEL), start=TABLE_ROW + 1)}
AXIS_ROW = max(SHOWN_ROWS.values()) + 1  # the lengths as an axis has them: nobody reads them but a chart
CHART_ROW, CHART_ROWS = AXIS_ROW + 3, 19
WORDS_ROW = CHART_ROW + CHART_ROWS
ON_AXIS = tuple(CellRef(SHEET, AXIS_ROW, FIRST + at) for at in range(LENGTHS))


@frozen
class Selections:
    """What a reviewer chose: the model and context lengths of the what-if, and the scenarios that are compared."""

    model: str
    lengths: tuple[float, ...]
    pair: Pair


def default_choice(spec: Spec, values: Values) -> Selections:
    """The largest forward pass of the study, over twelve doublings of its shortest context.

    It is compared with another model at the same context, where there is one.
    """
    work = values.column("scenario", "flops_forward")
    model = str(values.tables["scenario"].keys[int(work.argmax())][0])
    shortest, table, largest = min(spec.context_lengths), values.tables["scenario"], int(work.argmax())
    models, contexts = table.above["model"], table.above["context"]
    others = (row for row in range(len(table)) if contexts[row] == contexts[largest] and models[row] != models[largest])
    pair = Pair(next(others, 0), largest)
    return Selections(model, tuple(shortest * 2**step for step in range(LENGTHS)), pair)


def what_if(spec: Spec, choice: Selections, built: tuple[Spec, Selections], catalog: Catalog) -> TableSet:
    """The table set of the chosen model over the chosen lengths; which rows are folded depends on what was built."""

    def values(spec: Spec, choice: Selections) -> Values:
        return what_ifs.at_lengths(spec, choice.model, choice.lengths, catalog, (*SHOWN, *SHOWN_MODEL))

    now = values(spec, choice)
    return TableSet("what_if", now, catalog, now if built == (spec, choice) else values(*built))


def place_choice(table_set: TableSet, cell_index: CellIndex) -> None:
    """Makes the cells that choose the homes of the model and of the context lengths."""
    lengths = (CellRef(SHEET, LENGTHS_ROW, FIRST + at) for at in range(LENGTHS))
    cell_index.put(table_set.name, "context_length", lengths)
    cell_index.put(table_set.name, "model", (MODEL,))


def choice_cells(table_set: TableSet) -> Cells:
    """The choice itself."""
    cells = {
        (MODEL.row, LABEL): Cell("Model (choose)", style="lead"),
        (MODEL.row, NAME): Cell("model", style="name"),
        MODEL[1:]: Cell(str(table_set.table("model").keys[0][0]), style="input"),
        (LENGTHS_ROW, LABEL): Cell("Context lengths (enter)", style="lead"),
        (LENGTHS_ROW, NAME): Cell("context_length", style="name"),
        (LENGTHS_ROW, UNIT): Cell("token", style="unit"),
    }
    for at, length in enumerate(table_set.column("context_length")):
        cells[LENGTHS_ROW, FIRST + at] = Cell(length, style="input", format="#,##0")
    return cells


def table_cells(table_set: TableSet, cell_index: CellIndex, links: Callable[[str], str]) -> Cells:
    """The figures that follow the choice, from the working below; `links` gives where a name is explained."""
    columns = (*range(LABEL, FIRST + LENGTHS), *TAIL)
    cells = dict(bar(TABLE_ROW, "Cost of context for the chosen model", "band", columns))
    for name, row in SHOWN_ROWS.items():
        metric, format = table_set.catalog.metrics[name], table_set.catalog.format(name)
        cells[row, LABEL] = Cell(metric.label, style="label")
        cells[row, NAME] = Cell(name, style="name", link=links(name))
        cells[row, UNIT] = Cell(unit_of(metric), style="unit")
        cells[row, MATHS] = Cell("from the working below", style="maths")
        for at, cell_ref in enumerate(cell_index.of(table_set, name)):
            cells[row, FIRST + at] = mirror(SHEET, Live(cell_ref, table_set.value(name, at)), format=format)
    return cells


def drawn_rows(table_set: TableSet, cell_index: CellIndex) -> dict[str, list[CellRef]]:
    """The cells of each figure of that table, and of the context lengths: what charts are drawn from."""
    rows = {name: [CellRef(SHEET, row, FIRST + at) for at in range(LENGTHS)] for name, row in SHOWN_ROWS.items()}
    return rows | {"context_length": list(cell_index.of(table_set, "context_length"))}


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


def axis_cells(table_set: TableSet) -> Cells:
    """The lengths as the axis of a chart has them, 8k for 8,192."""
    cells = {cell_ref[1:]: local(SHEET, SHORT, {"x": _length(table_set, at)}) for at, cell_ref in enumerate(ON_AXIS)}
    return {(AXIS_ROW, LABEL): Cell("Length on the axis of the chart", style="label"), **cells}


def short(table_set: TableSet, at: int) -> str:
    """A length as the axis has it."""
    return str(local(SHEET, SHORT, {"x": _length(table_set, at)}).value)


def _model(table_set: TableSet) -> Live:
    return Live(MODEL, table_set.value("model", 0))


def _length(table_set: TableSet, at: int) -> Live:
    return Live(CellRef(SHEET, LENGTHS_ROW, FIRST + at), table_set.value("context_length", at))


def longest_built(table_set: TableSet) -> float:
    """The longest context length of a table set as it was built: what a chart draws stays when a length is edited."""
    return float(max(table_set.built.column(table_set.grain("context_length"), "context_length")))


def n_drawn(table_set: TableSet, longest: float) -> int:
    """How many of the lengths are drawn: as built, not far beyond the longest context of the study."""
    lengths = table_set.built.column(table_set.grain("context_length"), "context_length")
    return sum(float(length) <= FURTHER * longest for length in lengths) or LENGTHS


def shares_title(table_set: TableSet, longest: float) -> Cell:
    """What the shares of the chosen model show."""
    last = n_drawn(table_set, longest) - 1

    def shown(name: str, at: int) -> Live:
        return Live(CellRef(SHEET, SHOWN_ROWS[name], FIRST + at), table_set.value(name, at))

    read = {
        "model": _model(table_set),
        "crossover": shown("crossover_ffn", 0),
        "first": _length(table_set, 0),
        "last": _length(table_set, last),
        "scores": shown("share_attention_scores", last),
        "ffn": shown("share_ffn", last),
    }
    return sentence(SHEET, [(" ".join(IS_DRAWN.split()), OVERTAKES), ("", GOES)], read)


def cache_title(table_set: TableSet) -> Cell:
    """What the chart of the cache is of."""
    return sentence(SHEET, [("", "Cache of {model} as the context grows")], {"model": _model(table_set)})


def validations(layout: input_layout.InputsLayout) -> tuple[Validation, ...]:
    """A drop-down of models and whole numbers for the lengths."""
    lengths = tuple(CellRef(SHEET, LENGTHS_ROW, FIRST + at).address for at in range(LENGTHS))
    return (
        Validation(
            (MODEL.address,),
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
