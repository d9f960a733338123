"""The Compare sheet: any two scenarios side by side, and the inputs that move the second one most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from flopsheet.catalog import Metric
from flopsheet.formula import parse
from flopsheet.formula.nodes import Text, substitute
from flopsheet.formula.operators import indexed
from flopsheet.numerics import ROUNDING
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import CHANGE, Live, first_that_holds, local, mirror, unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT, CellRef, absolute_span, column_span, letters, quoted
from flopsheet.workbook.model.sheet import Cell, Chart, Highlight, Placed, Series, Validation
from flopsheet.workbook.model.sizes import width_of
from flopsheet.workbook.model.styles import PALETTE
from flopsheet.workbook.sheets import sensitivity
from flopsheet.workbook.sheets.sensitivity import EFFECT_FORMAT, EFFECTS, effect_titles

SHEET = "Compare"
A, B, DIFFERENCE, SHARE, RATIO = range(FIRST, FIRST + 5)  # columns
LISTED_MODEL = DIFFERENCE  # of the list of scenarios: a long name runs over the empty cells of B
LAST = FIRST + 5
NAMED = LAST + 1  # the column of names in the spec
WIDTHS = {LABEL: 36.0, UNIT: 12.0, NAMED: 30.0} | dict.fromkeys(range(A, LAST + 1), 21.0)
COLUMNS = range(LABEL, NAMED + 1)
CHOICE_ROW, POSITION_ROW, MODEL_ROW, LENGTH_ROW = 5, 6, 7, 8
TABLE_ROW = 10
CHART_ROWS = 20
STEP = 0.1
TENFOLD = 10
POINTS = '0.00%" pts"'  # of a difference of shares
RATIO_FORMAT = '[>=10]#,##0"×";[>0]0.00"×";"–"'
NEAR = parse(f"where(abs(b - a) <= {ROUNDING} * abs(a), 0, b - a)")
RATIO_OF = parse("where(a == 0, 0, b / a)")
# A change as a share, of nothing none; from ten times on a multiple, which people read more easily than +4,711.6 %.
TOLD = substitute(
    parse(f"where(built == 0, where(live == 0, 0, appears), where(live / built >= {TENFOLD}, times, change))"),
    {"change": CHANGE, "times": first_that_holds([("", "{live / built:,}×")]), "appears": Text("from 0")},
)

# What is compared besides the headlines, by heading.
COMPONENTS = {
    "Parameters": (
        "n_params_token_embedding", "n_params_position_embedding", "n_params_attention", "n_params_ffn",
        "n_params_mixers", "n_params_routed_experts", "n_params_shared_experts", "n_params_router",
        "n_params_layer_norms_all", "n_params_lm_head",
    ),
    "Forward FLOPs": (
        "flops_attention_projections", "flops_attention_scores", "flops_index_scores_all", "flops_mixer_projections",
        "flops_convolution", "flops_state_updates", "flops_ffn", "flops_lm_head", "flops_non_matmul", "flops_forward",
        "flops_forward_per_token", "flops_training_step", "flops_decode",
    ),
    "Memory": ("weight_bytes", "kv_cache_bytes_per_token", "kv_cache_bytes", "weights_and_cache_bytes"),
}  # fmt: skip


@frozen
class Pair:
    """Rows of the scenario table that are compared, and the step of the sensitivity."""

    first: int
    second: int
    step: float = STEP


@frozen
class CompareLayout:
    """Where everything stands on the sheet."""

    table_set: TableSet
    pair: Pair

    @cached_property
    def metrics(self) -> list[tuple[str, list[Metric]]]:
        """Headings and the metrics below them."""
        catalog = self.table_set.catalog
        headlines = [metric for metric in catalog.headlines if metric.grain in {"model", "scenario"}]
        found = [("Headlines", headlines)]
        for title, names in COMPONENTS.items():
            found.append((title, [catalog.metrics[name] for name in names if not self.table_set.is_unused(name)]))
        return found

    @property
    def step(self) -> CellRef:
        row = TABLE_ROW + sum(1 + len(metrics) for _, metrics in self.metrics) + 2
        return CellRef(SHEET, row, A)

    @property
    def sorted_row(self) -> int:
        """The first line of the sorted sensitivity."""
        return self.step.row + 2

    def chart_row(self, n_tags: int) -> int:
        return self.sorted_row + n_tags + 1

    def words_row(self, n_tags: int) -> int:
        """Where the title of the chart is folded, below it."""
        return self.chart_row(n_tags) + CHART_ROWS

    def list_row(self, n_tags: int) -> int:
        """The first scenario of the list that the drop-downs choose from."""
        return self.words_row(n_tags) + 3

    def below(self, n_tags: int) -> int:
        """The row after the list and a blank one."""
        return self.list_row(n_tags) + max(len(self.table_set.table("scenario")), 2) + 1

    @property
    def base(self) -> sensitivity.Base:
        """What the sensitivity steps: the second scenario."""
        at = {row: CellRef(SHEET, row, B) for row in (MODEL_ROW, LENGTH_ROW)}
        return sensitivity.Base(at[MODEL_ROW], at[LENGTH_ROW], self.step, self.pair.second, self.pair.step)


def has_long_names(layout: CompareLayout) -> bool:
    """Whether names that can be chosen go over several lines, as those of a sweep's variants do."""
    return max(map(len, _scenario_names(layout.table_set))) + 2.0 > WIDTHS[LABEL]


