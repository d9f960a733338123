"""`sweep:`: variants equal the same models written by hand; names, exclusions, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from flopsheet import compute
from flopsheet.diagnostics import SpecError
from flopsheet.spec import load_spec
from flopsheet.spec.load import parse_spec
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import parse
from studies import assert_alike, spec_of

BASE: dict[str, Any] = {
    "version": 1,
    "title": "sweep",
    "context_lengths": [1024, 8192],
    "defaults": {"vocab_size": 32000, "ffn": "swiglu", "d_ff": "4 * d_model"},
}
SHAPE = {"n_layers": 24, "d_model": 2048, "n_heads": 16, "n_kv_heads": 4}

# What a model sweeps, and the variants that somebody would write instead.
BY_HAND: list[tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, Any]]]] = [
    (
        SHAPE,
        {"d_model": [1024, 2048], "n_layers": {"from": 4, "to": 12, "step": 8}},
        {f"m d_model={d} n_layers={n}": {"d_model": d, "n_layers": n} for d in (1024, 2048) for n in (4, 12)},
    ),
    (
        SHAPE,
        {"zip": {"n_heads": [8, 32], "n_kv_heads": [8, 4]}, "tie_embeddings": [True, False]},
        {
            f"m tie_embeddings={tied} n_heads={n} n_kv_heads={k}": {
                "n_heads": n,
                "n_kv_heads": k,
                "tie_embeddings": tied == "true",
            }
            for tied in ("true", "false")
            for n, k in ((8, 8), (32, 4))
        },
    ),
    (
        SHAPE,
        {"ffn": ["gelu", "swiglu"], "d_ff": ["4 * d_model", 5504], "norm": ["layernorm", "rmsnorm"]},
        {
            f"m d_ff={width.replace(' ', '').replace('*', '·') if isinstance(width, str) else width} norm={norm} "
            f"ffn={ffn}": {"ffn": ffn, "d_ff": width, "norm": norm}
            for width in ("4 * d_model", 5504)
            for norm in ("layernorm", "rmsnorm")
            for ffn in ("gelu", "swiglu")
        },
    ),
    (
        {
            **SHAPE,
            "d_expert": 512,
            "n_active_experts": "min(2, n_experts)",
            "d_qk_nope": "where(kv_lora_rank > 0, 64, 0)",
        }
        | {"d_qk_rope": "where(kv_lora_rank > 0, 32, 0)", "d_v": 64, "d_ff": "where(n_experts > 0, 0, 4 * d_model)"},
        {"n_experts": [0, 8], "kv_lora_rank": [0, 128]},
        {f"m n_experts={n} kv_lora_rank={r}": {"n_experts": n, "kv_lora_rank": r} for n in (0, 8) for r in (0, 128)},
    ),
    (
        {"d_model": 1024, "n_heads": 8, "layers": [{"n_layers": 2, "window": 512}, {"n_layers": 6, "d_ff": 64}]},
        {"d_model": [512, 1024], "n_kv_heads": [2, 8]},
        {f"m d_model={d} n_kv_heads={k}": {"d_model": d, "n_kv_heads": k} for d in (512, 1024) for k in (2, 8)},
    ),
    (
        SHAPE,
        {"n_layers": [2, 4, 8], "d_model": [512, 1024], "exclude": [{"n_layers": 4}, "d_ff * n_layers > 30000"]},
        {
            "m n_layers=2 d_model=512": {"n_layers": 2, "d_model": 512},
            "m n_layers=2 d_model=1024": {"n_layers": 2, "d_model": 1024},
            "m n_layers=8 d_model=512": {"n_layers": 8, "d_model": 512},
        },
    ),
]


def swept(shape: dict[str, Any], sweep: dict[str, Any]) -> dict[str, Any]:
    return {**BASE, "models": {"plain": SHAPE, "m": {**shape, "sweep": sweep}}}


@pytest.mark.parametrize(("shape", "sweep", "variants"), BY_HAND)
def test_a_sweep_gives_what_the_same_models_give_when_they_are_listed(
    shape: dict[str, Any], sweep: dict[str, Any], variants: dict[str, dict[str, Any]]
) -> None:
    listed = {name: {**shape, **own} for name, own in variants.items()}
    if "ffn" in sweep:
        sweep = {key: sweep[key] for key in ("d_ff", "norm", "ffn")}
    got = compute(swept(shape, sweep)).frames
    wanted = compute({**BASE, "models": {"plain": SHAPE, **listed}}).frames
    for grain, frame in wanted.items():
        assert_alike(got[grain], frame)


def test_expressions_stay_live_in_a_variant() -> None:
    spec = load_spec(swept(SHAPE, {"d_model": [1024, 2048]}))
    nodes = [model.groups[0].inputs["d_ff"].ast for model in spec.models]
    assert (nodes[0] is not None, nodes[0] == nodes[1] == nodes[2]) == (True, True)


def test_a_range_is_decimal() -> None:
    spec = load_spec(swept(SHAPE, {"n_layers": {"from": 8, "to": 41, "step": 16}}))
    assert [model.inputs["n_layers"].value for model in spec.models[1:]] == [8.0, 24.0, 40.0]


def test_names_that_would_be_too_long_use_symbols_and_then_numbers() -> None:
    some = {
        "n_layers": [1, 2],
        "d_model": [1024, 2048],
        "n_heads": [8, 16],
        "n_kv_heads": [4, 8],
        "vocab_size": [32000],
    }
    more = {
        **some,
        "n_norms": [1, 2],
        "max_positions": [2048, 4096],
        "attention_sinks": [True],
        "shared_expert_gate": [False],
    }
    names = [load_spec(swept(SHAPE, sweep)).models[1].name for sweep in (some, more)]
    assert names == ["m L=1 D=1024 H=8 G=4 V=32000", "m #01"]


def test_a_swept_model_can_be_extended_and_stands_for_its_variants_alone() -> None:
    models = {"m": {**SHAPE, "sweep": {"n_layers": [1, 2]}}, "child": {"extends": "m", "d_model": 1024}}
    spec = load_spec({**BASE, "models": models})
    assert [model.name for model in spec.models] == ["m n_layers=1", "m n_layers=2", "child"]


def test_an_expectation_names_a_variant() -> None:
    spec = swept(SHAPE, {"n_layers": [1, 2]})
    spec["expect"] = [{"that": "m n_layers=2.n_params", "at_least": 2}, {"that": "m n_layers=1.n_params", "equals": 2}]
    assert [finding.expectation.subject for finding in compute(spec).findings] == ["m n_layers=1"]


TEXT = """\
version: 1
context_lengths: [1024]
defaults: {vocab_size: 100, ffn: gelu, d_ff: 4 * d_model}
models:
  a:
    n_layers: 2
    d_model: 64
    n_heads: 4
    sweep:
      d_model: [64, 128]
      zip: {n_heads: [4, 8], n_kv_heads: [2, 4]}
      exclude:
      - {d_model: 128, n_heads: 8}
      - d_model > 10 * n_heads * n_layers
