"""The shape of `inputs:` and `metrics:` in a spec: what it defines itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial
from itertools import chain
from typing import get_args

from pydantic_core import SchemaValidator

from flopsheet import catalog, diagnostics, quantities
from flopsheet.catalog.entries import Level
from flopsheet.formula.parse import MAX_LENGTH
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.spec.schema.shapes import (
    Field,
    Shape,
    checked,
    drawn_number,
    list_of,
    mapping,
    one_of,
    optional,
    required,
    text,
)


def _custom(kind: str, grains: Iterable[str], more: Mapping[str, Field]) -> Shape:
    """What an input or metric that a spec defines has to say."""
    units = tuple(catalog.load_inputs().units)
    drawn = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": diagnostics.LONGEST_CUSTOM_NAME}
    return mapping(
        f"Own{kind.capitalize()}",
        {
            "name": required(checked(diagnostics.custom_name_problem, drawn), "Name used in formulas."),
            "label": required(text(60), "Name shown to readers."),
            "grain": required(one_of(tuple(grains)), "The table that it belongs to: one value per row."),
            "unit": required(one_of(units), "Its unit."),
            "doc": required(text(500), "Its meaning: what is counted and what is left out."),
            "source": optional(text(500), "Where it comes from."),
            **more,
        },
    )


@cache
def input_shape() -> Shape:
    """An input that a spec defines."""
    drawn_bound = drawn_number(None, None, whole=False, expression=False, unit=quantities.UNKNOWN)
    bound = checked(partial(diagnostics.number_problem, least=None, most=LARGEST_INPUT, whole=False), drawn_bound)
    choice = checked(diagnostics.custom_choice_problem, {"type": ["string", "integer"]})
    default = checked(diagnostics.custom_default_problem, {"type": ["number", "string", "boolean"]})
    return _custom(
        "input",
        ("study", "model", "layer_group"),
        {
            "default": optional(default, "Value if a model does not set it; without a default every model has to."),
            "least": optional(bound, "The smallest valid value; 0 if omitted."),
            "most": optional(bound, "The largest valid value."),
            "choices": optional(list_of(choice, 2, 12), "The valid values."),
        },
    )


@cache
def input_validator() -> SchemaValidator:
    """What holds an input that a spec defines."""
    return SchemaValidator(input_shape())


@cache
def metric_shape() -> Shape:
    """A metric that a spec defines."""
    return _custom(
        "metric",
        ("study", "model", "layer_group", "context", "scenario", "layer_run", *chain(*catalog.RUNS.values())),
        {
            "formula": required(text(MAX_LENGTH), "Its formula, over inputs and metrics."),
            "shape": optional(text(100), "Shapes of the product, or a note."),
            "level": optional(one_of(get_args(Level)), "How the row is emphasised."),
        },
    )
