"""The efficiencies of hardware, fitted to the measured rows of a spec.

Least squares of the logarithm of predicted over measured time, robust beyond some per cent, by Gauss and Newton. One
layout of a training step fits one constant, the efficiency of matmuls. Otherwise all constants of the terms that the
rows have move, each held back by how far it may differ from the one that published measurements gave (`Kind.prior`), so
that what is fitted in effect is never more than there are measurements. Equal layouts count as one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, geometric_mean, stdev

from flopsheet import catalog, diagnostics
from flopsheet.records import frozen
from flopsheet.spec.calibration.kinds import Kind, is_given
from flopsheet.spec.calibration.solve import solve
from flopsheet.spec.calibration.steps import Point, TimedRun
from flopsheet.spec.entries import Calibration, Device, Fitted, InputValue, MeasuredRow, ModelSpec, Run, is_time
from flopsheet.spec.resolve.draft import Draft, Fault, Resolved
from flopsheet.spec.runs import MEASURED

UNKNOWN = 0.7  # how far an efficiency may differ of a kind of hardware that nobody measured
ROBUST, STEPS, NUDGE = 1.5, 15, 1e-4  # the first times the noise
FURTHEST = 0.7  # of one step
LAYOUTS_FOR_RANGE = 3
ONE_IN_TEN = 1.2815515655446004  # of a normal distribution
SLOWEST = 25.0  # times the prediction


def calibrate(
    draft: Draft, models: Sequence[ModelSpec], hardware: Sequence[Device], rows: Sequence[Run], kind: Kind
) -> Resolved[tuple[tuple[Device, ...], tuple[Calibration, ...]]]:
    """The hardware with the efficiencies that the measured rows of a kind show, and how these were found."""
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
            timed = [TimedRun(draft.study, of_model[run.model], device, run, kind) for run in own]
            fit = Fit(device, points(kind, timed))
            wrong = [fault for point in fit.points for fault in _impossible(draft, fit, point)]
            calibration, inputs = (None, {}) if wrong else fit.result()
        except (ArithmeticError, TypeError, ValueError):  # 1 / 0, or an input so large that a product is infinite
            wrong = [_fault(draft, run, "", diagnostics.row_not_predicted("no finite number")) for run in own]
            calibration = None
        if calibration is None:
            faults += wrong
            found.append(device)
            continue
        calibrations.append(calibration)
        sources = dict.fromkeys(inputs, f"fitted to {len(own):,} measured rows of the spec")
        found.append(Device(device.name, {**device.inputs, **inputs}, {**device.sources, **sources}))
    return Resolved((tuple(found), tuple(calibrations)), faults)


def points(kind: Kind, steps: Sequence[TimedRun]) -> list[Point]:
    """The times that were measured of some runs."""
    return [Point(step, target) for step in steps for target in kind.targets if is_given(step.value(target.measured))]


def _impossible(draft: Draft, fit: Fit, point: Point) -> list[Fault]:
    """What is wrong with a measured time that no device can reach, or that is none of such a run."""
    predicted = point.seconds(fit.start)
    is_predicted = not isinstance(predicted, str) and 0 < predicted < math.inf
    least = point.least({**fit.start, **fit.kind.at_best}) if is_predicted else math.nan
    said = point.target.says
    if isinstance(predicted, str) or not is_predicted:
        finding = diagnostics.row_not_predicted(str(predicted))
    elif point.measured < least:
        finding = diagnostics.row_too_fast(point.measured, least, said.least, said.what, said.check)
    elif point.measured > SLOWEST * predicted:
        finding = diagnostics.row_too_slow(point.measured, predicted, said.what, said.check)
    else:
        return []
    return [_fault(draft, point.run, point.target.key, finding)]


def _fault(draft: Draft, run: Run, key: str, finding: diagnostics.Finding) -> Fault:
    """What is wrong with a measured time, where the spec says it."""
    path, said = (MEASURED, run.name), draft.listed(MEASURED)[run.name]
    key = key if key in said else next((one for one in said if is_time(one)), "")
    return draft.fault((*path, key) if key else path, finding, key=not key)


@frozen
class Fit:
    """The measured times of one kind of run on one kind of device."""

    device: Device
    points: Sequence[Point]

    @property
    def kind(self) -> Kind:
        return self.points[0].step.kind

    @property
    def borrowed(self) -> dict[str, float]:
        """What nobody fitted for this kind: the mean of the kinds that were measured."""
        fitted_to = self.kind.fitted_to
        kinds = [kind.inputs for kind in catalog.hardware().values() if kind.inputs.get(fitted_to) == "itself"]
        free = (name for name in self.kind.prior if not self.device.is_given(name))
        absent = [name for name in free if isinstance(self.device.inputs[name].value, str)]
        return {name: geometric_mean({float(kind[name]) for kind in kinds}) for name in absent}

    @property
    def start(self) -> dict[str, float]:
        """The efficiencies before the fit."""
        given = {name: self.device.inputs[name].value for name in self.kind.prior}
        return {**{name: float(value) for name, value in given.items() if not isinstance(value, str)}, **self.borrowed}

    def prior(self, name: str, n_layouts: int) -> float:
        """How far an efficiency may differ from where it starts."""
        is_alone = n_layouts == 1 and self.kind.alone
        return math.inf if is_alone else UNKNOWN if name in self.borrowed else self.kind.prior[name]

    @property
    def layouts(self) -> list[list[int]]:
        """The measured times of each layout."""
        found: dict[tuple[object, ...], list[int]] = {}
        for at, point in enumerate(self.points):
            said = {name: one.value for name, one in point.run.inputs.items() if not is_time(name)}
            found.setdefault(tuple(said.values()), []).append(at)
        return list(found.values())

    def result(self) -> tuple[Calibration, dict[str, InputValue]]:
        """How the fit was made, and the inputs of the device that it changes."""
        start, layouts, kind = self.start, self.layouts, self.kind
        free = [kind.alone] if kind.alone and len(layouts) == 1 else list(kind.prior)
        free = [name for name in free if not self.device.is_given(name)]
        best = self.fitted([name for name in free if self.matters(name)], layouts)
        rounded = {name: float(f"{value:.4g}") for name, value in best.efficiencies.items()}
        known = not self.borrowed
        rows = []
        for at, point in enumerate(self.points):
            before = float(point.seconds(start)) if known else None
            left_out = best.left_out[at] if best.left_out else None
            after = float(point.seconds({**start, **rounded}))
            rows.append(MeasuredRow(point.run.name, point.target.metric, point.measured, before, after, left_out))
        changed = {**self.borrowed, **rounded}
        inputs = {name: InputValue(value) for name, value in changed.items()}
        if rounded:
            n_runs = len({row.run for row in rows})
            inputs |= {kind.fitted_to: InputValue("measured_rows"), kind.count_input: InputValue(float(n_runs))}
        for target in kind.targets:
            of_target = [found for of in layouts if (found := [at for at in of if self.points[at].target == target])]
            is_free = not any(map(self.device.is_given, target.ratios))
            if len(of_target) >= LAYOUTS_FOR_RANGE and is_free:
                spread = zip(target.ratios, self.spread(rows, of_target), strict=True)
                inputs |= {name: InputValue(value) for name, value in spread}
        told = tuple(
            Fitted(name, self.device.inputs[name].value, float(one.value))
            for name, one in inputs.items()
            if name not in {kind.fitted_to, kind.count_input}
        )
        return Calibration(kind.run, self.device.name, tuple(rows), told, best.n_effective), inputs

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
        nudged = {**start, name: start[name] * 1.01}
        return any(point.seconds(nudged) != point.seconds(start) for point in self.points)

    def fitted(self, names: Sequence[str], layouts: Sequence[Sequence[int]]) -> _Fitted:
        """The efficiencies of these names that predict the measured times best."""
        start = self.start
        weights = [0.0] * len(self.points)
        for of in layouts:
            counts = Counter(self.points[at].target for at in of)
            for at in of:
                weights[at] = 1 / counts[self.points[at].target]
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
        left_out = [0.0] * len(self.points)
        for of in layouts if len(layouts) > 1 else ():
            others = [row for at, row in enumerate(rows) if at not in of]
            without = {**start, **_exp(names, _moved(unknowns, logs, others) if names else logs)}
            for at in of:
                left_out[at] = float(self.points[at].seconds(without))
        return _Fitted(_exp(names, logs), left_out if len(layouts) > 1 else [], _settled(unknowns, rows))

    def slopes(self, names: Sequence[str], logs: Sequence[float], weights: Sequence[float]) -> list[_Row]:
        """How far each time is off, and how that changes with each efficiency; what is far off counts less."""
        here = {**self.start, **_exp(names, logs)}
        rows = []
        for point, weight in zip(self.points, weights, strict=True):
            time, noise = float(point.seconds(here)), point.target.noise
            changed = [float(point.seconds({**here, name: here[name] * math.exp(NUDGE)})) for name in names]
            off = math.log(time / point.measured)
            slopes = [math.log(other / time) / NUDGE for other in changed]
            rows.append(_Row(off, slopes, weight / math.sqrt(1 + (off / (ROBUST * noise)) ** 2) / noise**2))
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
    """One measured time about the present efficiencies."""

    off: float
    slopes: Sequence[float]
    weight: float


@frozen
class _Fitted:
    efficiencies: Mapping[str, float]
    left_out: Sequence[float]
    """Each time, its layout left out; empty where there is one layout."""
    n_effective: float


def _bounds(name: str) -> tuple[float, float]:
    entry = catalog.load_inputs().inputs[name]
    return math.log(entry.least or 1e-15), math.log(entry.most or 1e6)


def _exp(names: Sequence[str], logs: Sequence[float]) -> dict[str, float]:
    return {name: math.exp(value) for name, value in zip(names, logs, strict=True)}


def _moved(unknowns: Sequence[_Unknown], logs: Sequence[float], rows: Sequence[_Row]) -> list[float]:
    """One step of Gauss and Newton from these logarithms, within bounds."""
    normal = _normal(unknowns, rows)
    right = [-math.fsum(row.weight * row.slopes[i] * row.off for row in rows) for i in range(len(unknowns))]
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
    return [[math.fsum(row.weight * row.slopes[i] * row.slopes[j] for row in rows) for j in every] for i in every]


def _settled(unknowns: Sequence[_Unknown], rows: Sequence[_Row]) -> float:
    """How many constants the rows settle: for each the share of what holds it that is measured."""
    measured, held = _normal(unknowns, rows), _normal(unknowns, rows)
    for at, one in enumerate(unknowns):
        held[at][at] += one.prior**-2
    return math.fsum(solve(held, measured[at])[at] for at in range(len(unknowns)))
