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
    "--format", "style", type=click.Choice(["table", "json", "csv", "md", "yaml"]), default="table", show_default=True
)
@options.workers_options
@options.output_option("The file to write.")
@options.set_option
def command(
    specs: tuple[str, ...],
    style: str,
    workers: int | None,
    scheduler: str | None,
    output: str | None,
    settings: tuple[str, ...],
) -> int:
    """Find the best layouts for training and serving runs.

    Every combination of the inputs that a spec varies under search: is evaluated. Layouts that break a rule or do not
    fit are counted by the first reason. The best of the others are listed, each with its gap to the first, as are those
    that no other layout beats in both figures: the objective and the memory left for training, the objective and the
    time per token for serving. csv and json contain every input and metric of these layouts, yaml the best as runs of a
    spec. The exit code is 1 if a search has no possible layout.

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
            found.append(result.run_search(spec, search, workers or 1, advance, scheduler))
    match style:
        case "json":
            text = layouts.to_json(found)
        case "csv":
            text = layouts.to_csv(found)
        case "md":
            text = layouts.to_markdown(found)
        case "yaml":
            text = layouts.to_yaml(found)
        case _:
            text = layouts.to_text(found, None if output is None and sys.stdout.isatty() else WIDE)
    export.export_text(text, output)
    empty = [why for result in found if (why := layouts.why_none(result))]
    for why in empty:
        click.echo(why, err=True)
    return 1 if empty else 0
