"""Workbooks that tests share: made once in a session for each spec, with the report and the plan behind them.

    book = book_of({"version": 1, ...})    # or a path of a spec
    recalculate(book.path, ...); book.report.frames; book.plan.sheet("Layouts")
    recalculate(book_for("Layouts", spec).path, ...)    # that sheet and what it reads: a third of the work

Nobody may change what is shared: a test that needs a file of its own copies `book.path`.
"""

from __future__ import annotations

import functools
import json
import pickle
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edited_studies import EVERYTHING, FAMILY, OWN, RUNS
from edits import plan_of, remember_plan
from engines import spoil_cached_values
from flopsheet.api import Report, compute_with_layouts
from flopsheet.spec import load_spec
from flopsheet.workbook.model.sheet import Plan
from flopsheet.workbook.plan import TITLES, plan_workbook
from flopsheet.workbook.write import xlsx
from kept import kept


@dataclass(frozen=True)
class Book:
    """A workbook in its file, which is written when somebody asks for it, and what it is written from."""

    report: Report
    key: str
    write: Callable[[Path], object]

    @property
    def path(self) -> Path:
        return kept(self.key, ".xlsx", self.write)

    @property
    def plan(self) -> Plan:
        return plan_of(self.report)

    @property
    def spoiled(self) -> Path:
        """A copy in which a wrong value is stored beside every formula."""
        return kept(str(self.path), "-spoiled.xlsx", lambda path: spoil_cached_values(self.path, path))


def book_of(spec: Mapping[str, Any] | Path) -> Book:
    """The workbook that `build` writes of a spec, with the layouts of its searches."""
    report = _report(said := _said(spec))
    return Book(report, f"book {said}", lambda path: xlsx.save(plan_of(report), path))


# None but these reads these; together they take most of the time of a plan and of an engine.
READ_BY_NONE = {"Summary", "Context", "Compare", "Sensitivity", "Limits", "Formulas", "Provenance"}
READ_BY = {"Summary": {"Limits"}}  # but for this one


def book_for(sheet: str, spec: Mapping[str, Any] | Path) -> Book:
    """The same without those of these sheets that are not asked for, where one sheet is what is tested."""
    return book_with({*TITLES, sheet} - (READ_BY_NONE - {sheet} - READ_BY.get(sheet, set())), spec)


def book_with(sheets: Collection[str], spec: Mapping[str, Any] | Path) -> Book:
    """The same with some sheets alone, for a test that looks at them: what they read need not be there."""
    report = _report(said := _said(spec))
    key = f"book with {sorted(sheets)} {said}"
    return Book(report, key, lambda path: xlsx.save(plan_workbook(report.study, only=sheets), path))


def _said(spec: Mapping[str, Any] | Path) -> str | Path:
    return spec if isinstance(spec, Path) else json.dumps(spec)


MANY = {json.dumps(study) for study in (FAMILY, OWN, RUNS, EVERYTHING)}  # several files of tests ask for these


@functools.cache
def _report(said: str | Path) -> Report:
    report = compute_with_layouts(load_spec(said if isinstance(said, Path) else json.loads(said)))
    if isinstance(said, Path) or said in MANY:
        # A plan takes seconds to make where a study has runs, and a tenth of that to read.
        def write(path: Path) -> None:
            path.write_bytes(pickle.dumps(plan_workbook(report.study)))

        remember_plan(report, lambda: kept(f"book {said}", ".plan", write))
    return report
