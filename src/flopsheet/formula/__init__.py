"""The formula language: text → nodes → value, spreadsheet text, readable mathematics, dependencies."""

from flopsheet.formula.evaluate import evaluate
from flopsheet.formula.excel import to_excel
from flopsheet.formula.nodes import Node, aggregated, names
from flopsheet.formula.notation import to_notation
from flopsheet.formula.parse import parse

__all__ = ["Node", "aggregated", "evaluate", "names", "parse", "to_excel", "to_notation"]
