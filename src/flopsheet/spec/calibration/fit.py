"""The efficiencies of hardware, fitted to the measured rows of a spec.

Least squares of the logarithm of predicted over measured time, robust beyond some per cent, by Gauss and Newton. One
layout fits one constant, the efficiency of matmuls. Several move all constants of the terms that they have, each held
back by how far it may differ from the one that published steps gave (`PRIOR`), so that what is fitted in effect is
never more than there are layouts. Equal layouts count as one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, geometric_mean, stdev

from flopsheet import catalog, diagnostics
from flopsheet.records import frozen
from flopsheet.spec.calibration.solve import solve
from flopsheet.spec.calibration.steps import COMPUTE, Step
from flopsheet.spec.entries import Calibration, Device, Fitted, InputValue, MeasuredRow, ModelSpec, Run
from flopsheet.spec.resolve.draft import Draft, Fault, Resolved
from flopsheet.spec.runs import MEASURED, SECONDS

FIRST = "matmul_efficiency"
# How far each may differ from the fit to published steps: the standard deviation of its logarithm. A judgement, tried
# on the published steps themselves: docs/measured-rows.md.
PRIOR = {
    FIRST: 0.2, "fused_attention_efficiency": 0.25, "eager_attention_efficiency": 0.3, "collective_efficiency": 0.3,
    "collective_latency": 0.5, "small_matmul_width": 0.5, "kernel_traffic": 0.15, "weight_traffic": 0.3,
    "unhidden_gather": 0.3,
}  # fmt: skip
UNKNOWN = 0.7  # the same of a kind of hardware that nobody measured
NOISE, ROBUST, STEPS, NUDGE = 0.05, 0.075, 15, 1e-4
RATIOS = ("time_ratio_low", "time_ratio_median", "time_ratio_high")
FITTED = frozenset({*PRIOR, *RATIOS, "fitted_to", "n_measured"})  # what a calibration may change
FURTHEST = 0.7  # of one step
LAYOUTS_FOR_RANGE = 3
SPEC = "the spec"
ONE_IN_TEN = 1.2815515655446004  # of a normal distribution
SLOWEST = 25.0  # times the prediction


def calibrate(
    draft: Draft, models: Sequence[ModelSpec], hardware: Sequence[Device], rows: Sequence[Run]
) -> Resolved[tuple[tuple[Device, ...], tuple[Calibration, ...]]]:
    """The hardware with the efficiencies that the measured rows show, and how these were found."""
    of_model = {model.name: model for model in models}
    found: list[Device] = []
    calibrations: list[Calibration] = []
    faults: list[Fault] = []
    for device in hardware:
        own = [run for run in rows if run.hardware == device.name]
        if not own:
            found.append(device)
            continue
        try:
            fit = Fit(device, [Step(draft.study, of_model[run.model], device, run) for run in own])
            wrong = [fault for step in fit.steps for fault in _impossible(draft, fit, step)]
            calibration, inputs = (None, {}) if wrong else fit.result()
        except (ArithmeticError, TypeError, ValueError):  # 1 / 0, or an input so large that a product is infinite
            wrong = [_fault(draft, run, diagnostics.row_not_predicted("no finite number")) for run in own]
            calibration = None
        if calibration is None:
            faults += wrong
            found.append(device)
            continue
        calibrations.append(calibration)
        sources = dict.fromkeys(inputs, f"fitted to {len(own):,} measured rows of the spec")
        found.append(Device(device.name, {**device.inputs, **inputs}, {**device.sources, **sources}))
    return Resolved((tuple(found), tuple(calibrations)), faults)


def _impossible(draft: Draft, fit: Fit, step: Step) -> list[Fault]:
    """What is wrong with a measured time that no device can reach, or that is none of a step."""
    predicted = step.seconds(fit.start)
    is_predicted = not isinstance(predicted, str) and 0 < predicted < math.inf
    least = float(step.seconds({**fit.start, FIRST: 1.0}, COMPUTE)) if is_predicted else math.nan
    if isinstance(predicted, str) or not is_predicted:
        finding = diagnostics.row_not_predicted(str(predicted))
    elif step.measured < least:
        finding = diagnostics.row_too_fast(step.measured, least)
    elif step.measured > SLOWEST * predicted:
        finding = diagnostics.row_too_slow(step.measured, predicted)
    else:
        return []
    return [_fault(draft, step.run, finding)]


def _fault(draft: Draft, run: Run, finding: diagnostics.Finding) -> Fault:
    """What is wrong with a measured time, where the spec says it."""
    path, said = (MEASURED, run.name), draft.listed(MEASURED)[run.name]
    key = SECONDS if SECONDS in said else next((one for one in said if one.startswith("measured_")), "")
    return draft.fault((*path, key) if key else path, finding, key=not key)


@frozen
class Fit:
    """The measured steps on one kind of device."""

    device: Device
    steps: Sequence[Step]

    @property
    def borrowed(self) -> dict[str, float]:
        """What nobody fitted for this kind: the mean of the kinds that were measured."""
        kinds = [kind.inputs for kind in catalog.hardware().values() if kind.inputs.get("fitted_to") == "itself"]
        free = (name for name in PRIOR if self.device.sources.get(name) != SPEC)
        absent = [name for name in free if isinstance(self.device.inputs[name].value, str)]
        return {name: geometric_mean({float(kind[name]) for kind in kinds}) for name in absent}

    @property
    def start(self) -> dict[str, float]:
        """The efficiencies before the fit."""
        given = {name: self.device.inputs[name].value for name in PRIOR}
        return {**{name: float(value) for name, value in given.items() if not isinstance(value, str)}, **self.borrowed}

    def prior(self, name: str, n_layouts: int) -> float:
        """How far an efficiency may differ from where it starts."""
        return math.inf if n_layouts == 1 else UNKNOWN if name in self.borrowed else PRIOR[name]

    @property
    def layouts(self) -> list[list[int]]:
        """The steps of each layout."""
        found: dict[tuple[object, ...], list[int]] = {}
        for at, step in enumerate(self.steps):
            said = {name: one.value for name, one in step.run.inputs.items() if not name.startswith("measured_")}
            found.setdefault(tuple(said.values()), []).append(at)
        return list(found.values())

    def result(self) -> tuple[Calibration, dict[str, InputValue]]:
        """How the fit was made, and the inputs of the device that it changes."""
        start, layouts = self.start, self.layouts
        free = [name for name in (PRIOR if len(layouts) > 1 else [FIRST]) if self.device.sources.get(name) != SPEC]
        best = self.fitted([name for name in free if self.matters(name)], layouts)
        rounded = {name: float(f"{value:.4g}") for name, value in best.efficiencies.items()}
        known = not self.borrowed
        rows = []
        for at, step in enumerate(self.steps):
            before = float(step.seconds(start)) if known else None
            left_out = best.left_out[at] if best.left_out else None
            rows.append(
                MeasuredRow(step.run.name, step.measured, before, float(step.seconds({**start, **rounded})), left_out)
            )
        changed = {**self.borrowed, **rounded}
        inputs = {name: InputValue(value) for name, value in changed.items()}
        if rounded:
            inputs |= {"fitted_to": InputValue("measured_rows"), "n_measured": InputValue(float(len(rows)))}
        if len(layouts) >= LAYOUTS_FOR_RANGE and not any(self.device.sources.get(name) == SPEC for name in RATIOS):
            inputs |= {name: InputValue(value) for name, value in zip(RATIOS, self.spread(rows, layouts), strict=True)}
        told = tuple(
            Fitted(name, self.device.inputs[name].value, float(one.value))
            for name, one in inputs.items()
            if name not in {"fitted_to", "n_measured"}
        )
        return Calibration(self.device.name, tuple(rows), told, best.n_effective), inputs

    def spread(self, rows: Sequence[MeasuredRow], layouts: Sequence[Sequence[int]]) -> list[float]:
        """Measured over predicted where the layout was left out: one in ten below, the mean, one in ten above.

        As the measurements are few, by Student's distribution for the next one.
        """
        logs = [
            fmean(math.log(rows[at].seconds / (rows[at].left_out or rows[at].after)) for at in of) for of in layouts
        ]
        n, z = len(logs), ONE_IN_TEN
        free = n - 1
        t = z + (z**3 + z) / (4 * free) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        far = t * stdev(logs) * math.sqrt(1 + 1 / n)
        return [float(f"{math.exp(fmean(logs) + side * far):.3g}") for side in (-1, 0, 1)]

    def matters(self, name: str) -> bool:
        """Whether any step takes another time with another value."""
        start = self.start
        return any(step.seconds({**start, name: start[name] * 1.01}) != step.seconds(start) for step in self.steps)

    def fitted(self, names: Sequence[str], layouts: Sequence[Sequence[int]]) -> _Fitted:
        """The efficiencies of these names that predict the steps best."""
        start = self.start
        weights = [0.0] * len(self.steps)
        for of in layouts:
            for at in of:
                weights[at] = 1 / len(of)
        unknowns = [_Unknown(math.log(start[name]), self.prior(name, len(layouts)), *_bounds(name)) for name in names]
        logs = [unknown.start for unknown in unknowns]
        rows: list[_Row] = []
        for _ in range(STEPS if names else 0):
            rows = self.slopes(names, logs, weights)
            moved = _moved(unknowns, logs, rows)
            done = max(abs(one - other) for one, other in zip(moved, logs, strict=True)) < 1e-6
            logs = moved
            if done:
                break
        if not all(map(math.isfinite, logs)):
            raise ArithmeticError("a fit without a finite number")
        left_out = [0.0] * len(self.steps)
        for of in layouts if len(layouts) > 1 else ():
            others = [row for at, row in enumerate(rows) if at not in of]
            without = {**start, **_exp(names, _moved(unknowns, logs, others) if names else logs)}
            for at in of:
                left_out[at] = float(self.steps[at].seconds(without))
        return _Fitted(_exp(names, logs), left_out if len(layouts) > 1 else [], _settled(unknowns, rows))

    def slopes(self, names: Sequence[str], logs: Sequence[float], weights: Sequence[float]) -> list[_Row]:
        """How far each step is off, and how that changes with each efficiency; what is far off counts less."""
        here = {**self.start, **_exp(names, logs)}
        rows = []
        for step, weight in zip(self.steps, weights, strict=True):
            time = float(step.seconds(here))
            changed = [float(step.seconds({**here, name: here[name] * math.exp(NUDGE)})) for name in names]
            off = math.log(time / step.measured)
            slopes = [math.log(other / time) / NUDGE for other in changed]
            rows.append(_Row(off, slopes, weight / math.sqrt(1 + (off / ROBUST) ** 2) / NOISE**2))
        return rows


@frozen
class _Unknown:
    """The logarithm of an efficiency: where it starts, how far it may differ from there, its bounds."""

    start: float
    prior: float
    least: float
    most: float


@frozen
class _Row:
    """One step about the present efficiencies."""

    off: float
    slopes: Sequence[float]
    weight: float


@frozen
class _Fitted:
    efficiencies: Mapping[str, float]
    left_out: Sequence[float]
    """The time of each step, its layout left out; empty where there is one layout."""
    n_effective: float


def _bounds(name: str) -> tuple[float, float]:
    entry = catalog.load_inputs().inputs[name]
    return math.log(entry.least or 1e-6), math.log(entry.most or 1e6)


def _exp(names: Sequence[str], logs: Sequence[float]) -> dict[str, float]:
    return {name: math.exp(value) for name, value in zip(names, logs, strict=True)}


def _moved(unknowns: Sequence[_Unknown], logs: Sequence[float], rows: Sequence[_Row]) -> list[float]:
    """One step of Gauss and Newton from these logarithms, within bounds."""
    normal = _normal(unknowns, rows)
    right = [-sum(row.weight * row.slopes[i] * row.off for row in rows) for i in range(len(unknowns))]
    for at, one in enumerate(unknowns):
        normal[at][at] += one.prior**-2
        right[at] += one.prior**-2 * (one.start - logs[at])
    moves = solve(normal, right)
    return [
        min(max(log + min(max(move, -FURTHEST), FURTHEST), one.least), one.most)
        for log, move, one in zip(logs, moves, unknowns, strict=True)
    ]


def _normal(unknowns: Sequence[_Unknown], rows: Sequence[_Row]) -> list[list[float]]:
    every = range(len(unknowns))
    return [[sum(row.weight * row.slopes[i] * row.slopes[j] for row in rows) for j in every] for i in every]


def _settled(unknowns: Sequence[_Unknown], rows: Sequence[_Row]) -> float:
    """How many constants the rows settle: for each the share of what holds it that is measured."""
    measured, held = _normal(unknowns, rows), _normal(unknowns, rows)
    for at, one in enumerate(unknowns):
        held[at][at] += one.prior**-2
    return sum(solve(held, measured[at])[at] for at in range(len(unknowns)))
