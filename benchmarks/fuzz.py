"""Hostile specs and workbooks, random and mutated from real ones: each ends in a result or in a clear error.

    make fuzz                     10,000 cases; minutes
    make fuzz CASES=500           fewer
    python benchmarks/fuzz.py --help

A spec goes through `flopsheet build`, a workbook through `pull`, `check` or `diff`. A case fails where a traceback
escapes, the exit code is none of 0, 1 and 2, an error has no words, it takes more than a minute of the processor or
more memory than allowed, a file is left half-written, or a text of the spec stands in a formula. Exit 1 where any did.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402

from fuzzing import SPEC_KINDS  # noqa: E402
from fuzzing_words import SMALL  # noqa: E402
from fuzzing_workbooks import SECRET, bombs, workbook_kinds  # noqa: E402
from robustness_case import SECONDS, Ending, endured_build, endured_review  # noqa: E402

GIB = 2**30
MOST_MEMORY = 4 * GIB  # of address space
MOST_SHOWN = 10
# How much of all cases each kind gets; a spec that is valid is built, which takes a hundred times as long as an error.
SHARES = {
    "random bytes": 0.17,
    "mangled specs": 0.1,
    "random trees": 0.2,
    "mutated trees": 0.2,
    "formulas": 0.2,
    "searches": 0.03,
    "workbooks: bytes": 0.03,
    "workbooks: parts": 0.03,
    "workbooks: XML": 0.02,
    "workbooks: typing": 0.02,
}


@dataclass
class Campaign:
    """What the cases of one kind gave."""

    kind: str
    endings: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0
    memory: int = 0
    """Of the process at its most, in bytes."""
    failures: list[str] = field(default_factory=list)

    def note(self, case: bytes, ending: Ending) -> None:
        self.endings[ending.kind] += 1
        self.slowest = max(self.slowest, ending.seconds)
        if ending.complaint:
            self.failures.append(f"{self.kind}: {case[:2000]!r}\n{ending.complaint}")


def run(kind: str, cases: int, number: int) -> Campaign:
    """So many cases of one kind, in a process of its own within bounds of memory."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    start, found = time.perf_counter(), Campaign(kind)
    with tempfile.TemporaryDirectory(prefix="flopsheet-fuzz-") as folder, tempfile.NamedTemporaryFile("w") as secret:
        secret.write(SECRET)
        secret.flush()
        work, turns = Path(folder), count()

        def try_one(case: bytes) -> None:
            turn = next(turns)
            faulthandler.dump_traceback_later(20 * SECONDS, exit=True)  # by the clock: where even a timer is not heard
            if kind in SPEC_KINDS:
                found.note(case, endured_build(case, work))
            else:
                found.note(case, endured_review(case, work, SMALL.encode(), turn, SECRET))
            faulthandler.cancel_dump_traceback_later()

        if kind == "workbooks: bombs":
            for case in bombs():
                for _ in range(2):  # the commands take turns
                    try_one(case)
        else:
            strategy = SPEC_KINDS[kind] if kind in SPEC_KINDS else workbook_kinds(secret.name)[kind]
            how = settings(
                max_examples=cases,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            seed(number)(how(given(strategy)(try_one)))()
    found.seconds = time.perf_counter() - start
    found.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return found


def row(found: Campaign) -> str:
    """One line of the table."""
    ends = "".join(f"{found.endings[f'exit {code}']:8,}" for code in (0, 1, 2))
    sizes = f"{found.seconds:9,.0f}{found.slowest:9.1f}{found.memory / 2**20:6,.0f}"
    return f"{found.kind:20}{found.endings.total():7,}{ends}{sizes}"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cases", type=int, default=10_000, help="cases of all kinds together (10,000)")
    options.add_argument("--seed", type=int, default=1, help="another number gives other cases (1)")
    options.add_argument("--workers", type=int, default=2, help="processes (2)")
    options.add_argument("--kinds", nargs="*", default=[*SHARES, "workbooks: bombs"], help="only these")
    chosen = options.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # each thread reserves address space

    start = time.perf_counter()
    campaigns: list[Campaign] = []
    print(f"{'kind':20}{'cases':>7}{'exit 0':>8}{'exit 1':>8}{'exit 2':>8}{'seconds':>9}{'slowest':>9}{'MiB':>6}")
    with ProcessPoolExecutor(chosen.workers, max_tasks_per_child=1) as workers:
        counts = {kind: max(1, round(chosen.cases * SHARES.get(kind, 0))) for kind in chosen.kinds}
        waiting = {workers.submit(run, kind, count, chosen.seed): kind for kind, count in counts.items()}
        for done in as_completed(waiting):
            try:
                campaigns.append(done.result())
            except BrokenProcessPool:
                campaigns.append(
                    Campaign(waiting[done], failures=[f"{waiting[done]}: the process died, or was ended as hung"])
                )
            print(row(campaigns[-1]), flush=True)

    failures = [failure for found in campaigns for failure in found.failures]
    total = sum(found.endings.total() for found in campaigns)
    print(f"{total:,} cases, {time.perf_counter() - start:,.0f} s, seed {chosen.seed}; failures: {len(failures)}")
    print("\n\n".join(failures[:MOST_SHOWN]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
