"""Fits the constants of predicted serving time to measured runs; part of `make calibrate`.

The model is the catalogue's own. First what a token takes, over all runs, then what only the first one takes, over runs
of few sequences at once. Residuals are logarithms of predicted over measured; both losses are robust, since equal
layouts differ by engine and version.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from calibrate import DATA, with_defaults
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from measured_serving import (
    CONSTANTS,
    FIRST_CONSTANTS,
    FITTED,
    PAGE,
    TOKEN_CONSTANTS,
    Measured,
    Serving,
    measured,
    page,
    ranges,
)  # fmt: skip

INPUTS = DATA / "run_inputs.yaml"
SOFT_TOKEN, SOFT_FIRST = 0.2, 0.25


def fit(rows: Sequence[Measured]) -> list[float]:
    """The constants, to three digits, as they stand in the catalogue."""
    serving, few = Serving(rows), Serving([row for row in rows if row.row["n_concurrent"] <= 8])
    start, least, most = (np.array([one[at] for one in TOKEN_CONSTANTS]) for at in (1, 2, 3))
    token = least_squares(
        lambda found: np.log(serving.predicted(found)[0] / serving.per_token),
        start, bounds=(least, most), x_scale=start, loss="soft_l1", f_scale=SOFT_TOKEN,
    ).x  # fmt: skip
    token = np.array([rounded(value) for value in token])
    start, least, most = (np.array([one[at] for one in FIRST_CONSTANTS]) for at in (1, 2, 3))
    first = least_squares(
        lambda found: np.log(few.predicted(np.append(token, found))[1] / few.first_token),
        start, bounds=(least, most), x_scale=start, loss="cauchy", f_scale=SOFT_FIRST,
    ).x  # fmt: skip
    return [*token.tolist(), *map(rounded, first)]


def rounded(value: float) -> float:
    return float(f"{value:.3g}")


def write_constants(found: dict[str, float]) -> None:
    """The figures of the catalogue, each in its place."""
    INPUTS.write_text(with_defaults(INPUTS.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    rows = measured()
    serving = Serving(rows)
    found = {"all": fit(rows)}
    for of, groups in serving.of.items():
        found["without" if of == "model" else f"without {of}"] = {
            group: fit([row for row, its in zip(rows, groups, strict=True) if its != group])
            for group in dict.fromkeys(groups.tolist())
        }
    FITTED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    constants = {name: value for (name, *_), value in zip(CONSTANTS, found["all"], strict=True)}
    write_constants(constants | ranges(serving))
    PAGE.write_text(page(), encoding="utf-8")
