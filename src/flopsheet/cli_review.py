"""Commands about workbooks that come back from review: pull, check, diff."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from flopsheet.errors import FlopsheetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flopsheet.errors import Problem
    from flopsheet.review.pull import Pulled

FINDINGS = 1
MOST_LINES = 40


@click.command()
@click.argument("workbook", metavar="EDITED.xlsx")
@click.option("-o", "--output", help="Write the changes as a patch: the keys of a spec that change, in YAML.")
@click.option("--write", "spec", metavar="SPEC", help="Edit this spec in place; comments, order and spacing stay.")
def pull(workbook: str, output: str | None, spec: str | None) -> int:
    """Say what a reviewer changed on the Inputs sheet of EDITED.xlsx, as changes of its spec.

    \b
    flopsheet pull edited.xlsx                            prints the changes
    flopsheet pull edited.xlsx -o patch.yaml              writes them as a patch
    flopsheet pull edited.xlsx --write specs/gpt2.yaml    edits the spec in place
    """
    from flopsheet.review import pull as reviewed

    pulled = reviewed.pull(workbook)
    _tell(pulled)
    for change in pulled.typed.changes:
        click.echo(str(change))
    if not pulled.typed.changes and not pulled.typed.problems:
        click.echo("No input differs from the spec.")
    problems = list(pulled.typed.problems)
    if output is not None:
        reviewed.write_patch(pulled, output)
        click.echo(f"{output}: written", err=True)
    if spec is not None:
        try:
            problems += reviewed.write_spec(pulled, spec)
        except FlopsheetError:
            click.echo(pulled.patch_text(), nl=False)
            _tell_problems(problems)
            raise
        click.echo(f"{spec}: {'written' if pulled.patch else 'left as it is'}", err=True)
    elif pulled.typed.changes:
        problems += pulled.problems()
    _tell_problems(problems)
    return FINDINGS if problems else 0


def _tell(pulled: Pulled) -> None:
    """What a person should know of how the workbook was read."""
    if pulled.returned.note:
        click.echo(pulled.returned.note, err=True)
    for note in pulled.typed.notes:
        click.echo(note, err=True)


def _tell_problems(problems: Iterable[Problem]) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)


@click.command()
@click.argument("workbook", metavar="WORKBOOK.xlsx")
def check(workbook: str) -> int:
    """Recompute WORKBOOK.xlsx with pandas and say which of its stored values disagree.

    \b
    flopsheet check edited.xlsx
    """
    from flopsheet.review import check as recomputed
    from flopsheet.review import pull as reviewed

    pulled = reviewed.pull(workbook)
    _tell(pulled)
    checked = recomputed.check(pulled)
    for one in checked.disagreements[:MOST_LINES]:
        click.echo(str(one))
    if (more := len(checked.disagreements) - MOST_LINES) > 0:
        click.echo(f"… and {more:,} more")
    changes = len(pulled.typed.changes)
    about = f"{changes:,} {'input differs' if changes == 1 else 'inputs differ'} from the spec"
    count = len({one.address for one in checked.disagreements})
    verdict = f"{count:,} disagree" if count else "all agree with pandas"
    click.echo(f"{checked.count:,} formula cells compared, {verdict}; {about}")
    if checked.missing:
        click.echo(f"{checked.missing:,} formula cells have no stored value", err=True)
    return FINDINGS if count or checked.missing else 0


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--format", "style", type=click.Choice(["table", "md", "json"]), default="table", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Every result, not only the headlines.")
@click.option("--exit-code", is_flag=True, help="Exit 1 where anything differs.")
def diff(a: str, b: str, style: str, everything: bool, exit_code: bool) -> int:
    """Say what differs between A and B, each a spec or a workbook: inputs, results, formulas.

    \b
    flopsheet diff specs/gpt2.yaml edited.xlsx
    flopsheet diff old.yaml new.yaml --format md --exit-code
    """
    from flopsheet.review import compare, show

    compared = compare.compare(a, b, everything=everything)
    for side in compared.sides:
        if side.pulled is not None:
            _tell(side.pulled)
    if style == "table":
        show.print_table(compared, None if sys.stdout.isatty() else 200)
    else:
        text = {"md": show.to_markdown, "json": show.to_json}[style](compared)
        click.echo(text.rstrip("\n"))
    return FINDINGS if exit_code and not compared.is_empty else 0
