"""`flopsheet pull`: what a reviewer changed in a workbook, as changes of its spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flopsheet import diagnostics
from flopsheet.cli.findings import print_notes, print_problems
from flopsheet.diagnostics import FlopsheetError, UsageError

if TYPE_CHECKING:
    from flopsheet.diagnostics import Problem


MOST_EFFECTS = 8


@click.command("pull")
@click.argument("workbook", metavar="EDITED.xlsx")
@click.option(
    "-o", "--output", help="Write the changes as a patch, the keys of a spec that change, in YAML; '-' is stdout."
)
@click.option("--write", "spec", metavar="SPEC", help="Edit this spec in place, keeping comments, order and spacing.")
def command(workbook: str, output: str | None, spec: str | None) -> int:
    """Import a reviewer's changes from an edited workbook.

    The changes are printed; with -o they are written as a patch, with --write into the spec. Where the patch goes to
    stdout, all else goes to stderr.

    \b
    flopsheet pull edited.xlsx
    flopsheet pull edited.xlsx -o patch.yaml
    flopsheet pull edited.xlsx --write specs/gpt2.yaml
    """
    from flopsheet.review import pull as reviewed

    if spec == "-":
        raise UsageError(diagnostics.not_in_place())
    pulled = reviewed.pull(workbook)
    patch_on_stdout = output == "-"
    print_notes(pulled)
    if pulled.overwritten:
        click.echo(pulled.overwritten, err=True)
    _tell("change", [str(change) for change in pulled.reading.changes], err=patch_on_stdout)
    _tell("effect", pulled.effects, MOST_EFFECTS, err=patch_on_stdout)
    if not pulled.reading.changes and not pulled.reading.problems:
        click.echo("No input differs from the spec.", err=patch_on_stdout)
    problems = [*pulled.reading.problems, *pulled.reading.unsayable]
    if patch_on_stdout:
        click.echo(pulled.patch_text(), nl=False)
    elif output is not None:
        reviewed.write_patch(pulled, output)
        click.echo(f"{output}: written", err=True)
    if spec is not None:
        try:
            problems += reviewed.write_spec(pulled, spec)
        except FlopsheetError:
            if not patch_on_stdout:
                click.echo(pulled.patch_text(), nl=False)
            _tell_all(problems)
            raise
        click.echo(f"{spec}: {'written' if pulled.patch else 'left as it is'}", err=True)
    elif pulled.reading.changes:
        problems += pulled.problems()
    _tell_all(problems)
    return 1 if problems else 0


def _tell(what: str, lines: Sequence[str], most: int | None = None, *, err: bool) -> None:
    """Lines under a heading that counts them."""
    if lines:
        click.echo(f"{len(lines):,} {what}{'' if len(lines) == 1 else 's'}:", err=err)
    for line in lines[:most]:
        click.echo(f"  {line}", err=err)
    if most is not None and len(lines) > most:
        click.echo(f"  … {len(lines) - most:,} more: flopsheet diff", err=err)


def _tell_all(problems: list[Problem]) -> None:
    if problems:
        click.echo(f"{len(problems):,} problem{'' if len(problems) == 1 else 's'}:", err=True)
        print_problems(FlopsheetError(problems))