def widths_of(layout: CompareLayout) -> dict[int, float]:
    """Columns as wide as the longest name that can be chosen, or its longest line; a name may have 64 letters."""
    names = _scenario_names(layout.table_set)
    if has_long_names(layout):
        longest = max(width_of(Cell(name, style="input_folded")) for name in names)
    else:
        longest = max(map(len, names)) + 2.0
    return WIDTHS | dict.fromkeys((A, B), max(WIDTHS[A], longest))


def _scenario_names(table_set: TableSet) -> list[str]:
    return [scenario_name(table_set, row) for row in range(len(table_set.table("scenario")))]


def scenario_name(table_set: TableSet, row: int) -> str:
    """The name of a scenario, whatever its context length is edited to."""
    table = table_set.table("scenario")
    return f"{table.keys[row][0]}, context {table.above['context'][row] + 1}"


def cells(
    layout: CompareLayout, steps: sensitivity.SensitivityLayout, cell_index: CellIndex, links: Callable[[str], str]
) -> Iterator[Placed]:
    """Every cell of the sheet."""
    listed = _Listed(layout.table_set, layout.list_row(len(steps.tags)))
    yield from _choice_cells(layout, listed)
    yield from _table_cells(layout, listed, cell_index, links)
    yield from _sorted_cells(layout, steps)
    yield from listed.cells(cell_index)


class _Listed:
    """The scenarios of the study, as the drop-downs list them."""

    def __init__(self, table_set: TableSet, top: int) -> None:
        self.table_set, self.top, self.table = table_set, top, table_set.table("scenario")

    def column(self, column: int) -> str:
        """A column of the list, with the empty row below a single scenario: some programs take no MATCH of one cell."""
        return self.rows(column, max(len(self.table), 2))

    def names(self) -> str:
        """What the drop-downs offer; with an empty cell among it a spreadsheet would take any text."""
        return self.rows(LABEL, len(self.table))

    def rows(self, column: int, count: int) -> str:
        return column_span(column, self.top, self.top + count - 1)

    def cells(self, cell_index: CellIndex) -> Iterator[Placed]:
        table_set = self.table_set
        yield from bar(self.top - 2, "Scenarios of this study, as the drop-downs above list them", "block", COLUMNS)
        for column, text in (
            (LABEL, "Scenario"),
            (UNIT, "Context"),
            (A, "Number of the model"),
            (LISTED_MODEL, "Model"),
        ):
            yield (self.top - 1, column), Cell(text, style="header_left" if column < A else "header")
        lengths = cell_index.of(table_set, "context_length")
        for at in range(len(self.table)):
            row, context = self.top + at, self.table.above["context"][at]
            name = scenario_name(table_set, at)
            yield (row, LABEL), Cell(name, style="fitted_label" if len(name) + 2.0 > WIDTHS[LABEL] else "label")
            yield (row, LISTED_MODEL), Cell(str(self.table.keys[at][0]), style="as_built")
            length = Live(lengths[context], table_set.value("context_length", context))
            yield (row, UNIT), mirror(SHEET, length, "linked_left", "#,##0")
            yield (row, A), Cell(float(self.table.above["model"][at] + 1), style="as_built", format="0")


