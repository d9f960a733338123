"""The Measured sheet: measured steps against what the hardware's efficiencies predict, and the fitted efficiencies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flopsheet.formula import parse
from flopsheet.records import frozen
from flopsheet.spec import Calibration
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, local, mirror, sentence
from flopsheet.workbook.model.references import LABEL, CellRef
from flopsheet.workbook.model.sheet import Cell, Sheet

SHEET = "Measured"
TOP = 4
NAME, MEASURED, PREDICTED, OFF, BEFORE, LEFT_OUT = range(LABEL + 1, LABEL + 7)  # columns
HEADERS = {
    MEASURED: "Measured s", PREDICTED: "Predicted s", OFF: "Off", BEFORE: "Before the fit s",
    LEFT_OUT: "Left out of the fit s",
}  # fmt: skip
FITTED_HEADERS = {MEASURED: "Before", PREDICTED: "Fitted", OFF: "On Inputs now"}
WIDTHS = {LABEL: 30.0, NAME: 62.0, **dict.fromkeys(HEADERS, 19.0)}
SECONDS, SHARE, FIGURE = "#,##0.000", "+0.0%;-0.0%;0.0%", "[<0.001]0.00E+00;#,##0.000"
STEP = parse("global_batch_size * context_length / measured_speed")
IS_OFF = parse("predicted / measured - 1")
NONE = "none"
TAB = "CC79A7"
Placed = tuple[tuple[int, int], Cell]


@frozen
class Listed:
    """The measured rows of one kind of hardware, from a row of the sheet on."""

    calibration: Calibration
    training: TableSet
    study: TableSet
    cell_index: CellIndex
    top: int

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
        for column in WIDTHS:
            yield (self.top, column), Cell(heading(one) if column == LABEL else "", style="band")
        yield (self.top + 1, LABEL), Cell(errors(one), style="text")
        yield from _header(self.top + 3, "Measured step", "Layout", HEADERS)
        found = [cell for at in range(len(one.rows)) for cell in self.row(at)]
        yield from found
        off = {f"r{place[0]}": Live(CellRef(SHEET, *place), cell.value) for place, cell in found if place[1] == OFF}
        mean = parse(f"({' + '.join(f'abs({name})' for name in off)}) / {len(off)}")
        told = {"error": Live(CellRef(SHEET, self.top + 2, OFF), local(SHEET, mean, off).value)}
        yield (self.top + 2, OFF), local(SHEET, mean, off, "calc", "0.0%")
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
        """One measured step: its layout, what was measured, what is predicted now, before and without it."""
        measured, row = self.calibration.rows[at], self.first + at
        names = [str(key) for (key,) in self.training.table("run").keys]
        run = names.index(measured.run)

        def live(name: str) -> Live:
            grain, table = self.training.grain(name), self.training.table("training_run")
            place = run if grain == "training_run" else int(table.above[grain][run])
            return Live(self.cell_index.of(self.training, name)[place], self.training.value(name, place))

        yield (row, LABEL), Cell(measured.run, style="label")
        yield (row, NAME), Cell(self.layout(run), style="text")
        step = local(SHEET, STEP, {name: live(name) for name in STEP_NAMES}, "calc", SECONDS)
        predicted = live("predicted_seconds_per_step")
        yield (row, MEASURED), step
        yield (row, PREDICTED), mirror(SHEET, predicted, format=SECONDS)
        pair = {
            "predicted": Live(CellRef(SHEET, row, PREDICTED), predicted.value),
            "measured": Live(CellRef(SHEET, row, MEASURED), step.value),
        }
        yield (row, OFF), local(SHEET, IS_OFF, pair, "calc", SHARE)
        for column, value in ((BEFORE, measured.before), (LEFT_OUT, measured.left_out)):
            yield (row, column), Cell(NONE if value is None else value, style="as_built", format=SECONDS)

    def layout(self, run: int) -> str:
        """What tells the layouts apart, as the spec was built."""
        table = self.training.built.tables["training_run"]
        said = {"n_devices": "devices", **LAYOUT}
        parts = []
        for name, word in said.items():
            grain = self.training.grain(name)
            value = self.training.built.plain(grain, name)[
                run if grain == "training_run" else int(table.above[grain][run])
            ]
            least = 0 if name == "zero_stage" else 1  # which is said of none
            if isinstance(value, float) and (value > least or name == "n_devices"):
                parts.append(f"{value:,.0f} {word}" if name == "n_devices" else f"{word} {value:,.0f}")
        return ", ".join(parts)


STEP_NAMES = ("global_batch_size", "context_length", "measured_speed")
LAYOUT = {
    "context_length": "S", "global_batch_size": "batch", "micro_batch_size": "micro-batch", "tensor_parallel": "TP",
    "pipeline_parallel": "PP", "context_parallel": "CP", "expert_parallel": "EP", "zero_stage": "ZeRO",
}  # fmt: skip


def _header(row: int, label: str, name: str, headers: dict[int, str]) -> Iterator[Placed]:
    yield (row, LABEL), Cell(label, style="header_left")
    yield (row, NAME), Cell(name, style="header_left")
    for column, header in headers.items():
        yield (row, column), Cell(header, style="header_wrapped")


def heading(one: Calibration) -> str:
    """`h100-sxm: 8 efficiencies, 2.7 effective constants, fitted to 5 measured steps`."""
    steps = f"{len(one.rows):,} measured {'step' if len(one.rows) == 1 else 'steps'}"
    if not one.fitted:
        return f"{one.hardware}: {steps}, nothing fitted, because the spec gives the efficiencies"
    if one.n_effective < 1.05:
        return f"{one.hardware}: one constant fitted to {steps}"
    from flopsheet.spec.calibration.fit import RATIOS  # which only studies with measured rows need

    count = sum(1 for each in one.fitted if each.name not in RATIOS)
    figures = f"{count:,} efficiencies, {one.n_effective:.1f} effective constants"
    return f"{one.hardware}: {figures}, fitted to {steps}"


def errors(one: Calibration) -> str:
    """The mean errors before, after, and of what is left out, in words."""
    said = {
        "before": "with the efficiencies before the fit",
        "after": "as fitted",
        "left_out": "for layouts left out of the fit",
    }
    found = {which: one.error(which) for which in said}
    parts = [f"{100 * error:.1f} % {said[which]}" for which, error in found.items() if error is not None]
    return f"Mean error: {', '.join(parts)}."


def sheet(found: Sequence[Listed]) -> Sheet:
    """The whole sheet."""
    cells: dict[tuple[int, int], Cell] = {at: cell for one in found for at, cell in one.cells()}
    cells[1, LABEL] = Cell(SHEET, style="title")
    cells[2, LABEL] = Cell(
        "The measured steps of the spec are runs on Training; predictions follow the efficiencies on Inputs.",
        style="subtitle",
    )
    return Sheet(SHEET, cells, WIDTHS, freeze="C4", title_rows="1:3", tab=TAB)


def listed(
    calibrations: Sequence[Calibration], study: TableSet, table_sets: Sequence[TableSet], cell_index: CellIndex
) -> list[Listed]:
    """The kinds of hardware with measured rows, one below the other."""
    found: list[Listed] = []
    row = TOP
    for calibration in calibrations:
        [training] = [table_set for table_set in table_sets if table_set.name == "training"]
        found.append(Listed(calibration, training, study, cell_index, row))
        row = found[-1].bottom + 2
    return found
