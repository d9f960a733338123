"""Which candidate is best, in words: which runs fit, the cheapest and the fastest of them, the smallest model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog.entries import YES, with_zero
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, parse
from flopsheet.formula.nodes import Name, substitute
from flopsheet.formula.operators import picked
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.counting import count_text, counting_where
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, live_of, local, mirror
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, UNIT, CellRef, absolute_span, between, letters
from flopsheet.workbook.model.sheet import Cell, Cells
from flopsheet.workbook.sheets.change_words import COMPUTED, NONE
from flopsheet.workbook.sheets.compare import LAST, SHEET
from flopsheet.workbook.sheets.run_metrics import COST

# How long a run takes, as it is known without or with a prediction.
TIME: Mapping[RunKind, str] = {"training": "days", "serving": "predicted_seconds_per_token"}
SHORT = {"predicted_cost_per_million": "Per M tokens"}  # above a narrow column
PER: Mapping[RunKind, str] = {"training": "", "serving": "/M tokens"}  # of what the cost of a run is
TITLES: Mapping[RunKind, str] = {"training": "training runs", "serving": "serving runs, predicted"}
# What the runs of a kind are compared at: where it differs, less money or time makes no run the better one.
WORK: Mapping[RunKind, tuple[str, ...]] = {
    "training": ("n_tokens",),
    "serving": ("prompt_length", "generated_length"),
}
APART = {
    "training": "they train on different numbers of tokens, so none is called cheapest or fastest",
    "serving": "they differ in prompt or generated tokens, so none is called cheapest or fastest",
}
OTHER_MODELS = "they are of different models, so none is called cheapest or fastest"
SCALE: Mapping[RunKind, int] = {"training": 1, "serving": 1000}  # days as they are, seconds in thousandths
FIT, PRICE, DURATION = FIRST, FIRST + 1, FIRST + 2  # columns
COLUMNS = range(LABEL, LAST + 1)
COUNTED = [
    ("fit == runs", "Every {kind} run fits"),
    ("fit == 1", "1 of {runs} {kind} runs fits"),
    ("", "{fit} of {runs} {kind} runs fit"),
]
CHEAPEST = {
    "training": "cheapest {cheapest} ({cost} USD)",
    "serving": "cheapest {cheapest} ({cost} USD per million tokens)",
}
FASTEST = {
    "training": "fastest {fastest} ({time} days)",
    "serving": "fastest {fastest} (predicted, {time} ms per token)",
}
SMALLEST = [
    (
        "models == 2",
        "Of 2 models {smallest} is smaller {size}; {forward} less for {least} {much}.",
    ),
    (
        "",
        "Of {models} models {smallest} is smallest {size}; {forward} least for {least} {much}.",
    ),
]
OF_MODELS = {
    "size": "({n_params} parameters)",
    "forward": "the forward pass at {length} tokens is",
    "much": "({work} TFLOP)",
}


@frozen
class Candidates:
    """The working, and the sentences that come of it."""

    cells: Cells
    lines: tuple[Live, ...]


def candidates(
    table_sets: Sequence[TableSet],
    cell_index: CellIndex,
    names: Sequence[CellRef],
    top: int,
    fits: Mapping[RunKind, Sequence[Live]],
) -> Candidates:
    """A sentence for each kind of run and one of the models, where there are several.

    `names` are those of models; `fits` says of each run of a kind whether it fits, or that it breaks a rule.
    """
    study, *of_kinds = table_sets
    cells: Cells = {}
    lines = []
    row = top
    for of_kind in of_kinds:
        if len(of_kind.table("run")) > 1:
            found, row = _of_runs(of_kind, cell_index, row, fits[of_kind.run_kind])
            cells |= found
            lines.append((row - 2, found[row - 2, LABEL]))
    if len(names) > 1:
        cells |= dict(bar(row, "Candidates: models", "block", COLUMNS))
        found, bottom = _of_models(study, cell_index, names, row + 1)
        cells |= found
        lines.append((bottom, found[bottom, LABEL]))
    return Candidates(cells, tuple(Live(CellRef(SHEET, at, LABEL), cell.value) for at, cell in lines))


def _of_runs(of_kind: TableSet, cell_index: CellIndex, top: int, answers: Sequence[Live]) -> tuple[Cells, int]:
    """The runs of a kind, what they cost and take if they fit, and the sentence; then the row after a blank one."""
    kind, table = of_kind.run_kind, of_kind.table("run")
    cells: Cells = dict(bar(top, f"Candidates: {TITLES[kind]}", "block", COLUMNS))
    metrics = [of_kind.catalog.metrics[name] for name in (COST[kind], TIME[kind])]
    cells[top + 1, FIT] = Cell("Fits", style="header_centred")
    for column, metric in zip((PRICE, DURATION), metrics, strict=True):
        label, unit = SHORT.get(metric.name, metric.label), of_kind.catalog.unit_of(metric.name)
        cells[top + 1, column] = Cell(f"{label}, {unit.heading}", style="header")
    first, last = top + 2, top + 1 + len(table)
    for at, (run,) in enumerate(table.keys):
        row = first + at
        cells[row, LABEL] = Cell(str(run), style="label")
        fits = answers[at]
        cells[row, FIT] = mirror(SHEET, fits, "linked_centred")
        for column, metric in zip((PRICE, DURATION), metrics, strict=True):
            live = live_of(of_kind, cell_index, metric.name, at)
            ref, format = live.cell_ref.seen_from(SHEET), of_kind.catalog.format(metric.name)
            value = live.value if fits.value == YES and not isinstance(live.value, str) else NONE
            formula = f'IF({letters(FIT)}{row}="{YES}",IF(ISNUMBER({ref}),{ref},"{NONE}"),"{NONE}")'
            cells[row, column] = Cell(value, formula, "linked", format)
    said_of = [cells[row, FIT].value for row in range(first, last + 1)]
    fit = CellRef(SHEET, last + 2, FIT).address
    corners = [(CellRef(SHEET, first, FIT), CellRef(SHEET, last, FIT))]
    lines: dict[str, tuple[str, Cell]] = {"fit": ("Runs that fit", count_text(SHEET, corners, said_of, YES))}
    for column, what, which, much in (
        (PRICE, "cheapest", "cheapest", "cost"), (DURATION, "fastest", "fastest", "time"),
    ):  # fmt: skip
        points = [cells[row, column].value for row in range(first, last + 1)]
        numbers = [point for point in points if not isinstance(point, str)]
        among = _column(column, first, last)
        # One is best of several, and only where each of them has the figure.
        has_best = len(numbers) == said_of.count(YES) > 1
        is_best = f"AND({fit}>1,COUNT({among})={fit})"
        name = str(table.keys[points.index(min(numbers))][0]) if has_best else NONE
        formula = f'IF({is_best},{_of_least(_column(LABEL, first, last), among)},"{NONE}")'
        lines[which] = (f"The {what}", Cell(name, formula, "calc"))
        known, format = min(numbers) if has_best else 0.0, with_zero(cells[first, column].format, NONE)
        lines[much] = (f"Its {much}", Cell(known, f"IF({is_best},MIN({among}),0)", "calc", format))
    prices = _column(PRICE, first, last)
    n_prices = sum(not isinstance(cells[row, PRICE].value, str) for row in range(first, last + 1))
    lines["priced"] = ("Runs that fit and have a price", Cell(float(n_prices), f"COUNT({prices})", "calc", "0"))
    lines["apart"] = ("1 if they differ in work, 2 in models", _apart(of_kind, cell_index))
    units = dict(zip(("cost", "time"), (f"{metrics[0].unit}{PER[kind]}", metrics[1].unit), strict=True))
    said = {"runs": Live(CellRef(SHEET, last + 1, FIT), float(len(table)))}
    cells[last + 1, LABEL] = Cell("Runs", style="label")
    cells[last + 1, FIT] = Cell(float(len(table)), f"COUNTA({_column(FIT, first, last)})", "calc", "#,##0")
    for row, (name, (label, cell)) in enumerate(lines.items(), start=last + 2):
        cells[row, LABEL], cells[row, FIT] = Cell(label, style="label"), cell
        cells[row, UNIT] = Cell(units.get(name, ""), style="unit")
        said[name] = Live(CellRef(SHEET, row, FIT), cell.value)
    bottom = last + 2 + len(lines)
    cells[bottom, LABEL] = local(SHEET, _sentence(kind), said, "text")
    return cells, bottom + 2


def _apart(of_kind: TableSet, cell_index: CellIndex) -> Cell:
    """Whether the runs of a kind do different amounts of work, or are of different models."""
    names = WORK[of_kind.run_kind]
    spans = (absolute_span(cell_index.of(of_kind, name)) for name in names)
    tests = ",".join(f"MAX({among})>MIN({among})" for among in spans)
    runs = range(len(of_kind.table("run")))
    is_apart = any(len({of_kind.value(name, at) for at in runs}) > 1 for name in names)
    models = cell_index.of(of_kind, "run_model")
    among, first = absolute_span(models), models[0].seen_from(SHEET)
    differ = len({of_kind.value("run_model", at) for at in runs}) > 1
    alike = counting_where(f"={first}", first, among)
    return Cell(2.0 if differ else float(is_apart), f"IF({alike}<{len(models)},2,IF(OR({tests}),1,0))", "calc", "0")


def _sentence(kind: RunKind) -> Node:
    """Which fit, which of them is cheapest, which fastest; what is not known is left out."""
    both = f"{{begun}}; {CHEAPEST[kind]}, {FASTEST[kind]}."
    cases = [
        ("fit == 0", f"None of {{runs}} {kind} runs fits."),
        ("fit == 1", "{begun}."),
        ("apart == 1", f"{{begun}}; {APART[kind]}."),
        ("apart == 2", f"{{begun}}; {OTHER_MODELS}."),
        ("cost * time > 0", both),
        ("cost > 0", f"{{begun}}; {CHEAPEST[kind]}."),
        ("time * (1 - min(priced, 1)) > 0", f"{{begun}}; {FASTEST[kind]}, no price."),
        ("time > 0", f"{{begun}}; {FASTEST[kind]}, not all have a price."),
        ("", "{begun}."),
    ]
    begun = first_that_holds([(when, say.replace("{kind}", kind)) for when, say in COUNTED])
    shown = {"cost": Name("cost"), "time": parse(f"time * {SCALE[kind]}")}
    words = {name: substitute(COMPUTED, {"x": node}) for name, node in shown.items()}
    # Conditions compare numbers; only what is said of them is in words.
    return _said(cases, {"begun": begun, **words})


def _said(cases: Sequence[tuple[str, str]], words: Mapping[str, Node]) -> Node:
    """The sentence of the first case that holds, with some names replaced in what is said alone."""
    renamed = [(when, _renamed(say, words)) for when, say in cases]
    return substitute(first_that_holds(renamed), {f"{name}_words": node for name, node in words.items()})


def _renamed(say: str, words: Mapping[str, Node]) -> str:
    for name in words:
        say = say.replace(f"{{{name}}}", f"{{{name}_words}}")
    return say


def _of_models(study: TableSet, cell_index: CellIndex, names: Sequence[CellRef], top: int) -> tuple[Cells, int]:
    """The smallest model, the one with the least work at the first context length, and the sentence; then its row."""
    keys = [str(key) for (key,) in study.table("model").keys]
    said: dict[str, Live] = {}
    cells: Cells = {}

    def put(name: str, label: str, cell: Cell, unit: str = "") -> None:
        at = CellRef(SHEET, top + len(said), FIRST)
        cells[at.row, LABEL], cells[at.row, FIRST] = Cell(label, style="label"), cell
        cells[at.row, UNIT] = Cell(unit, style="unit")
        said[name] = Live(at, cell.value)

    put("models", "Models", Cell(float(len(keys)), f"COUNTA({absolute_span(names)})", "calc", "#,##0"))
    asked = (("smallest", "n_params", "n_params"), ("least", "work", "tflop_forward"))
    for which, much, metric in asked:
        refs = cell_index.of(study, metric)[: len(keys)]
        points = [float(study.value(metric, at)) for at in range(len(keys))]
        among, asked_for = absolute_span(refs), study.catalog.metrics[metric]
        label = asked_for.label.lower()
        formula = picked("MIN", among, absolute_span(names))
        put(which, f"Smallest by {label}", Cell(keys[points.index(min(points))], formula, "calc"))
        least = Cell(min(points), f"MIN({among})", "calc", study.catalog.format(metric))
        put(much, f"Its {label}", least, asked_for.unit)
    length = live_of(study, cell_index, "context_length_words", 0)
    put("length", "Context length", mirror(SHEET, length), "token")
    numbers = {name: substitute(COMPUTED, {"x": Name(name)}) for name in ("n_params", "work")}
    words = {name: substitute(first_that_holds([("", say)]), numbers) for name, say in OF_MODELS.items()}
    row = top + len(said)
    cells[row, LABEL] = local(SHEET, _said(SMALLEST, words), said, "text")
    return cells, row


def _of_least(names: str, among: str) -> str:
    """The spreadsheet text of the name beside the least number."""
    return f"INDEX({names},MATCH(MIN({among}),{among},0))"


def _column(column: int, first: int, last: int) -> str:
    return between(CellRef(SHEET, first, column).absolute, CellRef(SHEET, last, column).absolute)


def joined(lines: Sequence[Live], row: int) -> Cells:
    """The sentences as one line of the sheet; nothing where there is none."""
    if not lines:
        return {}
    refs = (line.cell_ref.seen_from(SHEET) for line in lines)
    return {(row, LABEL): Cell(" ".join(str(line.value) for line in lines), '&" "&'.join(refs), "text")}
