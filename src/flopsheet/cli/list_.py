"""`flopsheet list`: what there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

KINDS = ["models", "hardware", "metrics", "inputs", "conventions", "units", "model-types", "diagnostics"]


@click.command("list")
@click.argument("what", type=click.Choice(KINDS))
def command(what: str) -> None:
    """List built-in models, hardware, inputs, metrics and more.

    The built-in models and hardware, the inputs and conventions of a spec, the metrics that are computed, the units of
    inputs and metrics, the model types that import supports, and all diagnostics with their codes.

    \b
    flopsheet list conventions
    """
    from flopsheet.catalog import hardware, load_catalog
    from flopsheet.spec import library
    from flopsheet.spec.schema import data_model

    catalog = load_catalog()
    if what == "models":
        lines = [(entry.name, "", "", entry.source) for entry in library.load_library().values()]
    elif what == "hardware":
        lines = [(kind.name, _peak(kind.inputs), _memory(kind.inputs), kind.label) for kind in hardware().values()]
    elif what == "metrics":
        lines = [(entry.name, entry.unit, entry.grain, entry.doc) for entry in catalog.metrics.values()]
    elif what == "model-types":
        from flopsheet.importers.huggingface import families

        lines = [
            (name, "", "", _text_model(family)) for name, family in sorted(families.load_families().by_type.items())
        ]
    elif what == "diagnostics":
        from flopsheet.catalog.diagnostics_list import diagnostics_by_code, meaning

        lines = [(entry.code, entry.name, "", meaning(entry)) for entry in diagnostics_by_code().values()]
    elif what == "units":
        lines = [
            (unit.label, "whole" if unit.whole else "", "", f"a cell shows it as {unit.format}")
            for unit in catalog.units.values()
        ]
    else:
        switches = {entry.name for entry in data_model.conventions()}
        chosen: list[Any] = [
            entry for entry in catalog.inputs.values() if (entry.name in switches) == (what == "conventions")
        ]
        lines = [(e.name, " · ".join(map(str, e.choices)) or e.unit, e.grain, e.doc) for e in chosen]
    widths = [max(len(line[at]) for line in lines) for at in range(3)]
    for line in lines:
        columns = [text.ljust(width) for text, width in zip(line, widths, strict=False) if width]
        click.echo("  ".join([*columns, line[3]]))


def _text_model(family: Any) -> str:
    """Where the language model stands in the configuration of several models."""
    return f"the language model in {family.text.mapping} ({family.text.model_type})" if family.text else ""


def _peak(inputs: Mapping[str, float | str]) -> str:
    """`989.4 TFLOP/s in bf16`; of the first format that the device has units for where it is not that."""
    kept = next(name for name in ("peak_flops_bf16", "peak_flops_fp16", "peak_flops_fp32") if inputs.get(name))
    return f"{float(inputs[kept]) / 1e12:,.4g} TFLOP/s in {kept.removeprefix('peak_flops_')}"


def _memory(inputs: Mapping[str, float | str]) -> str:
    return f"{float(inputs['memory_bytes']) / 1e9:,.4g} GB at {float(inputs['memory_bandwidth']) / 1e12:,.4g} TB/s"
