"""Ratios of flopsheet's speed to things that everybody knows, measured in one run, for docs/performance.md.

bench.py [--quick]    fewer repeats
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import evaluation
import layouts
import recalculation
import size
import start
from processes import ROOT, Line

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
LIBRARIES = (
    "openpyxl",
    "pandas",
    "numpy",
    "pydantic",
    "pyyaml",
    "click",
    "lxml",
    "pyarrow",
    "xlsxwriter",
    "pyexcelerate",
    "ironcalc",
)
HEADER = ("what", "median", "spread", "target", "holds")


def measured(folder: Path, quick: bool) -> Iterator[tuple[str, list[Line]]]:
    few, many = (3, 5) if quick else (5, 11)
    yield "Starting", list(start.lines(folder, many))
    yield "A large study", list(size.lines(folder, few))
    yield "Evaluation alone", list(evaluation.lines(few))
    yield "Searches of layouts", list(layouts.lines(folder, few))
    yield "Recalculation by others", list(recalculation.lines(folder, many))
    yield "Growth", list(size.growth(folder, 1 if quick else 3))


def versions() -> str:
    found = [f"Python {platform.python_version()} ({platform.system()} {platform.machine()}, {os.cpu_count()} cores)"]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {name}")
    try:
        office = subprocess.run(["soffice", "--version"], capture_output=True, text=True, check=True).stdout
        found.append(" ".join(office.split()[:2]))
    except (OSError, subprocess.CalledProcessError):
        found.append("no LibreOffice")
    return ", ".join(found)


def table(lines: list[Line]) -> str:
    rows = [HEADER, ("---", "---:", "---:", "---:", "---"), *(line.cells() for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    text = [BEGIN, "", f"{versions()}; load {load:.1f} as it began."]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for title, lines in measured(Path(folder), "--quick" in sys.argv[1:]):
            print(f"\n## {title}\n\n{table(lines)}", flush=True)
            text += ["", f"### {title}", "", table(lines)]
            missed += [line.what for line in lines if not line.holds]
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(before + "\n".join([*text, "", END]) + after, encoding="utf-8")
    print(f"\n{PAGE.relative_to(ROOT)} written" + "".join(f"\nmissed: {what}" for what in missed))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
