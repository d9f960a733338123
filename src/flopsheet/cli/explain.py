"""`flopsheet explain`: the working of one number."""

from __future__ import annotations

import click


@click.command("explain")
@click.argument("metric")
@click.argument("spec")
@click.option("--model", help="Only this model.")
@click.option("--context", "context_length", type=int, help="Only this context length.")
def command(metric: str, spec: str, model: str | None, context_length: int | None) -> None:
    """Print the working of METRIC for SPEC: formula, the same with numbers, result, source, cell.

    \b
    flopsheet explain flops_lm_head specs/gpt2.yaml --model gpt2-xl --context 1024
    """
    from flopsheet import report as api
    from flopsheet import views

    click.echo(views.explain(api.compute(spec), metric, model, context_length))
