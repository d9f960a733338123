"""Ratios of flopsheet's speed to things that everybody knows, each measured in one run; never absolute times."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 7


def seconds(arguments: list[str]) -> float:
    """Wall time of one fresh Python process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=False, capture_output=True, cwd=ROOT)
    return time.perf_counter() - start


def paired(ours: list[str], theirs: list[str]) -> tuple[list[float], list[float]]:
    """Both, in turns, so that a busy machine slows both."""
    seconds(ours), seconds(theirs)
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(REPEATS)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bad = Path(folder) / "bad.yaml"
        bad.write_text("version: 1\nmodles: {}\n")
        flopsheet = ["-m", "flopsheet"]
        report, imports = paired(
            [*flopsheet, "build", "specs/gpt2.yaml", "-o", f"{folder}/gpt2.xlsx"],
            ["-c", "import pandas, openpyxl, yaml"],
        )
        ratios = [ours / theirs for ours, theirs in zip(report, imports, strict=True)]
        print(f"build specs/gpt2.yaml against importing pandas, openpyxl, yaml: {_spread(ratios)}×")
        for name, command in (("--help", ["--help"]), ("an error in a spec", ["validate", str(bad)])):
            ours, bare = paired([*flopsheet, *command], ["-c", "pass"])
            more = [a - b for a, b in zip(ours, bare, strict=True)]
            print(f"{name}: {_spread(more)} s more than python -c pass")


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
