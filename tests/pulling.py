"""Workbooks with something typed into Inputs, and what `pull` makes of them."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edits import plan_of
from flopsheet.api import Report
from flopsheet.pipeline.tables import tabulate, tabulate_runs
from flopsheet.review.pull import Pulled, pull
from flopsheet.spec import Spec
from flopsheet.spec.load import from_source
from flopsheet.workbook.write import xlsx
from flopsheet.yamlio import source
from kept import kept
from review_helpers import EVERY_WAY, input_cells_of, type_into
from review_helpers import RUNS as RUNS_TEXT
from studies import SPECS


@functools.cache
def made(name: str) -> tuple[Report, str]:
    """A study and the text of its spec."""
    texts = {"every way": EVERY_WAY, "runs": RUNS_TEXT}
    text = texts.get(name) or (SPECS / f"{name}.yaml").read_text(encoding="utf-8")
    return _compute(text), text


def _compute(text: str) -> Report:
    from flopsheet.api import compute_spec

    return compute_spec(from_source(source.parse(text, "spec.yaml"), "spec"))


def built(name: str, folder: Path) -> Report:
    """A study's report; its workbook is in the folder."""
    report, _ = made(name)
    shutil.copy(kept(f"pulling {name}", ".xlsx", lambda path: xlsx.save(plan_of(report), path)), folder / "built.xlsx")
    return report


def cell(report: Report, path: str) -> tuple[str, str]:
    """The input cell that a path of the spec names."""
    [input_cell] = [input_cell for input_cell in input_cells_of(report) if source.spell(input_cell.path) == path]
    return input_cell.cell_ref.sheet, input_cell.cell_ref.address


def typed(name: str, folder: Path, typing: Mapping[str, Any]) -> Pulled:
    """A study's workbook after typing, pulled; cells are named by their paths in the spec."""
    report, text = built(name, folder), made(name)[1]
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    cells = {cell(report, path): value for path, value in typing.items()}
    return pull(type_into(folder / "built.xlsx", cells, folder / "edited.xlsx"))


def lines(pulled: Pulled) -> list[str]:
    return [str(change) for change in pulled.reading.changes]


def blamed(pulled: Pulled) -> list[str]:
    return [str(problem) for problem in (*pulled.reading.problems, *pulled.reading.unsayable)]


def values(spec: Spec) -> dict[str, float | str]:
    """Every input of a spec and of its runs by its path in the tables."""
    table_sets = {"study": tabulate(spec)} | {kind: tabulate_runs(spec, kind) for kind in spec.runs}
    return {
        f"{table_set} {grain} {key} {name}": given.value
        for table_set, tables in table_sets.items()
        for grain, table in tables.items()
        for name, column in table.given.items()
        for key, given in zip(table.keys if grain != "context" else range(len(column)), column, strict=True)
        if grain != "study" or key
    }
