"""families.yaml as frozen data: what the keys of each model_type's configuration mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from flopsheet import source

# A constant, a key, an expression of keys, or {by: flag, yes: rule, no: rule}.
Rule: TypeAlias = int | bool | str | Mapping[str, Any]


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


@dataclass(frozen=True)
class Text:
    """Where a configuration of several models holds that of the language model, and of which model_type it is."""

    mapping: str
    model_type: str


@dataclass(frozen=True)
class Family:
    """One model_type; families.yaml says what each field is."""

    keys: Mapping[str, Key]
    lists: tuple[str, ...]
    inputs: Mapping[str, Rule]
    dense: Mapping[str, Rule]
    experts: Mapping[str, Rule]
    experts_in: str
    windows: str
    is_gated: bool
    activation: tuple[str, str]
    only: Mapping[str, tuple[Any, ...]]
    ignored: tuple[str, ...]
    notes: Mapping[str, str]
    nested: tuple[str, ...]
    text: Text | None

    def names(self) -> set[str]:
        """Every name under which the configuration may say something that counts."""
        return {*(alias for key in self.keys.values() for alias in key.aliases), *self.lists}

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


@dataclass(frozen=True)
class Families:
    """Every model_type that is known, and the tables that they share."""

    by_type: Mapping[str, Family]
    activations: Mapping[str, Mapping[str, str]]
    formats: Mapping[str, str]
    heads: tuple[str, ...]


@cache
def load() -> Families:
    """The table that ships with the package."""
    text = (resources.files("flopsheet.huggingface") / "families.yaml").read_text(encoding="utf-8")
    data = source.parse(text, "families.yaml").data
    assert isinstance(data, dict)
    listed = data["families"]
    entries = {name: listed[entry["like"]] if "like" in entry else entry for name, entry in listed.items()}
    return Families(
        {name: _family(entry, data["usual"], data["common"]) for name, entry in entries.items()},
        data["activations"],
        data["formats"],
        tuple(data["heads"]),
    )


def _family(entry: Mapping[str, Any], usual: Mapping[str, str], common: Mapping[str, Any]) -> Family:
    keys = {key.name: key for key in (_key(names, said) for names, said in entry.get("keys", {}).items())}
    shared = {name: key for name, key in usual.items() if key in keys}
    experts = dict(entry.get("experts", {}))
    kind = "gated" if "gated" in entry else "plain"
    inputs = shared | entry.get("inputs", {})
    only = common["only"] | entry.get("only", {})
    return Family(
        keys=keys,
        lists=tuple(entry.get("lists", ())),
        inputs={name: rule for name, rule in inputs.items() if name not in experts},
        dense={name: rule for name, rule in inputs.items() if name in experts},
        experts={name: rule for name, rule in experts.items() if name != "in"},
        experts_in=experts.get("in", ""),
        windows=entry.get("windows", ""),
        is_gated=kind == "gated",
        activation=tuple(entry.get(kind, ("", ""))),
        only={name: tuple(values) for name, values in only.items() if name not in entry.get("ignored", ())},
        ignored=(*(key for line in common["ignored"] for key in line), *entry.get("ignored", ())),
        notes=common["notes"] | entry.get("notes", {}),
        nested=tuple(entry.get("nested", ())),
        text=Text(**entry["text"]) if "text" in entry else None,
    )


def _key(names: str, said: Any) -> Key:
    """`a|b: 8`, or `a|b: [8, c]` where null is another than missing; only an expression stands for null by itself."""
    aliases = tuple(names.split("|"))
    if isinstance(said, list):
        return Key(aliases[0], aliases, *said)
    return Key(aliases[0], aliases, said, said if isinstance(said, str | dict) else None)
