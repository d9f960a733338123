"""Whatever somebody types into Inputs, `pull`, `check` and `diff` answer or refuse it, and never end in a traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flopsheet.diagnostics import FlopsheetError
from flopsheet.review import check, diff, show
from flopsheet.review.input_cells import InputCell, list_input_cells
from flopsheet.review.inputs import read_inputs
from flopsheet.review.pull import Pulled, pull
from flopsheet.review.rebuild import Returned
from flopsheet.review.xlsx.cells import Stored, Value
from pulling import built

WORDS = [
    "", " ", "\xa0", "none", "NONE", "yes", "No ", "TRUE", "wahr", "1", "0", "-1", "1e3", "1e400", "1,600", "1.600,5",
    "½", "١٢", "NaN", "inf", "-inf", "#REF!", "=1+1", "'12", "12 %", "80GB", "15T", "8k", "fp8",
    "BF16", "bf16\n", "global", "👩‍👩‍👧",
    "x" * 5000, "\u202eevil", "null", "~", "[1, 2]", "{a: 1}", "<b>", "no price", 
    "h100-sxm", "H100-SXM ", "base", "larger",
]  # fmt: skip
NUMBERS = [
    0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e308, -1e308, 2.0**53, 2.0**53 + 2, 1e15, 1e15 + 1, 1760.0000000000002,
    0.1 + 0.2, 3.0, 65536.0, 1e100, 5e-324,
]  # fmt: skip
FORMULAS = [
    "1/0", "F9", "F9*2", "2^3^2", "-2^2", "SUM(A1:XFD1048576)", "INDIRECT(\"F9\")", "MAX(F9,F10,F11)", "F9^F10^F11",
    "(" * 500,
    "F8/F9", "IF(F9>0,1,2)", "1e999", "0/0", "ABS(-F9)", "Inputs!F9*3", "'Inputs'!$F$9", "#REF!",
    "Summary!A4", "10^400",
    "MIN()", "F9**2", "1600*110%", "F9-F9", "{1,2}", "@F9", "F9 F10", "LET(x,1,x)",
]  # fmt: skip


def typed(dice: random.Random) -> Stored:
    """A number, a text, a truth value, an error, nothing, or a formula with any value beside it."""
    values: list[Value] = [
        dice.choice(NUMBERS), dice.choice(WORDS), dice.random() < 0.5, None, float(dice.randint(-10, 10**6)),
        dice.uniform(0, 10), "".join(chr(dice.randint(32, 0x2FF)) for _ in range(dice.randint(1, 12))),
    ]  # fmt: skip
    value = dice.choice(values)
    if dice.random() < 0.25:
        return Stored(value, dice.choice(FORMULAS))
    return Stored("#DIV/0!", "", True) if dice.random() < 0.03 else Stored(value)


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> Returned:
    folder: Path = tmp_path_factory.mktemp("typed")
    built("runs", folder)
    return pull(folder / "built.xlsx").returned


def reviewed(returned: Returned, chosen: list[InputCell], dice: random.Random) -> Pulled:
    """The workbook after typing that nobody recomputed; it stays as it was."""
    sheet = "Inputs"
    kept = dict(returned.book.cells(sheet))
    changed = {(one.cell_ref.row, one.cell_ref.column): typed(dice) for one in chosen}
    returned.book.sheets[sheet] = {**kept, **changed}
    try:
        return Pulled(returned, read_inputs(returned))
    finally:
        returned.book.sheets[sheet] = kept


def answers(pulled: Pulled, before: diff.Side) -> None:
    """Everything that the commands say of it."""
    for change in pulled.reading.changes:
        str(change)
    for problem in (*pulled.reading.problems, *pulled.reading.unsayable):
        str(problem)
    if pulled.reading.changes:
        pulled.problems()
        pulled.patch_text()
    if not pulled.reading.problems:
        show.to_markdown(diff.compare_sides(before, diff.Side("b", pulled.report, {}, pulled)))
        _ = pulled.effects
        check.check_workbook(pulled)


def trial(returned: Returned, dice: random.Random, count: int) -> None:
    inputs = list(list_input_cells(returned.layout, returned.built.spec.data))
    chosen = dice.sample(inputs, count)
    before = diff.Side("a", returned.built, {})
    try:
        answers(reviewed(returned, chosen, dice), before)
    except FlopsheetError as error:
        assert str(error)


@pytest.mark.parametrize("count", [1, 2, 60])
def test_anything_may_be_typed_into_inputs(returned: Returned, count: int) -> None:
    dice = random.Random(count)
    for _ in range(3):  # make fuzz types into thousands
        trial(returned, dice, count)
