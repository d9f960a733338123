"""A valid spec becomes models, layer groups and conventions; of another one every mistake is told at once."""

from __future__ import annotations

import io
import sys

import pytest

from flopsheet.diagnostics import SpecError
from flopsheet.formula import parse
from flopsheet.formula.nodes import Aggregate
from flopsheet.spec import Expectation, load_spec
from studies import SPECS, spec_of

SMALLEST = """\
version: 1
context_lengths: [1024]
models:
  a: {n_layers: 2, d_model: 64, n_heads: 4, d_ff: 256, ffn: gelu, vocab_size: 100}
"""
FAMILY = """\
version: 1
context_lengths: [1024]
defaults: {vocab_size: 100, ffn: swiglu, d_ff: 4 * d_model, n_layers: 2}
models:
  small: {d_model: 64, n_heads: 4}
  wide: {extends: small, d_model: 128}
  wider: {extends: wide, d_model: 256, n_heads: 8, vocab_size: 200}
"""


def values(inputs, *names):
    return [inputs[name].value for name in names]


def model(text, name="a"):
    return next(model for model in spec_of(text).models if model.name == name)


# What is not said ----------------------------------------------------------------------------------------------------


def test_a_model_has_the_defaults_of_the_catalogue():
    found = model(SMALLEST)
    whole = ["tie_embeddings", "positions", "max_positions", "norm", "final_norm"]
    assert values(found.inputs, *whole) == ["no", "rotary", 0.0, "rmsnorm", "yes"]
    layer = ["n_group_layers", "n_kv_heads", "d_head", "n_norms", "ffn_matrices"]
    assert values(found.groups[0].inputs, *layer) == [2.0, 4.0, 16.0, 2.0, 2.0]


def test_defaults_that_depend_on_other_inputs_stay_expressions():
    inputs = model(SMALLEST).groups[0].inputs
    assert [inputs[name].ast for name in ("n_kv_heads", "d_head", "n_group_layers", "d_ff")] == [
        parse("n_heads"),
        parse("d_model / max(n_heads, 1)"),
        parse("n_layers"),
        None,
    ]


def test_a_study_has_the_first_choice_of_every_convention():
    study = spec_of(SMALLEST).study
    names = ["attention_pairs", "ffn_matmuls", "lm_head", "lm_head_positions", "non_matmul", "weights", "batch_size"]
    assert values(study, *names) == ["full", "architecture", "counted", "all", "left_out", "bf16", 1.0]


def test_a_study_is_called_after_its_file_unless_it_has_a_title(tmp_path):
    (tmp_path / "sizes.yaml").write_text(SMALLEST, encoding="utf-8")
    assert [
        (spec.name, spec.title) for spec in (load_spec(tmp_path / "sizes.yaml"), load_spec(SPECS / "gpt2.yaml"))
    ] == [
        ("sizes", "sizes"),
        ("gpt2", "GPT-2 shapes with a SwiGLU FFN and untied head, as published"),
    ]


def test_a_study_from_the_standard_input_is_called_spec(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SMALLEST.encode())))
    assert load_spec("-").name == "spec"


# What is said --------------------------------------------------------------------------------------------------------


def test_values_enter_as_floats_and_words():
    text = SMALLEST.replace("vocab_size: 100", "vocab_size: 1e2, tie_embeddings: true, norm: layernorm, d_head: 0x20")
    found = model(text)
    assert values(found.inputs, "vocab_size", "tie_embeddings", "norm") == [100.0, "yes", "layernorm"]
    assert values(found.groups[0].inputs, "d_head") == [32.0]


def test_conventions_and_load_are_read():
    text = SMALLEST + "conventions: {ffn_matmuls: 2, attention_pairs: causal_half}\nweights: int4\nbatch_size: 2 * 4\n"
    study = spec_of(text).study
    assert values(study, "ffn_matmuls", "attention_pairs", "weights", "batch_size") == [2.0, "causal_half", "int4", 8.0]
    assert study["batch_size"].ast == parse("2 * 4")


def test_context_lengths_keep_their_order():
    assert spec_of(SMALLEST.replace("[1024]", "[4096, 1e3, 1]")).context_lengths == (4096.0, 1000.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "matrices"), [("swiglu", 3), ("geglu", 3), ("gated", 3), ("gelu", 2), ("relu2", 2), ("plain", 2)]
)
def test_the_ffn_by_name_stands_for_a_number_of_matrices(kind, matrices):
    assert values(model(SMALLEST.replace("gelu", kind)).groups[0].inputs, "ffn_matrices") == [matrices]


@pytest.mark.parametrize(
    ("default", "own", "matrices"), [("ffn: gelu", "ffn_matrices: 3", 3), ("ffn_matrices: 2", "ffn: swiglu", 3)]
)
def test_a_model_can_say_its_ffn_otherwise_than_the_defaults(default, own, matrices):
    text = SMALLEST.replace("ffn: gelu", own) + f"defaults: {{{default}}}\n"
    assert values(model(text).groups[0].inputs, "ffn_matrices") == [matrices]


