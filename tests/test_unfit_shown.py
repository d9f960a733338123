"""Commands say which runs do not fit, as the Summary sheet does, before any number."""

from __future__ import annotations

from pathlib import Path

import flopsheet
from commands import run
from edits import sheet_of
from flopsheet.workbook.model.references import letters
from flopsheet.yamlio.source import read_yaml
from studies import SPECS

# Half of the memory that an H800 has: what DeepSeek-V3 needs in training fits no longer.
SMALLER = ("--set", "hardware.h800.memory_bytes=42000000000")
# 42e9 bytes are 39.1 GiB; the spec expects 64.7 GiB.
WORDS = "✘ 1 of 5 runs does not fit: pretraining needs 56.5 GiB a device, h800 has 39.1 usable (1.4×)."
REMEDY = "pretraining: would fit with a context of at most 2,245 tokens"


def test_build_says_it_below_the_name_of_the_workbook(tmp_path: Path) -> None:
    done = run("build", str(SPECS / "deepseek-v3.yaml"), *SMALLER, "-o", str(tmp_path / "book.xlsx"))
    lines = [line.strip() for line in done.stdout.splitlines()[1:3]]
    assert (done.returncode, lines) == (1, [WORDS, REMEDY])  # the spec expects that it fits


def test_show_says_it_below_the_title() -> None:
    lines = run("show", str(SPECS / "deepseek-v3.yaml"), *SMALLER).stdout.splitlines()
    assert [line.strip() for line in lines[:4]] == ["DeepSeek-V3, training and serving", WORDS, REMEDY, ""]


def test_nothing_is_said_where_every_run_fits() -> None:
    assert "✘" not in run("show", str(SPECS / "llama3-70b-512xh100.yaml")).stdout


def test_the_memory_and_the_margin_of_a_run_are_red_while_it_does_not_fit() -> None:
    spec = read_yaml(SPECS / "llama3-70b-512xh100.yaml").data
    sheet = sheet_of("Summary", flopsheet.compute(spec))
    row = min(row for (row, _), cell in sheet.cells.items() if cell.value == "pretraining")
    columns = {cell.value: letters(column) for (at, column), cell in sheet.cells.items() if at == row}
    red = {one.cells.split(":")[0] for one in sheet.highlights if one.formula == f'${columns["yes"]}{row}="no"'}
    [margin] = [letter for value, letter in columns.items() if isinstance(value, float) and 0.37 < value < 0.38]
    assert red == {f"{columns['49.5 of 79.6']}{row}", f"{margin}{row}"}


def test_the_sentence_of_a_run_begins_with_what_it_lacks_and_its_time_and_cost_stand_beside_no() -> None:
    """Two bytes of 70.55 B parameters are 131.4 GiB, more than an H100 has; 256 caches of 1,088 tokens take 85 more."""
    run = {"model": "m", "hardware": "h100-sxm", "prompt_length": 1024, "generated_length": 64, "n_sequences": 256}
    models = {"m": {"model": "llama-3-70b"}}
    report = flopsheet.compute(
        {"version": 1, "context_lengths": [1024], "models": models, "serving": {"chat": {**run, "n_devices": 1}}}
    )
    cells = sheet_of("Summary", report).cells
    [said] = [str(cell.value) for cell in cells.values() if str(cell.value).startswith("chat: ")]
    assert said.startswith("chat: does not fit: a device needs 218 GiB")
    assert said.split("; ")[2:] == ["256 sequences on 1 h100-sxm, no sequence fits."]
    fits = [row for (row, _), cell in cells.items() if cell.value == "Fits"]
    assert [cells[row + 2, 1].value for row in fits] == ["chat", "chat"]
