"""`flopsheet build`: the workbook, and ten lines about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flopsheet import diagnostics
from flopsheet.cli import options
from flopsheet.cli.findings import print_failed_expectations
from flopsheet.cli.verbosity import Verbosity
from flopsheet.diagnostics import UsageError
from flopsheet.yamlio import files

if TYPE_CHECKING:
    from flopsheet.api import Report


@click.command("build")
@options.specs_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="The workbook to write.  [default: output/NAME.xlsx, named after the spec]",
)
@click.option(
    "--report",
    "kind",
    type=click.Choice(["full", "brief"]),
    default="full",
    show_default=True,
    help="brief: Summary, Inputs and results as values, small enough to attach to a message.",
)
@options.set_option
@click.option("--watch", is_flag=True, help="Build again whenever a spec is saved, until Ctrl-C.")
@options.verbosity_options
def command(
    specs: tuple[str, ...],
    output: str | None,
    kind: str,
    settings: tuple[str, ...],
    watch: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Write the workbook of a spec.

    Several specs are merged from left to right: mappings merge, lists and single values replace, null removes. '-' is
    stdin. SPEC defaults to flopsheet.yaml.

    \b
    flopsheet build specs/gpt2.yaml -o review.xlsx
    flopsheet build specs/gpt2.yaml --report brief -o brief.xlsx
    flopsheet build --set models.ours.n_layers=24 --watch
    """
    verbosity = Verbosity(quiet, verbose)
    if not watch:
        return build_workbook(specs, output, settings, verbosity, kind)
    from flopsheet.cli.watch import rebuild_on_save

    if "-" in specs:
        raise UsageError(diagnostics.nothing_to_watch())
    return rebuild_on_save(options.chosen(specs), lambda: build_workbook(specs, output, settings, verbosity, kind))


def build_workbook(
    specs: tuple[str, ...], output: str | None, settings: tuple[str, ...], verbosity: Verbosity, kind: str
) -> int:
    """One build: the exit code says whether every expectation holds."""
    if output is not None and not output.lower().endswith(".xlsx") and not os.path.isdir(output):
        raise UsageError(diagnostics.no_workbook_name(output))
    with verbosity.step("read"):
        read = options.read_specs(specs, settings)
        spec = read.expand()
    with verbosity.step("computed"):
        from flopsheet import api

        report = api.compute_with_layouts(spec)
    target = Path(output) if output else Path("output") / f"{report.spec.name}.xlsx"
    with verbosity.step(f"written {target}"):
        if output is None:
            files.make_folder(target.parent)
        api.build(report, target, brief=kind == "brief")
    if not verbosity.quiet:
        summarise(report, target)
    return print_failed_expectations(read, report, quiet=verbosity.quiet)


def summarise(report: Report, target: Path) -> None:
    """Ten lines: what was written, and the numbers that matter; more where a run does not fit, of what would help."""
    from flopsheet.output.sentences import brief, remedies, unfit

    click.echo(f"{target}: {report.spec.title}")
    if words := unfit(report):
        click.echo(f"  {click.style(words, fg='red', bold=True)}")
    for line in remedies(report):
        click.echo(f"  {line}")
    for line in brief(report):
        click.echo(f"  {line}")
