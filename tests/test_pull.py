"""flopsheet pull: what a reviewer typed into Inputs comes back as changes of the spec, and as nothing else."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import run
from edits import FAMILY, GROUPS, Edit, edits
from engines import recalculate_ironcalc
from flopsheet.api import Report, build, compute
from flopsheet.diagnostics import SpecError
from flopsheet.pipeline.tables import tabulate, tabulate_runs
from flopsheet.review.pull import Pulled, pull, write_spec
from flopsheet.spec import Spec
from flopsheet.spec.load import from_source
from flopsheet.workbook import plan
from flopsheet.workbook.write import xlsx
from flopsheet.yamlio import source
from flopsheet.yamlio.merge import merge
from review_helpers import EVERY_WAY, input_cells_of, type_into, typings
from review_helpers import RUNS as RUNS_TEXT
from studies import SPECS


@functools.cache
def made(name: str) -> tuple[Report, str]:
    """A study and the text of its spec."""
    texts = {"every way": EVERY_WAY, "runs": RUNS_TEXT}
    text = texts.get(name) or (SPECS / f"{name}.yaml").read_text(encoding="utf-8")
    return _compute(text), text


def _compute(text: str) -> Report:
    from flopsheet.api import compute_spec

    return compute_spec(from_source(source.parse(text, "spec.yaml"), "spec"))


@functools.cache
def _workbook(name: str) -> bytes:
    return xlsx.to_bytes(plan.plan_workbook(made(name)[0].study))


def built(name: str, folder: Path) -> Report:
    """A study's report; its workbook is in the folder."""
    (folder / "built.xlsx").write_bytes(_workbook(name))
    return made(name)[0]


def cell(report: Report, path: str) -> tuple[str, str]:
    """The input cell that a path of the spec names."""
    [input_cell] = [input_cell for input_cell in input_cells_of(report) if source.spell(input_cell.path) == path]
    return input_cell.cell_ref.sheet, input_cell.cell_ref.address


def typed(name: str, folder: Path, typing: Mapping[str, Any]) -> Pulled:
    """A study's workbook after typing, pulled; cells are named by their paths in the spec."""
    report, text = built(name, folder), made(name)[1]
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    cells = {cell(report, path): value for path, value in typing.items()}
    return pull(type_into(folder / "built.xlsx", cells, folder / "edited.xlsx"))


def lines(pulled: Pulled) -> list[str]:
    return [str(change) for change in pulled.reading.changes]


def blamed(pulled: Pulled) -> list[str]:
    return [str(problem) for problem in pulled.reading.problems]


def values(spec: Spec) -> dict[str, float | str]:
    """Every input of a spec and of its runs by its path in the tables."""
    table_sets = {"study": tabulate(spec)} | {kind: tabulate_runs(spec, kind) for kind in spec.runs}
    return {
        f"{table_set} {grain} {key} {name}": given.value
        for table_set, tables in table_sets.items()
        for grain, table in tables.items()
        for name, column in table.given.items()
        for key, given in zip(table.keys if grain != "context" else range(len(column)), column, strict=True)
        if grain != "study" or key
    }


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
                "hardware.mine.memory_bytes: 100000000000 → 120000000000",
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
            f"models.{variant}.n_layers: Inputs!{address}: '{variant}' is a variant of a sweep, which the spec does "
            "not say one by one; change the sweep, or write the variant out as a model of its own"
        ],
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
        [f"Inputs!{at[1]}: '=ROUND(A1*3.5,0)' is no expression of a spec, so its value 3584 counts"],
    )