def test_a_model_overrides_what_it_extends_and_that_overrides_the_defaults():
    found = [
        (
            model.name,
            *values(model.inputs, "vocab_size", "d_model", "n_layers"),
            *values(model.groups[0].inputs, "n_heads"),
        )
        for model in spec_of(FAMILY).models
    ]
    assert found == [("small", 100, 64, 2, 4), ("wide", 100, 128, 2, 4), ("wider", 200, 256, 2, 8)]


def test_an_expression_follows_the_inputs_of_the_model_that_inherits_it():
    widths = [model.groups[0].inputs["d_ff"] for model in spec_of(FAMILY).models]
    assert [(width.value, width.ast) for width in widths] == [(4 * d, parse("4 * d_model")) for d in (64, 128, 256)]


def test_a_model_can_extend_one_that_stands_below_it():
    text = FAMILY.replace("  small: {d_model: 64, n_heads: 4}\n", "") + "  small: {d_model: 64, n_heads: 4}\n"
    assert {model.name: model.inputs["d_model"].value for model in spec_of(text).models} == {
        "wide": 128,
        "wider": 256,
        "small": 64,
    }


def test_expressions_may_read_each_other_in_any_order():
    text = SMALLEST.replace(
        "n_heads: 4, d_ff: 256", "n_heads: d_head / 4, d_ff: 8 * n_heads * d_head, d_head: d_model / 4"
    )
    inputs = model(text).groups[0].inputs
    assert values(inputs, "n_heads", "d_ff", "d_head", "n_kv_heads") == [4, 512, 16, 4]


# Layer groups --------------------------------------------------------------------------------------------------------

GROUPS = """\
version: 1
context_lengths: [1024]
models:
  a:
    d_model: 64
    n_heads: 4
    d_ff: 4 * d_model
    ffn: gelu
    vocab_size: 100
    layers:
    - {name: dense, n_layers: 3, n_kv_heads: 2}
    - {n_layers: d_model / 32, d_ff: 8 * d_model, ffn: swiglu, n_heads: 8}
  b: {extends: a, d_model: 128}
"""


def test_layers_are_groups_that_start_from_the_model():
    found = [
        (group.name, *values(group.inputs, "n_group_layers", "n_heads", "n_kv_heads", "d_head", "d_ff", "ffn_matrices"))
        for group in model(GROUPS).groups
    ]
    assert found == [("dense", 3, 4, 2, 16, 256, 2), ("group 2", 2, 8, 8, 8, 512, 3)]


def test_the_layers_of_the_groups_are_counted():
    layers = model(GROUPS).inputs["n_layers"]
    assert (layers.value, layers.ast) == (5, Aggregate("sum", ("n_group_layers",)))


def test_every_model_has_its_inputs_in_one_order():
    assert list(model(GROUPS).inputs) == list(model(SMALLEST).inputs)


@pytest.mark.parametrize("claim", ["5", "vocab_size / 20"])
def test_the_number_of_layers_may_be_said_beside_the_groups(claim):
    text = GROUPS.replace("    d_model", f"    n_layers: {claim}\n    d_model", 1).replace("  b:", "  #")
    assert model(text).inputs["n_layers"].value == 5


def test_groups_are_inherited_and_follow_the_inputs_of_the_model():
    assert [values(group.inputs, "n_group_layers", "d_ff") for group in model(GROUPS, "b").groups] == [
        [3, 512],
        [4, 1024],
    ]


def test_a_model_of_identical_layers_is_one_group_without_a_name():
    assert [group.name for group in model(SMALLEST).groups] == [""]


# Expectations --------------------------------------------------------------------------------------------------------


def test_expectations_name_a_model_a_metric_and_where_needed_a_context_length():
    text = SMALLEST + "expect:\n" + "".join(
        f"- {{{claim}}}\n"
        for claim in (
            "that: a.n_params, equals: 5, within: 0.01, note: by hand",
            "that: a.flops_forward, at_least: 1, at_most: 2e9",
            "that: a.dominant, equals: FFN, context_length: 1024",
        )
    )  # fmt: skip
    assert spec_of(text).expectations == (
        Expectation("a", "n_params", equals=5, within=0.01, note="by hand"),
        Expectation("a", "flops_forward", context_length=1024, at_least=1, at_most=2e9),
        Expectation("a", "dominant", context_length=1024, equals="FFN"),
    )


def test_a_models_name_may_hold_dots_and_other_scripts():
    text = SMALLEST.replace("  a:", "  gpt-2.5 µ (neu):") + "expect: [{that: gpt-2.5 µ (neu).n_params, at_least: 1}]\n"
    assert spec_of(text).expectations[0].subject == "gpt-2.5 µ (neu)"


