"""The cells of a workbook as a spreadsheet program saved them: each with its formula and the value stored with it.

Styles, dates and names are not looked at, since no input and no result depends on them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from functools import lru_cache

from flopsheet import diagnostics
from flopsheet.diagnostics import FileError
from flopsheet.records import NamedTuple
from flopsheet.review.xlsx.formula_text import REFERENCE, shift_formula
from flopsheet.review.xlsx.package import Package
from flopsheet.workbook.model.references import MOST_COLUMNS, MOST_ROWS, column_number

MOST_CELLS = 2_000_000
LONGEST = 40_000  # characters of a text; a cell holds 32,767
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")

Value = float | str | bool | None


class Stored(NamedTuple):
    """What one cell holds; `formula` comes without its equals sign. A tuple, since a workbook has many."""

    value: Value
    formula: str = ""
    is_error: bool = False


Cells = Mapping[tuple[int, int], Stored]
BLANK = Stored(None)


class Book:
    """A workbook whose sheets are read when they are asked for."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.package = Package(path)
        self.source = self.package.source
        self.parts: dict[str, str] = {}
        self.texts: list[str] = []
        self.sheets: dict[str, Cells] = {}
        self.n_cells = 0
        self._open()

    def _open(self) -> None:
        package = self.package
        main = next((part for kind, part in package.related("").values() if kind == "officeDocument"), None)
        if main is None or main.endswith(".bin"):
            raise package.refused("it holds no workbook that can be read")
        listed: dict[str, str] = {}

        def start(name: str, attributes: Mapping[str, str]) -> None:
            if name == "sheet":
                link = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
                listed[attributes.get("name", "")] = link

        package.parse(main, start, _skip, _skip)
        related = package.related(main)
        self.parts = {title: related[link][1] for title, link in listed.items() if link in related}
        for kind, part in related.values():
            if kind == "sharedStrings":
                _Strings(package, part, self.texts).read()

    def cells(self, title: str) -> Cells:
        """The cells of a sheet by row and column."""
        if title not in self.sheets:
            if title not in self.parts:
                raise FileError(diagnostics.sheet_missing(self.source, title))
            reader = _Sheet(self.package, self.parts[title], self.texts, MOST_CELLS - self.n_cells)
            reader.read()
            self.n_cells += len(reader.cells)
            self.sheets[title] = reader.cells
        return self.sheets[title]


def _skip(_: str) -> None:
    pass


def _plain(text: str) -> str:
    """`_x000D_` stands for a character that XML has no place for."""
    return ESCAPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


class _Texts:
    """Collects the text of elements, up to what a cell can hold."""

    def __init__(self, package: Package, part: str) -> None:
        self.package, self.part = package, part
        self.collected: str | None = None

    def text(self, piece: str) -> None:
        if self.collected is not None:
            self.collected += piece  # mostly the whole text: the parser tells long ones alone in pieces
            if len(self.collected) > LONGEST:
                raise FileError(
                    diagnostics.too_much(self.package.source, f"a text of more than {LONGEST:,} characters")
                )

    def taken(self) -> str:
        text, self.collected = self.collected, None
        return text or ""

    def damaged(self) -> FileError:
        return self.package.refused(f"its part '{diagnostics.shown(self.part)}' is damaged")


class _Strings(_Texts):
    """The table of texts that cells refer to by number; readings of Chinese characters are left out."""

    def __init__(self, package: Package, part: str, texts: list[str]) -> None:
        super().__init__(package, part)
        self.texts = texts
        self.said: list[str] = []
        self.is_reading = False

    def read(self) -> None:
        self.package.parse(self.part, self.start, self.end, self.text)

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "rPh":
            self.is_reading = True
        elif name == "t" and not self.is_reading:
            self.collected = ""

    def end(self, name: str) -> None:
        if name == "t" and self.collected is not None:
            self.said.append(self.taken())
        elif name == "rPh":
            self.is_reading = False
        elif name == "si":
            self.texts.append(_plain("".join(self.said)))
            self.said = []
            if len(self.texts) > MOST_CELLS:
                raise FileError(diagnostics.too_much(self.package.source, f"more than {MOST_CELLS:,} texts"))


class _Sheet(_Texts):
    """One worksheet."""

    def __init__(self, package: Package, part: str, texts: list[str], most: int) -> None:
        super().__init__(package, part)
        self.texts, self.most = texts, most
        self.cells: dict[tuple[int, int], Stored] = {}
        self.shared: dict[str, tuple[str, int, int]] = {}
        self.row = self.column = 0
        self.kind = "n"
        self.value: str | None = None
        self.formula = self.group = ""
        self.inline: list[str] = []

    def read(self) -> None:
        self.package.parse(self.part, self.start, self.end, self.text)

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "c":
            self.place(attributes.get("r"))
            self.kind = attributes.get("t", "n")
            self.value, self.formula, self.group = None, "", ""
            if self.inline:
                self.inline = []
        elif name == "v" or name == "t":
            self.collected = ""
        elif name == "f":
            self.group = attributes.get("si", "") if attributes.get("t") == "shared" else ""
            self.collected = ""
        elif name == "row":
            number = attributes.get("r", str(self.row + 1))
            if not number.isdecimal() or len(number) > 7:
                raise self.damaged()
            self.row, self.column = int(number), 0

    def place(self, address: str | None) -> None:
        if address is None:
            self.column += 1
        else:
            letters = address.rstrip("0123456789")
            digits = address[len(letters) :]
            self.column = _column(letters)
            if not 1 <= len(digits) <= 7:
                raise self.damaged()
            self.row = int(digits)
        if not (1 <= self.row <= MOST_ROWS and 1 <= self.column <= MOST_COLUMNS):
            raise self.damaged()

    def end(self, name: str) -> None:
        if name == "c":
            self.keep()
        elif name == "v":
            self.value = self.taken()
        elif name == "f":
            self.formula = _plain(self.taken()).strip()
            if self.group and self.formula:
                self.shared[self.group] = (self.formula, self.row, self.column)
            elif self.group in self.shared:
                text, row, column = self.shared[self.group]
                self.formula = shift_formula(text, self.row - row, self.column - column)
        elif name == "t":
            self.inline.append(self.taken())

    def keep(self) -> None:
        value = self.typed()
        if value is None and not self.formula:
            return
        self.cells[self.row, self.column] = Stored(value, self.formula, self.kind == "e")
        if len(self.cells) > self.most:
            raise FileError(diagnostics.too_much(self.package.source, f"more than {MOST_CELLS:,} cells"))

    def typed(self) -> Value:
        """The stored value by its kind."""
        kind, value = self.kind, self.value
        if kind == "inlineStr":
            return _plain("".join(self.inline))
        if kind == "str":
            return _plain(value or "") if value is not None or self.formula else None
        if value is None or not value.strip():
            return None
        if kind in {"e", "d"}:
            return value
        try:
            if kind == "s":
                return self.texts[abs(int(value))]
            if kind == "b":
                return value.strip() in {"1", "true"}
            number = float(value)
        except (ValueError, IndexError):
            raise self.damaged() from None
        if not math.isfinite(number):
            raise self.damaged()
        return number


@lru_cache(maxsize=20_000)
def _column(letters: str) -> int:
    """The number of a column as an address has it before its digits; 0 where it is none."""
    found = REFERENCE.fullmatch(f"{letters}1")
    return column_number(found["column"]) if found else 0
