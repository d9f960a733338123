"""Wording: what is wrong with a spec. A finding is a fact and a remedy; `located` gives it its path and place."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from flopsheet.errors.problem import Place, Problem, did_you_mean, nearest, quoted, shown

Finding = tuple[str, str]


def located(finding: Finding, path: str, place: Place | None) -> Problem:
    fact, remedy = finding
    return Problem(fact, remedy, path, place)


def kind_of(value: object) -> str:
    """A value of a spec in words: `true`, `'text'`, `a list`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"'{shown(value)}'"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case float():
            return f"{value:,.15g}"
        case int():
            return shown(f"{value:,}")
    return type(value).__name__


def bounds(value: float, least: float | None, most: float) -> str:
    if least is not None and most < 1e15:
        return f"write {least:,.15g} to {most:,.15g}"
    return f"write at most {most:,.0f}" if value > most else f"write {least:,.15g} or more"


def number_problem(value: object, least: float | None, most: float, *, whole: bool) -> Finding | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{kind_of(value)} is not a number", spelled_out(value) or f"write a {'whole ' if whole else ''}number"
    if (least is not None and value < least) or value > most:
        return f"{kind_of(value)} is out of range", bounds(value, least, most)
    if whole and value != int(value):
        return f"{kind_of(value)} is not a whole number", f"write {math.floor(value):,} or {math.ceil(value):,}"
    return None


SUFFIXED = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMmGgBbTt])")
POWERS = {"k": 3, "m": 6, "g": 9, "b": 9, "t": 12}


def spelled_out(value: object) -> str:
    """What somebody means who writes 150M."""
    found = SUFFIXED.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return ""
    number, power = found[1], POWERS[found[2].lower()]
    return (
        f"write {float(number) * 1000:.15g} or {float(number) * 1024:.15g}" if power == 3 else f"write {number}e{power}"
    )


def choice_problem(value: object, choices: Sequence[int | str]) -> Finding | None:
    if not isinstance(value, bool) and value in choices:
        return None
    words = [str(choice) for choice in choices]
    near = nearest(value, words) if isinstance(value, str) else None
    remedy = f"did you mean {kind_of(choices[words.index(near)])}? " if near else ""
    return f"{kind_of(value)} is not a choice", f"{remedy}choices: {quoted(words)}"


def flag_problem(value: object) -> Finding | None:
    return None if isinstance(value, bool) else (f"{kind_of(value)} is neither true nor false", "write true or false")


def text_problem(value: object, most: int) -> Finding | None:
    if not isinstance(value, str):
        return f"{kind_of(value)} is not a text", "put it in quotes"
    if not value.strip():
        return "the text is empty", "write something, or remove the key"
    if len(value) > most:
        return f"the text has {len(value):,} characters", f"{most:,} are the most"
    return None


def equals_problem(value: object) -> Finding | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return f"{kind_of(value)} is neither a number nor a text", "write what the metric should be"
    return None


def version_problem(value: object) -> Finding | None:
    return None if type(value) is int and value == 1 else ("this version of the format is unknown", "write version: 1")


def not_plain(value: object, path: str) -> Problem:
    return Problem(f"{type(value).__name__} is no type of a spec", "give texts, numbers, lists and mappings", path)


def not_a_text_key(key: object, path: str) -> Problem:
    return Problem(f"keys are text, but {shown(repr(key))} is none", "give it as a str", path)


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


def same_length(length: float) -> Finding:
    return f"{kind_of(length)} is already in the list", "keep one of the two"


def wrong_count(count: int, most: int) -> Finding:
    if not count:
        return "there are no entries", "write at least one"
    return f"there are {count:,} entries", f"{most:,} are the most"


def same_group_name(name: str) -> Finding:
    return f"another layer group is called '{shown(name)}'", "write another name:"


def not_a_mapping(value: object) -> Finding:
    return f"the spec is {kind_of(value)}, not a mapping", "begin with 'version: 1'"


def not_a_list(value: object) -> Finding:
    return f"{kind_of(value)} stands where a list should", "write [a, b]"


def not_keys(value: object) -> Finding:
    return f"{kind_of(value)} stands where a mapping should", "write {key: value}"


