"""An .xlsx file that somebody sent: its parts as XML events, within bounds of size, depth and time."""

from __future__ import annotations

import io
import os
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import IO
from xml.parsers import expat

from flopsheet import diagnostics
from flopsheet.diagnostics import FileError
from flopsheet.yamlio.files import read_bytes
from flopsheet.yamlio.source import OLE

MOST_FILE = 128 * 2**20  # bytes
MOST_INFLATED = 256 * 2**20  # bytes of all parts that are read
MOST_PARTS = 20_000
MOST_ELEMENTS = 10_000_000  # of all parts that are read; two million cells have eight
DEEPEST = 64  # elements inside each other
PIECE = 16 * 2**20  # large, since expat goes over an unfinished token again with every piece

FOREIGN = {
    "application/vnd.oasis.opendocument.spreadsheet": "it is an OpenDocument spreadsheet",
    "application/vnd.oasis.opendocument.spreadsheet-template": "it is an OpenDocument template",
}
SPECS = (".yaml", ".yml")
BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
    ValueError, KeyError, OverflowError,
)  # fmt: skip

Start = Callable[[str, Mapping[str, str]], None]


class Package:
    """The parts of one file. Reading them all together is bounded, whatever the file claims of their size."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.source, content = read_bytes(path, MOST_FILE)
        if len(content) > MOST_FILE:
            raise FileError(diagnostics.too_much(self.source, f"more than {MOST_FILE // 2**20} MiB"))
        if content.startswith(OLE):
            reason = "it has a password, or is of the kind before 2007"
            raise self.refused(reason, "save it as .xlsx without a password")
        if not content:
            raise self.refused("it is empty")
        self.left = MOST_INFLATED
        self.n_elements = 0
        try:
            self.archive = zipfile.ZipFile(io.BytesIO(content))
            names = self.archive.namelist()
        except BROKEN:
            if self.source.lower().endswith(SPECS):
                raise self.refused("it is a spec", diagnostics.BUILD_IT) from None
            reason = "it is cut short or damaged" if content.startswith(b"PK") else "it is another kind of file"
            raise self.refused(reason) from None
        if len(names) > MOST_PARTS:
            raise FileError(diagnostics.too_much(self.source, f"it has {len(names):,} parts"))
        self.names = {name.lower(): name for name in names}
        if "mimetype" in self.names:
            kind = self.read("mimetype", 200).decode("ascii", "replace").strip()
            raise self.refused(FOREIGN.get(kind, "it is another kind of file"))

    def refused(self, reason: str, remedy: str = diagnostics.SAVE_AS) -> FileError:
        return FileError(diagnostics.no_workbook(self.source, reason, remedy))

    def open(self, part: str) -> IO[bytes]:
        try:
            return self.archive.open(self.names[part.lower()])
        except BROKEN:
            raise self.refused(f"its part '{diagnostics.shown(part)}' is missing or damaged") from None

    def read(self, part: str, most: int) -> bytes:
        with self.open(part) as stream:
            return self.piece(stream, part, most)

    def piece(self, stream: IO[bytes], part: str, most: int) -> bytes:
        try:
            data = stream.read(most)
        except BROKEN:
            raise self.refused(f"its part '{diagnostics.shown(part)}' is damaged") from None
        self.left -= len(data)
        if self.left < 0:
            raise FileError(diagnostics.too_much(self.source, f"it inflates to more than {MOST_INFLATED // 2**20} MiB"))
        return data

    def parse(self, part: str, start: Start, end: Callable[[str], None], text: Callable[[str], None]) -> None:
        """Tells the elements and texts of a part; names come without their namespace. Nothing declares entities."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        depth, count, most = 0, self.n_elements, MOST_ELEMENTS
        names = _Local()

        def refuse(*_: object) -> None:
            raise self.refused("it declares a document type, which no workbook does")

        def opened(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth, count
            depth += 1
            if depth > DEEPEST:
                raise self.refused(f"its part '{diagnostics.shown(part)}' is nested too deep")
            count += 1
            if count > most:
                raise FileError(diagnostics.too_much(self.source, f"more than {most:,} elements"))
            start(names[name], attributes)

        def closed(name: str) -> None:
            nonlocal depth
            depth -= 1
            end(names[name])

        parser.StartDoctypeDeclHandler = refuse
        parser.EntityDeclHandler = refuse
        parser.StartElementHandler, parser.EndElementHandler = opened, closed
        parser.CharacterDataHandler = text
        try:
            with self.open(part) as stream:
                while data := self.piece(stream, part, PIECE):
                    parser.Parse(data, False)
                parser.Parse(b"", True)
        except expat.ExpatError:
            raise self.refused(f"its part '{diagnostics.shown(part)}' is no XML") from None
        self.n_elements = count

    def related(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part refers to: id → the last word of its kind, and the part."""
        folder, name = posixpath.split(part)
        found: dict[str, tuple[str, str]] = {}
        count = 0

        def start(element: str, attributes: Mapping[str, str]) -> None:
            nonlocal count
            if element == "Relationship" and attributes.get("TargetMode") != "External":
                count += 1
                if count > MOST_PARTS:
                    raise FileError(diagnostics.too_much(self.source, f"more than {MOST_PARTS:,} relationships"))
                target = attributes.get("Target", "")
                whole = target[1:] if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
                found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], whole)

        self.parse(posixpath.join(folder, "_rels", f"{name}.rels"), start, _ignore, _ignore)
        return found


class _Local(dict[str, str]):
    """The names of elements without their namespace, each cut once."""

    def __missing__(self, name: str) -> str:
        self[name] = local = name.rpartition(":")[2]
        return local


def _ignore(_: str) -> None:
    pass
