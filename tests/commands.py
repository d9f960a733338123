"""Commands of flopsheet as a user runs them: in this process, or in one of their own where that is what is tested."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO
from unittest import mock

from flopsheet.cli import main

ROOT = Path(__file__).resolve().parent.parent
SILENT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)  # as Python itself has it


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command, with a terminal of a fixed width."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100", **(more or {})}


def run(
    *arguments: str, stdin: str = "", cwd: Path = ROOT, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command, to its end: its exit code and what it wrote.

    It runs in this process, since a new one takes longer than most commands do; with an environment of its own (`more`)
    it gets one, because Python reads that as it starts.
    """
    if more:
        return run_process(*arguments, stdin=stdin, cwd=cwd, more=more)
    with _streams(stdin) as (out, err), contextlib.chdir(cwd), _as_started(arguments):
        code = _exit_code()
    return subprocess.CompletedProcess(["flopsheet", *arguments], code, _text(out), _text(err))


def written(*arguments: str, cwd: Path = ROOT) -> tuple[int, bytes, bytes]:
    """The exit code of a command in this process, and the very bytes that it wrote to stdout and stderr."""
    with _streams("") as (out, err), contextlib.chdir(cwd), _as_started(arguments):
        code = _exit_code()
    return code, _bytes(out), _bytes(err)


def run_process(
    *arguments: str, stdin: str = "", cwd: Path = ROOT, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    command = [sys.executable, "-m", "flopsheet", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=cwd, env=environment(more), check=False
    )


def _exit_code() -> int:
    """What the process would have ended with; an exception that nobody expects becomes its traceback and 1."""
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


@contextlib.contextmanager
def _streams(stdin: str) -> Iterator[tuple[TextIO, TextIO]]:
    """Streams in memory instead of the three of this process."""
    given, out, err = (io.TextIOWrapper(io.BytesIO(data), "utf-8") for data in (stdin.encode(), b"", b""))
    with mock.patch.multiple(sys, stdin=given, stdout=out, stderr=err):
        yield out, err


@contextlib.contextmanager
def _as_started(arguments: tuple[str, ...]) -> Iterator[None]:
    """What a new process would find: its arguments, a terminal's width, warnings on stderr."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))

    threshold = gc.get_threshold()
    with (
        mock.patch.object(sys, "argv", ["flopsheet", *arguments]),
        mock.patch.dict(os.environ, {"COLUMNS": "100"}),
        mock.patch("atexit.register"),
        warnings.catch_warnings(),
    ):
        warnings.resetwarnings()
        for category in SILENT:
            warnings.simplefilter("ignore", category)
        warnings.showwarning = show
        try:
            yield
        finally:
            gc.set_threshold(*threshold)


def _text(stream: TextIO) -> str:
    """Everything that was written to a stream, line ends as `subprocess` gives them."""
    return _bytes(stream).decode().replace("\r\n", "\n").replace("\r", "\n")


def _bytes(stream: TextIO) -> bytes:
    """Everything that was written to a stream."""
    stream.flush()
    assert isinstance(stream, io.TextIOWrapper) and isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()
