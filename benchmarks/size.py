"""A large study against the libraries, and how time, memory and the file grow with the number of cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

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

    ways = ("pyexcelerate", "xlsxwriter", "openpyxl", "flopsheet")
    turns = paired(repeats, *(lambda w=way: seconds(w) for way in ways))
    ours = {way: [(turn[-1], turn[at]) for turn in turns] for at, way in enumerate(ways)}
    size = target.stat().st_size  # flopsheet's, the last of a turn
    of = f"250 models × 4 contexts, {count:,} cells of which {formulas:,} formulas"
    yield ratios(f"{of}: flopsheet ÷ plain openpyxl, CPU seconds", ours["openpyxl"], 0.9)
    yield ratios("the same ÷ PyExcelerate without stored values, CPU seconds", ours["pyexcelerate"], 2.0)
    yield ratios("the same ÷ XlsxWriter, CPU seconds", ours["xlsxwriter"], 0.7)
    yield ratios(
        "the same ÷ plain openpyxl, peak memory", list(zip(peaks["flopsheet"], peaks["openpyxl"], strict=True)), 1.2
    )
    yield Line("seconds of CPU for it", tuple(turn[-1] for turn in turns), "s")
    yield Line("its file, per 10⁵ cells", (size / count * 1e5 / 1e6,), "MB")


class Size(NamedTuple):
    """What a study of some size takes, whole and the one sheet alone: cells, CPU seconds, MB at the peak."""

    cells: int
    seconds: float
    megabytes: float
    cells_alone: int
    seconds_alone: float


def growth(folder: Path, repeats: int) -> Iterator[Line]:
    sizes = []
    for models, contexts in GROWTH:
        size = taken_by(studies.write(models, folder / "growth.yaml", contexts), folder, repeats)
        sizes.append(size)
        yield Line(f"{size.cells:,} cells: CPU seconds", (size.seconds,), "s")
        yield Line(f"{size.cells:,} cells: peak memory", (size.megabytes,), "MB")
    for size in sizes:
        what = f"writing the sheet {writers.ALONE} alone, {size.cells_alone:,} cells: CPU time"
        yield Line(what, (size.seconds_alone * 1e3,), "ms")
    whole = [(size.cells, size.seconds) for size in sizes]
    alone = [(size.cells_alone, size.seconds_alone) for size in sizes]
    memory = [(size.cells, size.megabytes) for size in sizes]
    for what, points in (
        ("growth of time against cells, exponent of all sizes", whole),
        ("the same from 5·10⁴ cells", [point for point in whole if point[0] >= 5e4]),
        ("growth of writing one sheet against its cells, exponent", alone),
        ("growth of memory against cells, exponent", memory),
    ):
        yield Line(what, (exponent(points),), "", "≤ 1.05", 1.05)
    yield Line("slope of time, per 10⁵ cells", (slope(whole) * 1e5,), "s")
    yield Line("slope of memory, per 10⁵ cells", (slope(memory) * 1e5,), "MB")


def taken_by(spec: Path, folder: Path, repeats: int) -> Size:
    cells, _, cells_alone = writers.dump(spec, folder / "growth.cells")
    peaks = []

    def seconds(way: str) -> float:
        done = run(["benchmarks/writers.py", way, str(spec), str(folder / "growth.xlsx")])
        taken, peak = map(float, done.output.split())
        if way == "flopsheet":
            peaks.append(peak)
        return taken

    whole, alone = zip(*paired(repeats, lambda: seconds("flopsheet"), lambda: seconds("sheet")), strict=True)
    return Size(cells, median(whole), median(peaks), cells_alone, median(alone))


Points = Sequence[tuple[float, float]]


def slope(points: Points) -> float:
    """Of the line through the points that least squares give."""
    middle_x, middle_y = (sum(values) / len(values) for values in zip(*points, strict=True))
    above = sum((x - middle_x) * (y - middle_y) for x, y in points)
    return above / sum((x - middle_x) ** 2 for x, _ in points)


def exponent(points: Points) -> float:
    return slope([(math.log(x), math.log(y)) for x, y in points])
