"""`flopsheet explain`: the working of one number, or what the code of a diagnostic means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flopsheet import diagnostics
from flopsheet.cli import options
from flopsheet.diagnostics import TOPICS, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_metric(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The metrics whose names begin so, each with its label."""
    from click.shell_completion import CompletionItem

    from flopsheet.catalog import load_catalog

    found = (entry for name, entry in load_catalog().metrics.items() if name.startswith(begun))
    return [CompletionItem(entry.name, help=entry.label) for entry in found]


@click.command("explain")
@click.argument("metric", shell_complete=complete_metric)
@options.specs_argument
@click.option("--model", help="Only this model.")
@click.option("--context", "context_length", type=int, help="Only this context length.")
@click.option("--depth", type=click.IntRange(0, 9), default=1, show_default=True, help="Steps back of what it reads.")
@options.set_option
def command(
    metric: str,
    specs: tuple[str, ...],
    model: str | None,
    context_length: int | None,
    depth: int,
    settings: tuple[str, ...],
) -> None:
    """Show how a metric is computed, or what a code means.

    Prints its formula and those of the metrics that it reads, the formula with numbers, the result, its source and its
    cell in the workbook; of an input its values, with cells and sources. The code of a diagnostic needs no spec.

    \b
    flopsheet explain flops_lm_head specs/gpt2.yaml --model gpt2-xl --context 1024
    flopsheet explain FS206
    """
    if metric[:3].upper() in TOPICS:  # the code of a diagnostic; metrics have other names
        from flopsheet.catalog.diagnostics_list import diagnostics_by_code, explained

        if known := diagnostics_by_code().get(metric.upper()):
            click.echo(explained(known))
            return
        if metric[:2] == "FS" and metric[2:].isdecimal():  # in small letters it may be a metric of the spec
            raise UsageError(diagnostics.unknown_code(metric))
    from flopsheet import api
    from flopsheet.output.explain import explain

    report = api.compute_spec(options.load_specs(specs, settings))
    click.echo(explain(report, metric, model, context_length, depth))
