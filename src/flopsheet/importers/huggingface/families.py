"""The tables of model types as frozen data: what the keys of each model_type's configuration mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any, Literal, TypeAlias

from flopsheet.yamlio import source

# A constant, a key, an expression of keys and per-layer lists, or {by: flag, yes: rule, no: rule}.
Rule: TypeAlias = int | float | bool | str | Mapping[str, Any]

ALWAYS = True  # the condition of a case that holds in the layers that no earlier case has taken
SECTIONS = ("keys", "inputs", "lists", "only", "notes", "overrides")  # of which an entry `like` another changes parts
LIST_FIELDS = {"is", "words", "key", "aka", "else", "first", "cut", "or_empty"}
LISTED = ("ignored", "nested")  # which it extends


@dataclass(frozen=True)
class Key:
    """A key that counts: its other names, and what it is where the file lacks it or says null; None is refused."""

    name: str
    aliases: tuple[str, ...]
    missing: Rule | None
    null: Rule | None

    @property
    def is_flag(self) -> bool:
        return isinstance(self.missing, bool)

    @property
    def is_fraction(self) -> bool:
        return isinstance(self.missing, float)


@dataclass(frozen=True)
class PerLayer:
    """A list with one item per layer: where the file has it, which items it may hold, and the item without it."""

    name: str
    keys: tuple[str, ...]
    kind: Literal["words", "letters", "flags", "numbers", "members", "holds", "length", "patterns"]
    """members are numbers of layers, holds is whether a word occurs at all."""
    words: Mapping[str, str]  # as the file may write them → as rules read them
    first: int  # the number of the first layer
    cut: bool  # whether items beyond the last layer are dropped, as transformers does
    or_empty: bool  # whether an empty list is none
    missing: Rule | None


@dataclass(frozen=True)
class Case:
    """Layers of one kind: what they are called, which they are, and the inputs that only they have."""

    name: str
    condition: Rule
    inputs: Mapping[str, Rule]


@dataclass(frozen=True)
class Text:
    """Where a configuration of several models holds that of the language model, and of which model_type it is."""

    mapping: str
    model_type: str  # where the inner mapping does not say, or says one of `accepts`
    accepts: tuple[str, ...] = ()
    any: bool = False  # whether the inner mapping may say any other model_type that is known
    flat: bool = False  # whether older files have its keys outside
    tied: bool = False  # whether the head is tied where the outer mapping does not say
    forwards: bool = False  # whether a tie of the inner mapping counts as well
    inner: bool = False  # whether only the tie of the inner mapping counts
    always: bool | None = None  # whether the head is tied, whatever is said
    passed: tuple[str, ...] = ()  # outer keys that count
    defaults: bool = (
        False  # whether transformers takes its defaults where the mapping is missing, whatever stands outside
    )


@dataclass(frozen=True)
class Family:
    """One model_type; families.yaml says what each field is."""

    keys: Mapping[str, Key]
    lists: Mapping[str, PerLayer]
    inputs: Mapping[str, Rule]
    axes: tuple[tuple[Case, ...], ...]
    beside: tuple[Case, ...]
    overrides: Mapping[str, Rule] | None  # None where single layers cannot differ otherwise
    count_by: tuple[str, ...]
    lengths: tuple[str, ...]
    activation: tuple[str, str, str]  # gated or plain, its key, the default
    only: Mapping[str, tuple[Any, ...]]
    ignored: tuple[str, ...]
    notes: Mapping[str, str]
    nested: tuple[str, ...]
    text: Text | None
    remark: str

    def names(self) -> set[str]:
        """Every name under which the configuration may say something that counts."""
        return {
            *(alias for key in self.keys.values() for alias in key.aliases),
            *(key for one in self.lists.values() for key in one.keys),
        }

    def accepted(self, key: str) -> tuple[Any, ...] | None:
        """The values at which a known key changes no count; None where there is no such rule."""
        return next((self.only[name] for name in self.spellings(key) if name in self.only), None)

    def ignores(self, key: str) -> bool:
        """Whether a key changes no count."""
        return any(fnmatchcase(name, pattern) for name in self.spellings(key) for pattern in self.ignored)

    def spellings(self, key: str) -> tuple[str, ...]:
        """A key, and inside a nested mapping its last part as well."""
        mapping, _, last = key.rpartition(".")
        return (key, last) if mapping in self.nested else (key,)

    def layer_inputs(self, name: str) -> tuple[Rule, ...]:
        """The rules of an input, wherever the family says it."""
        cases = (case.inputs for axis in self.axes for case in axis)
        return tuple(inputs[name] for inputs in (self.inputs, *cases) if name in inputs)


@dataclass(frozen=True)
class Families:
    """Every model_type that is known, and the tables that they share."""

    by_type: Mapping[str, Family]
    refused: Mapping[str, str]  # model types that are known and not modelled → what they are
    elsewhere: tuple[str, ...]  # model types of which transformers has no code
    activations: Mapping[str, Mapping[str, str]]
    formats: Mapping[str, str]
    heads: tuple[str, ...]


@cache
def load_families() -> Families:
    """The tables that ship with the package."""
    folder = resources.files("flopsheet.importers.huggingface")
    data = _parsed(folder.joinpath("families.yaml"))
    listed: dict[str, Any] = dict(data["families"])
    for file in sorted(folder.joinpath("families").iterdir(), key=lambda file: file.name):
        listed |= _parsed(file)
    entries: dict[str, Mapping[str, Any]] = {}
    for name in listed:
        _resolve(name, listed, entries)
    return Families(
        {name: _family(entries[name], data["usual"], data["common"]) for name in listed},
        {name: reason for reason, names in data["refused"].items() for name in names},
        tuple(data["elsewhere"]),
        data["activations"],
        data["formats"],
        tuple(data["heads"]),
    )


def _parsed(file: Any) -> dict[str, Any]:
    data = source.parse(file.read_text(encoding="utf-8"), file.name).data
    assert isinstance(data, dict)
    return data


def _resolve(name: str, listed: Mapping[str, Any], entries: dict[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """An entry with what it takes over from the one that it is `like`."""
    if name not in entries:
        entry = listed[name]
        entries[name] = _merged(_resolve(entry["like"], listed, entries), entry) if "like" in entry else entry
    return entries[name]


def _merged(base: Mapping[str, Any], entry: Mapping[str, Any]) -> Mapping[str, Any]:
    activation = () if {"gated", "plain"}.isdisjoint(entry) else ("gated", "plain")
    merged = {section: base[section] for section in base if section not in activation} | dict(entry)
    for section in (section for section in SECTIONS if section in base or section in entry):
        merged[section] = _without(base.get(section, {}), entry.get(section) or {}, section) | (
            entry.get(section) or {}
        )
    for section in (section for section in LISTED if section in base or section in entry):
        merged[section] = [*base.get(section, ()), *entry.get(section, ())]
    merged = {section: said for section, said in merged.items() if said is not None}
    for section in ("inputs", "only"):  # `~` takes an input back
        merged[section] = {key: rule for key, rule in merged.get(section, {}).items() if rule is not None}
    return merged


def _without(base: Mapping[str, Any], own: Mapping[str, Any], section: str) -> dict[str, Any]:
    """The base's part without keys that the entry names anew, under whichever alias."""
    if section != "keys":
        return dict(base)
    anew = {alias for names in own for alias in names.split("|")}
    return {names: said for names, said in base.items() if anew.isdisjoint(names.split("|"))}


