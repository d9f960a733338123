"""`--set` and specs merged from left to right: what is said last holds, and every mistake points to where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import ROOT, run
from flopsheet import compute
from flopsheet.diagnostics import FlopsheetError, SpecError
from flopsheet.spec.combine import read_combined

GPT2 = str(ROOT / "specs" / "gpt2.yaml")
BASE = """\
version: 1
context_lengths: [1024]
defaults: {vocab_size: 100, ffn: gelu, d_ff: 4 * d_model}
models:
  gpt-2.5: {n_layers: 2, d_model: 64, n_heads: 4}
  b: {extends: gpt-2.5, layers: [{n_layers: 1}, {n_layers: 1, n_kv_heads: 2}]}
expect:
- {that: b.n_params, at_least: 1}
"""


@pytest.fixture
def base(tmp_path: Path) -> str:
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    return str(tmp_path / "base.yaml")


def inputs(spec, name="gpt-2.5"):
    model = next(model for model in spec.models if model.name == name)
    return {**model.inputs, **model.groups[-1].inputs}


# Settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "model", "key", "value"),
    [
        ("models.gpt-2.5.d_model=128", "gpt-2.5", "d_model", 128),
        ("models.gpt-2.5.d_model=128", "b", "d_model", 128),  # which extends it
        ("models.gpt-2.5.d_model=0x40", "gpt-2.5", "d_model", 64),
        ("models.gpt-2.5.n_kv_heads=1", "gpt-2.5", "n_kv_heads", 1),  # not in the spec until now
        ("models.gpt-2.5.d_ff=8 * d_model", "gpt-2.5", "d_ff", 512),
        ("models.gpt-2.5.tie_embeddings=true", "gpt-2.5", "tie_embeddings", "yes"),
        ("models.gpt-2.5.attention={kind: mqa}", "gpt-2.5", "n_kv_heads", 1),
        ("models.gpt-2.5.attention.kind=mqa", "gpt-2.5", "n_kv_heads", 1),
        ("models.b.layers[1].n_kv_heads=4", "b", "n_kv_heads", 4),
        ("defaults.vocab_size=2e2", "b", "vocab_size", 200),
    ],
)
def test_a_setting_is_read_as_if_it_stood_in_the_spec(base, setting, model, key, value) -> None:
    assert inputs(read_combined([base], [setting]).expand(), model)[key].value == value


def test_a_setting_stays_an_expression(base) -> None:
    from flopsheet.formula import parse

    assert inputs(read_combined([base], ["models.gpt-2.5.d_ff=8 * d_model"]).expand())["d_ff"].ast == parse(
        "8 * d_model"
    )


def test_of_two_settings_the_last_holds(base) -> None:
    spec = read_combined([base], ["context_lengths=[1, 2]", "context_lengths[1]=3"]).expand()
    assert spec.context_lengths == (1, 3)


def test_the_numbers_of_a_setting_are_those_of_the_edited_spec(tmp_path) -> None:
    edited = Path(GPT2).read_text(encoding="utf-8").replace("n_layers: 48", "n_layers: 24")
    edited = edited[: edited.index("expect:")]
    (tmp_path / "gpt2.yaml").write_text(edited, encoding="utf-8")
    shown = run("show", str(tmp_path / "gpt2.yaml"), "--format", "json").stdout
    assert run("show", GPT2, "--set", "models.gpt2-xl.n_layers=24", "--format", "json").stdout == shown


def test_the_workbook_holds_a_spec_that_says_the_same(base, tmp_path) -> None:
    spec = read_combined([base], ["models.gpt-2.5.d_model=128", "title='Wide: a study'"]).expand()
    (tmp_path / "again.yaml").write_text(spec.text, encoding="utf-8")
    again = compute(tmp_path / "again.yaml").spec
    assert (again.title, again.models, again.expectations) == (spec.title, spec.models, spec.expectations)


REFUSED = [
    (
        "models.gpt-2.5.«d_modle»=128",
        "models.gpt-2.5.d_modle: unknown key 'd_modle'; did you mean 'd_model'?",
    ),
    ("«model».b.d_model=128", "model.b.d_model: unknown key 'model'; did you mean 'models'?"),
    ("models.«gpt-2»=1", "models.gpt-2: models has no 'gpt-2'; did you mean 'gpt-2.5'?"),
    ("models.«c».d_model=1", "models.c.d_model: models has no 'c'; known: gpt-2.5, b"),
    (
        "models.gpt-2.5.d_model.«x»=1",
        "models.gpt-2.5.d_model.x: 'models.gpt-2.5.d_model' has no keys below it; set models.gpt-2.5.d_model itself",
    ),
    ("title.«d_model»=1", "title.d_model: 'title' has no keys below it; set title itself"),
    ("models.b.layers«[2]»=1", "models.b.layers: the list has 2 entries; write one of [0], [1]"),
    ("models.b.layers.«1»=1", "models.b.layers: the list has 2 entries; write one of [0], [1]"),
    ("context_lengths«[1]»=8", "context_lengths: the list has 1 entry; write one of [0]"),
    ("models.b.layers[0].«n_layer»=1", "models.b.layers[0].n_layer: unknown key 'n_layer'; did you mean 'n_layers'?"),
    (
        "«models.gpt-2.5.d_model»",
        "there is no '=' in it; write --set PATH=VALUE, such as models.gpt2-xl.d_model=2048",
    ),
    ("«=»1", "there is nothing before '='; write --set PATH=VALUE, such as models.gpt2-xl.d_model=2048"),
    ("title=«»", "title: there is no value after '='; write one; '' is the empty text"),
    ("title=«'»a", "title: this quote is never closed; close it with the same quote"),
    ("title=«*»a", "title: anchors and aliases such as '*a' are not supported; write the value out, let a model say "
     "'extends:', or put the text in quotes"),
    ("models.gpt-2.5.d_model=«0»", "models.gpt-2.5.d_model: 0 is out of range; write 1 or more"),
    ("models.gpt-2.5.d_model=«.nan»", "models.gpt-2.5.d_model: '.nan' is not a finite number that a cell can hold; "
     "write 0 or a number between 1e-300 and 1e300"),
    ("models.gpt-2.5.d_ff=4 * «d_modle»", "models.gpt-2.5.d_ff: 'd_modle' is not a number that can be read here; "
     "did you mean 'd_model'?"),
    ("models.gpt-2.5.n_heads=«6»", "models.gpt-2.5.n_heads: n_heads 6 does not divide d_model 64; "
     "write d_head, or one of n_heads: 1, 2, 4, 8"),
    ("context_lengths=[1, «1»]", "context_lengths[1]: 1 is already in the list; keep one of the two"),
    ("conventions.lm_head=«lef_out»", "conventions.lm_head: 'lef_out' is not a choice; did you mean 'left_out'? "
     "choices: counted, left_out"),
]  # fmt: skip


@pytest.mark.parametrize("said", ["5", "gpt2-small", "yes"])
def test_a_setting_below_a_model_that_is_no_mapping_is_refused(tmp_path: Path, said: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(f"version: 1\ncontext_lengths: [8]\nmodels: {{m: {said}}}\n", encoding="utf-8")
    with pytest.raises(FlopsheetError) as caught:
        read_combined([path], ["models.m.n_layers=3"])
    assert "'models.m' has no keys below it; set models.m itself" in str(caught.value)


def test_a_setting_fills_an_entry_of_a_list_that_is_null(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("version: 1\ncontext_lengths: [8]\nmodels: {m: {layers: [null]}}\n", encoding="utf-8")
    read = read_combined([path], ["models.m.layers[0].n_layers=3"])
    assert read.draft.data["models"]["m"]["layers"] == [{"n_layers": 3}]


@pytest.mark.parametrize(("marked", "message"), REFUSED)
def test_a_mistake_in_a_setting_points_into_the_argument(base, marked: str, message: str) -> None:
    before, inside, after = marked.replace("»", "«").split("«")
    setting = before + inside + after
    with pytest.raises(FlopsheetError) as caught:
        read_combined([base], [setting]).expand()
    width = 2 if "*" in marked and inside == "*" else max(1, len(inside))
    caret = " " * len(before) + "^" * width
    line = f"\n    {setting}\n    {caret}"
    assert str(caught.value) == f"--set:1:{len(before) + 1}: {message}{line}"


def test_all_wrong_settings_are_told_at_once_on_stderr() -> None:
    done = run("show", GPT2, "--set", "titel=a", "--set", "models.gpt2-xl.d_modle=1")
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "--set:1:1: titel: unknown key 'titel'; did you mean 'title'?\n"
        "    titel=a\n"
        "    ^^^^^\n"
        "--set:1:16: models.gpt2-xl.d_modle: unknown key 'd_modle'; did you mean 'd_model'?\n"
        "    models.gpt2-xl.d_modle=1\n"
        "                   ^^^^^^^\n"
        "2 problems\n",
    )


# Merging -------------------------------------------------------------------------------------------------------------


def merged(tmp_path: Path, *texts: str):
    paths = [tmp_path / f"{at}.yaml" for at in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return read_combined([str(path) for path in paths]).expand()


def test_mappings_merge_and_lists_and_scalars_replace(tmp_path) -> None:
    spec = merged(
        tmp_path,
        BASE,
        "title: Second\ncontext_lengths: [8, 16]\nmodels: {gpt-2.5: {d_model: 128}, c: {extends: b}}\n",
        "title: Third\nexpect: []\n",
    )
    assert (
        spec.name, spec.title, spec.context_lengths, [model.name for model in spec.models], spec.expectations,
        inputs(spec)["d_model"].value, inputs(spec)["n_heads"].value,
    ) == ("0+1+2", "Third", (8, 16), ["gpt-2.5", "b", "c"], (), 128, 4)  # fmt: skip


def test_null_removes_what_a_spec_to_the_left_says(tmp_path) -> None:
    spec = merged(tmp_path, BASE, "expect: null\nmodels: {b: null}\n")
    assert (spec.expectations, [model.name for model in spec.models]) == ((), ["gpt-2.5"])


def test_null_that_removes_nothing_is_a_value_that_is_missing(tmp_path) -> None:
    with pytest.raises(
        SpecError, match=r"models\.gpt-2\.5\.window: an empty value is not a number; write a whole number"
    ):
        merged(tmp_path, BASE, "models: {gpt-2.5: {window: null}}\n")


def test_a_problem_points_to_the_file_that_said_it_last(tmp_path) -> None:
    with pytest.raises(SpecError) as caught:
        merged(tmp_path, BASE.replace("n_heads: 4", "n_heads: 3"), "\n\nmodels: {gpt-2.5: {d_model: 0}, c: {}}\n")
    first, second = str(tmp_path / "0.yaml"), str(tmp_path / "1.yaml")
    assert [(p.place.source, p.place.line, p.place.column, p.path) for p in caught.value.problems] == [
        (second, 3, 29, "models.gpt-2.5.d_model"),
        (second, 3, 33, "models.c"),
    ]
    with pytest.raises(SpecError) as caught:
        merged(tmp_path, BASE.replace("n_heads: 4", "n_heads: -1"), "\n\nmodels: {gpt-2.5: {d_model: 0}}\n")
    assert [(p.place.source, p.place.line, p.path) for p in caught.value.problems] == [
        (first, 5, "models.gpt-2.5.n_heads"),
        (second, 3, "models.gpt-2.5.d_model"),
    ]


def test_what_was_replaced_is_no_longer_wrong(tmp_path) -> None:
    spec = merged(tmp_path, BASE.replace("[1024]", "[half, -3]"), "context_lengths: [8]")
    assert spec.context_lengths == (8,)


def test_one_of_several_specs_may_come_from_stdin(base) -> None:
    done = run("show", base, "-", "--format", "csv", stdin="context_lengths: [7]\n")
    assert (done.returncode, done.stdout.splitlines()[1].split(",")[:2]) == (0, ["gpt-2.5", "7"])


def test_stdin_is_read_only_once() -> None:
    done = run("build", "-", "-")
    assert (done.returncode, done.stderr) == (
        2,
        "'-' is given twice, but stdin can be read only once; give one of the specs as a file\n",
    )


def test_validate_takes_specs_one_by_one_unless_they_are_to_be_merged(base, tmp_path) -> None:
    (tmp_path / "budget.yaml").write_text("expect: [{that: b.n_params, at_most: 10}]\n")
    done = run("validate", "--merge", "base.yaml", "budget.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.splitlines()[-1]) == (
        1,
        "base.yaml + budget.yaml: expectations fail\n",
        "0 of 1 expectations hold",
    )
