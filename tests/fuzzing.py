"""Hostile specs: bytes, YAML trees and formulas, random and mutated from real ones, as Hypothesis strategies."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import yaml
from hypothesis import strategies as st

from flopsheet.catalog import load_catalog
from fuzzing_words import KEYS, MARK, REAL, RUNS, SCALARS, SEARCHED, SEEDS, SMALL, TOKENS


def texts(value: Any) -> str:
    """Data as JSON where that is YAML, with what JSON lacks spelt as YAML does."""
    return json.dumps(value, ensure_ascii=False, default=str)


@st.composite
def mangled(draw: st.DrawFn, source: bytes) -> bytes:
    """Bytes with a few places cut, repeated, overwritten or moved."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(source) - 1)))
        to = min(len(source), at + draw(st.integers(0, 40)))
        piece = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=8),
                st.sampled_from([token.encode("utf-8", "surrogatepass") for token in TOKENS]),
                st.just(source[at:to] * 3),
                st.just(bytes(byte ^ 1 for byte in source[at:to])),
            )
        )
        source = source[:at] + piece + source[to:]
    return source[: draw(st.integers(0, len(source)))] if draw(st.integers(0, 9)) == 0 else source


arbitrary_bytes = st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore"))

# A small one is read, and where it is still valid built, in a tenth of the time.
mangled_specs = st.sampled_from([text.encode() for text in [*SEEDS * 6, *REAL]]).flatmap(mangled)
scalars = st.sampled_from(SCALARS) | st.integers() | st.floats() | st.text(max_size=20)
keys = st.sampled_from(KEYS) | st.text(max_size=5)

trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a tree."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


@st.composite
def mutated_trees(draw: st.DrawFn, among: Sequence[str] = tuple(SEEDS)) -> bytes:
    """A small real spec with some values replaced, removed, renamed or taken from elsewhere in it."""
    data = copy.deepcopy(yaml.safe_load(draw(st.sampled_from(among))))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(data)[1:] or [("version",)]))
        holder = data
        for key in path[:-1]:
            holder = holder[key]
        deed = draw(st.sampled_from(["scalar", "scalar", "tree", "copy", "drop", "rename", "add"]))
        if deed == "drop":
            holder.pop(path[-1], None) if isinstance(holder, dict) else holder.pop(path[-1])
        elif deed == "rename" and isinstance(holder, dict):
            hostile = st.sampled_from([text for text in SCALARS if isinstance(text, str)])
            holder[draw(st.sampled_from(KEYS) | hostile)] = holder.pop(path[-1], 1)
        elif deed == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from(KEYS))] = draw(scalars)
        elif deed == "copy":
            source = data
            for key in draw(st.sampled_from(places(data))):
                source = source[key]
            holder[path[-1]] = copy.deepcopy(source)
        else:
            holder[path[-1]] = draw(trees if deed == "tree" else scalars)
    return texts(data).encode("utf-8", "surrogatepass")


random_trees = trees.map(lambda tree: texts(tree).encode("utf-8", "surrogatepass"))
FORMULAS = sorted({str(entry.default) for entry in load_catalog().inputs.values() if isinstance(entry.default, str)})


FORMULAS += ["4 * d_model", "ceil(8 * d_model / 3 / 256) * 256", "where(d_model > 512, 2048, 1024)", "max(1, -d_model)"]


WORDS = [
    "d_model",
    "n_heads",
    "n_layers",
    "vocab_size",
    "d_ff",
    "batch_size",
    "+",
    "-",
    "*",
    "/",
    "^",
    "**",
    "(",
    ")",
    ",",
    "==",
    "<",
    ">=",
    "min",
    "max",
    "where(",
    "ceil(",
    "floor(",
    "abs(",
    "sum(",
    "sum(n_group_layers)",
    "1",
    "2",
    "0",
    "1e15",
    "1e300",
    "0.1",
    ".5",
    "1_000",
    "0x10",
    "1j",
    "nan",
    "inf",
    "True",
    "None",
    "'a'",
    '"="',
    f"{MARK}",
    "lambda x:",
    "[",
    "]",
    "{",
    "}",
    ":=",
    "=",
    "%",
    "//",
    "@",
    "~",
    "not",
    "and",
    "if",
    "else",
    "for",
    "in",
    ".",
    "..",
    ";",
    "#",
    "\\",
    "\n",
    "\t",
    "\u00a0",
    "é",
    "ℓ",
    "x" * 300,
    "(" * 70,
    "-" * 80,
    "__import__('os')",
    "open('x')",
    "A1",
    "$A$1",
    "Sheet!A1",
    "SUM(A1:A9)",
    "HYPERLINK(1)",
    "WEBSERVICE(1)",
    "INDIRECT(1)",
    "[Book]Sheet!A1",
]

formulas = (
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
    | st.sampled_from([formula.encode() for formula in FORMULAS])
    .flatmap(mangled)
    .map(lambda raw: raw.decode("utf-8", "replace"))
    | st.text(max_size=60)
)


@st.composite
def formula_specs(draw: st.DrawFn) -> bytes:
    """A small spec in which some inputs are hostile expressions."""
    data = yaml.safe_load(draw(st.sampled_from([SMALL, RUNS])))
    model = next(iter(data["models"].values()))
    for key in draw(
        st.lists(st.sampled_from(["d_ff", "d_model", "n_kv_heads", "d_head", "window"]), min_size=1, max_size=2)
    ):
        model[key] = draw(formulas)
    if "training" in data and draw(st.booleans()):
        data["training"]["run"]["n_tokens"] = draw(formulas)
    return texts(data).encode("utf-8", "surrogatepass")


SPEC_KINDS: dict[str, st.SearchStrategy[bytes]] = {
    "random bytes": arbitrary_bytes,
    "mangled specs": mangled_specs,
    "random trees": random_trees,
    "mutated trees": mutated_trees(),
    "formulas": formula_specs(),
    "searches": mutated_trees([SEARCHED]),
}
