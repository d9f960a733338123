"""A sample of what `make fuzz` does: hostile specs and workbooks end in a result or in a clear error."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

import flopsheet
from flopsheet.review.xlsx import package
from fuzzing import SPEC_KINDS
from fuzzing_words import MARK, REAL, SEEDS
from fuzzing_workbooks import SECRET, bomb, book, packed, parts, workbook_kinds
from robustness_case import endured_build, endured_review, run, workbook_faults
from studies import spec_of

CASES = {
    "random bytes": 20,
    "mangled specs": 4,
    "random trees": 20,
    "mutated trees": 8,
    "formulas": 8,
    "searches": 5,
}
HOW = {"deadline": None, "database": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("kind", SPEC_KINDS)
def test_a_hostile_spec_ends_in_a_workbook_or_in_a_clear_error(kind: str, tmp_path: Path) -> None:
    @settings(max_examples=CASES[kind], **HOW)
    @given(SPEC_KINDS[kind])
    def hold(spec: bytes) -> None:
        assert endured_build(spec, tmp_path).complaint == ""

    hold()


@pytest.mark.parametrize("kind", ["workbooks: bytes", "workbooks: parts", "workbooks: XML", "workbooks: typing"])
def test_a_hostile_workbook_ends_in_a_result_or_in_a_clear_error(kind: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "work").mkdir()
    turns = iter(range(1000))

    @settings(max_examples=5, **HOW)
    @given(workbook_kinds(str(tmp_path / "secret"))[kind])
    def hold(workbook: bytes) -> None:
        assert endured_review(workbook, tmp_path / "work", SEEDS[0].encode(), next(turns), SECRET).complaint == ""

    hold()


@pytest.mark.parametrize("command", ["pull", "check"])
def test_a_zip_bomb_is_refused(command: str, tmp_path: Path) -> None:
    small = bomb("xl/worksheets/sheet2.xml", "sheetData", " ")
    (tmp_path / "book.xlsx").write_bytes(small)
    code, out, err, _, escaped = run([command, str(tmp_path / "book.xlsx")])
    assert (code, out, "too large" in err, escaped, len(small) < 4 * 2**20) == (2, "", True, "", True)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet2.xml"])
def test_a_flood_of_elements_is_refused_although_few_bytes_say_it(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    element = "sheets" if "workbook" in part else "sheetData"
    flood = parts()[part].replace(f"<{element}>".encode(), f"<{element}>".encode() + b"<x/>" * 120_000, 1)
    (tmp_path / "book.xlsx").write_bytes(packed({**parts(), part: flood}))
    monkeypatch.setattr(package, "MOST_ELEMENTS", 100_000)  # ten million take ten seconds
    code, out, err, _, escaped = run(["pull", str(tmp_path / "book.xlsx")])
    assert (code, out, "is too large: more than 100,000 elements" in err, escaped) == (2, "", True, "")


@pytest.mark.parametrize("text", REAL, ids=lambda text: text.strip().splitlines()[0][:40])
def test_what_is_mutated_was_valid(text: str) -> None:
    assert spec_of(text).models


def test_a_formula_out_of_a_text_is_found() -> None:
    sheet = "xl/worksheets/sheet1.xml"
    for hostile in (f"{MARK}+1", "WEBSERVICE(A1)", "[other.xlsx]A!A1", "cmd|A1"):
        alien = parts()[sheet].replace(b"<sheetData>", f'<sheetData><c r="A1"><f>{hostile}</f></c>'.encode(), 1)
        assert workbook_faults(packed({**parts(), sheet: alien})) == [f"{sheet} has the formula {hostile}"]
    assert workbook_faults(book()) == []


def test_an_error_comes_whole_out_of_another_process() -> None:
    with pytest.raises(flopsheet.FlopsheetError) as caught:
        flopsheet.compute({"version": 2})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.problems, str(again)) == (type(caught.value), caught.value.problems, str(caught.value))
