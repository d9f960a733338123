"""`flopsheet validate`: what is wrong with specs, and which expectations fail."""

from __future__ import annotations

import click

from flopsheet.cli.findings import tell_findings
from flopsheet.errors import FlopsheetError


@click.command("validate")
@click.argument("specs", nargs=-1, required=True)
def command(specs: tuple[str, ...]) -> int:
    """Check SPECS and what they expect; exit 1 where something is wrong.

    \b
    flopsheet validate specs/*.yaml
    """
    from flopsheet.spec import load

    worst = 0
    for name in specs:
        try:
            spec = load(name)
            code = 0
            if spec.expectations:
                from flopsheet import report as api

                code = tell_findings(api.compute_spec(spec))
            click.echo(f"{name}: {'valid' if code == 0 else 'expectations fail'}")
            worst = max(worst, code)
        except FlopsheetError as error:
            click.echo(str(error), err=True)
            click.echo(f"{name}: {len(error.problems)} {'problem' if len(error.problems) == 1 else 'problems'}")
            worst = max(worst, error.exit_code)
    return worst
