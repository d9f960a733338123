"""Changed inputs → the spec as data that says them, each in the mapping of the model that it belongs to.

A model that extends an edited one would inherit the edit, although its own cell did not change: it then says the old
value itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from flopsheet.review.input_cells import InputCell, Plain, plain
from flopsheet.review.inputs import Change, InputReading, is_variant
from flopsheet.spec import InputValue, library
from flopsheet.spec.resolve import custom, frozen, parts, stages
from flopsheet.spec.resolve.draft import draft
from flopsheet.spec.resolve.inherit import from_library
from flopsheet.spec.resolve.models import IMPLIES
from flopsheet.spec.resolve.normalize import normalize
from flopsheet.spec.schema import kinds
from flopsheet.yamlio.source import Data, Path, Source

OF_KIND = {3: "gated", 2: "plain"}  # matrices of an FFN -> the `ffn:` that says so
NOT_INPUTS = {"extends", "model", "layers", "sweep", "exclude"}
# Inputs that a spec may say together: layers of stages, frozen parts, formats by part.
TOGETHER = (stages.say, frozen.say, parts.say)


def edited(text: Source, reading: InputReading) -> dict[str, Any]:
    """The data of a spec with every change of a workbook in it."""
    assert isinstance(text.data, dict)
    data: dict[str, Any] = copy.deepcopy(text.data)
    for change in reading.changes:
        if change.input_cell.path[0] != "models" and not is_variant(data, change.input_cell.path):
            _put(data, change.input_cell.path, change.now)
    _Models(text, data, reading).write()
    return data


def _put(data: Any, path: Path, value: Plain) -> None:
    """Says an input at a path, or where the spec says it together with others."""
    for part in path[:-1]:
        data = data[part] if isinstance(part, int) else data.setdefault(part, {})
    key = path[-1]
    if not (isinstance(data, dict) and any(say(data, str(key), value) for say in TOGETHER)):
        data[key] = value


def assign(mapping: dict[str, Any], key: str, value: Plain) -> None:
    """Says one input in the mapping of a model or layer group, where and how that mapping says it already."""
    if key == "ffn_matrices" and "ffn" in mapping:
        if value in OF_KIND:
            mapping["ffn"] = OF_KIND[int(value)]
            return
        del mapping["ffn"]
    for together in ("attention", "moe"):
        if key in mapping.get(together, {}):
            mapping[together][key] = value
            return
    attention = mapping.get("attention")
    if attention is not None and key in kinds.ATTENTION_KINDS[attention["kind"]][0]:
        if key == "n_kv_heads":
            attention |= {"kind": "gqa", key: value}
            return
        # No kind of attention says this: its inputs stand by themselves from now on.
        del mapping["attention"]
        mapping |= {"n_kv_heads": "n_heads"} if attention["kind"] == "mha" else {}
        sets = kinds.ATTENTION_KINDS[attention["kind"]][0]
        mapping |= sets | {name: said for name, said in attention.items() if name != "kind"}
    mapping[key] = value


class _Models:
    """The models of one spec, parents before those that extend them."""

    def __init__(self, text: Source, data: dict[str, Any], reading: InputReading) -> None:
        self.draft = draft(text, (), custom.read_custom(text))
        self.built: Data = text.data["models"]  # type: ignore[index]
        self.data = data
        self.reading = reading
        self.input_cells: dict[str, list[InputCell]] = {}
        for input_cell in reading.input_cells.values():
            if input_cell.path[0] == "models":
                self.input_cells.setdefault(str(input_cell.path[1]), []).append(input_cell)
        self.changed: dict[str, list[Change]] = {}
        for change in (
            one
            for one in reading.changes
            if one.input_cell.path[0] == "models" and one.input_cell.path[1] in self.built
        ):
            self.changed.setdefault(str(change.input_cell.path[1]), []).append(change)
        self.edits: dict[str, dict[str, Plain]] = {}  # model -> what is now said at its top
        self.group_edits: dict[str, dict[tuple[int, str], Plain]] = {}
        self.layers: dict[str, list[Any]] = {}  # model -> the layer groups that it says or takes from the library
        self.common: dict[str, set[str]] = {}
        for name in self.built:
            self.survey(name)

    def survey(self, name: str) -> None:
        """What a model says itself, the library's model that it names included."""
        path: Path = ("models", name)
        said = from_library(self.draft, path, self.built[name]).value or {}
        itself = self.built[name]
        self.common[name] = {*said, *normalize(self.draft, path, itself).value} - NOT_INPUTS
        shipped = library.load_library()[itself["model"]].inputs if "model" in itself else {}
        layers = itself.get("layers", shipped.get("layers"))
        if layers is not None:
            self.layers[name] = layers

    def chain(self, name: str) -> list[str]:
        """The model and what it extends, nearest first."""
        found = [name]
        while (parent := self.built[found[-1]].get("extends")) is not None:
            found.append(parent)
        return found

    def write(self) -> None:
        for name in sorted(self.built, key=lambda name: len(self.chain(name))):
            if name not in self.input_cells:  # a sweep: only its variants have cells
                self.edits[name], self.group_edits[name] = {}, {}
                continue
            top = {str(c.input_cell.path[2]): c.now for c in self.changed.get(name, ()) if len(c.input_cell.path) == 3}
            groups = {(int(c.input_cell.path[3]), str(c.input_cell.path[4])): c.now
                      for c in self.changed.get(name, ()) if len(c.input_cell.path) > 3}  # fmt: skip
            layered = next((one for one in self.chain(name) if one in self.layers), None)
            for change in self.changed.get(name, ()):
                if change.input_cell.entry.name in IMPLIES:
                    self.say_implied(name, change.input_cell, top, groups)
            self.edits[name] = {}
            self.group_edits[name] = {}
            if layered is not None and any(key == "n_layers" for _, key in groups):
                self.count_again(name, top)
            self.write_top(name, top, groups)
            if layered is not None:
                self.write_groups(name, layered, groups)

    def say_implied(
        self, name: str, cause: InputCell, top: dict[str, Plain], groups: dict[tuple[int, str], Plain]
    ) -> None:
        """Says what followed from an input that changed, as it was."""
        key = IMPLIES[cause.entry.name]
        input_cell = next(
            input_cell
            for input_cell in self.input_cells[name]
            if input_cell.entry.name == key and input_cell.at == cause.at
        )
        said = normalize(self.draft, ("defaults",), self.draft.data.get("defaults", {})).value
        if key in said or any(key in self.common[one] for one in self.chain(name)):
            return
        if len(input_cell.path) == 3:
            top.setdefault(key, input_cell.built)
        elif not self.says_in_group(name, input_cell, groups):
            groups[int(input_cell.path[3]), key] = input_cell.built

    def count_again(self, name: str, top: dict[str, Plain]) -> None:
        """A number of layers that is said beside the groups has to be their sum."""
        said = self.data.get("defaults", {})
        if "n_layers" in said or any("n_layers" in self.common[one] for one in self.chain(name)):
            input_cell = next(
                input_cell for input_cell in self.input_cells[name] if input_cell.entry.name == "n_layers"
            )
            top["n_layers"] = plain(input_cell.entry, InputValue(self.reading.givens[input_cell.key].value))

    def write_top(self, name: str, top: Mapping[str, Plain], groups: dict[tuple[int, str], Plain]) -> None:
        """What belongs to the model as a whole, or to its layers where they are all alike."""
        parents = self.chain(name)[1:]
        inherited = {key for one in parents for key in self.edits[one]}
        for key in (*top, *(key for key in sorted(inherited) if key not in top)):
            provider = next((one for one in parents if key in self.common[one]), None)
            edit = self.edits[provider].get(key) if provider and key not in self.common[name] else None
            if key in top and edit != top[key]:
                self.say(name, key, top[key])
            elif key not in top and edit is not None:
                self.pin(name, key, edit, groups)

    def say(self, name: str, key: str, value: Plain) -> None:
        assign(self.data["models"][name], key, value)
        self.edits[name][key] = value
        self.common[name].add(key)

    def pin(self, name: str, key: str, inherited: Plain, groups: dict[tuple[int, str], Plain]) -> None:
        """Says what the model said before; where its layer groups say it one by one, in those that do not."""
        input_cells = [input_cell for input_cell in self.input_cells[name] if input_cell.entry.name == key]
        apart = [
            input_cell
            for input_cell in input_cells
            if len(input_cell.path) > 3 and not self.says_in_group(name, input_cell, groups)
        ]
        told = apart if any(len(input_cell.path) > 3 for input_cell in input_cells) else input_cells
        values = {input_cell.built for input_cell in told}
        if values == {inherited}:
            return  # what it extends was pinned too
        if len(values) == 1:
            self.say(name, key, values.pop())
        for input_cell in told if len(values) > 1 else ():
            groups[int(input_cell.path[3]), str(input_cell.path[4])] = input_cell.built

    def says_in_group(self, name: str, input_cell: InputCell, groups: Iterable[tuple[int, str]]) -> bool:
        at, key = int(input_cell.path[3]), input_cell.entry.name
        layers = next(self.layers[one] for one in self.chain(name) if one in self.layers)
        said = normalize(self.draft, ("models", name, "layers", at), layers[at]).value
        return key in said or (at, key) in groups

    def write_groups(self, name: str, layered: str, groups: dict[tuple[int, str], Plain]) -> None:
        """What belongs to single layer groups; a model that inherits its groups gets a list of its own for that."""
        has_own = self.built[name].get("layers") is not None
        if not has_own and groups == (self.group_edits[layered] if layered != name else {}):
            return
        listed = self.data["models"][name]
        if not has_own:
            listed["layers"] = copy.deepcopy(self.layers[layered])
        for (at, key), value in groups.items():
            assign(listed["layers"][at], key, value)
        self.layers[name] = copy.deepcopy(self.layers[layered]) if not has_own else self.layers[name]
        self.group_edits[name] = groups
