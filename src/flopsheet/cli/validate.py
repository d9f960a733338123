"""`flopsheet validate`: what is wrong with specs, and which expectations fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flopsheet import diagnostics
from flopsheet.cli import options
from flopsheet.cli.findings import path_of, print_failed_expectations, print_problems
from flopsheet.diagnostics import FlopsheetError

if TYPE_CHECKING:
    from flopsheet.api import Report
    from flopsheet.diagnostics import Problem
    from flopsheet.spec.load import ParsedSpec


@click.command("validate")
@options.specs_argument
@click.option("--merge", is_flag=True, help="Merge the specs from left to right and check the result.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="Messages for people, JSON, annotations of GitHub Actions, or SARIF 2.1.0 for code scanning.",
)
@click.option("--base", metavar="SPEC", type=options.SPEC, help="What at_most_change and at_least_change compare with.")
@options.set_option
@click.option("-q", "--quiet", is_flag=True, help="Print only problems.")
def command(
    specs: tuple[str, ...], merge: bool, style: str, base: str | None, settings: tuple[str, ...], quiet: bool
) -> int:
    """Check specs and their expectations.

    All problems of a spec are reported at once; the exit code is 1 if there are any. Every kind of problem has a stable
    code, listed by 'flopsheet list diagnostics'.

    \b
    flopsheet validate specs/*.yaml
    flopsheet validate --merge specs/gpt2.yaml budget.yaml
    flopsheet validate specs/*.yaml --format github
    flopsheet validate specs/gpt2.yaml --base specs/gpt2-swiglu.yaml
    """
    named = options.chosen(specs)
    studies = [named] if merge else [(name,) for name in named]
    if style == "text":
        before = compute_base(base) if base else None
        return max(validate_spec(one, settings, quiet, before) for one in studies)
    return print_for_programs(studies, settings, style, base)


def compute_base(path: str) -> Report:
    """The numbers that changes are measured against."""
    from flopsheet import api

    return api.compute(path)


def validate_spec(specs: tuple[str, ...], settings: tuple[str, ...], quiet: bool, base: Report | None = None) -> int:
    """The verdict on one spec: a line on stdout, what is wrong on stderr."""
    name = " + ".join(specs)
    try:
        read, report = compute_where_needed(specs, settings)
        code = print_failed_expectations(read, report, quiet, base) if report else 0
        verdict = "valid" if code == 0 else "expectations fail"
    except FlopsheetError as error:
        print_problems(error)
        code = error.exit_code
        verdict = f"{len(error.problems)} {'problem' if len(error.problems) == 1 else 'problems'}"
    if code or not quiet:
        click.echo(f"{name}: {verdict}")
    return code


def compute_where_needed(specs: tuple[str, ...], settings: tuple[str, ...]) -> tuple[ParsedSpec, Report | None]:
    """One spec as it is read, and its numbers where they can be wrong; FlopsheetError with its problems."""
    read = options.read_specs(specs, settings)
    if read.draft.swept():
        from flopsheet.pipeline import stream

        spec = stream.validate_stream(read)
    else:
        spec = read.expand()
    if read.draft.swept() and not spec.expectations:  # a sweep's numbers are for 'show', which streams them
        return read, None
    from flopsheet import api

    return read, api.compute_spec(spec)


def print_for_programs(
    studies: Sequence[tuple[str, ...]], settings: tuple[str, ...], style: str, base: str | None = None
) -> int:
    """The problems of all specs, and of the base, on stdout, as JSON, annotations or SARIF."""
    from flopsheet.catalog.diagnostics_list import diagnostics_by_code
    from flopsheet.diagnostics.machine_formats import FORMATS, Checked

    checked, code, before = [], 0, None
    try:
        before = compute_base(base) if base else None
    except FlopsheetError as error:
        checked.append(Checked(str(base), error.problems))
        code = error.exit_code
    for specs in studies:
        try:
            problems, is_missed = failed_expectations(*compute_where_needed(specs, settings), before)
            code = max(code, int(is_missed))
        except FlopsheetError as error:
            problems, code = list(error.problems), max(code, error.exit_code)
        checked.append(Checked(" + ".join(specs), problems))
    if text := FORMATS[style](checked, diagnostics_by_code()):
        click.echo(text)
    return code


def failed_expectations(read: ParsedSpec, report: Report | None, base: Report | None) -> tuple[list[Problem], bool]:
    """Each expectation that does not hold, at the value that is claimed; whether one of them is no warning."""
    from flopsheet.yamlio.source import spell

    if not report:
        return [], False
    found, missed = [], report.missed(base)
    for failed in missed:
        path = path_of(failed, report)
        finding = failed.to_finding(report.catalog)
        found.append(diagnostics.located(finding, spell(path), read.text.place(path)))
    return found, any(not one.expectation.is_warning for one in missed)
