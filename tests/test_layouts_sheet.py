"""The sheet Layouts: the best of a search as live runs, and why each loses."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import pytest
from openpyxl.utils import get_column_letter

import flopsheet
from books import Book, book_for
from edits import planned_sheet
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.api import Report
from flopsheet.pipeline.search.layouts import with_layouts
from flopsheet.spec import load_spec
from flopsheet.workbook import plan
from flopsheet.workbook.model.references import LABEL
from flopsheet.workbook.model.sheet import Sheet
from formualizer_engine import recalculate_formualizer
from review_helpers import input_cells_of

KEEP = 4  # layouts of a search
SPEC: dict[str, Any] = {
    "version": 1,
    "context_lengths": [4096],
    "models": {"m": {"model": "llama-3-8b"}},
    "search": {
        "s": {
            "model": "m",
            "hardware": "h100-sxm",
            "n_devices": 64,
            "context_length": 4096,
            "global_batch_size": 256,
            "sequence_parallel": True,
            "vary": {"tensor_parallel": [2, 4, 8], "pipeline_parallel": [1, 2], "zero_stage": [1, 3]},
            "keep": KEEP,
        }
    },
}
SERVING: dict[str, Any] = {
    **SPEC,
    "hardware": {"h100-sxm": {"price_per_hour": 2.5}},
    "search": {
        "s": {
            "kind": "serving",
            "model": "m",
            "hardware": "h100-sxm",
            "n_devices": [8, 16],
            "prompt_length": 2048,
            "generated_length": 256,
            "n_sequences": 64,
            "vary": {"tensor_parallel": [1, 2, 8], "weight_format": ["bf16", "fp8"]},
            "keep": KEEP,
        }
    },
}
OBJECTIVES = {
    "training": SPEC,
    "serving, devices": SERVING,
    "serving, cost": {**SERVING, "search": {"s": {**SERVING["search"]["s"], "minimise": "predicted_cost_per_million"}}},
    "serving, users": {
        **SERVING,
        "search": {
            "s": {
                **{key: value for key, value in SERVING["search"]["s"].items() if key != "n_sequences"},
                "vary": {"tensor_parallel": [1, 2, 8], "n_sequences": [16, 64]},
                "maximise": "n_sequences",
            }
        },
    },
}
# What is typed into Inputs: a layout, figures of the hardware, constants that were fitted.
EDITS: dict[str, dict[tuple[str, ...], float]] = {
    "training": {
        ("training", "s 2", "tensor_parallel"): 8,
        ("training", "s 3", "micro_batch_size"): 2,
        ("hardware", "h100-sxm", "network_bandwidth"): 1e10,
        ("hardware", "h100-sxm", "matmul_efficiency"): 0.4,
    },
    "serving": {
        ("serving", "s 2", "tensor_parallel"): 2,
        ("serving", "s 3", "n_sequences"): 200,
        ("hardware", "h100-sxm", "memory_bandwidth"): 2e12,
        ("hardware", "h100-sxm", "layer_latency"): 1e-4,
        ("hardware", "h100-sxm", "all_reduce_latency"): 5e-5,
    },
}
SHEET = "Layouts"


@pytest.fixture(scope="module")
def book() -> tuple[Path, Report]:
    shared = book_on_layouts(SPEC)
    return shared.path, shared.report


def book_on_layouts(spec: dict[str, Any]) -> Book:
    """A study's workbook with the sheet and with all that it reads."""
    return book_for(SHEET, spec)


def cells_of(report: Report) -> dict[tuple[str, str], Any]:
    """Every formula cell of the sheet with its value."""
    return formulas_of(planned_sheet(SHEET, report, report))


def formulas_of(sheet: Sheet) -> dict[tuple[str, str], Any]:
    letters = {(row, column): f"{get_column_letter(column)}{row}" for row, column in sheet.cells}
    return {(SHEET, letters[at]): cell.value for at, cell in sheet.cells.items() if cell.formula}


def disagreeing(found: dict[Any, Any], wanted: dict[Any, Any]) -> dict[Any, tuple[Any, Any]]:
    """Cells that differ by more than rounding; a difference of two seconds by that of the seconds."""
    return {
        cell: (found[cell], value)
        for cell, value in wanted.items()
        if found[cell] != (value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-12))
    }


