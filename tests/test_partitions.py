"""A sweep as a folder of partitions: the rows of the one file, whoever computed them, however often interrupted."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as parquet
import pytest

import commands
from dask_clusters import local_cluster
from exported import opened, written
from flopsheet.diagnostics import SpecError, UsageError
from flopsheet.output import export, partitions
from flopsheet.output.partitions import SweepJob, export_folder
from flopsheet.pipeline import cluster, stream, workers
from flopsheet.yamlio import files
from flopsheet.yamlio.from_mapping import to_yaml
from test_sweep import BASE, SHAPE

SWEEP = {"n_layers": {"from": 1, "to": 20}, "d_model": [512, 1024], "exclude": ["n_layers * d_model > 17000"]}
SPEC: dict[str, Any] = {
    **BASE,
    "models": {"plain": SHAPE, "other": {**SHAPE, "n_layers": 8}, "m": {**SHAPE, "sweep": SWEEP}},
}


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """Chunks of three models, partitions of six."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stream, "ROWS", 6)
        patched.setattr(stream, "CHUNKS", 2)
        yield


def write(
    folder: Path, n_workers: int = 1, spec: dict[str, Any] = SPEC, scheduler: str | None = None
) -> tuple[int, int]:
    return export_folder(opened(spec), "parquet", f"{folder}/", n_workers, scheduler)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def by_one(small: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[int, int]]:
    """The folder as one process writes it, and what it tells: nobody may change it."""
    folder = tmp_path_factory.mktemp("partitions") / "whole"
    return folder, write(folder)


@pytest.fixture(scope="module")
def whole(by_one: tuple[Path, tuple[int, int]]) -> dict[str, bytes]:
    return contents(by_one[0])


def copied(whole: dict[str, bytes], folder: Path) -> Path:
    """A folder of its own that is the whole one."""
    folder.mkdir()
    for name, data in whole.items():
        (folder / name).write_bytes(data)
    return folder


def test_the_partitions_are_the_rows_of_the_one_file(by_one: tuple[Path, tuple[int, int]]) -> None:
    folder, told = by_one
    one = pd.read_parquet(io.BytesIO(written(SPEC, "parquet")))
    # By hand: 20 layers of 512, of 1,024 no more than 16; partitions of six of 38 models.
    assert (told, len(one)) == ((7, 0), 2 * (1 + 1 + 36))
    pd.testing.assert_frame_equal(pd.read_parquet(folder), one)


def test_the_partitions_have_one_schema(by_one: tuple[Path, tuple[int, int]]) -> None:
    schemas = [parquet.read_schema(path).remove_metadata() for path in by_one[0].glob("*.parquet")]
    assert (len(schemas), all(schema.equals(schemas[0]) for schema in schemas)) == (7, True)


@pytest.mark.parametrize("n_workers", [2, 3])
def test_the_bytes_are_the_same_whatever_the_number_of_workers(
    n_workers: int, whole: dict[str, bytes], tmp_path: Path
) -> None:
    write(tmp_path / "parts", n_workers)
    assert contents(tmp_path / "parts") == whole


def test_a_cluster_writes_the_same_bytes(whole: dict[str, bytes], tmp_path: Path) -> None:
    with local_cluster(n_workers=1, processes=False, protocol="tcp") as running:
        write(tmp_path / "parts", scheduler=running.scheduler_address)
    assert contents(tmp_path / "parts") == whole


def test_only_what_is_missing_or_broken_is_computed_again(whole: dict[str, bytes], tmp_path: Path) -> None:
    folder = copied(whole, tmp_path / "parts")
    (folder / "part-000002.parquet").unlink()
    (folder / "part-000004.parquet").write_bytes(whole["part-000004.parquet"][:-40])
    (folder / "part-000005.parquet").write_bytes(whole["part-000006.parquet"])
    (folder / ".part-000002.parquet.abc.part").write_bytes(b"left by a kill")
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert write(folder, 2) == (7, 4)
    same = {path.name for path in folder.iterdir() if path.stat().st_mtime_ns == before.get(path.name)}
    assert (contents(folder), len(same)) == (whole, 5)


