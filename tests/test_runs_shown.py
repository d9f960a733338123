"""Runs outside the workbook: JSON, the working of one number, and the frames."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from commands import run
from exported import as_json
from flopsheet.api import Report, compute
from flopsheet.diagnostics import UsageError
from flopsheet.output.explain import explain
from flopsheet.output.headline import summarise
from studies import SPECS

EXERCISE = SPECS / "gpt2-adamw.yaml"
LLAMA = SPECS / "llama3-70b-512xh100.yaml"


@pytest.fixture(scope="module")
def exercise() -> Report:
    return compute(EXERCISE)


@pytest.fixture(scope="module")
def llama() -> Report:
    return compute(LLAMA)


def test_json_has_training_and_serving_runs_by_name():
    shown = as_json(LLAMA)
    assert [list(shown), list(shown["training"]), list(shown["serving"])] == [
        ["models", "scenarios", "training", "serving", "limits"],
        ["pretraining", "pretraining-fsdp", "long-context"],
        ["chat", "chat-fp8", "documents"],
    ]


def test_json_without_runs_has_empty_objects():
    shown = as_json(SPECS / "gpt2.yaml")
    assert [shown["training"], shown["serving"], shown["limits"]] == [{}, {}, {}]


def test_json_holds_whole_numbers_of_runs_as_integers_and_flags_as_booleans():
    run = as_json(EXERCISE)["training"]["three-matrices"]
    names = ["bytes_per_sequence", "bytes_without_batch", "largest_micro_batch", "n_steps", "context_length"]
    # The published figures of the AdamW exercise; 400,000 steps of 1,024 tokens.
    assert {name: (run[name], type(run[name])) for name in names} == dict(
        zip(names, [(value, int) for value in (15_517_753_344, 34_032_921_600, 2, 400_000, 1024)], strict=True)
    )
    assert [run["run_model"], run["hardware"], run["sequence_parallel"], run["fits"]] == [
        "gpt2-xl", "a100-80gb", False, "yes",
    ]  # fmt: skip
    assert run["days"] == pytest.approx(6583.56, abs=0.005)


def test_json_of_a_serving_run_has_its_cache_in_bytes():
    chat = as_json(LLAMA)["serving"]["chat"]
    found = [chat["context_length"], chat["served_cache_bytes"], type(chat["served_cache_bytes"]), chat["served_fits"]]
    assert found == [2560, 64 * 2560 * 327_680, int, "yes"]  # 327,680 bytes a token, published


def test_explain_works_out_a_number_of_the_run_that_is_named(exercise):
    told = explain(exercise, "weight_bytes_device", "two-matrices", None).splitlines()
    cell = exercise.cells("weight_bytes_device")[1].address
    # By hand: 26,168,601,600 / 16 parameters of 4 bytes, 1,474,560,000 of them in matrices of layers.
    *working, total = told[-1].split(" = ")
    assert (told[-2], total) == (f"two-matrices  (cell Training!{cell})", "6,542,150,400")
    assert "n_params_stage_matrices" in working[0] and "1,474,560,000" in working[1]


def test_explain_of_no_run_in_particular_works_out_all_of_them(exercise):
    told = explain(exercise, "days", None, None)
    assert [name for name in ("three-matrices", "two-matrices", "later-edition") if f"\n{name}  (cell" in told] == [
        "three-matrices", "two-matrices", "later-edition",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "name", "message"),
    [
        ("days", "two-matrces", "--model: no run is called 'two-matrces'; did you mean 'two-matrices'?"),
        (
            "days",
            "gpt2-xl",
            "--model: no run is called 'gpt2-xl'; known: three-matrices, two-matrices, later-edition",
        ),
        (
            "n_params",
            "three-matrices",
            "--model: no model is called 'three-matrices'; known: gpt2-xl, gpt2-xl-2, gpt2-xl-later",
        ),
    ],
)
def test_explain_refuses_a_name_that_has_no_such_number(exercise, metric, name, message):
    with pytest.raises(UsageError) as caught:
        explain(exercise, metric, name, None)
    assert str(caught.value) == message


def test_the_frames_of_runs_are_indexed_by_run_and_layer_group(llama):
    frames = llama.frames
    assert [frames["training_run"].index.name, frames["serving_run"].index.name] == ["run", "run"]
    assert frames["training_layer"].index.names == ["run", "group"]
    assert frames["training_run"].loc["pretraining", ["hardware", "context_length"]].tolist() == ["h100-sxm", 8192]


@pytest.mark.parametrize("kind", ["training", "serving"])
def test_runs_are_rows_of_csv_and_parquet_on_demand(kind: str, tmp_path: Path) -> None:
    command = ["show", str(LLAMA), "--rows", kind, "--format"]
    lines = list(csv.DictReader(io.StringIO(run(*command, "csv").stdout)))
    parquet = run(*command, "parquet", "-o", "runs.parquet", cwd=tmp_path)
    wanted = [{"run": name, **row} for name, row in as_json(LLAMA)[kind].items()]
    stored = pd.read_parquet(tmp_path / "runs.parquet").astype(object)
    assert (lines, parquet.stderr, stored.where(stored.notna(), None).to_dict("records")) == (
        [{name: "" if value is None else str(value) for name, value in row.items()} for row in wanted],
        "",
        wanted,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "csv"], "--rows: the spec has no training runs; write some under training:\n"),
        (
            ["--format", "json"],
            "--rows works with csv and parquet, not with json; leave it out: json, table and md include the runs\n",
        ),
    ],
)
def test_rows_that_cannot_be_shown_are_refused(arguments: list[str], message: str) -> None:
    done = run("show", str(SPECS / "gpt2.yaml"), "--rows", "training", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_json_csv_and_parquet_have_the_limits_of_the_report(llama: Report, tmp_path: Path) -> None:
    command = ["show", str(LLAMA), "--rows", "limits", "--format"]
    lines = list(csv.DictReader(io.StringIO(run(*command, "csv").stdout)))
    parquet = run(*command, "parquet", "-o", "limits.parquet", cwd=tmp_path)
    read = pd.read_parquet(tmp_path / "limits.parquet").set_index(["run", "input"])
    in_json = {(name, key): row for name, limits in as_json(LLAMA)["limits"].items() for key, row in limits.items()}
    in_csv = {(row.pop("run"), row.pop("input")): row for row in lines}
    names = ["now", "limit", "left_bytes", "next", "left_next_bytes", "says"]
    wanted = llama.limits[names].to_dict("index")
    assert (in_json, read[names].to_dict("index"), parquet.stderr, list(in_csv)) == (wanted, wanted, "", list(wanted))
    assert {key: float(row["limit"]) for key, row in in_csv.items()} == llama.limits["limit"].to_dict()


def test_a_limit_that_is_no_number_is_null_for_programs_and_a_word_for_readers() -> None:
    # Llama-3-8B and AdamW: 8.03e9 parameters of 16 bytes and more do not fit into 80 GB.
    one = {"model": "m", "n_tokens": "1T", "n_devices": 1, "global_batch_size": 1, "hardware": "h100-sxm"}
    spec = {"version": 1, "context_lengths": [8192], "models": {"m": {"model": "llama-3-8b"}}}
    spec |= {"training": {"one": {**one, "context_length": 8192}}}
    batch = as_json(spec)["limits"]["one"]["largest_micro_batch"]
    [shown] = [table for table in summarise(compute(spec)) if table.title == "How far each run can go"]
    assert (batch["now"], batch["limit"], batch["says"][:10], shown.body[0][:4]) == (
        1, None, "not even 1", ("one", "Largest micro-batch", "1", "nothing fits"),
    )  # fmt: skip
