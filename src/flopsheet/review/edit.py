"""A YAML text with a few values changed and everything else as its author wrote it: comments, order, spacing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from flopsheet import quantities
from flopsheet.review.patch import alike
from flopsheet.yamlio.dump import entry, flow
from flopsheet.yamlio.source import LOADER, Data

AFTER = "context_lengths"  # a key that is new at the top of a spec stands after this one

Edit = tuple[int, int, str]  # from, to, what stands there instead


def rewrite(text: str, old: Data, new: Data) -> str:
    """The text, which says `old`, so that it says `new`."""
    unified, places = _unified(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(unified, Loader=LOADER)
    assert isinstance(root, yaml.MappingNode)
    edits = sorted(_Rewriter(unified).mapping(root, old, new))
    for start, end, put in reversed(edits):
        text = text[: places[start]] + put.replace("\n", newline) + text[places[end] :]
    return text


def _unified(text: str) -> tuple[str, list[int]]:
    """The text with one kind of line break and no byte-order mark, and where each of its characters stood."""
    start = 1 if text.startswith("\ufeff") else 0
    found = list(re.compile(r"\r\n?|[^\r]", re.DOTALL).finditer(text, start))
    unified = "".join("\n" if one[0][0] == "\r" else one[0] for one in found)
    return unified, [*(one.start() for one in found), len(text)]


def _with_suffix(said: Any, new: Any) -> str:
    """A count with the suffix of the one that it replaces, `600B` for `500B`; empty where that takes many digits."""
    found = re.fullmatch(quantities.SUFFIXED, said) if isinstance(said, str) else None
    factor = quantities.COUNT.get(found["suffix"]) if found else None
    if not found or not factor or not isinstance(new, int) or isinstance(new, bool) or new * 1000 % factor:
        return ""
    return f"{new / factor:.15g}{found['suffix']}"


class _Rewriter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def at(self, mark: yaml.Mark) -> int:
        """libyaml counts one more line where the last has no break."""
        return self.starts[mark.line] + mark.column if mark.line < len(self.starts) else len(self.text)

    def value(self, node: yaml.Node, old: Any, new: Any) -> Iterator[Edit]:
        if isinstance(node, yaml.MappingNode) and isinstance(new, dict):
            yield from self.mapping(node, old, new)
        elif isinstance(node, yaml.SequenceNode) and isinstance(new, list) and len(old) == len(new):
            for item, was, now in zip(node.value, old, new, strict=True):
                yield from self.value(item, was, now)
        elif not alike(old, new):
            is_block = isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}
            put = _with_suffix(node.value, new) or flow(new)
            yield self.at(node.start_mark), self.end(node), put + ("\n" if is_block else "")

    def mapping(self, node: yaml.MappingNode, old: Data, new: Data) -> Iterator[Edit]:
        entries = {key.value: (key, value) for key, value in node.value}
        added = {key: value for key, value in new.items() if key not in old}
        for key, (name, value) in entries.items():
            if key in new:
                yield from self.value(value, old[key], new[key])
            elif added:  # what goes makes room for what comes
                yield self.at(name.start_mark), self.end(value), self.joined(node, name, added)
                added = {}
            else:
                yield self.without(node, name, value)
        if added:
            yield self.inserted(node, added)

    def joined(self, node: yaml.MappingNode, key: yaml.Node | None, added: Data) -> str:
        if node.flow_style:
            return ", ".join(f"{flow(name)}: {flow(value)}" for name, value in added.items())
        indent = " " * (key or node).start_mark.column
        lines = [line for name, value in added.items() for line in entry(name, value, indent)]
        return "\n".join(lines).removeprefix(indent)

    def inserted(self, node: yaml.MappingNode, added: Data) -> Edit:
        text = self.joined(node, None, added)
        if not node.value:
            at = self.at(node.start_mark) + 1
            return at, at, text
        last = next((value for key, value in node.value if key.value == AFTER), node.value[-1][1])
        end = self.end(last)
        if node.flow_style:
            return end, end, f", {text}"
        indent = " " * node.value[0][0].start_mark.column
        if end and self.text[end - 1] == "\n":  # a block of text ends with its last line
            return end, end, f"{indent}{text}\n"
        line = self.text.find("\n", end)
        line = len(self.text) if line < 0 else line
        return line, line, f"\n{indent}{text}"

    def without(self, node: yaml.MappingNode, key: yaml.Node, value: yaml.Node) -> Edit:
        start, end = self.at(key.start_mark), self.end(value)
        if node.flow_style:
            found = re.compile(r"\s*,\s*").match(self.text, end)
            return start, found.end() if found else end, ""
        return start, min(len(self.text), self.text.find("\n", end) + 1 + key.start_mark.column), ""

    def end(self, node: yaml.Node) -> int:
        """Where a value ends; a block's own mark stands after the comments that follow it."""
        while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            node = last[1] if isinstance(last, tuple) else last
        return self.at(node.end_mark)
