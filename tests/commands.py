"""Commands of flopsheet as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a command, with a terminal of a fixed width."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100", **(more or {})}


def run(
    *arguments: str, stdin: str = "", cwd: Path = ROOT, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    command = [sys.executable, "-m", "flopsheet", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=cwd, env=environment(more), check=False
    )