def test_the_best_layouts_are_training_runs_in_the_order_of_the_search(book):
    _, report = book
    runs = report.frames["training_run"]
    assert list(runs.index) == [f"s {rank}" for rank in range(1, KEEP + 1)]
    assert runs["predicted_seconds_per_step"].is_monotonic_increasing
    assert report.spec.searches[0].found == tuple(runs.index)


def test_a_spec_that_names_its_layouts_is_not_searched_again(book):
    _, report = book
    assert with_layouts(report.spec) is report.spec


def test_a_spec_without_a_possible_layout_has_no_such_sheet(tmp_path):
    search = {**SPEC["search"]["s"], "vary": {"tensor_parallel": [3]}}  # which divides neither 32 heads nor 64 devices
    report = flopsheet.build({**SPEC, "search": {"s": search}}, tmp_path / "none.xlsx")
    assert SHEET not in plan.draft_workbook(report.study).titles


def test_each_cell_of_the_sheet_is_recalculated_to_the_value_that_pandas_gives(book):
    path, report = book
    cells = cells_of(report)
    assert len(cells) > 70
    [found] = recalculate_ironcalc(path, [{}], cells)
    assert disagreeing(found, cells) == {}


@functools.cache
def edited(searched: str) -> tuple[dict[tuple[str, str], Any], dict[tuple[str, str], Any], dict[tuple[str, str], Any]]:
    """What is typed into Inputs, and the cells of the sheet before and after."""
    report = book_on_layouts(OBJECTIVES[searched]).report
    homes = {one.path: one.cell_ref for one in input_cells_of(report)}
    data, typed = copy.deepcopy(report.spec.data), {}
    for path, value in EDITS[searched.partition(",")[0]].items():
        *above, key = path
        holder: Any = data
        for part in above:
            holder = holder.setdefault(part, {})
        holder[key] = value
        typed[homes[path].sheet, homes[path].address] = value
    after = planned_sheet(SHEET, flopsheet.api.compute_spec(load_spec(data)), report)
    return typed, cells_of(report), formulas_of(after)


# LibreOffice, which takes longest, has one search of each kind; `make programs` opens all shipped studies in it.
ENGINES = [
    *((searched, engine) for searched in OBJECTIVES for engine in (recalculate_ironcalc, recalculate_formualizer)),
    *((searched, recalculate_libreoffice) for searched in ("training", "serving, users")),
]


@pytest.mark.parametrize(
    ("searched", "recalculate"),
    [
        pytest.param(
            searched,
            engine,
            id=f"{searched}-{engine.__name__.removeprefix('recalculate_')}",
            marks=[pytest.mark.libreoffice] if engine is recalculate_libreoffice else [],
        )
        for searched, engine in ENGINES
    ],
)
def test_the_sheet_follows_edits_of_layouts_hardware_and_constants(searched, recalculate):
    typed, before, wanted = edited(searched)
    assert wanted != before
    [found] = recalculate(book_on_layouts(OBJECTIVES[searched]).path, [typed], wanted)
    assert disagreeing(found, wanted) == {}


def test_the_best_servers_are_serving_runs_in_the_order_of_the_search():
    runs = book_on_layouts(SERVING).report.frames["serving_run"]
    assert list(runs.index) == [f"s {rank}" for rank in range(1, KEEP + 1)]
    order = runs.sort_values(["n_devices", "predicted_seconds_per_token"], kind="stable")
    assert list(order.index) == list(runs.index)


def test_a_study_may_have_searches_of_both_kinds_and_several_of_one():
    few = {name: {**spec["search"]["s"], "keep": 2} for name, spec in (("t", SPEC), ("s", SERVING), ("u", SPEC))}
    book = book_on_layouts({**SERVING, "search": few})
    sheet = planned_sheet(SHEET, book.report, book.report)
    titles = [chart.title for chart in sheet.charts]
    assert titles[::5] == ["Time of a step against memory that is left", "Time per token against memory that is left"]
    assert [title.partition(" ")[0] for title in titles[1:5] + titles[6:]] == ["t", "t", "u", "u", "s", "s"]
    cells = formulas_of(sheet)
    assert disagreeing(recalculate_ironcalc(book.path, [{}], cells)[0], cells) == {}


