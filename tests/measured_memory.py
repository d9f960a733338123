"""Published peaks of training steps beside ours; `python tests/measured_memory.py` writes the table of the page."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from studies import frames_of

TESTS = Path(__file__).parent
FILES = ["memory_measured.json", "memory_published.json"]  # the second one was added after the formulas were written
CASES: list[dict[str, Any]] = [
    case for name in FILES for case in json.loads((TESTS / "truth" / name).read_text(encoding="utf-8"))
]
# Tried once after everything was written; nothing was changed for them.
HELD_OUT: list[dict[str, Any]] = json.loads((TESTS / "truth" / "memory_held_out.json").read_text(encoding="utf-8"))
PAGE = TESTS.parent / "docs" / "calibration.md"
BEGIN, END = "<!-- measured peaks: python tests/measured_memory.py -->", "<!-- end of measured peaks -->"
BEGIN_HELD_OUT, END_HELD_OUT = "<!-- held-out peaks: the same command -->", "<!-- end of held-out peaks -->"
SHORT = {
    "tensor_parallel": "TP", "pipeline_parallel": "PP", "context_parallel": "CP", "expert_parallel": "EP",
    "zero_stage": "ZeRO", "micro_batch_size": "micro-batch", "adapter_rank": "LoRA", "frozen_format": "base",
}  # fmt: skip


def run_of(case: dict[str, Any]) -> dict[str, Any]:
    """The run of a measured case, with what the code behind it does: torchtitan is FSDP2 and loss_parallel."""
    run = case["run"] | {"model": case["name"]}
    if "pytorch/torchtitan" in case["source"]:
        loss = "parallel" if run.get("tensor_parallel", 1) > 1 else "plain"
        run = {"sharded_weights": "master", "loss_kernel": loss} | run
    return run


@functools.cache
def runs() -> Any:
    """The training runs of all measured cases, each with a model of its own, in one frame."""
    models, training = ({f"{kind}{case['name']}": case for case in (*CASES, *HELD_OUT)} for kind in ("", "run of "))
    spec = {
        "version": 1,
        "context_lengths": [1024],
        "models": {name: case["model"] for name, case in models.items()},
        "training": {name: run_of(case) for name, case in training.items()},
    }
    return frames_of(spec)["training_run"]


def computed(case: dict[str, Any]) -> Any:
    """The training run of a measured case as a row."""
    return runs().loc[f"run of {case['name']}"]


def deviation(case: dict[str, Any]) -> float:
    """Ours against the measured peak, as a share of it."""
    return float(computed(case)["device_gib"] / case["measured_gib"] - 1)


def table() -> str:
    """One row per measurement, in Markdown."""
    lines = ["| measured | layout | peak, GiB | ours, GiB | deviation | source |", "|---|---|---:|---:|---:|---|"]
    for case in CASES:
        run, ours = case["run"], computed(case)["device_gib"]
        said = [
            f"{short} {run.get(key, 0)}" for key, short in SHORT.items() if key == "zero_stage" or run.get(key, 1) != 1
        ]
        kept = ", ".join([f"{run['n_devices']} {run['hardware']}", f"S {run['context_length']:,}", *said])
        kept += f", {run.get('recomputation', 'no')} recomputation"
        share = 100 * (ours / case["measured_gib"] - 1)
        lines.append(
            f"| {case['name']} | {kept} | {case['measured_gib']:.2f} | {ours:.2f} | {share:+.1f} % | {case['source']} |"
        )
    return "\n".join(lines)


def held_out() -> str:
    """One row per measurement that nothing was changed for, in Markdown."""
    lines = ["| measured | peak, GiB | ours, GiB | deviation |", "|---|---:|---:|---:|"]
    for case in HELD_OUT:
        ours = computed(case)["device_gib"]
        share = 100 * (ours / case["measured_gib"] - 1)
        lines.append(f"| {case['name']} | {case['measured_gib']:.2f} | {ours:.2f} | {share:+.1f} % |")
    return "\n".join(lines)


def page() -> str:
    """The page with the tables as they are now."""
    text = PAGE.read_text(encoding="utf-8")
    for begin, rows, end in ((BEGIN, table(), END), (BEGIN_HELD_OUT, held_out(), END_HELD_OUT)):
        before, rest = text.split(begin)
        text = f"{before}{begin}\n\n{rows}\n\n{end}{rest.split(end)[1]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
