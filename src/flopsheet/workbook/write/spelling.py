"""One spelling of the XML that openpyxl writes: it takes lxml where that is installed, which spells it differently.

Both say the same; but the bytes of a workbook would tell what else is installed beside flopsheet.
"""

from __future__ import annotations

import re

DECLARING = re.compile(rb"<[^<>]* xmlns:[^<>]*>")
DECLARED = re.compile(rb' xmlns:\w+="[^"]*"')
ROOT = re.compile(rb"<[\w:]+")
EMPTY = re.compile(rb'<([\w:]+)((?: [^<>]*")?)(?: />|></\1>)')
NUMBERED = re.compile(rb"&#(\d{3,});")  # lxml writes a sheet in ASCII; line ends and tabs, below 100, stay entities


def respelled(xml: bytes) -> bytes:
    """The same document as UTF-8, with the prefixes of namespaces declared at its root, in order, and `<empty/>`.

    A prefix means one namespace throughout a part of a workbook, and `<` and `>` stand as entities in all texts.
    """
    declared: set[bytes] = set()

    def without(tag: re.Match[bytes]) -> bytes:
        declared.update(DECLARED.findall(tag[0]))
        return DECLARED.sub(b"", tag[0])

    xml = EMPTY.sub(rb"<\1\2/>", DECLARING.sub(without, xml))
    xml = NUMBERED.sub(lambda letter: chr(int(letter[1])).encode(), xml)
    return ROOT.sub(lambda root: root[0] + b"".join(sorted(declared)), xml, count=1)
