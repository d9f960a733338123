"""A spec with the best layouts of its searches among its runs, as a workbook shows them."""

from __future__ import annotations

from typing import Any

from flopsheet.catalog import RUNS, load_inputs
from flopsheet.catalog.entries import YES
from flopsheet.pipeline.search.result import SearchResult, run_search
from flopsheet.spec import Search, Spec
from flopsheet.spec.load import from_source
from flopsheet.spec.search import said_inputs
from flopsheet.yamlio import source
from flopsheet.yamlio.dump import block

MOST = 10  # of a search, in a workbook
REMARK = "# The runs under found: are the best layouts of a search."


def with_layouts(spec: Spec) -> Spec:
    """The spec with the best layouts of each search as runs; one that names its own is not searched again."""
    said: dict[str, dict[str, Any]] = {kind: dict(spec.data.get(kind) or {}) for kind in RUNS}
    searches: dict[str, Any] = dict(spec.data.get("search") or {})
    for search in spec.searches:
        if search.found:
            continue
        runs = best_runs(spec, search)
        said[search.kind] |= runs
        if runs:
            searches[search.name] = {**searches[search.name], "found": list(runs)}
    if searches == (spec.data.get("search") or {}):
        return spec
    data = {**spec.data, "search": searches, **{kind: runs for kind, runs in said.items() if runs}}
    return from_source(source.parse("\n".join([REMARK, *block(data)]) + "\n", spec.name), spec.name)


def best_runs(spec: Spec, search: Search) -> dict[str, dict[str, Any]]:
    """The best layouts as a spec says them, by name."""
    return entries(run_search(spec, search._replace(keep=min(search.keep, MOST))))


def entries(result: SearchResult) -> dict[str, dict[str, Any]]:
    """The best layouts of a search that was run as a spec says them, by name."""
    search = result.search
    said = said_inputs(result.spec.data["search"][search.name])
    runs = {}
    for run, number in zip(result.runs, result.found.best.number.tolist(), strict=False):
        varied = {key: _as_said(key, value) for key, value in search.layout(number).items()}
        runs[run.name] = {"model": search.model, **said, **varied}
    return runs


def _as_said(key: str, value: float | str) -> Any:
    """A value as a spec says it."""
    if load_inputs().inputs[key].is_flag:
        return value == YES
    return int(value) if isinstance(value, float) and value.is_integer() else value
