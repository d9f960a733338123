"""Numbers as people write them, 15T, 128Ki, 80GB: the same input as in digits, wherever a spec has a number."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import flopsheet
from flopsheet import quantities
from flopsheet.diagnostics import FormulaError, SpecError
from flopsheet.formula import parse
from flopsheet.review.pull import pull, write_spec
from flopsheet.spec.schema.json_schema import to_schema
from flopsheet.yamlio import source
from review_helpers import input_cells_of, type_into

TEXT = """\
version: 1
context_lengths: [{context}]
models:
  a: {{n_layers: 4, d_model: 4096, n_heads: 32, d_ff: 4 * d_model, ffn: gelu, vocab_size: {vocab}}}
hardware:
  box: {{extends: h100-sxm, memory_bytes: {memory}, memory_bandwidth: {bandwidth}, peak_flops_bf16: {peak}}}
training:
  run:
    model: a
    hardware: box
    context_length: {context}
    global_batch_size: 1024
    sweep: {{n_tokens: {tokens}, exclude: [{{n_tokens: {left_out}}}]}}
expect:
- {{that: a.n_params, at_most: {most}, context_length: null}}
- {{that: a.kv_cache_bytes, context_length: {context}, at_least: {cache}}}
""".replace(", context_length: null", "")
AS_DIGITS = {
    "context": "131072", "vocab": "128000000", "memory": "85899345920", "bandwidth": "3.35e12", "peak": "989e12",
    "tokens": "[1.5e12, 15e12, 30e12]", "left_out": "30e12", "most": "2e9", "cache": "1e6",
}  # fmt: skip
AS_WRITTEN = {
    "context": "128Ki", "vocab": "128M", "memory": "80GiB", "bandwidth": "3.35TB/s", "peak": "989 TFLOP/s",
    "tokens": "[1.5T, 15T, 30 T]", "left_out": "30T", "most": "2B", "cache": "1MB",
}  # fmt: skip


def said(values: dict[str, str]) -> Any:
    """What the spec says, as plain data."""
    return source.parse(TEXT.format(**values), "s.yaml").data


def frames_of(text: str, path: Path) -> Any:
    path.write_text(text, encoding="utf-8")
    return {grain: frame.fillna("none").to_dict() for grain, frame in flopsheet.compute(path).frames.items()}


def test_a_spec_with_suffixes_says_the_same_as_one_in_digits(tmp_path: Path) -> None:
    written, digits = (frames_of(TEXT.format(**one), tmp_path / "s.yaml") for one in (AS_WRITTEN, AS_DIGITS))
    assert written == digits


def test_editors_accept_both() -> None:
    validator = jsonschema.Draft202012Validator(to_schema())
    data = [said(AS_WRITTEN), said({**AS_DIGITS, "tokens": "{from: 1T, to: 3T}"})]
    assert [[error.message for error in validator.iter_errors(one)] for one in data] == [[], []]


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [  # M, B, T: powers of 1,000; Ki, Mi, Gi, Ti: IEC 80000-13, powers of 1,024
        ("15T", "token", 15 * 10**12),
        ("1.1B", "parameters", 1_100_000_000),
        ("0.3 M", "count", 300_000),
        ("-2M", "count", -2_000_000),
        ("128Ki", "token", 131_072),
        ("80GB", "B", 80 * 10**9),
        ("80GiB", "B", 85_899_345_920),
        ("74.5GiB", "GiB", 74.5),
        ("80GB", "GiB", 80e9 / 2**30),
        ("3.35TB/s", "B/s", 3_350_000_000_000),
        ("989.4TFLOP/s", "FLOP/s", 989_400_000_000_000),
        ("80GB", "token", None),
        ("15T", "B", None),
        ("80B", "B", None),
        ("8k", "count", None),
        ("15t", "token", None),
        ("15T", "text", None),
        ("T", "token", None),
    ],
)
def test_a_suffix_is_read_by_the_unit(text: str, unit: str, number: float | None) -> None:
    got = quantities.read_quantity(text, unit)
    assert (got, type(got)) == (number, type(number))


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (
            "{that: a.n_params, at_most: 2GB}",
            "expect[0].at_most: '2GB' is in bytes, expected a plain number; write 2B",
        ),
        ("{that: a.n_params, at_most: 60k}", "expect[0].at_most: '60k' is not a number; write 60000"),
        ("{that: a.weight_bytes, equals: 2T}", "expect[0].equals: '2T' lacks a unit; write 2TB or 2TiB"),
    ],
)
def test_a_claim_has_the_suffixes_of_its_metric(claim: str, message: str, tmp_path: Path) -> None:
    text = TEXT.format(**AS_DIGITS)
    (tmp_path / "s.yaml").write_text(text[: text.index("expect:")] + f"expect:\n- {claim}\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        flopsheet.compute(tmp_path / "s.yaml")
    assert [str(problem).splitlines()[0].split(": ", 1)[1] for problem in caught.value.problems] == [message]


@pytest.mark.parametrize(
    ("text", "unit", "remedy"),
    [  # a byte has eight bits
        ("400 Gb/s", "B/s", "write 50GB/s"),
        ("400Gbps", "B/s", "write 50GB/s"),
        ("400 Gbit/s", "B/s", "write 50GB/s"),
        ("100 Gbits/s", "B/s", "write 12.5GB/s"),
        ("8 kbps", "B/s", "write 1000"),
        ("640 Gb", "B", "write 80GB"),
        ("640Gib", "GiB", "write 80GiB"),
        ("400gb/s", "B/s", "write 400GB/s"),
    ],
)
def test_bits_are_told_in_bytes(text: str, unit: str, remedy: str) -> None:
    refused = quantities.refusal(text, unit)
    assert refused and refused[1] == remedy


def test_a_suffix_inside_an_expression_is_refused_with_the_digits(tmp_path: Path) -> None:
    spec = said(AS_DIGITS)
    spec["models"]["a"]["d_ff"] = "2 * 14B + d_model"
    with pytest.raises(SpecError) as caught:
        flopsheet.compute(spec)
    assert [problem.fact for problem in caught.value.problems] == ["'14B' is not a number in an expression"]
    assert [problem.remedy for problem in caught.value.problems] == ["write 14e9"]


@pytest.mark.parametrize("kind", quantities.KINDS, ids=lambda kind: kind.name)
def test_every_suffix_inside_an_expression_is_refused_with_the_digits(kind: quantities.Kind) -> None:
    told = {}
    for suffix in kind.suffixes:
        with pytest.raises(FormulaError) as caught:
            parse(f"2 * 3{suffix}")
        told[suffix] = caught.value.problems[0].fact, float(caught.value.problems[0].remedy.removeprefix("write "))
    assert told == {
        suffix: (f"'3{suffix}' is not a number in an expression", float(f"{3 * factor:.15g}"))
        for suffix, factor in kind.suffixes.items()
    }


def test_a_model_may_be_called_like_a_number() -> None:
    shape = {"n_layers": 4, "d_model": 64, "n_heads": 4, "d_ff": 256, "ffn": "gelu", "vocab_size": 128}
    spec = {
        "version": 1, "title": "13B", "context_lengths": [64], "models": {"7B": shape, "13B": {"extends": "7B"}},
        "expect": [{"that": "7B.n_params", "at_most": "1M"}],
    }  # fmt: skip
    assert list(flopsheet.compute(spec).frames["model"].index) == ["7B", "13B"]


def test_a_setting_may_have_a_suffix_and_what_is_shown_is_exact(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(TEXT.format(**AS_DIGITS), encoding="utf-8")
    setting = ["--set", "hardware.box.memory_bytes=64GiB"]
    command = [sys.executable, "-m", "flopsheet", "show", "--format", "json", *setting, "s.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    runs = json.loads(done.stdout)["training"]
    assert [run["n_tokens"] for run in runs.values()] == [1_500_000_000_000, 15_000_000_000_000]
    assert {run["capacity_gib"] for run in runs.values()} == {64.0}


def test_inputs_that_a_spec_defines_take_the_suffixes_of_their_unit() -> None:
    own = {"label": "Own", "grain": "model", "doc": "An input."}
    spec = said(AS_DIGITS)
    spec["inputs"] = [
        {"name": "disk", "unit": "B", "default": "2TB", "most": "1PB", **own},
        {"name": "fee", "unit": "USD", "default": "1M", **own},
    ]
    spec["models"]["b"] = {"extends": "a", "disk": "1TiB", "fee": "2.5M"}
    assert flopsheet.compute(spec).frames["model"][["disk", "fee"]].to_dict("index") == {
        "a": {"disk": 2 * 10**12, "fee": 10**6},
        "b": {"disk": 2**40, "fee": 2_500_000},
    }


def test_pulling_edits_back_keeps_suffixes_and_writes_exact_numbers(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(TEXT.format(**AS_WRITTEN), encoding="utf-8")
    report = flopsheet.build(tmp_path / "s.yaml", tmp_path / "built.xlsx")
    [memory] = [
        input_cell
        for input_cell in input_cells_of(report)
        if source.spell(input_cell.path) == "hardware.box.memory_bytes"
    ]
    cells = {(memory.cell_ref.sheet, memory.cell_ref.address): 141e9}
    pulled = pull(type_into(tmp_path / "built.xlsx", cells, tmp_path / "edited.xlsx"))
    write_spec(pulled, tmp_path / "s.yaml")
    wanted = TEXT.format(**{**AS_WRITTEN, "memory": "141000000000"})
    assert (tmp_path / "s.yaml").read_text(encoding="utf-8") == wanted
