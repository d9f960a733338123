"""The commands by name; each is loaded when it is asked for, so that the others cost nothing."""

from __future__ import annotations

from importlib import import_module

import click

from flopsheet import __version__, diagnostics
from flopsheet.diagnostics import UsageError

# Command -> the module of flopsheet.cli that defines it, as `command`; in the order that --help shows.
MODULES = {
    "init": "init",
    "build": "build",
    "show": "show",
    "explain": "explain",
    "search": "search",
    "validate": "validate",
    "pull": "pull",
    "diff": "diff",
    "check": "check",
    "import": "import_",
    "list": "list_",
    "schema": "schema",
}


class Commands(click.Group):
    """A group that imports a command's module by the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(MODULES)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names; the nearest one is told where there is none."""
        if args and not args[0].startswith("-") and args[0] not in MODULES:
            raise UsageError(diagnostics.unknown_command(args[0], list(MODULES)))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        command = import_module(f"flopsheet.cli.{MODULES[cmd_name]}").command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="flopsheet")
def commands() -> None:
    """Resource accounting of transformer language models: parameters, memory, FLOPs, as a live Excel workbook.

    \b
    flopsheet init                            writes a starter spec, flopsheet.yaml
    flopsheet build                           writes its workbook, output/flopsheet.xlsx
    flopsheet show specs/gpt2.yaml            prints the headline numbers of another spec

    Exit codes: 0 done, 1 findings (an invalid spec, an expectation that fails), 2 a usage or file error.
    """
