"""`flopsheet init`: a starter spec to change."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from flopsheet import diagnostics
from flopsheet.cli.options import DEFAULT_SPEC
from flopsheet.diagnostics import FileError
from flopsheet.yamlio import files

TEMPLATES = ("gpt2", "llama-training", "moe-serving")
MODELINE = "# yaml-language-server: $schema=flopsheet.schema.json\n"


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path())
@click.option("--template", type=click.Choice(TEMPLATES), help="The template to start from.  [default: gpt2]")
@click.option(
    "--from-config", "config", metavar="CONFIG", type=click.Path(), help="Start from a Hugging Face config.json."
)
@click.option("--name", help="With --from-config: the name of the model.")
def command(folder: str, template: str | None, config: str | None, name: str | None) -> None:
    """Write a starter spec, flopsheet.yaml.

    The spec comes with comments, and with a JSON Schema for completion and checks in editors. An existing file is never
    overwritten.

    \b
    flopsheet init
    flopsheet init study --template moe-serving
    flopsheet init study --from-config config.json --name ours
    """
    if config is not None and template is not None:
        raise click.UsageError("--template and --from-config cannot go together.")
    if name is not None and config is None:
        raise click.UsageError("--name goes with --from-config.")
    from flopsheet.spec.schema import json_schema

    if os.path.isfile(folder):  # where a Path raises for a name that is too long, os.path says no
        raise FileError(diagnostics.no_folder(folder))
    target = Path(folder) / DEFAULT_SPEC
    if os.path.exists(target):  # before a configuration is read
        raise FileError(diagnostics.spec_is_there(str(target)))
    text = from_config(config, name) if config is not None else from_template(template or TEMPLATES[0])
    schema = Path(folder) / json_schema.FILE
    with _into_another_folder():
        files.make_folder(folder)
        has_schema = schema.exists()
        files.write_bytes(target, text.encode(), replace=False)
        if not has_schema:
            files.write_bytes(schema, json_schema.to_text().encode(), replace=False)
    click.echo(f"{target}: a starter spec")
    if not has_schema:
        click.echo(f"{schema}: what editors complete and check it by")
    click.echo(next_steps(folder))


@contextmanager
def _into_another_folder() -> Iterator[None]:
    """Says of what cannot be written to choose another folder."""
    try:
        yield
    except FileError as error:
        raise FileError(map(diagnostics.in_another_folder, error.problems)) from None


def from_template(name: str) -> str:
    from importlib import resources

    return (resources.files("flopsheet.templates") / f"{name}.yaml").read_text(encoding="utf-8")


def from_config(config: str, name: str | None) -> str:
    from flopsheet.importers import huggingface

    return MODELINE + huggingface.convert(config, name)


def next_steps(folder: str) -> str:
    """The commands that somebody new would type next."""
    steps = [] if Path(folder) == Path(".") else [(f"cd {shlex.quote(folder)}", "")]
    steps += [
        ("flopsheet build", "writes output/flopsheet.xlsx"),
        ("flopsheet build --watch", "writes it again whenever you save the spec"),
        ("flopsheet explain n_params", "shows the working of a number"),
    ]
    return "\n".join(["", "Next:", *(f"  {step:28}{about}".rstrip() for step, about in steps)])
