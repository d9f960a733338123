"""Every program at hand opens every spec's workbook: docs/programs.md says what it makes of it.

    make programs                 every program that is installed; a quarter of an hour
    python benchmarks/programs.py --only Gnumeric --no-write gpt2 moe

An engine gets a workbook whose stored values are spoilt and recomputes it, as built and after an edit of Inputs; a
reader gets it as it was built. Each formula cell is compared with pandas: texts exactly, numbers to 1e-12.
What a program saves is then given to `pull`, `check` and `diff`, which must say what they said before.
exceljs and SheetJS are fetched by npm into build/, where node is installed; the programs of optional_programs.py join
where somebody installed them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src"), str(ROOT / "docs")]

import openpyxl  # noqa: E402
import yaml  # noqa: E402
from markdown_tables import table  # noqa: E402
from optional_programs import ENGINES, by_hyperformula, installed, read_calamine  # noqa: E402

from agreement import Outcome, edits  # noqa: E402
from commands import run  # noqa: E402
from edits import Cell, differences, disagreements_of, formulas, planned, write_workbook  # noqa: E402
from engines import (  # noqa: E402
    has_libreoffice,
    recalculate_ironcalc,
    recalculate_libreoffice,
    spoil_cached_values,
)
from flopsheet.api import compute  # noqa: E402
from formualizer_engine import recalculate_formualizer  # noqa: E402
from gnumeric_engine import has_gnumeric, recalculate_gnumeric, through_gnumeric  # noqa: E402

TARGET = ROOT / "docs" / "programs.md"
NODE = ROOT / "build" / "node"
SCRIPT = ROOT / "tests" / "round_trips.js"
MODULES = ("exceljs@4.4.0", "xlsx@0.18.5")
COMMANDS: dict[str, Callable[[str, str], Sequence[str]]] = {
    "pull": lambda book, spec: ("pull", book),
    "check": lambda book, spec: ("check", book),
    "diff": lambda book, spec: ("diff", spec, book),
}
Recalculate = Callable[[Path, Sequence[Any], Iterable[Cell]], list[dict[Cell, Any]]]


@dataclass
class Program:
    """A program: how it computes or reads a workbook, and how it saves one."""

    name: str
    version: str
    recalculate: Recalculate | None = None
    read: Callable[[Path], dict[Cell, Any]] | None = None
    save: Callable[[Path, Path], None] | None = None


@dataclass
class Found:
    """What a program made of the workbooks."""

    program: Program
    opened: int = 0
    tried: int = 0
    as_built: list[int] = field(default_factory=lambda: [0, 0])
    """Cells compared, and how many of them differ."""
    edited: list[int] = field(default_factory=lambda: [0, 0])
    kept: list[int] = field(default_factory=lambda: [0, 0])
    """Outputs of commands compared before and after the trip, and how many of them differ."""
    told: list[str] = field(default_factory=list)

    def add(self, more: Found) -> None:
        """What the same program made of another study."""
        self.opened, self.tried = self.opened + more.opened, self.tried + more.tried
        for count, others in ((self.as_built, more.as_built), (self.edited, more.edited), (self.kept, more.kept)):
            count[:] = [one + other for one, other in zip(count, others, strict=True)]
        self.told += more.told


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("specs", nargs="*", help="names of specs in specs/ (every one)")
    options.add_argument("--only", nargs="*", help="names of programs (every one at hand)")
    options.add_argument("--workers", type=int, default=2, help="processes (2)")
    options.add_argument("--no-write", action="store_true", help="print the table instead of writing docs/programs.md")
    chosen = options.parse_args()
    if shutil.which("npm"):
        _said("npm", "install", "--no-audit", "--no-fund", "--prefix", str(NODE), *MODULES)
    programs = [program for program in at_hand() if not chosen.only or program.name in chosen.only]
    specs = [path for path in sorted((ROOT / "specs").glob("*.yaml")) if not chosen.specs or path.stem in chosen.specs]
    found = [Found(program) for program in programs]
    with ProcessPoolExecutor(chosen.workers) as workers:
        names = [program.name for program in programs]
        for done in as_completed(workers.submit(_one_study, path, names) for path in specs):
            for one, more in zip(found, done.result(), strict=True):
                one.add(more)
            print(f"{found[0].tried} of {len(specs)} specs", file=sys.stderr, flush=True)
    for line in (line for one in found for line in one.told[:20]):
        print(line, file=sys.stderr)
    text = page(found, [path.stem for path in specs])
    if chosen.no_write:
        print(text)
    else:
        TARGET.write_text(text, encoding="utf-8")
    return 1 if any(one.told for one in found) else 0


@cache
def at_hand() -> list[Program]:
    """The programs that are installed, with their versions."""
    found = [
        Program("IronCalc", version("ironcalc"), recalculate_ironcalc),
        Program("formualizer", version("formualizer"), recalculate_formualizer),
    ]
    if has_libreoffice():
        words = _said("soffice", "--version").split()
        found.append(Program("LibreOffice", words[1], recalculate_libreoffice, save=_through_libreoffice))
    if has_gnumeric():
        words = _said("ssconvert", "--version").split("'")
        found.append(Program("Gnumeric", words[1], recalculate_gnumeric, save=through_gnumeric))
    if (NODE / "node_modules" / "exceljs").exists():
        found += [
            Program("exceljs", MODULES[0].split("@")[1], read=_by_node("exceljs"), save=_through_exceljs),
            Program("SheetJS", MODULES[1].split("@")[1], read=_by_node("sheetjs")),
        ]
    found.append(Program("openpyxl", openpyxl.__version__, read=_by_openpyxl))
    return found + _optional()


def _optional() -> list[Program]:
    """Programs that nothing here installs."""
    found = [
        Program(name, installed(package), recalculate)
        for name, (package, recalculate) in ENGINES.items()
        if installed(package)
    ]
    described = NODE / "node_modules" / "hyperformula" / "package.json"
    if described.exists():
        number = json.loads(described.read_text(encoding="utf-8"))["version"]
        found.append(Program("HyperFormula", number, by_hyperformula(NODE)))
    if installed("python-calamine"):
        found.append(Program("calamine", installed("python-calamine"), read=read_calamine))
    return found


def _said(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def _by_node(program: str) -> Callable[[Path], dict[Cell, Any]]:
    def read(path: Path) -> dict[Cell, Any]:
        return {(sheet, address): value for sheet, address, value in json.loads(_node(program, str(path)))}

    return read


def _node(*arguments: str) -> str:
    found = {**os.environ, "NODE_PATH": str(NODE / "node_modules")}
    return subprocess.run(["node", SCRIPT, *arguments], capture_output=True, text=True, check=True, env=found).stdout


def _by_openpyxl(path: Path) -> dict[Cell, Any]:
    book = openpyxl.load_workbook(path, data_only=True)
    return {(sheet.title, cell.coordinate): cell.value for sheet in book for row in sheet.iter_rows() for cell in row}


def _through_libreoffice(source: Path, target: Path) -> None:
    recalculate_libreoffice(source, [{}], [("Inputs", "A1")], saves=[(target, None)])


def _through_exceljs(source: Path, target: Path) -> None:
    _node("exceljs", str(source), str(target))


def _one_study(path: Path, names: Sequence[str]) -> list[Found]:
    """Each of some programs on one spec."""
    found = [Found(program) for program in at_hand() if program.name in names]
    with TemporaryDirectory(prefix="flopsheet-programs-") as folder:
        _open_all(path, Path(folder), found)
    return [replace(one, program=Program(one.program.name, one.program.version)) for one in found]


def _open_all(path: Path, folder: Path, found: Sequence[Found]) -> None:
    """The workbook of a spec in every program, and what the commands say of it afterwards."""
    raw, report = yaml.safe_load(path.read_text(encoding="utf-8")), compute(path)
    book, spoilt = folder / "book.xlsx", folder / "spoilt.xlsx"
    plan = write_workbook(report, book)
    spoil_cached_values(book, spoilt)
    relative, as_built = differences(plan), formulas(plan)
    [(edit, edited)] = edits(report, raw, 1, path.stem, Outcome(path.stem))
    turns = [({}, as_built), (edit.cells, formulas(planned(edited, report)))]
    before = _commands(book, path)
    for one in found:
        one.tried += 1
        try:
            if one.program.recalculate:
                results = one.program.recalculate(spoilt, [cells for cells, _ in turns], list(as_built))
            else:
                assert one.program.read
                results = [one.program.read(book)]
        except Exception as error:
            one.told.append(f"{one.program.name} does not open {path.stem}: {error}")
            continue
        one.opened += 1
        for got, (cells, wanted), count in zip(results, turns, (one.as_built, one.edited), strict=False):
            wrong = disagreements_of({cell: got.get(cell) for cell in wanted}, wanted, relative)
            count[0] += len(wanted)
            count[1] += len(wrong)
            place = f"{one.program.name}, {path.stem}, {cells}"
            one.told += [
                f"{place}: {'!'.join(cell)} is {got!r}, pandas has {ours!r}" for cell, (got, ours) in wrong.items()
            ]
        if one.program.save:
            saved = folder / f"{one.program.name}.xlsx"
            one.program.save(book, saved)
            _compare_trip(one, path, before, _commands(saved, path))


def _commands(book: Path, spec: Path) -> dict[str, str]:
    """What each command says of a workbook; its own name is left out."""
    said = {}
    for name, arguments in COMMANDS.items():
        done = run(*arguments(str(book), str(spec)))
        said[name] = f"{done.returncode}\n{done.stdout}{done.stderr}".replace(str(book), "book.xlsx")
    return said


def _compare_trip(one: Found, path: Path, before: dict[str, str], after: dict[str, str]) -> None:
    for name, text in before.items():
        one.kept[0] += 1
        if after[name] != text:
            one.kept[1] += 1
            one.told.append(f"{one.program.name}, {path.stem}: {name} says after the trip: {after[name][:300]}")


def page(found: Sequence[Found], specs: Sequence[str]) -> str:
    """The page of the documentation."""
    rows = [
        [
            f"{one.program.name} {one.program.version}",
            "recomputes" if one.program.recalculate else "reads",
            f"{one.opened} of {one.tried}",
            f"{one.as_built[0]:,}",
            f"{one.as_built[1]:,}",
            f"{one.edited[0]:,}" if one.program.recalculate else "–",
            f"{one.edited[1]:,}" if one.program.recalculate else "–",
            f"{one.kept[0] - one.kept[1]} of {one.kept[0]}" if one.kept[0] else "–",
        ]
        for one in found
    ]
    heads = ["Program", "It", "Opens", "Cells", "Differ", "After an edit", "Differ", "Same after saving"]
    return INTRODUCTION.format(specs=", ".join(specs)) + "\n".join(table(heads, rows)) + "\n" + NOTES


INTRODUCTION = """<!-- Written by `make programs`. -->

