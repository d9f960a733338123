"""What must hold of every command, whatever it is given: how it ends, what it leaves, how long it takes."""

from __future__ import annotations

import contextlib
import html
import io
import re
import signal
import sys
import time
import traceback
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from types import FrameType

import yaml

from flopsheet.cli import main
from fuzzing_words import MARK

SECONDS = 60.0  # for one command, on a machine that does other things too
ALLOWED = frozenset(
    [
        "ABS",
        "AND",
        "CEILING",
        "COLUMN",
        "COLUMNS",
        "COUNT",
        "COUNTA",
        "COUNTIF",
        "EXP",
        "FLOOR",
        "IF",
        "INDEX",
        "INT",
        "ISNUMBER",
        "LEFT",
        "LN",
        "LOG",
        "LOG10",
        "LOOKUP",
        "MATCH",
        "MAX",
        "MID",
        "MIN",
        "MOD",
        "NOT",
        "OR",
        "POWER",
        "RANK",
        "ROUND",
        "ROUNDDOWN",
        "ROUNDUP",
        "ROW",
        "SIGN",
        "SQRT",
        "SUBSTITUTE",
        "SUM",
        "SUMIF",
        "SUMPRODUCT",
        "TEXT",
    ]
)
FORMULA = re.compile(rb"<(?:\w+:)?(?:f|formula|formula1|formula2|definedName)(?: [^>]*)?>([^<]*)<")
CALL = re.compile(r"([A-Za-z_][\w.]*)\(")
TEXT = re.compile(r'"[^"]*"' + r"|'[^']*'")


class Hang(BaseException):
    """A command took more of the processor's time than it may; no handler of Exception swallows it."""


@dataclass(frozen=True)
class Ending:
    """How a command ended, and what is wrong with that; nothing is where `complaint` is empty."""

    code: int
    seconds: float
    complaint: str = ""

    @property
    def kind(self) -> str:
        return f"exit {self.code}"


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    def stop(_: int, __: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)  # by the clock, a machine that is busy would be a hang
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def run(arguments: Sequence[str]) -> tuple[int, str, str, float, str]:
    """One command in this process: exit code, stdout, stderr, seconds, and the traceback that escaped."""
    out, err, escaped = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8"), ""
    code, start, argv = -1, time.process_time(), sys.argv
    sys.argv = ["flopsheet", *arguments]
    try:
        with within(SECONDS), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except (Exception, Hang):
        escaped = traceback.format_exc()
    finally:
        sys.argv = argv
    seconds = time.process_time() - start
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8", "replace"))  # type: ignore[attr-defined]
    return code, texts[0], texts[1], seconds, escaped


def endured(arguments: Sequence[str], folder: Path, made: Sequence[str]) -> Ending:
    """A command that works in a folder and may make some files there; each of them comes whole or not at all."""
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    code, out, err, seconds, escaped = run(arguments)
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    faults = []
    if escaped:
        faults.append(escaped)
    if "Traceback (most recent call last)" in out + err:
        faults.append(f"a traceback was printed:\n{err}")
    if not escaped and code not in {0, 1, 2}:
        faults.append(f"exit code {code}")
    if code in {1, 2} and not (out + err).strip():
        faults.append(f"exit {code} without a word")
    for name in (after.keys() | before.keys()) - set(made):
        if before.get(name) != after.get(name):
            faults.append(f"{name} was left, changed or removed")
    for name in made:
        if name in after and name.endswith(".xlsx"):
            faults += workbook_faults(after[name])
    return Ending(code, seconds, "\n".join(faults))


