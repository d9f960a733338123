"""Differences for reading: tables for a terminal, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from flopsheet import diagnostics
from flopsheet.catalog.entries import YES_NO, Unit
from flopsheet.output import markdown
from flopsheet.output.headline import format_value
from flopsheet.output.rows import number
from flopsheet.review.diff import Compared, Difference
from flopsheet.review.inputs import format_input

NOTHING = "–"
NUMBERS = {"A", "B", "Change"}  # columns of numbers
MOST_TEXT = 60


def to_json(compared: Compared) -> str:
    """One object; whole things as integers, `change` relative: 0.28 is 28 %."""
    before, after = compared.sides

    def entry(one: Difference) -> dict[str, object]:
        catalog = before.report.catalog
        pair: list[object] = [one.before, one.after]
        if one.metric:
            whole = catalog.units[one.metric.unit].whole
            pair = [number(value, whole=whole) if isinstance(value, float) else value for value in pair]
        about = {"of": one.subject, "metric": one.metric.name, "unit": one.metric.unit} if one.metric else {}
        change = {} if one.change is None else {"change": one.change}
        return {**(about or {"name": one.subject}), "a": pair[0], "b": pair[1], **change}

    only = [{"side": "ab"[at], kind.replace(" ", "_"): name} for (kind, name), at in compared.only.items()]
    result = {
        "a": before.name,
        "b": after.name,
        "only": only,
        "inputs": [entry(one) for one in compared.inputs],
        "results": [entry(one) for one in compared.results],
        "formulas": [entry(one) for one in compared.formulas],
    }
    return json.dumps(result, indent=1, ensure_ascii=False)


def sections(compared: Compared) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, header and lines of each kind of difference that there is."""
    names = ["A", "B"]
    if compared.inputs:
        lines = [[one.subject, *map(_input, (one.before, one.after)), _percent(one)] for one in compared.inputs]
        yield "Inputs", ["Input", *names, "Change"], lines
    if compared.results:
        units = compared.sides[0].report.catalog.units
        lines = [
            [
                one.subject,
                one.metric.label,
                *(_result(value, units[one.metric.unit]) for value in (one.before, one.after)),
                _change(one, units[one.metric.unit]),
            ]
            for one in _ranked(compared.results)
            if one.metric
        ]
        yield "Results", ["Of", "Metric", *names, "Change"], lines
    if compared.formulas:
        lines = [[one.subject, *map(_input, (one.before, one.after))] for one in compared.formulas]
        yield "Formulas", ["Name", *names], lines


def heading(compared: Compared) -> list[str]:
    """What A and B are, and what only one of them has."""
    before, after = compared.sides
    lines = [f"A: {diagnostics.shown(before.name, 200)}", f"B: {diagnostics.shown(after.name, 200)}"]
    for (kind, name), at in compared.only.items():
        lines.append(f"only {'AB'[at]} has the {kind} {diagnostics.shown(name)}")
    if compared.is_empty:
        lines.append("Nothing differs.")
    return lines


def _input(value: object) -> str:
    return NOTHING if value is None else diagnostics.shown(format_input(value), MOST_TEXT)  # type: ignore[arg-type]


def _result(value: float | str | None, unit: Unit) -> str:
    text = NOTHING if value is None else format_value(value, unit)
    beside = unit.label if unit.beside and not isinstance(value, str) else ""
    return diagnostics.shown(f"{text} {beside}".strip(), MOST_TEXT)


def _ranked(results: Sequence[Difference]) -> list[Difference]:
    """First whether a run fits; a quantity in GB and in GiB is told once."""
    named = {(one.subject, one.metric.name) for one in results if one.metric}
    once = [one for one in results if one.metric and (one.subject, _in_gib(one.metric.name)) not in named]
    return sorted(once, key=lambda one: one.before not in YES_NO)


def _in_gib(name: str) -> str:
    """The name of the same quantity in GiB; none of what is in no GB."""
    return f"{name.removesuffix('_gb')}_gib" if name.endswith("_gb") else ""


def _change(one: Difference, unit: Unit) -> str:
    """Relative, but of a share the percentage points: 38 % to 42 % are 4 of them, not a tenth."""
    if unit.style == "percent" and isinstance(one.before, float) and isinstance(one.after, float):
        return f"{(one.after - one.before) * 100:+.2f} pp"
    return _percent(one)


def _percent(one: Difference) -> str:
    return "" if one.change is None else f"{one.change:+.2%}".replace("%", " %")


def to_markdown(compared: Compared) -> str:
    """Tables for a pull request."""
    lines = [*(f"* {markdown.escape(line)}" for line in heading(compared)), ""]
    for title, header, body in sections(compared):
        texts = {at for at, column in enumerate(header) if column not in NUMBERS}
        lines += [f"### {title}", "", *markdown.table(header, body, texts), ""]
    return "\n".join(lines)


def print_table(compared: Compared, width: int | None) -> None:
    """Tables on the terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=width, highlight=False)
    for line in heading(compared):
        console.print(Text(line))
    for title, header, body in sections(compared):
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
        for text in header:
            table.add_column(text, justify="right" if text in NUMBERS else "left", overflow="fold")
        for cells in body:
            table.add_row(*map(Text, cells))
        console.print(table)
