"""Sentences of the catalogue: words and values, cases, and what is refused."""

from __future__ import annotations

import pytest

from catalog_cases import TEXTS, first_line, metrics, refusal
from flopsheet.catalog.build import build_catalog
from flopsheet.formula import evaluate

VALUES = {"d_model": 768.0, "weight_bytes": 5.0, "norm": "rmsnorm", "check_input_norm": "ok"}

SENTENCES = [
    ("plain words", "plain words"),
    ("{d_model:,}", "768"),
    ("{norm} of {d_model:,}", "rmsnorm of 768"),
    ("{d_model * 7:,} or {d_model / 7:,.3}", "5,376 or 109.714"),
    ("{d_model + 231.94:,.1} to {d_model + 231.96:,.1}", "999.9 to 1,000"),
    ("{d_model / 7:.1} each", "109.7 each"),
    ("{d_model / 7:.0} each", "110 each"),
    ("{weight_bytes / d_model:.1%}", "0.7 %"),
    ("{weight_bytes / 8:.1%} and {weight_bytes / 8:.0%}", "62.5 % and 63 %"),
    ("width {trend(768, d_model)}, from 768 it {trend(1, d_model)}", "width stays, from 768 it rises"),
    ("FFN {shift(d_model / 8360, d_model / 1243)}", "FFN rises from 9.2 % to 61.8 %"),
    ("FFN {shift(d_model / 1243, d_model / 8360)}", "FFN falls from 61.8 % to 9.2 %"),
    ("FFN {shift(0.16701, 0.16702)}, {shift(0.16649, 0.16651)}", "FFN stays at 16.7 %, rises from 16.6 % to 16.7 %"),
    ("{where(norm == rmsnorm, 1, 2)} {check_input_norm}", "1 ok"),
]


@pytest.mark.parametrize(("text", "said"), SENTENCES)
def test_a_sentence_is_made_from_words_and_values(text, said):
    built = build_catalog({**TEXTS, "results": metrics({"unit": "text", "text": f'"{text}"'})})
    assert evaluate(built.metrics["x"].ast, VALUES.__getitem__) == said


def test_a_sentence_says_the_first_case_that_holds():
    cases = "[{when: d_model > 1000, say: wide}, {when: d_model > 500, say: 'middling, {d_model:,}'}, {say: narrow}]"
    node = build_catalog({**TEXTS, "results": metrics({"unit": "text", "text": cases})}).metrics["x"].ast
    said = [evaluate(node, {"d_model": width}.__getitem__) for width in (2048.0, 768.0, 64.0)]
    assert said == ["wide", "middling, 768", "narrow"]


STYLES = "write .1 for one decimal, .1% for a percentage, a comma for groups of three digits"

BROKEN_SENTENCES = [
    ("''", "the text is empty; write the text of the cell"),
    ("'{d_model'", "a '{' or '}' without a value; write {name} or {name:.1%}"),
    ("'d_model}'", "a '{' or '}' without a value; write {name} or {name:.1%}"),
    ("'{}'", "a '{' or '}' without a value; write {name} or {name:.1%}"),
    ("'{d_model:.2f}'", "'.2f' is not a number style; " + STYLES),
    ("'{d_model:,.1%}'", "',.1%' is not a number style; " + STYLES),
    ("'wide: {d_model}'", "'d_model' is a number; say how it is written: {d_model:.1} or {d_model:,}"),
    ("'{norm:.1}'", "arithmetic with a text; use numbers"),
    ("'{d_model < 2}'", "a comparison inside a text; write the cases with when: and say:"),
    ("'{d_modle}'", "unknown name 'd_modle'; did you mean 'd_model'?"),
    ("'{d_ff}'", "'d_ff' has grain layer_group, which a metric of grain model cannot read; write sum(d_ff)"),
    ("[{say: a}, {say: b}]", "every case but the last needs when; give the last case no condition"),
    ("[{when: d_model > 1, say: a}]", "every case but the last needs when; give the last case no condition"),
    ("[{when: d_model, say: a}, {say: b}]", "where(…) needs a condition first; write a comparison, such as a < b"),
]


@pytest.mark.parametrize(("text", "problem"), BROKEN_SENTENCES)
def test_a_broken_sentence_is_told_where_the_entry_stands(text, problem):
    assert first_line(refusal({"results": metrics({"unit": "text", "text": text})})) == (
        f"results.yaml:6:5: x: {problem}"
    )
