"""Wording: keys that nobody knows or that are missing, names that cannot be, lists and mappings in the wrong place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flopsheet.diagnostics.problem import Finding, did_you_mean, shown
from flopsheet.diagnostics.values import kind_of

# Parts of a spec that are mappings of names that the author gives, each with what the names are of.
NAMED = {"models": "MODEL", "training": "RUN", "serving": "RUN", "hardware": "KIND"}
GLUED = r"(?s)(\w+)\s*[=\s]\s*(.+)"


def not_a_mapping(value: object) -> Finding:
    return f"the spec is {kind_of(value)}, not a mapping", "begin with 'version: 1'"


def not_a_list(value: object) -> Finding:
    remedy = "begin each entry with '- '" if isinstance(value, dict) else "write [a, b]"
    return f"{kind_of(value)} stands where a list should", remedy


def not_keys(
    value: object, path: Sequence[object] = (), library: Sequence[str] = (), models: Sequence[str] = ()
) -> Finding:
    """Something else at a path where a mapping should stand."""
    match path:
        case [str(part)] if part in NAMED:
            remedy = f"write {{{NAMED[part]}: {{…}}}}"
        case ["models", _] if isinstance(value, str) and (value in library or value in models):
            remedy = f"write {{{'extends' if value in models else 'model'}: {value}}}"
        case _:
            remedy = "write {key: value}"
    return f"{kind_of(value)} stands where a mapping should", remedy


def no_names(kind: str, keys: Sequence[str]) -> Finding:
    """The inputs of a model or run right below `models:` or `training:`."""
    of = "model" if kind == "models" else "run" if kind in {"training", "serving"} else "kind"
    return f"the {of} has no name", f"write {kind}: {{NAME: {{{keys[0]}: …}}}}"


def comma_in_braces(begun: str, rest: Sequence[str]) -> Finding:
    """A formula that YAML cuts at its commas."""
    return "a comma between { } ends the value", f"put the formula in quotes: '{shown(', '.join([begun, *rest]))}'"


def wrong_count(count: int, most: int) -> Finding:
    if not count:
        return "there are no entries", "write at least one"
    return f"there are {count:,} entries", f"{most:,} are the most"


def unknown_key(key: str, known: Sequence[str]) -> Finding:
    glued = re.fullmatch(GLUED, key)
    if glued and glued[1] in known:
        return f"unknown key '{shown(key)}'", f"write {glued[1]}: {shown(glued[2])}"
    if key == "sweep":
        return "a sweep belongs to a model or run", "write it there"
    return f"unknown key '{shown(key)}'", did_you_mean(key, known)


def missing_key(key: str) -> Finding:
    return f"{key} is missing", f"write {key}: …"


def missing_inputs(names: Sequence[str]) -> Finding:
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here or under defaults:"


def said_twice(one: str, other: str) -> Finding:
    return f"{one} and {other} say the same thing", "keep one of the two"


def model_name_problem(name: str, most: int, forbidden: str) -> Finding | None:
    if found := [letter for letter in forbidden if letter in name]:
        return f"'{shown(name)}' holds '{found[0]}', which a spreadsheet reads as a pattern", "choose another name"
    if not name:
        return "the name is empty", "choose another name"
    if name != name.strip():
        return f"'{shown(name)}' begins or ends with a blank", "choose another name"
    if not name.isprintable():
        return f"'{shown(name)}' holds a line break or another sign that does not print", "choose another name"
    if len(name) > most:
        return f"the name has {len(name):,} characters", f"{most} are the most"
    return None


def same_name(name: str, other: str) -> Finding:
    if name == other:
        return f"'{shown(name)}' is already the name of a model or run", "choose another name"
    fact = f"'{shown(name)}' and '{shown(other)}' are one name to a spreadsheet"
    return fact, "choose names that differ in more than case"


def same_group_name(name: str) -> Finding:
    return f"another layer group is called '{shown(name)}'", "write another name:"


def same_length(length: float) -> Finding:
    return f"{kind_of(length)} is already in the list", "keep one of the two"
