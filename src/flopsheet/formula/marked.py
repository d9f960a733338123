"""The text of a formula that is written once and stands at many places: marks are where its references go."""

from __future__ import annotations

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


def marked(node: Node) -> tuple[str, ...]:
    """The text in pieces, of which every second one is a mark: `range flops_ffn_expand`."""
    return tuple(to_excel(node, _Marks()).split(MARK))
