"""What an error is made of: the place, the fact, the remedy; and how it is shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from flopsheet.diagnostics.synonyms import SYNONYMS
from flopsheet.records import NamedTuple


class Finding(NamedTuple):
    """What is wrong, and what to write instead; `located` gives it its path and place."""

    fact: str
    remedy: str
    code: str = ""


class Place(NamedTuple):
    """A spot in a text file; line and column count from 1, `text` is the whole offending line."""

    source: str
    line: int
    column: int
    text: str = ""
    width: int = 1


class Problem(NamedTuple):
    """One mistake: the place, the path of the value (`models.gpt2-xl.d_model`), the fact and what to write instead.

    `code` is stable (`FS421`), while the wording is not.
    `place` is None where the spec came as a mapping without lines; `str(problem)` is what the command line prints.
    """

    fact: str
    remedy: str = ""
    path: str = ""
    place: Place | None = None
    code: str = ""

    def __str__(self) -> str:
        where = f"{self.place.source}:{self.place.line}:{self.place.column}: " if self.place else ""
        path = f"{self.path}: " if self.path else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        head = f"{where}{path}{self.fact}{remedy}"
        if not self.place or not self.place.text.strip():
            return head
        return head + "\n" + pointed(self.place)


def located(finding: Finding, path: str, place: Place | None) -> Problem:
    return Problem(finding.fact, finding.remedy, path, place, finding.code)


def pointed(place: Place, window: int = 120) -> str:
    """The offending line with a caret under its column; a long line is cut to the part around the caret."""
    start = max(0, place.column - 1 - window // 2) if len(place.text) > window else 0
    # A tab is shown as one space, so that the caret stands under its character on every terminal.
    line = "".join(letter if letter.isprintable() else " " for letter in place.text[start : start + window])
    offset = place.column - 1 - start
    width = max(1, min(place.width, len(line) - offset))
    return f"    {line}\n    {' ' * offset}{'^' * width}"


class FlopsheetError(Exception):
    """One or more `problems`, all reported at once, in the order of the text; `exit_code` is what a command returns."""

    exit_code = 1

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[FlopsheetError], tuple[tuple[Problem, ...]]]:
        """So that it comes whole out of a process of a pool: pickle would make it anew from its text."""
        return type(self), (self.problems,)


class SpecError(FlopsheetError):
    """The spec is not valid; `problems` has everything that is wrong with it.

    >>> import flopsheet
    >>> try:
    ...     flopsheet.compute({"version": 1, "context_lengths": [1024], "models": {"m": {"model": "llama-3-71b"}}})
    ... except flopsheet.SpecError as error:
    ...     [(problem.path, problem.fact, problem.remedy) for problem in error.problems]
    [('models.m.model', "the library has no model 'llama-3-71b'",
      "did you mean 'llama-3-70b'? (flopsheet list models)")]
    """


class FormulaError(FlopsheetError):
    """The text of a formula is not in the language."""


class CatalogError(FlopsheetError):
    """A metric's definition breaks a rule of the catalogue."""


class ComputeError(FlopsheetError):
    """A metric has no finite value."""


class BeyondDoubles(ComputeError):
    """A number is beyond what doubles hold."""


class SizeError(FlopsheetError):
    """The study does not fit into a workbook."""


class FileError(FlopsheetError):
    """A file cannot be read or written."""

    exit_code = 2


class UsageError(FlopsheetError):
    """A command was asked for something that does not exist."""

    exit_code = 2


def quoted(names: Iterable[object], most: int = 12) -> str:
    """`a, b, c`, cut after `most` names."""
    listed = [shown(str(name)) for name in names]
    more = f", … ({len(listed)} in all)" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


SHORTEST = 3  # letters by which the beginning of a name tells it from others


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known name that somebody probably meant."""
    folded = word.casefold()
    alike = [name for name in known if name.casefold() == folded]
    alike = alike or [name for name in SYNONYMS.get(folded, ()) if name in known][:1]
    begun = alike or [name for name in known if len(word) >= SHORTEST and name.casefold().startswith(folded)]
    near = [min(begun, key=len)] if begun else difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return near[0] if near else None


SAME = 0.88  # of difflib's ratio: a typing error


def nearest_metric(word: str, headings: Mapping[str, str]) -> str | None:
    """The metric that somebody probably meant, by its name or by words of it and of its heading in tables."""
    names = list(headings)
    known = [name for name in called(word) if name in headings]
    if known or (known := difflib.get_close_matches(word, names, n=1, cutoff=SAME)):
        return known[0]
    of = {name: _words(f"{name} {heading}") for name, heading in headings.items()}
    named = [name for name in names if headings[name] and len(word) >= SHORTEST and _words(word) <= of[name]]
    return min(named, key=lambda name: len(of[name])) if named else nearest(word, sorted(names))


def called(word: str) -> tuple[str, ...]:
    """The names that somebody may mean who calls something so: the name itself, and what others call so."""
    return (word.casefold(), *SYNONYMS.get(word.casefold(), ()))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The remedy for a name that nobody knows: the nearest known one, or the list where it is short."""
    near = nearest(word, known)
    if near is not None:
        return f"did you mean '{shown(near)}'?"
    return f"known: {quoted(known)}" if known else ""


def shown(text: str, most: int = 60) -> str:
    """Text from a file, fit to stand in a message: on one line, cut where it is long."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"
