"""Spreadsheet engines that recompute a workbook without our help, and copies of it whose stored results are useless.

    [plain, edited] = recalculate_ironcalc("gpt2.xlsx", [{}, {("Inputs", "C7"): 24}], [("Summary", "F12")])

Every mapping of edits is applied to the workbook as it was loaded, never on top of the one before.
An edit is a number, a text, or a formula (a text that begins with "="); the answer has one mapping for each.
An error comes back as its text ("#DIV/0!"), a blank cell as None.
LibreOffice has no booleans: TRUE comes back as 1.0, which Python holds equal to True.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ironcalc
from openpyxl.utils import cell as openpyxl_cell

Cell = tuple[str, str]  # (sheet title, "F12")
Value = float | str | bool | None
Edits = Sequence[Mapping[Cell, float | str]]

coordinate_to_tuple = functools.cache(openpyxl_cell.coordinate_to_tuple)  # of a hundred thousand cells, time and again
UNO_SCRIPT = Path(__file__).with_name("uno_recalculate.py")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _evaluated(model: ironcalc.Model, wanted: Sequence[tuple[Cell, tuple[int, int, int]]]) -> dict[Cell, Value]:
    """Everything computed anew, and the values of some cells."""
    model.evaluate()
    return {cell: model.get_cell_value(*at) for cell, at in wanted}


def _type(
    model: ironcalc.Model, sheets: Mapping[str, int], edit: Mapping[Cell, float | str]
) -> dict[tuple[int, int, int], Value]:
    """Makes an edit: what stood in its cells before."""
    places = {cell: (sheets[cell[0]], *coordinate_to_tuple(cell[1])) for cell in edit}
    before = {at: _held(model, *at) for at in places.values()}
    for cell, value in edit.items():
        _put(model, places[cell], _plain(value))
    return before


def _held(model: ironcalc.Model, sheet: int, row: int, column: int) -> Value:
    """What stands in a cell: a formula, a value or nothing."""
    return model.get_cell_formula(sheet, row, column) or model.get_cell_value(sheet, row, column)


def _put(model: ironcalc.Model, at: tuple[int, int, int], value: Value) -> None:
    """Puts a number, a text, a formula or nothing into a cell."""
    if value is None:
        model.clear_cell_contents(*at)
    elif isinstance(value, bool):
        model.update_cell_with_bool(*at, value)
    elif isinstance(value, int | float):
        model.update_cell_with_number(*at, value)
    elif value.startswith("="):
        model.update_cell_with_formula(*at, value)
    else:
        model.update_cell_with_text(*at, value)


def recalculate_ironcalc(path: Path | str, edits: Edits, cells: Iterable[Cell]) -> list[dict[Cell, Value]]:
    """The values of `cells` after each mapping of edits, computed by IronCalc."""
    stat = os.stat(path)
    loaded, sheets = _loaded(str(path), stat.st_mtime_ns, stat.st_size)
    wanted = [(cell, (sheets[cell[0]], *coordinate_to_tuple(cell[1]))) for cell in cells]
    # Each edit is undone rather than the workbook loaded anew, which takes several times as long as to recompute it.
    as_loaded = _evaluated(loaded, wanted) if len(edits) > 1 else {}
    results = []
    for edit in edits:
        before = _type(loaded, sheets, edit)
        results.append(_evaluated(loaded, wanted) if edit or not as_loaded else dict(as_loaded))
        for at, held in before.items():
            _put(loaded, at, held)
        assert {at: _held(loaded, *at) for at in before} == before, "an edit was not undone"
    assert not as_loaded or _evaluated(loaded, wanted) == as_loaded, "an edit was not undone"
    return results


def formula_cells(path: Path | str, cells: Iterable[Cell]) -> set[Cell]:
    """Those of some cells in which IronCalc finds a formula."""
    stat = os.stat(path)
    loaded, sheets = _loaded(str(path), stat.st_mtime_ns, stat.st_size)
    return {cell for cell in cells if loaded.get_cell_formula(sheets[cell[0]], *coordinate_to_tuple(cell[1]))}


@functools.lru_cache(maxsize=2)
def _loaded(path: str, time: int, size: int) -> tuple[ironcalc.Model, dict[str, int]]:
    """A workbook as it stands in its file, and the numbers of its sheets; who edits it undoes that."""
    loaded = ironcalc.load_from_xlsx(path, "en", "UTC")
    return loaded, {sheet["name"]: index for index, sheet in enumerate(loaded.get_worksheets_properties())}


SETTINGS = """\
<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>{locale}</value></prop>
</item>
</oor:items>
"""


def recalculate_libreoffice(
    path: Path | str,
    edits: Edits,
    cells: Iterable[Cell],
    seconds: float = 120,
    saves: Sequence[tuple[Path, Path | None]] = (),
    locale: str = "en-US",
) -> list[dict[Cell, Value]]:
    """The values of `cells` after each mapping of edits, computed by LibreOffice in a process of its own.

    `locale` is the language of the office's numbers: de-DE writes 1.5 with a comma.

    `saves` has a file for each mapping of edits, where the workbook is saved, as .xlsx or .pdf, and an .ods or
    None: the file then is what LibreOffice makes of that .ods.
    Raises TimeoutError after `seconds`, RuntimeError with the office's own words where it fails.
    """
    python = _uno_python()
    if python is None:
        raise RuntimeError("LibreOffice or its Python bridge is not installed (Debian: libreoffice-calc, python3-uno)")
    wanted = list(cells)
    if locale not in _offices:
        _offices[locale] = _Office(python, locale)
    with tempfile.TemporaryDirectory(prefix="flopsheet-office-", ignore_cleanup_errors=True) as folder:
        # LibreOffice leaves a lock file beside what it opens, so it gets a copy.
        copy = shutil.copy(path, Path(folder, "workbook.xlsx"))
        request = {
            "workbook": str(copy),
            "seconds": seconds,
            "edits": [[[*cell, _plain(value)] for cell, value in edit.items()] for edit in edits],
            "cells": wanted,
            "saves": [[str(xlsx), str(ods or "")] for xlsx, ods in saves],
        }
        told = _offices[locale].ask(request)
    if "answer" in told:
        return [dict(zip(wanted, values, strict=True)) for values in told["answer"]]
    _offices.pop(locale).end()  # whatever was wrong with it, the next workbook gets a new one
    if "complaint" in told:
        raise RuntimeError(f"LibreOffice could not recompute {path}: {told['complaint']}")
    raise TimeoutError(f"LibreOffice has not recomputed {path} within {seconds:g} s")


class _Office:
    """LibreOffice in a process of its own, kept for the next workbook: it takes seconds to start."""

    def __init__(self, python: str, locale: str) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="flopsheet-office-", ignore_cleanup_errors=True)
        self.words = Path(self.folder.name, "words.txt")
        settings = Path(self.folder.name, "profile", "user", "registrymodifications.xcu")
        settings.parent.mkdir(parents=True)
        settings.write_text(SETTINGS.format(locale=locale), encoding="utf-8")
        # A session of its own: whatever happens, the script and the office can be ended together. Where we end
        # without a word, the script reads the end of its stdin and ends as well.
        self.script = subprocess.Popen(
            [python, str(UNO_SCRIPT), self.folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.words.open("wb"),
            text=True,
            encoding="utf-8",
            start_new_session=True,
            env=_office_environment(),
        )

    def ask(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the script tells, an answer or a complaint; nothing where it was killed as its time was over."""
        assert self.script.stdin and self.script.stdout
        with contextlib.suppress(BrokenPipeError):  # it has ended: why, stands in its words
            self.script.stdin.write(json.dumps(request) + "\n")
            self.script.stdin.flush()
        giving_up = threading.Timer(request["seconds"] + 10, self.kill)  # should the script's own timer hang too
        giving_up.start()
        line = self.script.stdout.readline()
        giving_up.cancel()
        if line:
            return json.loads(line)
        return {} if self.script.wait() == -signal.SIGKILL else {"complaint": self.words.read_text(errors="replace")}

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.script.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill()
        self.script.communicate()
        self.folder.cleanup()


