"""The shape of what a spec claims of one number."""

from __future__ import annotations

from functools import partial

from flopsheet import diagnostics, quantities
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.spec.entries import LEVELS
from flopsheet.spec.schema.shapes import (
    Shape,
    checked,
    drawn_number,
    mapping,
    number,
    one_of,
    optional,
    required,
    text,
)

AGAINST = "the change against `--base`: a percentage (`5 %`), or an amount in the metric's unit."


def bound() -> Shape:
    """A number of any unit."""
    drawn = drawn_number(None, None, whole=False, expression=False, unit=quantities.UNKNOWN)
    return checked(partial(diagnostics.claimed_problem, most=LARGEST_INPUT), drawn)


def change() -> Shape:
    """How much a number may change against a base: a percentage, or an amount of its unit."""
    return checked(partial(diagnostics.change_problem, most=LARGEST_INPUT), {"type": ["number", "string"]})


def shape() -> Shape:
    """What a spec claims of one number."""
    claimed = bound()
    length = number(1, None, whole=True, expression=False)
    within = number(0, 1, whole=False, expression=False, unit="share")
    value = checked(diagnostics.equals_problem, {"type": ["number", "string"]})
    return mapping(
        "Expectation",
        {
            "that": required(text(200), "MODEL.METRIC, such as gpt2-xl.n_params."),
            "context_length": optional(length, "The context length, if there are several."),
            "equals": optional(value, "The expected value."),
            "at_least": optional(claimed, "Lower bound."),
            "at_most": optional(claimed, "Upper bound."),
            "at_least_change": optional(change(), f"Lower bound of {AGAINST}"),
            "at_most_change": optional(change(), f"Upper bound of {AGAINST}"),
            "within": optional(within, "Relative tolerance of equals."),
            "level": optional(one_of(LEVELS), "What it is to miss it: `fail`, the default, or a warning."),
            "note": optional(text(500), "Where the figure comes from."),
        },
    )
