"""How well some rows of a recipe calibrate its hardware: `python benchmarks/measured_rows.py` writes the tables anew.

Each group of published steps, and the published runs of each server, in turn play a user's own. The catalogue's
constants are those fitted without the group, or without the model; some rows, chosen at random, calibrate them, and the
others are predicted.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import measured_serving
import measured_steps
from flopsheet.spec import Device, InputValue, Run, Spec, load_spec
from flopsheet.spec.calibration.fit import Fit, points
from flopsheet.spec.calibration.kinds import FIRST_TOKEN, PER_TOKEN, SERVING, STEP, TRAINING, Kind, Target
from flopsheet.spec.calibration.steps import Point, TimedRun
from flopsheet.spec.resolve.draft import values_of

PAGE = measured_steps.ROOT / "docs" / "measured-rows.md"
MARKS = {
    "training": ("<!-- tried: python benchmarks/measured_rows.py -->", "<!-- end of what was tried -->"),
    "serving": (
        "<!-- tried of serving: python benchmarks/measured_rows.py -->",
        "<!-- end of what was tried of serving -->",
    ),
}
TRIES = {"training": 16, "serving": 4}
COUNTS = {"training": (1, 2, 3, 5, 8), "serving": (1, 3, 5, 8)}
LEAST_ROWS = 24  # of a server


def of_steps() -> Iterator[str]:
    """Mean errors of the steps that were not chosen, by group and number of rows."""
    rows = measured_steps.ROWS
    study = load_spec(measured_steps.spec_of_steps(rows))
    counts = COUNTS["training"]
    yield f"| group | rows | not calibrated | {' | '.join(map(str, counts))} | in the range of 3 or more |"
    yield "|---|---:|---:|" + "---:|" * (len(counts) + 1)
    for group in dict.fromkeys(row["group"] for row in rows):
        of = [at for at, row in enumerate(rows) if row["group"] == group]
        constants = zip(measured_steps.CONSTANTS, measured_steps.fitted()["without"][group], strict=True)
        device = device_of(study, "training", of[0])
        said = {
            name: value
            for (name, generation, *_), value in constants
            if not generation or device.name in measured_steps.FITTED_ON[generation]
        }
        timed = [{"measured_seconds_per_step": rows[at]["seconds_per_step"]} for at in of]
        tried = Tried(study, TRAINING, with_constants(device, said), of, timed)
        errors, inside = tried.errors(STEP)
        yield f"| {group} | {len(of)} | {' | '.join(errors)} | {inside} |"


def of_servers() -> Iterator[str]:
    """Mean errors of the runs that were not chosen, of time per token, then of the first token, by server."""
    rows = measured_serving.measured(by_engine=True)
    study = load_spec(measured_serving.spec_of(rows))
    counts = COUNTS["serving"]
    listed = " | ".join(map(str, counts))
    yield f"| model, device, engine | runs | not calibrated | {listed} | in the range of 3 or more |"
    yield "|---|---:|---:|" + "---:|" * (len(counts) + 1)
    groups: dict[tuple[str, str, str], list[int]] = {}
    for at, (row, run) in enumerate(zip(rows, study.runs["serving"], strict=True)):
        groups.setdefault((run.model, run.hardware, row.row["engine"]), []).append(at)
    means: list[list[str]] = []
    for group, of in groups.items():
        if len(of) < LEAST_ROWS:
            continue
        names = (name for name, *_ in measured_serving.CONSTANTS)
        said = dict(zip(names, measured_serving.fitted()["without"][group[0]], strict=True))
        timed = [{"measured_seconds_per_token": rows[at].per_token} for at in of]
        for one, at in zip(timed, of, strict=True):
            if rows[at].row["n_concurrent"] <= measured_serving.AT_ONCE:
                one["measured_time_to_first_token"] = rows[at].first_token
        tried = Tried(study, SERVING, with_constants(device_of(study, "serving", of[0]), said), of, timed)
        (token, inside), (first, _) = tried.errors(PER_TOKEN), tried.errors(FIRST_TOKEN)
        pairs = [f"{one} / {other}" if other else one for one, other in zip(token, first, strict=True)]
        means.append(token)
        yield f"| {', '.join(group)} | {len(of)} | {' | '.join(pairs)} | {inside} |"
    mean = [f"{fmean(float(cell.split()[0]) for cell in column):.1f} %" for column in zip(*means, strict=True)]
    yield f"| mean of time per token | | {' | '.join(mean)} | |"


class Tried:
    """Some rows of one kind of device of which a few calibrate it, a number of times."""

    def __init__(
        self, study: Spec, kind: Kind, device: Device, of: Sequence[int], timed: Sequence[Mapping[str, float]]
    ) -> None:
        self.kind, self.device = kind, device
        self.start = {name: float(device.inputs[name].value) for name in kind.prior}
        models = {one.name: one for one in study.models}
        runs = [with_times(study.runs[kind.run][at], seconds) for at, seconds in zip(of, timed, strict=True)]
        steps = [TimedRun(values_of(study.study), models[run.model], device, run, kind) for run in runs]
        self.points = [points(kind, [step]) for step in steps]
        self.fits = {count: [self.fit(chosen) for chosen in self.choices(count)] for count in COUNTS[kind.run]}

    def choices(self, count: int) -> Iterator[list[int]]:
        dice = random.Random(count)
        for _ in range(TRIES[self.kind.run] if count < len(self.points) else 0):
            yield dice.sample(range(len(self.points)), count)

    def fit(self, chosen: Sequence[int]) -> tuple[dict[str, float], list[Point]]:
        """What a fit to some rows gives, and the times of the others."""
        for of in self.points:
            of[0].step.take(self.start)
        calibration, _ = Fit(self.device, [point for at in chosen for point in self.points[at]]).result()
        others = [point for at, of in enumerate(self.points) if at not in chosen for point in of]
        return {one.name: one.after for one in calibration.fitted}, others

    def errors(self, target: Target) -> tuple[list[str], str]:
        """The mean error of a time without a fit and after those of each size; how many lay within P10 and P90."""
        every = [point for of in self.points for point in of]
        cells, inside = [percent([error(one, self.start) for one in every if one.target == target])], list[bool]()
        for fits in self.fits.values():
            found = list[float]()
            for after, others in fits:
                efficiencies = {name: after.get(name, value) for name, value in self.start.items()}
                of_target = [point for point in others if point.target == target]
                found += [error(point, efficiencies) for point in of_target]
                low, _, high = target.ratios
                if low in after:
                    ratios = [point.measured / float(point.seconds(efficiencies)) for point in of_target]
                    inside += [after[low] <= ratio <= after[high] for ratio in ratios]
            cells.append(percent(found))
        return cells, f"{fmean(inside):.0%}" if inside else ""


def percent(errors: Sequence[float]) -> str:
    return f"{100 * fmean(errors):.1f} %" if errors else ""


def error(point: Point, efficiencies: Mapping[str, float]) -> float:
    return abs(float(point.seconds(efficiencies)) / point.measured - 1)


def with_times(run: Run, seconds: Mapping[str, float]) -> Run:
    return run._replace(inputs={**run.inputs, **{name: InputValue(value) for name, value in seconds.items()}})


def device_of(study: Spec, kind: str, at: int) -> Device:
    [found] = [one for one in study.hardware if one.name == study.runs[kind][at].hardware]  # type: ignore[index]
    return found


def with_constants(device: Device, said: Mapping[str, float]) -> Device:
    """The device with constants that were fitted without a group."""
    return device._replace(inputs={**device.inputs, **{name: InputValue(value) for name, value in said.items()}})


if __name__ == "__main__":
    for kind, table in (("training", of_steps), ("serving", of_servers)):
        begin, end = MARKS[kind]
        before, rest = PAGE.read_text(encoding="utf-8").split(begin)
        text = "\n".join([f"{before}{begin}", "", *table(), "", f"{end}{rest.split(end)[1]}"])
        PAGE.write_text(text, encoding="utf-8")
