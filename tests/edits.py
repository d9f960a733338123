"""Random edits of a study, each said twice: as a change of the spec and as typing into cells of Inputs."""

from __future__ import annotations

import copy
import functools
import pickle
import random
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flopsheet.api import Report, compute
from flopsheet.diagnostics import SpecError
from flopsheet.spec.schema import data_model
from flopsheet.workbook import arrange, plan
from flopsheet.workbook.model.references import letters
from flopsheet.workbook.model.sheet import Plan, Sheet
from flopsheet.workbook.write import xlsx

Cell = tuple[str, str]


@dataclass(frozen=True)
class Edit:
    """A spec that was edited, and the cells of the original workbook that say the same."""

    spec: Mapping[str, Any]
    cells: Mapping[Cell, float | str]


def write_workbook(report: Report, path: Path) -> Plan:
    """Writes the workbook that `build` writes: its plan, which need not be made twice."""
    made = plan_of(report)
    xlsx.save(made, path)
    return made


def planned(edited: Report, original: Report, only: Collection[str] | None = None) -> Plan:
    """The workbook as it should read after the edit, its choice on Context and its as-built values unchanged.

    Where `only` some sheets are asked for, the others are not made: *Limits* takes half the time of a study with runs.
    """
    if edited is original and only is None:
        return plan_of(original)
    now = original.study if edited is original else _after(edited, original)
    return plan.plan_workbook(now, original.study, only=only)


def planned_sheet(title: str, edited: Report, original: Report) -> Sheet:
    """One sheet of it; as it was built it is made once for those who ask one after the other."""
    return (
        _as_built(title, _Itself(original)) if edited is original else planned(edited, original, {title}).sheet(title)
    )


def sheet_of(title: str, report: Report) -> Sheet:
    """One sheet of a report's workbook."""
    return planned_sheet(title, report, report)


def _after(edited: Report, original: Report) -> arrange.WorkbookInput:
    study = original.study
    return arrange.WorkbookInput(edited.spec, edited.values, edited.runs, edited.catalog, study.version, study.choice)


def plan_of(report: Report) -> Plan:
    """The plan of a report's workbook, made once for those who ask one after the other; nobody may change it."""
    return _plan_of(_Itself(report))


def remember_plan(report: Report, path: Callable[[], Path]) -> None:
    """From now on the plan of a report is read from a file, which takes a tenth of the time."""
    _files[_Itself(report)] = path


