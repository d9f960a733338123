"""The headline numbers of a report as tables of texts: models, scenarios, training runs, serving runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from string import Formatter
from typing import TYPE_CHECKING, Any

from flopsheet.catalog import RUNS, Metric
from flopsheet.catalog.entries import Scalar, Unit
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.formula import evaluate
from flopsheet.numerics import EXACT
from flopsheet.output import measured
from flopsheet.output.summary import Summary
from flopsheet.pipeline.trend import trend
from flopsheet.quantities import TEXT_UNIT
from flopsheet.spec.schema.listed import MOST_STAGES

if TYPE_CHECKING:
    from flopsheet.api import Report
    from flopsheet.pipeline.frames import Values


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


def _exact(number: float) -> str:
    if number == int(number) and abs(number) < EXACT:
        return f"{int(number):,}"
    return f"{number:,.15g}"


# How a text shows a number, by the style of its unit.
STYLES: dict[str, Callable[[float], str]] = {
    "exact": _exact,
    "count": lambda number: _exact(number) if abs(number) < EXACT else f"{number:.4g}",
    "percent": lambda number: f"{number:.2%}".replace("%", " %"),
    "times": lambda number: f"{number:,.2f}×",
    "2 decimals": lambda number: f"{number:,.2f}",
    "3 decimals": lambda number: f"{number:,.3f}",
    "rounded": lambda number: f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}",
}


def format_value(value: Scalar, unit: Unit) -> str:
    """A value in its unit's style: `2,127,057,600`, `57.41 %`, `38.05×`."""
    return value if isinstance(value, str) else STYLES[unit.style](float(value))


MOST_LINES = 8  # of a summary, besides its first and its last
MOST_RUNS = 4


def brief(report: Report) -> list[str]:
    """The numbers that matter, at most `MOST_LINES` lines: the largest scenarios, the first runs.

    One more says so where parameters and FLOPs count different matrices.
    """
    told = [list(_runs(report, kind)) for kind in report.runs]
    runs = [line for lines in told for line in lines[: MOST_RUNS // len(told)]]
    if left := sum(map(len, told)) - len(runs):
        runs.append(_more(left, "run"))
    table, work = report.values.tables["scenario"], report.values.column("scenario", "flops_forward")
    room = MOST_LINES - len(runs)
    chosen = sorted(range(len(table)), key=lambda at: -work[at])[: room if len(table) <= room else room - 1]
    lines = [_scenario(report, at) for at in sorted(chosen)]
    if len(table) > len(chosen):
        lines.append(_more(len(table) - len(chosen), "scenario"))
    counts_alike = report.values.column("context", "largest_ffn_left_out")[0] == 0
    return [*lines, *runs, *([] if counts_alike else [str(report.values.column("context", "ffn_count_words")[0])])]


def _more(count: int, what: str) -> str:
    return f"… {count:,} more {what}{'' if count == 1 else 's'} in the workbook"


def unfit(report: Report) -> str:
    """Which runs do not fit, in the words of the Summary sheet; nothing where every run fits."""
    from flopsheet.workbook.layout.typed_cells import first_that_holds
    from flopsheet.workbook.sheets.fits import UNFIT
    from flopsheet.workbook.sheets.run_metrics import CAPACITY, FITS, MEMORY

    def told(kind: RunKind, at: int) -> dict[str, Scalar]:
        values, of_run = report.runs[kind], RUNS[kind][0]
        numbers = {"fits": FITS[kind], "memory": MEMORY[kind], "capacity": CAPACITY[kind]}
        found: dict[str, Scalar] = {said: values.plain(of_run, name)[at] for said, name in numbers.items()}
        return found | {"run": str(values.tables["run"].keys[at][0]), "hardware": values.plain("run", "hardware")[at]}

    runs = [told(kind, at) for kind, values in report.runs.items() for at in range(len(values.tables["run"]))]
    lacking = [one for one in runs if one["fits"] == "no"]
    if not lacking:
        return ""
    values = {**lacking[0], "runs": float(len(runs)), "unfit": float(len(lacking)), "broken": 0.0}
    return str(evaluate(first_that_holds(UNFIT), values.__getitem__))


def remedies(report: Report) -> Iterator[str]:
    """What would make the first runs fit that do not, each in the words of the Summary sheet."""
    if not unfit(report):
        return
    from flopsheet.pipeline.limits import remedies  # dozens of formulas are parsed as it is imported

    said = [
        f"{values.tables['run'].keys[at][0]}: {words}"
        for kind, values in report.runs.items()
        for at, words in remedies.remedies(values, kind, report.catalog).items()
    ]
    yield from said[:MOST_RUNS]


SEARCHED = "This study has a search; flopsheet search SPEC, or the workbook, shows its layouts."


def unsearched(report: Report) -> str:
    """Where the layouts of the searches are, whose runs the report lacks; nothing where it has them."""
    return "" if all(search.found for search in report.spec.searches) else SEARCHED


# Powers of 1,000 with what a number of them is followed by.
COUNTED = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))


