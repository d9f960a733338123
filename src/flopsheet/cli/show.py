"""`flopsheet show`: the numbers, to read or to send on."""

from __future__ import annotations

import sys

import click


@click.command("show")
@click.argument("spec")
@click.option(
    "--format", "style", type=click.Choice(["table", "json", "csv", "md"]), default="table", show_default=True
)
def command(spec: str, style: str) -> None:
    """Print the numbers of SPEC: headlines as a table, or everything as JSON or CSV.

    \b
    flopsheet show specs/gpt2.yaml --format json
    """
    from flopsheet import report as api
    from flopsheet import views

    report = api.compute(spec)
    if style == "table":
        from rich.console import Console

        width = None if sys.stdout.isatty() else 240
        Console(width=width, highlight=False).print(views.to_table(report))
        return
    text = {"json": views.to_json, "csv": views.to_csv, "md": views.to_markdown}[style](report)
    click.echo(text.rstrip("\n"))
