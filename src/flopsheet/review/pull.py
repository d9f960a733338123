"""A workbook that came back → what changed, a patch, and the spec edited in place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flopsheet import diagnostics
from flopsheet.api import Report, compute_spec
from flopsheet.catalog.grains import Grain
from flopsheet.diagnostics import FileError, Finding, Problem, SpecError
from flopsheet.pipeline.tables import Table, tabulate, tabulate_runs
from flopsheet.review import assign, edit, patch
from flopsheet.review.apply_inputs import apply_inputs
from flopsheet.review.inputs import InputReading, format_input, read_inputs, same
from flopsheet.review.rebuild import Returned, read_back
from flopsheet.review.unread import find_overwritten, list_unread
from flopsheet.spec import Spec
from flopsheet.spec.calibration.kinds import FITTED
from flopsheet.spec.load import from_source, in_digits
from flopsheet.workbook.layout.cells import TableSetName
from flopsheet.yamlio import source
from flopsheet.yamlio.files import read_bytes, write_bytes
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import Path, Source, spell

MOST_HEAD = 1_000  # bytes of a file in which a patch says that it is one


@dataclass(frozen=True)
class Pulled:
    """What a workbook says."""

    returned: Returned
    reading: InputReading

    @property
    def text(self) -> Source:
        return self.returned.text

    @cached_property
    def spec(self) -> Spec:
        """The spec with the workbook's inputs, whether or not it is valid."""
        return apply_inputs(self.returned.built.spec, self.reading.givens)

    @cached_property
    def report(self) -> Report:
        """Every metric for the workbook's inputs; ComputeError where one has no value."""
        return compute_spec(self.spec)

    @cached_property
    def data(self) -> dict[str, Any]:
        """What an edited spec has to say."""
        return assign.edited(self.text, self.reading)

    @cached_property
    def patch(self) -> dict[str, Any]:
        assert isinstance(self.text.data, dict)
        return patch.difference(self.text.data, self.data)

    def patch_text(self) -> str:
        return patch.to_text(self.patch, os.path.basename(self.returned.source), self.text.name)

    @cached_property
    def effects(self) -> list[str]:
        """What the changes do, a line for each run, or for each model of a study without runs that they reach."""
        from flopsheet.review import diff, ranking

        if self.reading.problems or not self.reading.changes:
            return []
        built = diff.Side("", self.returned.built, {})
        edited = diff.Side("", self.report, {})
        return ranking.effects(diff.compare_sides(built, edited))

    @cached_property
    def overwritten(self) -> str:
        """What is said of results whose formula something was typed over, since only inputs are read."""
        found = find_overwritten(self.returned) if self.returned.is_ours else []
        return diagnostics.results_typed_over(found[0].seen_from(""), len(found)) if found else ""

    def problems(self) -> list[Problem]:
        """What is wrong with the spec that the changes make; at cells, since no file says it yet."""
        edited = source.parse(to_yaml(self.data), self.text.name)
        found, differing = judge_edits(edited, self.reading)
        found += [diagnostics.would_differ(self.text.name, differing)] if differing else []
        cells = {
            spell(change.input_cell.path): change.input_cell.cell_ref.seen_from("") for change in self.reading.changes
        }
        return [
            diagnostics.in_cell(cells[problem.path], problem.path, Finding(problem.fact, problem.remedy, problem.code))
            if problem.path in cells
            else problem._replace(place=None)
            for problem in found
        ]


def pull(path: str | os.PathLike[str]) -> Pulled:
    """The workbook at a path; FileError where it cannot be read back."""
    returned = read_back(path)
    reading = read_inputs(returned)
    reading.notes.extend(list_unread(returned))
    return Pulled(returned, reading)


def judge_edits(edited: Source, reading: InputReading) -> tuple[list[Problem], str]:
    """What is wrong with an edited spec, and the first input that it says otherwise than the workbook.

    A spec that is not valid says nothing that could be compared.
    """
    try:
        return [], _first_difference(from_source(edited, edited.name), reading)
    except SpecError as error:
        return list(error.problems), ""


def _first_difference(spec: Spec, reading: InputReading) -> str:
    """The path of the first input that a spec says otherwise than the workbook."""
    tables: dict[TableSetName, Mapping[Grain, Table]] = {"study": tabulate(spec)}
    tables |= {kind: tabulate_runs(spec, kind) for kind in spec.runs}
    typed = {change.input_cell.key for change in reading.changes}
    refitted = {one.hardware for one in spec.calibrations}  # the fit may differ once the spec says otherwise
    for key, given in reading.givens.items():
        input_cell, (table_set, name, at) = reading.input_cells[key], key
        if name in FITTED and key not in typed and input_cell.path[1] in refitted:
            continue
        found = tables[table_set][input_cell.grain].given[name][at]
        if found.ast != given.ast or not same(found.value, given.value):
            return spell(input_cell.path)
    return ""


def write_patch(pulled: Pulled, target: str | os.PathLike[str]) -> None:
    """Writes the patch, over nothing but another one; FileError."""
    if os.path.isfile(target) and patch.MARK.encode() not in read_bytes(target, MOST_HEAD)[1]:
        raise FileError(diagnostics.not_a_patch(os.fspath(target)))
    write_bytes(target, pulled.patch_text().encode())


def write_spec(pulled: Pulled, target: str | os.PathLike[str]) -> list[Problem]:
    """Edits a spec in place, or raises SpecError and leaves it unchanged.

    Returns what is wrong with the edited spec.
    """
    name = os.fspath(target)
    if pulled.reading.problems or pulled.reading.unsayable:
        raise SpecError([diagnostics.not_all_understood(name)])
    current, _ = in_digits(source.read_yaml(target))
    if drifted := _differing(pulled.text.data, current.data, ()):
        path, theirs, ours = drifted
        raise SpecError(diagnostics.not_the_spec(current.name, path, theirs, ours))
    if not pulled.patch:
        return []
    assert isinstance(current.data, dict)
    text = edit.rewrite(current.text, current.data, pulled.data)
    found: list[Problem] = []
    differing = next(iter(pulled.patch))
    try:
        edited, _ = in_digits(source.parse(text, current.name))
        if patch.alike(_sorted(edited.data), _sorted(pulled.data)):
            found, differing = judge_edits(edited, pulled.reading)
    except SpecError:
        pass
    if differing:
        raise SpecError(diagnostics.would_differ(current.name, differing))
    write_bytes(target, text.encode())
    return found


def _sorted(value: Any) -> Any:
    """Data whose keys stand in one order, since a new key may be inserted where it reads best."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _differing(ours: Any, theirs: Any, path: Path) -> tuple[str, str, str] | None:
    """The first path at which two specs as data differ, and what stands there in each."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in (*ours, *(key for key in theirs if key not in ours)):
            found = _differing(ours.get(key), theirs.get(key), (*path, key))
            if found:
                return found
        in_order = list(ours) == list(theirs)
        return None if in_order else (f"the order below {spell(path) or 'the top'}", "one", "another")
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if found := _differing(one, other, (*path, at)):
                return found
        return None
    return None if patch.alike(ours, theirs) else (spell(path), _words(ours), _words(theirs))


def _words(value: Any) -> str:
    if value is None:
        return "missing"
    return diagnostics.kind_of(value) if isinstance(value, dict | list) else format_input(value)
