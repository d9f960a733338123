"""Wording: unknown and missing keys, unusable names, lists and mappings in the wrong place."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import did_you_mean, shown
from flopsheet.diagnostics.values import kind_of

# Parts of a spec that are mappings of names that the author gives, each with what the names are of.
NAMED = {
    "models": "MODEL", "training": "RUN", "serving": "RUN", "measured": "ROW", "search": "SEARCH", "hardware": "KIND",
}  # fmt: skip
SECTIONS = {*NAMED, "expect", "conventions", "defaults", "inputs", "metrics"}  # which stand at the top level alone
GLUED = r"(?s)(\w+)\s*([=:\s])\s*(.+)"


@diagnostic("FS401", "spec-not-mapping")
def not_a_mapping(value: object) -> Wording:
    """The spec is a list, a text or a number.

    Why: A spec is a mapping of keys such as `models:`.
    Fix: Begin with `version: 1`.
    Example:
        $ echo '[1, 2]' | flopsheet validate -
    """
    return f"the spec is {kind_of(value)}, not a mapping", "begin with 'version: 1'"


@diagnostic("FS402", "not-a-list")
def not_a_list(value: object) -> Wording:
    """A list is expected, and something else is given.

    Why: The key has entries, which are counted and named by their position.
    Fix: Write `[a, b]`, or begin each entry with a dash.
    Example:
        context_lengths: 1024
    """
    remedy = "begin each entry with '- '" if isinstance(value, dict) else "write [a, b]"
    return f"{kind_of(value)} where a list is expected", remedy


@diagnostic("FS403", "not-a-mapping")
def not_keys(
    value: object, path: Sequence[object] = (), library: Sequence[str] = (), models: Sequence[str] = ()
) -> Wording:
    """A mapping is expected, and something else is given.

    Why: The key has keys of its own.
    Fix: Write `{key: value}`.
    Example:
        models: gpt2-small
    """
    match path:
        case [str(part)] if part in NAMED:
            remedy = f"write {{{NAMED[part]}: {{…}}}}"
        case ["models", _] if isinstance(value, str) and (value in library or value in models):
            remedy = f"write {{{'extends' if value in models else 'model'}: {value}}}"
        case _:
            remedy = "write {key: value}"
    return f"{kind_of(value)} where a mapping is expected", remedy


@diagnostic("FS404", "name-missing")
def no_names(kind: str, keys: Sequence[str]) -> Wording:
    """The inputs of a model or run are given where its name belongs.

    Why: Models, runs and kinds of hardware have names, which the workbook shows.
    Fix: Put a name above them.
    Example:
        models: {n_layers: 12, d_model: 768}
    """
    return f"the {NAMED[kind].lower()} has no name", f"write {kind}: {{NAME: {{{keys[0]}: …}}}}"


@diagnostic("FS405", "formula-cut-by-comma")
def comma_in_braces(begun: str, rest: Sequence[str]) -> Wording:
    """YAML cuts a formula at its comma.

    Why: Between braces a comma separates entries.
    Fix: Put the formula in quotes.
    Example:
        models:
          m: {model: gpt2-small, d_ff: max(8, d_model)}
    """
    return "a comma between { } ends the value", f"put the formula in quotes: '{shown(', '.join([begun, *rest]))}'"


@diagnostic("FS406", "entry-count")
def wrong_count(count: int, most: int) -> Wording:
    """A list or mapping has no entries, or too many.

    Why: Without models or context lengths there is nothing to compute; the upper limits are those of a workbook.
    Fix: Write at least one, and no more than the message says.
    Example:
        context_lengths: []
    """
    if not count:
        return "there are no entries", "write at least one"
    return f"there are {count:,} entries", f"at most {most:,} are allowed"


@diagnostic("FS407", "unknown-key")
def unknown_key(key: str, known: Sequence[str]) -> Wording:
    """A key is unknown.

    Why: If a misspelled key were ignored, a default would apply silently.
    Fix: Write the key that is meant; docs/spec.md lists them.
    Example:
        models:
          m: {model: gpt2-small, n_layer: 12}
    """
    glued = re.fullmatch(GLUED, key)
    if glued and glued[1] in known:
        how = ", with a space after the colon" if glued[2] == ":" else ""
        return f"unknown key '{shown(key)}'", f"write {glued[1]}: {shown(glued[3])}{how}"
    if key in ("model_type", "architectures") and "models" in known:  # Hugging Face's, given as a spec
        remedy = "make a spec of it with 'flopsheet import CONFIG.json -o SPEC.yaml'"
        return f"'{key}' belongs to the configuration of a model", remedy
    if key in SECTIONS:
        return f"'{key}' is a section of the spec", "it belongs at the top level of the spec"
    if key == "sweep" and "vary" in known:
        return "a search has no sweep", "write the lists under vary:"
    if key == "sweep":
        return "a sweep belongs to a model or run", "write it there"
    return f"unknown key '{shown(key)}'", did_you_mean(key, known)


WRITTEN = {
    "version": "1",
    "context_lengths": "[8192]",
    "models": "{NAME: {model: llama-3-8b}}",
    "that": "NAME.METRIC",
}  # keys that a spec or an entry must have, as they may be written


@diagnostic("FS408", "key-missing")
def missing_key(key: str) -> Wording:
    """A required key is missing.

    Why: It has no default.
    Fix: Write it.
    Example:
        version: 1
        models:
          m: {model: gpt2-small}
    """
    return f"{key} is missing", f"write {key}: {WRITTEN.get(key, '…')}"


@diagnostic("FS409", "input-missing")
def missing_inputs(names: Sequence[str]) -> Wording:
    """A model lacks inputs that have no default.

    Why: A guess would give a number that nobody asked for.
    Fix: Write them in the model or under `defaults:`.
    Example:
        models:
          m: {n_layers: 12, d_model: 768}
    """
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here or under defaults:"


@diagnostic("FS410", "setting-twice")
def said_twice(one: str, other: str) -> Wording:
    """Two keys set the same thing.

    Why: It would be unclear which of them counts.
    Fix: Keep one of the two.
    Example:
        models:
          a: {model: gpt2-small}
          b: {model: gpt2-small, extends: a}
    """
    return f"{one} and {other} set the same thing", "keep one of the two"


@diagnostic("FS411", "name-unusable")
def model_name_problem(name: str, most: int, forbidden: str) -> Wording | None:
    """A name cannot be looked up in a spreadsheet.

    Why: Look-ups read `*`, `?` and `~` as patterns, and spaces at the ends are invisible.
    Fix: Choose another name.
    Example:
        models:
          "what?": {model: gpt2-small}
    """
    if found := [letter for letter in forbidden if letter in name]:
        return f"'{shown(name)}' contains '{found[0]}', which a spreadsheet reads as a pattern", "choose another name"
    if not name:
        return "the name is empty", "choose another name"
    if name != name.strip():
        return f"'{shown(name)}' begins or ends with a space", "choose another name"
    if not name.isprintable():
        return f"'{shown(name)}' contains a line break or another character that does not print", "choose another name"
    if len(name) > most:
        return f"the name has {len(name):,} characters", f"at most {most} are allowed"
    return None


@diagnostic("FS412", "name-taken")
def same_name(name: str, other: str) -> Wording:
    """Two models or runs have the same name.

    Why: A spreadsheet ignores case when it looks names up, so it could not tell them apart.
    Fix: Choose names that differ in more than case.
    Example:
        models:
          Small: {model: gpt2-small}
          small: {model: gpt2-small}
    """
    if name == other:
        return f"'{shown(name)}' is already the name of a model or run", "choose another name"
    fact = f"'{shown(name)}' and '{shown(other)}' are the same name to a spreadsheet"
    return fact, "choose names that differ in more than case"


@diagnostic("FS413", "group-name-taken")
def same_group_name(name: str) -> Wording:
    """Two layer groups of a model have the same name.

    Why: The rows of a layer group are named by it.
    Fix: Write another `name:`.
    Example:
        models:
          m:
            extends: base
            layers: [{name: a, n_layers: 6}, {name: a, n_layers: 6}]
          base: {model: gpt2-small}
    """
    return f"another layer group is called '{shown(name)}'", "write another name:"


@diagnostic("FS414", "context-length-twice")
def same_length(length: float) -> Wording:
    """A context length occurs twice in the list.

    Why: Its scenarios would have the same name.
    Fix: Keep one of the two.
    Example:
        context_lengths: [1024, 1024]
    """
    return f"{kind_of(length)} is already in the list", "keep one of the two"
