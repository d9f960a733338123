"""What docs/sweeps.md says of names, limits and columns; its specs and commands run with those of the other pages."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from flopsheet.spec import load_spec
from flopsheet.spec.sweep import expand
from test_cli import run

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
SPECS = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def saved(folder: Path) -> list[Path]:
    paths = [folder / f"{at}.yaml" for at in range(len(SPECS))]
    for path, text in zip(paths, SPECS, strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def test_a_variant_is_called_as_the_page_says(tmp_path: Path) -> None:
    name = re.search(r"A variant is named after its swept values: `(.*?)`", PAGE).group(1)
    assert name in {model.name for model in load_spec(saved(tmp_path)[0]).models}


def test_the_limits_and_columns_are_those_that_the_page_says(tmp_path: Path) -> None:
    shown = run("show", str(saved(tmp_path)[0]), "--format", "csv").stdout
    n_columns = len(next(csv.reader(io.StringIO(shown)))) - len(["model", "context_length"])
    said = [int(number.replace(",", "")) for number in re.findall(r"\| ([\d,]+) (?:variants|combinations)", PAGE)]
    assert (said, f", {n_columns} columns:" in PAGE) == ([expand.MOST_HELD, expand.MOST_COMBINATIONS], True)
