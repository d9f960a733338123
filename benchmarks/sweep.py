"""A million scenarios through `flopsheet show`: time, memory and size per format; prints a table for docs/sweeps.md.

python benchmarks/sweep.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = """\
version: 1
title: A million scenarios
context_lengths: [1024, 4096, 16384, 131072]
defaults: {vocab_size: 50257, ffn: swiglu, d_ff: 4 * d_model}
models:
  design:
    d_head: 128
    n_heads: 32
    sweep:
      d_model: {from: 1024, to: 13696, step: 128}
      n_layers: {from: 4, to: 102, step: 2}
      n_kv_heads: [1, 2, 4, 8, 32]
      vocab_size: {from: 32000, to: 122000, step: 10000}
"""
SCENARIOS = 100 * 50 * 5 * 10 * 4
FORMATS = ("csv", "json", "parquet")


def measure(spec: Path, style: str, folder: Path) -> tuple[float, float, float, float]:
    """Seconds by the clock and of the processor, MB of memory at most, GB of output."""
    target = folder / f"out.{style}"
    command = [sys.executable, "-m", "flopsheet", "show", str(spec), "--format", style, "-o", str(target)]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    assert status == 0
    size = target.stat().st_size / 1e9
    target.unlink()
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, size


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "million.yaml").write_text(SPEC)
        print(
            f"{SCENARIOS:,} scenarios\n\n"
            "| format | seconds | of the processor | memory, MB | output, GB |\n|---|---:|---:|---:|---:|"
        )
        for style in FORMATS:
            seconds, busy, memory, size = measure(folder / "million.yaml", style, folder)
            print(f"| {style} | {seconds:.0f} | {busy:.0f} | {memory:.0f} | {size:.2f} |")


if __name__ == "__main__":
    main()
