"""Mistakes and expectations that do not hold, as lines on stderr and an exit code."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from flopsheet.diagnostics import FlopsheetError

if TYPE_CHECKING:
    from flopsheet.api import Report
    from flopsheet.review.pull import Pulled


def print_failed_expectations(report: Report, quiet: bool = False) -> int:
    """Names every expectation that does not hold; gives the exit code."""
    findings = list(report.findings)
    for finding in findings:
        click.echo(f"budget not met: {finding.to_text(report.catalog)}", err=True)
    held = len(report.spec.expectations) - len({id(finding.expectation) for finding in findings})
    if report.spec.expectations and (findings or not quiet):
        click.echo(f"{held} of {len(report.spec.expectations)} expectations hold", err=True)
    return 1 if findings else 0


def print_error(error: FlopsheetError) -> None:
    """Every problem on stderr, and how many where they are several."""
    print_problems(error)
    if len(error.problems) > 1:
        click.echo(f"{len(error.problems)} problems", err=True)


def print_problems(error: FlopsheetError) -> None:
    """Every problem on stderr, the carets in red on a terminal."""
    text = str(error)
    if not os.environ.get("NO_COLOR"):  # https://no-color.org
        text = re.sub(r"(?m)^ *\^+$", lambda caret: click.style(caret[0], fg="red", bold=True), text)
    click.echo(text, err=True)  # click drops the colour where stderr is no terminal


def print_notes(pulled: Pulled) -> None:
    """What a person should know of how a workbook was read."""
    for note in (pulled.returned.note, *pulled.reading.notes):
        if note:
            click.echo(note, err=True)
