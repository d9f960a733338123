"""A report for reading outside the workbook: JSON, CSV, and the working of one number."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

from flopsheet import errors
from flopsheet.catalog import KEYS, RUNS, Catalog, Metric
from flopsheet.errors import UsageError
from flopsheet.formula import Node, names, to_maths
from flopsheet.formula.arms import pick_arms
from flopsheet.formula.maths import shown
from flopsheet.formula.nodes import Aggregate, Name, Number, Operation, Text, with_leaves
from flopsheet.workbook.layout import World

if TYPE_CHECKING:
    from flopsheet.frames import Values
    from flopsheet.report import Report
    from flopsheet.tables import Table as InputTable


def plain(value: Any, unit: str, catalog: Catalog) -> Any:
    """A value as JSON has it: whole things as integers, as far as a double is exact."""
    if isinstance(value, str):
        return value
    number = float(value)
    if catalog.units[unit].whole and number == int(number) and abs(number) < 2**53:
        return int(number)
    return number


def rows(report: Report, grain: str, values: Values | None = None) -> Iterator[dict[str, Any]]:
    """Every input and metric of a grain, row by row, of the study or of one kind of run."""
    values = values or report.values
    catalog, names = report.catalog, list(values.frames[grain].columns)
    for at in range(len(values.tables[grain])):
        row = {}
        for name in names:
            entry = catalog.entry(name)
            value = plain(values.plain(grain, name)[at], entry.unit, catalog)
            row[name] = value == "yes" if name in catalog.inputs and catalog.inputs[name].is_flag else value
        yield row


def to_json(report: Report) -> str:
    """One object: models by name, scenarios as a list, training and serving runs by name."""
    tables = report.values.tables
    models = {str(key): row for (key,), row in zip(tables["model"].keys, rows(report, "model"), strict=True)}
    scenarios = [
        {"model": model, "context_length": length, **row}
        for (model, length), row in zip(tables["scenario"].keys, rows(report, "scenario"), strict=True)
    ]
    runs = {kind: runs_of(report, kind) for kind in RUNS}
    return json.dumps({"models": models, "scenarios": scenarios, **runs}, indent=1, ensure_ascii=False)


def runs_of(report: Report, kind: str) -> dict[str, dict[str, Any]]:
    """The runs of a kind by name, with their context length and what both kinds share."""
    if kind not in report.runs:
        return {}
    values, (of_run, _) = report.runs[kind], RUNS[kind]
    parts = [rows(report, grain, values) for grain in ("context", "run", of_run)]
    merged = ({**context, **shared, **own} for context, shared, own in zip(*parts, strict=True))
    return {str(key): row for (key,), row in zip(values.tables["run"].keys, merged, strict=True)}


def to_csv(report: Report) -> str:
    """One line per scenario, the numbers of its model included."""
    models = list(rows(report, "model"))
    table = report.values.tables["scenario"]
    lines = [
        {"model": model, "context_length": length, **models[owner], **row}
        for (model, length), owner, row in zip(table.keys, table.above["model"], rows(report, "scenario"), strict=True)
    ]
    return to_lines(lines)


def to_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def explain(report: Report, name: str, model: str | None, context_length: int | None) -> str:
    """The working of a metric as a person would write it: formula, the same with numbers, result, source, cells."""
    catalog = report.catalog
    if name not in catalog.metrics:
        known = list(catalog.metrics)
        if name in catalog.inputs:
            raise UsageError(errors.located((f"'{name}' is an input", "explain a metric that reads it"), "", None))
        raise UsageError(errors.located(errors.unknown_metric(name, known, ()), "", None))
    metric = catalog.metrics[name]
    worlds = report.study.worlds(report.study)
    world = next((world for world in worlds.values() if metric.grain in world.values.tables), None)
    table = world.table(metric.grain) if world else None
    keys = enumerate(table.keys) if table else ()
    if context_length is not None and table and "context_length" not in table.key_names:
        fact = errors.claim_without_context(name)[0]
        raise UsageError(errors.located((fact, "leave --context out"), "--context", None))
    chosen = [at for at, key in keys if table and _matches(table.key_names, key, model, context_length)]
    if table and not chosen:
        raise UsageError(_nothing_chosen(report, table, model, context_length))
    formula = catalog.maths[name] or "a sentence from the numbers"
    lines = [f"{name}: {metric.label}, {metric.unit}", f"  {metric.doc}", f"  {formula}"]
    letters = {
        read: catalog.inputs[read]
        for read in names(metric.node)
        if read in catalog.inputs and catalog.inputs[read].symbol
    }
    if letters:
        lines.append("  with " + ", ".join(f"{entry.symbol} = {entry.name}" for entry in letters.values()))
    if metric.shape:
        lines.append(f"  shape: {metric.shape}")
    if metric.source:
        lines.append(f"  source: {metric.source}")
    if world is None or table is None:
        return "\n".join([*lines, "", f"This spec has no {metric.grain.replace('_', ' ')} to compute it for."])
    spots = report.cells(name)
    for at in chosen:
        about = ", ".join(f"{part:,}" if isinstance(part, int) else str(part) for part in table.keys[at] if part != "")
        value = world.value(name, at)
        result = value if isinstance(value, str) else shown(value)
        steps = [] if metric.is_sentence else [formula, _with_numbers(world, metric, at)]
        cell = f"  (cell {spots[at].seen_from('')})" if spots else ""
        lines += ["", f"{about}{cell}", "  " + " = ".join([*steps, result])]
    return "\n".join(lines)


def _matches(key_names: Sequence[str], key: Sequence[object], model: str | None, context_length: int | None) -> bool:
    row = dict(zip(key_names, key, strict=True))
    fits_model = model is None or row.get("model", row.get("run", model)) == model
    return fits_model and (context_length is None or row.get("context_length", context_length) == context_length)


def _nothing_chosen(report: Report, table: InputTable, model: str | None, context_length: int | None) -> errors.Problem:
    """Why no row of a table was meant: nothing of its kind has that name, or that context length."""
    kind = next((key for key in ("model", "run") if key in table.key_names), "")
    names = list(dict.fromkeys(str(key[table.key_names.index(kind)]) for key in table.keys)) if kind else []
    if model is not None and kind and model not in names:
        return errors.located(errors.unknown_model(model, names, kind), "--model", None)
    return errors.located(errors.claim_needs_context(context_length, report.spec.context_lengths), "--context", None)


def constant(value: float | str) -> Node:
    """A value as it stands in a formula."""
    return Text(value) if isinstance(value, str) else Number(float(value))


def _with_numbers(world: World, metric: Metric, row: int) -> str:
    """The formula with each name's value in its place."""

    def choice(name: str) -> str | float:
        return world.value(name, above(name))

    def above(name: str) -> int:
        grain = world.grain(name)
        return row if grain == metric.grain else world.table(metric.grain).above[grain][row]

    def value_of(leaf: Name | Aggregate) -> Node:
        if isinstance(leaf, Aggregate):
            return gathered(leaf)
        known = leaf.name in world.catalog.inputs or leaf.name in world.catalog.metrics or leaf.name in KEYS
        return constant(world.value(leaf.name, above(leaf.name))) if known else leaf  # a choice, such as causal_half

    def gathered(leaf: Aggregate) -> Node:
        below = world.children[world.grain(leaf.names[0]), metric.grain][row]
        keys, values = ([world.value(name, at) for at in below] for name in (leaf.names[0], leaf.names[-1]))
        if leaf.function != "sum":
            at = {"first": 0, "at_min": keys.index(min(keys)), "at_max": keys.index(max(keys))}[leaf.function]
            return constant(values[at])
        terms = list(map(constant, values))
        return reduce(partial(Operation, "+"), terms) if len(terms) <= 12 else Text(f"the sum of {len(terms)} values")

    return to_maths(with_leaves(pick_arms(metric.plain, choice), value_of))
