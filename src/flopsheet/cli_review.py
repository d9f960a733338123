"""Commands about workbooks that come back from review: pull, check, diff."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flopsheet.review.pull import Pulled

FINDINGS = 1


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
        except reviewed.SpecError:
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


def _tell_problems(problems: list[object]) -> None:
    for problem in problems:
        click.echo(str(problem), err=True)


MOST_LINES = 40


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
    if more := len(checked.disagreements) - MOST_LINES:
        click.echo(f"… and {more:,} more" if more > 0 else "", nl=more > 0)
    changes = len(pulled.typed.changes)
    about = f"{changes:,} {'input differs' if changes == 1 else 'inputs differ'} from the spec"
    count = len({one.address for one in checked.disagreements})
    verdict = f"{count:,} disagree" if count else "all agree with pandas"
    click.echo(f"{checked.count:,} formula cells compared, {verdict}; {about}")
    if checked.missing:
        click.echo(f"{checked.missing:,} formula cells have no stored value", err=True)
    return FINDINGS if count or checked.missing else 0


_ = sys
