"""A search for a reader: the best layouts and why they lose, the front, what fails which rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flopsheet.catalog import Catalog
from flopsheet.output import export, markdown, terminal
from flopsheet.output.headline import format_value
from flopsheet.output.rows import JSON
from flopsheet.output.summary import Summary
from flopsheet.pipeline.search.engine import CLASSES
from flopsheet.pipeline.search.result import GRAIN, STEP, Difference, SearchResult

SHOWN = (STEP, "predicted_mfu", "device_gib", "margin_share")
MOST_FRONT = 20
MOST_TERMS = 4
LEAST_SHARE = 0.01  # of all that differs: smaller terms are not told


def summarise(result: SearchResult) -> Iterator[Summary]:
    """The tables of a search."""
    search, found = result.search, result.found
    title = f"{search.name}: {search.size:,} layouts, {found.n_valid:,} of them possible"
    if not result.n_best:
        title = f"{search.name}: none of {search.size:,} layouts is possible"
    yield _layouts(result, title, range(result.n_best), with_reason=True)
    front = result.front[:MOST_FRONT]
    if len(result.front) > 1:
        more = len(result.front) - len(front)
        label = result.catalog.metrics[search.metric].label
        title = f"No other layout is better in both: {label[0].lower()}{label[1:]}, and memory that is left"
        yield _layouts(result, title, front, more=more)
    yield Summary(
        "Left out, by the first reason",
        ("Reason", "Layouts", "Share"),
        tuple(
            (said(name, result.catalog), f"{count:,}", f"{count / search.size:.2%}".replace("%", " %"))
            for name, count in result.fails.items()
        ),
        1,
        frozenset({0}),
    )


def _layouts(
    result: SearchResult, title: str, rows: range | tuple[int, ...], *, with_reason: bool = False, more: int = 0
) -> Summary:
    """Some layouts: the inputs that vary, step time and memory."""
    catalog, search = result.catalog, result.search
    varied = [key for key, values in search.axes.items() if len(values) > 1]
    shown = [name for name in dict.fromkeys((search.metric, *SHOWN))]
    metrics = [catalog.metrics[name] for name in shown]
    columns = {name: result.values.plain(GRAIN, name) for name in shown} if rows else {}
    body = []
    for row in rows:
        run = result.spec.runs["training"][row]
        inputs = [format_value(run.inputs[key].value, catalog.unit_of(key)) for key in varied]
        numbers = [_told(columns[name][row], name, result) for name in shown]
        reason = [because(result.difference(row), catalog)] if with_reason else []
        body.append((run.name, *inputs, *numbers, *reason))
    labels = [catalog.entry(key).label for key in varied]
    headed = [f"{metric.label} {catalog.units[metric.unit].heading}".strip() for metric in metrics]
    header = ("Layout", *labels, *headed, *(["Against the best"] if with_reason else []))
    texts = {0, *(at + 1 for at, key in enumerate(varied) if not catalog.inputs[key].is_number)}
    texts |= {len(header) - 1} if with_reason else set()
    return Summary(title, header, tuple(body), 1, frozenset(texts), more)


def _told(value: float | str, name: str, result: SearchResult) -> str:
    """A number; of what is compared with a digit more, since the best differ little."""
    if name in {STEP, result.search.metric} and not isinstance(value, str) and abs(value) < 1e4:
        return f"{value:.5g}"
    return format_value(value, result.catalog.unit_of(name))


def because(difference: Difference, catalog: Catalog) -> str:
    """`+0.42 s: Pipeline bubble +0.30, Tensor parallel +0.15, Optimizer −0.03`."""
    if not difference.amount:
        return "equally good" if difference.parts else "the best"
    unit = catalog.unit_of(difference.metric)
    least = LEAST_SHARE * sum(abs(amount) for _, amount in difference.parts)
    large = sorted(difference.parts, key=lambda part: -abs(part[1]))[:MOST_TERMS]
    told = [part for part in difference.parts if part in large and abs(part[1]) >= least]
    terms = ", ".join(f"{catalog.metrics[name].label} {_signed(amount)}" for name, amount in told)
    return f"{_signed(difference.amount)} {unit.label}" + (f": {terms}" if terms else "")


def _signed(amount: float) -> str:
    return f"{amount:+.3g}".replace("-", "−")


def said(name: str, catalog: Catalog) -> str:
    """Why layouts are left out, in words."""
    if name in CLASSES:
        return f"Does not fit; most of it is: {catalog.metrics[name].label.lower()}"
    if name in catalog.rules:
        return f"Broken: {catalog.rules[name].label} ({catalog.rules[name].code})"
    if name in catalog.inputs:
        return f"{catalog.inputs[name].label} is out of range"
    _, _, metric = name.partition(" ")
    return f"Required: {catalog.metrics[metric].label}" if metric else "The metric has no value"


def to_json(results: Sequence[SearchResult]) -> str:
    """One object, a search after the other; each layout has the inputs and metrics of a training run."""
    return "{\n" + ",\n".join(map(_as_json, results)) + "\n}\n"


def _as_json(result: SearchResult) -> str:
    runs = [run.name for run in result.spec.runs["training"]] if result.n_best else []
    reasons = {
        runs[row]: f'"against_the_best": {JSON.text(because(result.difference(row), result.catalog))}, '
        for row in range(result.n_best)
    }
    fails = ", ".join(f"{JSON.text(name)}: {count}" for name, count in result.fails.items())
    layouts = export.runs_as_json(result.spec, result.catalog, "training", reasons) if runs else "{}"
    parts = {
        "layouts": str(result.search.size),
        "possible": str(result.found.n_valid),
        "left_out": f"{{{fails}}}",
        "best": f"[{', '.join(map(JSON.text, runs[: result.n_best]))}]",
        "front": f"[{', '.join(JSON.text(runs[row]) for row in result.front)}]",
        "training": layouts,
    }
    return (
        f"{JSON.text(result.search.name)}: {{\n" + ",\n".join(f'"{key}": {one}' for key, one in parts.items()) + "\n}"
    )


def to_csv(results: Sequence[SearchResult]) -> str:
    """The layouts of all searches, one line each: the best, then those of the front."""
    texts = [export.runs_as_csv(result.spec, result.catalog, "training") for result in results if result.n_best]
    header = texts[0].partition("\n")[0] + "\n" if texts else ""
    return header + "".join(text.partition("\n")[2] for text in texts)


def to_markdown(results: Sequence[SearchResult]) -> str:
    """The tables of each search for a pull request."""
    lines: list[str] = []
    for result in results:
        for summary in summarise(result):
            lines += [f"### {markdown.escape(summary.title)}", ""]
            lines += [*markdown.table(summary.header, summary.body, summary.texts), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def to_text(results: Sequence[SearchResult], width: int | None) -> str:
    """The tables of each search for a terminal, as wide as it where no width is given."""
    return terminal.tables_to_text((summary for result in results for summary in summarise(result)), width)
