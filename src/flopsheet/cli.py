"""The command line. Results go to stdout, everything else to stderr; pandas and openpyxl load only when needed."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flopsheet import __version__
from flopsheet.errors import FlopsheetError

if TYPE_CHECKING:
    from flopsheet.report import Report

FINDINGS, USAGE = 1, 2


def main() -> None:
    """Runs a command; a user's mistake ends in its message and an exit code, never in a traceback."""
    # A command makes hundreds of thousands of objects and drops few: looking for cycles among them costs a fifth of it.
    gc.set_threshold(200_000, 20, 100)
    try:
        code = commands.main(prog_name="flopsheet", standalone_mode=False)
    except FlopsheetError as error:
        click.echo(str(error), err=True)
        count = len(error.problems)
        if count > 1:
            click.echo(f"{count} problems", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="flopsheet")
def commands() -> None:
    """Resource accounting of transformer language models: parameters, memory, FLOPs, as a live Excel workbook.

    \b
    flopsheet build specs/gpt2.yaml           writes output/gpt2.xlsx
    flopsheet show specs/gpt2.yaml            prints the headline numbers
    flopsheet explain n_params specs/gpt2.yaml --model gpt2-xl
    """


@commands.command()
@click.argument("spec")
@click.option("-o", "--output", help="The workbook to write; output/NAME.xlsx by default.")
def build(spec: str, output: str | None) -> int:
    """Write the workbook of SPEC ('-' reads stdin).

    \b
    flopsheet build specs/gpt2.yaml -o review.xlsx
    """
    from flopsheet import report as api

    report = api.compute(spec)
    target = Path(output) if output else Path("output") / f"{report.spec.name}.xlsx"
    if output is None:
        target.parent.mkdir(exist_ok=True)
    api.build(report, target)
    _summarise(report, target)
    return _tell_findings(report)


def _summarise(report: Report, target: Path) -> None:
    """Ten lines at most: what was written, and the numbers that matter."""
    from flopsheet import views

    table = report.values.tables["scenario"]
    click.echo(f"{target}: {report.spec.title}")
    work = report.values.column("scenario", "flops_forward")
    chosen = sorted(range(len(table)), key=lambda at: -work[at])[:6]
    for at in sorted(chosen):
        model, length = table.keys[at]
        n_params = views.formatted(report.values.column("model", "n_params")[table.above["model"][at]], "parameters")
        flops = views.formatted(work[at], "FLOP")
        dominant = report.values.column("scenario", "dominant")[at]
        click.echo(f"  {model} at {length:,}: {n_params} parameters, {flops} FLOP forward, {dominant} dominates")
    if len(table) > len(chosen):
        click.echo(f"  … {len(table) - len(chosen):,} more scenarios in the workbook")
    click.echo(f"  {report.values.column('context', 'ffn_count_words')[0]}")


def _tell_findings(report: Report) -> int:
    """Names every expectation that does not hold; gives the exit code."""
    from flopsheet import views

    findings = list(report.findings())
    for finding in findings:
        claim, metric = finding.expectation, report.catalog.metrics[finding.expectation.metric]
        at = f" at {claim.context_length:,.0f}" if claim.context_length else ""
        found, claimed = (views.formatted(value, metric.unit) for value in (finding.found, finding.claimed))
        click.echo(
            f"{claim.subject}.{claim.metric}{at} is {found}, expected {finding.claim.replace('_', ' ')} {claimed}",
            err=True,
        )
    held = len(report.spec.expectations) - len({id(finding.expectation) for finding in findings})
    if report.spec.expectations:
        click.echo(f"{held} of {len(report.spec.expectations)} expectations hold", err=True)
    return FINDINGS if findings else 0


