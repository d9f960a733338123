"""flopsheet pull: what a reviewer typed into Inputs comes back as changes of the spec, and as nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import run
from flopsheet.api import build
from flopsheet.review.pull import pull, write_spec
from pulling import blamed, cell, lines, made, typed
from review_helpers import type_into

# What a change is -----------------------------------------------------------------------------------------------------


def test_a_change_is_told_in_the_words_of_the_spec(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-xl.d_model": 2048.0, "models.gpt2-small.tie_embeddings": "yes"})
    assert lines(pulled) == ["models.gpt2-xl.d_model: 1600 → 2048", "models.gpt2-small.tie_embeddings: false → true"]


def test_a_value_that_the_spec_refuses_is_told_at_its_cell(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-xl.d_model": 0.0})
    address = cell(made("gpt2")[0], "models.gpt2-xl.d_model")[1]
    assert [str(problem) for problem in pulled.problems()] == [
        f"models.gpt2-xl.d_model: Inputs!{address}: 0 is out of range; write 1 or more"
    ]


def test_a_model_that_extends_an_edited_one_keeps_its_own_cell(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-xl.n_layers": 50.0})
    assert pulled.patch == {"models": {"gpt2-xl": {"n_layers": 50}, "gpt2-xl-tied": {"n_layers": 48}}}


def test_what_changed_alike_in_a_model_and_in_one_that_extends_it_is_said_once(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {f"models.gpt2-xl{tied}.n_layers": 50.0 for tied in ("", "-tied")})
    assert (len(lines(pulled)), pulled.patch) == (2, {"models": {"gpt2-xl": {"n_layers": 50}}})


@pytest.mark.parametrize(
    "name", ["gpt2", "gpt2-swiglu", "attention-variants", "moe", "long-context", "every way", "runs", "gpt2-adamw"]
)
def test_an_untouched_workbook_changes_nothing(name: str, tmp_path: Path) -> None:
    pulled = typed(name, tmp_path, {})
    assert (lines(pulled), blamed(pulled), pulled.reading.notes, pulled.patch, pulled.problems()) == (
        [],
        [],
        [],
        {},
        [],
    )


# formula typed into d_ff of gpt2-small, which was =4*d_model at 768 | changes
FORMULAS = [
    ("=4*{d_model}", []),
    ("= ( {d_model} * 4.0 )", []),
    ("=4*${column}${d_model_row}", []),
    ("=Inputs!{d_model}*4", []),
    ("=3072", []),
    ("=3*{d_model}", ["3 * d_model"]),
    ("={n_heads}*({d_model}+1)/{n_layers}", ["n_heads * (d_model + 1) / n_layers"]),
    ("=MAX({d_model},{n_layers})*2", ["max(d_model, n_layers) * 2"]),
    ("=2*1024", ["2048"]),
]


@pytest.mark.parametrize(("formula", "changes"), FORMULAS)
def test_a_formula_of_the_reviewers_own_is_an_expression_of_the_spec(
    formula: str, changes: list[str], tmp_path: Path
) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-small.d_ff": addressed(formula)})
    told = [f"models.gpt2-small.d_ff: 4 * d_model → {change}" for change in changes]
    assert (lines(pulled), pulled.reading.notes, blamed(pulled)) == (told, [], [])


def addressed(formula: str) -> str:
    """A formula with the cells of gpt2-small in the place of their names."""
    cells = {name: cell(made("gpt2")[0], f"models.gpt2-small.{name}")[1] for name in ("d_model", "n_heads", "n_layers")}
    return formula.format(column=cells["d_model"][0], d_model_row=cells["d_model"][1:], **cells)


def test_runs_and_hardware_come_back_as_the_spec_says_them(tmp_path: Path) -> None:
    report, _ = made("runs")
    micro, tokens = (cell(report, f"training.large.{name}")[1] for name in ("micro_batch_size", "context_length"))
    typing = {
        "training.small.model": "Larger",
        "training.small.hardware": "mine",
        "training.large.global_batch_size": f"=8*{micro}",
        "training.large.n_tokens": f"={tokens}*1e6",
        "serving.chat.n_sequences": 16.0,
        "hardware.a100-80gb.price_per_hour": 1.5,
        "hardware.mine.memory_bytes": 120e9,
    }
    pulled = typed("runs", tmp_path, typing)
    assert (sorted(lines(pulled)), pulled.patch, write_spec(pulled, tmp_path / "spec.yaml")) == (
        sorted(
            [
                "training.small.model: base → larger",
                "training.small.hardware: a100-80gb → mine",
                "training.large.global_batch_size: 4 * micro_batch_size → 8 * micro_batch_size",
                "training.large.n_tokens: global_batch_size * context_length → context_length * 1000000",
                "serving.chat.n_sequences: 4 → 16",
                "hardware.a100-80gb.price_per_hour: none → 1.5",
                "hardware.mine.memory_bytes: 100,000,000,000 → 120,000,000,000",
            ]
        ),
        {
            "training": {
                "small": {"model": "larger", "hardware": "mine"},
                "large": {
                    "global_batch_size": "8 * micro_batch_size",
                    "n_tokens": "context_length * 1000000",
                },
            },
            "serving": {"chat": {"n_sequences": 16}},
            "hardware": {"mine": {"memory_bytes": 120e9}, "a100-80gb": {"price_per_hour": 1.5}},
        },
        [],
    )


SWEPT = """\
version: 1
context_lengths: [1024]
inputs: [{name: n_extra, grain: model, label: Extra, unit: count, least: 0, default: 7, doc: Of our own.}]
metrics: [{name: extra_bytes, grain: model, label: Extra, unit: B, formula: n_extra * weight_bytes, doc: Of our own.}]
models:
  one: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 256}
  many: {extends: one, sweep: {d_model: [128, 256]}}