def _family(entry: Mapping[str, Any], usual: Mapping[str, str], common: Mapping[str, Any]) -> Family:
    keys = {key.name: key for key in (_key(names, said) for names, said in entry.get("keys", {}).items())}
    inputs = {name: key for name, key in usual.items() if key in keys} | entry.get("inputs", {})
    axes = _axes(entry, inputs, inputs.pop("window") if "windows" in entry else 0)
    kind = "gated" if "gated" in entry else "plain"
    known = {*entry.get("ignored", ()), *(alias for key in keys.values() for alias in key.aliases)}
    lists = {name: _list(name, said, common["layer_words"]) for name, said in entry.get("lists", {}).items()}
    known |= {key for one in lists.values() for key in one.keys}
    only = {name: values for name, values in common["only"].items() if name not in known} | entry.get("only", {})
    in_cases = {name for axis in axes for case in axis for name in case.inputs}
    wrapper = common["wrapper"] if "text" in entry else {"ignored": (), "notes": {}}
    return Family(
        keys=keys,
        lists=lists,
        inputs={name: rule for name, rule in inputs.items() if name not in in_cases},
        axes=axes,
        beside=tuple(_case(*one) for one in entry.get("beside", {}).items()),
        overrides=entry.get("overrides"),
        count_by=tuple(entry.get("count_by", ())),
        lengths=tuple(entry.get("lengths", ())),
        activation=(kind, *entry.get(kind, ("", ""))),
        only={name: tuple(values) for name, values in only.items()},
        ignored=(
            entry.get(kind, [""])[0],
            *(key for line in common["ignored"] for key in line),
            *wrapper["ignored"],
            *entry.get("ignored", ()),
        ),
        notes=common["notes"] | wrapper["notes"] | entry.get("notes", {}),
        nested=tuple(entry.get("nested", ())),
        text=_text(entry["text"]) if "text" in entry else None,
        remark=entry.get("remark", ""),
    )