"""
WIDE = "d_model: {from: 1, to: 5000}\n      vocab_size: {from: 1, to: 5000}"
NOTHING = {"sweep:": "«sweep»:", "- {d_model: 128, n_heads: 8}": "- n_heads > 1"}
ZIP = "zip: {n_heads: [4, 8], n_kv_heads: [2, 4]}"


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    return str(caught.value)


REFUSED = [
    ({"d_model: [64, 128]": "«d_modle»: [64]"}, "d_modle: unknown key 'd_modle'; did you mean 'd_model'?"),
    (
        {"d_model: [64, 128]": "«batch_size»: [1, 2]"},
        "batch_size: batch_size belongs to the whole study, but a sweep varies inputs of a model or run; "
        "write one spec for each value",
    ),
    (
        {"d_model: [64, 128]": "«context_length»: [1, 2]"},
        "context_length: context lengths are swept through their own list; "
        "write context_lengths: [a, b] at the top of the spec",
    ),
    (
        {"d_model: [64, 128]": "«grid»: {d_model: [1, 2]}"},
        "grid: unknown key 'grid'; write the inputs and their values right under sweep:",
    ),
    (
        {"d_model: [64, 128]": "«attention»: [{kind: mha}]"},
        "attention: attention cannot be swept as a whole; sweep inputs of it, such as n_kv_heads: [4, 8]",
    ),
    (
        {"d_model: [64, 128]": "d_model: «64»", "{d_model: 128, n_heads: 8}": "{n_heads: 8}"},
        "d_model: 64 where a list is expected; write [a, b]",
    ),
    ({"d_model: [64, 128]": "d_model: «[»]"}, "d_model: there are no entries; write at least one"),
    ({"[64, 128]": "[64, «64»]"}, "d_model[1]: 64 is already in the list; keep one of the two"),
    ({"[64, 128]": "[64, «-1»]"}, "d_model[1]: -1 is out of range; write 1 or more"),
    ({"[64, 128]": "{from: 64, to: 128, «stp»: 8}"}, "d_model.stp: unknown key 'stp'; did you mean 'step'?"),
    ({"d_model: [64, 128]": "«d_model»: {from: 64}"}, "d_model: to is missing; write to: …"),
    (
        {"[64, 128]": "«{»from: 128, to: 64}"},
        "d_model: the range from 128 to 64 is empty; write from: the smaller, to: the larger",
    ),
    (
        {"[64, 128]": "{from: 64, to: 128, step: «0.5»}"},
        "d_model.step: 0.5 is not a whole number; write 0 or 1",
    ),
    ({"[64, 128]": "{from: «0», to: 128}"}, "d_model.from: 0 is out of range; write 1 or more"),
    ({"[64, 128]": "{from: 64, to: 128, step: «0»}"}, "d_model.step: 0 is not a step; write more than 0"),
    (
        {"[64, 128]": "«{»from: 1, to: 1e9}"},
        "d_model: the range has 1,000,000,000 values; at most 100,000 are allowed for one input; take larger steps",
    ),
    (
        {"d_model: [64, 128]": WIDE, "sweep:": "«sweep»:"},
        ": the sweep has 50,000,000 combinations; "
        "at most 10,000,000 are allowed; take fewer values, or pair them under zip:",
    ),
    (
        {"n_kv_heads: [2, 4]": "n_kv_heads: [2]", "zip:": "«zip»:"},
        "zip: zip pairs lists of different lengths: n_heads 2, n_kv_heads 1; "
        "give every list the same number of values",
    ),
    (
        {"n_kv_heads: [2, 4]": "«d_model»: [2, 4]"},
        "zip.d_model: d_model and d_model set the same thing; keep one of the two",
    ),
    ({"{d_model: 128, n_heads: 8}": "«5»"}, "exclude[0]: 5 is not an exclusion; "
     "write {input: value}, or a condition such as d_model > 4096"),
    (
        {"{d_model: 128, n_heads: 8}": "{«n_layers»: 2}"},
        "exclude[0].n_layers: the sweep does not vary n_layers; it varies d_model, n_heads, n_kv_heads",
    ),
    (
        {"{d_model: 128, n_heads: 8}": "{d_model: «127»}"},
        "exclude[0].d_model: 127 is not among the swept values of d_model; write one of 64, 128",
    ),
    (
        {"{d_model: 128, n_heads: 8}": "{d_model: «[»64]}"},
        "exclude[0].d_model: a list is not among the swept values of d_model; write one of 64, 128",
    ),
    (
        {"{d_model: 128, n_heads: 8}": "{d_model: «null»}"},
        "exclude[0].d_model: an empty value is not among the swept values of d_model; write one of 64, 128",
    ),
    ({"[64, 128]": "{«start»: 64, to: 128}"}, "d_model.start: unknown key 'start'; did you mean 'from'?"),
    ({"[64, 128]": "{from: 64, «stop»: 128}"}, "d_model.stop: unknown key 'stop'; did you mean 'to'?"),
    (
        {"d_model > 10 * n_heads * n_layers": "d_model «=» 128"},
        "exclude[1]: '=' is not a comparison; write == to compare",
    ),
    (
        {"d_model > 10 * n_heads * n_layers": "«d_model > 64 and n_heads > 4»"},
        "exclude[1]: the operator 'and' is not part of the language; nest where(condition, a, b)",
    ),
    (
        {"d_model > 10 * n_heads * n_layers": "«d_model * 2»"},
        "exclude[1]: 'd_model * 2' is a number, not a condition; write a comparison, such as d_model > 4096",
    ),
    (
        {"d_model > 10 * n_heads * n_layers": "d_model > «n_haeds»"},
        "exclude[1]: 'n_haeds' is not an input that can be read here; did you mean 'n_heads'?",
    ),
    (
        {"d_model > 10 * n_heads * n_layers": "d_model > «10 % 4»"},
        "exclude[1]: the operator '%' is not part of the language; "
    "write a - b * floor(a / b) for the remainder of a division",
    ),
    ({"d_model > 10 * n_heads * n_layers": "d_model > 0", "exclude:": "«exclude»:"},
        "exclude: every combination is excluded; exclude fewer"),
    ({f"      d_model: [64, 128]\n      {ZIP}\n": "", **NOTHING},
     ": the sweep varies nothing; write inputs with the values they take, such as d_model: [4096, 5120]"),
]  # fmt: skip


def edited(edits: dict[str, str]) -> str:
    text = TEXT
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(("edits", "message"), REFUSED)
def test_a_mistake_in_a_sweep_has_one_message(edits: dict[str, str], message: str) -> None:
    text = edited(edits)
    before, marked, after = text.replace("»", "«").split("«") if "»" in text else (text, "", "")
    line, column = before.count("\n"), len(before) - (before.rfind("\n") + 1)
    text = before + marked + after
    path = "models.a.sweep" + (message if message.startswith(":") else f".{message}")
    caret = " " * column + "^" * len(marked)
    found = refusal(text)
    head, shown, carets = found.split("\n")
    assert (head, shown.strip(), carets) == (
        f"s.yaml:{line + 1}:{column + 1}: {path}",
        text.splitlines()[line].strip(),
        f"    {caret}"[: len(carets)],
    )


def test_of_faulty_variants_the_first_is_told_and_how_many_fail() -> None:
    text = TEXT.replace("[4, 8], n_kv", "[4, 7], n_kv").replace("  - {d_model: 128, n_heads: 8}", "  - {d_model: 128}")
    text = text.replace("n_kv_heads: [2, 4]", "n_kv_heads: [2, 7]")
    assert refusal(text) == (
        "s.yaml:11:26: models.a.sweep.zip.n_heads[1]: n_heads 7 does not divide d_model 64 "
        "in model 'a d_model=64 n_heads=7 n_kv_heads=7'; write d_head, or one of n_heads: 1, 2, 4, 8; "
        "or exclude: such combinations (1 of 2 fail)\n"
        "          zip: {n_heads: [4, 7], n_kv_heads: [2, 7]}\n"
        "                             ^"
    )


def test_a_mistake_of_the_model_itself_is_told_once() -> None:
    assert refusal(TEXT.replace("    n_heads: 4\n", "    d_ff: 4 * d_modle\n    n_heads: 4\n")).count("s.yaml:") == 1


def test_an_input_that_a_layer_group_says_cannot_be_swept() -> None:
    text = TEXT.replace("    n_layers: 2\n", "    layers: [{n_layers: 2, n_heads: 4}]\n").replace(" * n_layers", "")
    assert (
        "zip.n_heads: layers[0] sets n_heads itself, so the sweep would not reach it; remove n_heads there"
        in refusal(text)
    )


def test_a_name_that_reads_like_a_variant_is_refused() -> None:
    text = TEXT.replace("models:\n", "models:\n  a d_model=64: {n_layers: 2, d_model: 64, n_heads: 4}\n")
    assert "'a d_model=64' reads like a variant of 'a', which is swept; choose another name" in refusal(text)


def test_more_models_than_are_held_at_once_are_refused_with_the_way_out() -> None:
    text = TEXT.replace("[64, 128]", "{from: 64, to: 64000, step: 8}").replace(
        "- {d_model: 128, n_heads: 8}", "- n_heads > 9"
    )
    text = text.replace("  - d_model > 10 * n_heads * n_layers\n", "")
    assert refusal(text).splitlines()[0] == (
        "s.yaml:9:5: models.a.sweep: 15,986 models exceed the limit of 10,000 held in memory; "
        "sweep fewer values, or stream them with 'flopsheet show --format csv', json or parquet"
    )


def test_the_text_that_the_mistakes_are_made_in_is_valid() -> None:
    assert [model.name for model in spec_of(TEXT).models] == [
        "a d_model=64 n_heads=4 n_kv_heads=2",
        "a d_model=64 n_heads=8 n_kv_heads=4",
    ]


def test_what_a_later_variant_breaks_is_still_told_of_another_model():
    text = """\
version: 1
context_lengths: [1024]
defaults: {vocab_size: 100, ffn: gelu, d_ff: 256, n_layers: 2, n_kv_heads: 2, d_model: 60}
models:
  m: {sweep: {n_heads: [3, 5]}}
  o: {n_heads: 5}
"""
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    assert [problem.fact for problem in caught.value.problems] == [
        "n_kv_heads 2 does not divide n_heads 3 in model 'm n_heads=3'",
        "n_kv_heads 2 does not divide n_heads 5 in model 'o'",
    ]


def test_a_spec_that_is_read_is_resolved_as_often_as_one_likes():
    read = parse_spec(parse(to_yaml(BASE | {"models": {"m": {**SHAPE, "sweep": {"n_layers": [2, 3]}}}}), "s"), "s")
    first, members = read.expand(), read.families().members
    assert (read.expand(), read.families().members) == (first, members)
    assert [model.name for model in first.models] == ["m n_layers=2", "m n_layers=3"]
