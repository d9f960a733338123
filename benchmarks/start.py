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
        yield ratios(f"`flopsheet build specs/gpt2.yaml` ÷ `import pandas, openpyxl, yaml`, {by}", pairs, 1.5)
    for name, command in (("`flopsheet --help`", ["--help"]), ("a spec error", ["validate", str(bad)])):
        pairs = paired(repeats, lambda c=command: run(["-m", "flopsheet", *c]).cpu, lambda: run(["-c", "pass"]).cpu)
        more = tuple(ours - bare for ours, bare in pairs)
        yield Line(f"{name} − `python -c pass`, CPU seconds", more, "s", "≤ 0.15 s", 0.15)
    # What of it the machine and the libraries make: the target is in seconds, which no ratio of one run can show.
    # The garbage collector is set as a command sets it.
    rarely = "import atexit, gc; gc.set_threshold(1_000_000, 20, 100); atexit.register(gc.freeze)"
    libraries = ["-c", f"{rarely}; import click, yaml, pydantic_core"]
    pairs = paired(repeats, lambda: run(libraries).cpu, lambda: run(["-c", "pass"]).cpu)
    yield Line("of that, importing click, yaml and pydantic-core", tuple(theirs - bare for theirs, bare in pairs), "s")
    yield Line("`python -c pass`, CPU seconds", tuple(bare for _, bare in pairs), "s")
    loop = ["-c", "total = 0\nfor number in range(10**7):\n    total += number"]
    yield Line("how fast this machine is: ten million additions, CPU seconds", tuple(run(loop).cpu for _ in pairs), "s")
