"""Wording: command lines that ask for something impossible."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Place, Problem, did_you_mean, nearest, quoted, shown

SETTING = "write --set PATH=VALUE, such as models.gpt2-xl.d_model=2048"


@diagnostic("FS901", "spec-not-named")
def no_spec(default: str) -> Problem:
    """No spec is named, and the default one does not exist.

    Why: Commands read flopsheet.yaml where nothing else is named.
    Fix: Name one, or write one with `flopsheet init`.
    Example:
        $ flopsheet validate
    """
    return Problem(
        f"no spec is named, and there is no '{default}' here", "name one, or write one with 'flopsheet init'"
    )


@diagnostic("FS902", "stdin-twice")
def stdin_twice() -> Problem:
    """stdin is named twice.

    Why: It can be read only once.
    Fix: Give one of the specs as a file.
    Example:
        $ flopsheet validate - -
    """
    return Problem("'-' is given twice, but stdin can be read only once", "give one of the specs as a file")


@diagnostic("FS903", "stdin-watched")
def nothing_to_watch() -> Problem:
    """--watch is used with stdin.

    Why: There is no file to watch.
    Fix: Give the spec as a file.
    Example:
        $ flopsheet build - --watch -o out.xlsx
    """
    return Problem("stdin cannot be watched", "give the spec as a file")


@diagnostic("FS911", "setting-without-value")
def setting_without_value(place: Place) -> Problem:
    """--set has no equals sign.

    Why: It replaces the value at a path.
    Fix: Write `--set PATH=VALUE`.
    Example:
        $ flopsheet validate spec.yaml --set title
    """
    return Problem("there is no '=' in it", SETTING, "", place)


@diagnostic("FS912", "setting-empty")
def setting_is_empty(place: Place, path: str) -> Problem:
    """--set has nothing after the equals sign.

    Why: It is unclear whether the empty text is meant.
    Fix: Write a value; two single quotes are the empty text.
    Example:
        $ flopsheet validate spec.yaml --set title=
    """
    return Problem("there is no value after '='", "write one; '' is the empty text", path, place)


@diagnostic("FS913", "setting-without-path")
def setting_without_path(place: Place) -> Problem:
    """--set has nothing before the equals sign.

    Why: It replaces the value at a path.
    Fix: Write `--set PATH=VALUE`.
    Example:
        $ flopsheet validate spec.yaml --set =7
    """
    return Problem("there is nothing before '='", SETTING, "", place)


@diagnostic("FS914", "setting-key-unknown")
def setting_of_unknown_key(place: Place, path: str, key: str, known: Sequence[str], of_models: bool) -> Problem:
    """--set names a key that no spec has there.

    Why: It would be an unknown key of the spec.
    Fix: Write the key that is meant.
    Example:
        $ flopsheet validate spec.yaml --set models.m.d_modle=768
    """
    if of_models:
        return Problem(f"{key} is an input of models", f"write models.NAME.{key}, or defaults.{key}", "", place)
    return Problem(f"unknown key '{shown(key)}'", did_you_mean(key, known), path, place)


@diagnostic("FS915", "setting-name-unknown")
def setting_of_unknown_name(place: Place, path: str, name: str, known: Sequence[str], kind: str) -> Problem:
    """--set names a model or run that the spec does not have.

    Why: It replaces values; it adds no models.
    Fix: Write the name of one that is there.
    Example:
        $ flopsheet validate spec.yaml --set models.n.d_model=768
    """
    return Problem(f"{kind} has no '{shown(name)}'", did_you_mean(name, known), path, place)


@diagnostic("FS916", "setting-item-missing")
def setting_of_missing_item(place: Place, path: str, count: int) -> Problem:
    """--set names an entry that a list does not have.

    Why: It replaces entries; it adds none.
    Fix: Write the number of one that is there, or set the whole list.
    Example:
        $ flopsheet validate spec.yaml --set 'context_lengths[9]=1024'
    """
    fact = "the list is empty" if not count else f"the list has {count:,} {'entry' if count == 1 else 'entries'}"
    remedy = "set the whole list" if not count else f"write one of {quoted(f'[{at}]' for at in range(count))}"
    return Problem(fact, remedy, path, place)


@diagnostic("FS917", "setting-below-value")
def setting_below_a_value(place: Place, path: str, above: str) -> Problem:
    """--set names a key below something that has no keys.

    Why: A number or a text has nothing below it.
    Fix: Set the value itself.
    Example:
        $ flopsheet validate spec.yaml --set version.minor=2
    """
    return Problem(f"'{shown(above)}' has no keys below it", f"set {shown(above)} itself", path, place)


@diagnostic("FS904", "command-unknown")
def unknown_command(name: str, known: Sequence[str]) -> Problem:
    """There is no such command.

    Why: It is probably misspelled.
    Fix: See `flopsheet --help`.
    Example:
        $ flopsheet valdate
    """
    return Problem(f"no command is called '{shown(name)}'", did_you_mean(name, known))


@diagnostic("FS907", "code-unknown")
def unknown_code(code: str) -> Problem:
    """No diagnostic has this code.

    Why: It is probably misspelled, or of another version.
    Fix: See `flopsheet list diagnostics`.
    Example:
        $ flopsheet explain FS999
    """
    return Problem(f"no diagnostic has the code {shown(code)}", "list them with 'flopsheet list diagnostics'")


@diagnostic("FS905", "not-a-folder")
def no_folder(folder: str) -> Problem:
    """The target of `flopsheet init` is not a folder.

    Why: The spec is written into one.
    Fix: Choose another one.
    Example:
        $ flopsheet init spec.yaml
    """
    return Problem(f"'{folder}' is not a folder", "choose another one: flopsheet init DIR")


def in_another_folder(problem: Problem) -> Problem:
    """What cannot be written, for `flopsheet init`, which has no -o."""
    return problem._replace(remedy="choose another folder: flopsheet init DIR")


@diagnostic("FS906", "spec-exists")
def spec_is_there(target: str) -> Problem:
    """The folder already has a spec.

    Why: `flopsheet init` never replaces one.
    Fix: Choose another folder.
    Example:
        $ flopsheet init && flopsheet init
    """
    return Problem(f"'{target}' already exists", "choose another folder: flopsheet init DIR")


@diagnostic("FS932", "frame-not-in-spec")
def frame_of_nothing(name: str, known: Sequence[str]) -> Wording:
    """A frame would have no rows in this spec.

    Why: A spec without training runs has no frame of them.
    Fix: Take one of the frames that the message lists.
    Example:
        >>> flopsheet.compute("spec.yaml").frames["training_run"]
    """
    return f"this spec has no {name.replace('_', ' ')}, so it has no such frame", f"frames: {', '.join(known)}"


@diagnostic("FS933", "frame-unknown")
def unknown_frame(name: str, known: Sequence[str]) -> Wording:
    """There is no frame of that name.

    Why: Frames are named by what a row is.
    Fix: Take one of the frames that the message lists.
    Example:
        >>> flopsheet.compute("spec.yaml").frames["models"]
    """
    near = nearest(name, known)
    meant = f"did you mean '{near}'? " if near else ""
    return f"no frame is called '{shown(name)}'", f"{meant}frames: {', '.join(known)}"
