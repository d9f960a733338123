"""Wording: what a command line asks for and cannot have."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.problem import Place, Problem, did_you_mean, quoted, shown

SETTING = "write --set PATH=VALUE, such as models.gpt2-xl.d_model=2048"


def no_spec(default: str) -> Problem:
    return Problem(
        f"no spec is named, and there is no '{default}' here", "name one, or write one with 'flopsheet init'"
    )


def stdin_twice() -> Problem:
    return Problem("'-' stands twice, and stdin can be read only once", "give one of the specs as a file")


def nothing_to_watch() -> Problem:
    return Problem("stdin cannot be watched", "give the spec as a file")


def setting_without_value(place: Place) -> Problem:
    return Problem("no '=' stands in it", SETTING, "", place)


def setting_is_empty(place: Place, path: str) -> Problem:
    return Problem("no value stands after '='", "write one; '' is the empty text", path, place)


def setting_without_path(place: Place) -> Problem:
    return Problem("nothing stands before '='", SETTING, "", place)


def setting_of_unknown_key(place: Place, path: str, key: str, known: Sequence[str], of_models: bool) -> Problem:
    if of_models:
        return Problem(f"{key} is an input of models", f"write models.NAME.{key}, or defaults.{key}", "", place)
    return Problem(f"unknown key '{shown(key)}'", did_you_mean(key, known), path, place)


def setting_of_unknown_name(place: Place, path: str, name: str, known: Sequence[str], kind: str) -> Problem:
    return Problem(f"{kind} has no '{shown(name)}'", did_you_mean(name, known), path, place)


def setting_of_missing_item(place: Place, path: str, count: int) -> Problem:
    fact = "the list is empty" if not count else f"the list has {count:,} {'entry' if count == 1 else 'entries'}"
    remedy = "set the whole list" if not count else f"write one of {quoted(f'[{at}]' for at in range(count))}"
    return Problem(fact, remedy, path, place)


def setting_below_a_value(place: Place, path: str, above: str) -> Problem:
    return Problem(f"'{shown(above)}' has no keys below it", f"set {shown(above)} itself", path, place)


def unknown_command(name: str, known: Sequence[str]) -> Problem:
    return Problem(f"no command is called '{shown(name)}'", did_you_mean(name, known))


def no_folder(folder: str) -> Problem:
    return Problem(f"'{folder}' is no folder", "choose another one: flopsheet init DIR")


def spec_is_there(target: str) -> Problem:
    return Problem(f"'{target}' exists already", "choose another folder: flopsheet init DIR")
