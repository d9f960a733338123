"""What a report says in lines: the numbers that matter, what does not fit and what would help, how shares move."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter
from typing import TYPE_CHECKING

from flopsheet.catalog import RUNS
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import evaluate
from flopsheet.output.number_styles import COUNTED, PREFIXES, format_value, scaled
from flopsheet.pipeline.trend import trend

if TYPE_CHECKING:
    from flopsheet.api import Report
    from flopsheet.pipeline.frames import Values

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
