"""`flopsheet check`: which stored values of a workbook disagree with pandas."""

from __future__ import annotations

import click

from flopsheet.cli.findings import print_notes

MOST_LINES = 40


@click.command("check")
@click.argument("workbook", metavar="WORKBOOK.xlsx")
def command(workbook: str) -> int:
    """Recompute a workbook with pandas and report disagreements.

    \b
    flopsheet check edited.xlsx
    """
    from flopsheet.review import check as recomputed
    from flopsheet.review import pull as reviewed

    pulled = reviewed.pull(workbook)
    print_notes(pulled)
    checked = recomputed.check_workbook(pulled)
    listed = [one for one in checked.disagreements if one.kind != "value" or not checked.is_stale]
    if checked.is_stale:
        click.echo("no stored value follows the edits: open it in a spreadsheet program, save it and check it again")
    for one in listed[:MOST_LINES]:
        click.echo(str(one))
    if (more := len(listed) - MOST_LINES) > 0:
        click.echo(f"… and {more:,} more")
    changes = len(pulled.reading.changes)
    about = f"{changes:,} {'input differs' if changes == 1 else 'inputs differ'} from the spec"
    count = len({one.address for one in checked.disagreements})
    verdict = f"{count:,} disagree" if count else "all agree with pandas"
    skipped = f", {checked.skipped:,} on moved sheets not compared" if checked.skipped else ""
    click.echo(f"{checked.count:,} formula cells compared{skipped}, {verdict}; {about}")
    if checked.failing_checks:
        click.echo(f"the workbook's own verdict: {checked.failing_checks}")
    if checked.missing:
        click.echo(f"{checked.missing:,} formula cells have no stored value", err=True)
    return 1 if count or checked.missing else 0
