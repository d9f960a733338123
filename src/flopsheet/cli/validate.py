"""`flopsheet validate`: what is wrong with specs, and which expectations fail."""

from __future__ import annotations

import click

from flopsheet.cli import options
from flopsheet.cli.findings import print_failed_expectations, print_problems
from flopsheet.diagnostics import FlopsheetError


@click.command("validate")
@options.specs_argument
@click.option("--merge", is_flag=True, help="Take the specs as one, merged from left to right.")
@options.set_option
@click.option("-q", "--quiet", is_flag=True, help="Say only what is wrong.")
def command(specs: tuple[str, ...], merge: bool, settings: tuple[str, ...], quiet: bool) -> int:
    """Check specs and what they expect.

    All that is wrong with each is told at once; the exit code is 1 where something is.

    \b
    flopsheet validate specs/*.yaml
    flopsheet validate --merge specs/gpt2.yaml budget.yaml
    """
    named = options.chosen(specs)
    return max(check(one, settings, quiet) for one in ([named] if merge else [(name,) for name in named]))


def check(specs: tuple[str, ...], settings: tuple[str, ...], quiet: bool) -> int:
    """The verdict on one spec: a line on stdout, what is wrong on stderr."""
    name = " + ".join(specs)
    try:
        read = options.read(specs, settings)
        if read.resolver.swept():
            from flopsheet.pipeline import stream

            spec = stream.check(read)
        else:
            spec = read.expand()
        code = 0
        if spec.expectations or not read.resolver.swept():  # a sweep's numbers are for 'show', which streams them
            from flopsheet import api as api

            code = print_failed_expectations(api.compute_spec(spec), quiet)
        verdict = "valid" if code == 0 else "expectations fail"
    except FlopsheetError as error:
        print_problems(error)
        code = error.exit_code
        verdict = f"{len(error.problems)} {'problem' if len(error.problems) == 1 else 'problems'}"
    if code or not quiet:
        click.echo(f"{name}: {verdict}")
    return code
