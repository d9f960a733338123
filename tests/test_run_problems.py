"""Mistakes of runs beside other mistakes: all told at once, each once."""

from __future__ import annotations

import pytest

from flopsheet.diagnostics import SpecError
from flopsheet.pipeline.stream import open_stream
from flopsheet.spec.load import parse_spec
from flopsheet.yamlio.source import parse
from mistakes_of_runs import LONG, VALID, beside
from studies import spec_of
from test_run_messages import edited, refusal


def test_every_mistake_of_a_run_is_told_at_once():
    wrong = beside(LONG, "tensor_parallel: 5", "n_devices: 4", "precision: tf32", "context_parallel: 3")
    assert [line.split(";")[0] for line in refusal(edited(wrong)).splitlines() if line.startswith("s.yaml")] == [
        "s.yaml:14:22: training.long.tensor_parallel: tensor_parallel 5 does not divide the 12 heads",
        "s.yaml:15:16: training.long.n_devices: n_devices 4 is not divisible by tensor 5 · pipeline 1 · context 3",
        "s.yaml:16:16: training.long.precision: box does not support tf32",
        "s.yaml:17:23: training.long.context_parallel: context_parallel 3 does not divide the context of 1,024",
    ]


def test_a_mistake_in_a_model_is_told_once_although_a_run_names_it():
    assert refusal(edited({"n_heads: 12": "n_heads: -1"})).count("s.yaml:") == 1


def test_a_run_that_is_no_mapping_is_told_once_although_claims_name_others():
    text = VALID.partition("serving:")[0] + 'serving: {chat: 2}\nexpect: [{that: long.fits, equals: "yes"}]\n'
    assert refusal(text).splitlines()[0] == (
        "s.yaml:18:17: serving.chat: 2 where a mapping is expected; write {key: value}"
    )


@pytest.mark.parametrize("mistake", ["n_device: 1", "n_devices: [", "n_devices: true"])
def test_hardware_that_nobody_knows_is_told_beside_what_else_is_wrong_with_a_run(mistake: str) -> None:
    text = (
        "version: 1\ncontext_lengths: [8]\nmodels:\n"
        "  a: {n_layers: 1, d_model: 8, n_heads: 1, d_ff: 8, ffn: gelu, vocab_size: 9}\n"
        f"serving:\n  chat: {{model: b, hardware: h100-80, prompt_length: 12, generated_length: 8, {mistake}}}\n"
    ).replace("[}", "[1]}")
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    facts = {problem.path: problem.fact for problem in caught.value.problems}
    assert (facts["serving.chat.hardware"], facts["serving.chat.model"], len(facts)) == (
        "no hardware is called 'h100-80'",
        "no model is called 'b'",
        3,
    )


def test_hardware_that_nobody_knows_is_told_beside_what_is_wrong_with_a_sweep() -> None:
    text = (
        "version: 1\ncontext_lengths: [8]\nmodels:\n"
        "  a: {n_layers: 1, d_modle: 8, n_heads: 1, d_ff: 8, ffn: gelu, vocab_size: 9, sweep: {n_layers: [1, 2]}}\n"
        "serving:\n  chat: {model: b, hardware: h100-80, prompt_length: 12, generated_length: 8, n_devices: 1}\n"
    )
    with pytest.raises(SpecError) as caught:
        open_stream(parse_spec(parse(text, "s.yaml"), "s"))
    assert [problem.path for problem in caught.value.problems] == [
        "models.a.d_modle",
        "serving.chat.model",
        "serving.chat.hardware",
    ]