def unknown_key(key: str, known: Sequence[str]) -> Finding:
    name, _, value = key.partition(" ")
    if value and name in known:
        return f"unknown key '{shown(key)}'", f"write {name}: {shown(value)}"
    return f"unknown key '{shown(key)}'", did_you_mean(key, known)


def missing_key(key: str) -> Finding:
    return f"{key} is missing", f"write {key}: …"


def missing_inputs(names: Sequence[str]) -> Finding:
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here or under defaults:"


def said_twice(one: str, other: str) -> Finding:
    return f"{one} and {other} say the same thing", "keep one of the two"


def unknown_model(name: str, known: Sequence[str], kind: str = "model") -> Finding:
    return f"no {kind} is called '{shown(name)}'", did_you_mean(name, known)


def unknown_metric(name: str, known: Sequence[str], of: str = "model or scenario") -> Finding:
    near = nearest(name, known)
    remedy = f"did you mean '{near}'?" if near else "list them with 'flopsheet list metrics'"
    return f"no metric of a {of} is called '{shown(name)}'", remedy


def unknown_input(name: str, known: Sequence[str]) -> Finding:
    return f"'{name}' is not a number that can be read here", did_you_mean(name, known)


def cycle(chain: Sequence[str]) -> Finding:
    return f"a cycle: {' → '.join(map(shown, chain))}", "break it at one of them"


def not_for_inputs(function: str) -> Finding:
    return f"{function}(…) has nothing to gather in an input", "write a number or an expression of other inputs"


def no_number(text: str) -> Finding:
    return f"'{shown(text)}' is true or false, not a number", "write where(condition, a, b)"


def gives(text: str, finding: Finding | None) -> Finding | None:
    """What is wrong with the value of an expression, which the line of the file does not show."""
    return (f"{shown(text)} = {finding[0]}", finding[1]) if finding else None


def inherited(finding: Finding, kind: str, name: str) -> Finding:
    """What is wrong in a model with something that it does not say itself, or in a variant of a run."""
    return f"{finding[0]} in {'model' if kind == 'models' else 'run'} '{shown(name, 64)}'", finding[1]


def no_value(text: str) -> Finding:
    return f"'{shown(text)}' has no value", "check for a division by zero or a number out of range"


def divisors(number: float, near: float) -> list[int]:
    """The divisors of a whole number nearest to a wish, in order."""
    whole = int(number)
    small = [low for low in range(1, min(int(whole**0.5), 10**6) + 1) if whole % low == 0]
    found = sorted({*small, *(whole // low for low in small)}, key=lambda one: (abs(one - near), one))
    return sorted(found[:4])


def heads_do_not_divide(width: float, heads: float) -> Finding:
    near = quoted(divisors(width, heads))
    return f"n_heads {heads:,.0f} does not divide d_model {width:,.0f}", f"write d_head, or one of n_heads: {near}"


def heads_do_not_share(heads: float, shared: float) -> Finding:
    near = quoted(divisors(heads, shared))
    return f"n_kv_heads {shared:,.0f} does not divide n_heads {heads:,.0f}", f"write one of n_kv_heads: {near}"


def layers_do_not_add_up(claimed: float, total: float) -> Finding:
    fact = f"n_layers is {claimed:,.0f}, the groups under layers: have {total:,.0f}"
    return fact, "remove n_layers, or correct a group"


def learned_without_positions() -> Finding:
    return "positions are learned, but max_positions is 0", "write max_positions: …, the rows of the position table"


def not_a_claim(that: str) -> Finding:
    return f"'{shown(that)}' names no number", "write MODEL.METRIC, such as gpt2-xl.n_params"


def claims_nothing() -> Finding:
    return "the expectation claims nothing", "write equals:, at_least: or at_most:"


def claim_of_another_type(metric: str, value: object, *, is_text: bool) -> Finding:
    kind, remedy = ("a text", "write equals: and a text") if is_text else ("a number", "write a number")
    return f"{metric} is {kind}, which {kind_of(value)} is not", remedy


def claim_without_context(metric: str) -> Finding:
    return f"{metric} does not depend on the context length", "remove context_length"


def claim_needs_context(length: float | None, lengths: Sequence[float]) -> Finding:
    remedy = f"write one of context_length: {quoted(f'{one:.0f}' for one in lengths)}"
    if length is None:
        return "the number depends on the context length", remedy
    return f"{length:,.0f} is not a context length of this spec", remedy