@commands.command()
@click.argument("spec")
@click.option(
    "--format", "style", type=click.Choice(["table", "json", "csv", "md"]), default="table", show_default=True
)
def show(spec: str, style: str) -> None:
    """Print the numbers of SPEC: headlines as a table, or everything as JSON or CSV.

    \b
    flopsheet show specs/gpt2.yaml --format json
    """
    from flopsheet import report as api
    from flopsheet import views

    report = api.compute(spec)
    if style == "table":
        from rich.console import Console

        width = None if sys.stdout.isatty() else 240
        Console(width=width, highlight=False).print(views.to_table(report))
        return
    text = {"json": views.to_json, "csv": views.to_csv, "md": views.to_markdown}[style](report)
    click.echo(text.rstrip("\n"))


@commands.command()
@click.argument("metric")
@click.argument("spec")
@click.option("--model", help="Only this model.")
@click.option("--context", "context_length", type=int, help="Only this context length.")
def explain(metric: str, spec: str, model: str | None, context_length: int | None) -> None:
    """Print the working of METRIC for SPEC: formula, the same with numbers, result, source, cell.

    \b
    flopsheet explain flops_lm_head specs/gpt2.yaml --model gpt2-xl --context 1024
    """
    from flopsheet import report as api
    from flopsheet import views

    click.echo(views.explain(api.compute(spec), metric, model, context_length))


@commands.command()
@click.argument("specs", nargs=-1, required=True)
def validate(specs: tuple[str, ...]) -> int:
    """Check SPECS and what they expect; exit 1 where something is wrong.

    \b
    flopsheet validate specs/*.yaml
    """
    from flopsheet.spec import load

    worst = 0
    for name in specs:
        try:
            spec = load(name)
            code = 0
            if spec.expectations:
                from flopsheet import report as api

                code = _tell_findings(api.compute_spec(spec))
            click.echo(f"{name}: {'valid' if code == 0 else 'expectations fail'}")
            worst = max(worst, code)
        except FlopsheetError as error:
            click.echo(str(error), err=True)
            click.echo(f"{name}: {len(error.problems)} {'problem' if len(error.problems) == 1 else 'problems'}")
            worst = max(worst, error.exit_code)
    return worst


@commands.command("import")
@click.argument("config")
@click.option("--name", help="What the model is called; as the configuration or its folder says by default.")
@click.option("-o", "--output", help="The spec to write; stdout by default.")
@click.option("--force", is_flag=True, help="Replace the file that -o names.")
def import_(config: str, name: str | None, output: str | None, force: bool) -> None:
    """Turn CONFIG, the config.json of a Hugging Face model ('-' reads stdin), into a spec.

    \b
    flopsheet import config.json --name llama-3-70b -o specs/llama-3-70b.yaml
    """
    from flopsheet import huggingface

    said = huggingface.read_config(config)
    text = huggingface.to_spec(said, name or huggingface.suggest_name(said, config))
    if output is None:
        click.echo(text, nl=False)
        return
    huggingface.write_spec(text, output, force)
    click.echo(f"{output}: written; 'flopsheet build {output}' makes its workbook")


@commands.command("list")
@click.argument("what", type=click.Choice(["models", "metrics", "inputs", "conventions"]))
def list_(what: str) -> None:
    """List the models that ship, what a spec can say and what is computed: models, inputs, conventions or metrics.

    \b
    flopsheet list conventions
    """
    from flopsheet.catalog import load
    from flopsheet.spec import library, schema

    catalog = load()
    if what == "models":
        lines = [(entry.name, "", "", entry.source) for entry in library.load().values()]
    elif what == "metrics":
        lines = [(entry.name, entry.unit, entry.grain, entry.doc) for entry in catalog.metrics.values()]
    else:
        switches = {entry.name for entry in schema.conventions()}
        chosen: list[Any] = [
            entry for entry in catalog.inputs.values() if (entry.name in switches) == (what == "conventions")
        ]
        lines = [(e.name, " · ".join(map(str, e.choices)) or e.unit, e.grain, e.doc) for e in chosen]
    widths = [max(len(line[at]) for line in lines) for at in range(3)]
    for line in lines:
        columns = [text.ljust(width) for text, width in zip(line, widths, strict=False) if width]
        click.echo("  ".join([*columns, line[3]]))
