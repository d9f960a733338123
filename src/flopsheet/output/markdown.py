"""Markdown for pull requests: tables, and texts of any origin that show as they stand and do nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flopsheet.api import Report

SPECIAL = re.compile(r"[\\`*_\[\]<>|~$&]|^[-+=#](?=\s|$|[-+=#])|^\d+(?=[.)](?:\s|$))")
# What a forge makes a mention or a reference of; a backslash does not keep it from that, a zero-width space does.
LINKED = re.compile(r"([@#])(?=\w)")
UNSAFE_IN_CODE = frozenset("`\\")


def escape(text: str) -> str:
    """Text on one line that shows as it stands: no HTML, no mention, no emphasis, no end of a table cell."""
    line = " ".join(text.split())
    return LINKED.sub(r"\1&#8203;", SPECIAL.sub(_escape_letter, line))


def _escape_letter(found: re.Match[str]) -> str:
    sign = found[0]
    if sign == "&":
        return "&amp;"
    return f"{sign}\\" if sign.isdecimal() else f"\\{sign}"


def code(name: str) -> str:
    """A name in a cell in the type of code, where nothing is read as Markdown; escaped where it would end that."""
    if not name.strip() or UNSAFE_IN_CODE.intersection(name):
        return escape(name)
    return "`" + " ".join(name.split()).replace("|", "\\|") + "`"  # even there a bar ends a cell


def table(header: Sequence[str], body: Sequence[Sequence[str]], texts: Collection[int]) -> Iterator[str]:
    """The lines of a table whose first column holds names; `texts` are the columns that hold words, not numbers."""
    yield _line(map(escape, header))
    yield _line("---" if at in texts else "---:" for at in range(len(header)))
    for row in body:
        yield _line([code(row[0]), *map(escape, row[1:])])


def _line(cells: Iterator[str] | Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def to_markdown(report: Report) -> str:
    """The headline numbers; a model's numbers and a scenario's are tables of their own, so that none is wide."""
    from flopsheet.output.headline import summarise
    from flopsheet.output.sentences import sentences, unsearched

    lines = [f"## {escape(report.spec.title)}", ""]
    lines += [escape(words), ""] if (words := unsearched(report)) else []
    for summary in summarise(report):
        lines += [f"### {summary.title}", "", *table(summary.header, summary.body, summary.texts), ""]
    lines += [*(f"* {escape(text)}" for text in sentences(report)), ""]
    lines += [*_verdict(report), ""] if report.spec.expectations else []
    return "\n".join(lines).rstrip("\n") + "\n"


def _verdict(report: Report) -> Iterator[str]:
    """Whether what the spec expects holds, and what does not."""
    findings, warned = list(report.findings), list(report.warnings)
    total = len(report.spec.expectations)
    yield f"**{total - len(report.findings.expectations)} of {total} expectations hold.**"
    if findings or warned:
        yield ""
    yield from (f"* {escape(finding.to_text(report.catalog))}" for finding in findings)
    yield from (f"* Warning: {escape(finding.to_text(report.catalog))}" for finding in warned)