def test_a_number_that_was_typed_as_a_text_counts_and_is_told(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-small.n_layers": " 24", "models.gpt2-small.d_model": "768"})
    assert (lines(pulled), blamed(pulled), pulled.reading.notes) == (
        ["models.gpt2-small.n_layers: 12 → 24"],
        [],
        [
            "Inputs!F8: ' 24' is a text and counts as that number; sums in the workbook leave it out",
            "Inputs!F9: '768' is a text and counts as that number; sums in the workbook leave it out",
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


def test_numbers_and_choices_that_are_stored_as_text_are_understood(tmp_path: Path) -> None:
    typing = {"models.gpt2-small.n_heads": " 16 ", "conventions.ffn_matmuls": "2", "weights": "BF16"}
    assert lines(typed("gpt2", tmp_path, typing)) == ["models.gpt2-small.n_heads: 12 → 16", "weights: fp32 → bf16"]


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
                "it held 768",
                f"models.gpt2-medium.d_model: Inputs!{at['models.gpt2-medium.d_model']}: the cell is empty; "
                "it held 1024",
                f"weights: Inputs!{at['weights']}: 'fp99' is not a choice; choices: fp32, bf16, fp16, fp8, int8, int4, "
                "fp8_block, mxfp8, mxfp4, nvfp4, nf4, nf4_double, … (25 in all)",
                f"models.gpt2-large.n_group_layers: Inputs!{at['models.gpt2-large.n_group_layers']}: "
                "'7.0' stands in a cell that is derived; change what it is derived from",
            ]
        ),
    )


