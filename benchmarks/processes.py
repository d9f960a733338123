"""Commands in processes of their own: CPU seconds and seconds on the clock, in turns, so that noise hits all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# As installed packages run: with bytecode.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Run:
    """What one process took."""

    cpu: float
    clock: float
    output: str


def run(arguments: Sequence[str]) -> Run:
    """A fresh Python process with these arguments, in the repository's root."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout and process.stderr
    output, complaint = process.stdout.read().decode(), process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode > 1:  # 1 is what a spec error ends with, and one is measured
        raise RuntimeError(complaint)
    return Run(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, output)


def paired(repeats: int, *measured: Callable[[], float]) -> list[tuple[float, ...]]:
    """Each of them in turns, after one turn that does not count."""
    for measure in measured:
        measure()
    return [tuple(measure() for measure in measured) for _ in range(repeats)]


@dataclass(frozen=True)
class Line:
    """A line of the table: what is measured, its median with the least and the most, and what it may be."""

    what: str
    values: tuple[float, ...]
    unit: str
    target: str = ""
    most: float = float("inf")

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def holds(self) -> bool:
        return self.median <= self.most

    def cells(self) -> tuple[str, ...]:
        spread = f"{shown(min(self.values))} … {shown(max(self.values))}" if len(self.values) > 1 else "–"
        verdict = ("yes" if self.holds else "**no**") if self.target else "–"
        return self.what, f"{shown(self.median)} {self.unit}".strip(), spread, self.target or "–", verdict


def shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratios(what: str, pairs: Sequence[tuple[float, ...]], most: float) -> Line:
    """How many times the second of each pair the first is."""
    return Line(what, tuple(ours / theirs for ours, theirs in pairs), "×", f"≤ {most:g}×", most)
