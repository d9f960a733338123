"""Differences for reading: tables for a terminal, Markdown, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from flopsheet import diagnostics
from flopsheet.catalog import Metric
from flopsheet.catalog.entries import Unit
from flopsheet.output import markdown
from flopsheet.output.changes import NOTHING, Value, change, exact_number, pair
from flopsheet.output.number_styles import format_value
from flopsheet.output.rows import number
from flopsheet.review.diff import Compared, Difference
from flopsheet.review.inputs import format_input
from flopsheet.review.ranking import is_verdict, ranked

NUMBERS = {"A", "B", "Change"}  # columns of numbers
MOST_TEXT = 60
MOST_ROWS = 12  # of results in a pull request; the others are folded


def to_json(compared: Compared) -> str:
    """One object; whole things as integers, `change` relative: 0.28 is 28 %."""
    before, after = compared.sides

    def entry(one: Difference) -> dict[str, object]:
        catalog = before.report.catalog
        whole = one.metric is not None and catalog.units[one.metric.unit].whole
        a, b = (
            number(value, whole=whole) if one.metric and isinstance(value, float) else value
            for value in (one.before, one.after)
        )
        about = {"of": one.subject, "metric": one.metric.name, "unit": one.metric.unit} if one.metric else {}
        relative = {} if one.change is None else {"change": one.change}
        return {**(about or {"name": one.subject}), "a": a, "b": b, **relative}

    only = [{"side": "ab"[at], kind.replace(" ", "_"): name} for (kind, name), at in compared.only.items()]
    result = {
        "a": before.name,
        "b": after.name,
        "only": only,
        "inputs": [entry(one) for one in compared.inputs],
        "results": [entry(one) for one in compared.results],
        "formulas": [entry(one) for one in compared.formulas],
        "budgets": [
            {
                "that": f"{one.missed.expectation.subject}.{one.missed.expectation.metric}",
                "level": one.missed.expectation.level,
                "a": one.before,
                "b": one.after,
                "message": one.missed.to_text(before.report.catalog),
            }
            for one in compared.budgets
        ],
        "expectations": [
            {
                "that": one.that,
                "claim": one.claim.key,
                "a": one.before and one.before.value,
                "b": one.after and one.after.value,
                "message": one.to_text(),
            }
            for one in compared.claims
        ],
    }
    return json.dumps(result, indent=1, ensure_ascii=False)


def sections(compared: Compared) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Title, header and lines of each kind of difference that there is, verdicts first."""
    results = ranked(compared.results, compared.sides[0].report.catalog.units)
    if verdicts := [*_verdicts(compared, results)]:
        yield "Verdicts", ["Verdict", "A", "B"], verdicts
    if compared.inputs:
        lines = [
            [one.subject, *map(_input, (one.before, one.after)), change(*_numbers(one), None)]
            for one in compared.inputs
        ]
        yield "Inputs", ["Input", "A", "B", "Change"], lines
    units = compared.sides[0].report.catalog.units
    lines = [_result(one, one.metric, units[one.metric.unit]) for one in results if one.metric and not is_verdict(one)]
    if lines:
        yield "Results", ["Of", "Metric", "A", "B", "Change"], lines
    if compared.formulas:
        lines = [[one.subject, *map(_input, (one.before, one.after))] for one in compared.formulas]
        yield "Formulas", ["Name", "A", "B"], lines


def _result(one: Difference, metric: Metric, unit: Unit) -> list[str]:
    before, after = _values(one)
    texts = [diagnostics.shown(text, MOST_TEXT) for text in pair(before, after, unit)]
    return [one.subject, metric.label, *texts, change(before, after, unit)]


def _verdicts(compared: Compared, results: Sequence[Difference]) -> Iterator[list[str]]:
    """What fits no longer, or now; then budgets that one side meets and the other does not."""
    told = [one for one in results if one.metric and is_verdict(one)]
    for one in told:
        yield [f"{one.subject} fits", str(one.before), str(one.after)]
    named = {(one.subject, one.metric.name) for one in told if one.metric}
    catalog = compared.sides[1].report.catalog
    for budget in compared.budgets:
        that = budget.missed.expectation
        if (that.subject, that.metric) not in named:
            found = format_value(budget.missed.found, catalog.unit_of(that.metric))
            missed = f"{'warning' if that.is_warning else 'not met'}: {found}"
            words = {True: "met", False: missed, None: NOTHING}
            yield [budget.missed.claim_text(catalog), words[budget.before], words[budget.after]]


def heading(compared: Compared) -> list[str]:
    """What A and B are, and what only one of them has."""
    before, after = compared.sides
    lines = [f"A: {diagnostics.shown(before.name, 200)}", f"B: {diagnostics.shown(after.name, 200)}"]
    for (kind, name), at in compared.only.items():
        lines.append(f"only {'AB'[at]} has the {kind} {diagnostics.shown(name)}")
    for letter, side in zip("AB", compared.sides, strict=True):
        if failing := side.failing_checks:
            lines.append(f"{letter}: {failing}")
    lines += [diagnostics.shown(one.to_text(), 200) for one in compared.claims]
    if compared.is_empty:
        lines.append("Nothing differs.")
    return lines


def _values(one: Difference) -> tuple[Value, Value]:
    return one.before, one.after


def _numbers(one: Difference) -> tuple[Value, Value]:
    """Of inputs only what is a number on both sides has a change."""
    are_numbers = type(one.before) in {int, float} and type(one.after) in {int, float}
    return (one.before, one.after) if are_numbers else (None, None)


def _input(value: object) -> str:
    if type(value) in {int, float}:
        return exact_number(float(value))  # type: ignore[arg-type]
    return NOTHING if value is None else diagnostics.shown(format_input(value), MOST_TEXT)  # type: ignore[arg-type]


def to_markdown(compared: Compared) -> str:
    """Tables for a pull request; results beyond the first are folded."""
    lines = [*(f"* {markdown.escape(line)}" for line in heading(compared)), ""]
    for title, header, body in sections(compared):
        texts = {at for at, column in enumerate(header) if column not in NUMBERS}
        lines += [f"### {title}", ""]
        lines += [*markdown.table(header, body[:MOST_ROWS], texts), ""]
        if more := body[MOST_ROWS:]:
            summary = f"<summary>{len(more):,} more</summary>"
            lines += ["<details>", summary, "", *markdown.table(header, more, texts), "", "</details>", ""]
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