def scaled(value: float, unit: str, scale: Sequence[tuple[float, str]]) -> str:
    """A large number for reading, rounded: `2.13 B`, `257.5 TFLOP`."""
    number = float(value)
    for power, prefix in scale:
        if abs(number) >= power:
            return f"{number / power:.{1 if abs(number) >= 100 * power else 2}f} {prefix}{unit}"
    return f"{_exact(number)} {unit}".strip()


def _scenario(report: Report, at: int) -> str:
    table = report.values.tables["scenario"]
    model, length = table.keys[at]
    n_params = scaled(report.values.column("model", "n_params")[table.above["model"][at]], "", COUNTED)
    flops = scaled(report.values.column("scenario", "flops_forward")[at], "FLOP", PREFIXES)
    dominant = report.values.column("scenario", "dominant")[at]
    return f"{model} at {length:,}: {n_params} parameters, {flops} forward, {dominant} dominates"


# What is told of a run, by kind; a metric stands in braces.
TOLD = {
    "training": "{device_gib} of {capacity_gib} GiB per device, margin {margin_share}",
    "serving": "{served_gib_device} of {served_capacity_gib_device} GiB per device, {largest_batch} sequences at most",
}
# The time of a training run, the latter of a predicted one.
TIMED = "; {days} days ({time_is}), {device_hours} device-hours"
RANGED = "; {days} days ({time_is}, P10 to P90 {predicted_days_range}), {device_hours} device-hours"
# What follows where it is known: cost and a tight fit of a training run, the speed of a serving one, else its bound.
PRICED = ", {run_cost} USD"
TIGHTLY = "; fits tightly, less than {reserve_share} is left for what is not a tensor"
PREDICTED = "; {n_sequences} at once: {predicted_token_range} ms per token (predicted, P10 to P90)"
BOUND = "; {decode_tokens_per_second_user} tokens/s per user at most ({decode_bound}-bound)"


def _runs(report: Report, kind: RunKind) -> Iterator[str]:
    """A line for each run of a kind."""
    (of_run, _), values = RUNS[kind], report.runs[kind]
    for at, (run,) in enumerate(values.tables[of_run].keys):
        told = TOLD[kind] + _known(kind, values, at)
        named = {name for _, name, _, _ in Formatter().parse(told) if name}
        texts = {"hardware": str(values.plain("run", "hardware")[at])} | {
            name: format_value(values.plain(of_run, name)[at], report.catalog.unit_of(name))
            for name in named - {"hardware"}
        }
        yield f"{run}: {told.format_map(texts)}"


def _is_predicted(values: Values, at: int) -> bool:
    """Whether the time of a training run is the predicted one."""
    days, predicted = (values.plain("training_run", name)[at] for name in ("days", "predicted_days"))
    return days == predicted


def _known(kind: RunKind, values: Values, at: int) -> str:
    """The end of the line of a run, by what is known of it."""
    of_run = RUNS[kind][0]
    if kind == "training":
        tight = TIGHTLY if values.plain(of_run, "is_tight")[at] else ""
        if isinstance(values.plain(of_run, "days")[at], str):
            from flopsheet.workbook.sheets.summary_words import UNTIMED  # what the Summary says then

            return f"; {UNTIMED}{tight}"
        timed = RANGED if _is_predicted(values, at) else TIMED
        return timed + tight if isinstance(values.plain(of_run, "run_cost")[at], str) else timed + PRICED + tight
    return BOUND if isinstance(values.plain(of_run, "predicted_seconds_per_token")[at], str) else PREDICTED


def sentences(report: Report) -> list[str]:
    """What the numbers say, at each context length."""
    named = ("ffn_count_words", *trend(report.values))
    counts, *trends = (report.values.plain("context", name) for name in named)
    said = [str(counts[0])]
    for parts in zip(*trends, strict=True):
        words = map(str, parts)
        said.append(" ".join(word for word in words if word))
    return said
