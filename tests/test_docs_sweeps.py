"""What docs/sweeps.md shows computes, runs and is called as the page says."""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from flopsheet import compute
from flopsheet.spec import load, sweep
from test_cli import run

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
SPECS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def saved(folder: Path) -> list[Path]:
    paths = [folder / f"{at}.yaml" for at in range(len(SPECS))]
    for path, text in zip(paths, SPECS, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_every_spec_on_the_page_computes_and_holds_what_it_expects(tmp_path: Path) -> None:
    assert [list(compute(path).findings()) for path in saved(tmp_path)] == [[], []]


def test_a_variant_is_called_as_the_page_says(tmp_path: Path) -> None:
    name = re.search(r"A variant is called by what it varies: `(.*?)`", PAGE).group(1)
    assert name in {model.name for model in load(saved(tmp_path)[0]).models}


def test_the_commands_on_the_page_run(tmp_path: Path) -> None:
    (tmp_path / "million.yaml").write_text(SPECS[0], encoding="utf-8")
    program = tmp_path / "flopsheet"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m flopsheet "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    lines = [line for block in re.findall(r"```\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
    codes = [
        subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, check=False).returncode for line in lines
    ]
    assert (codes, sorted(path.name for path in tmp_path.glob("million.*"))) == (
        [0, 0],
        ["million.csv.gz", "million.parquet", "million.yaml"],
    )


def test_the_limits_and_columns_are_those_that_the_page_says(tmp_path: Path) -> None:
    shown = run("show", str(saved(tmp_path)[0]), "--format", "csv").stdout
    n_columns = len(next(csv.reader(io.StringIO(shown)))) - len(["model", "context_length"])
    said = [int(number.replace(",", "")) for number in re.findall(r"\| ([\d,]+) (?:variants|combinations)", PAGE)]
    assert (said, f", {n_columns} columns:" in PAGE) == ([sweep.MOST_HELD, sweep.MOST_COMBINATIONS], True)
