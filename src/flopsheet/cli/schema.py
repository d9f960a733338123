"""`flopsheet schema`: what editors complete and check specs by."""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of specs for editors.

    With it, and with '# yaml-language-server: $schema=flopsheet.schema.json' as the first line of a spec, editors offer
    completion, explanations and checks.

    \b
    flopsheet schema > flopsheet.schema.json
    """
    from flopsheet.spec.schema import json_schema

    click.echo(json_schema.to_text(), nl=False)
