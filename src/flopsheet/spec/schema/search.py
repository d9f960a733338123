"""The shape of `search:`: a run of which some inputs vary, and what is looked for."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.spec.schema.shapes import (
    Field,
    Shape,
    either,
    list_of,
    mapping,
    named,
    number,
    one_of,
    optional,
    required,
    text,
)

KINDS = ("training", "serving")
AUTO = "auto"  # every value that the rules allow
# How values are written; part of pydantic's paths, not of a spec's.
ONE, ALL = "[one]", "[auto]"
MOST_KEPT, MOST_SEARCHES = 1_000, 100


def shape(fields: Mapping[str, Field], axes: Mapping[str, Shape], hardware: Shape, limit: Shape) -> Shape:
    """One search: `fields` are the inputs that are the same in all layouts, `axes` how values are listed.

    `limit` is a number of any unit.
    """
    varied = {name: optional(_or_auto(kind), fields[name]["metadata"]["doc"]) for name, kind in axes.items()}
    metric = text(64)
    bounds = {
        "at_least": optional(limit, "What it does not fall below."),
        "at_most": optional(limit, "What it does not exceed."),
    }
    devices = axes["n_devices"]
    of_kinds = either({ONE: hardware, "[list]": list_of(hardware, 1, 20)}, _list_or_one)
    of_devices = either({ONE: fields["n_devices"]["schema"], **_choices(devices)}, _list_or_one)
    apart = {"hardware", "n_devices"}
    return mapping(
        "Search",
        {
            "kind": optional(one_of(KINDS), "Of the runs that the layouts are; training."),
            "model": required(text(64), "A model of this spec."),
            "hardware": required(of_kinds, "A kind of device, or a list of them."),
            "n_devices": required(of_devices, "Devices of that kind, or a list."),
            "vary": required(
                mapping("SearchVary", {key: field for key, field in varied.items() if key not in apart}),
                "Inputs that differ from layout to layout, each with its values, or auto.",
            ),
            "require": optional(
                named(mapping("SearchLimit", bounds)), "Bounds of metrics; what does not fit is left out anyway."
            ),
            "minimise": optional(
                metric, "What is least in the best layout; predicted_seconds_per_step, of serving n_devices."
            ),
            "maximise": optional(metric, "What is largest in the best layout."),
            "found": optional(
                list_of(text(64), 1, MOST_KEPT), "The runs that are the best layouts; a workbook names them."
            ),
            "keep": optional(number(1, MOST_KEPT, whole=True, expression=False), "How many of the best are told; 20."),
            **{key: field for key, field in fields.items() if key not in {*apart, "model"}},
        },
    )


def _list_or_one(value: object) -> str:
    return "[list]" if isinstance(value, list) else "[range]" if isinstance(value, dict) else ONE


def _choices(kind: Shape) -> dict[str, Shape]:
    return dict(kind["choices"]) if kind["type"] == "tagged-union" else {"[list]": kind}


def _or_auto(kind: Shape) -> Shape:
    """Values as a sweep lists them, or the word for all that are possible."""
    return either(
        {ALL: one_of((AUTO,)), **_choices(kind)},
        lambda value: ALL if isinstance(value, str) else _list_or_one(value).replace(ONE, "[list]"),
    )