def endured_build(spec: bytes, folder: Path) -> Ending:
    """`flopsheet build` of a spec's bytes: a workbook, or an error and none; whole or brief by turns.

    The whole one takes several times as long, so one case in four gets it.
    """
    for path in folder.iterdir():
        path.unlink()
    (folder / "spec.yaml").write_bytes(spec)
    target = folder / "book.xlsx"
    report = "full" if len(spec) % 4 == 0 else "brief"
    arguments = ["build", str(folder / "spec.yaml"), "-o", str(target), "--report", report]
    ending = endured(arguments, folder, ["book.xlsx"])
    if not ending.complaint and ending.code in {0, 2} and target.exists() != (ending.code == 0):
        return Ending(ending.code, ending.seconds, f"exit {ending.code}, and the workbook is there: {target.exists()}")
    return ending if ending.complaint or ending.code else _endured_other(spec, folder) or ending


def _endured_other(spec: bytes, folder: Path) -> Ending | None:
    """What else a valid spec goes through, by turns: the page of its results, or its searches."""
    if len(spec) % 2:
        ending = endured(
            ["show", str(folder / "spec.yaml"), "--format", "html", "-o", str(folder / "page.html")],
            folder,
            ["page.html"],
        )
        page = folder / "page.html"
        faults = page_faults(page.read_text(encoding="utf-8")) if page.exists() and not ending.complaint else []
        return replace(ending, complaint="\n".join(faults)) if faults else ending
    if b"search" in spec:
        return endured(["search", str(folder / "spec.yaml")], folder, [])
    return None


class _Markup(HTMLParser):
    """What of a page could run, load or be a text of the spec that became markup."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "iframe", "object", "embed", "link", "base", "form"} or MARK in tag:
            self.faults.append(f"the page has <{tag}>")
        for name, value in attrs:
            if name.startswith("on") or MARK in name:
                self.faults.append(f"<{tag}> has the attribute {name}")
            if name in {"href", "src", "xlink:href"} and not (value or "").startswith("#"):
                self.faults.append(f"<{tag}> refers to {value}")


def page_faults(page: str) -> list[str]:
    """What is wrong with a page: anything that runs, loads, or that a spec's text made."""
    markup = _Markup()
    markup.feed(page)
    return markup.faults


def workbook_faults(content: bytes) -> list[str]:
    """What is wrong with a workbook that was written: broken, fetching, running, or with a formula out of a text."""
    faults = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if broken := archive.testzip():
            faults.append(f"{broken} is broken")
        for name in archive.namelist():
            part = archive.read(name)
            if b'TargetMode="External"' in part or "vba" in name.lower() or "externalLink" in name:
                faults.append(f"{name} reaches outside")
            for found in FORMULA.findall(part):
                formula = html.unescape(found.decode())
                bare = TEXT.sub("", formula)
                alien = {call.upper() for call in CALL.findall(bare)} - ALLOWED
                if MARK in formula or alien or "[" in bare or "|" in bare:
                    faults.append(f"{name} has the formula {formula[:200]}")
    return faults


def endured_review(workbook: bytes, folder: Path, spec: bytes, turn: int, secret: str) -> Ending:
    """One of the commands that read workbooks, by turns; the spec is edited as a whole or stays as it is."""
    for path in folder.iterdir():
        path.unlink()
    (folder / "book.xlsx").write_bytes(workbook)
    (folder / "spec.yaml").write_bytes(spec)
    book, text = str(folder / "book.xlsx"), str(folder / "spec.yaml")
    arguments, made = [
        (["pull", book], []),
        (["pull", book, "-o", str(folder / "patch.yaml")], ["patch.yaml"]),
        (["pull", book, "--write", text], ["spec.yaml"]),
        (["check", book], []),
        (["diff", text, book], []),
        (["diff", book, text, "--format", "json", "--all"], []),
    ][turn % 6]
    ending = endured(arguments, folder, made)
    if ending.complaint:
        return ending
    for name in made:
        if (folder / name).exists():
            written = (folder / name).read_bytes()
            if secret.encode() in written:
                return Ending(ending.code, ending.seconds, f"{name} holds a file of this machine")
            try:
                yaml.safe_load(written.decode())
            except (yaml.YAMLError, UnicodeDecodeError) as error:
                return Ending(ending.code, ending.seconds, f"{name} is broken: {error}")
    return ending
