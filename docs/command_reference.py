"""docs/cli.md: the reference of the command line, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
from markdown_tables import NOTE, table

from flopsheet.cli.commands import MODULES, commands
from flopsheet.output.markdown import code, escape

METAVARS = {"integer": "NUMBER", "integer range": "NUMBER", "path": "FILE"}  # by what click calls a type


def command_reference() -> str:
    context = click.Context(commands)
    lines = [
        "# The command line",
        "",
        NOTE,
        "",
        "Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 findings (an invalid spec, an",
        "expectation that fails, differences with `--exit-code`), 2 usage or file errors. An output file is replaced",
        "atomically.",
        "`-` is stdin. `NO_COLOR` is honoured. `flopsheet --version` prints the version; `-h` or `--help` after any",
        "command describes it.",
        "",
        "To complete commands, options, files and metrics, add to the start-up file of your shell:",
        "",
        "```sh",
        'eval "$(_FLOPSHEET_COMPLETE=bash_source flopsheet)"   # bash; zsh_source in zsh',
        "_FLOPSHEET_COMPLETE=fish_source flopsheet | source    # fish",
        "```",
        "",
    ]
    for name in MODULES:
        command = commands.get_command(context, name)
        assert command is not None
        lines += [*command_section(name, command), ""]
    return "\n".join(lines)


def command_section(name: str, command: click.Command) -> Iterator[str]:
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    yield f"## flopsheet {name}"
    yield ""
    yield f"`flopsheet {name} [OPTIONS] {' '.join(map(argument, arguments))}`".replace(" `", "`")
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    for paragraph in paragraphs:
        yield ""
        if paragraph.startswith("\b"):
            yield from ("```sh", *(line for line in paragraph.splitlines()[1:]), "```")
        else:
            yield " ".join(paragraph.split())
    if options:
        yield ""
        yield from table(["option", "meaning"], [[option_names(option), option_help(option)] for option in options])


def argument(parameter: click.Argument) -> str:
    if isinstance(parameter.type, click.Choice):
        return "|".join(parameter.type.choices)
    return parameter.metavar or (parameter.name or "").upper()


def option_names(option: click.Option) -> str:
    value = ""
    if isinstance(option.type, click.Choice):
        value = " " + "|".join(option.type.choices)
    elif not option.is_flag:
        value = f" {option.metavar or METAVARS.get(option.type.name, 'TEXT')}"
    return code(", ".join(option.opts) + value)


def option_help(option: click.Option) -> str:
    text = option.help or "How the numbers are shown."
    shown = f" Default: {option.default}." if option.show_default else ""
    return escape(" ".join(text.split()) + shown)