class _Itself:
    """A report as a key: two are alike only if they are the same."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def __hash__(self) -> int:
        return id(self.report)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.report is other.report


_files: dict[_Itself, Callable[[], Path]] = {}


@functools.lru_cache(2)  # a plan of a study with runs takes some 50 MB
def _plan_of(key: _Itself) -> Plan:
    if path := _files.get(key):
        read: Plan = pickle.loads(path().read_bytes())
        return read
    return plan.plan_workbook(key.report.study)


@functools.lru_cache(4)
def _as_built(title: str, key: _Itself) -> Sheet:
    return planned(key.report, key.report, {title}).sheet(title)


def formulas(of: Plan) -> dict[Cell, float | str]:
    """Every formula cell of a plan with its value."""
    return {
        (sheet.title, f"{letters(column)}{row}"): cell.value
        for sheet in of.sheets
        for (row, column), cell in sheet.cells.items()
        if cell.formula
    }


def edits(base: Mapping[str, Any], report: Report, count: int, seed: int) -> Iterator[tuple[Edit, Report]]:
    """Valid edits of one to four inputs each, over every input, model and switch, with the report that they give."""
    dice, lines = random.Random(seed), rows_of(report)
    made = 0
    while made < count:
        spec, cells = copy.deepcopy(dict(base)), {}
        for _ in range(dice.randint(1, 4)):
            _edit_once(dice, spec, cells, dice.choice(lines), report)
        try:
            edited = compute(spec)
        except SpecError:
            continue  # heads that no longer divide, say: the spec could not say it
        made += 1
        yield Edit(spec, cells), edited


def rows_of(report: Report) -> list[Any]:
    """The rows of Inputs into which something can be typed."""
    rows = report._layout.inputs.rows  # laid out once for all that ask a report where its cells are
    return [line for line in rows if (line.table_set.name, line.entry.name) != ("serving", "context_length")]


def _edit_once(
    dice: random.Random, spec: dict[str, Any], cells: dict[Cell, float | str], line: Any, report: Report
) -> None:
    at = dice.randrange(len(line.live))
    type_once(spec, cells, line, at, random_value(dice, line.entry, report))


def type_once(spec: dict[str, Any], cells: dict[Cell, float | str], line: Any, at: int, value: Any) -> None:
    """Says a value of one input in the spec, and types it into its cell."""
    target = _target(spec, line, at)
    if target is None:
        return
    key = {"n_group_layers": "n_layers", "run_model": "model"}.get(line.entry.name, line.entry.name)
    if line.table_set.name == "study" and line.entry.grain == "context":
        spec["context_lengths"][at] = value
    else:
        if key == "ffn_matrices":
            target.pop("ffn", None)
        target[key] = value
    typed = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    typed = "yes" if value is True else "no" if value is False else typed
    if value == "none" and line.entry.absent:
        typed = line.entry.absent  # the word of the cell, so that typing what stands there changes nothing
    cells[line.live[at].sheet, line.live[at].address] = typed


def _target(spec: dict[str, Any], line: Any, at: int) -> dict[str, Any] | None:
    """The mapping of the spec that says an input; None where the input is derived."""
    name, grain = line.entry.name, line.entry.grain
    names = line.table_set.table(grain).keys[at]
    if line.table_set.name != "study":
        return spec[line.table_set.name][names[0]]
    if grain in {"study", "context"}:
        switches = {entry.name for entry in data_model.conventions()}
        return spec.setdefault("conventions", {}) if name in switches else spec
    if grain == "hardware":
        return spec["hardware"].setdefault(names[0], {})
    model = spec["models"][names[0]]
    if grain == "model":
        return None if name == "n_layers" and "layers" in model else model  # derived from the groups
    if "layers" in model:
        return next(entry for entry in model["layers"] if entry["name"] == names[1])
    return None if name == "n_group_layers" else model  # derived from the model


# Values that are worth typing, where 1 to 128 are not.
RANGES: dict[str, Any] = {
    "first_stage_layers": [0, 1, 2, 3],
    "last_stage_layers": [0, 1, 2, 3],
    "n_heads": [1, 2, 4, 5, 8, 10, 12, 16, 25, 32],
    "n_kv_heads": [1, 2, 4, 5, 25],
    "d_model": [64 * step for step in range(1, 80)] + [800, 1600, 3200],
    "context_length": [1, 7, 128, 1000, 1024, 4096, 16384, 131072, 1_000_000],
    "max_positions": [1, 512, 2048],
    "n_norms": range(9),
    "batch_size": [1, 2, 3, 8, 64],
    "vocab_size": [1, 100, 32000, 50257, 151936],
    "window": [0, 1, 256, 3000],
    "n_o_groups": [1, 2, 4],
    "n_linear_key_heads": [1, 2, 4],
    "n_active_experts": [1, 2, 3, 4],
    "n_stored_layers": [1, 2, 3, 4, 5, 6],
    "n_devices": [1, 2, 4, 8, 16, 32, 64, 96, 1024],
    "global_batch_size": [1, 4, 16, 64, 256, 1000],
    "n_tokens": [1, 1e6, 3.3e11, 15e12],
    "measured_tokens_per_second": [0, 12.5, 1e6],
    "measured_seconds_per_step": [0, 0.25, 30],
    "measured_tokens_per_second_per_device": [0, 12.5, 1e4],
    "measured_flops_per_device": [0, 1e12, 4.5e14],
    "adapter_rank": [0, 4, 64],
    "frozen_layers": [0, 1, 3],
    "recomputed_every": [1, 2, 3],
    "recomputed_layers": [0, 1, 2, 3],
    "reserved_bytes": [0, 1e9, 123456789],
    "cache_memory_gib": [0, 2.89, 40],
    "chunk_length": [1, 500, 8192],
    "profiled_sequences": [0, 3, 256],
    "prefix_hit_rate": [0, 0.3, 1],
    "prompt_length": [1, 500, 4096, 100_000],
    "generated_length": [1, 2, 777, 5000],
    "assumed_mfu": ["none", 0.01, 0.37, 1],
    "memory_utilisation": [0.1, 0.95, 1],
    "reserve_share": [0, 0.08, 0.5],
    "compute_efficiency": [0.05, 0.7, 1],
    "bandwidth_efficiency": [0.05, 0.7, 1],
    "grid_carbon": ["none", 0, 0.05, 0.9],
    "pue": [1, 1.12, 2],
    "memory_bytes": [1e9, 40e9, 192e9],
    "memory_bandwidth": [1e11, 1.555e12, 8e12],
    "link_bandwidth": ["none", 64e9, 1.8e12],
    "network_bandwidth": ["none", 6.25e9, 50e9],
    "n_devices_per_node": [1, 4, 8, 72],
    "power_watts": ["none", 0, 72.5, 1000],
    "matmul_efficiency": ["none", 0.4, 0.912],
    "fused_attention_efficiency": ["none", 0.25, 1.1],
    "eager_attention_efficiency": [0.3, 1],
    "collective_efficiency": [0.388, 1],
    "collective_latency": [0, 1e-4],
    "small_matmul_width": [0, 35, 200],
    "kernel_traffic": [0, 14.9],
    "weight_traffic": [0, 11.7],
    "unhidden_gather": [0, 0.35, 1],
    "time_ratio_low": [0.5, 1],
    "time_ratio_median": [0.9, 1.1],
    "time_ratio_high": [1, 1.7],
    "outside_time_ratio_low": [0.4, 0.8],
    "outside_time_ratio_high": [1.1, 1.9],
    "experts_time_ratio_low": [0.3, 1],
    "served_memory_efficiency": [0.4, 0.84],
    "served_matmul_efficiency": [0.2, 0.42],
    "prefill_efficiency": [0.3, 0.76],
    "prefill_attention_efficiency": [0.3, 1.1],
    "served_collective_efficiency": [0.2, 0.4],
    "layer_latency": [0, 4e-5],
    "expert_latency": [0, 2e-7],
    "all_reduce_latency": [0, 1e-5],
    "prompt_layer_latency": [0, 4e-4],
    "prompt_expert_latency": [0, 1e-5],
    "prompt_queue": [0, 0.25, 1],
    "token_time_ratio_low": [0.5, 1],
    "token_time_ratio_median": [0.9, 1.1],
    "token_time_ratio_high": [1, 1.7],
    "first_token_ratio_low": [0.5, 1],
    "first_token_ratio_median": [0.9, 1.1],
    "first_token_ratio_high": [1, 4],
    "outside_token_ratio_low": [0.4, 0.7],
    "outside_token_ratio_high": [1.1, 2.1],
    "outside_first_token_ratio_low": [0.3, 0.6],
    "outside_first_token_ratio_high": [2, 5],
    "n_draft_tokens": [0, 1, 2, 5],
    "acceptance_rate": [0, 0.75, 1],
    "acceptance_rate_2": [0, 0.5, 1],
    "acceptance_rate_3": [0, 0.25, 1],
    "draft_cost": [0, 0.125],
    "n_prefill_devices": [0, 2, 16],
    "expert_imbalance": [1, 1.3],
    "price_per_hour": ["none", 0, 0.37, 12],
}


def random_value(dice: random.Random, entry: Any, report: Report) -> Any:
    """A value of an input as the spec says it."""
    if entry.is_flag:
        return dice.random() < 0.5
    if entry.choices:
        return dice.choice(entry.choices)
    if entry.chooses:
        return dice.choice(report.spec.models if entry.chooses == "model" else report.spec.hardware).name
    few = [1, 2, 4, 8] if entry.name.endswith("_parallel") or entry.name == "virtual_stages" else range(1, 129)
    peaks = [1e12, 123.4e12, 2.5e15] if entry.name.startswith("peak_flops_") else few
    few = [0, 0.25, 1] if entry.name.endswith("_overlap") else peaks
    few = [0, 1, 4] if entry.name.startswith("stage_layers_") else few
    return dice.choice(RANGES.get(entry.name, few))


def differences(of: Plan) -> frozenset[Cell]:
    """The cells that hold the relative difference of two others: what is left where they nearly cancel is rounding."""
    from flopsheet.workbook.sheets.changed_results import CHANGE_FORMAT
    from flopsheet.workbook.sheets.sensitivity import EFFECT_FORMAT

    return frozenset(
        (sheet.title, f"{letters(column)}{row}")
        for sheet in of.sheets
        for (row, column), cell in sheet.cells.items()
        if cell.formula and cell.format in {CHANGE_FORMAT, EFFECT_FORMAT}
    )


def disagreements_of(
    got: Mapping[Cell, Any], wanted: Mapping[Cell, float | str], relative: frozenset[Cell] = frozenset()
) -> dict[Cell, tuple[Any, Any]]:
    """The cells in which an engine and pandas differ: texts exactly, numbers beyond 1e-12 of themselves.

    Cells that are `relative` to another already may differ by 1e-12 itself.
    """
    return {
        cell: (got[cell], value)
        for cell, value in wanted.items()
        if not _equal(got[cell], value, 1.0 if cell in relative else 0.0)
    }


def _equal(got: Any, wanted: float | str, scale: float) -> bool:
    if isinstance(wanted, str) or not isinstance(got, int | float):
        return bool(got == wanted)
    return abs(got - wanted) <= 1e-12 * max(abs(wanted), scale)
