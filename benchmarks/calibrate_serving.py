"""Fits the constants of predicted serving time to measured runs; part of `make calibrate`.

The model is the catalogue's own. First what a token takes, over all runs, then what only the first one takes, over runs
of few sequences at once. Residuals are logarithms of predicted over measured; both losses are robust, since equal
layouts differ by engine and version.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from measured_serving import (
    CONSTANTS,
    FIRST_CONSTANTS,
    FITTED,
    PAGE,
    QUANTILES,
    RATIOS,
    ROOT,
    TOKEN_CONSTANTS,
    Column,
    Measured,
    Serving,
    left_out,
    measured,
    page,
)  # fmt: skip

INPUTS = ROOT / "src" / "flopsheet" / "catalog" / "data" / "run_inputs.yaml"
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


def spread(ratios: Column, groups: Column) -> dict[str, float]:
    """Quantiles of measured over predicted, every model counting alike."""
    counts = Counter(groups.tolist())
    order = np.argsort(ratios)
    weights = np.array([1 / counts[group] for group in groups])[order]
    places = (np.cumsum(weights) - weights / 2) / weights.sum()
    return {
        name: rounded(float(np.interp(percent / 100, places, ratios[order]))) for name, percent in QUANTILES.items()
    }


def write_constants(found: dict[str, float]) -> None:
    """The figures of the catalogue, each in its place."""
    text = INPUTS.read_text(encoding="utf-8")
    for name, value in found.items():
        pattern = rf"(- name: {name}\n(?:(?!  - name:).*\n)*?    default: )\S+"
        text, count = re.subn(pattern, rf"\g<1>{value:.6g}", text)
        assert count == 1, name
    INPUTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rows = measured()
    models = Serving(rows).models
    found = {
        "all": fit(rows),
        "without": {
            model: fit([row for row, of in zip(rows, models, strict=True) if of != model])
            for model in dict.fromkeys(models.tolist())
        },
    }
    FITTED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    serving = Serving(rows)
    predicted = dict(zip(("per_token", "first_token"), left_out(serving), strict=True))
    ratios = {}
    for name, of in RATIOS.items():
        among = serving.is_few if of == "first_token" else np.full(len(rows), fill_value=True)
        of_rows = (getattr(serving, of) / predicted[of])[among]
        ratios |= {f"{name}_{place}": value for place, value in spread(of_rows, serving.models[among]).items()}
    write_constants({name: value for (name, *_), value in zip(CONSTANTS, found["all"], strict=True)} | ratios)
    PAGE.write_text(page(), encoding="utf-8")
