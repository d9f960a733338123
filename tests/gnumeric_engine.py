"""A fourth engine, where it is installed: Gnumeric's ssconvert recomputes a workbook whose cells were typed beforehand.

Gnumeric computes in 80 bits and writes one decimal number in thirty into a text with noise behind its eighteenth digit
(2.1300000000000000001 for 2.13, even where the number was read from "2.13"): such digits are rounded here, and
docs/programs.md says so.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl

from engines import Cell, Edits, Value

NOISY = re.compile(r"\d+\.\d{16,}")


def has_gnumeric() -> bool:
    """Whether ssconvert is installed (Debian: gnumeric)."""
    return shutil.which("ssconvert") is not None


def through_gnumeric(source: Path | str, target: Path | str) -> None:
    """Recomputes a workbook and saves it, in the format that the target's name ends with."""
    command = ["ssconvert", "--recalc", str(source), str(target)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"Gnumeric could not recompute {source}: {done.stderr}")


def recalculate_gnumeric(path: Path | str, edits: Edits, cells: Iterable[Cell]) -> list[dict[Cell, Value]]:
    """The values of `cells` after each mapping of edits, computed by Gnumeric."""
    wanted, results = list(cells), []
    with TemporaryDirectory(prefix="flopsheet-gnumeric-") as folder:
        typed, done = Path(folder, "typed.xlsx"), Path(folder, "done.xlsx")
        for edit in edits:
            book = openpyxl.load_workbook(path)
            for (sheet, address), value in edit.items():
                book[sheet][address] = value
            book.save(typed)
            through_gnumeric(typed, done)
            results.append(_values(done, wanted))
    return results


def _values(path: Path, wanted: Iterable[Cell]) -> dict[Cell, Value]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl misses a default style
        book = openpyxl.load_workbook(path, data_only=True)
    return {(sheet, address): _plain(book[sheet][address].value) for sheet, address in wanted}


def _plain(value: Value) -> Value:
    return NOISY.sub(lambda found: f"{float(found[0]):.15g}", value) if isinstance(value, str) else value
