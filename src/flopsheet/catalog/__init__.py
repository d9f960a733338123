"""The catalogue: every input and every metric, written once, in YAML by topic."""

from flopsheet.catalog.entries import Catalog, Entry, Input, Metric, Rule, Section, Unit
from flopsheet.catalog.grains import GRAINS, KEYS, OF_RUNS, PARENTS, RUNS, coarser
from flopsheet.catalog.hardware import Hardware, hardware
from flopsheet.catalog.load import CycleError, OwnEntry, extended, load, load_inputs, ordered, own_input

__all__ = [
    "GRAINS",
    "KEYS",
    "OF_RUNS",
    "PARENTS",
    "RUNS",
    "Catalog",
    "CycleError",
    "Entry",
    "Hardware",
    "Input",
    "Metric",
    "OwnEntry",
    "Rule",
    "Section",
    "Unit",
    "coarser",
    "extended",
    "hardware",
    "load",
    "load_inputs",
    "ordered",
    "own_input",
]
