"""`flopsheet show` and `flopsheet show -o FILE` are one program: the same bytes in every format."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from commands import ROOT, environment, run_process, written

SWEPT = """\
version: 1
title: A "wide" <b>study</b>, of 3
context_lengths: [512, 2048]
defaults: {vocab_size: 100, d_ff: 4 * d_model, ffn: swiglu}
models:
  'plain, or "not"': {n_layers: 2, d_model: 64, n_heads: 4}
  swept: {n_layers: 2, d_model: 64, n_heads: 4, sweep: {n_kv_heads: [1, 2, 4], d_ff: [100, 200]}}
"""
SPECS = ("specs/gpt2.yaml", "specs/llama3-70b-512xh100.yaml", "specs/moe.yaml", "swept.yaml")
FORMATS = ("table", "json", "csv", "md", "parquet")


def shown(folder: Path, *arguments: str) -> bytes:
    """What `flopsheet show` writes to stdout, which no terminal is."""
    code, out, err = written("show", *arguments, cwd=folder)
    assert (code, err) == (0, b"")
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shown")
    (made / "swept.yaml").write_text(SWEPT, encoding="utf-8")
    (made / "specs").symlink_to(ROOT / "specs")
    return made


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("spec", SPECS)
def test_a_file_holds_the_bytes_that_stdout_gets(folder: Path, spec: str, style: str) -> None:
    to_stdout = shown(folder, spec, "--format", style)
    to_file = shown(folder, spec, "--format", style, "-o", f"out.{style}")
    assert (to_file, (folder / f"out.{style}").read_bytes(), len(to_stdout) > 500) == (b"", to_stdout, True)


@pytest.mark.parametrize("style", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["training", "serving"])
def test_a_file_holds_the_runs_that_stdout_gets(folder: Path, kind: str, style: str) -> None:
    arguments = ("specs/llama3-70b-512xh100.yaml", "--rows", kind, "--format", style)
    to_stdout = shown(folder, *arguments)
    to_file = shown(folder, *arguments, "-o", f"{kind}.{style}")
    assert (to_file, (folder / f"{kind}.{style}").read_bytes(), len(to_stdout) > 500) == (b"", to_stdout, True)


def test_a_process_of_its_own_writes_the_same_bytes(folder: Path) -> None:
    in_process = shown(folder, "swept.yaml", "--format", "csv")
    done = run_process("show", "swept.yaml", "--format", "csv", cwd=folder)
    assert (done.returncode, done.stderr, done.stdout.encode()) == (0, "", in_process)


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "swept.yaml", "--format", "csv"),
        ("search", "specs/serving-search.yaml", "--format", "csv"),
        ("import", "config.json"),
    ],
)
def test_a_dash_after_o_is_stdout(folder: Path, arguments: tuple[str, ...]) -> None:
    (folder / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    assert (written(*arguments, "-o", "-", cwd=folder), (folder / "-").exists()) == (
        written(*arguments, cwd=folder),
        False,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin1", "utf-8"])
def test_json_is_json_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    name = "\U0001f999 llama né QKᵀ"
    text = f'version: 1\ncontext_lengths: [64]\nmodels: {{"{name}": {{model: gpt2-small}}}}\n'
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "flopsheet", "show", "s.yaml", "--format", "json"]
    more = environment({"PYTHONIOENCODING": encoding})
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, env=more)
    assert list(json.loads(done.stdout.decode(encoding))["models"]) == [name]