def test_the_sheet_follows_an_edit_of_a_layout(book):
    path, report = book
    runs = {run: dict(report.spec.data["training"][run]) for run in report.spec.searches[0].found}
    runs["s 1"]["zero_stage"] = 3 if runs["s 1"]["zero_stage"] == 1 else 1
    edited = flopsheet.api.compute_spec(load_spec({**report.spec.data, "training": runs}))
    homes = {".".join(map(str, one.path)): one.cell_ref for one in input_cells_of(report)}
    home = homes["training.s 1.zero_stage"]
    wanted = formulas_of(planned_sheet(SHEET, edited, report))
    assert wanted != cells_of(report)
    edit = {(home.sheet, home.address): float(runs["s 1"]["zero_stage"])}
    [found] = recalculate_ironcalc(path, [edit], wanted)
    assert disagreeing(found, wanted) == {}


def test_the_term_that_is_told_is_the_one_that_grows_most(book):
    _, report = book
    runs = report.frames["training_run"]
    terms = [name for name in report.catalog.metrics["predicted_seconds_per_step"].dependencies if name in runs]
    more = runs[terms] - runs[terms].iloc[0]
    labels = [report.catalog.metrics[name].label for name in more.idxmax(axis=1)]
    sheet = planned_sheet(SHEET, report, report)
    told = [cell.value for (_, column), cell in sorted(sheet.cells.items()) if column == 2 and cell.formula]
    assert len(told) == KEEP - 1
    for sentence, label in zip(told, labels[1:], strict=True):
        assert label in sentence


def test_what_a_layout_loses_most_with_may_be_more_than_it_loses():
    report = book_on_layouts(OBJECTIVES["serving, devices"]).report
    sheet = planned_sheet(SHEET, report, report)
    told = [str(cell.value) for (_, column), cell in sorted(sheet.cells.items()) if column == 2 and cell.formula]
    # All have as few devices as the first, and so the time is told.
    assert {words.partition(";")[0].partition(" and ")[0] for words in told} == {"Equal to the first in devices"}
    slower = [words for words in told if "slower" in words]
    assert slower != [] and all(" ms slower; largest increase: " in words for words in slower)


def test_the_chart_has_a_title_both_axes_and_a_point_for_each_layout(book):
    _, report = book
    chart, *_ = planned_sheet(SHEET, report, report).charts
    runs = report.frames["training_run"]
    assert all((chart.title, chart.x_title, chart.y_title))
    assert chart.series[0].points == tuple(runs["predicted_seconds_per_step"])
    assert chart.series[0].x_points == tuple(runs["margin_share"])


def test_a_search_names_only_runs_that_there_are():
    search = {**SPEC["search"]["s"], "found": ["s 9"]}
    with pytest.raises(flopsheet.SpecError, match="no training run is called 's 9'"):
        load_spec({**SPEC, "search": {"s": search}})


def test_memory_and_time_of_the_best_layouts_are_drawn_by_part(book):
    _, report = book
    runs = report.frames["training_run"]
    _, memory, time = planned_sheet(SHEET, report, report).charts
    *classes, capacity = memory.series
    stacked = [sum(points) for points in zip(*(series.points for series in classes), strict=True)]
    parts = [sum(points) for points in zip(*(series.points for series in time.series), strict=True)]
    assert stacked == pytest.approx(runs["device_gib"].tolist())
    assert parts == pytest.approx(runs["predicted_seconds_per_step"].tolist())
    assert (capacity.draw, capacity.points, memory.x_points) == ("line", tuple(runs["capacity_gib"]), tuple(runs.index))


def test_the_heading_says_by_what_layouts_are_the_best_and_the_best_has_no_increase() -> None:
    report = flopsheet.compute(with_layouts(load_spec(SPEC)).data)
    cells = planned_sheet(SHEET, report, report).cells
    [top] = [row for (row, _), cell in cells.items() if str(cell.value).startswith("s: the best of")]
    [column] = [column for (row, column), cell in cells.items() if cell.value == "Largest increase"]
    heading = "s: the best of 12 layouts by predicted time of one step, as they were searched"
    assert cells[top, LABEL].value == heading
    assert [(top + row, column) in cells for row in (2, 3)] == [False, True]
