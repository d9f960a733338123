"""The text of a formula that is written once and stands at many places: marks are where its references go."""

from __future__ import annotations

from functools import lru_cache

from flopsheet.formula.excel import to_excel
from flopsheet.formula.nodes import Node

MARK = "\x00"


class _Marks:
    """References in words: what is read and how."""

    def cell(self, name: str) -> str:
        return f"{MARK}cell {name}{MARK}"

    def range(self, name: str) -> str:
        return f"{MARK}range {name}{MARK}"

    def pick(self, pick: str, key: str, name: str) -> str:
        return f"{MARK}pick {pick} {key} {name}{MARK}"

    def first(self, name: str) -> str:
        return f"{MARK}first {name}{MARK}"


def marked(node: Node) -> str:
    """The text with marks, such as `range flops_ffn_expand`: one string, read fastest where it is kept."""
    return to_excel(node, _Marks())


def pieces(text: str) -> tuple[str, ...]:
    """A text with marks in pieces, of which every second one is a mark."""
    return tuple(text.split(MARK))


@lru_cache(1_024)  # of sentences and steps that many cells have
def pieces_of(node: Node) -> tuple[str, ...]:
    """The same of a node."""
    return pieces(marked(node))