def _text(said: Mapping[str, Any]) -> Text:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in said.items()}
    return Text(**fields)


def _axes(entry: Mapping[str, Any], inputs: Mapping[str, Rule], window: Rule) -> tuple[tuple[Case, ...], ...]:
    """How layers differ; `windows` and `experts` are the two ways that most families know."""
    axes = [dict(axis) for axis in entry.get("layers", ())]
    if "windows" in entry:
        axes.insert(0, {"local": {"in": entry["windows"], "window": window}, "global": {}})
    if "experts" in entry:
        axes.append({"experts": entry["experts"], "dense": {}})
    return tuple(tuple(_completed([_case(*one) for one in axis.items()], inputs)) for axis in axes)


def _case(name: str, said: Mapping[str, Any]) -> Case:
    return Case(name, said.get("in", ALWAYS), {key: rule for key, rule in said.items() if key != "in"})


def _completed(axis: list[Case], inputs: Mapping[str, Rule]) -> list[Case]:
    """The cases of an axis; what one of them says and another does not is there as for the whole family."""
    said = dict.fromkeys(name for case in axis for name in case.inputs)
    return [
        Case(case.name, case.condition, {name: inputs[name] for name in said if name in inputs} | dict(case.inputs))
        for case in axis
    ]


def _list(name: str, said: Mapping[str, Any], aliases: Mapping[str, str]) -> PerLayer:
    if not LIST_FIELDS & set(said):  # {word: condition, …}
        *cases, (last, _) = said.items()
        rule = last
        for word, condition in reversed(cases):
            rule = f"where({int(condition) if isinstance(condition, bool) else condition}, {word}, {rule})"
        said = {"words": list(said), "else": rule}
    words = said.get("words", {})
    if not isinstance(words, Mapping):
        words = {word: word for word in words}
        words |= {alias: word for alias, word in aliases.items() if word in words}
    keys = (*([said["key"]] if "key" in said else [name]), *said.get("aka", ()))
    return PerLayer(
        name=name,
        keys=keys,
        kind=said.get("is", "words"),
        words=words,
        first=said.get("first", 0),
        cut=said.get("cut", False),
        or_empty=said.get("or_empty", False),
        missing=said.get("else"),
    )


def _key(names: str, said: Any) -> Key:
    """`a|b: 8`, or `a|b: [8, c]` where null is another than missing; only an expression stands for null by itself."""
    aliases = tuple(names.split("|"))
    if isinstance(said, list):
        return Key(aliases[0], aliases, *said)
    return Key(aliases[0], aliases, said, said if isinstance(said, str | dict) else None)
