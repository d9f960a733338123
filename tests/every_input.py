"""A few edits of one study that together change every row of Inputs; `python tests/every_input.py` finds them anew."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

from edited_studies import EVERYTHING
from edits import Edit, random_value, rows_of, type_once
from flopsheet.api import Report, compute
from flopsheet.diagnostics import SpecError
from flopsheet.spec import load_spec

FOUND = Path(__file__).parent / "golden" / "every-input.json"
MOST_EDITS = 4
TRIES = 12  # values of one input
InputReading = tuple[str, int, Any]  # row, which of its cells, value


def name_of(line: Any) -> str:
    """A row of Inputs: training.n_devices."""
    return f"{line.table_set.name}.{line.entry.name}"


def every_input(report: Report) -> list[tuple[Edit, Report]]:
    """The edits that were found, as changes of the spec and as typing, with the report of each."""
    lines = {name_of(line): line for line in rows_of(report)}
    made = []
    for typings in json.loads(FOUND.read_text(encoding="utf-8")):
        spec, cells = copy.deepcopy(EVERYTHING), dict[tuple[str, str], float | str]()
        for name, at, value in typings:
            type_once(spec, cells, lines[name], at, value)
        made.append((Edit(spec, cells), compute(spec)))
    return made


def find(report: Report, seed: int) -> tuple[list[list[InputReading]], list[str]]:
    """Few edits that together change every row, each as many as a valid spec lets it; and rows that none could."""
    dice = random.Random(seed)
    waiting = rows_of(report)
    found: list[list[InputReading]] = []
    while waiting and len(found) < MOST_EDITS:
        spec, typings, left = copy.deepcopy(EVERYTHING), list[InputReading](), []
        for line in dice.sample(waiting, len(waiting)):
            changed = _changed(dice, spec, line, report)
            if changed is None:
                left.append(line)
            else:
                spec, typed = changed
                typings.append(typed)
        waiting = left
        found.append(typings)
    return found, [name_of(line) for line in waiting]


def _changed(
    dice: random.Random, spec: dict[str, Any], line: Any, report: Report
) -> tuple[dict[str, Any], InputReading] | None:
    """A spec with one more input changed, if there is a value of it with which the spec is valid."""
    for _ in range(TRIES):
        tried, at, value = copy.deepcopy(spec), dice.randrange(len(line.live)), random_value(dice, line.entry, report)
        cells: dict[tuple[str, str], float | str] = {}
        type_once(tried, cells, line, at, value)
        if not cells or list(cells.values()) == [
            line.table_set.table(line.entry.grain).inputs[line.entry.name].iloc[at]
        ]:
            continue  # the cell is derived, or holds that value
        try:
            load_spec(tried)
        except SpecError:
            continue
        return tried, (name_of(line), at, value)
    return None


if __name__ == "__main__":
    found, left = find(compute(EVERYTHING), seed=22)
    assert not left, f"no valid edit of {left}: try another seed"
    lines = [",\n".join(f"  {json.dumps(typed)}" for typed in typings) for typings in found]
    FOUND.write_text("[\n" + ",\n".join(f" [\n{one}\n ]" for one in lines) + "\n]\n", encoding="utf-8")
