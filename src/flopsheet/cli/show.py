"""`flopsheet show`: the numbers, to read or to send on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from flopsheet import diagnostics
from flopsheet.cli import options
from flopsheet.diagnostics import UsageError

if TYPE_CHECKING:
    from flopsheet.api import Report
    from flopsheet.output.export import ShowFormat
    from flopsheet.pipeline.stream import Stream

RowsOf: TypeAlias = Literal["scenarios", "training", "serving", "limits"]
TEXTS = ("table", "md", "html")
WIDE = 240  # columns where the table goes into a file or a pipe


@click.command("show")
@options.specs_argument
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "csv", "md", "html", "parquet"]),
    default="table",
    show_default=True,
)
@click.option(
    "--rows",
    type=click.Choice(["scenarios", "training", "serving", "limits"]),
    default="scenarios",
    show_default=True,
    help="The rows of csv and parquet; limits: how far each run can go.",
)
@options.output_option("The file to write, or FOLDER/ for partitions.")
@options.workers_options
@options.set_option
def command(
    specs: tuple[str, ...],
    style: ShowFormat,
    rows: RowsOf,
    output: str | None,
    workers: int | None,
    scheduler: str | None,
    settings: tuple[str, ...],
) -> None:
    """Print the numbers of a spec.

    The headline numbers as a table for a terminal, as Markdown for a pull request, or as one HTML page with charts for
    people without a spreadsheet; all numbers as JSON, CSV or Parquet, for sweeps of any size. Several specs are merged
    from left to right.

    \b
    flopsheet show specs/gpt2.yaml --format json
    flopsheet show specs/gpt2.yaml --format html -o report.html
    flopsheet show specs/llama3-70b-512xh100.yaml --format csv --rows training
    flopsheet show specs/llama3-70b-512xh100.yaml --format csv --rows limits
    flopsheet show specs/llama3-70b-512xh100.yaml --format parquet -o output/parts/ --workers 2
    flopsheet show specs/gpt2.yaml --set conventions.ffn_matmuls=architecture
    """
    from flopsheet.pipeline import stream

    options.refuse_own_target(specs, output)
    in_parts = rows == "scenarios" and style not in TEXTS and _is_folder(output)
    if not in_parts and (option := "--workers" if workers else "--scheduler" if scheduler else ""):
        raise UsageError(diagnostics.located(diagnostics.workers_without_folder(option), "", None))
    read = options.read_specs(specs, settings)
    if rows == "scenarios" and style in TEXTS:
        spec = read.expand()
        from flopsheet.api import compute_spec
        from flopsheet.output import export

        if style == "html":  # as a workbook is
            from flopsheet.pipeline.search.layouts import with_layouts

            spec = with_layouts(spec)
        export.export_text(_text(compute_spec(spec), style, output), output)
        return
    opened = stream.open_stream(read)
    from flopsheet.output import export  # pandas, which a mistake in a spec need not wait for

    if in_parts and output is not None:
        _write_folder(opened, style, output, workers or 1, scheduler)
    elif rows == "scenarios":
        export.export(opened, style, output)
    else:
        export.export_runs(opened, rows, style, output)


def _is_folder(output: str | None) -> bool:
    return output is not None and (output.endswith(("/", os.sep)) or os.path.isdir(output))


def _write_folder(opened: Stream, style: ShowFormat, output: str, workers: int, scheduler: str | None) -> None:
    """The partitions of a sweep; after an interrupt it says what goes on with the rest."""
    from flopsheet.output import partitions

    try:
        total, there = partitions.export_folder(opened, style, output, workers, scheduler)
    except KeyboardInterrupt:
        click.echo(f"interrupted; the same command goes on with the partitions missing in {output}", err=True)
        raise
    already = f", {there:,} of them were there" if there else ""
    click.echo(f"{output}: {total:,} partitions{already}", err=True)


def _text(report: Report, style: ShowFormat, output: str | None) -> str:
    """The headlines as Markdown, as a page, or as tables as wide as the terminal."""
    if style == "md":
        from flopsheet.output.markdown import to_markdown

        return to_markdown(report)
    if style == "html":
        from flopsheet.output.html import to_page

        return to_page(report)
    from flopsheet.output.terminal import to_text

    return to_text(report, None if output is None and sys.stdout.isatty() else WIDE)