_offices: dict[str, _Office] = {}


def name_column(rows: Iterable[Sequence[Any]]) -> int:
    """The column, from 1, of the names in the spec, behind the values of a sheet; `rows` are its values."""
    return next(at for row in rows for at, value in enumerate(row, start=1) if at > 3 and value == "Name")


@atexit.register
def _end_offices() -> None:
    for office in _offices.values():
        office.end()


def _plain(value: float | str) -> float | str:
    """What a cell can hold: a text, or a double whatever kind of number it was."""
    return value if isinstance(value, str) else float(value)


def has_libreoffice() -> bool:
    """Whether LibreOffice and a Python that can talk to it are installed."""
    return _uno_python() is not None


@functools.cache
def _uno_python() -> str | None:
    """A Python with LibreOffice's bridge: the system's, or the one that LibreOffice brings along."""
    office = shutil.which("soffice")
    if office is None:
        return None
    beside_office = Path(office).resolve().parent / "python"
    for python in ("/usr/bin/python3", str(beside_office)):
        if Path(python).exists():
            attempt = subprocess.run(
                [python, "-c", "import uno"], stdin=subprocess.DEVNULL, capture_output=True, env=_office_environment()
            )
            if attempt.returncode == 0:
                return python
    return None


def _office_environment() -> dict[str, str]:
    """Our environment without what belongs to our own Python, in a locale that writes 1.5 with a point."""
    ours = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "LANG", "LANGUAGE"}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("LC_")}
    return {**kept, "LC_ALL": "C.UTF-8"}


