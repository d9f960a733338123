"""Every figure of the catalogue that is not a definition says where it comes from."""

from __future__ import annotations

import dataclasses

import pytest

from flopsheet import catalog
from flopsheet.catalog import Metric
from flopsheet.formula.nodes import Node, Number, walk

SHIPPED = catalog.load_catalog()

# Numbers that say nothing about the world, and what they are.
DEFINITIONS = {
    0: "nothing",
    1: "itself; a step, a share of all",
    2: "multiply and add; keys and values; the base of GiB",
    30: "the exponent of GiB",
    3600: "seconds of an hour",
    1e6: "mega, a million tokens",
    1e9: "GB",
    1e12: "TFLOP",
    1e-9: "the tolerance of a check: what rounding can cause",
    1e-12: "the tolerance of a difference: what rounding can cause",
}
# Numbers that are definitions in one place alone; elsewhere a 24 or a 40 may be a figure.
NAMED = {
    "days": {24.0},  # hours of a day
    "read_share": {40.0},  # e^-40 is less than half of 2^-53, the last bit of a double beside 1
}
# Points at which a chart is drawn: choices of the chart, no figures.
CHARTS = {"context_at_1", "context_at_2", "context_at_6", "cache_values_at_1", "cache_values_at_2", "cache_values_at_6"}
CHARTS |= {"roof_intensity_1", "roof_intensity_3"}


def figures(node: Node) -> set[float]:
    return {part.value for part in walk(node) if isinstance(part, Number)} - DEFINITIONS.keys()


def lacking(metrics: dict[str, Metric]) -> dict[str, set[float]]:
    """The figures of metrics that have no source.

    A metric that is a number alone is one whatever it is, such as the 2 moments of AdamW; the numbers of a sentence
    are those that spell its digits.
    """
    found = {
        name: figures(metric.source_ast) - NAMED.get(name, set())
        or ({metric.source_ast.value} if isinstance(metric.source_ast, Number) else set())
        for name, metric in metrics.items()
        if not (metric.source or metric.is_sentence or name in CHARTS)
    }
    return {name: numbers for name, numbers in found.items() if numbers}


def test_a_figure_that_is_no_definition_has_a_source() -> None:
    said = {name: metric for name, metric in SHIPPED.metrics.items() if not name.startswith("check_input_")}
    assert lacking(said) == {}


def test_functions_of_the_catalogue_which_have_no_source_hold_no_figure() -> None:
    found = {name: figures(shared.ast) - NAMED.get(name, set()) for name, shared in SHIPPED.functions.items()}
    assert {name: numbers for name, numbers in found.items() if numbers} == {}


def test_the_default_of_an_input_that_is_a_figure_has_a_source() -> None:
    numbers = {
        name: entry.default
        for name, entry in SHIPPED.inputs.items()
        if isinstance(entry.default, int | float) and not isinstance(entry.default, bool) and not entry.source
    }
    assert {name: default for name, default in numbers.items() if default not in {0, 1}} == {}


@pytest.mark.parametrize("name", ["flops_softmax", "router_bytes_layer", "moments_adamw", "bytes_bf16", "bytes_q8_0"])
def test_a_figure_that_lost_its_source_would_be_found(name: str) -> None:
    metric = dataclasses.replace(SHIPPED.metrics[name], source="")
    assert lacking({name: metric}).keys() == {name}
