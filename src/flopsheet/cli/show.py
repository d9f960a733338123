"""`flopsheet show`: the numbers, to read or to send on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from flopsheet.cli import options

if TYPE_CHECKING:
    from flopsheet.api import Report

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
    type=click.Choice(["scenarios", "training", "serving"]),
    default="scenarios",
    show_default=True,
    help="The rows of csv and parquet.",
)
@click.option("-o", "--output", type=click.Path(), help="The file to write.  [default: stdout]")
@options.set_option
def command(specs: tuple[str, ...], style: str, rows: str, output: str | None, settings: tuple[str, ...]) -> None:
    """Print the numbers of a spec.

    The headline numbers as a table for a terminal, as Markdown for a pull request, or as one HTML page with charts for
    people without a spreadsheet; all numbers as JSON, CSV or Parquet, for sweeps of any size. Several specs are merged
    from left to right.

    \b
    flopsheet show specs/gpt2.yaml --format json
    flopsheet show specs/gpt2.yaml --format html -o report.html
    flopsheet show specs/llama3-70b-512xh100.yaml --format csv --rows training
    flopsheet show specs/gpt2.yaml --set conventions.ffn_matmuls=architecture
    """
    from flopsheet.pipeline import stream

    options.refuse_own_target(specs, output)
    read = options.read_specs(specs, settings)
    if rows == "scenarios" and style in TEXTS:
        spec = read.expand()
        from flopsheet.api import compute_spec
        from flopsheet.output import export

        export.export_text(_text(compute_spec(spec), style, output), output)
        return
    opened = stream.open_stream(read)
    from flopsheet.output import export  # pandas, which a mistake in a spec need not wait for

    if rows == "scenarios":
        export.export(opened, style, output)
    else:
        export.export_runs(opened, rows, style, output)


def _text(report: Report, style: str, output: str | None) -> str:
    """The headlines as Markdown, as a page, or as tables as wide as the terminal."""
    if style == "md":
        from flopsheet.output.markdown import to_markdown

        return to_markdown(report)
    if style == "html":
        from flopsheet.output.html import to_page

        return to_page(report)
    from flopsheet.output.terminal import to_text

    return to_text(report, None if output is None and sys.stdout.isatty() else WIDE)
