"""What keeps pull and diff from a wrong answer: small edits count, and no spec is written that says something else."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from commands import run
from edits import plan_of
from flopsheet.api import compute_spec
from flopsheet.diagnostics import SpecError
from flopsheet.formula import parse
from flopsheet.review import assign, edit
from flopsheet.review.inputs import _Reader
from flopsheet.review.pull import pull, write_spec
from flopsheet.review.rebuild import read_back
from flopsheet.spec.load import from_source
from flopsheet.workbook.model.references import CellRef
from flopsheet.workbook.write import xlsx
from flopsheet.yamlio import source
from review_helpers import input_cells_of, type_into

SPEC = """\
version: 1
context_lengths: [1024]
models:
  a: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 256}
  b: {n_layers: 3, d_model: 64, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 256}
training:
  run: {model: a, context_length: 1024, hardware: h100-sxm, global_batch_size: 64, n_tokens: 15e12}
"""


def typed(folder: Path, **values: Any) -> None:
    """edited.xlsx: the workbook of spec.yaml after typing into cells; a__n_layers is models.a.n_layers."""
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    workbook, cell_refs = built()
    cells = {(cell_refs[name].sheet, cell_refs[name].address): value for name, value in values.items()}
    type_into(io.BytesIO(workbook), cells, folder / "edited.xlsx")


@cache
def built() -> tuple[bytes, dict[str, CellRef]]:
    """The workbook of the spec, and the cells of its inputs."""
    report = compute_spec(from_source(source.parse(SPEC, "spec.yaml"), "spec"))
    cell_refs = {"__".join(map(str, input_cell.path[1:])): input_cell.cell_ref for input_cell in input_cells_of(report)}
    return xlsx.to_bytes(plan_of(report)), cell_refs


def in_spec(folder: Path) -> str:
    return (folder / "spec.yaml").read_text(encoding="utf-8")


# Small differences ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (15.001e12, "training.run.n_tokens: 15,000,000,000,000 → 15,001,000,000,000"),
        (15e12 * (1 + 1e-8), "training.run.n_tokens: 15,000,000,000,000 → 15,000,000,150,000"),
        (15e12 * (1 + 1e-14), "No input differs from the spec."),  # a program may store 15 digits
    ],
)
def test_an_edit_of_more_than_a_programs_rounding_is_a_change(tokens: float, told: str, tmp_path: Path) -> None:
    typed(tmp_path, run__n_tokens=tokens)
    done = run("pull", "edited.xlsx", cwd=tmp_path)
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert (done.returncode, lines[0] if len(lines) == 1 else lines[1]) == (0, told)


def test_results_that_differ_by_less_than_a_thousandth_are_told(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "other.yaml").write_text(SPEC.replace("15e12", "15.001e12"), encoding="utf-8")
    found = json.loads(run("diff", "spec.yaml", "other.yaml", "--format", "json", cwd=tmp_path).stdout)
    changes = {row["metric"]: row["change"] for row in found["results"]}
    # 15.001 / 15: the days of the same devices, what they cost (nothing without a price), what they draw.
    assert changes == {name: pytest.approx(1e-3 / 15, rel=1e-6) for name in changes}
    assert {"days", "device_hours", "energy_mwh"} <= changes.keys()


# What is written -----------------------------------------------------------------------------------------------------


def test_a_spec_is_left_alone_while_a_cell_cannot_be_read(tmp_path: Path) -> None:
    typed(tmp_path, a__n_layers=7.0, b__n_layers=None)
    done = run("pull", "edited.xlsx", "--write", "spec.yaml", cwd=tmp_path)
    assert (done.returncode, "n_layers: 7" in done.stdout, in_spec(tmp_path)) == (1, True, SPEC)


def refused(folder: Path) -> tuple[str, str]:
    """How writing the edited workbook into spec.yaml is refused, and what the spec says afterwards."""
    with pytest.raises(SpecError) as caught:
        write_spec(pull(folder / "edited.xlsx"), folder / "spec.yaml")
    return str(caught.value), in_spec(folder)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda text: text.replace("n_layers: 2", "n_layers: 8"), id="says-another-number"),
        pytest.param(lambda text: text.replace("n_layers: 2", "n_layers: {"), id="is-no-yaml"),
        pytest.param(lambda text: text, id="says-what-it-said-before"),
        pytest.param(lambda text: text.replace("n_layers: 2", "n_layers: 7") + "title: Mine\n", id="says-more"),
    ],
)
def test_a_text_that_would_not_say_the_edit_is_never_written(
    wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(tmp_path, a__n_layers=7.0)
    monkeypatch.setattr(edit, "rewrite", lambda text, *_: wrong(text))
    _, spec = refused(tmp_path)
    assert spec == SPEC


def test_data_that_would_give_other_inputs_than_the_workbook_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(tmp_path, a__n_layers=7.0)
    right = assign.edited

    def wrong(*arguments: Any) -> Any:
        data = right(*arguments)
        data["models"]["a"]["n_layers"] = 8
        return data

    monkeypatch.setattr(assign, "edited", wrong)
    message, spec = refused(tmp_path)
    assert ("models.a.n_layers" in message, spec) == (True, SPEC)


def test_a_spec_whose_models_stand_in_another_order_is_not_the_one_that_was_built(tmp_path: Path) -> None:
    typed(tmp_path, a__n_layers=7.0)
    first, second = (line for line in SPEC.splitlines(keepends=True) if line.startswith(("  a:", "  b:")))
    turned = SPEC.replace(first + second, second + first)
    (tmp_path / "spec.yaml").write_text(turned, encoding="utf-8")
    message, spec = refused(tmp_path)
    assert ("order" in message, spec) == (True, turned)


def test_an_input_sums_layer_groups_and_gathers_nothing_else_of_them(tmp_path: Path) -> None:
    (tmp_path / "built.xlsx").write_bytes(built()[0])
    reader = _Reader(read_back(tmp_path / "built.xlsx"))
    [key, *_] = (key for key in reader.reading.input_cells if key[1] == "n_layers")
    with pytest.raises(LookupError, match="first"):
        reader.compute(parse("first(n_group_layers)"), key)