# Programs that open a workbook

A program that recomputes gets a workbook whose stored values were replaced by wrong ones, as built and after an edit of
*Inputs*; a program that reads gets it as built. Each formula cell is compared with pandas: texts exactly, numbers to
10⁻¹². The last column counts the runs of `pull`, `check` and `diff` that say the same of the workbook after the program
saved it.

Specs: {specs}.

"""
NOTES = """
* No Microsoft Excel was at hand.
* Gnumeric calculates with 80 bits and writes about one decimal number in thirty with noise into a text
  (`2.1300000000000000001 B`). These digits are rounded before sentences are compared; `check` ignores them too.
* Gnumeric 1.12.57 computes every cell as pandas does; 1.12.55 computes 144 margins on *Limits* otherwise, in which a
  MiB left of 80 GiB agrees to ten digits.
* Previews, which never recalculate, show the stored values.
* openpyxl drops the stored values when it saves a workbook; `check` then asks to open and save it in a spreadsheet
  program.
* Of the programs that join where they are installed (`benchmarks/optional_programs.py`) BetterOffice, CellRune and
  Aspose.Cells compute all of gpt2 and moe as pandas does, as built and edited, and calamine reads it. Spire.XLS
  computes differences of nearly equal numbers otherwise, HyperFormula rounds INT of a negative number towards zero.
* Apache POI 5.2.2 stops with an exception where SUMPRODUCT is given a comparison of a range, so it has no verdict. Of
  gpt2 it computes the other 14,958 of 15,068 cells as pandas does, but in other studies differences of nearly equal
  numbers to nine digits.
* Excelize does not compute these workbooks: it takes an IF within a product within an IF for one of too many arguments.
  Its verdict is then wrong. ISFORMULA, which would show results that were typed over, is unknown to several programs;
  `check` names such cells.
"""


if __name__ == "__main__":
    sys.exit(main())