# All mistakes at once ------------------------------------------------------------------------------------------------


def test_mistakes_of_all_kinds_are_told_at_once_in_the_order_of_the_file():
    text = """\
version: 2
context_lengths: [1024, half]
models:
  a: {n_layers: 2, d_model: 64, n_heads: 6, d_ff: 4 * d_modle, vocab_size: 100, ffn: gelu}
  A: {extends: b}
  c: {d_mdoel: 64}
  d: {extends: a, n_heads: 4, positions: learned}
expect:
- {that: a.n_parms, equals: 1}
"""
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    assert [(p.place.line, p.path, p.fact) for p in caught.value.problems] == [
        (1, "version", "this version of the format is unknown"),
        (2, "context_lengths[1]", "'half' is not a number"),
        (4, "models.a.n_heads", "n_heads 6 does not divide d_model 64"),
        (4, "models.a.d_ff", "'d_modle' is not a number that can be read here"),
        (5, "models.A", "'A' and 'a' are the same name to a spreadsheet"),
        (5, "models.A.extends", "no model is called 'b'"),
        (6, "models.c.d_mdoel", "unknown key 'd_mdoel'"),
        (7, "models.d.positions", "positions are learned, but max_positions is 0"),
    ]


@pytest.mark.parametrize(
    ("default", "fact"),
    [
        ("n_heads: 5", "n_heads 5 does not divide d_model 64 in model 'a'"),
        ("n_kv_heads: 3", "n_kv_heads 3 does not divide n_heads 4 in model 'a'"),
        ("d_ff: d_model / 3", "d_model / 3 = 21.3333333333333 is not a whole number in model 'a'"),
        ("d_ff: 4 * d_modle", "'d_modle' is not a number that can be read here"),
        ("d_ff: 4 * (d_model", "a bracket is not closed"),
        ("n_heads: n_kv_heads", "a cycle: n_heads → n_kv_heads → n_heads"),
        ("positions: learned", "positions are learned, but max_positions is 0 in model 'a'"),
        ("ffn_matrices: 2", "ffn and ffn_matrices set the same thing"),
        ("n_layers: 3\n  layers: [n_layers: 2]", "unknown key 'layers'"),
    ],
)
def test_a_mistake_that_several_models_inherit_is_told_once(default, fact):
    base = {"n_heads": "4", "d_ff": "256", "ffn": "gelu", "d_model": "64", "n_layers": "2", "vocab_size": "100"}
    name, _, value = default.partition(": ")
    lines = "".join(f"  {key}: {said}\n" for key, said in (base | {name: value}).items())
    text = f"version: 1\ncontext_lengths: [8]\ndefaults:\n{lines}models:\n  a: {{}}\n  b: {{}}\n  c: {{extends: b}}\n"
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    assert [problem.fact for problem in caught.value.problems] == [fact]


def test_a_value_that_does_not_fit_the_model_that_inherits_it_names_the_model():
    with pytest.raises(SpecError) as caught:
        spec_of(GROUPS.replace("    d_model", "    n_layers: 5\n    d_model", 1) + "  c: {extends: b, n_heads: 3}\n")
    assert [(problem.path, problem.fact) for problem in caught.value.problems] == [
        ("models.a.n_layers", "n_layers is 5, but the groups under layers: have 7 in model 'b'"),
        ("models.a.layers[0].n_kv_heads", "n_kv_heads 2 does not divide n_heads 3 in model 'c'"),
        ("models.c.n_heads", "n_heads 3 does not divide d_model 128"),
    ]


def test_what_depends_on_a_bad_input_is_not_told():
    text = SMALLEST.replace("d_model: 64", "d_model: 1 / 0").replace(
        "d_ff: 256", "d_ff: 4 * d_model, positions: learned"
    )
    with pytest.raises(SpecError) as caught:
        spec_of(text.replace("positions: learned", "positions: learned, max_positions: 2 * d_model"))
    assert [problem.path for problem in caught.value.problems] == ["models.a.d_model"]


@pytest.mark.parametrize("name", ["n_heads", "norm", "batch_size"])
def test_inputs_of_a_model_read_only_numbers_of_the_model(name):
    with pytest.raises(SpecError) as caught:
        spec_of(SMALLEST.replace("vocab_size: 100", f"vocab_size: 100 * {name}"))
    assert [problem.fact for problem in caught.value.problems] == [f"'{name}' is not a number that can be read here"]


def test_a_convention_at_the_top_is_an_unknown_key_whatever_it_says():
    with pytest.raises(SpecError) as caught:
        spec_of(SMALLEST + "attention_pairs: [1]\n")
    assert [problem.fact for problem in caught.value.problems] == ["unknown key 'attention_pairs'"]
