"""Cold starts: a build against the imports that everybody pays, help and a spec error against a bare Python."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from processes import Line, paired, ratios, run


def lines(folder: Path, repeats: int) -> Iterator[Line]:
    bad = folder / "bad.yaml"
    bad.write_text("version: 1\nmodles: {}\n")
    build = ["-m", "flopsheet", "build", "specs/gpt2.yaml", "-o", str(folder / "gpt2.xlsx")]
    imports = ["-c", "import pandas, openpyxl, yaml"]
    for clock in ("cpu", "clock"):
        pairs = paired(repeats, lambda c=clock: getattr(run(build), c), lambda c=clock: getattr(run(imports), c))
        by = "CPU seconds" if clock == "cpu" else "by the clock"
        yield ratios(f"`flopsheet build specs/gpt2.yaml` ÷ `import pandas, openpyxl, yaml`, {by}", pairs, 1.8)
    pairs = paired(repeats, lambda: run(["-m", "flopsheet", "--help"]).cpu, lambda: run(["-c", "pass"]).cpu)
    more = tuple(ours - bare for ours, bare in pairs)
    yield Line("`flopsheet --help` − `python -c pass`, CPU seconds", more, "s", "≤ 0.15 s", 0.15)
    # The garbage collector is set as a command sets it.
    rarely = "import atexit, gc; gc.set_threshold(1_000_000, 20, 100); atexit.register(gc.freeze)"
    libraries = ["-c", f"{rarely}; import click, yaml, pydantic_core"]
    error = ["-m", "flopsheet", "validate", str(bad)]
    pairs = paired(repeats, lambda: run(error).cpu, lambda: run(libraries).cpu)
    yield ratios("a spec error ÷ importing click, yaml and pydantic-core, CPU seconds", pairs, 1.6)
    yield Line("a spec error, CPU seconds", tuple(ours for ours, _ in pairs), "s")
    yield Line("`python -c pass`, CPU seconds", tuple(run(["-c", "pass"]).cpu for _ in pairs), "s")
    loop = ["-c", "total = 0\nfor number in range(10**7):\n    total += number"]
    yield Line("how fast this machine is: ten million additions, CPU seconds", tuple(run(loop).cpu for _ in pairs), "s")
