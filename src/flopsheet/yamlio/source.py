"""Strict YAML 1.2 text -> plain data with the place of every value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import yaml
from yaml import events

from flopsheet import diagnostics
from flopsheet.diagnostics import Place, Problem, SpecError
from flopsheet.numerics import LARGEST_NUMBER, SMALLEST_NUMBER
from flopsheet.records import NamedTuple
from flopsheet.yamlio.files import read_bytes

Path = tuple[str | int, ...]  # ("models", "gpt2-xl", "d_model")
Data: TypeAlias = Mapping[str, Any]
"""A mapping as YAML or JSON says it. Values are of any kind: what they must be is for the code that reads them."""

LARGEST_FILE = 4 * 2**20  # bytes
MOST_NODES = 200_000
DEEPEST = 32
MOST_DIGITS = 300
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # how .xlsx and .ods begin; .xls and what has a password

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.2, section 10.3.2 (core schema). Whatever stands in neither table is text.
WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
KINDS = {None: "nothing", True: "a truth value", False: "a truth value"}
NUMBER = re.compile(
    r"(?P<decimal>[-+]?[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hexadecimal>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<endless>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
NUMBER_BEGINS = frozenset("+-.0123456789")
BASES = {"decimal": 10, "octal": 8, "hexadecimal": 16}

# Everything but what prints. NEL, LS and PS are breaks to libyaml, not to YAML 1.2, so they would shift every line.
# It takes milliseconds to compile, which a spec in ASCII need not wait for.
INVISIBLE_ASCII = re.compile("[^\t\n\r\x20-\x7e]")
INVISIBLE = "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


class Source(NamedTuple):
    """What a YAML text says, and where: `keys` for the name of a value (or the list item), `values` for the value."""

    name: str
    data: object  # dict, list, str, int, float, bool or None
    keys: dict[Path, Place]
    values: dict[Path, Place]
    text: str  # as it was given: `-` can be read only once

    def place(self, path: Path, key: bool = False) -> Place | None:
        """The place of a value, or of its key; of the nearest name above where the path does not exist."""
        if not key and path in self.values:
            return self.values[path]
        while path and path not in self.keys:
            path = path[:-1]
        return self.keys.get(path) or self.values.get(())


def read_yaml(path: str | os.PathLike[str]) -> Source:
    """The content of a YAML file; `-` is the standard input."""
    name, content = read_bytes(path, LARGEST_FILE)
    if len(content) > LARGEST_FILE:
        raise SpecError(diagnostics.too_large(Place(name, 1, 1), LARGEST_FILE))
    if content.startswith((ZIP, OLE)):
        raise SpecError(diagnostics.is_a_workbook(Place(name, 1, 1)))
    try:
        return parse(content.decode(), name)
    except UnicodeDecodeError as error:
        before = _unify(content[: error.start].decode()).split("\n")
        line = _unify(content.decode(errors="replace")).split("\n")[len(before) - 1]
        place = Place(name, len(before), len(before[-1]) + 1, line)
        raise SpecError(diagnostics.not_utf8(place, content[error.start], error.start)) from None


def parse(text: str, name: str) -> Source:
    """The content of a YAML text; every mistake in it is told at once."""
    if len(text) > LARGEST_FILE:
        raise SpecError(diagnostics.too_large(Place(name, 1, 1), LARGEST_FILE))
    reader = _Reader(name, _unify(text))
    try:
        data = reader.document()
    except _Stop:
        data = None
    if reader.problems:
        raise SpecError(reader.problems)
    return Source(name, data, reader.keys, reader.values, text)


def _begins_with_zero(word: str) -> bool:
    """Whether it is 096: octal to YAML 1.1, decimal to 1.2, the end of 4,096 to its author."""
    digits = word[1:] if word[:1] in {"+", "-"} else word
    return digits[:1] == "0" and len(digits) > 1 and digits.isdecimal()


def resolve(word: str) -> object:
    """The value of an unquoted scalar: `0x1F` is 31, `15e12` a float, `no` text; OverflowError if no cell holds it."""
    if word in WORDS:
        return WORDS[word]
    number = NUMBER.fullmatch(word) if word[0] in NUMBER_BEGINS else None
    if not number:
        return word
    kind = number.lastgroup or ""
    digits = number[kind]
    if kind == "endless" or (kind in BASES and len(digits.lstrip("+-")) > MOST_DIGITS):
        raise OverflowError(word)
    value = int(digits, BASES[kind]) if kind in BASES else float(digits)
    is_zero = not re.match(r"[^eE]*[1-9]", word) if kind == "float" else value == 0
    if not is_zero and not SMALLEST_NUMBER <= abs(value) < LARGEST_NUMBER:
        raise OverflowError(word)
    return value


def spell(path: Path) -> str:
    """`models.gpt2-xl.layers[0]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{diagnostics.shown(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _invisible(text: str) -> re.Match[str] | None:
    """The first character that does not print."""
    return INVISIBLE_ASCII.search(text) if text.isascii() else re.search(INVISIBLE, text)


def _unify(text: str) -> str:
    """No byte-order mark, and only one kind of line break."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


class _Stop(Exception):
    """Nothing after the last problem can be read."""


class _Reader:
    """One pass over yaml's events, which come without recursion, so that the bounds hold before anything is built."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.lines = text.split("\n")
        self.events = self.parsed()
        self.problems: list[Problem] = []
        self.reported: set[tuple[int, int]] = set()
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.anchors: set[str] = set()
        self.n_nodes = 0
        self.depth = 0

    def parsed(self) -> Iterator[Any]:
        """yaml's events; its complaints become ours."""
        try:
            yield from yaml.parse(self.text, Loader=LOADER)
        except yaml.MarkedYAMLError as fault:
            complaint = fault.context or fault.problem or ""
            kind = next((kind for begins, kind in diagnostics.COMPLAINTS if complaint.startswith(begins)), "")
            said = f"{fault.context or ''}: {fault.problem}"
            self.syntax_error(said, kind, fault.problem_mark, fault.context_mark)
        except yaml.YAMLError as fault:
            self.syntax_error(str(fault), "", None, None)
        except (ValueError, OverflowError) as fault:  # PyYAML's own scanner on "\Uffffffff"
            self.syntax_error(str(fault), "escape", None, None)

    def syntax_error(self, complaint: str, kind: str, noticed: Any, began: Any) -> None:
        """Tells a syntax error, unless an earlier mistake in the same line explains it."""
        is_at_end = bool(noticed) and not self.text[noticed.index :].strip(" \n")
        place = self.place(began if began and (kind in diagnostics.BEGAN or is_at_end) else noticed)
        tab = re.match(r" *\t", place.text)
        if tab and kind == "colon":  # libyaml takes the line for more of the text above
            place, kind = place._replace(column=tab.end()), "tab"
        elif glued := self.colon_without_space(kind, place.line):
            place, kind = glued, "no space"
        elif noticed:
            kind = self.syntax_problem(kind, noticed, is_at_end)
        if place.line not in {line for line, _ in self.reported}:
            letter = place.text[place.column - 1 : place.column]
            opened = began.line + 1 if began else place.line
            self.emit(diagnostics.not_yaml(place, kind, complaint=complaint, letter=letter, opened=opened))
        raise _Stop

    def colon_without_space(self, kind: str, line: int) -> Place | None:
        """The place of `n_layers:12`, which is no key: on the line itself, or on the one above where a key follows."""
        at = {"line": line, "colon": line - 1}.get(kind, 0)
        found = re.match(r" *\w+:(?=[^\s/])", self.lines[at - 1]) if at else None
        return Place(self.name, at, found.end(), self.lines[at - 1]) if found else None

    def syntax_problem(self, kind: str, mark: Any, is_at_end: bool) -> str:
        """What a complaint means by its surroundings: what stands at the mark, and before it on the line."""
        line = self.lines[mark.line] if not is_at_end else ""
        before, letter = line[: mark.column], line[mark.column : mark.column + 1]
        if letter == "\t":
            return "tab"
        match kind:
            case "colon" if ": " in before:
                return "second colon"
            case "mapping" | "collection" if before.strip():
                return "more text"
            case "mapping":
                return {":": "no key", "-": "item among keys"}.get(letter, kind)
            case "flow sequence" | "flow mapping" if is_at_end:
                return "open bracket"
            case "block node" if letter == ",":
                return "letter"
            case "block node" | "flow node":
                return "inside brackets" if is_at_end else "closes nothing" if letter in "]}" else "nothing before"
            case "anchor":
                return "letter"
        return kind

    def place(self, start: Any, end: Any = None) -> Place:
        """From `start` to `end`, or as far as that goes on the first line."""
        if not start:
            return Place(self.name, 1, 1, self.lines[0])
        if start.line >= len(self.lines):  # libyaml counts one more line where the last has no break
            return Place(self.name, len(self.lines), len(self.lines[-1]) + 1, self.lines[-1])
        line = self.lines[start.line]
        stop = start.column + 1 if not end else end.column if end.line == start.line else len(line.rstrip())
        return Place(self.name, start.line + 1, start.column + 1, line, max(1, stop - start.column))

    def emit(self, problem: Problem) -> None:
        """Keeps a problem, unless one with the same place has been told: they are one mistake."""
        spot = (problem.place.line, problem.place.column) if problem.place else (1, 1)
        if spot not in self.reported:
            self.reported.add(spot)
            self.problems.append(problem)

    def stop(self, problem: Problem) -> None:
        self.emit(problem)
        raise _Stop

    def document(self) -> object:
        """The one document of the text."""
        if found := _invisible(self.text):
            before = self.text[: found.start()].split("\n")
            place = Place(self.name, len(before), len(before[-1]) + 1, self.lines[len(before) - 1])
            self.stop(diagnostics.invisible(place, "", found[0]))
        next(self.events)
        if isinstance(next(self.events), events.StreamEndEvent):
            self.stop(diagnostics.empty(Place(self.name, 1, 1)))
        root = next(self.events)
        if isinstance(root, events.ScalarEvent) and root.implicit[0] and not root.value and not root.anchor:
            self.stop(diagnostics.empty(Place(self.name, 1, 1)))
        data = self.node(root, ())
        next(self.events)
        after = next(self.events)
        if isinstance(after, events.DocumentStartEvent):
            self.stop(diagnostics.second_document(self.place(after.start_mark, after.end_mark)))
        return data

    def node(self, event: events.NodeEvent, path: Path) -> object:
        """The value that begins with `event`, with all that it holds."""
        place = self.values[path] = self.place(event.start_mark, event.end_mark)
        self.count(place)
        self.refuse_decoration(event, place, path)
        if isinstance(event, events.ScalarEvent):
            return self.scalar(event, place, path)
        if isinstance(event, events.AliasEvent):
            return None
        if self.depth == DEEPEST:
            self.stop(diagnostics.too_deep(place, DEEPEST))
        self.depth += 1
        data = self.mapping(path) if isinstance(event, events.MappingStartEvent) else self.sequence(path)
        self.depth -= 1
        return data

    def count(self, place: Place) -> None:
        self.n_nodes += 1
        if self.n_nodes > MOST_NODES:
            self.stop(diagnostics.too_many_values(place, MOST_NODES))

    def refuse_decoration(self, event: events.NodeEvent, place: Place, path: Path) -> None:
        """Anchors and aliases (one message per name) and tags."""
        if event.anchor is not None and event.anchor not in self.anchors:
            self.anchors.add(event.anchor)
            sigil = "*" if isinstance(event, events.AliasEvent) else "&"
            self.emit(diagnostics.anchored(place, spell(path), sigil + event.anchor))
        if getattr(event, "tag", None) is not None:
            self.emit(diagnostics.tagged(place, spell(path)))

    def scalar(self, event: events.ScalarEvent, place: Place, path: Path) -> object:
        if found := _invisible(event.value):
            self.emit(diagnostics.invisible(place, spell(path), found[0]))
        if not event.implicit[0]:
            return event.value
        if _begins_with_zero(event.value):
            self.emit(diagnostics.zero_first(place, spell(path), event.value))
        try:
            return resolve(event.value)
        except OverflowError:
            self.emit(diagnostics.not_a_cell_number(place, spell(path), event.value))
            return None

    def sequence(self, path: Path) -> list[object]:
        data: list[object] = []
        while not isinstance(event := next(self.events), events.SequenceEndEvent):
            item = (*path, len(data))
            self.keys[item] = self.place(event.start_mark, event.end_mark)
            data.append(self.node(event, item))
        return data

    def mapping(self, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        while not isinstance(event := next(self.events), events.MappingEndEvent):
            place = self.place(event.start_mark, event.end_mark)
            self.count(place)
            name = self.key(event, place, path)
            inner = (*path, name)
            if name in data:
                self.emit(diagnostics.duplicate_key(place, spell(inner), name, self.keys[inner]))
            else:
                self.keys[inner] = place
            value = next(self.events)
            self.refuse_number(event, value, place, inner)
            if isinstance(event, events.ScalarEvent) and event.implicit[0] and event.value == "<<":
                self.refuse_merge(place, path, value)
            data[name] = self.node(value, inner)
        return data

    def key(self, event: events.NodeEvent, place: Place, path: Path) -> str:
        """The text of a key, or what stands for it in a path."""
        if isinstance(event, events.CollectionStartEvent):
            self.emit(diagnostics.key_is_collection(place, spell(path)))
            told = len(self.problems)
            try:
                self.node(event, (*path, "?"))
            finally:
                del self.problems[told:]
            return "?"
        self.refuse_decoration(event, place, path)
        if not isinstance(event, events.ScalarEvent):
            return "?"
        if found := _invisible(event.value):
            self.emit(diagnostics.invisible(place, spell(path), found[0]))
        return event.value

    def refuse_number(self, key: events.NodeEvent, value: events.Event, place: Place, path: Path) -> None:
        """A key that reads as a number or a truth value: the end of 4,096 where no value follows, else unquoted."""
        if not (isinstance(key, events.ScalarEvent) and key.implicit[0]):
            return
        if key.value in WORDS or NUMBER.fullmatch(key.value):
            kind = KINDS[WORDS[key.value]] if key.value in WORDS else "a number"
            above = spell(path[:-1])
            ends, begins = key.end_mark, value.start_mark
            has_colon = not (ends and begins and (ends.line, ends.column) == (begins.line, begins.column))
            if kind == "a number" and isinstance(value, events.ScalarEvent) and not has_colon:
                self.emit(diagnostics.comma_ends_value(place, above))
            else:
                self.emit(diagnostics.key_is_not_text(place, above, key.value, kind))

    def refuse_merge(self, place: Place, path: Path, value: events.Event) -> None:
        """Tells a merge key, unless the anchor that it merges was told."""
        if isinstance(value, events.AliasEvent):
            if value.anchor in self.anchors:
                return
            self.anchors.add(value.anchor or "")
        self.emit(diagnostics.merge_key(place, spell(path)))