def test_what_is_interrupted_goes_on_where_it_stood(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, written_files, write_bytes = tmp_path / "parts", [], files.write_bytes

    def write_two(target: Path, data: bytes) -> None:
        if len(written_files) == 3:  # the manifest and two partitions
            raise KeyboardInterrupt
        written_files.append(target)
        write_bytes(target, data)

    (tmp_path / "spec.yaml").write_text(to_yaml(SPEC))
    arguments = ("show", str(tmp_path / "spec.yaml"), "--format", "parquet", "-o", f"{folder}/", "--workers", "2")
    with monkeypatch.context() as patched:
        patched.setattr(partitions.files, "write_bytes", write_two)
        first = commands.run(*arguments)
    told = f"interrupted; the same command goes on with the partitions missing in {folder}/\n\n"
    assert (first.returncode, first.stderr, len(list(folder.glob("*.parquet")))) == (130, told, 2)
    second = commands.run(*arguments)
    assert (second.returncode, second.stderr) == (0, f"{folder}/: 7 partitions, 2 of them were there\n")
    assert contents(folder) == whole


def deed_of_the_first(mark: Path, deed: Callable[[], Any]) -> Callable[[SweepJob], Callable[[stream.Partition], Any]]:
    """The start of a job in which the process that takes the mark away does something else than its work."""
    start = SweepJob.start

    def changed(job: SweepJob) -> Callable[[stream.Partition], Any]:
        work = start(job)

        def do(partition: stream.Partition) -> Any:
            try:
                mark.unlink()
            except FileNotFoundError:
                return work(partition)
            return deed()

        return do

    return changed


@pytest.mark.parametrize("deed", ["dies", "sends nothing", "sends another partition"])
def test_a_process_that_dies_or_lies_loses_nothing(
    deed: str, whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeds = {
        "dies": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "sends nothing": lambda: None,
        "sends another partition": lambda: whole["part-000006.parquet"],
    }
    mark = tmp_path / "mark"
    mark.touch()
    monkeypatch.setattr(workers, "_context", lambda: multiprocessing.get_context("fork"))
    monkeypatch.setattr(SweepJob, "start", deed_of_the_first(mark, deeds[deed]))
    write(tmp_path / "parts", 2)
    assert (contents(tmp_path / "parts"), mark.exists()) == (whole, False)


@pytest.mark.parametrize(
    "change", [{"title": "another"}, {"context_lengths": [2048]}, {"models": {"plain": SHAPE}}, {"batch_size": 2}]
)
def test_a_folder_of_another_spec_is_refused(change: dict[str, Any], whole: dict[str, bytes], tmp_path: Path) -> None:
    folder = copied(whole, tmp_path / "parts")
    with pytest.raises(UsageError, match="has partitions of another spec or version; name another folder"):
        write(folder, spec={**SPEC, **change})
    assert contents(folder) == whole


@pytest.mark.parametrize("key", ["flopsheet", "pyarrow", "digest"])
def test_a_folder_of_another_version_is_refused(key: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    folder = copied(whole, tmp_path / "parts")
    path = folder / "_manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: "0.0.7"}))
    with pytest.raises(UsageError, match="has partitions of another spec or version"):
        write(folder)


def test_a_folder_of_another_build_is_refused(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The shipped models, say, may have been corrected between two builds of one version.
    folder = copied(whole, tmp_path / "parts")
    monkeypatch.setattr(partitions, "build_digest", lambda: "another")
    with pytest.raises(UsageError, match="has partitions of another spec or version"):
        write(folder)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"is not empty, and has no _manifest\.json"):
        write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("was_there", [False, True])
def test_a_folder_that_gets_no_partition_is_left_as_it_was(
    was_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWERS_WITHIN", 0.5)
    folder = tmp_path / "parts"
    if was_there:
        folder.mkdir()
    with pytest.raises(UsageError):
        write(folder, scheduler="tcp://127.0.0.1:1")
    assert (folder.exists(), [*folder.glob("*")]) == (was_there, [])


def test_a_sweep_with_a_variant_that_cannot_be_writes_nothing(tmp_path: Path) -> None:
    spec = {**BASE, "models": {"m": {**SHAPE, "sweep": {"n_kv_heads": [4, 3]}}}}
    with pytest.raises(SpecError):
        write(tmp_path / "parts", spec=spec)
    assert not (tmp_path / "parts").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--format", "csv", "-o", "parts/"),
            "-o names a folder, but csv is written as one file; write --format parquet",
        ),
        (("--format", "json", "-o", "parts/"), "-o names a folder, but json is written as one file"),
        (
            ("--format", "csv", "--workers", "2"),
            "--workers needs a folder to write partitions to; write --format parquet",
        ),
        (("--scheduler", "tcp://a:1"), "--scheduler needs a folder to write partitions to; write --format parquet"),
        (("--format", "parquet", "-o", "parts.parquet", "--workers", "2"), "--workers needs a folder"),
    ],
)
def test_what_cannot_be_a_folder_is_told(arguments: tuple[str, ...], told: str) -> None:
    found = commands.run("show", "specs/gpt2.yaml", *arguments)
    assert (found.returncode, told in found.stderr) == (2, True), found.stderr


def test_a_folder_needs_pyarrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="Parquet needs pyarrow, which is not installed; pip install"):
        write(tmp_path / "parts")


def test_a_metric_that_reads_all_models_has_one_partition(tmp_path: Path) -> None:
    own = {
        "name": "n_of_all",
        "label": "All",
        "grain": "study",
        "unit": "parameters",
        "formula": "sum(n_params)",
        "doc": "-",
    }
    of_each = {
        "name": "share_of_all",
        "label": "Share",
        "grain": "model",
        "unit": "share",
        "formula": "n_params / n_of_all",
        "doc": "-",
    }
    spec = {**SPEC, "metrics": [own, of_each]}
    assert write(tmp_path / "parts", 2, spec) == (1, 0)
    one = pd.read_parquet(io.BytesIO(written(spec, "parquet")))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "parts"), one)
