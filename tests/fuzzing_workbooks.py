"""Hostile workbooks, as Hypothesis strategies: one that flopsheet built, with its bytes, parts or XML damaged."""

from __future__ import annotations

import io
import re
import zipfile
from functools import cache

from hypothesis import strategies as st

from flopsheet.api import build, compute
from fuzzing import mangled
from fuzzing_words import MARK, SMALL

PARTS = [
    "xl/workbook.xml",
    "xl/worksheets/sheet1.xml",
    "xl/worksheets/sheet2.xml",
    "xl/sharedStrings.xml",
    "[Content_Types].xml",
    "_rels/.rels",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "docProps/custom.xml",
]
SWOLLEN = 300 * 2**20  # bytes that a bomb inflates to; a thousandth of it in the file
SECRET = f"{MARK}-secret"  # what an external entity would fetch
LONG = "x" * 1000
DOCTYPES = [
    '<!DOCTYPE a [<!ENTITY b "'
    + "x" * 1000
    + '"><!ENTITY c "'
    + "&b;" * 1000
    + '"><!ENTITY d "'
    + "&c;" * 1000
    + '">]>',
    '<!DOCTYPE a [<!ENTITY secret SYSTEM "file://{secret}">]>',
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE a [<!ENTITY % p SYSTEM "file://{secret}"> %p;]>',
]

# What stands in the XML → what stands there instead.
SPELLINGS: list[tuple[str, str]] = [
    (r'<dimension ref="[^"]*"', '<dimension ref="A1:XFD1048576"'),
    (r'r="C7"', 'r="XFD1048576"'),
    (r'r="C7"', 'r="XFE1048577"'),
    (r'r="C7"', 'r="' + "A" * 5000 + '1"'),
    (r'r="C7"', 'r="C99999999999999999999"'),
    (r'<row r="7"', '<row r="1048576"'),
    (r'<row r="7"', '<row r="-7"'),
    (r"<v>[^<]*</v>", "<v>1e999</v>"),
    (r"<v>[^<]*</v>", "<v>NaN</v>"),
    (r"<v>[^<]*</v>", "<v>" + "9" * 100_000 + "</v>"),
    (r"<v>[^<]*</v>", "<v>99999999</v>"),
    (r"<v>[^<]*</v>", f"<v>{MARK}</v>"),
    (r"<f>[^<]*</f>", f'<f>HYPERLINK("http://{MARK}")</f>'),
    (r"<f>[^<]*</f>", "<f>" + "(" * 20_000 + "</f>"),
    (r"<f>[^<]*</f>", '<f t="shared" si="0" ref="A1:XFD1048576">A1</f>'),
    (r't="s"', 't="b"'),
    (r't="s"', 't="zz"'),
    (r' t="n"', ' t="s"'),
    (r"<sheetData>", "<sheetData>" + "<a>" * 5000),
    (r"<sheetData>", "<sheetData>" + '<row r="1"/>' * 200_000),
    (r'name="Inputs"', 'name="Inptus"'),
    (r'name="Inputs"', 'name="Summary"'),
    (r'name="Provenance"', 'name="../../x"'),
    (r'Target="[^"]*sheet1.xml"', 'Target="../../../../etc/passwd"'),
    (r'Target="[^"]*sheet1.xml"', f'Target="http://{MARK}/" TargetMode="External"'),
    (r'Target="[^"]*sheet1.xml"', 'Target="/xl/workbook.xml"'),
    (r"version: 1", "version: 2"),
    (r"d_model", "d_modle"),
    (r"n_layers: 12", f"n_layers: ={MARK}"),
    (r"0\.1\.0", "9.9.9"),
    (r'encoding="[^"]*"', 'encoding="UTF-7"'),
    (r"<\?xml[^>]*\?>", "<?xml version='1.0' encoding='utf-16'?>"),
]


