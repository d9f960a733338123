"""Workbooks that tests share: made once in a process for each spec, with the report and the plan behind them.

    book = book_of({"version": 1, ...})    # or a path of a spec
    recalculate(book.path, ...); book.report.frames; book.plan.sheet("Layouts")

Nobody may change what is shared: a test that needs a file of its own copies `book.path`.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edits import plan_of, write_workbook
from engines import spoil_cached_values
from flopsheet.api import Report, compute_with_layouts
from flopsheet.spec import load_spec
from flopsheet.workbook.model.sheet import Plan

FOLDER = tempfile.TemporaryDirectory(prefix="flopsheet-books-")


@dataclass(frozen=True)
class Book:
    """A workbook in its file, and what it was written from."""

    path: Path
    report: Report

    @property
    def plan(self) -> Plan:
        return plan_of(self.report)

    @functools.cached_property
    def spoiled(self) -> Path:
        """A copy in which a wrong value is stored beside every formula."""
        path = self.path.with_name(f"spoiled-{self.path.name}")
        spoil_cached_values(self.path, path)
        return path


def book_of(spec: Mapping[str, Any] | Path) -> Book:
    """The workbook that `build` writes of a spec, with the layouts of its searches."""
    return _book(spec if isinstance(spec, Path) else json.dumps(spec))


@functools.cache
def _book(spec: str | Path) -> Book:
    report = compute_with_layouts(load_spec(spec if isinstance(spec, Path) else json.loads(spec)))
    handle, name = tempfile.mkstemp(suffix=".xlsx", dir=FOLDER.name)
    os.close(handle)
    write_workbook(report, Path(name))
    return Book(Path(name), report)
