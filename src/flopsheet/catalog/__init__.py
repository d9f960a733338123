"""The catalogue: every input and every metric, written once, in YAML by topic."""

from flopsheet.catalog.entries import Catalog, Entry, Input, Metric, Section, Unit
from flopsheet.catalog.grains import GRAINS, KEYS, PARENTS, coarser
from flopsheet.catalog.load import CycleError, OwnEntry, extended, load, load_inputs, ordered, own_input

__all__ = [
    "GRAINS",
    "KEYS",
    "PARENTS",
    "Catalog",
    "CycleError",
    "Entry",
    "Input",
    "Metric",
    "OwnEntry",
    "Section",
    "Unit",
    "coarser",
    "extended",
    "load",
    "load_inputs",
    "ordered",
    "own_input",
]
