"""`sweep:` of a training or serving run: variants like runs that are listed, and what is said where they fail."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from flopsheet.api import build, compute_spec
from flopsheet.diagnostics import SpecError
from flopsheet.review.pull import pull
from flopsheet.spec.schema.json_schema import to_schema
from flopsheet.yamlio import source
from pulling import blamed, lines
from review_helpers import input_cells_of, type_into
from studies import assert_alike, spec_of

BASE = """\
version: 1
context_lengths: [1024]
models:
  a: {n_layers: 8, d_model: 64, n_heads: 8, d_ff: 256, ffn: gelu, vocab_size: 128}
  b: {extends: a, n_layers: 16}
training:
  t:
    model: a
    hardware: h100-sxm
    context_length: 1024
    global_batch_size: 64
"""
SWEPT = (
    BASE
    + """\
    sweep:
      n_devices: [8, 16]
      tensor_parallel: {from: 1, to: 4}
      zip: {zero_stage: [1, 3], recomputation: [none, full]}
      exclude: [tensor_parallel == 3, {n_devices: 8, tensor_parallel: 1}]
serving:
  s:
    prompt_length: 128
    generated_length: 8
    sweep: {model: [a, b], hardware: [h100-sxm, h200], weight_format: [bf16, fp8]}
"""
)


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as raised:
        spec_of(text)
    return str(raised.value)


def test_the_variants_of_a_run_give_what_the_same_runs_listed_give() -> None:
    said = [
        (f"n_devices={devices}", f"tensor_parallel={tensor}", f"zero_stage={stage}", f"recomputation={again}")
        for devices in (8, 16)
        for tensor in (1, 2, 4)
        for stage, again in ((1, "none"), (3, "full"))
        if (devices, tensor) != (8, 1)
    ]
    names = [" ".join(("t", *words)) for words in said]
    assert [run.name for run in spec_of(SWEPT).runs["training"]] == names
    common = "model: a, hardware: h100-sxm, context_length: 1024, global_batch_size: 64"
    by_name = zip(names, said, strict=True)
    runs = [f"  {name}: {{{common}, {', '.join(words).replace('=', ': ')}}}\n" for name, words in by_name]
    listed = BASE.partition("  t:\n")[0] + "".join(runs)
    swept, by_hand = (compute_spec(spec_of(text)).frames["training_run"] for text in (SWEPT, listed))
    assert_alike(swept, by_hand)  # nothing is nothing, which == denies of NaN


def test_models_and_hardware_are_swept_like_numbers() -> None:
    found = [(run.name, run.model, run.hardware) for run in spec_of(SWEPT).runs["serving"]]
    assert found == [
        (f"s model={model} hardware={device} weight_format={form}", model, device)
        for model in ("a", "b")
        for device in ("h100-sxm", "h200")
        for form in ("bf16", "fp8")
    ]


def test_an_expectation_names_a_variant() -> None:
    claim = 'expect: [{that: s model=b hardware=h200 weight_format=fp8.served_fits, equals: "yes"}]\n'
    assert [one.subject for one in spec_of(SWEPT + claim).expectations] == ["s model=b hardware=h200 weight_format=fp8"]


# old text -> new text, and the message
REFUSED = [
    (
        {"n_devices: [8, 16]": "n_devices: [6, 16]", "{n_devices: 8,": "{n_devices: 6,", "size: 64": "size: 48"},
        "s.yaml:13:19: training.t.sweep.n_devices[0]: n_devices 6 is not divisible by tensor 4 · "
        "pipeline 1 · context 1 "
        "in run 't n_devices=6 tensor_parallel=4 zero_stage=1 recomputation=none'; write n_devices: 8, or change "
        "the split; or exclude: such combinations (2 of 10 fail)",
    ),
    (
        {"[h100-sxm, h200]": "[h100-sxm, h2000]"},
        "s.yaml:21:49: serving.s.sweep.hardware[1]: no hardware is called 'h2000'; did you mean 'h200'? "
        "(flopsheet list hardware); "
        "or exclude: such combinations (4 of 8 fail)",
    ),
    (
        {"model: [a, b]": "model: [a, c]"},
        "s.yaml:21:24: serving.s.sweep.model[1]: no model is called 'c'; known: a, b; "
        "or exclude: such combinations (4 of 8 fail)",
    ),
    (
        {"n_devices: [8, 16]": "n_device: [8, 16]"},
        "s.yaml:13:7: training.t.sweep.n_device: unknown key 'n_device'; did you mean 'n_devices'?",
    ),
    (
        {"tensor_parallel == 3": "tensor_paralel == 3"},
        "s.yaml:16:17: training.t.sweep.exclude[0]: 'tensor_paralel' is not an input that can be read here; "
        "did you mean 'tensor_parallel'?",
    ),
    (
        {"[none, full]": "[none, all]"},
        "s.yaml:15:55: training.t.sweep.zip.recomputation[1]: 'all' is not a choice; choices: none, selective, "
        "operations, full",
    ),
    (
        {"  t:\n": "  t n_devices=8: {model: a, hardware: h100-sxm, context_length: 8}\n  t:\n"},
        "s.yaml:7:3: training.t n_devices=8: 't n_devices=8' reads like a variant of 't', which is swept; "
        "choose another name",
    ),
    (
        {"n_devices: [8, 16]": "n_devices: {from: 8, to: 3200, step: 8}"},
        "s.yaml:12:5: training.t.sweep: 2,398 training runs exceed the limit of 1,000; sweep fewer values",
    ),
]


def edited(edits: dict[str, str]) -> str:
    text = SWEPT
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(("edits", "message"), REFUSED, ids=[message.split(": ")[1] for _, message in REFUSED])
def test_a_mistake_in_the_sweep_of_a_run_has_one_message(edits: dict[str, str], message: str) -> None:
    told = refusal(edited(edits))
    assert (told.splitlines()[0], told.count("s.yaml:")) == (message, 1)


def test_the_schema_takes_a_swept_run_and_refuses_a_key_that_it_does_not_have() -> None:
    validator = jsonschema.Draft202012Validator(to_schema())
    misspelt = SWEPT.replace("n_devices: [8, 16]", "n_device: [8, 16]")
    without = BASE.replace("    model: a\n", "")  # a run that is not swept says its model
    verdicts = [validator.is_valid(source.parse(text, "s.yaml").data) for text in (SWEPT, misspelt, without)]
    assert verdicts == [True, False, False]


def test_an_edit_of_a_variant_is_named_as_what_no_spec_says(tmp_path: Path) -> None:
    report = build(compute_spec(spec_of(SWEPT)), tmp_path / "built.xlsx")
    [input_cell] = [
        input_cell
        for input_cell in input_cells_of(report)
        if input_cell.path == ("serving", "s model=b hardware=h200 weight_format=fp8", "n_sequences")
    ]
    at = input_cell.cell_ref.seen_from("")
    typing = {(input_cell.cell_ref.sheet, input_cell.cell_ref.address): 4.0}
    pulled = pull(type_into(tmp_path / "built.xlsx", typing, tmp_path / "edited.xlsx"))
    assert (pulled.patch, lines(pulled), pulled.reading.problems, blamed(pulled)) == (
        {},
        ["serving.s model=b hardware=h200 weight_format=fp8.n_sequences: 1 → 4"],
        [],
        [
            f"serving.s model=b hardware=h200 weight_format=fp8.n_sequences: {at}: 's model=b hardware=h200 "
            "weight_format=fp8' is a variant of a sweep and has no entry of its own in the spec; change the sweep, or "
            "write the variant out as a run of its own"
        ],
    )
