"""The headline numbers of a report as tables of texts: models, scenarios, training runs, serving runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any

from flopsheet.catalog import RUNS, Metric
from flopsheet.catalog.entries import Unit
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.output import measured
from flopsheet.output.number_styles import format_value
from flopsheet.output.summary import Summary
from flopsheet.quantities import TEXT_UNIT
from flopsheet.spec.schema.listed import MOST_STAGES

if TYPE_CHECKING:
    from flopsheet.api import Report


def summarise(report: Report, most: int | None = None, *, says_on_what: bool = False) -> Iterator[Summary]:
    """Every table that a report has, each with so many rows at most; those of runs with their devices and lengths."""
    yield _table(report, "model", "Models", ["Model"], most)
    yield _table(report, "scenario", "Forward pass", ["Model", "Context"], most)
    for kind, (of_run, _) in RUNS.items():
        if kind in report.runs:
            table = _table(report, of_run, kind.capitalize(), ["Run"], most)
            yield _with_column(table, RUN_ON, _on_what(report, kind)) if says_on_what else table
        if kind == "training" and kind in report.runs:
            yield from _stages(report, most)
    from flopsheet.output import limits  # dozens of formulas are parsed as it is imported

    yield from limits.tables(report.spec, report.runs, report.catalog, most)
    yield from measured.tables(report.spec)


# On what a run is, and how long its sequences are; an input stands in braces.
RUN_ON = "Run on"
ON = {
    "training": "{n_devices} {hardware}, {context_length} tokens",
    "serving": "{n_devices} {hardware}, {n_sequences} sequences of {prompt_length} + {generated_length} tokens",
}


def _on_what(report: Report, kind: RunKind) -> list[str]:
    values = report.runs[kind]
    columns = {}
    for _, name, _, _ in Formatter().parse(ON[kind]):
        if name:
            grain = next(grain for grain, frame in values.frames.items() if name in frame.columns)
            columns[name] = [one if isinstance(one, str) else f"{one:,.0f}" for one in values.plain(grain, name)]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [ON[kind].format_map(row).replace(" 1 sequences", " 1 sequence") for row in rows]


def _with_column(table: Summary, title: str, texts: Sequence[str]) -> Summary:
    """A table with one more column of texts, right after what names its rows."""
    at = table.n_keys
    body = tuple((*row[:at], text, *row[at:]) for row, text in zip(table.body, texts, strict=False))
    moved = frozenset(column + (column >= at) for column in table.texts)
    header = (*table.header[:at], title, *table.header[at:])
    return Summary(table.title, header, body, table.n_keys, moved | {at}, table.more)


def _stages(report: Report, most: int | None) -> Iterator[Summary]:
    """The memory of each stage, of the training runs that have a pipeline; nothing where none has."""
    (of_run, _), values = RUNS["training"], report.runs["training"]
    counts = [int(count) for count in values.plain("run", "pipeline_parallel")]
    staged = [at for at, count in enumerate(counts) if count > 1]
    if not staged:
        return
    metrics = [report.catalog.metrics[f"stage_gib_{at}"] for at in range(1, min(MOST_STAGES, max(counts)) + 1)]
    columns = [values.plain(of_run, metric.name) for metric in metrics]
    units = [report.catalog.units[metric.unit] for metric in metrics]
    body = tuple(
        (
            _key(values.tables[of_run].keys[at][0]),
            *(
                format_value(column[at], unit) if stage < counts[at] else ""
                for stage, (column, unit) in enumerate(zip(columns, units, strict=True))
            ),
        )
        for at in staged[:most]
    )
    title = "Memory by stage" if max(counts) <= MOST_STAGES else f"Memory by stage, the first {MOST_STAGES}"
    header = ("Run", *map(_titled, metrics, units))
    yield Summary(title, header, body, 1, frozenset({0}), len(staged) - len(body))


def _table(report: Report, grain: Grain, title: str, keys: Sequence[str], most: int | None) -> Summary:
    values = next((of for kind, of in report.runs.items() if grain in RUNS[kind]), report.values)
    catalog = report.catalog
    metrics = [
        metric
        for metric in catalog.headlines
        if metric.grain == grain and (metric.name not in catalog.folded or values.column(grain, metric.name).any())
    ]
    units = [report.catalog.units[metric.unit] for metric in metrics]
    table = values.tables[grain]
    shown_rows = range(min(len(table), most or len(table)))
    columns = [values.plain(grain, metric.name) for metric in metrics]
    body = tuple(
        (
            *(_key(part) for part in table.keys[at]),
            *(format_value(column[at], unit) for column, unit in zip(columns, units, strict=True)),
        )
        for at in shown_rows
    )
    texts = {0} | {len(keys) + at for at, metric in enumerate(metrics) if metric.unit == TEXT_UNIT}
    header = (*keys, *map(_titled, metrics, units))
    return Summary(title, header, body, len(keys), frozenset(texts), len(table) - len(body))


def _key(part: Any) -> str:
    return f"{part:,}" if isinstance(part, int) else str(part)


def _titled(metric: Metric, unit: Unit) -> str:
    return f"{metric.label} {unit.heading}".strip()
