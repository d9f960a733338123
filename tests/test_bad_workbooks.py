"""Files that are no workbooks of ours, broken ones and hostile ones: each ends in one clear message, soon."""

from __future__ import annotations

import io
import random
import resource
import time
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pytest
from lxml import etree

from commands import run, run_process
from engines import MAIN
from flopsheet.api import build, compute
from flopsheet.diagnostics import FileError, FlopsheetError
from flopsheet.review import check as checked
from flopsheet.review.pull import pull
from flopsheet.review.xlsx import package
from flopsheet.workbook.model import embedded
from flopsheet.yamlio.from_mapping import to_yaml
from review_helpers import TEXTS, change_parts, sheet_parts
from studies import SPECS

SPEC = {
    "version": 1,
    "context_lengths": [1024],
    "models": {"m": {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}},
}


@cache
def good() -> bytes:
    from flopsheet.workbook import plan
    from flopsheet.workbook.write import xlsx

    return xlsx.to_bytes(plan.plan_workbook(compute(SPEC).study))


def changed(title: str, change: Callable[[etree._Element], None]) -> bytes:
    """The good workbook with one sheet changed as XML."""

    def root(content: bytes) -> bytes:
        tree = etree.fromstring(content)
        change(tree)
        return etree.tostring(tree)

    return replaced(title, root)


@cache
def replaced(title: str, change: Callable[[bytes], bytes]) -> bytes:
    """The good workbook with the bytes of one sheet, or of one part, changed."""
    part = sheet_parts(io.BytesIO(good())).get(title, title)
    target = io.BytesIO()
    change_parts(io.BytesIO(good()), target, lambda name, content: change(content) if name == part else content)
    return target.getvalue()


def row_of(tree: etree._Element, name: str) -> etree._Element:
    """The row of Inputs that holds an input: texts are shared, so by the position that the plan gives."""
    [cell_ref] = compute(SPEC).cells(name)
    return tree.find(f".//{MAIN}row[@r='{cell_ref.row}']")


def delete_row(tree: etree._Element) -> None:
    gone = row_of(tree, "d_model")
    shift_below(tree, int(gone.get("r")), -1)
    gone.getparent().remove(gone)


def insert_row(tree: etree._Element) -> None:
    shift_below(tree, int(row_of(tree, "d_model").get("r")) - 1, 1)


def shift_below(tree: etree._Element, last: int, by: int) -> None:
    for row in tree.iterfind(f".//{MAIN}row"):
        if int(row.get("r")) > last:
            row.set("r", str(int(row.get("r")) + by))
            for cell in row:
                letters = cell.get("r").rstrip("0123456789")
                cell.set("r", letters + row.get("r"))


def foreign() -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"] = "Budget"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_doctype(content: bytes) -> bytes:
    bomb = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY a0 "ha">{bomb}]>'.encode() + content.removeprefix(
        b'<?xml version="1.0" encoding="UTF-8"?>'
    )


def with_external_entity(content: bytes) -> bytes:
    return b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + content


def in_utf16(content: bytes) -> bytes:
    return ('<?xml version="1.0" encoding="UTF-16"?>' + with_doctype(content).decode()).encode("utf-16")


def sheet_data() -> bytes:
    """The compressed bytes of Inputs, as they stand in the file."""
    with zipfile.ZipFile(io.BytesIO(good())) as archive:
        entry = archive.getinfo("xl/worksheets/sheet2.xml")
    start = entry.header_offset + 30 + len(entry.filename)
    return good()[start : start + entry.compress_size]


def bomb(content: bytes) -> bytes:
    return content.replace(b"<sheetData>", b"<sheetData>" + b" " * (package.MOST_INFLATED + 1), 1)


def row_far_down(content: bytes) -> bytes:
    return content.replace(b"<sheetData>", b'<sheetData><row r="99999999"><c r="A99999999"><v>1</v></c></row>', 1)


def deep(content: bytes) -> bytes:
    return content.replace(b"<sheetData>", b"<sheetData>" + b"<a>" * 5_000_000, 1)


def many_cells(content: bytes) -> bytes:
    return content.replace(b"<sheetData>", b"<sheetData><row>" + b"<c><v>1</v></c>" * 20_000 + b"</row>", 1)


def many_relationships(content: bytes) -> bytes:
    return content.replace(b"</Relationships>", b"<Relationship Id='a'/>" * 20_001 + b"</Relationships>", 1)


def other_version(content: bytes) -> bytes:
    return content.replace(b"flopsheet 0.", b"flopsheet 9.")


