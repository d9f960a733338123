"""Searches of layouts: how many a second, in how much memory, against NumPy code of the same formulas.

layouts.py [SPACES]    holds so many random spaces, 1,000 by default, against a training run of each layout
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from evaluation import spelled_call
from processes import ENVIRONMENT, ROOT, Line, paired, ratios

from flopsheet.catalog import Catalog, load_catalog
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.pipeline.search.blocks import MOST
from flopsheet.pipeline.search.engine import Engine
from flopsheet.pipeline.search.workers import search_all
from flopsheet.pipeline.tables import Tables, tabulate_runs
from flopsheet.spec import Spec, load_spec
from flopsheet.spec.resolve import rules
from flopsheet.spec.search import layout_run

WANTED = ("predicted_seconds_per_step", "margin_bytes")
# Each adds to the size of the space; all but the last are a hundred million layouts.
AXES: dict[str, list[Any]] = {
    "tensor_parallel": [1, 2, 4, 8, 16, 32, 64, 128],
    "pipeline_parallel": [1, 2, 4, 8, 16, 32],
    "context_parallel": [1, 2, 4, 8],
    "expert_parallel": [1, 2, 4, 8, 16, 32, 64, 128, 256],
    "zero_stage": [1, 2, 3],
    "recomputation": ["none", "selective", "operations", "full"],
    "micro_batch_size": [1, 2, 4, 8],
    "sequence_parallel": [False, True],
    "loss_kernel": ["plain", "fused", "chunked"],
    "tensor_parallel_overlap": [at / 10 for at in range(10)],
    "data_parallel_overlap": [at / 10 for at in range(10)],
    "pipeline_overlap": [at / 8 for at in range(8)],
}
N_AXES = {7: "10⁵", 9: "10⁶", 10: "10⁷", 11: "10⁸"}  # how many of them are about so many layouts


def spec_of(n_axes: int) -> dict[str, Any]:
    search = {
        "model": "deepseek-v3",
        "hardware": ["h100-sxm", "h200"],
        "n_devices": 2048,
        "context_length": 4096,
        "global_batch_size": 15360,
        "vary": dict(list(AXES.items())[:n_axes]),
    }
    models = {"deepseek-v3": {"model": "deepseek-v3"}}
    return {"version": 1, "context_lengths": [4096], "models": models, "search": {"s": search}}


def lines(folder: Path, repeats: int) -> Iterator[Line]:
    """The lines of docs/performance.md."""
    sizes, busy, memory = [], [], []
    for n_axes, about in N_AXES.items():
        spec = folder / f"{n_axes}.yaml"
        spec.write_text(json.dumps(spec_of(n_axes)))
        size = load_spec(spec_of(n_axes)).searches[0].size
        cpu, _, peak = measure(spec, 1)
        sizes.append(size)
        busy.append(cpu)
        memory.append(peak)
        yield Line(f"{size:,} layouts (about {about}), one process: CPU seconds", (cpu,), "s")
        yield Line(f"{size:,} layouts, one process: peak memory", (peak,), "MB", "≤ 500 MB", 500.0)
    yield Line("layouts a second of CPU, in thousands, of the largest", (sizes[-1] / busy[-1] / 1e3,), "")
    wanted = 2e7 / sizes[-1] * busy[-1]
    yield Line("2·10⁷ layouts at that rate, CPU seconds", (wanted,), "s", "≤ 120 s", 120.0)
    exponent = math.log(busy[-1] / busy[-2]) / math.log(sizes[-1] / sizes[-2])
    yield Line("growth of time against layouts from 10⁷ on, exponent", (exponent,), "", "≤ 1.05", 1.05)
    yield Line("peak memory of the largest ÷ of 10⁶", (memory[-1] / memory[1],), "×", "≤ 1.2×", 1.2)
    two = measure(folder / "11.yaml", 2)[1]
    yield Line("the largest on two processes, by the clock", (two,), "s", "≤ 300 s", 300.0)
    longer = folder / "longer.yaml"  # long enough that starting, which nothing divides, is a small part of it
    longer.write_text(json.dumps(spec_of(len(AXES))))
    size = load_spec(spec_of(len(AXES))).searches[0].size
    one, two = (measure(longer, workers)[1] for workers in (1, 2))
    yield Line(f"{size:,} layouts: two processes ÷ one, by the clock", (two / one,), "×", "≤ 0.59×", 0.59)
    yield against_numpy(repeats)


# The command, which tells its own peak in KiB: what the kernel gives a parent is no less than the parent's own memory.
SEARCHED = """
import pathlib
from flopsheet.cli import main
try:
    main()
