"""Nothing but a reader goes by the wording of a label or a sentence."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest
import yaml

from edits import sheet_of
from flopsheet import catalog, diagnostics
from flopsheet.api import compute
from flopsheet.catalog.grain_rules import check_names
from flopsheet.diagnostics import CatalogError, FileError
from flopsheet.formula import parse
from flopsheet.output.number_styles import STYLES
from flopsheet.spec.resolve.custom import extend
from flopsheet.spec.schema.json_schema import to_schema
from flopsheet.workbook import plan
from flopsheet.workbook.sheets import checks
from flopsheet.yamlio import files
from flopsheet.yamlio.source import parse as parse_spec
from studies import SPECS

CATALOG = Path(catalog.__file__).parent / "data"


def test_every_colour_of_a_verdict_follows_the_status_cell() -> None:
    report = compute(SPECS / "gpt2.yaml")
    rules = {
        title: [
            (one.style, one.formula)
            for one in sheet_of(title, report).highlights
            if one.cells.startswith(("A4:", "A2:"))
        ]
        for title in ("Summary", "Checks")
    }
    at = "$C$9"
    assert rules == {
        "Summary": [("bad", f"Checks!{at}=2"), ("good", f"Checks!{at}=0"), ("hint", f"Checks!{at}=1")],
        "Checks": [("bad", f"{at}=2"), ("good", f"{at}=0"), ("hint", f"{at}=1")],
    }


def test_no_formula_of_a_workbook_looks_into_a_text() -> None:
    sheets = plan.plan_workbook(compute(SPECS / "llama3-70b-512xh100.yaml").study).sheets
    written = [one.formula for sheet in sheets for one in sheet.highlights]
    written += [cell.formula for sheet in sheets for cell in sheet.cells.values() if cell.formula]
    assert [formula for formula in written if re.search(r"\b(LEFT|RIGHT|SEARCH|FIND)\(", formula)] == []


@pytest.mark.parametrize(
    ("failed", "missed", "unfit", "status"),
    [(0, 0, 0, 0), (0, 3, 0, 1), (1, 0, 0, 2), (1, 3, 0, 2), (0, 0, 1, 2), (0, 3, 1, 2), (1, 3, 1, 2)],
)
def test_the_status_is_the_worst_that_is_found(failed: int, missed: int, unfit: int, status: int) -> None:
    from flopsheet.formula import evaluate

    assert (
        evaluate(checks.STATUS, {"failed": float(failed), "missed": float(missed), "unfit": float(unfit)}.get) == status
    )


def test_the_caret_of_a_refused_name_comes_from_the_name_and_not_from_the_sentence() -> None:
    found: list[str] = []

    def refuse(fact: str, remedy: str = "", at: str = "") -> CatalogError:
        found.append(at)
        return CatalogError(diagnostics.Problem("another wording", ""))

    with pytest.raises(CatalogError):
        check_names(parse("d_model * d_modle"), "model", {"d_model": "model"}, refuse)
    assert found == ["d_modle"]


def test_the_caret_stands_under_the_name_at_fault() -> None:
    text = (
        "version: 1\nmetrics: [{name: a, label: A, grain: model, unit: count, doc: 'd', formula: d_model * d_modle}]\n"
    )
    with pytest.raises(CatalogError) as caught:
        extend(parse_spec(text, "s.yaml"))
    place = caught.value.problems[0].place
    assert place is not None
    assert place.text[place.column - 1 :][: place.width] == "d_modle"


def test_the_pattern_of_a_text_does_not_depend_on_its_description(monkeypatch: pytest.MonkeyPatch) -> None:
    before = to_schema()
    entry = catalog.load_inputs().inputs["hardware"]
    described = before["$defs"]["TrainingRun"]["properties"]["hardware"]
    assert (described["pattern"], "an expression" in entry.doc) == (r"\S", False)
    from flopsheet.spec.schema import json_schema

    node = {"type": "string", "description": "an expression of other inputs"}
    json_schema._plain(node)
    assert node["pattern"] == r"\S"


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room, or choose another file with -o"),
        (errno.ENOENT, "make the folder first, or choose another file with -o"),
        (errno.EACCES, "close it in other programs, or choose another file with -o"),
    ],
)
def test_what_to_do_about_a_file_goes_by_the_number_of_the_systems_error(
    number: int, remedy: str, language: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = os.strerror(number) if language == "en" else "Das ging nicht"

    def fail(*_: object) -> None:
        raise OSError(number, words)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FileError) as caught:
        files.write_bytes(tmp_path / "a.txt", b"x")
    assert caught.value.problems[0][:2] == (f"cannot write '{tmp_path / 'a.txt'}': {words.lower()}", remedy)


def test_conventions_are_a_kind_of_section_whatever_its_title() -> None:
    loaded = catalog.load_catalog()
    kinds = [section.kind for section in loaded.sections if section.kind]
    assert (kinds.count("conventions"), {entry.name for entry in loaded.conventions}) == (
        1,
        {
            entry["name"]
            for section in yaml.safe_load((CATALOG / "inputs.yaml").read_text(encoding="utf-8"))["sections"]
            if section.get("kind") == "conventions"
            for entry in section["inputs"]
        },
    )


def test_every_unit_says_a_style_that_there_is() -> None:
    units = catalog.load_catalog().units.values()
    assert {unit.style for unit in units} == STYLES.keys()


def test_a_label_is_short_enough_for_a_column_that_prints_upright() -> None:
    """At seven points an upright page has room for fifty letters beside the values and their units."""
    loaded = catalog.load_catalog()
    entries = [*loaded.inputs.values(), *loaded.metrics.values()]
    folded = "check_input_"  # the range of an input, whose label is that of the input and two words
    assert [one.name for one in entries if len(one.label) > 50 and not one.name.startswith(folded)] == []
