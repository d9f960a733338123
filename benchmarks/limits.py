"""10,000 limits of memory and 10,000 within budgets of random runs, 10,000 of random models, put back through pandas.

    python benchmarks/limits.py            twenty minutes on one core
    python benchmarks/limits.py --runs 50  fewer runs of each kind, and fewer models

At a limit the run fits, or the budget is met; one step further it does not. Exit 1 where pandas says otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

import test_budget_limits as of_budgets  # noqa: E402
import test_limits as of_memory  # noqa: E402

N_BUDGETS = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=250, help="runs of each kind at a time (250)")
    runs, wrong = parser.parse_args().runs, 0
    for seed in range(11, 15):
        memory = of_memory.claims(of_memory.study(seed, runs))
        wrong += _told(
            f"memory, runs {seed}", {claim: count for claim, count in memory.items() if not claim[2]}, memory
        )
    budgets = of_budgets.claims(11, runs, N_BUDGETS)
    wrong += _told("budgets", {claim: count for claim, count in budgets.items() if claim[2] == "false"}, budgets)
    for seed in range(11, 15):
        models = of_budgets.model_claims(seed, runs)
        wrong += _told(
            f"budgets, models {seed}", {claim: count for claim, count in models.items() if claim[2] == "false"}, models
        )
    return int(wrong > 0)


def _told(name: str, wrong: dict[tuple[str, str, object], int], found: Counter[tuple[str, str, object]]) -> int:
    """Prints what was claimed, and what of it pandas denies."""
    states = Counter({state: 0 for _, state, _ in found})
    for (_, state, _), count in found.items():
        states[state] += count
    said = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    print(f"{name}: {found.total():,} limits ({said}), {sum(wrong.values()):,} wrong")
    for (limit, state, _), count in wrong.items():
        print(f"  {limit}, {state}: {count:,}")
    return sum(wrong.values())


if __name__ == "__main__":
    sys.exit(main())
