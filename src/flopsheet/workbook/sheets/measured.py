"""The Measured sheet: measured times against what the hardware's efficiencies predict, and the fitted efficiencies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flopsheet.catalog import RUNS
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import names, parse
from flopsheet.records import frozen
from flopsheet.spec import Calibration
from flopsheet.spec.calibration.kinds import KINDS, Kind, Target
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, local, mirror, sentence
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import LABEL, CellRef
from flopsheet.workbook.model.sheet import Cell, Cells, Placed, Sheet
from flopsheet.workbook.model.styles import TABS

SHEET = "Measured"
TOP = 4
NAME, MEASURED, PREDICTED, OFF, BEFORE, LEFT_OUT = range(LABEL + 1, LABEL + 7)  # columns
HEADERS = {
    MEASURED: "Measured s", PREDICTED: "Predicted s", OFF: "Off", BEFORE: "Before the fit s",
    LEFT_OUT: "Left out of the fit s",
}  # fmt: skip
FITTED_HEADERS = {MEASURED: "Before", PREDICTED: "Fitted", OFF: "On Inputs now"}
WIDTHS = {LABEL: 30.0, NAME: 62.0, **dict.fromkeys(HEADERS, 19.0)}
SECONDS: Mapping[RunKind, str] = {"training": "#,##0.000", "serving": "#,##0.00000"}
SHARE, FIGURE = "+0.0%;-0.0%;0.0%", "[<0.001]0.00E+00;#,##0.000"
IS_OFF = parse("predicted / measured - 1")
NONE = "none"


@frozen
class Listed:
    """The measured rows of one kind of hardware, from a row of the sheet on."""

    calibration: Calibration
    runs: TableSet
    study: TableSet
    cell_index: CellIndex
    top: int

    @property
    def kind(self) -> Kind:
        return KINDS[self.calibration.kind]

    @property
    def seconds(self) -> str:
        """The format of times."""
        return SECONDS[self.calibration.kind]

    @property
    def first(self) -> int:
        """The first measured row, below the heading, the sentences and the header."""
        return self.top + 4

    @property
    def fitted_top(self) -> int:
        return self.first + len(self.calibration.rows) + 1

    @property
    def bottom(self) -> int:
        return self.fitted_top + len(self.calibration.fitted) + 1

    def cells(self) -> Iterator[Placed]:
        one = self.calibration
        yield from bar(self.top, heading(one), "band", WIDTHS)
        yield (self.top + 1, LABEL), Cell(errors(one), style="text")
        yield from _header(self.top + 3, f"Measured {self.kind.word}", "Layout", HEADERS)
        found = [cell for at in range(len(one.rows)) for cell in self.row(at)]
        yield from found
        off = {f"r{at[0]}": Live(CellRef(SHEET, *at), cell.value) for at, cell in found if at[1] == OFF}
        mean = parse(f"({' + '.join(f'abs({name})' for name in off)}) / {len(off)}")
        error = local(SHEET, mean, off, "calc", "0.0%")
        told = {"error": Live(CellRef(SHEET, self.top + 2, OFF), error.value)}
        yield (self.top + 2, OFF), error
        now = [("", "With the current efficiencies on Inputs, the mean error is {100 * error:.1} %.")]
        yield (self.top + 2, LABEL), sentence(SHEET, now, told)
        if not one.fitted:
            return
        yield from _header(self.fitted_top, "Efficiency", "", FITTED_HEADERS)
        kinds = [str(name) for (name,) in self.study.table("hardware").keys]
        at = kinds.index(one.hardware)
        for row, fitted in enumerate(one.fitted, start=self.fitted_top + 1):
            entry = self.study.catalog.inputs[fitted.name]
            yield (row, LABEL), Cell(entry.label, style="label")
            yield (row, NAME), Cell(fitted.name, style="name")
            yield (row, MEASURED), Cell(fitted.before, style="as_built", format=FIGURE)
            yield (row, PREDICTED), Cell(fitted.after, style="as_built", format=FIGURE)
            live = Live(self.cell_index.of(self.study, fitted.name)[at], self.study.value(fitted.name, at))
            yield (row, OFF), mirror(SHEET, live, format=FIGURE)

    def row(self, at: int) -> Iterator[Placed]:
        """One measured time: its layout, what was measured, what is predicted now, before and without it."""
        measured, row = self.calibration.rows[at], self.first + at
        target = self.kind.target(measured.metric)
        run = [str(key) for (key,) in self.runs.table("run").keys].index(measured.run)
        yield (row, LABEL), Cell(self.kind.title(measured.run, measured.metric), style="label")
        yield (row, NAME), Cell(self.layout(run), style="text")
        step = self.measured(target, run)
        predicted = self.live(measured.metric, run)
        yield (row, MEASURED), step
        yield (row, PREDICTED), mirror(SHEET, predicted, format=self.seconds)
        pair = {
            "predicted": Live(CellRef(SHEET, row, PREDICTED), predicted.value),
            "measured": Live(CellRef(SHEET, row, MEASURED), step.value),
        }
        yield (row, OFF), local(SHEET, IS_OFF, pair, "calc", SHARE)
        for column, value in ((BEFORE, measured.before), (LEFT_OUT, measured.left_out)):
            yield (row, column), Cell(NONE if value is None else value, style="as_built", format=self.seconds)

    def measured(self, target: Target, run: int) -> Cell:
        """What was measured, as Inputs says it now."""
        read = {name: self.live(name, run) for name in names(target.measured)}
        if len(read) == 1:
            [only] = read.values()
            return mirror(SHEET, only, format=self.seconds)
        return local(SHEET, target.measured, read, "calc", self.seconds)

    def row_of(self, name: str, run: int) -> int:
        """The row of a run in the table that has an input or metric."""
        grain, of_run = self.runs.grain(name), RUNS[self.calibration.kind][0]
        return run if grain == of_run else int(self.runs.table(of_run).above[grain][run])

    def live(self, name: str, run: int) -> Live:
        """The cell of an input or metric of a run."""
        row = self.row_of(name, run)
        return Live(self.cell_index.of(self.runs, name)[row], self.runs.value(name, row))

    def layout(self, run: int) -> str:
        """What tells the layouts apart, as the spec was built."""
        parts = []
        for name, word in {"n_devices": "devices", **LAYOUT[self.calibration.kind]}.items():
            value = self.runs.built.plain(self.runs.grain(name), name)[self.row_of(name, run)]
            least = 0 if name == "zero_stage" else 1  # which is said of none
            if isinstance(value, float) and (value > least or name == "n_devices"):
                parts.append(
                    f"{value:,.0f} {word if value > 1 else 'device'}" if name == "n_devices" else f"{word} {value:,.0f}"
                )
        return ", ".join(parts)


LAYOUT: Mapping[RunKind, Mapping[str, str]] = {
    "training": {
        "context_length": "S", "global_batch_size": "batch", "micro_batch_size": "micro-batch", "tensor_parallel": "TP",
        "pipeline_parallel": "PP", "context_parallel": "CP", "expert_parallel": "EP", "zero_stage": "ZeRO",
    },
    "serving": {
        "prompt_length": "prompt", "generated_length": "generated", "n_sequences": "at once", "tensor_parallel": "TP",
        "pipeline_parallel": "PP", "attention_data_parallel": "attention DP", "expert_parallel": "EP",
    },
}  # fmt: skip


def _header(row: int, label: str, name: str, headers: dict[int, str]) -> Iterator[Placed]:
    yield (row, LABEL), Cell(label, style="header_left")
    yield (row, NAME), Cell(name, style="header_left")
    for column, header in headers.items():
        yield (row, column), Cell(header, style="header_wrapped")


def heading(one: Calibration) -> str:
    """`h100-sxm: 8 efficiencies, 2.7 effective constants, fitted to 5 measured steps`."""
    kind = KINDS[one.kind]
    runs = kind.count_of(one.n_runs)
    if not one.fitted:
        return f"{one.hardware}: {runs}, nothing fitted, because the spec gives the efficiencies"
    count = sum(1 for each in one.fitted if each.name not in kind.ratios)
    if count == 1:
        return f"{one.hardware}: one constant fitted to {runs}"
    figures = f"{count:,} efficiencies, {one.n_effective:.1f} effective constants"
    return f"{one.hardware}: {figures}, fitted to {runs}"


def errors(one: Calibration) -> str:
    """The mean errors before, after, and of what is left out, in words."""
    said = {
        "before": "with the efficiencies before the fit",
        "after": "as fitted",
        "left_out": "for layouts left out of the fit",
    }
    kind, told = KINDS[one.kind], []
    for metric in one.metrics:
        found = {which: one.error(which, metric) for which in said}
        parts = [f"{100 * error:.1f} % {said[which]}" for which, error in found.items() if error is not None]
        told.append(f"{kind.title('Mean error', metric)}: {', '.join(parts)}.")
    return " ".join(told)


def sheet(found: Sequence[Listed]) -> Sheet:
    """The whole sheet."""
    cells: Cells = {at: cell for one in found for at, cell in one.cells()}
    cells[1, LABEL] = Cell(SHEET, style="title")
    cells[2, LABEL] = Cell(
        "The measured runs of the spec are on Training and Serving; predictions follow the efficiencies on Inputs.",
        style="subtitle",
    )
    return Sheet(SHEET, cells, WIDTHS, freeze="C4", title_rows="1:3", tab=TABS["runs"])


def listed(
    calibrations: Sequence[Calibration], study: TableSet, of_runs: Sequence[TableSet], cell_index: CellIndex
) -> list[Listed]:
    """The kinds of hardware with measured rows, one below the other."""
    found: list[Listed] = []
    row = TOP
    for calibration in calibrations:
        [runs] = [of_kind for of_kind in of_runs if of_kind.name == calibration.kind]
        found.append(Listed(calibration, runs, study, cell_index, row))
        row = found[-1].bottom + 2
    return found
