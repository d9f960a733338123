"""Expectations that do not hold, as lines on stderr and an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flopsheet.report import Report


def tell_findings(report: Report) -> int:
    """Names every expectation that does not hold; gives the exit code."""
    from flopsheet import views

    findings = list(report.findings())
    for finding in findings:
        claim, metric = finding.expectation, report.catalog.metrics[finding.expectation.metric]
        at = f" at {claim.context_length:,.0f}" if claim.context_length else ""
        found, claimed = (views.formatted(value, metric.unit) for value in (finding.found, finding.claimed))
        click.echo(
            f"{claim.model}.{claim.metric}{at} is {found}, expected {finding.claim.replace('_', ' ')} {claimed}",
            err=True,
        )
    held = len(report.spec.expectations) - len({id(finding.expectation) for finding in findings})
    if report.spec.expectations:
        click.echo(f"{held} of {len(report.spec.expectations)} expectations hold", err=True)
    return 1 if findings else 0
