"""The cells of a workbook as a spreadsheet program saved them: each with its formula and the value stored with it.

Styles, dates and names are not looked at, since no input and no result depends on them.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from flopsheet import diagnostics
from flopsheet.diagnostics import FileError
from flopsheet.review.xlsx.formula_text import REFERENCE, shift_formula
from flopsheet.review.xlsx.package import Package
from flopsheet.workbook.model.references import MOST_COLUMNS, MOST_ROWS, column_number

MOST_CELLS = 2_000_000
LONGEST = 40_000  # characters of a text; a cell holds 32,767
ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")

Value = float | str | bool | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What one cell holds; `formula` comes without its equals sign."""

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
        self.pieces: list[str] | None = None
        self.length = 0

    def text(self, piece: str) -> None:
        if self.pieces is not None:
            self.length += len(piece)
            if self.length > LONGEST:
                raise FileError(
                    diagnostics.too_much(self.package.source, f"a text of more than {LONGEST:,} characters")
                )
            self.pieces.append(piece)

    def begin(self) -> None:
        self.pieces, self.length = [], 0

    def taken(self) -> str:
        text = "".join(self.pieces or ())
        self.pieces = None
        return text

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
            self.begin()

    def end(self, name: str) -> None:
        if name == "t" and self.pieces is not None:
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
            self.value, self.formula, self.group, self.inline = None, "", "", []
        elif name == "row":
            number = attributes.get("r", str(self.row + 1))
            if not number.isdecimal() or len(number) > 7:
                raise self.damaged()
            self.row, self.column = int(number), 0
        elif name in {"v", "t"}:
            self.begin()
        elif name == "f":
            self.group = attributes.get("si", "") if attributes.get("t") == "shared" else ""
            self.begin()

    def place(self, address: str | None) -> None:
        if address is None:
            self.column += 1
        else:
            found = REFERENCE.fullmatch(address)
            if not found:
                raise self.damaged()
            self.row, self.column = int(found["row"]), column_number(found["column"])
        if not (1 <= self.row <= MOST_ROWS and 1 <= self.column <= MOST_COLUMNS):
            raise self.damaged()

    def end(self, name: str) -> None:
        if name == "v":
            self.value = self.taken()
        elif name == "t":
            self.inline.append(self.taken())
        elif name == "f":
            self.formula = _plain(self.taken()).strip()
            if self.group and self.formula:
                self.shared[self.group] = (self.formula, self.row, self.column)
            elif self.group in self.shared:
                text, row, column = self.shared[self.group]
                self.formula = shift_formula(text, self.row - row, self.column - column)
        elif name == "c":
            self.keep()

    def keep(self) -> None:
        stored = Stored(self.typed(), self.formula, self.kind == "e")
        if stored.value is None and not stored.formula:
            return
        self.cells[self.row, self.column] = stored
        if len(self.cells) > self.most:
            raise FileError(diagnostics.too_much(self.package.source, f"more than {MOST_CELLS:,} cells"))

    def typed(self) -> Value:
        """The stored value by its kind."""
        if self.kind == "inlineStr":
            return _plain("".join(self.inline))
        if self.kind == "str":
            return _plain(self.value or "") if self.value is not None or self.formula else None
        if self.value is None or not self.value.strip():
            return None
        if self.kind in {"e", "d"}:
            return self.value
        try:
            if self.kind == "s":
                return self.texts[abs(int(self.value))]
            if self.kind == "b":
                return self.value.strip() in {"1", "true"}
            number = float(self.value)
        except (ValueError, IndexError):
            raise self.damaged() from None
        if not math.isfinite(number):
            raise self.damaged()
        return number
