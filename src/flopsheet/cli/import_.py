"""`flopsheet import`: a spec from the configuration of a model."""

from __future__ import annotations

import click

from flopsheet.cli import options


@click.command("import")
@click.argument("config", type=click.Path())
@click.option("--name", help="Name of the model; by default from the configuration or its folder.")
@options.output_option("The spec to write.")
@click.option("--ignore-key", multiple=True, metavar="KEY", help="Ignore this key, known to affect no count.")
@click.option("--force", is_flag=True, help="Replace the file that -o names.")
def command(config: str, name: str | None, output: str | None, ignore_key: tuple[str, ...], force: bool) -> None:
    """Turn a config.json into a spec.

    CONFIG is the configuration of a Hugging Face model; '-' reads stdin.

    \b
    flopsheet import config.json --name llama-3-70b -o specs/llama-3-70b.yaml
    """
    options.refuse_own_target([config], output)
    from flopsheet.importers import huggingface
    from flopsheet.yamlio import files

    text = huggingface.convert(config, name, ignore_key)
    if output is None:
        click.echo(text, nl=False)
        return
    files.write_bytes(output, text.encode(), replace=force)
    click.echo(f"{output}: written; build its workbook with 'flopsheet build {output}'")
