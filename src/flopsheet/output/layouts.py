"""A search for a reader: the best layouts and why they lose, the front, what fails which rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum
from typing import Any

from flopsheet.catalog import Catalog
from flopsheet.catalog.entries import Scalar, inside_sentence
from flopsheet.output import export, markdown, terminal
from flopsheet.output.number_styles import format_value, percent
from flopsheet.output.rows import JSON
from flopsheet.output.summary import Summary
from flopsheet.pipeline.search.best import NO_VALUE
from flopsheet.pipeline.search.kinds import KINDS
from flopsheet.pipeline.search.layouts import entries
from flopsheet.pipeline.search.result import Difference, SearchResult
from flopsheet.yamlio.dump import block

CLASSES = frozenset(name for kind in KINDS.values() for name in kind.classes)
MOST_FRONT = 20
BASIS = "time_is"
MOST_TERMS = 4
LEAST_SHARE = 0.01  # of all that differs: smaller terms are not told
LEAST_REST = 0.005  # of the difference: below, the terms that are told add up to it in three digits


def summarise(result: SearchResult) -> Iterator[Summary]:
    """The tables of a search."""
    search, found = result.search, result.found
    if result.n_best:
        title = f"{search.name}: {search.size:,} layouts, {found.n_valid:,} of them possible"
        yield _layouts(result, title, range(result.n_best), with_reason=True)
    front = result.front[:MOST_FRONT]
    if len(result.front) > 1:
        more = len(result.front) - len(front)
        other, _ = result.kind.front(search.metric)
        labels = [inside_sentence(result.catalog.entry(name).label) for name in (search.metric, other)]
        labels[1] = "remaining memory" if other == result.kind.margin_share else labels[1]
        title = f"Pareto front: no other layout is better in both {labels[0]} and {labels[1]}"
        yield _layouts(result, title, front, more=more)
    yield from _bases(result)
    none = "" if result.n_best else f"{search.name}: none of {search.size:,} layouts is possible. "
    yield Summary(
        f"{none}Ruled out, by the first reason",
        ("Reason", "Layouts", "Share"),
        tuple(
            (why(name, result), f"{count:,}", percent(count / search.size, ".2%"))
            for name, count in result.fails.items()
        ),
        1,
        frozenset({0}),
    )


def why_none(result: SearchResult) -> str:
    """What to say where no layout is possible: the reason that excludes most; nothing where some are."""
    if result.n_best:
        return ""
    name, count = next(iter(result.fails.items()))
    size = result.search.size
    return f"{result.search.name}: none of {size:,} layouts is possible; {count:,} of them: {why(name, result)}"


def _bases(result: SearchResult) -> Iterator[Summary]:
    """What the times of each kind of hardware rest on, where that is more than the prediction as such."""
    if result.search.kind != "training" or not result.n_best:
        return
    told = result.values.plain("training_run", BASIS)
    bases = {run.hardware: str(words) for run, words in zip(result.runs, told, strict=True)}
    if len(set(bases.values())) > 1:
        body = tuple((hardware, words) for hardware, words in bases.items())
        label = result.catalog.metrics[BASIS].label
        yield Summary("Basis of times and costs", ("Hardware", label), body, 1, frozenset({0, 1}))


def _layouts(
    result: SearchResult, title: str, rows: range | tuple[int, ...], *, with_reason: bool = False, more: int = 0
) -> Summary:
    """Some layouts: the inputs that vary, step time and memory."""
    catalog, search = result.catalog, result.search
    varied = [key for key, values in search.axes.items() if len(values) > 1]
    shown = [name for name in dict.fromkeys((search.metric, result.kind.time, *result.kind.shown))]
    shown = [name for name in shown if name not in varied]
    entries = [catalog.entry(name) for name in shown]
    columns = {name: result.values.plain(result.grain(name), name) for name in shown} if rows else {}
    body = []
    for row in rows:
        run = result.runs[row]
        inputs = [format_value(run.inputs[key].value, catalog.unit_of(key)) for key in varied]
        numbers = [_told(columns[name][row], name, result) for name in shown]
        reason = [because(result, row)] if with_reason else []
        body.append((run.name, *inputs, *numbers, *reason))
    labels = [catalog.entry(key).label for key in varied]
    headed = [f"{entry.label} {catalog.units[entry.unit].heading}".strip() for entry in entries]
    header = ("Layout", *labels, *headed, *(["Compared with the best"] if with_reason else []))
    texts = {0, *(at + 1 for at, key in enumerate(varied) if not catalog.inputs[key].is_number)}
    texts |= {len(header) - 1} if with_reason else set()
    return Summary(title, header, tuple(body), 1, frozenset(texts), more)


def _told(value: Scalar, name: str, result: SearchResult) -> str:
    """A number; of what is compared with a digit more, since the best differ little."""
    if name in {result.kind.time, result.search.metric} and not isinstance(value, str) and abs(value) < 1e4:
        return f"{value:#.5g}"
    return format_value(value, result.catalog.unit_of(name))


def because(result: SearchResult, row: int) -> str:
    """`+0.42 s: Pipeline bubble +0.30, Tensor parallel +0.15, Optimizer −0.03`; of each that differs."""
    if row == 0:
        return "the best"
    first, *others = result.differences(row)
    told = [] if first.amount else ["equally good"]
    return "; ".join([*told, *(because_of(one, result.catalog) for one in (first, *others) if one.amount)])


def because_of(difference: Difference, catalog: Catalog) -> str:
    """One metric and its parts."""
    unit = catalog.unit_of(difference.metric)
    least = LEAST_SHARE * fsum(abs(amount) for _, amount in difference.parts)
    large = sorted(difference.parts, key=lambda part: -abs(part[1]))[:MOST_TERMS]
    told = [part for part in difference.parts if part in large and abs(part[1]) >= least]
    terms = [f"{catalog.metrics[name].label} {_signed(amount)}" for name, amount in told]
    rest = difference.amount - fsum(amount for _, amount in told)
    if terms and abs(rest) >= LEAST_REST * abs(difference.amount):
        terms.append(f"the rest {_signed(rest)}")
    return f"{_signed(difference.amount)} {unit.label}".rstrip() + (f": {', '.join(terms)}" if terms else "")


def _signed(amount: float) -> str:
    return (f"{amount:+,.0f}" if abs(amount) >= 1000 else f"{amount:+.3g}").replace("-", "−")


def said(name: str, catalog: Catalog) -> str:
    """Why layouts are left out, in words."""
    if name in CLASSES:
        return f"Does not fit; largest part: {catalog.metrics[name].label.lower()}"
    if name in catalog.rules:
        rule = catalog.rules[name]
        return f"Broken ({rule.code}): {rule.doc.rstrip('.')}"
    if name in catalog.inputs:
        return f"{catalog.inputs[name].label} is out of range"
    _, _, metric = name.partition(" ")
    return f"Required: {catalog.entry(metric).label}"


def why(name: str, result: SearchResult) -> str:
    """The same of a search: where the metric has no value, which hardware lacks which input that it reads."""
    if name != NO_VALUE:
        return said(name, result.catalog)
    search, catalog = result.search, result.catalog
    read = {one for metric in catalog.closure([search.metric]) for one in catalog.dependencies(metric)}
    needed = [key for key, entry in catalog.inputs.items() if entry.absent and key in read]
    lacking = [
        f"{device.name} has no {', '.join(missing)} (set under hardware, or measured)"
        for device in search.devices.values()
        if (missing := [key for key in needed if key in device.inputs and isinstance(device.inputs[key].value, str)])
    ]
    label = catalog.entry(search.metric).label
    return f"{label} has no value" + (f": {'; '.join(lacking)}" if lacking else "")


def to_json(results: Sequence[SearchResult]) -> str:
    """One object, a search after the other; each layout has the inputs and metrics of a run."""
    return "{\n" + ",\n".join(map(_as_json, results)) + "\n}\n"


def _as_json(result: SearchResult) -> str:
    runs = [run.name for run in result.runs] if result.n_best else []
    reasons = {runs[row]: f'"against_the_best": {JSON.text(because(result, row))}, ' for row in range(result.n_best)}
    fails = ", ".join(f"{JSON.text(name)}: {count}" for name, count in result.fails.items())
    layouts = export.runs_as_json(result.spec, result.catalog, result.search.kind, reasons) if runs else "{}"
    parts = {
        "layouts": str(result.search.size),
        "possible": str(result.found.n_valid),
        "left_out": f"{{{fails}}}",
        "best": f"[{', '.join(map(JSON.text, runs[: result.n_best]))}]",
        "front": f"[{', '.join(JSON.text(runs[row]) for row in result.front)}]",
        result.search.kind: layouts,
    }
    return (
        f"{JSON.text(result.search.name)}: {{\n" + ",\n".join(f'"{key}": {one}' for key, one in parts.items()) + "\n}"
    )


def to_yaml(results: Sequence[SearchResult]) -> str:
    """The best layouts as runs of a spec, to be pasted or merged: `flopsheet build spec.yaml layouts.yaml`."""
    runs: dict[str, dict[str, Any]] = {}
    searches: dict[str, dict[str, Any]] = {}
    for result in results:
        if result.n_best:
            best = entries(result)
            runs.setdefault(result.search.kind, {}).update(best)
            searches[result.search.name] = {"found": list(best)}
    if not runs:
        return ""
    first = "# The best layouts as runs of a spec."
    merged = "# Only to merge this file with the spec of the search: flopsheet build SPEC THIS"
    return "\n".join([first, *block(runs), merged, *block({"search": searches})]) + "\n"


def to_csv(results: Sequence[SearchResult]) -> str:
    """The layouts of all searches, one line each: the best, then those of the front; a table for each kind of run."""
    tables = []
    for kind in KINDS:
        of_kind = [result for result in results if result.n_best and result.search.kind == kind]
        texts = [export.runs_as_csv(result.spec, result.catalog, kind) for result in of_kind]
        tables += (
            [texts[0].partition("\n")[0] + "\n" + "".join(text.partition("\n")[2] for text in texts)] if texts else []
        )
    return "\n".join(tables)


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
