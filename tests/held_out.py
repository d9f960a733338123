"""Published times to which no constant was fitted beside predicted ones: the tables of two pages.

python tests/held_out.py writes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import flopsheet
from measured_steps import ROWS, Measured, left_out, spread

ROOT = Path(__file__).resolve().parent.parent
TRUTH: Mapping[str, Any] = json.loads((ROOT / "tests" / "truth" / "held_out_times.json").read_text(encoding="utf-8"))
PAGES = {
    kind: ROOT / "docs" / f"calibration-{name}.md" for kind, name in (("training", "time"), ("serving", "serving"))
}
BEGIN, END = "<!-- held out: python tests/held_out.py -->", "<!-- end of what was held out -->"
PREDICTED = {
    "seconds": "predicted_seconds_per_step", "seconds_per_token": "predicted_seconds_per_token",
    "time_to_first_token": "predicted_time_to_first_token",
}  # fmt: skip
LAYOUT = {"tensor_parallel": "TP", "pipeline_parallel": "PP", "expert_parallel": "EP", "zero_stage": "ZeRO"}
EXPERTS = "simumax-moe"  # the group of measured steps of models with experts
FAR = {"seconds": 0.15, "seconds_per_token": 0.3, "time_to_first_token": 0.3}  # whose cause is told


class Compared(NamedTuple):
    """A published time and what is predicted of it, in seconds."""

    row: Mapping[str, Any]
    what: str
    measured: float
    predicted: float

    @property
    def off(self) -> float:
        return self.predicted / self.measured - 1


@cache
def compared(kind: str) -> tuple[Compared, ...]:
    """Every published time of a kind of run."""
    rows = TRUTH[kind]
    runs = {f"row {at}": row["run"] for at, row in enumerate(rows)}
    used = {row["run"]["model"] for row in rows}
    models = {name: model for name, model in TRUTH["models"].items() if name in used}
    spec = {"version": 1, "context_lengths": [2048], "models": models, "hardware": TRUTH["hardware"], kind: runs}
    frame = flopsheet.compute(spec).frames[f"{kind}_run"]
    return tuple(
        Compared(row, what, row[what], float(frame.loc[f"row {at}", PREDICTED[what]]))
        for at, row in enumerate(rows)
        for what in PREDICTED
        if what in row
    )


def spread_outside() -> dict[str, float]:
    """P10 and P90 of measured over predicted where no step was fitted: of all held out, and of mixtures of experts.

    Every source counts alike; the mixtures are those held out and those of the fit, predicted without them.
    """
    rows = compared("training")
    ratios = np.array([one.measured / one.predicted for one in rows])
    sources = np.array([one.row["source"] for one in rows])
    experts = np.array(["expert_parallel" in one.row["run"] for one in rows])
    steps = Measured(ROWS)
    of_fit = steps.groups == EXPERTS
    mixtures = np.append(ratios[experts], (steps.seconds / left_out(steps))[of_fit])
    groups = np.append(sources[experts], steps.groups[of_fit])
    whole = spread(ratios, sources, {"outside_time_ratio_low": 10, "outside_time_ratio_high": 90})
    return whole | spread(mixtures, groups, {"experts_time_ratio_low": 10})


def table(kind: str) -> Iterator[str]:
    """The table of a kind of run, in Markdown."""
    if kind == "training":
        yield "| model | layout | measured s | predicted s | deviation | cause, and source |"
        yield "|---|---|---:|---:|---:|---|"
        for one in compared(kind):
            figures = f"{one.measured:,.2f} | {one.predicted:,.2f} | {100 * one.off:+.1f} %"
            yield f"| {one.row['name']} | {layout(one.row['run'])} | {figures} | {why(one)} |"
        return
    yield "| model | load | time | measured ms | predicted ms | deviation | cause, and source |"
    yield "|---|---|---|---:|---:|---:|---|"
    for one in compared(kind):
        run, what = one.row["run"], one.what.replace("_", " ").replace("seconds ", "").replace("time to ", "")
        load = f"{run['n_devices']} {run['hardware']}, {run['prompt_length']}/{run['generated_length']}"
        figures = f"{1000 * one.measured:,.1f} | {1000 * one.predicted:,.1f} | {100 * one.off:+.1f} %"
        yield f"| {one.row['name']} | {load}, {run['n_sequences']} at once | {what} | {figures} | {why(one)} |"


def layout(run: Mapping[str, Any]) -> str:
    parts = [f"{word} {run[name]}" for name, word in LAYOUT.items() if run.get(name, 1 - (name == "zero_stage")) > 1]
    whole = [f"ETP {run['expert_tensor_parallel']}"] if "expert_tensor_parallel" in run else []
    return ", ".join([f"{run['n_devices']} {run['hardware']}", f"S {run['context_length']}", *parts, *whole])


def why(one: Compared) -> str:
    cause = f"{one.row['cause']}; " if one.row["cause"] and abs(one.off) > FAR[one.what] else ""
    return f"{cause}{one.row['source']}"


def page(kind: str) -> str:
    """The page with the table as it is now."""
    before, rest = PAGES[kind].read_text(encoding="utf-8").split(BEGIN)
    return "\n".join([f"{before}{BEGIN}", "", *table(kind), "", f"{END}{rest.split(END)[1]}"])


if __name__ == "__main__":
    for kind, path in PAGES.items():
        path.write_text(page(kind), encoding="utf-8")
