"""A catalogue that breaks a rule is refused where its entry stands."""

from __future__ import annotations

import re

import pytest

from catalog_cases import TEXTS, first_line, metrics, refusal, rules_topic
from flopsheet.catalog.build import build_catalog
from flopsheet.formula import evaluate

SAME_UNIT = "in one sum, comparison or choice; all sides need the same unit"

KNOWN = (
    "known: check_input_d_ff, check_input_d_model, check_input_length, check_input_matmuls, check_input_n_heads, "
    "check_input_norm, check_input_weight_bytes, d_ff, d_model, length, matmuls, model, … (16 in all)"
)

KEYS = (
    "known: before, doc, formats, formula, headline, label, level, name, severity, shape, source, symbol, … (16 in all)"
)

ACCEPTED = [
    ("2 * d_model", {}),
    ("d_model + 2", {}),
    ("weight_bytes / d_model", {}),
    ("weight_bytes + 2 * 3 * d_model", {"unit": "B"}),
    ("max(1, d_model)", {}),
    ("where(d_model <= stored_tolerance, rounding_tolerance, almost_zero) * d_model", {}),
    ("where(norm == rmsnorm, 1, 2) * d_model", {}),
    ("where(matmuls == 2, 2, 3)", {}),
    ("where(weight_bytes > 2, d_model, 0)", {}),
    ("match(norm, rmsnorm: d_model, layernorm: 2)", {}),
    ("2 * match(norm, layernorm | rmsnorm: d_model)", {}),
    ("match(matmuls, architecture: 3, 2: 2)", {}),
    ("match(norm, rmsnorm: norm, layernorm: matmuls)", {"unit": "text"}),
    ("match(norm, rmsnorm: d_model < 2, layernorm: d_model > 3)", {"unit": "verdict"}),
    ("sum(d_ff)", {}),
    ("first(d_ff) + at_min(d_ff, n_heads)", {}),
    ("model", {"unit": "text"}),
    ("norm", {"unit": "text"}),
    ("largest(d_model, x2)", {"unit": "text"}),
    ("trend(d_model, x2)", {"unit": "text"}),
    ("d_model == x2", {"unit": "verdict"}),
    ("where(d_model < 2, d_model < 1, d_model > 3)", {"unit": "verdict"}),
    ("first(check_input_d_ff)", {"unit": "text"}),
]


@pytest.mark.parametrize(("formula", "entry"), ACCEPTED)
def test_a_formula_that_holds_the_rules_is_accepted(formula, entry):
    other = {"name": "x2", "formula": "d_model"}
    built = build_catalog({**TEXTS, "results": metrics(other, {"formula": f'"{formula}"', **entry})})
    assert built.metrics["x"].source_text == formula


