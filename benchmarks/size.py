"""A large study against the libraries, and how time, memory and the file grow with the number of cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import writers
from processes import Line, paired, ratios, run

import studies

# Models and context lengths; the first is as small as a workbook gets, the last about 10^6 cells.
GROWTH = [(1, [1024]), (4, None), (16, None), (64, None), (250, None), (490, None)]


def lines(folder: Path, repeats: int) -> Iterator[Line]:
    spec, cells = studies.write(250, folder / "large.yaml"), folder / "large.cells"
    count, formulas, _ = writers.dump(spec, cells)
    target = folder / "large.xlsx"
    peaks: dict[str, list[float]] = {}

    def seconds(way: str) -> float:
        done = run(["benchmarks/writers.py", way, str(spec if way == "flopsheet" else cells), str(target)])
        taken, peak = map(float, done.output.split())
        peaks.setdefault(way, []).append(peak)
        return taken

    triples = paired(repeats, *(lambda w=way: seconds(w) for way in ("xlsxwriter", "openpyxl", "flopsheet")))
    size = target.stat().st_size  # flopsheet's, the last of a turn
    of = f"250 models × 4 contexts, {count:,} cells of which {formulas:,} formulas"
    yield ratios(f"{of}: flopsheet ÷ plain openpyxl, CPU seconds", [(c, b) for _, b, c in triples], 1.15)
    yield ratios("the same ÷ XlsxWriter, CPU seconds", [(c, a) for a, _, c in triples], 0.7)
    yield ratios(
        "the same ÷ plain openpyxl, peak memory", list(zip(peaks["flopsheet"], peaks["openpyxl"], strict=True)), 1.2
    )
    yield Line("seconds of CPU for it", tuple(c for *_, c in triples), "s")
    yield Line("its file, per 10⁵ cells", (size / count * 1e5 / 1e6,), "MB")


def growth(folder: Path, repeats: int) -> Iterator[Line]:
    counts, times, memory, alone, alone_times = [], [], [], [], []
    for models, contexts in GROWTH:
        spec = studies.write(models, folder / "growth.yaml", contexts)
        count, _, on_one = writers.dump(spec, folder / "growth.cells")
        peaks: list[float] = []

        def seconds(way: str, spec: Path = spec, peaks: list[float] = peaks) -> float:
            done = run(["benchmarks/writers.py", way, str(spec), str(folder / "growth.xlsx")])
            taken, peak = map(float, done.output.split())
            if way == "flopsheet":
                peaks.append(peak)
            return taken

        whole, one = zip(*paired(repeats, lambda: seconds("flopsheet"), lambda: seconds("sheet")), strict=True)
        times.append(median(whole))
        memory.append(median(peaks))
        counts.append(count)
        alone.append(on_one)
        alone_times.append(median(one))
        yield Line(f"{count:,} cells: CPU seconds", (times[-1],), "s")
        yield Line(f"{count:,} cells: peak memory", (memory[-1],), "MB")
    for count, taken in zip(alone, alone_times, strict=True):
        yield Line(f"writing the sheet {writers.ALONE} alone, {count:,} cells: CPU time", (taken * 1e3,), "ms")
    above = [(count, time) for count, time in zip(counts, times, strict=True) if count >= 5e4]
    yield Line("growth of time against cells, exponent of all sizes", (exponent(counts, times),), "", "≤ 1.05", 1.05)
    yield Line("the same from 5·10⁴ cells", (exponent(*zip(*above, strict=True)),), "", "≤ 1.05", 1.05)
    yield Line(
        "growth of writing one sheet against its cells, exponent", (exponent(alone, alone_times),), "", "≤ 1.05", 1.05
    )
    yield Line("growth of memory against cells, exponent", (exponent(counts, memory),), "", "≤ 1.05", 1.05)
    yield Line("slope of time, per 10⁵ cells", (slope(counts, times) * 1e5,), "s")
    yield Line("slope of memory, per 10⁵ cells", (slope(counts, memory) * 1e5,), "MB")


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Of the line through the points that least squares give."""
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - middle_x) ** 2 for a in x)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    return slope([math.log(a) for a in x], [math.log(b) for b in y])
