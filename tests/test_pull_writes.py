"""flopsheet pull: the patch, the spec edited in place, the command."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from books import book_of
from commands import run
from edited_studies import FAMILY, GROUPS
from edits import Edit, edits
from engines import recalculate_ironcalc
from flopsheet.api import Report
from flopsheet.diagnostics import SpecError
from flopsheet.pipeline.tables import tabulate, tabulate_runs
from flopsheet.review.edit import rewrite
from flopsheet.review.pull import Pulled, pull, write_spec
from flopsheet.spec.load import from_source
from flopsheet.yamlio import source
from flopsheet.yamlio.merge import merge
from pulling import built, made, typed, values
from review_helpers import EVERY_WAY, input_cells_of, type_into, typings

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
    book, wrong = book_of(base), {}
    for edit, meant in edits(base, book.report, 20, 404):
        wrong |= differing(edit, meant, pull(type_into(book.path, edit.cells, tmp_path / "e.xlsx")))
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
        f"'{path}' is not the spec that the workbook was built from: models.gpt2-small.d_model is 768 in the "
        "workbook, 800 in the spec; "
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
    assert (done.returncode, done.stdout.splitlines()[:3], done.stderr, patch, xl, tied) == (
        1,
        ["1 change:", "  models.gpt2-xl.d_model: 1600 → 2048", "4 effects:"],
        "patch.yaml: written\n"
        "spec.yaml: written\n"
        "1 problem:\n"
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


def test_a_patch_on_stdout_stands_there_alone(tmp_path: Path) -> None:
    pulled = typed("gpt2", tmp_path, {"models.gpt2-xl.n_layers": 50.0})
    done = run("pull", "edited.xlsx", "-o", "-", cwd=tmp_path)
    assert (done.returncode, yaml.safe_load(done.stdout), done.stderr.splitlines()[:2]) == (
        0,
        pulled.patch,
        ["1 change:", "  models.gpt2-xl.n_layers: 48 → 50"],
    )


def test_a_count_keeps_the_suffix_of_the_one_that_it_replaces_where_that_takes_few_digits() -> None:
    old = {"a": 500_000_000_000, "b": 131_072, "c": 15_000_000_000_000, "d": 80_000_000_000}
    new = {"a": 600_000_000_000, "b": 65_536, "c": 15_000_000_000_001, "d": 90_000_000_000}
    text = "a: 500B  # ours\nb: 128Ki\nc: 15T\nd: 80GB\n"
    assert rewrite(text, old, new) == "a: 600B  # ours\nb: 64Ki\nc: 15000000000001\nd: 90000000000\n"