def _choice_cells(layout: CompareLayout, listed: _Listed) -> Iterator[Placed]:
    table_set, table = layout.table_set, layout.table_set.table("scenario")
    yield from bar(CHOICE_ROW - 1, "Two scenarios", "block", COLUMNS)
    labels = (
        (CHOICE_ROW, "Scenario (choose)", ""),
        (POSITION_ROW, "Place in the list below", ""),
        (MODEL_ROW, "Model", "model"),
        (LENGTH_ROW, "Context length", "context_length"),
    )
    for row, label, name in labels:
        yield (row, LABEL), Cell(label, style="lead" if row == CHOICE_ROW else "label")
        yield (row, NAMED), Cell(name, style="name")
    yield (LENGTH_ROW, UNIT), Cell("token", style="unit")
    for column, row in ((A, layout.pair.first), (B, layout.pair.second)):
        letter = letters(column)
        yield (CHOICE_ROW, column), Cell(scenario_name(table_set, row), style="input")
        formula = f"MATCH({letter}{CHOICE_ROW},{listed.column(LABEL)},0)"
        yield (POSITION_ROW, column), Cell(float(row + 1), formula, "calc", "0")
        formula = f"INDEX({listed.column(LISTED_MODEL)},{letter}{POSITION_ROW})"
        yield (MODEL_ROW, column), Cell(str(table.keys[row][0]), formula, "linked")
        formula = f"INDEX({listed.column(UNIT)},{letter}{POSITION_ROW})"
        length = table_set.value("context_length", table.above["context"][row])
        yield (LENGTH_ROW, column), Cell(length, formula, "linked", "#,##0")


def _table_cells(
    layout: CompareLayout, listed: _Listed, cell_index: CellIndex, links: Callable[[str], str]
) -> Iterator[Placed]:
    table_set, row = layout.table_set, TABLE_ROW
    titles = {A: "A", B: "B", DIFFERENCE: "B − A", SHARE: "Change", RATIO: "B / A"}
    for title, metrics in layout.metrics:
        yield from bar(row, title, "band", COLUMNS)
        for column, text in titles.items() if row == TABLE_ROW else ():
            yield (row, column), Cell(text, style="header")
        for metric in metrics:
            row += 1
            format = table_set.catalog.format(metric.name)
            yield (row, LABEL), Cell(metric.label, style="label")
            yield (row, NAMED), Cell(metric.name, style="name", link=links(metric.name))
            yield (row, UNIT), Cell(unit_of(metric), style="unit")
            values = dict(_of_both(layout, listed, cell_index, metric, row))
            for name, column in (("a", A), ("b", B)):
                yield (row, column), values[name]
            if metric.unit == "text":
                continue
            live = {
                name: Live(CellRef(SHEET, row, column), values[name].value) for name, column in (("a", A), ("b", B))
            }
            yield (row, DIFFERENCE), local(SHEET, NEAR, live, "calc", POINTS if metric.unit == "share" else format)
            change = {"live": live["b"], "built": live["a"]}
            yield (row, SHARE), local(SHEET, TOLD, change, "calc", EFFECT_FORMAT)
            yield (row, RATIO), local(SHEET, RATIO_OF, live, "calc", RATIO_FORMAT)
        row += 1


def _of_both(
    layout: CompareLayout, listed: _Listed, cell_index: CellIndex, metric: Metric, row: int
) -> Iterator[tuple[str, Cell]]:
    """A metric of both scenarios, found by their place in the list."""
    table_set, table = layout.table_set, layout.table_set.table("scenario")
    among, format = absolute_span(cell_index.of(table_set, metric.name)), table_set.catalog.format(metric.name)
    for name, column, at in (("a", A, layout.pair.first), ("b", B, layout.pair.second)):
        position = f"{letters(column)}${POSITION_ROW}"
        if metric.grain == "model":
            at = table.above["model"][at]
            position = f"INDEX({listed.column(A)},{position})"
        yield name, Cell(table_set.value(metric.name, at), indexed(among, position), "linked", format)


