"""Fits the constants of predicted step time to measured steps: `make calibrate` writes catalogue and page anew.

The model is the catalogue's own: every trial evaluates `predicted_seconds_per_step` over all measured layouts with
other constants in the table of hardware. Residuals are logarithms of predicted over measured, robust (soft L1 beyond
3 %), each group weighted by the fourth root of its size; a weak pull towards the starting values keeps constants sane
that the remaining groups say nothing about.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from measured_steps import CONSTANTS, FITTED, PAGE, ROOT, ROWS, Column, Measured, left_out, page, spread

DATA = ROOT / "src" / "flopsheet" / "catalog" / "data"
PULL, SOFT = 0.02, 0.03


def fit(steps: Measured) -> Column:
    """The constants, to three digits, as they stand in the catalogue."""
    start, least, most = (np.array([constant[at] for constant in CONSTANTS], np.float64) for at in (2, 3, 4))
    counts = Counter(steps.groups.tolist())
    weights = np.array([counts[group] ** -0.25 for group in steps.groups])

    def residuals(constants: Column) -> Column:
        return np.append(np.log(steps.predicted(constants) / steps.seconds) * weights, PULL * np.log(constants / start))

    found = least_squares(residuals, start, bounds=(least, most), loss="soft_l1", f_scale=SOFT, x_scale=start)
    return np.array([float(f"{value:.3g}") for value in found.x])


def write_constants(constants: list[float], ratios: Mapping[str, float]) -> None:
    """The figures of the catalogue, each in its place."""
    inputs, hardware = DATA / "run_inputs.yaml", DATA / "hardware.yaml"
    text, kinds = inputs.read_text(encoding="utf-8"), hardware.read_text(encoding="utf-8")
    shared = {name: value for (name, generation, *_), value in zip(CONSTANTS, constants, strict=True) if not generation}
    text = with_defaults(text, {**shared, **ratios})
    for (name, generation, *_), value in zip(CONSTANTS, constants, strict=True):
        if generation:
            pattern = (
                rf"(  {name}:\n    value: )\S+(?=\n    source:(?: >-\n   )? [^\n]*fitted to steps on {generation})"
            )
            kinds = replaced(pattern, f"{value:.6g}", kinds)
    inputs.write_text(text, encoding="utf-8")
    hardware.write_text(kinds, encoding="utf-8")


def with_defaults(text: str, values: Mapping[str, float]) -> str:
    """The catalogue's text with other defaults of some inputs."""
    for name, value in values.items():
        text = replaced(rf"(- name: {name}\n(?:(?!  - name:).*\n)*?    default: )\S+", f"{value:.6g}", text)
    return text


def replaced(pattern: str, value: str, text: str) -> str:
    """The text with a value in the place of what follows the first group."""
    made, count = re.subn(pattern, rf"\g<1>{value}", text)
    assert count, pattern
    return made


if __name__ == "__main__":
    steps = Measured(ROWS)
    found = {
        "all": fit(steps).tolist(),
        "without": {
            group: fit(Measured([row for row in ROWS if row["group"] != group])).tolist()
            for group in dict.fromkeys(steps.groups.tolist())
        },
    }
    FITTED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    write_constants(found["all"], spread(steps.seconds / left_out(steps), steps.groups))
    PAGE.write_text(page(), encoding="utf-8")
