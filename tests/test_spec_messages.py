"""Every mistake in a spec has its own message, word for word: where, what, what to write instead."""

from __future__ import annotations

import pytest

from flopsheet.diagnostics import SpecError
from spec_mistakes import REFUSED, REFUSED_TEXTS, VALID
from studies import spec_of


def refusal(text):
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    return str(caught.value)


def edited(edits):
    text = VALID
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


def told(text, message):
    """A text without its marks, and the whole message: place, words, the line, a caret under what was marked."""
    before, marked, after = text.replace("»", "«").split("«")
    line = before.count("\n")
    column = len(before) - (before.rfind("\n") + 1)
    text = before + marked + after
    caret = " " * column + "^" * max(1, len(marked))
    return text, f"s.yaml:{line + 1}:{column + 1}: {message}\n    {text.splitlines()[line]}\n    {caret}"


def test_the_text_that_the_mistakes_are_made_in_is_valid():
    assert [model.name for model in spec_of(VALID).models] == ["a"]


@pytest.mark.parametrize(("edits", "message"), REFUSED)
def test_a_mistake_has_one_message(edits, message):
    text, expected = told(edited(edits), message)
    assert refusal(text) == expected


@pytest.mark.parametrize(("text", "message"), REFUSED_TEXTS)
def test_a_text_that_is_no_spec_has_one_message(text, message):
    text, expected = told(text, message)
    assert refusal(text) == expected


OF_SHAPE = [
    (
        "training: {run: {model: a, tensor_parallel: [1]}, pipeline_parallel: 2}",
        [
            "training.run.tensor_parallel: a list is not a number; write one, or the list under sweep:",
            "training.pipeline_parallel: 2 where a mapping is expected; write {key: value}",
        ],
    ),
    (
        "training: {model: a, sweep: {n_devices: [1, 2]}, n_devices: [1]}",
        ["training: the run has no name; write training: {NAME: {model: …}}"],
    ),
    (
        "serving: {sweep: {model: [1]}, model: a}",
        ["serving: the run has no name; write serving: {NAME: {model: …}}"],
    ),
    (
        "context_lengths: 64\nmetrics: [{name: m, label: M, grain: model, unit: count, formula: n_params, doc: x}]",
        [
            "context_lengths: 64 where a list is expected; write [a, b]",
            "metrics[0].formula: the formula gives parameters, but the metric has the unit count; write "
            "unit: parameters",
        ],
    ),
]


@pytest.mark.parametrize(("text", "messages"), OF_SHAPE)
def test_what_has_the_wrong_shape_is_told_and_not_computed_with(text, messages):
    before = "context_lengths: [1024]\n"
    found = refusal(VALID.replace(before, "" if "context_lengths" in text else before) + text)
    assert [line.partition(": ")[2] for line in found.splitlines() if line.startswith("s.yaml:")] == messages


def test_mistakes_of_every_part_of_a_spec_are_told_together() -> None:
    text = """\
version: 1
context_lengths: [1024]
models:
  a: {model: gpt2-smal}
  b: {model: gpt2-smal, n_layers: 0}
  c: {model: gpt2-small, n_kv_heads: 5}
hardware:
  mine: {extends: h1001, memory_bytes: -1}
training:
  t: {model: c, hardware: h100-sxmm, n_devices: 0, tokens: 15T}
serving:
  s: {model: nope, hardware: b2000, prompt_length: 8, generated_length: 8, n_sequences: 1}
  w: {model: c, sweep: {hardware: [h100-sxm, h2000]}, prompt_length: 8, generated_length: 8, n_sequences: 1}
expect:
- {that: c.n_parms, at_most: 1}
"""
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    assert [(one.code, one.path) for one in caught.value.problems] == [
        ("FS421", "models.a.model"),
        ("FS421", "models.b.model"),
        ("FS453", "models.b.n_layers"),
        ("FS101", "models.c.n_kv_heads"),
        ("FS441", "hardware.mine.extends"),
        ("FS453", "hardware.mine.memory_bytes"),
        ("FS441", "training.t.hardware"),
        ("FS453", "training.t.n_devices"),
        ("FS407", "training.t.tokens"),
        ("FS431", "serving.s.model"),
        ("FS441", "serving.s.hardware"),
        ("FS441", "serving.w.sweep.hardware[1]"),
        ("FS652", "expect[0].that"),
    ]


def test_the_configuration_of_a_model_is_told_to_be_imported():
    with pytest.raises(SpecError) as caught:
        spec_of('{"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "model_type": "llama"}')
    told = [(one.path, one.fact, one.remedy) for one in caught.value.problems if "import" in one.remedy]
    remedy = "make a spec of it with 'flopsheet import CONFIG.json -o SPEC.yaml'"
    assert told == [
        (key, f"'{key}' belongs to the configuration of a model", remedy) for key in ("architectures", "model_type")
    ]