# A formula of a model's metric, what else its entry says, the problem.
REFUSED = [
    # names
    ("2 * d_modle", {}, "unknown name 'd_modle'; did you mean 'd_model'?"),
    ("sum(d_fff)", {}, "unknown name 'd_fff'; did you mean 'd_ff'?"),
    ("bananas", {}, f"unknown name 'bananas'; {KNOWN}"),
    # grains
    ("d_ff", {}, "'d_ff' has grain layer_group, which a metric of grain model cannot read; write sum(d_ff)"),
    (
        "length",
        {},
        "'length' has grain context, which a metric of grain model cannot read; a model can read model, study",
    ),
    (
        "sum(d_model)",
        {},
        "'d_model' has grain model, which has no rows within a model; write d_model without the function",
    ),
    (
        "sum(matmuls)",
        {},
        "'matmuls' has grain study, which has no rows within a model; write matmuls without the function",
    ),
    (
        "at_max(d_ff, d_model)",
        {},
        "'d_model' has grain model, which has no rows within a model; write d_model without the function",
    ),
    # units
    ("d_model + weight_bytes", {}, f"B and count {SAME_UNIT}"),
    ("d_model - weight_bytes", {}, f"B and count {SAME_UNIT}"),
    ("min(d_model, 3, weight_bytes)", {}, f"B and count {SAME_UNIT}"),
    ("max(weight_bytes, d_model)", {}, f"B and count {SAME_UNIT}"),
    ("where(d_model < 2, d_model, weight_bytes)", {}, f"B and count {SAME_UNIT}"),
    ("where(d_model < weight_bytes, 1, 2)", {}, f"B and count {SAME_UNIT}"),
    ("d_model == weight_bytes", {"unit": "verdict"}, f"B and count {SAME_UNIT}"),
    ("largest(d_model, weight_bytes)", {"unit": "text"}, f"B and count {SAME_UNIT}"),
    ("weight_bytes", {}, "the formula gives B, but the metric has the unit count; write unit: B"),
    ("sum(d_ff)", {"unit": "FLOP"}, "the formula gives count, but the metric has the unit FLOP; write unit: count"),
    ("d_model < 2", {}, "the formula gives verdict, but the metric has the unit count; write unit: verdict"),
    ("d_model", {"unit": "verdict"}, "the formula gives count, but the metric has the unit verdict; write unit: count"),
    (
        "2 * d_model",
        {"unit": "verdict"},
        "the formula gives a number, but the metric has the unit verdict; write the number's unit",
    ),
    (
        "2 * d_model",
        {"unit": "text"},
        "the formula gives a number, but the metric has the unit text; write the number's unit",
    ),
    # texts and verdicts are no numbers
    ("2 * norm", {}, "arithmetic with a text; use numbers"),
    ("norm + 1", {}, "arithmetic with a text; use numbers"),
    ("-norm", {}, "arithmetic with a text; use numbers"),
    ("floor(norm)", {}, "arithmetic with a text; use numbers"),
    ("max(norm, d_model)", {}, "arithmetic with a text; use numbers"),
    ("(d_model < 2) * 3", {}, "arithmetic with a verdict; use numbers"),
    ("check_input_norm * 3", {}, "arithmetic with a text; use numbers"),
    ("where(d_model < 2, norm, 1)", {}, f"text and a number {SAME_UNIT}"),
    ("where(2 * d_model == norm, 1, 2)", {}, f"text and a number {SAME_UNIT}"),
    ("where(norm < matmuls, 1, 2)", {}, "texts have no order; compare them with == or !="),
    ("trend(norm, matmuls)", {"unit": "text"}, "texts have no order; compare them with == or !="),
    ("where((d_model < 2) == (d_model < 3), 1, 2)", {}, "a comparison of comparisons; nest where(…)"),
    ("sum(check_input_d_ff)", {}, "sum(…) over texts; aggregate numbers; check_input_d_ff is a text"),
    ("at_min(check_input_d_ff, d_ff)", {}, "at_min(…) over texts; aggregate numbers; check_input_d_ff is a text"),
    # conditions
    ("where(d_model, 1, 2)", {}, "where(…) needs a condition first; write a comparison, such as a < b"),
    ("where(check_input_norm, 1, 2)", {}, "where(…) needs a condition first; write a comparison, such as a < b"),
    (
        "check_input_norm",
        {"unit": "verdict"},
        "the formula gives text, but the metric has the unit verdict; write unit: text",
    ),
    # choices
    ("where(norm == layrnorm, 1, 2)", {}, "'layrnorm' is not a choice of norm; did you mean 'layernorm'?"),
    ("where(norm != batch, 1, 2)", {}, "'batch' is not a choice of norm; known: rmsnorm, layernorm"),
    ("where(matmuls == 3, 1, 2)", {}, "'3' is not a choice of matmuls; known: architecture, 2"),
    ("where(norm == d_model, 1, 2)", {}, "'d_model' is not a choice of norm; known: rmsnorm, layernorm"),
    # match
    (
        "match(norm, rmsnorm: 1)",
        {},
        "match(…) leaves out choices of 'norm': layernorm; give every choice an arm; a | b: value is one for both",
    ),
    (
        "match(matmuls, architecture: 1)",
        {},
        "match(…) leaves out choices of 'matmuls': 2; give every choice an arm; a | b: value is one for both",
    ),
    ("match(norm, rmsnorm: 1, layrnorm: 2)", {}, "'layrnorm' is not a choice of norm; did you mean 'layernorm'?"),
    (
        "match(norm, rmsnorm: 1, layernorm: 2, batch: 3)",
        {},
        "'batch' is not a choice of norm; known: rmsnorm, layernorm",
    ),
    ("match(matmuls, architecture: 1, 2: 2, 3: 3)", {}, "'3' is not a choice of matmuls; known: architecture, 2"),
    (
        "match(norm, rmsnorm: 1, layernorm | rmsnorm: 2)",
        {},
        "'rmsnorm' has two arms in match(norm, …); remove one of them",
    ),
    ("match(nrm, rmsnorm: 1)", {}, "'nrm' is not an input with choices; did you mean 'norm'?"),
    ("match(d_model, rmsnorm: 1)", {}, "'d_model' is not an input with choices; write where(condition, a, b)"),
    (
        "match(norm, rmsnorm: match(norm, layernorm: 1), layernorm: 2)",
        {},
        "'layernorm' is not a choice of norm; did you mean 'rmsnorm'?",
    ),
    ("match(norm, rmsnorm: d_model, layernorm: weight_bytes)", {}, f"B and count {SAME_UNIT}"),
    # words
    ("largest(d_model, 2)", {"unit": "text"}, "largest(…) takes names; make the argument a metric of its own"),
    # the entry itself
    ("1", {"unit": "bananas"}, "unknown unit 'bananas'; known: count, B, FLOP, text, verdict"),
    ("1", {"unit": "flop"}, "unknown unit 'flop'; did you mean 'FLOP'?"),
    ("1", {"doc": ""}, "doc is missing; write doc: …"),
    ("1", {"label": ""}, "label is missing; write label: …"),
    ("1", {"unit": ""}, "unit is missing; write unit: …"),
    ("1", {"lable": "X"}, "unknown key 'lable'; did you mean 'label'?"),
    ("1", {"reads": "[x]"}, f"unknown key 'reads'; {KEYS}"),  # computed, never written
    ("1", {"words": "none"}, f"unknown key 'words'; {KEYS}"),
    ("1", {"text": "one"}, "a metric has either a formula or a text; write one of them"),
    ("1", {"level": "sum"}, "unknown level or severity; levels: part, subtotal, total; severity: note"),
    ("1", {"severity": "warn"}, "unknown level or severity; levels: part, subtotal, total; severity: note"),
    ("x", {}, "a cycle: x → x; break it at one of them"),
]


