"""The shape of what a spec claims of one number."""

from __future__ import annotations

from functools import partial

from flopsheet import diagnostics, quantities
from flopsheet.spec.schema.shapes import (
    LARGEST,
    Shape,
    checked,
    drawn_number,
    mapping,
    number,
    optional,
    required,
    text,
)


def bound() -> Shape:
    """A number of any unit."""
    drawn = drawn_number(None, None, whole=False, expression=False, unit=quantities.UNKNOWN)
    return checked(partial(diagnostics.claimed_problem, most=LARGEST), drawn)


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
            "within": optional(within, "Relative tolerance of equals."),
            "note": optional(text(500), "Where the figure comes from."),
        },
    )
