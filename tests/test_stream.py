"""A sweep that is streamed gives, to the last digit, what its models give when all of them are held at once."""

from __future__ import annotations

import ast
import csv
import functools
import io
import os
import pty
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exported import as_json, from_frames, opened, written
from flopsheet import Report, compute
from flopsheet.diagnostics import ComputeError, SpecError, UsageError
from flopsheet.pipeline import stream
from flopsheet.spec import load_spec
from test_cli import run
from test_sweep import BASE, BY_HAND, SHAPE, swept


def rows_of(data: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV, numbers as numbers and flags as truth values."""

    def value(text: str) -> Any:
        if text in {"True", "False"}:
            return text == "True"
        try:
            return float(text)
        except ValueError:
            return text

    lines = csv.DictReader(io.StringIO(data.decode()))
    return [{name: value(text) for name, text in line.items()} for line in lines]


@pytest.fixture(params=[1, 6])
def rows_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of one model and of a few; the other tests have all of theirs in one chunk."""
    monkeypatch.setattr(stream, "ROWS", request.param)


@functools.cache
def listed_models(shape_and_variants: str) -> Report:
    """The variants of a sweep as models of their own, computed once for all sizes of chunks."""
    shape, variants = ast.literal_eval(shape_and_variants)
    listed = {name: {**shape, **own} for name, own in variants.items()}
    return compute({**BASE, "models": {"plain": SHAPE, **listed}})


@pytest.mark.usefixtures("rows_at_once")
@pytest.mark.parametrize(("shape", "sweep", "variants"), BY_HAND)
def test_a_stream_writes_what_the_listed_models_give(
    shape: dict[str, Any], sweep: dict[str, Any], variants: dict[str, dict[str, Any]]
) -> None:
    wanted = listed_models(repr((shape, variants)))
    if "ffn" in sweep:
        sweep = {key: sweep[key] for key in ("d_ff", "norm", "ffn")}
    spec = swept(shape, sweep)
    models, scenarios = from_frames(wanted)
    table = pd.read_parquet(io.BytesIO(written(spec, "parquet")))
    for name in table.columns.drop(["model", "context_length"]):
        column = wanted.frames["scenario" if name in wanted.frames["scenario"] else "model"][name]
        keys = zip(table.model, table.context_length, strict=True) if column.index.nlevels == 2 else table.model
        own = column.to_dict()
        named = [own[key] for key in keys]
        assert list(table[name]) == named
    shown = as_json(spec)
    lines = [{**models[row["model"]], **row} for row in scenarios]
    assert (shown["models"], shown["scenarios"], rows_of(written(spec, "csv"))) == (models, scenarios, lines)


def test_a_stream_goes_model_by_model_in_the_order_of_the_spec() -> None:
    sweep = {"n_experts": [4, 0, 8], "d_model": [512, 1024]}
    shape = {**SHAPE, "d_expert": 512, "n_active_experts": "min(2, n_experts)", "d_ff": "where(n_experts > 0, 0, 64)"}
    rows = list(csv.DictReader(io.StringIO(written(swept(shape, sweep), "csv").decode())))
    variants = [f"m n_experts={n} d_model={d}" for n in (4, 0, 8) for d in (512, 1024)]
    assert [(row["model"], row["context_length"]) for row in rows] == [
        (name, length) for name in ("plain", *variants) for length in ("1024", "8192")
    ]


def is_refused(act: Any) -> bool:
    try:
        act()
    except SpecError:
        return True
    return False


def random_sweep(dice: random.Random) -> dict[str, Any]:
    """Axes of which many combinations cannot be."""
    ranges: dict[str, list[Any]] = {
        "d_model": [64, 96, 100, 128],
        "n_heads": [1, 2, 3, 4, 8],
        "n_kv_heads": [1, 2, 3, "n_heads"],
        "d_head": ["d_model / n_heads", 32],
        "n_experts": [0, 4, 8],
        "n_active_experts": [0, 2, 6, "min(2, n_experts)"],
        "d_expert": [0, 64],
        "d_ff": [0, "4 * d_model", "where(n_experts > 0, 0, 100)", "d_model / 3"],
        "n_shared_experts": [0, 1],
        "kv_lora_rank": [0, 16, "where(n_heads > 2, 16, 0)"],
        "positions": ["rotary", "learned"],
        "max_positions": [0, 128],
        "n_layers": [1, 2, 7],
        "n_norms": [2, "n_heads"],
        "tie_embeddings": [True, False],
    }
    keys = dice.sample(list(ranges), dice.randint(1, 3))
    return {key: dice.sample(ranges[key], dice.randint(1, len(ranges[key]))) for key in keys}


def test_a_stream_refuses_a_sweep_exactly_where_one_of_its_variants_is_refused() -> None:
    dice = random.Random(5)
    verdicts: list[tuple[bool, bool]] = []
    for _ in range(250):
        shape: dict[str, Any] = {"n_layers": 2, "d_model": 64, "n_heads": 4}
        if dice.random() < 0.3:
            shape["layers"] = [{"n_layers": 1}, {"n_layers": 1, "window": 64}]
            del shape["n_layers"]
        if dice.random() < 0.3:
            shape |= {"d_expert": 64, "n_active_experts": "min(2, n_experts)", "d_ff": "where(n_experts > 0, 0, 64)"}
        if dice.random() < 0.3:
            shape |= {"d_qk_nope": 8, "d_qk_rope": 8}
        spec = swept(shape, random_sweep(dice))
        verdicts.append(
            (is_refused(lambda spec=spec: opened(spec).check()), is_refused(lambda spec=spec: load_spec(spec)))
        )
    assert ([a for a, b in verdicts if a != b], 50 < sum(b for _, b in verdicts) < 200) == ([], True)


MEASURED = """\
import runpy, sys
sys.argv = ["flopsheet", "show", "many.yaml", "--format", "csv", "-o", "many.csv"]
try:
    runpy.run_module("flopsheet", run_name="__main__")
except SystemExit as ended:
    assert not ended.code
print(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])
"""


def memory_of(models: int, folder: Path) -> int:
    """KiB that `show --format csv` takes for a sweep of so many models."""
    text = WIDE.replace("to: 80060, step: 4", f"to: {60 + 4 * models}, step: 4").replace("[1024]", "[1, 2, 3, 4]")
    (folder / "many.yaml").write_text(text)
    done = subprocess.run([sys.executable, "-c", MEASURED], cwd=folder, capture_output=True, text=True, check=True)
    assert (folder / "many.csv").read_text().count("\n") == 4 * models - 3  # a header, and one that is excluded
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc that tells the most memory of a process")
def test_four_times_as_many_models_take_hardly_more_memory(tmp_path: Path) -> None:
    few, many = memory_of(4_000, tmp_path), memory_of(16_000, tmp_path)
    assert many < 1.15 * few


def test_of_a_faulty_sweep_nothing_is_written(tmp_path: Path) -> None:
    text = (
        "version: 1\ncontext_lengths: [64]\ndefaults: {vocab_size: 9, ffn: gelu, d_ff: 8}\nmodels:\n"
        "  a: {n_layers: 1, d_model: 64, sweep: {n_heads: [1, 2, 3]}}\n"
    )
    done = run("show", "-", "--format", "csv", "-o", str(tmp_path / "out.csv"), stdin=text)
    assert (done.returncode, done.stdout, done.stderr, list(tmp_path.iterdir())) == (
        1,
        "",
        "<stdin>:5:57: models.a.sweep.n_heads[2]: n_heads 3 does not divide d_model 64 in model 'a n_heads=3'; "
        "write d_head, or one of n_heads: 1, 2, 4, 8; or exclude: such combinations\n"
        "      a: {n_layers: 1, d_model: 64, sweep: {n_heads: [1, 2, 3]}}\n"
        "                                                            ^\n",
        [],
    )


WIDE = """\
version: 1
context_lengths: [1024]
defaults: {vocab_size: 9, ffn: gelu, d_ff: 4 * d_model}
models:
  a: {n_layers: 1, n_heads: 4, sweep: {d_model: {from: 64, to: 80060, step: 4}, exclude: [d_model == 68]}}
expect:
- {that: a d_model=128.n_params, at_least: 1}
"""


def test_what_is_too_large_for_a_workbook_is_valid_and_its_expectations_are_held(tmp_path: Path) -> None:
    (tmp_path / "wide.yaml").write_text(WIDE)
    (tmp_path / "wrong.yaml").write_text(WIDE.replace("at_least: 1", "at_most: 1"))
    (tmp_path / "unknown.yaml").write_text(WIDE.replace("=128.", "=68."))
    names = ("wide", "wrong", "unknown")
    done = [run("validate", f"{name}.yaml", cwd=tmp_path) for name in names]
    assert ([one.returncode for one in done], [one.stderr.splitlines()[0] for one in done]) == (
        [0, 1, 1],
        [  # 4·128² + 2·128·512 + 3·128 + 2·9·128 parameters
            "1 of 1 expectations hold",
            "wrong.yaml:7:43: budget not met: a d_model=128.n_params is 199,296, expected at most 1 (+1.99e+07 %)",
            "unknown.yaml:7:10: expect[0].that: no model is called 'a d_model=68'",
        ],
    )


def test_a_workbook_that_would_be_too_wide_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    text = WIDE.replace("to: 80060", "to: 8832").replace("[1024]", "[1, 2, 4, 8, 16, 32, 64, 128]")
    done = run("build", "-", "-o", str(tmp_path / "out.xlsx"), stdin=text)
    assert (done.returncode, done.stderr, list(tmp_path.iterdir())) == (
        1,  # 2,192 variants at 8 lengths, beside 5 columns of names
        "sheet 'Forward FLOPs' would need 17,541 columns, but a sheet has at most 16,384; "
        "split the study, or print it with 'flopsheet show --format csv'\n",
        [],
    )


def gathering() -> dict[str, Any]:
    """A sweep with a metric of each model that reads a sum over all of them."""
    metrics = [
        {"name": "all_params", "label": "All", "grain": "study", "unit": "parameters", "formula": "sum(n_params)"},
        {"name": "part", "label": "Part", "grain": "model", "unit": "share", "formula": "n_params / all_params"},
    ]
    spec = swept(SHAPE, {"n_layers": [1, 2]})
    return {**spec, "metrics": [{**metric, "doc": "For the test."} for metric in metrics]}


def test_a_metric_that_gathers_over_all_models_is_written_too() -> None:
    spec = gathering()
    models, scenarios = from_frames(compute(spec))
    shown = as_json(spec)
    assert (shown["models"], shown["scenarios"], sum(row["part"] for row in models.values())) == (
        models,
        scenarios,
        pytest.approx(1),
    )


def test_a_metric_that_gathers_over_more_models_than_are_held_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_HELD", 2)
    with pytest.raises(UsageError) as caught:
        written(gathering(), "csv")
    assert str(caught.value) == (
        "all_params aggregates over all models, but a streamed sweep holds one at a time; "
        "sweep fewer values, or remove the metric"
    )


def test_a_number_of_a_layer_that_is_not_finite_is_told_with_its_model() -> None:
    metric = {"name": "bad", "label": "B", "grain": "layer_group", "unit": "ratio", "formula": "1 / (d_ff - 64)"}
    spec = swept({**SHAPE, "d_ff": 64}, {"n_layers": [1, 2]})
    spec["metrics"] = [
        {**metric, "doc": "For the test."},
        {**metric, "name": "worse", "grain": "model", "formula": "sum(bad)", "doc": "For the test."},
    ]
    with pytest.raises(ComputeError) as caught:
        written(spec, "csv")
    assert str(caught.value).startswith("bad (model m n_layers=1, group ): the result is not a finite number")


def test_metrics_of_the_spec_and_its_runs_are_streamed_too() -> None:
    spec = swept(SHAPE, {"n_layers": [1, 2]})
    spec["metrics"] = [
        {
            "name": "twice",
            "label": "Twice",
            "grain": "model",
            "unit": "parameters",
            "formula": "2 * n_params",
            "doc": "x",
        }
    ]
    spec["serving"] = {
        "chat": {
            "model": "m n_layers=2", "hardware": "h100-sxm", "prompt_length": 128, "generated_length": 128,
            "n_devices": 1,
        }
    }  # fmt: skip
    shown, wanted = as_json(spec), compute(spec)
    runs = {name: row.to_dict() for name, row in wanted.frames["serving_run"].iterrows()}
    runs = {name: {key: None if pd.isna(one) else one for key, one in row.items()} for name, row in runs.items()}
    for row in runs.values():  # JSON says in words what a frame says as a truth value
        row["served_fits"] = "yes" if row["served_fits"] else "no"
    assert (shown["serving"], shown["models"]) == (runs, from_frames(wanted)[0])


def test_parquet_without_pyarrow_says_what_to_install() -> None:
    script = (
        "import sys\nsys.modules['pyarrow'] = None\nsys.argv[1:] = ['show', 'specs/gpt2.yaml', '--format', 'parquet']\n"
        "from flopsheet.cli import main\nmain()"
    )
    root = Path(__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "Parquet needs pyarrow, which is not installed; pip install pyarrow, or write csv\n",
    )


def on_a_terminal(spec: Path) -> str:
    """What `show --format csv` writes to a terminal that is its stderr."""
    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent / "src"), "TERM": "xterm"}
    command = [sys.executable, "-m", "flopsheet", "show", str(spec), "--format", "csv"]
    done = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=slave, env=environment)
    os.close(slave)
    seen = b""
    try:
        while piece := os.read(master, 65_536):
            seen += piece
    except OSError:  # the terminal is closed
        pass
    assert done.wait() == 0
    os.close(master)
    return seen.decode()


def test_a_terminal_sees_progress_only_past_a_second(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(WIDE.replace("[1024]", "[1024, 2048, 4096]").replace("80060", "40060"))
    (tmp_path / "short.yaml").write_text(WIDE.replace("to: 80060", "to: 160"))
    assert ("models" in on_a_terminal(tmp_path / "long.yaml"), on_a_terminal(tmp_path / "short.yaml")) == (True, "")
