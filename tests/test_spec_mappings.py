"""A spec may also come as a mapping; whatever it holds, it ends in a Spec or in a SpecError, and soon."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flopsheet.diagnostics import SpecError
from flopsheet.pipeline.tables import tabulate
from flopsheet.spec import load_spec
from flopsheet.spec.load import from_source
from flopsheet.yamlio import source
from studies import SPECS

PLAIN = {
    "version": 1,
    "context_lengths": [1024],
    "models": {"a": {"n_layers": 2, "d_model": 64, "n_heads": 4, "d_ff": 256, "ffn": "gelu", "vocab_size": 100}},
}


def with_input(name, value):
    spec = copy.deepcopy(PLAIN)
    spec["models"]["a"][name] = value
    return spec


def refusal(spec):
    with pytest.raises(SpecError) as caught:
        load_spec(spec)
    return str(caught.value)


def test_a_mapping_says_what_the_same_file_says():
    mapping = source.read_yaml(SPECS / "gpt2.yaml").data
    from_file, from_mapping = load_spec(SPECS / "gpt2.yaml"), load_spec(mapping)
    assert (from_mapping.models, from_mapping.study, from_mapping.expectations, from_mapping.context_lengths) == (
        from_file.models,
        from_file.study,
        from_file.expectations,
        from_file.context_lengths,
    )


def test_a_mapping_may_hold_tuples_numpy_values_and_other_mappings():
    spec = MappingProxyType(
        PLAIN
        | {
            "context_lengths": 2 ** np.arange(10, 12),
            "batch_size": np.float32(2),
            "conventions": MappingProxyType({"lm_head": np.str_("left_out")}),
            "models": {"a": PLAIN["models"]["a"] | {"n_heads": np.int64(8), "tie_embeddings": np.bool_(True)}},
            "expect": ({"that": "a.n_params", "at_least": np.float64(1)},),
        }
    )
    found = load_spec(spec)
    inputs = found.study | found.models[0].inputs | found.models[0].groups[0].inputs
    names = ["batch_size", "lm_head", "tie_embeddings", "n_heads"]
    assert (found.context_lengths, [inputs[name].value for name in names]) == ((1024, 2048), [2, "left_out", "yes", 8])


def test_keys_that_are_spelled_as_the_validator_spells_its_own_are_told_where_they_stand():
    models = {name: {"model": "gpt2-small", "typo": 1} for name in ("[key]", "[list]")}
    with pytest.raises(SpecError) as caught:
        load_spec({"version": 1, "context_lengths": [64], "models": models, "[key]": []})
    assert [problem.path for problem in caught.value.problems] == ["models.[key].typo", "models.[list].typo", "[key]"]


def test_a_mistake_in_a_mapping_points_at_it_as_json():
    assert refusal(with_input("n_heads", -1)) == (
        "spec:10:15: models.a.n_heads: -1 is out of range; write 0 or more\n"
        '       "n_heads": -1,\n                  ^^'
    )  # fmt: skip


ITSELF: list[object] = []
ITSELF.append(ITSELF)
NUMBERS = "is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300"
TYPES = "is not a type that a spec can contain; use texts, numbers, lists and mappings"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (with_input("d_ff", {1, 2}), f"models.a.d_ff: set {TYPES}"),
        (with_input("d_ff", [1, b"2"]), f"models.a.d_ff[1]: bytes {TYPES}"),
        (with_input("d_ff", object), f"models.a.d_ff: type {TYPES}"),
        (with_input("d_ff", float("nan")), f"models.a.d_ff: 'nan' {NUMBERS}"),
        (with_input("d_ff", np.float64("-inf")), f"models.a.d_ff: '-inf' {NUMBERS}"),
        (with_input("d_ff", 10**5000), f"models.a.d_ff: '1e5000' {NUMBERS}"),
        (with_input("d_ff", ITSELF), "lists and mappings are nested more than 32 deep; flatten them"),
        (PLAIN | {"models": {1: {}}}, "models: keys are text, but 1 is not; give it as a str"),
        (PLAIN | {None: 1, ("a", "b"): 2}, "keys are text, but None is not; give it as a str\n"
         "keys are text, but ('a', 'b') is not; give it as a str"),
    ],
)  # fmt: skip
def test_what_no_file_could_say_is_refused_in_a_mapping(spec, message):
    assert refusal(spec) == message


# Anything else -------------------------------------------------------------------------------------------------------

EVERYTHING = {
    "version": 1,
    "context_lengths": [8, 64],
    "conventions": {"attention_pairs": "causal_exact"},
    "defaults": {"vocab_size": 100, "ffn": "swiglu", "d_ff": "4 * d_model", "n_layers": 2},
    "models": {
        "a": {"d_model": 64, "n_heads": 4, "positions": "learned", "max_positions": "2 * d_model"},
        "b": {"extends": "a", "n_kv_heads": "n_heads / 2", "tie_embeddings": True},
        "c": {"extends": "b", "n_layers": 3, "layers": [{"name": "first", "n_layers": 1}, {"n_layers": 2, "d_ff": 8}]},
    },
    "expect": [{"that": "c.n_params", "at_least": 1}, {"that": "a.dominant", "context_length": 8, "equals": "FFN"}],
}
TREES = [EVERYTHING, *(source.read_yaml(path).data for path in sorted(SPECS.glob("*.yaml")))]
VALUES = [None, True, 0, -1, 2, 1.5, 1e16, 10**40, "", "x", "a*", "gpt2-xl", "learned", [], [1], {}, {"a": 1}]
VALUES += ["4 * d_model", "n_kv_heads", "n_layers", "n_heads * 2 + n_layers", "1 / 0", "sum(d_model)", "(", "1 < 2"]
WORDS = ["extends", "layers", "ffn", "ffn_matrices", "n_layers", "d_head", "positions", "name", "that", "a", "GPT2-XL"]


def places(tree, path=()):
    """Every key and index below a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def mutate(tree, draw):
    """Replaces, removes, repeats or renames one value of the tree, or puts another part of the tree in its place."""
    path = draw(st.sampled_from(list(places(tree)) or [()]))
    if not path:
        return
    *above, last = path
    holder = tree
    for part in above:
        holder = holder[part]
    action = draw(st.sampled_from(["replace", "delete", "repeat", "move"]))
    if action == "replace":
        holder[last] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    elif action == "delete":
        del holder[last]
    elif action == "repeat" and isinstance(holder, list):
        holder.insert(last, copy.deepcopy(holder[last]))
    elif action == "repeat":
        holder[draw(st.sampled_from(WORDS))] = copy.deepcopy(holder[last])
    else:
        value = tree
        for part in draw(st.sampled_from(list(places(tree)))):
            value = value[part]
        holder[last] = copy.deepcopy(value)


@settings(max_examples=200, deadline=None)  # make fuzz damages thousands
@given(st.data())
def test_a_damaged_spec_ends_in_a_spec_or_a_spec_error(data):
    tree = copy.deepcopy(data.draw(st.sampled_from(TREES)))
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(tree, data.draw)
    try:
        spec = from_source(source.parse(json.dumps(tree), "s.yaml"), "s")
    except SpecError as error:
        assert all(problem.place and problem.fact for problem in error.problems)
        assert len(set(map(str, error.problems))) == len(error.problems)
    else:
        assert len(tabulate(spec)["scenario"]) == len(spec.models) * len(spec.context_lengths)


def test_a_mistake_is_told_without_importing_pandas_numpy_or_openpyxl():
    code = f"""
import sys
from flopsheet.spec import load_spec
from flopsheet.diagnostics import SpecError
try:
    load_spec({PLAIN | {"version": 2}!r})
except SpecError as error:
    print(error.problems[0].path, sorted({{"numpy", "openpyxl", "pandas"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "version []\n"