def unknown_key(content: bytes) -> bytes:
    """Another version's workbook whose spec has a key that we do not know; its lines are as short as one cell."""
    lines = embedded.to_lines(compute(SPEC).spec.data)
    others = [line.replace('"d_model"', '"d_modem"') for line in lines]
    for old, new in zip([*lines, embedded.digest(lines)], [*others, embedded.digest(others)], strict=True):
        content = content.replace(escape(old).encode(), escape(new).encode())
    return other_version(content)


def both_versions_and_layout() -> bytes:
    target = io.BytesIO()
    first = io.BytesIO(changed("Inputs", insert_row))
    change_parts(first, target, lambda name, content: other_version(content) if name == TEXTS else content)
    return target.getvalue()


NO = "'book.xlsx' is not an .xlsx workbook: "
DECLARES = f"{NO}it declares a document type, which no workbook does"
PART = f"{NO}its part 'xl/worksheets/sheet2.xml' is "
OURS = "'book.xlsx' is not a workbook that 'flopsheet build' wrote: "
SAVE, AGAIN = "; save it as .xlsx in a spreadsheet program", "; build the spec again and make the changes there"
LARGE = "; check that it is the workbook that flopsheet built"
MOVED = "; rows, columns or names were changed: undo that, or make the changes in a fresh workbook"

