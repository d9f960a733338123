"""A report as Markdown that looks right in a pull request: a table for each grain, the sentences, the verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from flopsheet.summaries import Summary, sentences, summarise

if TYPE_CHECKING:
    from flopsheet.report import Report

SPECIAL = re.compile(r"([\\`*_\[\]<>|#~@])")


def to_markdown(report: Report) -> str:
    """The headline numbers; a model's numbers and a scenario's are tables of their own, so that none is wide."""
    lines = [f"## {escaped(report.spec.title)}", ""]
    for summary in summarise(report):
        lines += [f"### {summary.title}", "", *table(summary), ""]
    lines += [*(f"* {escaped(text)}" for text in sentences(report)), ""]
    lines += [*_verdict(report), ""] if report.spec.expectations else []
    return "\n".join(lines)


def table(summary: Summary) -> Iterator[str]:
    """The lines of one table; names stand as code, so that no sign in them is read as Markdown."""
    yield _line(map(escaped, summary.header))
    yield _line("---" if at in summary.texts else "---:" for at in range(len(summary.header)))
    for row in summary.body:
        yield _line([code(row[0]), *map(escaped, row[1:])])


def _line(cells: Iterator[str] | Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def escaped(text: str) -> str:
    """Text that reads as it stands."""
    return SPECIAL.sub(r"\\\1", text)


def code(name: str) -> str:
    """A name in the type of code; in a table a bar has to be escaped even there."""
    fence = "``" if "`" in name else "`"
    pad = " " if "`" in name else ""
    return f"{fence}{pad}{name}{pad}{fence}".replace("|", "\\|")


def _verdict(report: Report) -> Iterator[str]:
    """Whether what the spec expects holds, and what does not."""
    findings = list(report.findings)
    failing = {id(finding.expectation) for finding in findings}
    total = len(report.spec.expectations)
    yield f"**{total - len(failing)} of {total} expectations hold.**"
    if findings:
        yield ""
    yield from (f"* {escaped(finding.told(report.catalog))}" for finding in findings)
