"""The shape of `search:`: a run of which some inputs vary, and what is looked for."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog import RUNS
from flopsheet.spec.entries import KEPT, OBJECTIVES
from flopsheet.spec.schema.shapes import (
    ALL,
    LIST,
    MOST_NAME,
    ONE,
    RANGE,
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

AUTO = "auto"  # every value that the rules allow
LISTED = frozenset({"hardware", "n_devices"})  # inputs of which a search says one value or a list
MOST_KEPT, MOST_SEARCHES = 1_000, 100


def shape(fields: Mapping[str, Field], axes: Mapping[str, Shape], hardware: Shape, limit: Shape) -> Shape:
    """One search: `fields` are the inputs that are the same in all layouts, `axes` how values are listed.

    `limit` is a number of any unit.
    """
    varied = {name: optional(_or_auto(kind), fields[name]["metadata"]["doc"]) for name, kind in axes.items()}
    metric = text(MOST_NAME)
    bounds = {
        "at_least": optional(limit, "Lower bound."),
        "at_most": optional(limit, "Upper bound."),
    }
    devices = axes["n_devices"]
    of_kinds = either({ONE: hardware, LIST: list_of(hardware, 1, 20)}, _list_or_one)
    of_devices = either({ONE: fields["n_devices"]["schema"], **_choices(devices)}, _list_or_one)
    return mapping(
        "Search",
        {
            "kind": optional(one_of(tuple(RUNS)), "Kind of the runs; training if omitted."),
            "model": required(text(MOST_NAME), "A model of this spec."),
            "hardware": required(of_kinds, "A kind of device, or a list of kinds."),
            "n_devices": required(of_devices, "Number of devices, or a list of numbers."),
            "vary": required(
                mapping("SearchVary", {key: field for key, field in varied.items() if key not in LISTED}),
                "Inputs that vary between layouts, each with its values or auto.",
            ),
            "require": optional(
                named(mapping("SearchLimit", bounds)),
                "Bounds on metrics; layouts that do not fit are excluded in any case.",
            ),
            "minimise": optional(
                metric,
                f"The number to minimise; if omitted {OBJECTIVES['training']}, for serving {OBJECTIVES['serving']}.",
            ),
            "maximise": optional(metric, "The number to maximise."),
            "found": optional(
                list_of(text(MOST_NAME), 1, MOST_KEPT),
                "The runs that are the best layouts; written into the spec inside a workbook.",
            ),
            "keep": optional(
                number(1, MOST_KEPT, whole=True, expression=False),
                f"How many of the best layouts to report; {KEPT} if omitted.",
            ),
            **{key: field for key, field in fields.items() if key not in LISTED},
        },
    )


def _list_or_one(value: object) -> str:
    return LIST if isinstance(value, list) else RANGE if isinstance(value, dict) else ONE


def _choices(kind: Shape) -> dict[str, Shape]:
    return dict(kind["choices"]) if kind["type"] == "tagged-union" else {LIST: kind}


def _or_auto(kind: Shape) -> Shape:
    """Values as a sweep lists them, or the word for all that are possible."""
    return either(
        {ALL: one_of((AUTO,)), **_choices(kind)},
        lambda value: ALL if isinstance(value, str) else RANGE if isinstance(value, dict) else LIST,
    )
