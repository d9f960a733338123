"""A million scenarios: the catalogue's formulas over columns, against the same expressions as NumPy code.

That code has a line for each metric, as a hand would write it: study-wide values are plain numbers and texts, what is
read from a coarser table is gathered once. It is spelled from the catalogue, as lines typed here would be a second
definition of every metric; both must give the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np
from processes import Line, paired, ratios

import studies
from flopsheet.catalog import KEYS, Catalog, load_catalog
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import ABSENT, GIVEN
from flopsheet.pipeline import frames
from flopsheet.pipeline.tables import Tables, tabulate
from flopsheet.spec import load_spec

WANTED = ("flops_forward", "kv_cache_bytes", "share_ffn")
CALLS = {"min": "np.minimum", "max": "np.maximum", "floor": "np.floor", "ceil": "np.ceil", "abs": "np.abs"}


def lines(repeats: int) -> Iterator[Line]:
    tables = tabulate(load_spec(studies.study(1000, list(range(1024, 1024 + 1000)))))
    catalog = load_catalog()
    text, by_hand = written_out(tables, catalog)
    ours, theirs = frames.compute_values(tables, catalog, WANTED), by_hand()
    assert all(np.array_equal(ours.column(catalog.entry(name).grain, name), theirs[name]) for name in WANTED)

    def seconds(act: Callable[[], Any]) -> float:
        start = time.process_time()
        act()
        return time.process_time() - start

    pairs = paired(
        repeats, lambda: seconds(lambda: frames.compute_values(tables, catalog, WANTED)), lambda: seconds(by_hand)
    )
    count = text.count("\n")
    what = f"evaluating {len(tables['scenario']):,} scenarios ÷ the same {count} lines of NumPy, CPU seconds"
    yield ratios(what, pairs, 1.3)
    yield Line("seconds of CPU for it", tuple(ours for ours, _ in pairs), "s")


def arrays(tables: Tables) -> dict[str, Any]:
    """The inputs of all tables as NumPy code names them, and the rows of each table in those above it."""
    given: dict[str, Any] = {}
    for table in tables.values():
        for name, values in table.inputs.items():
            plain = values.to_numpy()
            given[name] = plain.item() if len(plain) == 1 else plain
        for grain, rows in table.above.items():
            given[f"{grain}_of_{table.grain}"] = np.array(rows)
    return given


def spelled_call(function: str, arguments: list[str]) -> str:
    """A function over texts of NumPy; min and max of several as one call in another."""
    if function == GIVEN:
        return f"~np.isnan({arguments[0]})"
    if function == ABSENT:
        return "np.nan"
    if function == "where":
        return f"np.where({', '.join(arguments)})"
    if len(arguments) == 1:
        return f"{CALLS[function]}({arguments[0]})"
    return reduce(lambda done, other: f"{CALLS[function]}({done}, {other})", arguments)


def written_out(tables: Tables, catalog: Catalog) -> tuple[str, Callable[[], dict[str, Any]]]:
    """The metrics wanted and what they read as lines of NumPy, and a function that runs them over the inputs."""
    given = arrays(tables)
    gathered: dict[str, str] = {}
    code: list[str] = []

    def grain_of(name: str) -> str:
        return KEYS[name] if name in KEYS else catalog.entry(name).grain

    def spelled(node: Node, grain: str) -> str:
        match node:
            case Number(value) | Text(value):
                return repr(value)
            case Name(name):
                of = grain_of(name)
                if of == grain or len(tables[of]) == 1:
                    return name
                alias = f"{name}_by_{grain}"
                if alias not in gathered:
                    gathered[alias] = name
                    code.append(f"{alias} = {name}[{of}_of_{grain}]")
                return alias
            case Negative(operand):
                return f"(-{spelled(operand, grain)})"
            case Operation(symbol, left, right):
                return f"({spelled(left, grain)} {'**' if symbol == '^' else symbol} {spelled(right, grain)})"
            case Call(function, arguments):
                return spelled_call(function, [spelled(argument, grain) for argument in arguments])
            case Aggregate("sum", (name,)):
                of = grain_of(name)
                return f"np.bincount({grain}_of_{of}, weights={name}, minlength={len(tables[grain])})"
        raise AssertionError(f"{node} is not spelled here")

    for name in catalog.closure(WANTED):
        metric = catalog.metrics[name]
        line = f"{name} = {spelled(metric.ast, metric.grain)}"
        code.append(line)
    text = "\n".join(code) + "\n"
    compiled = compile(text, "by hand", "exec")

    def by_hand() -> dict[str, Any]:
        names = {"np": np, **given}
        with np.errstate(all="ignore"):
            exec(compiled, names)
        return names

    return text, by_hand