@pytest.mark.parametrize(("formula", "entry", "problem"), REFUSED)
def test_a_rule_that_is_broken_is_told_where_the_entry_stands(formula, entry, problem):
    topic = metrics({"formula": f'"{formula}"', **entry})
    line = topic.split("\n")[5]
    assert refusal({"results": topic}) == f"results.yaml:6:5: x: {problem}\n    {line}\n        ^"


BROKEN_RULES = [
    ({"code": ""}, "code is missing; write code: …"),
    ({"hint": ""}, "hint is missing; write hint: …"),
    ({"pointsat": "d_ff"}, "unknown key 'pointsat'; did you mean 'points_at'?"),
    ({"level": "warning"}, "unknown level 'warning'; levels: error, note"),
    ({"points_at": "n_all"}, "'n_all' is not an input; known: d_ff, d_model, length"),
    ({"explains": "d_modle"}, "'d_modle' is not an input; did you mean 'd_model'?"),
    ({"formula": "d_model + 1"}, "the formula gives count, but the metric has the unit verdict; write unit: count"),
    (
        {"formula": "d_ff > 1"},
        "'d_ff' has grain layer_group, which a metric of grain model cannot read; write sum(d_ff)",
    ),
    ({"message": '"{d_modle:,} is small"'}, "unknown name 'd_modle'; did you mean 'd_model'?"),
    (
        {"message": '"{sum(n_heads):,} is much"'},
        "the message aggregates finer rows; make the sum a metric that stands beside the rules",
    ),
    ({"hint": '"write {divisors(d_modle, 2)}"'}, "unknown name 'd_modle'; did you mean 'd_model'?"),
    ({"message": '"{divisors(d_model, 2)}"'}, "unknown function 'divisors'; known: abs, at_max"),
]


def test_a_rule_is_a_verdict_with_a_message():
    built = build_catalog({**TEXTS, "rules": rules_topic({})})
    rule, values = built.rules["check_x"], {"d_model": 1024.0, "n_all": 2000.0}
    assert (
        built.metrics["check_x"].unit,
        evaluate(rule.condition, values.get),
        evaluate(rule.message, values.get),
    ) == (
        "verdict",
        False,
        "1,024 is too small",
    )


@pytest.mark.parametrize(("entry", "problem"), BROKEN_RULES)
def test_a_mistake_in_a_rule_is_told_at_load(entry, problem):
    told = refusal({"rules": rules_topic(entry)}).split("\n")
    assert problem in " ".join(told)