def strip_cached_values(source: Path | str, target: Path | str) -> None:
    """Copy a workbook, leaving out the stored result of every formula."""
    _copy(source, target, lambda about, formula, _: f"<c {KIND.sub('', about)}>{formula}</c>")


# The type of a stored result → a wrong one.
WRONG: dict[str, Callable[[str], str]] = {
    "n": lambda _: "123456.75",
    "str": lambda _: "spoiled",
    "b": lambda right: "0" if right == "1" else "1",
    "e": lambda right: "#NUM!" if right != "#NUM!" else "#N/A",
}


def spoil_cached_values(source: Path | str, target: Path | str) -> None:
    """Copy a workbook, replacing the stored result of every formula, present or missing, by a wrong one."""

    def spoil(about: str, formula: str, value: str | None) -> str:
        kind = KIND.search(about)
        return f"<c {about}>{formula}<v>{WRONG[kind[1] if kind else 'n'](value or '')}</v></c>"

    _copy(source, target, spoil)


# A cell that holds a formula: its attributes, the element of the formula, the stored result.
FORMULA = re.compile(r"<c ([^<>]*)>(<f\b(?:[^<>]*/>|[^<>]*>[^<]*</f>))(?:<v>([^<]*)</v>|<v ?/>)?</c>")
KIND = re.compile(r'\bt="(\w+)"')


def _copy(source: Path | str, target: Path | str, change: Callable[[str, str, str | None], str]) -> None:
    """Copy a workbook, with `change` of each cell that holds a formula; all other parts stay as they are."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".xml"):
                text = content.decode("utf-8")
                text, count = FORMULA.subn(lambda cell: change(*cell.groups()), text)
                assert count == len(re.findall(r"<f\b", text)), f"{entry.filename}: a formula is spelled otherwise"
                content = text.encode("utf-8")
            new.writestr(entry.filename, content)  # packed, it would take longer to write and to read
