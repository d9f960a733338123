"""Recompute workbooks with LibreOffice; run by `engines.py` under a Python that has LibreOffice's `uno` module.

Starts an office whose profile is in the folder that its argument names. Reads JSON objects from stdin, one on a line,
{workbook, seconds, edits: [[[sheet, cell, value], …], …], cells: [[sheet, cell], …], saves: [[xlsx, ods], …]}, and
writes {answer: …} or {complaint: …} for each to stdout. An answer is a list of lists: for every set of edits, the
values of the cells. Where `saves` names files, the edited workbook is saved there; where it names an .ods too, the
.xlsx is what LibreOffice makes of that one after reading it again. At the end of stdin the office ends too, and its
folder is removed.
Uses only what old Pythons have, because LibreOffice brings its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.lang import DisposedException
from com.sun.star.sheet.AddressConvention import XL_OOX
from com.sun.star.table.CellContentType import EMPTY, FORMULA, TEXT

FILTERS = {".xlsx": "Calc MS Excel 2007 XML", ".ods": "calc8", ".pdf": "calc_pdf_Export"}


def main():
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)
    desktop = office = None
    for line in sys.stdin:
        request = json.loads(line)
        # A call into an office that hangs never returns: end this process and the office together.
        deadline = threading.Timer(request["seconds"], os.killpg, (os.getpgrp(), signal.SIGKILL))
        deadline.daemon = True
        deadline.start()
        try:
            if office is None:
                office, desktop = start(Path(sys.argv[1], "profile"))
            told = {"answer": open_and_recalculate(desktop, request)}
        except Exception as failure:
            told = {"complaint": f"{type(failure).__name__}: {failure}"}
        deadline.cancel()
        print(json.dumps(told), flush=True)
    if office is not None:
        with contextlib.suppress(DisposedException):  # the office closes its end of the pipe as it goes
            desktop.terminate()
        office.wait()
    shutil.rmtree(sys.argv[1], ignore_errors=True)  # whoever made the folder may be gone


def start(profile):
    """An office of our own, and its desktop."""
    pipe = "flopsheet" + uuid.uuid4().hex
    office = subprocess.Popen(
        [
            "soffice",
            "--headless",
            "--norestore",
            "--nologo",
            "--nodefault",
            "--nofirststartwizard",
            "-env:UserInstallation=" + profile.as_uri(),
            "--accept=pipe,name=" + pipe + ";urp;",
        ],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    return office, connect(office, pipe)


def connect(office, pipe):
    """The office's desktop, as soon as it answers."""
    here = uno.getComponentContext()
    resolver = here.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", here)
    while True:
        try:
            context = resolver.resolve("uno:pipe,name=" + pipe + ";urp;StarOffice.ComponentContext")
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except NoConnectException:
            if office.poll() is not None:
                raise RuntimeError(f"soffice ended at once with status {office.returncode}") from None
            time.sleep(0.05)


def open_and_recalculate(desktop, request):
    """The answer to `request`; the workbook is closed again, so that the next one finds an office as new."""
    hidden = PropertyValue(Name="Hidden", Value=True)
    document = desktop.loadComponentFromURL(Path(request["workbook"]).as_uri(), "_blank", 0, (hidden,))
    if document is None:
        raise RuntimeError("LibreOffice cannot read " + request["workbook"])
    try:
        return recalculate(desktop, document, request)
    finally:
        document.close(True)


def recalculate(desktop, document, request):
    """The values of `cells` after each set of edits; the cells that an edit touched are put back before the next."""
    document.enableAutomaticCalculation(False)
    parser = document.createInstance("com.sun.star.sheet.FormulaParser")
    parser.CompileEnglish = True
    parser.FormulaConvention = XL_OOX
    answer = []
    for at, edit in enumerate(request["edits"]):
        touched = [(sheet_of(document, title).getCellByPosition(*position(name)), value) for title, name, value in edit]
        before = [(cell, cell.Type, cell.Value, cell.Formula, cell.String) for cell, _ in touched]
        for cell, value in touched:
            if isinstance(value, float):
                cell.setValue(value)
            elif value.startswith("="):
                cell.setTokens(parser.parseFormula(value[1:], cell.CellAddress))
            else:
                cell.setString(value)
        # A hard recalculation: LibreOffice otherwise trusts the results that the file carries.
        document.calculateAll()
        answer.append(read(document, request["cells"]))
        if request["saves"]:
            save(desktop, document, *request["saves"][at])
        for cell, kind, number, formula, text in before:
            if kind == FORMULA:
                cell.setFormula(formula)
            elif kind in (TEXT, EMPTY):
                cell.setString(text)
            else:
                cell.setValue(number)
    return answer


def save(desktop, document, xlsx, ods):
    """The workbook as an .xlsx, or as a .pdf, by way of an .ods where one is named."""
    if ods:
        store(document, ods)
        hidden = PropertyValue(Name="Hidden", Value=True)
        again = desktop.loadComponentFromURL(Path(ods).as_uri(), "_blank", 0, (hidden,))
        try:
            save(desktop, again, xlsx, "")
        finally:
            again.close(True)
    else:
        store(document, xlsx)


def store(document, path):
    """The workbook in the format that a file's name ends with."""
    document.storeToURL(Path(path).as_uri(), (PropertyValue(Name="FilterName", Value=FILTERS[Path(path).suffix]),))


def sheet_of(document, title):
    """The sheet called `title`."""
    if not document.Sheets.hasByName(title):
        raise LookupError(f"no sheet {title!r}; there are {', '.join(document.Sheets.ElementNames)}")
    return document.Sheets.getByName(title)


def read(document, cells):
    """The values of `cells`, fetched sheet by sheet as one block, because every call costs a trip through the pipe."""
    places = [(title, *position(name)) for title, name in cells]
    blocks = {}
    for title in {title for title, _, _ in places}:
        columns = [column for sheet, column, _ in places if sheet == title]
        rows = [row for sheet, _, row in places if sheet == title]
        left, top = min(columns), min(rows)
        block = sheet_of(document, title).getCellRangeByPosition(left, top, max(columns), max(rows))
        blocks[title] = (left, top, block, block.getDataArray())
    values = []
    for title, column, row in places:
        left, top, block, data = blocks[title]
        value = data[row - top][column - left]
        if value is None or value == "":  # an error, a blank, or an empty text
            cell = block.getCellByPosition(column - left, row - top)
            value = None if cell.Type == EMPTY else cell.String
        values.append(value)
    return values


def position(name):
    """("F12") → (5, 11): column and row, counted from 0."""
    letters, digits = re.fullmatch("([A-Z]+)([0-9]+)", name).groups()
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1, int(digits) - 1


if __name__ == "__main__":
    main()