def test_a_rule_lives_where_specs_are_held_to_it():
    assert first_line(refusal({"rules": rules_topic({"formula": "length > 1"}, grain="context")})) == (
        "rules.yaml:10:5: check_x: a rule cannot have grain context; "
        "grains: layer_group, model, run, run_layer, serving_layer, serving_run, training_layer, training_run"
    )


def test_two_rules_have_two_codes():
    told = refusal({"rules": rules_topic({}, {"name": "check_y"})})
    assert first_line(told) == "rules.yaml:11:5: check_y: the code X1 is taken; codes are unique over all rules"


def test_names_that_are_gathered_together_live_at_one_grain():
    topic = metrics({"formula": '"at_max(d_ff, d_model)"'}, grain="study")
    assert first_line(refusal({"results": topic})) == (
        "results.yaml:6:5: x: at_max(…) of names at grains layer_group and model; aggregate names of one grain"
    )


def test_a_formula_outside_the_language_is_shown_with_a_caret():
    assert refusal({"results": metrics({"formula": '"d_model % 2"'})}) == (
        "formula:1:1: x: the operator '%' is not part of the language; "
        "write a - b * floor(a / b) for the remainder of a division\n"
        "    d_model % 2\n"
        "    ^^^^^^^^^^^"
    )


def test_a_metric_needs_a_formula_or_a_text():
    assert first_line(refusal({"results": metrics({})})) == (
        "results.yaml:6:5: x: a metric has either a formula or a text; write one of them"
    )


def test_a_name_is_given_once_over_all_topics():
    topics = {"results": metrics({"formula": 1}), "more": metrics({"formula": 2}, {"name": "d_model", "formula": 3})}
    assert [first_line(text) for text in refusal(topics).split("\n") if text.startswith("more")] == [
        "more.yaml:6:5: x: the name is taken; names are unique over all topics",
        "more.yaml:7:5: d_model: the name is taken; names are unique over all topics",
    ]


def test_the_key_of_a_table_is_no_free_name():
    assert first_line(refusal({"results": metrics({"name": "model", "formula": 1})})) == (
        "results.yaml:6:5: model: the name is taken; names are unique over all topics"
    )


def test_an_unknown_grain_is_told_where_it_stands():
    assert refusal({"results": metrics({"formula": 1}, grain="modle")}) == (
        "results.yaml:4:10: Results: unknown grain 'modle'; did you mean 'model'?\n"
        "      grain: modle\n"
        "             ^^^^^"
    )


def test_a_cycle_is_told_as_a_chain():
    chain = [("first", "2 * second"), ("second", "third + 1"), ("third", "max(first, 1)"), ("apart", "third")]
    topic = metrics(*({"name": name, "formula": f'"{formula}"'} for name, formula in chain))
    assert first_line(refusal({"results": topic})) == (
        "results.yaml:6:5: first: a cycle: first → second → third → first; break it at one of them"
    )


def test_a_cycle_through_a_finer_grain_is_found():
    coarse = metrics({"name": "whole", "formula": '"sum(part)"'})
    fine = metrics({"name": "part", "formula": '"whole / 2"'}, grain="layer_group")
    assert first_line(refusal({"coarse": coarse, "fine": fine})) == (
        "coarse.yaml:6:5: whole: a cycle: whole → part → whole; break it at one of them"
    )


def test_all_problems_are_told_at_once():
    topics = {
        "results": metrics(
            {"name": "one", "formula": '"d_modle"'},
            {"name": "two", "formula": 1, "unit": "bananas"},
            {"name": "three", "formula": '"1 +"'},
            {"name": "four", "formula": '"weight_bytes"'},
            {"name": "five", "formula": '"d_model"'},
        ),
        "more": metrics({"name": "six", "formula": 1, "dok": "Six."}),
    }
    heads = [text for text in refusal(topics).split("\n") if re.match(r"\w+(\.yaml)?:\d", text)]
    assert heads == [
        "results.yaml:7:5: two: unknown unit 'bananas'; known: count, B, FLOP, text, verdict",
        "more.yaml:6:5: six: unknown key 'dok'; did you mean 'doc'?",
        "results.yaml:6:5: one: unknown name 'd_modle'; did you mean 'd_model'?",
        "formula:1:4: three: this is not an expression; check brackets, operators and commas",
        "results.yaml:9:5: four: the formula gives B, but the metric has the unit count; write unit: B",
    ]