finally:
    print(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def measure(spec: Path, workers: int) -> tuple[float, float, float]:
    """CPU seconds and seconds by the clock of a search, and MB of memory at most."""
    command = [sys.executable, "-c", SEARCHED, "search", str(spec), "--workers", str(workers), "-o", f"{spec}.txt"]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began, int(told.split()[-1]) * 1024 / 1e6


# Against NumPy code ---------------------------------------------------------------------------------------------------


def against_numpy(repeats: int) -> Line:
    """CPU seconds for each layout that keeps the rules, ours over those of a loop of NumPy code."""
    spec = load_spec(spec_of(9))
    search, catalog = spec.searches[0], load_catalog()
    engine = Engine(spec, search)
    found = search_all(spec, search._replace(keep=1000), 1, lambda _: None, MOST)
    others = (number for number in range(0, search.size, 37) if is_kept(engine, number))  # some from everywhere
    kept = [*dict.fromkeys((*found.best.number.tolist(), *itertools.islice(others, 3096)))]
    runs = tuple(layout_run(search, number, str(number)) for number in kept)
    tables = tabulate_runs(
        dataclasses.replace(spec, runs={"training": runs}, hardware=tuple(search.devices.values())), "training"
    )
    by_hand = ByHand(tables, catalog)
    theirs = dict(zip(kept, by_hand.run()[WANTED[0]].tolist(), strict=True))
    ours = zip(found.best.number.tolist(), found.best.objective.tolist(), strict=True)
    assert all(math.isclose(theirs[number], value, rel_tol=1e-12) for number, value in ours)
    n_kept = found.n_seen - sum(count for name, count in found.fails.items() if name in catalog.rules)

    def seconds(act: Callable[[], Any], layouts: int) -> float:
        start = time.process_time()
        act()
        return (time.process_time() - start) / layouts

    pairs = paired(
        repeats,
        lambda: seconds(lambda: search_all(spec, search, 1, lambda _: None, MOST), n_kept),
        lambda: seconds(by_hand.run, len(kept)),
    )
    return ratios(
        f"a search ÷ a loop of the same {len(by_hand.code)} lines of NumPy, CPU seconds per layout", pairs, 1.5
    )


def is_kept(engine: Engine, number: int) -> bool:
    """Whether a layout breaks no rule."""
    search, model = engine.search, engine.model
    chosen = search.layout(number)
    try:
        run = layout_run(search, number, "r")
    except ArithmeticError:
        return False
    device = search.devices[str(chosen["hardware"])]
    values = {key: one.value for inputs in (model.inputs, device.inputs, run.inputs) for key, one in inputs.items()}
    groups = [{key: one.value for key, one in group.inputs.items()} for group in model.groups]
    whole = rules.Row(values, groups)
    parts = [rules.Row({**values, **group}) for group in groups]
    return all(whole.holds(rule) for rule in rules.of_grains("run", "training_run")) and all(
        part.holds(rule) for part in parts for rule in rules.of_grains("run_layer", "training_layer")
    )


class ByHand:
    """The metrics wanted and what they read as lines of NumPy over the runs of some tables; words are numbers."""

    def __init__(self, tables: Tables, catalog: Catalog) -> None:
        self.tables, self.catalog = tables, catalog
        self.words: dict[str, int] = {}
        self.given = dict(self.arrays())
        self.code: list[str] = []
        self.gathered: set[str] = set()
        for name in catalog.closure(WANTED):
            metric = catalog.metrics[name]
            self.code.append(f"{name} = {self.spelled(metric.ast, metric.grain)}")
        self.compiled = compile("\n".join(self.code), "by hand", "exec")
        self.n_runs = len(tables["training_run"])
        self.n_groups = len(tables["layer_run"]) // self.n_runs

    def arrays(self) -> Iterator[tuple[str, Any]]:
        """The inputs of all tables, plain where they are alike, and the rows of each table in those above it."""
        for table in self.tables.values():
            for name, values in table.inputs.items():
                plain = values.to_numpy()
                if plain.dtype == object:
                    plain = np.array([self.word(str(value)) for value in plain])
                yield name, plain[0].item() if (plain == plain[0]).all() else plain
            for grain, rows in table.above.items():
                yield f"{grain}_of_{table.grain}", np.array(rows)

    def word(self, text: str) -> int:
        return self.words.setdefault(text, len(self.words))

    def spelled(self, node: Node, grain: str) -> str:
        match node:
            case Number(value):
                return repr(value)
            case Text(value):
                return repr(self.word(value))
            case Name(name):
                return self.named(name, grain)
            case Negative(operand):
                return f"(-{self.spelled(operand, grain)})"
            case Operation(symbol, left, right):
                sign = "**" if symbol == "^" else symbol
                return f"({self.spelled(left, grain)} {sign} {self.spelled(right, grain)})"
            case Call(function, arguments):
                return spelled_call(function, [self.spelled(one, grain) for one in arguments])
            case Aggregate(function, names):
                return f"{function}_of({', '.join(names)})"

    def named(self, name: str, grain: str) -> str:
        """A name, gathered once where it stands in a coarser table."""
        of, alias = self.catalog.entry(name).grain, f"{name}_by_{grain}"
        is_one = name in self.given and not isinstance(self.given[name], np.ndarray)
        if of == grain or is_one or len(self.tables[of]) in {1, len(self.tables[grain])}:
            return name
        if alias not in self.gathered:
            self.gathered.add(alias)
            self.code.append(f"{alias} = {name} if np.ndim({name}) == 0 else {name}[{of}_of_{grain}]")
        return alias

    def rows(self, values: Any) -> Any:
        return np.broadcast_to(values, self.n_runs * self.n_groups).reshape(self.n_runs, self.n_groups)

    def picked(self, key: Any, values: Any) -> Any:
        at = self.rows(key).argmax(axis=1)[:, None]
        return np.take_along_axis(self.rows(values), at, axis=1)[:, 0]

    def run(self) -> Any:
        """The metrics by name."""
        names = {"np": np, "sum_of": lambda x: self.rows(x).sum(axis=1), "first_of": lambda x: self.rows(x)[:, 0]}
        names |= {"at_max_of": self.picked, **self.given}
        with np.errstate(all="ignore"):
            exec(self.compiled, names)
        return names


# Against brute force --------------------------------------------------------------------------------------------------


def main() -> None:
    """Holds random spaces against a run of each layout, to the last digit."""
    sys.path.insert(0, str(ROOT / "tests"))
    from layouts_by_runs import random_search, random_serving_search, ranked_by_runs

    spaces = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for kind, draw in (("training", random_search), ("serving", random_serving_search)):
        layouts, possible = hold(spaces, draw, ranked_by_runs)
        print(f"{spaces:,} spaces of {layouts:,} {kind} layouts, {possible:,} of them possible: all equal")


def hold(spaces: int, draw: Callable[..., Any], ranked: Callable[..., Any]) -> tuple[int, int]:
    """Holds random spaces against a run of each layout; how many there were, and how many of them are possible."""
    layouts = possible = 0
    for seed in range(spaces):
        chance = random.Random(seed)
        data = draw(chance, 30)
        spec: Spec = load_spec(data)
        search = spec.searches[0]
        found = search_all(spec, search, 1, lambda _: None, chance.choice([4, 30, MOST]))
        sign = -1 if search.is_maximised else 1
        ours = list(zip(map(str, found.best.number), sign * found.best.objective, strict=True))
        assert ours == ranked(data, "s"), f"space {seed}"
        assert found.n_valid + sum(found.fails.values()) == search.size, f"space {seed}"
        layouts += search.size
        possible += found.n_valid
    return layouts, possible


if __name__ == "__main__":
    main()
