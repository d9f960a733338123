"""Mistakes and expectations that do not hold, as lines on stderr and an exit code."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from flopsheet.diagnostics import FlopsheetError

if TYPE_CHECKING:
    from flopsheet.api import Report
    from flopsheet.output.failed import FailedExpectation
    from flopsheet.review.pull import Pulled
    from flopsheet.spec.load import ParsedSpec
    from flopsheet.yamlio.source import Path


def print_failed_expectations(read: ParsedSpec, report: Report, quiet: bool = False, base: Report | None = None) -> int:
    """Names what is unusual and every expectation that does not hold, with its place and note.

    Gives the exit code; notes, and expectations that only warn, leave it at 0.
    """
    for note in () if quiet else report.notes():
        click.echo(f"note: {note}", err=True)
    from flopsheet.pipeline.expectations import called

    missed = report.missed(base)
    for one in missed:
        them = called([one.claim])
        word = "warning" if one.expectation.is_warning else f"{them.one} not {them.met}"
        place = read.text.place(path_of(one, report))
        where = f"{place.source}:{place.line}:{place.column}: " if place else ""
        click.echo(f"{where}{word}: {one.with_note(report.catalog)}", err=True)
    expected = report.spec.expectations
    held = len(expected) - len(missed.expectations)
    if expected and (missed or not quiet):
        click.echo(f"{held} of {len(expected)} expectations hold{_uncompared(report, base)}", err=True)
    return 1 if any(not one.expectation.is_warning for one in missed) else 0


def path_of(failed: FailedExpectation, report: Report) -> Path:
    """Where a spec says what is claimed."""
    at = next(at for at, one in enumerate(report.spec.expectations) if one is failed.expectation)
    return ("expect", at, "equals" if failed.claim == "text" else failed.claim)


def _uncompared(report: Report, base: Report | None) -> str:
    """How many expectations bound a change, where there is nothing to compare with."""
    from flopsheet.pipeline.expectations import changes

    count = sum(1 for one in report.spec.expectations if changes(one)) if base is None else 0
    return f"; {count} {'needs' if count == 1 else 'need'} --base" if count else ""


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
