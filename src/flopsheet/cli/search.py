"""`flopsheet search`: the best layouts of runs, and why the others lose."""

from __future__ import annotations

import sys

import click

from flopsheet import diagnostics
from flopsheet.cli import options
from flopsheet.diagnostics import UsageError

WIDE = 240  # columns where the table goes into a file or a pipe


@click.command("search")
@options.specs_argument
@click.option(
    "--format", "style", type=click.Choice(["table", "json", "csv", "md"]), default="table", show_default=True
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that share the work; the result is the same.",
)
@click.option("-o", "--output", type=click.Path(), help="The file to write.  [default: stdout]")
@options.set_option
def command(specs: tuple[str, ...], style: str, workers: int, output: str | None, settings: tuple[str, ...]) -> None:
    """Look for the best layouts of training and serving runs.

    Every combination of what a spec varies under search: is a run. Those that break a rule or do not fit are counted
    by the first reason; of the others the best are told, each with what it loses against the first, and those that no
    other beats in both figures: of training step time and memory, of serving what is minimised and the time per token.
    csv and json have every input and metric of these layouts.

    \b
    flopsheet search specs/layout-search.yaml
    flopsheet search specs/serving-search.yaml --format csv -o layouts.csv
    flopsheet search specs/layout-search.yaml --workers 2
    """
    options.refuse_own_target(specs, output)
    spec = options.load_specs(specs, settings)
    if not spec.searches:
        raise UsageError(diagnostics.located(diagnostics.no_searches(), "", None))
    from flopsheet.output import export, layouts
    from flopsheet.output.progress import progress
    from flopsheet.pipeline.search import result

    found = []
    for search in spec.searches:
        with progress(search.size, "layouts") as advance:
            found.append(result.run_search(spec, search, workers, advance))
    match style:
        case "json":
            text = layouts.to_json(found)
        case "csv":
            text = layouts.to_csv(found)
        case "md":
            text = layouts.to_markdown(found)
        case _:
            text = layouts.to_text(found, None if output is None and sys.stdout.isatty() else WIDE)
    export.export_text(text, output)