# The way back ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "count"), [("every way", 12), ("runs", 10), ("moe", 4), ("attention-variants", 4)])
def test_a_spec_edited_in_place_says_what_an_engine_reads_in_the_workbook(
    name: str, count: int, tmp_path: Path
) -> None:
    report, text = built(name, tmp_path), made(name)[1]
    typing = list(typings(report, count, 31))
    input_cells = input_cells_of(report)
    cells = [(input_cell.cell_ref.sheet, input_cell.cell_ref.address) for input_cell in input_cells]
    truth = recalculate_ironcalc(tmp_path / "built.xlsx", typing, cells)
    compared, wrong = 0, {}
    for one, wanted in zip(typing, truth, strict=True):
        type_into(tmp_path / "built.xlsx", one, tmp_path / "edited.xlsx")
        (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
        if write_spec(pull(tmp_path / "edited.xlsx"), tmp_path / "spec.yaml"):
            continue  # a spec cannot say it: heads that do not divide, say
        edited = from_source(source.read_yaml(tmp_path / "spec.yaml"), "spec")
        tables = {"study": tabulate(edited)} | {kind: tabulate_runs(edited, kind) for kind in edited.runs}
        found = [
            tables[input_cell.table_set.name][input_cell.grain].given[input_cell.entry.name][input_cell.at].value
            for input_cell in input_cells
        ]
        differing = {at: (value, wanted[at]) for at, value in zip(cells, found, strict=True) if value != wanted[at]}
        wrong |= {str(one): differing} if differing else {}
        compared += 1
    assert (wrong, compared > count / 3) == ({}, True)


@pytest.mark.parametrize("base", [FAMILY, GROUPS], ids=["family", "groups"])
def test_the_patch_makes_the_spec_that_was_meant(base: Mapping[str, Any], tmp_path: Path) -> None:
    report = compute(base)
    build(report, tmp_path / "built.xlsx")
    wrong = {}
    for edit, meant in edits(base, report, 20, 404):
        wrong |= differing(edit, meant, pull(type_into(tmp_path / "built.xlsx", edit.cells, tmp_path / "e.xlsx")))
    assert wrong == {}


def differing(edit: Edit, meant: Report, pulled: Pulled) -> dict[str, object]:
    """What the spec with the patch merged onto it says otherwise than the one that was meant."""
    patched = merge([pulled.text, source.parse(pulled.patch_text(), "patch.yaml")])
    assert patched.data == _merged(pulled.text.data, pulled.patch)
    found, wanted = values(from_source(patched, "spec")), values(meant.spec)
    differing = {path: (found.get(path), value) for path, value in wanted.items() if found.get(path) != value}
    return {str(edit.cells): differing} if differing else {}


def _merged(old: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def test_a_patch_file_is_the_patch(tmp_path: Path) -> None:
    pulled = typed(
        "every way", tmp_path, {"models.layered-child.layers[1].d_ff": 99.0, "models.block.ffn_matrices": 3.0}
    )
    assert yaml.safe_load(pulled.patch_text()) == pulled.patch


# Editing in place -----------------------------------------------------------------------------------------------------


def test_editing_in_place_keeps_comments_order_and_spacing(tmp_path: Path) -> None:
    typing = {
        "models.base.n_heads": 16.0,
        "models.grandchild.n_layers": 32.0,
        "models.block.ffn_matrices": 3.0,
        "models.block.d_head": 96.0,
        "models.many.n_kv_heads": 2.0,
        "models.experts.n_active_experts": 4.0,
        "models.layered.layers[1].n_kv_heads": 2.0,
        "models.layered-grandchild.layers[0].n_layers": 2.0,
        "conventions.attention_pairs": "full",
        "conventions.non_matmul": "counted",
        "batch_size": 8.0,
        "context_lengths[1]": 8192.0,
    }
    problems = write_spec(typed("every way", tmp_path, typing), tmp_path / "spec.yaml")
    edited = (tmp_path / "spec.yaml").read_text(encoding="utf-8")
    groups = (
        "layers: [{name: first, n_layers: 1, ffn: gelu, d_ff: 2560}, {name: middle, n_layers: 10, "
        "d_ff: 3 * d_model, n_kv_heads: 5}, {n_layers: 1, d_ff: 2560, d_head: 128}]"
    )
    two_layers = groups.replace("[{name: first, n_layers: 1", "[{name: first, n_layers: 2")
    # old line -> what stands there now; the models that extend another keep what they had
    changed = {
        "context_lengths: [1024, 4096, 16384]   # three": "context_lengths: [1024, 8192, 16384]   # three\n"
        "batch_size: 8",
        "  attention_pairs: causal_half   # a convention": "  attention_pairs: full   # a convention\n"
        "  non_matmul: counted",
        "  base: {n_layers: 12, d_model: 768, n_heads: 12, d_ff: 4 * d_model}  # after the braces": "  base: "
        "{n_layers: 12, d_model: 768, n_heads: 16, d_ff: 4 * d_model}  # after the braces",
        "  child: {extends: base, tie_embeddings: true}": "  child: {extends: base, tie_embeddings: true, n_heads: 12}",
        "    n_layers: 24   # twice as many": "    n_layers: 32   # twice as many",
        "    ffn: gelu": "    ffn: gated",
        "    d_ff: 2048": "    d_ff: 2048\n    d_head: 96",
        "d_qk_nope: 128, d_qk_rope: 64, d_v: 128}\n": "d_qk_nope: 128, d_qk_rope: 64, d_v: 128}\n    n_heads: 12\n",
        "  grouped: {extends: base, attention: {kind: gqa, n_kv_heads: 4}}": "  grouped: {extends: base, "
        "attention: {kind: gqa, n_kv_heads: 4}, n_heads: 12}",
        "  many: {extends: block, attention: {kind: mha}}": "  many: {extends: block, attention: {kind: gqa, "
        'n_kv_heads: 2}, d_head: "d_model / max(n_heads, 1)", ffn_matrices: 2}',
        "  one: {extends: base, attention: {kind: mqa, window: 256}}": "  one: {extends: base, attention: {kind: mqa, "
        "window: 256}, n_heads: 12}",
        "      n_active_experts: 2   # top two": "      n_active_experts: 4   # top two",
        "    d_ff: 0\n": "    d_ff: 0\n    n_heads: 12\n",
        "      n_kv_heads: 5": "      n_kv_heads: 2",
        "  layered-child: {extends: layered, vocab_size: 1000}": "  layered-child: {extends: layered, "
        f"vocab_size: 1000, {groups}}}",
        "{extends: layered-child, norm: layernorm}": f"{{extends: layered-child, norm: layernorm, {two_layers}}}",
    }
    wanted = EVERY_WAY
    for old, new in changed.items():
        assert wanted.count(old) == 1
        wanted = wanted.replace(old, new)
    assert (problems, edited) == ([], wanted)


def test_line_ends_and_a_byte_order_mark_stay(tmp_path: Path) -> None:
    pulled = typed("every way", tmp_path, {"batch_size": 8.0, "models.block.d_model": 1024.0})
    wanted = EVERY_WAY.replace("   # three\n", "   # three\nbatch_size: 8\n").replace("d_model: 512 ", "d_model: 1024 ")
    wanted = wanted.replace("attention: {kind: mha}}", "attention: {kind: mha}, d_model: 512}")
    (tmp_path / "spec.yaml").write_bytes(("\ufeff" + EVERY_WAY.replace("\n", "\r\n")).encode())
    write_spec(pulled, tmp_path / "spec.yaml")
    assert (tmp_path / "spec.yaml").read_bytes().decode() == "\ufeff" + wanted.replace("\n", "\r\n")


def test_a_spec_in_one_line_and_in_json_is_edited_too(tmp_path: Path) -> None:
    import json

    data = source.parse(EVERY_WAY, "s").data
    pulled = typed("every way", tmp_path, {"batch_size": 8.0, "models.base.n_heads": 16.0})
    for text in (json.dumps(data), json.dumps(data, indent=1), yaml.safe_dump(data, sort_keys=False)):
        (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
        assert write_spec(pulled, tmp_path / "spec.yaml") == []
        read = source.read_yaml(tmp_path / "spec.yaml").data
        assert isinstance(read, dict)
        assert (read["batch_size"], read["models"]["base"]["n_heads"], read["models"]["child"]["n_heads"]) == (
            8,
            16,
            12,
        )


def test_a_spec_that_has_moved_on_is_left_alone(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-xl.n_layers": 50.0})
    path = tmp_path / "spec.yaml"
    moved_on = path.read_text(encoding="utf-8").replace("d_model: 768", "d_model: 800")
    path.write_text(moved_on, encoding="utf-8")
    with pytest.raises(SpecError) as raised:
        write_spec(pulled, path)
    assert (str(raised.value), path.read_text(encoding="utf-8")) == (
        f"'{path}' is not what the workbook was built from: models.gpt2-small.d_model is 800 there, 768 here; "
        "write the changes as a patch with -o, or build the workbook again",
        moved_on,
    )


def test_random_texts_survive_the_provenance_sheet() -> None:
    from flopsheet.workbook.model.embedded import from_lines, to_lines

    dice = random.Random(3)
    letters = "ab =_x0041_'\"\\é漢 \n\t{}[]:,"
    for _ in range(300):
        data = {"title": "".join(dice.choice(letters) for _ in range(dice.randrange(600)))}
        lines = to_lines(data)
        assert (from_lines(lines), all(line == line.strip() and len(line) <= 120 for line in lines)) == (data, True)


# The command ----------------------------------------------------------------------------------------------------------


def test_the_issues_own_example(tmp_path: Path) -> None:
    typed("gpt2", tmp_path, {"models.gpt2-xl.d_model": 2048.0})
    done = run("pull", "edited.xlsx", "-o", "patch.yaml", "--write", "spec.yaml", cwd=tmp_path)
    spec = (tmp_path / "spec.yaml").read_text(encoding="utf-8")
    patch = yaml.safe_load((tmp_path / "patch.yaml").read_text(encoding="utf-8"))
    xl, tied = (line for line in spec.splitlines() if line.startswith("  gpt2-xl"))
    assert (done.returncode, done.stdout, done.stderr, patch, xl, tied) == (
        1,
        "models.gpt2-xl.d_model: 1600 → 2048\n",
        "patch.yaml: written\n"
        "spec.yaml: written\n"
        "spec.yaml:14:55: models.gpt2-xl.n_heads: n_heads 25 does not divide d_model 2,048; "
        "write d_head, or one of n_heads: 4, 8, 16, 32\n"
        f"    {xl}\n" + " " * 58 + "^^\n",
        {"models": {"gpt2-xl": {"d_model": 2048}, "gpt2-xl-tied": {"d_model": 1600}}},
        "  gpt2-xl:     {n_layers: 48, d_model: 2048, n_heads: 25}",
        "  gpt2-xl-tied: {extends: gpt2-xl, tie_embeddings: true, d_model: 1600}",
    )


def test_the_command_on_an_untouched_workbook(tmp_path: Path) -> None:
    typed("gpt2", tmp_path, {})
    before = (tmp_path / "spec.yaml").read_bytes()
    done = run("pull", "edited.xlsx", "-o", "patch.yaml", "--write", "spec.yaml", cwd=tmp_path)
    patch = yaml.safe_load((tmp_path / "patch.yaml").read_text(encoding="utf-8"))
    assert (done.returncode, done.stdout, done.stderr, patch, (tmp_path / "spec.yaml").read_bytes()) == (
        0,
        "No input differs from the spec.\n",
        "patch.yaml: written\nspec.yaml: left as it is\n",
        {},
        before,
    )
