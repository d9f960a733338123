"""The catalogue: every input and every metric, written once, in YAML by topic."""

from flopsheet.catalog.entries import Catalog, Entry, Input, Metric, Rule, Section, Unit
from flopsheet.catalog.grains import GRAINS, KEYS, OF_RUNS, PARENTS, RUNS, coarser
from flopsheet.catalog.hardware import Hardware, hardware
from flopsheet.catalog.load import CustomEntry, CycleError, custom_input, extended, load, load_inputs, ordered

__all__ = [
    "GRAINS",
    "KEYS",
    "OF_RUNS",
    "PARENTS",
    "RUNS",
    "Catalog",
    "CustomEntry",
    "CycleError",
    "Entry",
    "Hardware",
    "Input",
    "Metric",
    "Rule",
    "Section",
    "Unit",
    "coarser",
    "custom_input",
    "extended",
    "hardware",
    "load",
    "load_inputs",
    "ordered",
]
