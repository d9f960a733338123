"""`flopsheet diff`: how two specs or workbooks differ."""

from __future__ import annotations

import sys

import click

from flopsheet.cli.findings import print_notes


@click.command("diff")
@click.argument("a")
@click.argument("b")
@click.option("--format", "style", type=click.Choice(["table", "md", "json"]), default="table", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Show every result, not only the headlines.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
def command(a: str, b: str, style: str, everything: bool, exit_code: bool) -> int:
    """Compare two specs or workbooks: inputs, results, formulas.

    \b
    flopsheet diff specs/gpt2.yaml edited.xlsx
    flopsheet diff specs/gpt2.yaml specs/gpt2-swiglu.yaml --format md --all
    """
    from flopsheet.review import diff, show

    compared = diff.compare(a, b, everything=everything)
    for side in compared.sides:
        if side.pulled is not None:
            print_notes(side.pulled)
    if style == "table":
        show.print_table(compared, None if sys.stdout.isatty() else 200)
    else:
        text = {"md": show.to_markdown, "json": show.to_json}[style](compared)
        click.echo(text.rstrip("\n"))
    return 1 if exit_code and not compared.is_empty else 0
