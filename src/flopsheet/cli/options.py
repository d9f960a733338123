"""What several commands share: the specs that they read, settings, how much they say."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flopsheet import diagnostics
from flopsheet.diagnostics import UsageError
from flopsheet.yamlio import files

if TYPE_CHECKING:
    from flopsheet.spec import Spec
    from flopsheet.spec.load import ParsedSpec

DEFAULT_SPEC = "flopsheet.yaml"
Command = TypeVar("Command", bound=Callable[..., Any])

# A path for shell completion only: whether it can be read is told in flopsheet's own words.
SPEC = click.Path()


def specs_argument(command: Command) -> Command:
    """SPEC...: files that are merged from left to right."""
    return click.argument("specs", metavar="[SPEC]...", nargs=-1, type=SPEC)(command)


def set_option(command: Command) -> Command:
    return click.option(
        "--set", "settings", metavar="PATH=VALUE", multiple=True, help="Replace one value of the spec; repeatable."
    )(command)


def output_option(text: str) -> Callable[[Command], Command]:
    """-o FILE, without which the result goes to stdout, as it does with '-'."""

    def named(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
        return None if value == "-" else value

    return click.option("-o", "--output", type=click.Path(), callback=named, help=f"{text}  [default: stdout]")


def workers_options(command: Command) -> Command:
    """What does the work; the result is the same."""
    workers = click.option(
        "--workers",
        type=click.IntRange(1, 256),
        help="Number of processes; the result does not depend on it.  [default: 1]",
    )
    scheduler = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="A Dask scheduler whose workers do the work, such as tcp://HOST:8786. Use only one that you trust.",
    )
    return workers(scheduler(command))


def verbosity_options(command: Command) -> Command:
    quiet = click.option("-q", "--quiet", is_flag=True, help="Print only problems.")
    verbose = click.option("-v", "--verbose", is_flag=True, help="Print on stderr what is read and how long it takes.")
    return quiet(verbose(command))


def chosen(specs: Sequence[str]) -> tuple[str, ...]:
    """The specs that a command names, or the one that 'flopsheet init' writes."""
    if specs.count("-") > 1:
        raise UsageError(diagnostics.stdin_twice())
    if not specs and not os.path.exists(DEFAULT_SPEC):
        raise UsageError(diagnostics.no_spec(DEFAULT_SPEC))
    return tuple(specs) or (DEFAULT_SPEC,)


def refuse_own_target(specs: Sequence[str], output: str | None) -> None:
    """Refuses to write over a spec that is read."""
    if output is not None and any(files.are_one(output, spec) for spec in chosen(specs)):
        raise UsageError(diagnostics.target_is_read(output))


def load_specs(specs: Sequence[str], settings: Sequence[str] = ()) -> Spec:
    """The specs that a command names, merged, with its settings."""
    return read_specs(specs, settings).expand()


def read_specs(specs: Sequence[str], settings: Sequence[str] = ()) -> ParsedSpec:
    """The same, its sweeps not yet expanded."""
    from flopsheet.spec.combine import read_combined

    return read_combined(chosen(specs), settings)
