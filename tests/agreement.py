"""One study held against engines: spoilt, edited at random, recomputed, every formula cell compared with pandas."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from edits import Cell, Edit, differences, disagreements_of, formulas, planned, write_workbook
from engines import recalculate_ironcalc, recalculate_libreoffice, spoil_cached_values
from flopsheet.api import Report, compute
from flopsheet.diagnostics import FlopsheetError
from flopsheet.spec.schema import data_model
from formualizer_engine import recalculate_formualizer
from generated import LENGTHS, VOCABULARIES, said_alone, study

ENGINES = {
    "IronCalc": recalculate_ironcalc,
    "formualizer": recalculate_formualizer,
    "LibreOffice": recalculate_libreoffice,
}
TRIES = 30  # at an edit that a spec could say

WHOLE: dict[str, list[int]] = {
    "n_heads": [1, 2, 4, 5, 8, 10, 12, 16, 25, 32],
    "n_kv_heads": [1, 2, 4, 5, 25],
    "context_length": LENGTHS,
    "vocab_size": VOCABULARIES,
    "batch_size": [1, 2, 3, 8, 64],
    "max_positions": [1, 512, 2048],
    "n_norms": [0, 1, 2, 3, 4, 8],
    "tensor_parallel": [1, 2, 4, 8],
    "pipeline_parallel": [1, 2, 4],
    "prompt_length": [1, 777, 4096, 131072],
}


@dataclass
class Outcome:
    """What one study gave: cells compared by engine, and where an engine and pandas differ."""

    name: str
    cells: dict[str, int] = field(default_factory=dict)
    exact: dict[str, int] = field(default_factory=dict)
    """Of these, how many are the very same double or text."""
    n_edits: int = 0
    edited: set[str] = field(default_factory=set)
    """The grains whose inputs were edited."""
    mismatches: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Prepared:
    """A study as engines get it: its workbook, spoilt, and what pandas gives before and after each edit."""

    name: str
    spoiled: Path
    typed: Sequence[Mapping[Cell, float | str]]
    wanted: Sequence[Mapping[Cell, float | str]]
    relative: frozenset[Cell]
    edited: frozenset[str]
    folder: TemporaryDirectory[str]  # goes with it


def held(source: int | Path, n_edits: int, engines: Mapping[str, int]) -> Outcome:
    """A generated study by its number, or a spec by its path; `engines` gives the most edits that each recomputes."""
    return against(prepared(source, n_edits), engines)


def prepared(source: int | Path, n_edits: int) -> Prepared:
    """A generated study by its number, or a spec by its path, with random edits."""
    if isinstance(source, Path):
        return prepare(source.name, yaml.safe_load(source.read_text(encoding="utf-8")), compute(source), n_edits)
    return prepare(f"study {source}", *study(source), n_edits)


def prepare(name: str, raw: Mapping[str, Any], report: Report, n_edits: int) -> Prepared:
    """A study's workbook, and random edits of it."""
    outcome = Outcome(name)
    made = [(Edit({}, {}), report), *edits(report, raw, n_edits, name, outcome)]
    folder = TemporaryDirectory(prefix="flopsheet-agreement-")
    book, spoiled = Path(folder.name, "book.xlsx"), Path(folder.name, "spoiled.xlsx")
    original = write_workbook(report, book)
    spoil_cached_values(book, spoiled)
    wanted = [formulas(original), *(formulas(planned(edited, report)) for _, edited in made[1:])]
    typed = [edit.cells for edit, _ in made]
    return Prepared(name, spoiled, typed, wanted, differences(original), frozenset(outcome.edited), folder)


def against(study: Prepared, engines: Mapping[str, int]) -> Outcome:
    """What engines make of a study's workbook, against pandas."""
    outcome = Outcome(study.name, n_edits=len(study.typed) - 1, edited=set(study.edited))
    for engine, most in engines.items():
        typed = study.typed[: most + 1]
        results = ENGINES[engine](study.spoiled, typed, list(study.wanted[0]))
        outcome.cells[engine] = sum(map(len, results))
        outcome.exact[engine] = 0
        for got, expected, cells in zip(results, study.wanted, typed, strict=False):
            outcome.exact[engine] += sum(got[cell] == value for cell, value in expected.items())
            for (sheet, address), (theirs, ours) in disagreements_of(got, expected, study.relative).items():
                place = f"{study.name}, {engine}, {cells}: {sheet}!{address}"
                outcome.mismatches.append(f"{place} is {theirs!r}, pandas has {ours!r}")
    return outcome


