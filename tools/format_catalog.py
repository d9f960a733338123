"""Writes the catalogue in block style, one key per line, at most 120 columns; with --check it only says what differs.

    python tools/format_catalog.py [--check] [FILE...]

Comments stand at the head of a file and are kept, and one elsewhere is refused, since it would be lost; what the text
says is compared before and after. A long formula is broken before a choice of a match, not between it and its value.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any, TypeGuard

from flopsheet.yamlio import source

CATALOG = Path(__file__).parent.parent / "src" / "flopsheet" / "catalog" / "data"
WIDTH = 120
COMMENT = re.compile(r"^(?:[^\"']|\"(?:\\.|[^\"\\])*\"|'[^']*')*?(?:^|(?<=\s))#")
UNBROKEN = "\u00a0"


def format_text(text: str, name: str) -> str:
    """The same YAML in block style."""
    head: list[str] = []
    n_head = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line and not line.startswith("#"):
            break
        head += textwrap.wrap(line[1:].strip(), WIDTH - 2) if line else []
        n_head = number
    for number, line in enumerate(text.splitlines()[n_head:], start=n_head + 1):
        if COMMENT.search(line):
            raise ValueError(f"{name}:{number}: a comment below the head of the file would be lost: {line.strip()}")
    data = source.parse(text, name).data
    lines = [f"# {line}" for line in head] + ([""] if isinstance(data, dict) and "sheet" not in data else [])
    formatted = "\n".join([*lines, *block(data, 0)]) + "\n"
    if source.parse(formatted, name).data != data:
        raise AssertionError(f"{name}: formatting would change what it says")
    return formatted


def block(data: object, indent: int) -> list[str]:
    """A mapping or a list of mappings as lines."""
    pad = " " * indent
    lines: list[str] = []
    if isinstance(data, list):
        for item in data:
            first, *rest = block(item, indent + 2)
            lines += [f"{pad}- {first.strip()}", *rest]
        return lines
    assert isinstance(data, dict)
    for key, value in data.items():
        if lines and not indent and isinstance(value, dict) and "sections" not in data:
            lines.append("")
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict) for one in value)):
            deeper = indent + 2 if isinstance(value, dict) else indent
            lines += [f"{pad}{scalar(key)}:", *block(value, deeper)]
        elif isinstance(value, list):
            lines += listing(f"{pad}{scalar(key)}: ", value, indent)
        else:
            lines += entry(f"{pad}{scalar(key)}: ", value, indent)
    return lines


def listing(head: str, values: list[object], indent: int) -> list[str]:
    """A list of scalars on one line where it fits, else one to a line."""
    line = head + "[" + ", ".join(scalar(value, in_list=True) for value in values) + "]"
    if len(line) <= WIDTH:
        return [line]
    return [head.rstrip(), *(f"{' ' * indent}- {scalar(value)}" for value in values)]


def entry(head: str, value: object, indent: int) -> list[str]:
    """A key and its scalar, folded where it is long; a text of several lines keeps them."""
    pad = " " * (indent + 2)
    if isinstance(value, str) and "\n" in value:
        return [head + "|-", *(pad + part for part in value.split("\n"))]
    line = head + scalar(value)
    if len(line) <= WIDTH or not isinstance(value, str) or value != " ".join(value.split()):
        return [line]
    kept = value.replace(": ", f":{UNBROKEN}") if head.strip() == "formula:" else value
    wrapped = textwrap.wrap(kept, WIDTH - len(pad), break_long_words=False, break_on_hyphens=False)
    return [head + ">-", *(pad + part.replace(UNBROKEN, " ") for part in wrapped)]


def scalar(value: Any, in_list: bool = False) -> str:
    """A scalar as plain as YAML allows."""
    if is_number(value):
        return number(value)
    if not isinstance(value, str):
        return {True: "true", False: "false"}.get(value, "null")
    plain = value if not in_list or not set(value) & set(",[]{}") else ""
    if plain and plain == plain.strip() and reads_back(plain):
        return plain
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: int | float) -> str:
    """A number as people write it: 989.4e12, not 989400000000000.0."""
    text = repr(value)
    if isinstance(value, float) and value.is_integer() and abs(value) >= 1e6:
        digits = len(str(int(abs(value)))) - 1
        exponent = min(digits - digits % 3, 12) if digits < 18 else digits
        mantissa = f"{value / 10**exponent:.6g}"
        short = f"{mantissa}e{exponent}"
        text = short if "e" not in mantissa and float(short) == value else str(int(value))
    return text


def reads_back(text: str) -> bool:
    try:
        return source.parse(f"- {text}\n", "").data == [text] and source.parse(f"a: {text}\n", "").data == {"a": text}
    except Exception:
        return False


def main(arguments: list[str]) -> int:
    check = "--check" in arguments
    files = [Path(one) for one in arguments if one != "--check"] or sorted(CATALOG.glob("*.yaml"))
    stale = []
    for path in files:
        text = path.read_text(encoding="utf-8")
        formatted = format_text(text, path.name)
        if text != formatted:
            stale.append(path)
            if not check:
                path.write_text(formatted, encoding="utf-8")
    if check and stale:
        print(f"not in block style: {', '.join(map(str, stale))}; run python tools/format_catalog.py", file=sys.stderr)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
