"""Every formula cell of every spec and of many random studies: engines that are not ours, held against pandas.

    make agreement                    every spec in specs/ and 300 random studies, in three engines; an hour
    make agreement STUDIES=20         fewer
    make agreement FIRST=6000         others: those from this number on, without the specs
    make agreement OFFICE=20          LibreOffice takes every twentieth study; ten minutes
    python benchmarks/agreement.py --help

Each study's workbook is built, its stored values are spoilt, random edits are typed into Inputs, and the engine
recomputes it; pandas computes the spec that says the same. Exit 1 where a cell differs by more than 1e-12 of its value;
a cell that is itself a relative difference, such as the effect of a step, may differ by 1e-12 of 1: engines add in
another order, and what nearly cancels keeps the rounding alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from agreement import ENGINES, Outcome, held  # noqa: E402
from engines import has_libreoffice  # noqa: E402

MOST_SHOWN = 20


def tasks(first: int, studies: int, office: int, edits: int) -> Iterator[tuple[int | Path, int, dict[str, int]]]:
    """What each worker is given: every study for two engines, every spec and one study in `office` for LibreOffice."""
    specs = [] if first else sorted((ROOT / "specs").glob("*.yaml"))
    sources: list[int | Path] = [*specs, *range(first, first + studies)]
    for source in sources:
        sampled = office and (isinstance(source, Path) or source % office == 0)
        yield source, edits, {engine: edits for engine in ENGINES if engine != "LibreOffice" or sampled}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=300, help="random studies besides the specs (300)")
    options.add_argument("--edits", type=int, default=2, help="random edits of each (2), besides the workbook as built")
    options.add_argument("--first", type=int, default=0, help="the number of the first; from another, no specs (0)")
    options.add_argument("--office", type=int, default=1, help="LibreOffice takes one study in so many (1); 0: none")
    options.add_argument("--workers", type=int, default=2, help="processes (2)")
    chosen = options.parse_args()
    if chosen.office and not has_libreoffice():
        print("LibreOffice is not installed: it is left out", file=sys.stderr)
        chosen.office = 0

    start = time.perf_counter()
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(chosen.workers) as workers:
        given = tasks(chosen.first, chosen.studies, chosen.office, chosen.edits)
        waiting = [workers.submit(held, *task) for task in given]
        for done in as_completed(waiting):
            outcomes.append(done.result())
            if sys.stderr.isatty():
                print(f"\r{len(outcomes)} of {len(waiting)} workbooks", end="", file=sys.stderr)
    seconds = time.perf_counter() - start

    mismatches = [mismatch for outcome in outcomes for mismatch in outcome.mismatches]
    print(f"\n{len(outcomes)} workbooks, {sum(outcome.n_edits for outcome in outcomes)} edits, {seconds:,.0f} s")
    edited = Counter(grain for outcome in outcomes for grain in outcome.edited)
    print("inputs edited: " + ", ".join(f"{grain} in {count}" for grain, count in edited.most_common()))
    for engine in ENGINES:
        cells = [outcome.cells[engine] for outcome in outcomes if engine in outcome.cells]
        exact = sum(outcome.exact[engine] for outcome in outcomes if engine in outcome.cells)
        if cells:
            print(
                f"{engine}: {sum(cells):,} formula cells in {len(cells)} workbooks, {exact / sum(cells):.4%} bit-equal"
            )
    print(f"mismatches: {len(mismatches)}")
    print("\n".join(mismatches[:MOST_SHOWN]))
    return 1 if mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
