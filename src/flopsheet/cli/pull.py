"""`flopsheet pull`: what a reviewer changed in a workbook, as changes of its spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flopsheet import diagnostics
from flopsheet.cli.findings import print_notes, print_problems
from flopsheet.diagnostics import FlopsheetError, UsageError

if TYPE_CHECKING:
    from flopsheet.diagnostics import Problem


@click.command("pull")
@click.argument("workbook", metavar="EDITED.xlsx")
@click.option("-o", "--output", help="Write the changes as a patch: the keys of a spec that change, in YAML.")
@click.option("--write", "spec", metavar="SPEC", help="Edit this spec in place, keeping comments, order and spacing.")
def command(workbook: str, output: str | None, spec: str | None) -> int:
    """Import a reviewer's changes from an edited workbook.

    The changes are printed; with -o they are written as a patch, with --write into the spec.

    \b
    flopsheet pull edited.xlsx
    flopsheet pull edited.xlsx -o patch.yaml
    flopsheet pull edited.xlsx --write specs/gpt2.yaml
    """
    from flopsheet.review import pull as reviewed

    if spec == "-":
        raise UsageError(diagnostics.not_in_place())
    pulled = reviewed.pull(workbook)
    print_notes(pulled)
    for change in pulled.reading.changes:
        click.echo(str(change))
    if not pulled.reading.changes and not pulled.reading.problems:
        click.echo("No input differs from the spec.")
    problems = [*pulled.reading.problems, *pulled.reading.unsayable]
    if output is not None:
        reviewed.write_patch(pulled, output)
        click.echo(f"{output}: written", err=True)
    if spec is not None:
        try:
            problems += reviewed.write_spec(pulled, spec)
        except FlopsheetError:
            click.echo(pulled.patch_text(), nl=False)
            _tell_all(problems)
            raise
        click.echo(f"{spec}: {'written' if pulled.patch else 'left as it is'}", err=True)
    elif pulled.reading.changes:
        problems += pulled.problems()
    _tell_all(problems)
    return 1 if problems else 0


def _tell_all(problems: list[Problem]) -> None:
    if problems:
        print_problems(FlopsheetError(problems))