# what came back -> the message in two parts: what is wrong, what to do
BAD: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", f"{NO}it is empty", SAVE),
    "text": (lambda: b"version: 1\n", f"{NO}it is another kind of file", SAVE),
    "truncated": (lambda: good()[: len(good()) // 2], f"{NO}it is cut short or damaged", SAVE),
    "password": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000),
        f"{NO}it has a password, or is of the kind before 2007",
        "; save it as .xlsx without a password",
    ),
    "ods": (
        lambda: zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<a/>"}),
        f"{NO}it is an OpenDocument spreadsheet",
        SAVE,
    ),
    "other zip": (lambda: zipped({"a.txt": b"a"}), f"{NO}its part '_rels/.rels' is missing or damaged", SAVE),
    "foreign": (foreign, f"{OURS}Provenance does not name what it was built from", AGAIN),
    "damaged part": (
        lambda: good().replace(sheet_data()[100:140], bytes(40)), f"{PART}damaged", SAVE,
    ),
    "not XML": (lambda: replaced("Inputs", lambda c: c[: len(c) // 2]), f"{PART}no XML", SAVE),
    "entities": (lambda: replaced("Inputs", with_doctype), DECLARES, SAVE),
    "external": (lambda: replaced("Provenance", with_external_entity), DECLARES, SAVE),
    "entities in UTF-16": (lambda: replaced("Provenance", in_utf16), DECLARES, SAVE),
    "bomb": (lambda: replaced("Inputs", bomb), "'book.xlsx' is too large: it inflates to more than 256 MiB", LARGE),
    "relationships": (
        lambda: replaced("_rels/.rels", many_relationships),
        "'book.xlsx' is too large: more than 20,000 relationships",
        LARGE,
    ),
    "far down": (lambda: replaced("Inputs", row_far_down), f"{PART}damaged", SAVE),
    "deep": (lambda: replaced("Inputs", deep), f"{PART}nested too deep", SAVE),
    "wide": (lambda: replaced("Inputs", many_cells), f"{PART}damaged", SAVE),
    "renamed sheet": (
        lambda: replaced("xl/workbook.xml", lambda c: c.replace(b'name="Inputs"', b'name="Eingaben"')),
        "'book.xlsx' has no sheet 'Inputs'",
        "; restore its name if it was renamed, or make the changes in a fresh workbook",
    ),
    "deleted row": (
        lambda: changed("Inputs", delete_row),
        "'book.xlsx': Inputs!F9 should contain 'd_model' but contains 'vocab_size'",
        MOVED,
    ),
    "inserted row": (
        lambda: changed("Inputs", insert_row), "'book.xlsx': Inputs!F9 should contain 'd_model' but is empty", MOVED,
    ),
    "another version": (
        both_versions_and_layout,
        "'book.xlsx': Inputs!F9 should contain 'd_model' but is empty; it was written by flopsheet 9.1.0, this is ",
        "0.1.0: use that one, or build the spec again and make the changes there",
    ),
    "another version's spec": (
        lambda: replaced(TEXTS, unknown_key),
        "'book.xlsx': the spec stored on Provenance is not valid here (unknown key 'd_modem'); ",
        "it was written by flopsheet 9.1.0, this is 0.1.0: use that one, or build the spec again and make the changes "
        "there",
    ),
    "changed data": (
        lambda: replaced(TEXTS, lambda content: content.replace(b'"d_model":64', b'"d_model":65')),
        "'book.xlsx': the spec stored on Provenance was changed",
        "; restore it from the original workbook",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_workbook_ends_in_one_message(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, fact, remedy = BAD[name]
    (tmp_path / "book.xlsx").write_bytes(content())
    monkeypatch.chdir(tmp_path)
    started = time.monotonic()
    with pytest.raises(FileError) as raised:
        pull("book.xlsx")
    assert (str(raised.value), raised.value.exit_code) == (fact + remedy, 2)
    assert time.monotonic() - started < 20


def test_a_changed_name_above_a_column_is_found_where_it_goes_over_several_lines(tmp_path: Path) -> None:
    build(SPECS / "design-sweep.yaml", tmp_path / "built.xlsx")
    name = "7b n_kv_heads=8 d_model=3072 n_layers=56"

    def renamed(part: str, content: bytes) -> bytes:
        return content.replace(f">{name}<".encode(), b">another<") if part == TEXTS else content

    change_parts(tmp_path / "built.xlsx", tmp_path / "book.xlsx", renamed)
    with pytest.raises(FileError, match=f"Inputs!C6 should contain '{name}' but contains 'another'"):
        pull(str(tmp_path / "book.xlsx"))


def test_another_version_with_the_same_layout_is_read_and_named(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(replaced(TEXTS, other_version))
    done = run("pull", "book.xlsx", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "No input differs from the spec.\n",
        "'book.xlsx' was written by flopsheet 9.1.0, this is 0.1.0: formulas and positions may differ\n",
    )


@pytest.mark.parametrize("name", ["book.csv", "book.fods", "book.gnumeric", "book.xls", "book.ods", "book.numbers"])
@pytest.mark.parametrize("command", [("pull",), ("check",), ("diff", "spec.yaml")])
def test_another_kind_of_spreadsheet_is_told_alike_by_every_command(
    command: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("Inputs,d_model\n", encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(to_yaml(SPEC), encoding="utf-8")
    done = run(*command, name, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"'{name}' is not an .xlsx workbook: it is another kind of file{SAVE}\n",
    )


@pytest.mark.parametrize("command", ["pull", "check"])
def test_a_spec_in_place_of_a_workbook_is_told(command: str) -> None:
    done = run(command, "specs/gpt2.yaml")
    fact = "'specs/gpt2.yaml' is not an .xlsx workbook: it is a spec"
    assert (done.returncode, done.stderr) == (2, f"{fact}; name the workbook that 'flopsheet build' made of it\n")


@pytest.mark.parametrize("command", [("pull",), ("check",), ("diff", "specs/gpt2.yaml")])
@pytest.mark.parametrize("name", ["nowhere.xlsx", "."])
def test_a_file_that_cannot_be_read_is_named(command: tuple[str, ...], name: str) -> None:
    done = run(*command, name)
    assert (done.returncode, done.stdout, done.stderr.startswith(f"cannot read '{name}': ")) == (2, "", True)


def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """In a process of its own, bounded to 1.5 GiB of memory."""
    (tmp_path / "book.xlsx").write_bytes(replaced("Inputs", bomb))
    done = run_process("pull", "book.xlsx", cwd=tmp_path)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # KiB on Linux
    assert (done.returncode, used < 1.5 * 2**20) == (2, True)


def mutated(dice: random.Random) -> bytes:
    """The good workbook with a few bytes of one part, or of the file, overwritten, cut out or repeated."""
    if dice.random() < 0.3:
        return _mutate(dice, good())
    with zipfile.ZipFile(io.BytesIO(good())) as archive:
        names = [name for name in archive.namelist() if name.endswith((".xml", ".rels")) and "styles" not in name]
        chosen = dice.choice(names)
        return zipped(
            {name: _mutate(dice, archive.read(name)) if name == chosen else archive.read(name) for name in names}
        )


def _mutate(dice: random.Random, content: bytes) -> bytes:
    for _ in range(dice.randint(1, 4)):
        at, length = dice.randrange(len(content)), dice.choice([1, 1, 2, 8, 60])
        piece = content[at : at + length]
        put = dice.choice([b"", piece * 2, bytes(dice.randrange(256) for _ in piece), piece.swapcase(), b"9" * length])
        content = content[:at] + put + content[at + length :]
    return content


def test_a_mutated_workbook_is_read_or_refused(tmp_path: Path) -> None:
    dice = random.Random(11)
    ends = {"read": 0, "refused": 0}
    for _ in range(8):  # `make fuzz` takes thousands
        (tmp_path / "book.xlsx").write_bytes(mutated(dice))
        try:
            checked.check_workbook(pull(tmp_path / "book.xlsx"))
            ends["read"] += 1
        except FlopsheetError:
            ends["refused"] += 1
    assert min(ends.values()) > 1


def test_the_good_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(good())
    build(SPEC, tmp_path / "built.xlsx")
    assert (pull(tmp_path / "book.xlsx").reading.changes, (tmp_path / "built.xlsx").read_bytes()) == ([], good())