def edits(
    report: Report, raw: Mapping[str, Any], count: int, seed: str, outcome: Outcome
) -> Iterator[tuple[Edit, Report]]:
    """Valid edits of one to four inputs each, of every grain, with the report that pandas gives for the edited spec."""
    dice = random.Random(f"edits of {seed}")
    base = said_alone(report, raw)
    lines = [line for line in report._layout.inputs.rows if not is_derived(line, report)]
    by_grain: dict[tuple[str, str], list[Any]] = {}
    for line in lines:
        by_grain.setdefault((line.table_set.name, line.entry.grain), []).append(line)
    for _ in range(count):
        for _ in range(TRIES):
            spec, cells, grains = copy.deepcopy(base), {}, set()
            for _ in range(dice.randint(1, 4)):
                grain = dice.choice(list(by_grain))
                grains |= {grain[1]} if _edit_once(dice, spec, cells, dice.choice(by_grain[grain])) else set()
            try:
                edited = compute(spec)
            except FlopsheetError:
                continue  # heads that no longer divide, say: the spec could not say it
            outcome.edited |= grains
            # What the author expects stays written in the workbook, whatever is typed on Inputs.
            edited = replace(edited, spec=replace(edited.spec, expectations=report.spec.expectations))
            yield Edit(spec, cells), edited
            break


def is_derived(line: Any, report: Report) -> bool:
    """Whether no cell of a row of Inputs can be typed in."""
    return line.entry.name == "context_length" and line.table_set.name == "serving"


def _edit_once(dice: random.Random, spec: dict[str, Any], cells: dict[Cell, float | str], line: Any) -> bool:
    """Changes one input in the spec and in its cell; whether there was one that can be typed."""
    entry, at = line.entry, dice.randrange(len(line.live))
    table = line.table_set.values.tables[entry.grain]
    keys, key = table.keys[at], entry.name
    now = table.inputs[key].iloc[at]
    value = _random_value(dice, entry, now, spec)
    if entry.grain == "study":
        switches = {switch.name for switch in data_model.conventions()}
        (spec["conventions"] if key in switches else spec)[key] = value
    elif line.table_set.name != "study":
        run = spec[line.table_set.name][keys[0]]
        run["model" if key == "run_model" else key] = value
    elif entry.grain == "context":
        spec["context_lengths"][at] = value
    elif entry.grain == "hardware":
        spec["hardware"][keys[0]][key] = value
    else:
        holder = spec["models"][keys[0]]
        is_layered = "layers" in holder
        if (key == "n_layers" and is_layered) or (key == "n_group_layers" and not is_layered):
            return False  # the one is derived from the other
        if entry.grain == "layer_group" and is_layered:
            if key == "n_group_layers" and len(holder["layers"]) == 1:
                return False
            holder = next(group for group in holder["layers"] if group["name"] == keys[1])
        holder["n_layers" if key == "n_group_layers" else key] = value
    typed = "yes" if value is True else "no" if value is False else value
    cells[line.live[at].sheet, line.live[at].address] = typed if isinstance(typed, str) else float(typed)
    return True


def _random_value(dice: random.Random, entry: Any, now: float | str, spec: Mapping[str, Any]) -> Any:
    """Another value for an input, as a spec says it."""
    if entry.chooses:
        return dice.choice(list(spec["models" if entry.chooses == "model" else entry.chooses]))
    if entry.is_flag:
        return dice.random() < 0.5
    if entry.choices:
        return dice.choice(entry.choices)
    least, most = entry.least or 0, min(entry.most or 1e15, 1e15)
    if entry.absent and (now != now or dice.random() < 0.2):
        # Another word for what is absent already is no other value, though the workbook shows that somebody typed it.
        return dice.choice([*(["none"] if now == now else []), max(least, 1), max(least, 2.5e9)])
    if not entry.whole:
        factor = dice.choice([0.5, 0.9, 1.1, 2, 3.7])
        # As somebody types it: of a number with more than 15 digits engines make different texts.
        near = float(f"{float(now) * factor or dice.choice([0.25, 1.0, 7.5]):.15g}")
        return min(max(near, least), most)
    whole = [float(now) * 2, float(now) // 2, float(now) + 1, float(now) * 3]
    value = dice.choice([*WHOLE.get(entry.name, range(1, 129)), *whole])
    return int(min(max(value, least), most))
