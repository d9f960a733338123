"""Problems for programs: JSON, annotations of GitHub Actions, and SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from flopsheet import __version__
from flopsheet.diagnostics.codes import Diagnostic
from flopsheet.diagnostics.problem import Place, Problem
from flopsheet.records import NamedTuple

Known = Mapping[str, Diagnostic]

LAYOUT = 1  # of the JSON; it changes with the meaning or the name of a key
SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Checked(NamedTuple):
    """A spec that was checked, and what is wrong with it."""

    spec: str
    problems: Sequence[Problem]


def to_json(checked: Iterable[Checked], known: Known) -> str:
    """`{"layout": 1, "specs": [{"spec", "passed", "problems": [{"code", "level", "message", "hint", "file", …}]}]}`."""
    specs = [
        {
            "spec": one.spec,
            "passed": all(known[problem.code].level == "warning" for problem in one.problems),
            "problems": [_fields(problem, known) for problem in one.problems],
        }
        for one in checked
    ]
    return json.dumps({"layout": LAYOUT, "specs": specs}, ensure_ascii=False, indent=2)


def _fields(problem: Problem, known: Known) -> dict[str, Any]:
    place = problem.place
    return {
        "code": problem.code,
        "name": known[problem.code].name,
        "level": known[problem.code].level,
        "message": problem.fact,
        "hint": problem.remedy,
        "path": problem.path,
        "file": place.source if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "end_column": place.column + place.width if place else None,
    }


def to_github(checked: Iterable[Checked], known: Known) -> str:
    """A workflow command for each problem, which GitHub shows at its line: `::error file=…,line=…::…`."""
    return "\n".join(_annotation(problem, known[problem.code]) for one in checked for problem in one.problems)


def _annotation(problem: Problem, entry: Diagnostic) -> str:
    properties: dict[str, object] = {}
    if place := problem.place:
        properties |= {"file": place.source, "line": place.line, "col": place.column}
        properties["endColumn"] = place.column + place.width
    properties["title"] = f"{problem.code} {entry.name}"
    command = entry.level if entry.level != "note" else "notice"
    # Escapes of https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
    listed = ",".join(f"{key}={_escape(str(value), ':,')}" for key, value in properties.items())
    return f"::{command} {listed}::{_escape(_sentence(problem))}"


def _escape(text: str, more: str = "") -> str:
    return "".join(f"%{ord(letter):02X}" if letter in "%\r\n" + more else letter for letter in text)


def to_sarif(checked: Iterable[Checked], known: Known) -> str:
    """A log of one run, as code scanning reads it, with what is known of each code in it."""
    problems = [problem for one in checked for problem in one.problems]
    codes = sorted({problem.code for problem in problems})
    driver = {
        "name": "flopsheet",
        "version": __version__,
        "rules": [_sarif_rule(known[code]) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            {
                "ruleId": problem.code,
                "ruleIndex": codes.index(problem.code),
                "level": known[problem.code].level,
                "message": {"text": _sentence(problem)},
                "locations": list(_locations(problem)),
            }
            for problem in problems
        ],
    }
    log = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, ensure_ascii=False, indent=2)


def _sarif_rule(entry: Diagnostic) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": entry.code, "name": entry.name, "shortDescription": {"text": entry.what}}
    if entry.why:
        rule["fullDescription"] = {"text": entry.why}
    if entry.fix:
        rule["help"] = {"text": entry.fix}
    return {**rule, "defaultConfiguration": {"level": entry.level}}


def _locations(problem: Problem) -> Iterator[dict[str, Any]]:
    location: dict[str, Any] = {}
    if problem.place:
        location["physicalLocation"] = _physical(problem.place)
    if problem.path:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.path}]
    if location:
        yield location


def _physical(place: Place) -> dict[str, Any]:
    """Where in which file; the address of a file is relative to the folder of the run, unless it was named whole."""
    path = PurePath(place.source)
    uri = path.as_uri() if path.is_absolute() else quote(path.as_posix())
    region = {"startLine": place.line, "startColumn": place.column, "endColumn": place.column + place.width}
    return {"artifactLocation": {"uri": uri}, "region": region}


def _sentence(problem: Problem) -> str:
    """All that is told but the place: path, what is wrong, what to write instead."""
    return str(problem._replace(place=None))


FORMATS = {"json": to_json, "github": to_github, "sarif": to_sarif}