"""


def test_a_variant_of_a_sweep_is_named_as_what_no_spec_says(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SWEPT, encoding="utf-8")
    report = build(tmp_path / "spec.yaml", tmp_path / "built.xlsx")
    variant = report.spec.models[1].name
    cells = {cell(report, f"models.{name}.n_layers"): 3.0 for name in (variant, "one")}
    pulled = pull(type_into(tmp_path / "built.xlsx", cells, tmp_path / "edited.xlsx"))
    [address] = [at for (_, at) in cells if at == cell(report, f"models.{variant}.n_layers")[1]]
    assert (pull(tmp_path / "built.xlsx").patch, lines(pulled), blamed(pulled)) == (
        {},
        ["models.one.n_layers: 2 → 3", f"models.{variant}.n_layers: 2 → 3"],
        [
            f"models.{variant}.n_layers: Inputs!{address}: '{variant}' is a variant of a sweep and has no entry of "
            "its own in the spec; change the sweep, or write the variant out as a model of its own"
        ],
    )


def test_every_number_of_an_edited_variant_is_computed_although_no_spec_says_it(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SWEPT, encoding="utf-8")
    report = build(tmp_path / "spec.yaml", tmp_path / "built.xlsx")
    at = cell(report, f"models.{report.spec.models[1].name}.n_layers")
    type_into(tmp_path / "built.xlsx", {at: 3.0}, tmp_path / "edited.xlsx")
    checked, compared = (
        run("check", "edited.xlsx", cwd=tmp_path),
        run("diff", "built.xlsx", "edited.xlsx", cwd=tmp_path),
    )
    # Nobody recalculated the workbook: the parameters of its two layers are stored. 100·128·2 + 3·(4·128² +
    # 2·128·256 + 2·128) + 128 = 419,712 are those of three.
    assert (
        "no stored value follows the edits" in checked.stdout,
        checked.stderr,
        "419,712" in compared.stdout,
        compared.stderr,
    ) == (
        True,
        "",
        True,
        "",
    )


def test_a_formula_that_no_spec_can_say_counts_with_its_value(tmp_path: Path) -> None:
    report, _ = made("gpt2")
    build(report, tmp_path / "built.xlsx")
    at = cell(report, "models.gpt2-small.d_ff")
    type_into(tmp_path / "built.xlsx", {at: "=ROUND(A1*3.5,0)"}, tmp_path / "edited.xlsx")
    silent = pull(tmp_path / "edited.xlsx")
    computed = type_into(tmp_path / "built.xlsx", {at: ("=ROUND(A1*3.5,0)", 3584.0)}, tmp_path / "computed.xlsx")
    told = pull(computed)
    assert (blamed(silent), lines(told), told.reading.notes) == (
        [
            f"models.gpt2-small.d_ff: Inputs!{at[1]}: '=ROUND(A1*3.5,0)' has no stored value; "
            "open the workbook in a spreadsheet program and save it"
        ],
        ["models.gpt2-small.d_ff: 4 * d_model → 3584"],
        [f"Inputs!{at[1]}: '=ROUND(A1*3.5,0)' cannot be written as an expression of a spec, so its value 3584 is used"],
    )


def test_a_number_that_was_typed_as_a_text_counts_and_is_told(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-small.n_layers": " 24", "models.gpt2-small.d_model": "768"})
    assert (lines(pulled), blamed(pulled), pulled.reading.notes) == (
        ["models.gpt2-small.n_layers: 12 → 24"],
        [],
        [
            "Inputs!C8: ' 24' is stored as text and is read as a number; sums in the workbook ignore it",
            "Inputs!C9: '768' is stored as text and is read as a number; sums in the workbook ignore it",
        ],
    )


def test_an_input_that_follows_another_is_no_change_of_its_own(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-small.d_model": 1536.0})
    assert (lines(pulled), pulled.reading.givens["study", "d_ff", 0].value) == (
        ["models.gpt2-small.d_model: 768 → 1536"],
        6144.0,
    )


# what a program stores | what it means
SPELLINGS = [
    (True, ["models.gpt2-small.tie_embeddings: false → true"]),
    (1.0, ["models.gpt2-small.tie_embeddings: false → true"]),
    ("TRUE", ["models.gpt2-small.tie_embeddings: false → true"]),
    ("Yes", ["models.gpt2-small.tie_embeddings: false → true"]),
    (False, []),
    (0.0, []),
    ("NO ", []),
]


@pytest.mark.parametrize(("stored", "changes"), SPELLINGS)
def test_a_flag_is_understood_however_a_program_stores_it(stored: object, changes: list[str], tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-small.tie_embeddings": stored})
    assert (lines(pulled), blamed(pulled)) == (changes, [])


UNKNOWN = "but the workbook's formulas do not recognise it; choose"
# input | what a cell holds | what it counts as; text with another case is the same to a spreadsheet
REJECTED = [
    ("models.gpt2-small.tie_embeddings", True, "'TRUE' is read as yes", "yes"),
    ("models.gpt2-small.tie_embeddings", "WAHR", "'WAHR' is read as yes", "yes"),
    ("models.gpt2-small.tie_embeddings", 1.0, "'1' is read as yes", "yes"),
    ("weights", "fp8 ", "'fp8 ' is read as fp8", "fp8"),
    ("conventions.ffn_matmuls", "2", "'2' is read as 2", "2"),
    ("weights", "BF16", "", ""),
    ("models.gpt2-small.tie_embeddings", "YES", "", ""),
]


@pytest.mark.parametrize(("path", "held", "counts", "choice"), REJECTED)
def test_a_choice_that_the_workbook_itself_rejects_counts_with_a_note(
    path: str, held: object, counts: str, choice: str, tmp_path: Path
) -> None:
    pulled, at = typed("gpt2", tmp_path, {path: held}), cell(made("gpt2")[0], path)[1]
    told = [f"Inputs!{at}: {counts}, {UNKNOWN} {choice} from the list of the cell"] if counts else []
    assert (pulled.reading.notes, blamed(pulled)) == (told, [])


def test_numbers_and_choices_that_are_stored_as_text_are_understood(tmp_path: Path) -> None:
    typing = {"models.gpt2-small.n_heads": " 16 ", "conventions.ffn_matmuls": "2", "weights": "BF16"}
    assert lines(typed("gpt2", tmp_path, typing)) == ["models.gpt2-small.n_heads: 12 → 16", "weights: fp32 → bf16"]


def test_a_number_with_a_suffix_that_a_spec_may_have_counts_and_is_told(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-small.vocab_size": "1Mi", "models.gpt2-small.d_model": "1k"})
    vocabulary, width = (cell(made("gpt2")[0], f"models.gpt2-small.{name}")[1] for name in ("vocab_size", "d_model"))
    assert (lines(pulled), blamed(pulled), pulled.reading.notes) == (
        ["models.gpt2-small.vocab_size: 50,257 → 1,048,576"],
        [f"models.gpt2-small.d_model: Inputs!{width}: '1k' is not a number; the cell held 768"],
        [
            f"Inputs!{vocabulary}: '1Mi' is stored as text and is read as 1,048,576; "
            "formulas cannot read it: type 1,048,576"
        ],
    )


def test_what_cannot_be_an_input_is_said_cell_by_cell_and_the_rest_counts(tmp_path: Path) -> None:
    typing = {
        "models.gpt2-small.d_model": "wide",
        "models.gpt2-medium.d_model": None,
        "weights": "fp99",
        "models.gpt2-large.n_group_layers": 7.0,
        "models.gpt2-large.n_layers": 40.0,
    }
    pulled = typed("gpt2", tmp_path, typing)
    report, _ = made("gpt2")
    at = {path: cell(report, path)[1] for path in typing}
    assert (lines(pulled), sorted(blamed(pulled))) == (
        ["models.gpt2-large.n_layers: 36 → 40"],
        sorted(
            [
                f"models.gpt2-small.d_model: Inputs!{at['models.gpt2-small.d_model']}: 'wide' is not a number; "
                "the cell held 768",
                f"models.gpt2-medium.d_model: Inputs!{at['models.gpt2-medium.d_model']}: the cell is empty; "
                "it held 1024",
                f"weights: Inputs!{at['weights']}: 'fp99' is not a choice; choices: fp32, bf16, fp16, fp8, int8, int4, "
                "fp8_block, fp8_g128, mxfp8, mxfp4, nvfp4, nf4, … (26 in all)",
                f"models.gpt2-large.n_group_layers: Inputs!{at['models.gpt2-large.n_group_layers']}: "
                "'7' was typed into a derived cell; change what it is derived from",
            ]
        ),
    )
