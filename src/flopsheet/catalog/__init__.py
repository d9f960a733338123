"""The catalogue: every input and every metric, written once, in YAML by topic."""

from flopsheet.catalog.entries import Catalog, Entry, Input, Metric, Rule, Section, Unit
from flopsheet.catalog.grains import GRAINS, KEYS, OF_RUNS, PARENTS, RUNS, coarser
from flopsheet.catalog.hardware import Hardware, hardware
from flopsheet.catalog.headings import headings
from flopsheet.catalog.load import CustomEntry, custom_input, extend, load_catalog, load_inputs
from flopsheet.catalog.order import CycleError, sort_by_dependencies

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
    "extend",
    "hardware",
    "headings",
    "load_catalog",
    "load_inputs",
    "sort_by_dependencies",
]
