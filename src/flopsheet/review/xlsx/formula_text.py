"""Formula text of a spreadsheet in pieces: references, numbers, names, operators; moved, and compared for meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from flopsheet.workbook.model.references import column_number, letters

REFERENCE = re.compile(r"(?P<fixed_column>\$?)(?P<column>[A-Z]{1,3})(?P<fixed_row>\$?)(?P<row>[0-9]{1,7})")
PIECES = re.compile(
    r"(?P<text>\"(?:[^\"]|\"\")*\")"
    r"|(?P<sheet>(?:'(?:[^']|'')+'|[A-Za-z_][\w.]*)!)"
    r"|(?P<cell>\$?[A-Za-z]{1,3}\$?[0-9]{1,7}(?![\w.(]))"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_\\][\w.]*)"
    r"|(?P<sign><>|<=|>=|\S)"
)
PREFIX = re.compile(r"_XL(FN|WS|UDF)\.")  # what newer functions carry in a file


def tokenize(formula: str) -> list[tuple[str, str]]:
    """The kind and the text of every piece, blanks left out: `4*F12` → number 4, sign *, cell F12."""
    return [(found.lastgroup or "", found[0]) for found in PIECES.finditer(formula)]


def shift_formula(formula: str, rows: int, columns: int) -> str:
    """A formula as it reads some rows further down and columns to the right; `$` holds a part in place."""
    pieces, places = _movable(formula)
    moved = list(pieces)
    for at, row, column, has_row, has_column in places:
        row, column = row + rows * has_row, column + columns * has_column
        if column < 1 or row < 1:
            moved[at] = "#REF!"
        else:
            moved[at] = f"{'' if has_column else '$'}{letters(column)}{'' if has_row else '$'}{row}"
    return "".join(moved)


@lru_cache(64)  # the cells that share a formula stand side by side
def _movable(formula: str) -> tuple[tuple[str, ...], tuple[tuple[int, int, int, bool, bool], ...]]:
    """Its pieces, and the places of those that move: row, column, and which of them have no `$`."""
    pieces, places, done = [], [], 0
    for found in PIECES.finditer(formula):
        if found.lastgroup == "cell" and (parts := REFERENCE.fullmatch(found[0].upper())):
            pieces += [formula[done : found.start()], found[0]]
            done = found.end()
            held = parts["fixed_row"], parts["fixed_column"]
            place = int(parts["row"]), column_number(parts["column"]), not held[0], not held[1]
            places.append((len(pieces) - 1, *place))
    return (*pieces, formula[done:]), tuple(places)


def normalize_formula(formula: str, sheet: str, *, brackets: bool = True) -> tuple[str, ...]:
    """The pieces of a formula on a sheet without what programs rewrite: case, blanks, `$`, the sheet's own name.

    Without `brackets` those are left out too, since programs drop and add them; then two formulas may seem alike that
    are not.
    """
    found: list[str] = []
    for kind, text in tokenize(formula):
        if kind == "sheet":
            title = text[:-1].strip("'").replace("''", "'")
            if title.casefold() != sheet.casefold():
                found.append(title.casefold() + "!")
        elif kind == "cell":
            found.append(text.replace("$", "").upper())
        elif kind == "number":
            found.append(repr(float(text)))
        elif kind == "name":
            found.append(PREFIX.sub("", text.upper()))
        elif kind == "sign" and text in "()":
            found += [text] if brackets else []
        elif text == ";":
            found.append(",")
        else:
            found.append(text)
    return tuple(_without_single_ranges(found)) if ":" in found else tuple(found)


def _without_single_ranges(pieces: list[str]) -> Iterator[str]:
    """X for every range X:X, which programs write as the cell."""
    at = 0
    while at < len(pieces):
        yield pieces[at]
        is_single = pieces[at + 1 : at + 3] == [":", pieces[at]] and REFERENCE.fullmatch(pieces[at])
        at += 3 if is_single else 1