def _sorted_cells(layout: CompareLayout, steps: sensitivity.SensitivityLayout) -> Iterator[Placed]:
    """The lines of the sensitivity, the largest swing first."""
    title = "Sensitivity of scenario B: one input at a time, all others unchanged"
    yield from bar(layout.step.row - 1, title, "block", COLUMNS)
    yield (layout.step.row, LABEL), Cell("Step (enter)", style="lead")
    yield (layout.step.row, NAMED), Cell("memory: weights and cache", style="name")
    yield (layout.step.row, A), Cell(layout.pair.step, style="input", format="0%")
    yield from bar(layout.sorted_row - 1, "Largest effect on total FLOPs first", "band", COLUMNS)
    yield from effect_titles(layout.sorted_row - 1, A, "header")
    source = quoted(sensitivity.SHEET)

    def column(at: int) -> str:
        return f"{source}!{column_span(at, steps.top, steps.bottom)}"

    for at in range(len(steps.tags)):
        row, effect = layout.sorted_row + at, steps.effects[steps.ranks.index(at + 1)]
        place = f"MATCH({at + 1},{column(steps.rank_column)},0)"
        yield (row, LABEL), Cell(effect.tag, f"INDEX({column(LABEL)},{place})", "linked_left")
        for step, value in enumerate(effect.values):
            formula = f"INDEX({column(FIRST + step)},{place})"
            yield (row, A + step), Cell(value, formula, "linked", EFFECT_FORMAT)


def validations(layout: CompareLayout, steps: sensitivity.SensitivityLayout) -> tuple[Validation, ...]:
    """Two drop-downs of scenarios, and the step."""
    listed = _Listed(layout.table_set, layout.list_row(len(steps.tags)))
    chosen = tuple(CellRef(SHEET, CHOICE_ROW, column).address for column in (A, B))
    return (
        Validation(
            chosen, "list", "Scenario", "Any scenario of this study; context 1 is the first length on Inputs.",
            "Choose one from the list.", choices=f"{SHEET}!{listed.names()}",
        ),
        Validation(
            (layout.step.address,), "decimal", "Step", "How far each input is moved down and up.",
            "A share above 0 and at most 0.9.", least=0.001, most=0.9,
        ),
    )  # fmt: skip


def highlights(layout: CompareLayout) -> tuple[Highlight, ...]:
    """What grew and what shrank."""
    first = f"{letters(SHARE)}{TABLE_ROW + 1}"
    area = f"{first}:{letters(SHARE)}{layout.step.row - 3}"
    return (
        Highlight(area, "grew", f"AND(ISNUMBER({first}),{first}>0)"),
        Highlight(area, "shrank", f"AND(ISNUMBER({first}),{first}<0)"),
    )


def tornado(layout: CompareLayout, steps: sensitivity.SensitivityLayout) -> Chart:
    """Effects on total FLOPs, largest first, to both sides of none."""
    count = len(steps.tags)
    rows = [layout.sorted_row, layout.sorted_row + count - 1]
    ordered: Sequence[sensitivity.Effect] = [steps.effects[steps.ranks.index(at + 1)] for at in range(count)]
    anchor = CellRef(SHEET, layout.chart_row(count), LABEL)
    words = anchor._replace(row=layout.words_row(count))
    series = [
        Series(
            CellRef(SHEET, layout.sorted_row - 1, A + side).anywhere,
            f"{next(iter(EFFECTS.values()))} {'−+'[side]}",
            absolute_span([CellRef(SHEET, row, A + side) for row in rows]),
            tuple(effect.values[side] for effect in ordered),
            colour,
        )
        for side, colour in ((0, PALETTE[1]), (1, PALETTE[2]))
    ]
    return Chart(
        "tornado", words.anywhere, "What one step of each input does to the FLOPs of scenario B",
        anchor.address, "Input", "Effect on total FLOPs", absolute_span([CellRef(SHEET, row, LABEL) for row in rows]),
        tuple(effect.tag for effect in ordered), tuple(series), width_cm=24.0, height_cm=9.8,
        y_format="+0%;-0%;0%", y_most=None,
    )  # fmt: skip
