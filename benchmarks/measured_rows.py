"""How well some rows of a recipe calibrate its hardware: `python benchmarks/measured_rows.py` writes the table anew.

Each group of published steps in turn plays a user's own. The catalogue's constants are those fitted without the group;
some of its rows, chosen at random, calibrate them, and the others are predicted.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from flopsheet.spec import Device, InputValue, Run, load_spec
from flopsheet.spec.calibration.fit import Fit
from flopsheet.spec.calibration.steps import Step
from flopsheet.spec.resolve.draft import values_of
from measured_steps import CONSTANTS, FITTED_ON, ROOT, ROWS, fitted, spec_of_steps

PAGE = ROOT / "docs" / "measured-rows.md"
BEGIN, END = "<!-- tried: python benchmarks/measured_rows.py -->", "<!-- end of what was tried -->"
COUNTS, TRIES = (1, 2, 3, 5, 8), 16
EFFICIENCIES = [name for name, *_ in CONSTANTS]


def table() -> Iterator[str]:
    """Mean errors of the rows that were not chosen, by group and number of rows."""
    study = load_spec(spec_of_steps(ROWS))
    models, devices = ({one.name: one for one in of} for of in (study.models, study.hardware))
    yield f"| group | rows | not calibrated | {' | '.join(map(str, COUNTS))} | in the range of 3 or more |"
    yield "|---|---:|---:|" + "---:|" * (len(COUNTS) + 1)
    for group in dict.fromkeys(row["group"] for row in ROWS):
        of = [at for at, row in enumerate(ROWS) if row["group"] == group]
        runs = {at: timed(study.runs["training"][at], ROWS[at]["seconds_per_step"]) for at in of}
        device = without(devices[runs[of[0]].hardware], group)
        steps = {at: Step(values_of(study.study), models[run.model], device, run) for at, run in runs.items()}
        yield line(group, device, steps)


def line(group: str, device: Device, steps: dict[int, Step]) -> str:
    """One row of the table."""
    dice = random.Random(1)
    plain = fmean(error(step, {}) for step in steps.values())
    cells, inside = [], list[bool]()
    for count in COUNTS:
        found = []
        for _ in range(TRIES if count < len(steps) else 0):
            chosen = dice.sample(sorted(steps), count)
            calibration, _ = Fit(device, [steps[at] for at in chosen]).result()
            after = {one.name: one.after for one in calibration.fitted}
            efficiencies = {
                name: after.pop(name, float(device.inputs[name].value)) for name in dict.fromkeys(EFFICIENCIES)
            }
            others = [step for at, step in steps.items() if at not in chosen]
            found.append(fmean(error(step, efficiencies) for step in others))
            if after:
                ratios = [step.measured / float(step.seconds(efficiencies)) for step in others]
                inside += [after["time_ratio_low"] <= ratio <= after["time_ratio_high"] for ratio in ratios]
            for step in steps.values():
                step.seconds({name: float(device.inputs[name].value) for name in efficiencies})
        cells.append(f"{100 * fmean(found):.1f} %" if found else "")
    return f"| {group} | {len(steps)} | {100 * plain:.1f} % | {' | '.join(cells)} | {fmean(inside):.0%} |".replace(
        "%", "%"
    )


def error(step: Step, efficiencies: dict[str, float]) -> float:
    return abs(float(step.seconds(efficiencies)) / step.measured - 1)


def timed(run: Run, seconds: float) -> Run:
    return run._replace(inputs={**run.inputs, "measured_seconds_per_step": InputValue(seconds)})


def without(device: Device, group: str) -> Device:
    """The device with the constants that were fitted without a group."""
    constants = zip(CONSTANTS, fitted()["without"][group], strict=True)
    said = {
        name: InputValue(value)
        for (name, generation, *_), value in constants
        if not generation or device.name in FITTED_ON[generation]
    }
    return device._replace(inputs={**device.inputs, **said})


if __name__ == "__main__":
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", "", *table(), "", f"{END}{rest.split(END)[1]}"]), encoding="utf-8")