@cache
def book() -> bytes:
    """A small workbook as it was built."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spec.yaml")
        path.write_text(SMALL, encoding="utf-8")
        build(compute(path), Path(folder, "book.xlsx"))
        return Path(folder, "book.xlsx").read_bytes()


@cache
def parts() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(content: dict[str, bytes], more: list[tuple[str, bytes]] = (), level: int = 1) -> bytes:  # type: ignore[assignment]
    """Parts as a zip archive; `more` may repeat a name."""
    import warnings

    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        warnings.simplefilter("ignore")
        for name, data in [*content.items(), *more]:
            archive.writestr(name, data)
    return buffer.getvalue()


@st.composite
def apply_inputs(draw: st.DrawFn) -> bytes:
    """A workbook in whose XML some things are said otherwise."""
    content = dict(parts())
    for pattern, text in draw(st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=2)):
        holding = [
            name
            for name, data in content.items()
            if name.endswith((".xml", ".rels")) and re.search(pattern.encode(), data)
        ]
        if not holding:
            continue
        name = draw(st.sampled_from(holding))
        found = list(re.finditer(pattern.encode(), content[name]))
        cell_ref = draw(st.sampled_from(found))
        content[name] = content[name][: cell_ref.start()] + text.encode() + content[name][cell_ref.end() :]
    return packed(content)


@st.composite
def typed(draw: st.DrawFn) -> bytes:
    """A workbook in which values of Inputs were typed over, with anything."""
    content = dict(parts())
    name = "xl/worksheets/sheet2.xml"
    values = list(re.finditer(rb"<c ([^>]*)>(<f>[^<]*</f>)?<v>[^<]*</v></c>", content[name]))
    for cell_ref in sorted(
        draw(st.lists(st.sampled_from(values), min_size=1, max_size=4, unique=True)), key=lambda m: -m.start()
    ):
        place = re.search(rb'r="[A-Z]+[0-9]+"', cell_ref[1])
        assert place
        number = draw(st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 10**6) | st.just(0))
        cell = draw(
            st.sampled_from([
                f"<v>{number!r}</v>", f"<f>{MARK}</f><v>{number!r}</v>", "<f>1/0</f><v>#DIV/0!</v>", "<v></v>", "",
                f"<f>C10*2</f><v>{number!r}</v>", f"<f>SUM(A1:XFD1048576)</f><v>{number!r}</v>",
            ])
        ).encode()  # fmt: skip
        text = f"<is><t>{draw(st.sampled_from([MARK, 'yes', '=1+1', '1e3', ' ']))}</t></is>".encode()
        whole = b"<c " + place[0] + (b' t="inlineStr">' + text if draw(st.booleans()) else b">" + cell) + b"</c>"
        content[name] = content[name][: cell_ref.start()] + whole + content[name][cell_ref.end() :]
    return packed(content)


@st.composite
def repacked(draw: st.DrawFn, secret: str) -> bytes:
    """A workbook with parts missing, doubled, exchanged, mangled, opened by a document type, or swollen."""
    content, more = dict(parts()), []
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from([name for name in PARTS if name in content] or list(content)))
        deed = draw(
            st.sampled_from(["drop", "double", "swap", "mangle", "mangle", "doctype", "empty", "many", "rename"])
        )
        if deed == "drop":
            del content[name]
        elif deed == "double":
            more.append((name, draw(st.sampled_from([b"", b"<a/>", content[name]]))))
        elif deed == "swap":
            content[name] = content[draw(st.sampled_from(list(content)))]
        elif deed == "mangle":
            content[name] = draw(mangled(content[name]))
        elif deed == "doctype":
            document = draw(st.sampled_from(DOCTYPES)).replace("{secret}", secret).encode()
            body = re.sub(rb"<\?xml[^>]*\?>\s*", b"", content[name])
            content[name] = document + re.sub(rb"<v>[^<]*</v>|<t>[^<]*</t>", b"<t>&d;&secret;</t>", body, count=2)
        elif deed == "empty":
            content[name] = b""
        elif deed == "many":
            more += [(f"x/{at}.xml", b"") for at in range(draw(st.sampled_from([10, 21_000])))]
        else:
            content[draw(st.sampled_from(["/" + name, "../" + name, name.upper(), "x/" + name]))] = content.pop(name)
    return packed(content, more)


@cache
def bomb(part: str, element: str, filling: str) -> bytes:
    """A workbook one element of which is swollen."""
    data = parts()[part]
    at = data.index(f"<{element}".encode())
    at = data.index(b">", at) + 1
    return packed({**parts(), part: data[:at] + filling.encode() * (SWOLLEN // len(filling)) + data[at:]})


def bombs() -> list[bytes]:
    """Blanks and elements without end, in the parts that are read."""
    inputs = "xl/worksheets/sheet2.xml"
    return [
        bomb(inputs, "sheetData", " "),
        bomb(inputs, "sheetData", "<row/>"),
        bomb(inputs, "sheetData", "<row>"),
        bomb(inputs, "sheetData", "<row><c><v>1</v></c></row>"),
        bomb("xl/workbook.xml", "sheets", "<sheet/>"),
        bomb("_rels/.rels", "Relationships", "<Relationship/>"),
        packed({**parts(), inputs: b"\0" * SWOLLEN}),
    ]


def workbook_kinds(secret: str) -> dict[str, st.SearchStrategy[bytes]]:
    """What `pull`, `check` and `diff` are given; `secret` is a file that nothing may read."""
    return {
        "workbooks: bytes": mangled(book()) | st.integers(0, len(book())).map(lambda at: book()[:at]),
        "workbooks: parts": repacked(secret),
        "workbooks: XML": apply_inputs(),
        "workbooks: typing": typed(),
    }
