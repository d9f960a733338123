"""`flopsheet check`: which stored values of a workbook disagree with pandas."""

from __future__ import annotations

import click

from flopsheet.cli.findings import print_notes

MOST_LINES = 40
MOST_FOLLOWING = 10  # of the cells that are wrong because others are


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
    wrong = {one.address: one.wanted for one in listed if one.kind == "value" and not one.follows}
    causes = {one.address for one in listed if one.kind in {"typed over", "formula"}}
    alone = [one for one in listed if not one.follows and (one.kind != "value" or one.address not in causes)]
    following = [one for one in listed if one.follows]
    if checked.is_stale:
        click.echo("no stored value follows the edits: open it in a spreadsheet program, save it and check it again")
    for one in alone[:MOST_LINES]:
        right = f"; {wrong[one.address]} is right" if one.address in causes and one.address in wrong else ""
        click.echo(f"{one}{right}")
    if (more := len(alone) - MOST_LINES) > 0:
        click.echo(f"… and {more:,} more")
    if following:
        told = f"{len(following):,} cells follow" if len(following) > 1 else "1 cell follows"
        click.echo(f"{told} from {'it' if len(causes) == 1 else 'them'}:")
    for one in following[:MOST_FOLLOWING]:
        click.echo(f"  {one}")
    if (more := len(following) - MOST_FOLLOWING) > 0:
        click.echo(f"  … and {more:,} more")
    changes = len(pulled.reading.changes)
    about = f"{changes:,} {'input differs' if changes == 1 else 'inputs differ'} from the spec"
    count = len({one.address for one in checked.disagreements})
    verdict = f"{count:,} disagree" if count else "all agree with pandas"
    where = "on moved sheets" if pulled.returned.is_ours else "without a counterpart"
    skipped = f", {checked.skipped:,} {where} not compared" if checked.skipped else ""
    skipped += f", {checked.rewritten:,} with other formulas" if checked.rewritten else ""
    click.echo(f"{checked.count:,} formula cells compared{skipped}, {verdict}; {about}")
    if checked.failing_checks:
        click.echo(f"the workbook's own verdict: {checked.failing_checks}")
    if checked.missing:
        click.echo(f"{checked.missing:,} formula cells have no stored value", err=True)
    return 1 if count or checked.missing else 0
