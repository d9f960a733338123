"""The working of one number as a person would write it: formula, the same with numbers, result, source, cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING

from flopsheet import diagnostics
from flopsheet.catalog import KEYS, Catalog, Metric, headings
from flopsheet.catalog.entries import Scalar
from flopsheet.diagnostics import UsageError
from flopsheet.formula import Node, names, to_notation
from flopsheet.formula.arms import pick_arms
from flopsheet.formula.nodes import Aggregate, Name, Number, Operation, Text, with_leaves
from flopsheet.formula.notation import format_number
from flopsheet.output import measured
from flopsheet.quantities import TRUTH
from flopsheet.workbook.layout.cells import TableSet

if TYPE_CHECKING:
    from flopsheet.api import Report
    from flopsheet.pipeline.tables import Table as InputTable


MOST_READERS = 8  # of an input, that are named
LONGEST = 160  # letters of a formula that is read


def explain(report: Report, name: str, model: str | None, context_length: int | None, depth: int = 0) -> str:
    """The working of a metric as a person would write it: formula, the same with numbers, result, source, cells.

    Of what it reads the formulas follow, `depth` steps back. An input is told by its values.
    """
    catalog = report.catalog
    if name in catalog.inputs:
        return _explain_input(report, name, model)
    if name not in catalog.metrics:
        known = headings([*catalog.metrics.values(), *catalog.inputs.values()], catalog.units)
        raise UsageError(diagnostics.located(diagnostics.no_such_metric(name, known, "", {}), "", None))
    metric = catalog.metrics[name]
    table_sets = report.study.table_sets(report.study)
    table_set = next((table_set for table_set in table_sets.values() if metric.grain in table_set.values.tables), None)
    table = table_set.table(metric.grain) if table_set else None
    keys = enumerate(table.keys) if table else ()
    if context_length is not None and table and "context_length" not in table.key_names:
        finding = diagnostics.claim_without_context(name)._replace(remedy="leave --context out")
        raise UsageError(diagnostics.located(finding, "--context", None))
    chosen = [at for at, key in keys if table and _matches(table.key_names, key, model, context_length)]
    if table and not chosen:
        raise UsageError(_nothing_chosen(report, table, model, context_length))
    formula = catalog.formula_text(name)
    lines = [f"{name}: {metric.label}, {metric.unit}", f"  {metric.doc}", f"  {formula}"]
    named = [read for read in names(metric.ast) if read in catalog.inputs or read in catalog.metrics]
    letters = {read: catalog.entry(read) for read in named if catalog.entry(read).symbol}
    if letters:
        lines.append("  with " + ", ".join(f"{entry.symbol} = {entry.name}" for entry in letters.values()))
    if metric.shape:
        lines.append(f"  shape: {metric.shape}")
    if metric.source:
        lines.append(f"  source: {metric.source}")
    lines += _formulas_read(catalog, name, depth, "    ", {name})
    lines += [f"  {line}" for line in measured.of_metric(report.spec, catalog, name)]
    if table_set is None or table is None:
        return "\n".join([*lines, "", f"This spec has no {metric.grain.replace('_', ' ')} to compute it for."])
    cell_refs = report.cells(name)
    for at in chosen:
        about = ", ".join(f"{part:,}" if isinstance(part, int) else str(part) for part in table.keys[at] if part != "")
        value = table_set.value(name, at)
        result = value if isinstance(value, str) else format_number(value)
        steps = [] if metric.is_sentence else [formula, _with_numbers(table_set, metric, at)]
        cell = f"  (cell {cell_refs[at].seen_from('')})" if cell_refs else ""
        lines += ["", f"{about}{cell}", "  " + " = ".join([*steps, result])]
    return "\n".join(lines)


def _formulas_read(catalog: Catalog, name: str, depth: int, indent: str, seen: set[str]) -> Iterator[str]:
    """The formulas of the metrics that one reads, and of what they read, each once; letters stand for themselves."""
    for read in names(catalog.metrics[name].ast) if depth else ():
        if read in catalog.metrics and read not in seen and not catalog.metrics[read].symbol:
            seen.add(read)
            formula = catalog.formula_text(read)
            yield f"{indent}{read} = {diagnostics.shown(formula, LONGEST)}"
            yield from _formulas_read(catalog, read, depth - 1, indent + "  ", seen)


def _explain_input(report: Report, name: str, model: str | None) -> str:
    """What an input is, its values with their cells and sources, and what reads it."""
    catalog = report.catalog
    entry = catalog.inputs[name]
    lines = [f"{name}: {entry.label}, {entry.unit}, an input", f"  {entry.doc}"]
    sources = {device.name: device.sources.get(name, "") for device in report.spec.hardware}
    used = {run.hardware for runs in report.spec.runs.values() for run in runs}
    for table_set in report.study.table_sets(report.study).values():
        cell_refs = report.cells(name, table_set.name)
        rows = table_set.table(entry.grain) if cell_refs else None
        for at, key in enumerate(rows.keys if rows else ()):
            if entry.grain == "hardware" and used and key[0] not in used:
                continue
            if rows and _matches(rows.key_names, key, model, None):
                about = ", ".join(str(part) for part in key if part != "")
                value = table_set.value(name, at)
                told = value if isinstance(value, str) else format_number(value)
                source = f"  source: {sources[about]}" if entry.grain == "hardware" and sources.get(about) else ""
                lines.append(f"  {about or 'all'}: {told}  (cell {cell_refs[at].seen_from('')}){source}")
    metrics = [metric for metric in catalog.metrics.values() if metric.unit != TRUTH]
    readers = [metric.name for metric in metrics if name in metric.dependencies]
    if readers:
        more = f", … ({len(readers)} in all)" if len(readers) > MOST_READERS else ""
        lines.append(f"  read by {', '.join(readers[:MOST_READERS])}{more}")
    return "\n".join(lines)


def _matches(key_names: Sequence[str], key: Sequence[object], model: str | None, context_length: int | None) -> bool:
    row = dict(zip(key_names, key, strict=True))
    fits_model = model is None or row.get("model", row.get("run", model)) == model
    return fits_model and (context_length is None or row.get("context_length", context_length) == context_length)


def _nothing_chosen(
    report: Report, table: InputTable, model: str | None, context_length: int | None
) -> diagnostics.Problem:
    """Why no row of a table was meant: nothing of its kind has that name, or that context length."""
    kind = next((key for key in ("model", "run") if key in table.key_names), "")
    names = list(dict.fromkeys(str(key[table.key_names.index(kind)]) for key in table.keys)) if kind else []
    if model is not None and kind and model not in names:
        return diagnostics.located(diagnostics.unknown_model(model, names, kind), "--model", None)
    return diagnostics.located(
        diagnostics.claim_needs_context(context_length, report.spec.context_lengths), "--context", None
    )


def constant(value: Scalar) -> Node:
    """A value as it stands in a formula."""
    return Text(value) if isinstance(value, str) else Number(float(value))


def _with_numbers(table_set: TableSet, metric: Metric, row: int) -> str:
    """The formula with each name's value in its place."""

    def choice(name: str) -> Scalar:
        return table_set.value(name, above(name))

    def above(name: str) -> int:
        grain = table_set.grain(name)
        return row if grain == metric.grain else table_set.table(metric.grain).above[grain][row]

    def value_of(leaf: Name | Aggregate) -> Node:
        if isinstance(leaf, Aggregate):
            return gathered(leaf)
        known = leaf.name in table_set.catalog.inputs or leaf.name in table_set.catalog.metrics or leaf.name in KEYS
        return (
            constant(table_set.value(leaf.name, above(leaf.name))) if known else leaf
        )  # a choice, such as causal_half

    def gathered(leaf: Aggregate) -> Node:
        below = table_set.children[table_set.grain(leaf.names[0]), metric.grain][row]
        keys, values = ([table_set.value(name, at) for at in below] for name in (leaf.names[0], leaf.names[-1]))
        if leaf.function != "sum":
            at = {"first": 0, "at_min": keys.index(min(keys)), "at_max": keys.index(max(keys))}[leaf.function]
            return constant(values[at])
        terms = list(map(constant, values))
        return reduce(partial(Operation, "+"), terms) if len(terms) <= 12 else Text(f"the sum of {len(terms)} values")

    return to_notation(with_leaves(pick_arms(metric.source_ast, choice), value_of))
