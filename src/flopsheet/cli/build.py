"""`flopsheet build`: the workbook, and ten lines about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flopsheet.cli.findings import tell_findings

if TYPE_CHECKING:
    from flopsheet.report import Report


@click.command("build")
@click.argument("spec")
@click.option("-o", "--output", help="The workbook to write; output/NAME.xlsx by default.")
def command(spec: str, output: str | None) -> int:
    """Write the workbook of SPEC ('-' reads stdin).

    \b
    flopsheet build specs/gpt2.yaml -o review.xlsx
    """
    from flopsheet import report as api

    report = api.compute(spec)
    target = Path(output) if output else Path("output") / f"{report.spec.name}.xlsx"
    if output is None:
        target.parent.mkdir(exist_ok=True)
    api.build(report, target)
    summarise(report, target)
    return tell_findings(report)


def summarise(report: Report, target: Path) -> None:
    """Ten lines at most: what was written, and the numbers that matter."""
    from flopsheet import views

    table = report.values.tables["scenario"]
    click.echo(f"{target}: {report.spec.title}")
    work = report.values.column("scenario", "flops_forward")
    chosen = sorted(range(len(table)), key=lambda at: -work[at])[:6]
    for at in sorted(chosen):
        model, length = table.keys[at]
        n_params = views.formatted(report.values.column("model", "n_params")[table.above["model"][at]], "parameters")
        flops = views.formatted(work[at], "FLOP")
        dominant = report.values.column("scenario", "dominant")[at]
        click.echo(f"  {model} at {length:,}: {n_params} parameters, {flops} FLOP forward, {dominant} dominates")
    if len(table) > len(chosen):
        click.echo(f"  … {len(table) - len(chosen):,} more scenarios in the workbook")
    click.echo(f"  {report.values.column('context', 'ffn_count_words')[0]}")
