"""What the documentation shows is what the commands print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from flopsheet import compute

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_command_at_the_top_of_the_readme_prints_what_stands_below_it() -> None:
    command, shown = re.search(r"```\n\$ flopsheet (.*?)\n(.*?)```", README, re.S).groups()
    arguments = [sys.executable, "-m", "flopsheet", *shlex.split(command)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.stdout == shown


def test_every_spec_in_the_readme_computes_and_holds_what_it_expects(tmp_path: Path) -> None:
    specs = re.findall(r"```yaml\n(.*?)```", README, re.S)
    for at, spec in enumerate(specs):
        (tmp_path / f"{at}.yaml").write_text(spec, encoding="utf-8")
    assert [list(compute(tmp_path / f"{at}.yaml").findings()) for at in range(len(specs))] == [[], []]


def test_the_formula_that_how_it_works_shows_stands_in_the_workbook(tmp_path: Path) -> None:
    import openpyxl

    from flopsheet import build

    text = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    shown = re.search(r"formula/excel.py`\): `(=[^`]*)`", text).group(1)
    report = build(ROOT / "specs" / "gpt2.yaml", tmp_path / "book.xlsx")
    spot = report.cells("flops_ffn_expand")[3]  # gpt2-xl at 1,024
    assert openpyxl.load_workbook(tmp_path / "book.xlsx")[spot.sheet][spot.address].value == shown
