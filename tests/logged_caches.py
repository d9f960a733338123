"""Memory that servers logged for their cache beside ours; `python tests/logged_caches.py` writes the page's table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from studies import frames_of

TESTS = Path(__file__).parent
GIB = 2**30
CASES: list[dict[str, Any]] = json.loads((TESTS / "truth" / "cache_logged.json").read_text(encoding="utf-8"))
PAGE = TESTS.parent / "docs" / "calibration.md"
BEGIN, END = "<!-- logged caches: python tests/logged_caches.py -->", "<!-- end of logged caches -->"


def ours(case: dict[str, Any]) -> float:
    """The memory left for the cache, in GiB, on a device that reports what the log says."""
    said = case["run"]
    device = {"extends": said["hardware"], "memory_bytes": int(case["memory_gib"] * GIB)}
    run = {"model": "m", "prompt_length": said["chunk_length"], "generated_length": 1, "n_sequences": 1}
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": case["model"]}, "hardware": {"own": device}}
    runs = {"serving": {"run": run | said | {"hardware": "own"}}}
    return float(frames_of(spec | runs)["serving_run"].loc["run", "served_cache_room_bytes"] / GIB)


def deviation(case: dict[str, Any]) -> float:
    """Ours against the log, as a share of the memory that the server may use: what is left is a small difference."""
    usable = case["memory_gib"] * case["run"]["memory_utilisation"]
    return (ours(case) - case["logged_gib"]) / usable


def table() -> str:
    """One row per log, in Markdown."""
    lines = [
        "| logged | usable, GiB | cache, GiB | ours, GiB | of usable | source |", "|---|---:|---:|---:|---:|---|",
    ]  # fmt: skip
    for case in CASES:
        usable = case["memory_gib"] * case["run"]["memory_utilisation"]
        source = case["source"] + (f"; {case['note']}" if case["note"] else "")
        lines.append(
            f"| {case['name']} | {usable:.2f} | {case['logged_gib']:.2f} | {ours(case):.2f} | "
            f"{100 * deviation(case):+.1f} % | {source} |"
        )
    return "\n".join(lines)


def page() -> str:
    """The page with the table as it is now."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
