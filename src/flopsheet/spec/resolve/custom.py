"""The spec's own `inputs:` and `metrics:`: read before everything else, held to the catalogue's rules."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.catalog import Catalog, CustomEntry, Input, Metric, ranges
from flopsheet.catalog.refusals import Refuse
from flopsheet.diagnostics import CatalogError, Finding, Problem
from flopsheet.formula import to_excel
from flopsheet.formula.nodes import Aggregate, nesting, walk
from flopsheet.formula.operators import picked
from flopsheet.formula.vocabulary import AGGREGATES, FUNCTIONS, MATCH, WORDS
from flopsheet.spec.entries import CustomEntries
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.custom import input_validator
from flopsheet.spec.schema.shapes import faults
from flopsheet.yamlio.source import Path, Source, spell

LONGEST_FORMULA = 8_192  # characters in a cell
DEEPEST = 64  # levels of functions in a cell
MOST_ARGUMENTS = 255  # of one function in a cell


def read_custom(source: Source) -> CustomEntries:
    """The inputs of a spec's own, and what is wrong with the names of its metrics."""
    found: dict[str, Input] = {}
    defaults: dict[str, Path] = {}
    faulty: list[str] = []
    problems: list[tuple[Path, Problem]] = []
    taken: set[str] = set()

    def report(path: Path, finding: Finding) -> None:
        problems.append((path, diagnostics.located(finding, spell(path), source.place(path))))

    for kind, path, raw in _entries(source):
        name = raw.get("name")
        if diagnostics.custom_name_problem(name):
            continue  # told with the shape of the spec
        before = len(problems)
        if finding := _name_problem(str(name), taken):
            report((*path, "name"), finding)
        taken.add(str(name))
        if kind == "metrics":
            continue
        entry = _input(raw)
        if entry is not None:
            for key, finding in _input_problems(entry, raw):
                report((*path, key) if key in raw else path, finding)
        if entry is None or len(problems) > before:
            if str(name) not in _reserved() and str(name) not in catalog.load_inputs().inputs:
                faulty.append(str(name))
            continue
        found[entry.name] = entry
        defaults[entry.name] = (*path, "default")
    return CustomEntries(tuple(found.values()), defaults, tuple(faulty), tuple(problems))


def _entries(source: Source) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    data = source.data if isinstance(source.data, dict) else {}
    for kind in ("inputs", "metrics"):
        listed = data.get(kind)
        for at, raw in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(raw, dict):
                yield kind, (kind, at), raw


@cache
def _reserved() -> frozenset[str]:
    """Names with a meaning of their own: keys of a spec, words of formulas, of rows, of Python."""
    words = {
        *FUNCTIONS,
        *AGGREGATES,
        *WORDS,
        MATCH,
        *catalog.load_catalog().functions,
        *catalog.GRAINS,
        *catalog.KEYS,
        "group",
    }
    return frozenset(data_model.keys_with_meaning() | words | set(keyword.kwlist))


def _name_problem(name: str, taken: set[str]) -> Finding | None:
    known = catalog.load_catalog()
    if name in known.inputs or name in known.metrics:
        return diagnostics.name_is_built_in(name, "input" if name in known.inputs else "metric")
    if name in _reserved() or name.startswith(ranges.CHECK):
        return diagnostics.name_is_reserved(name)
    return diagnostics.name_is_taken(name) if name in taken else None


def _input(raw: Mapping[str, Any]) -> Input | None:
    """The input, where its shape is sound."""
    return None if faults(input_validator(), raw) else catalog.custom_input(raw)


def _input_problems(entry: Input, raw: Mapping[str, Any]) -> Iterator[tuple[str, Finding]]:
    """What does not fit together, one message each."""
    words = [choice for choice in entry.choices if isinstance(choice, str)]
    if words and len(words) < len(entry.choices):
        yield "choices", diagnostics.mixed_choices()
    elif words and entry.is_number:
        yield "unit", diagnostics.words_need_text()
    elif not entry.is_number and not words:
        yield "unit", diagnostics.text_needs_words()
    elif entry.choices and (bound := next((key for key in ("least", "most") if key in raw), "")):
        yield bound, diagnostics.bounds_and_choices(bound)
    elif entry.least is not None and entry.most is not None and entry.least > entry.most:
        yield "least", diagnostics.least_above_most()
    elif "default" in raw and (finding := data_model.problem_of(entry, raw["default"])):
        yield "default", finding


def extend(source: Source) -> Catalog:
    """The catalogue with what the spec defines; CatalogError with every problem, in the lines of the spec."""
    entries: dict[str, list[CustomEntry]] = {"inputs": [], "metrics": []}
    for kind, path, raw in _entries(source):
        at = (*path, "formula" if kind == "metrics" else "name")
        refuse = _refusal(source, at, str(raw.get("formula", "")))
        entries[kind].append(CustomEntry(raw, source.place(at), spell(at), refuse))
    extended = catalog.extend(entries["inputs"], entries["metrics"])
    lengths = source.data.get("context_lengths") if isinstance(source.data, dict) else None
    n_lengths = len(lengths) if isinstance(lengths, list) else 0
    problems = [
        problem
        for entry in entries["metrics"]
        for finding in _cell_problems(extended, extended.metrics[entry.raw["name"]], n_lengths)
        for problem in entry.refuse(finding.fact, finding.remedy, code=finding.code).problems
    ]
    if problems:
        raise CatalogError(problems)
    return extended


def _cell_problems(extended: Catalog, metric: Metric, n_lengths: int) -> Iterator[Finding]:
    """Why a formula would not fit into a cell."""
    length = len(to_excel(metric.ast, _LongestReferences()))
    if length > LONGEST_FORMULA:
        yield diagnostics.too_long_for_a_cell(length, LONGEST_FORMULA)
    if (depth := nesting(metric.ast)) > DEEPEST:
        yield diagnostics.too_deep_for_a_cell(depth, DEEPEST)
    for part in walk(metric.ast):
        if not isinstance(part, Aggregate):
            continue
        finer = extended.entry(part.names[0]).grain
        if metric.grain not in {"model", "layer_group"} or finer not in {"scenario", "layer_run"}:
            continue  # the rows stand side by side
        if part.function.startswith("at_"):
            yield diagnostics.gathers_no_range(part.function, metric.grain, finer)
        elif part.function == "sum" and n_lengths > MOST_ARGUMENTS:
            yield diagnostics.gathers_too_many(n_lengths, MOST_ARGUMENTS)


class _LongestReferences:
    """References as long as they can become."""

    def cell(self, name: str) -> str:
        return "XFD1048576"

    def range(self, name: str) -> str:
        return "'Forward FLOPs'!XFD1048576:XFD1048576"

    first = range

    def pick(self, pick: str, key: str, name: str) -> str:
        return picked(pick, self.range(key), self.range(name))


def _refusal(source: Source, path: Path, formula: str) -> Refuse:
    """What builds an error about a formula: the caret stands under the name at fault."""
    place = source.place(path)

    def refuse(fact: str, remedy: str = "", at: str = "", code: str = "") -> CatalogError:
        finding = Finding(fact, remedy, code) if code else diagnostics.not_in_catalogue(fact, remedy)
        found = re.search(rf"\b{re.escape(at)}\b", formula) if at else None
        if found and place:
            return CatalogError(
                diagnostics.formula_syntax(formula, finding, found.start(), len(found[0]), place, spell(path))
            )
        return CatalogError(diagnostics.located(finding, spell(path), place))

    return refuse
