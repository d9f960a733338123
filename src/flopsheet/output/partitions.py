"""A sweep of any size as a folder: a Parquet file for each partition, which processes or a cluster compute."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path

from flopsheet import __version__, diagnostics
from flopsheet.catalog.build_digest import build_digest
from flopsheet.diagnostics import Finding, UsageError
from flopsheet.output import export
from flopsheet.output.progress import progress
from flopsheet.pipeline import cluster, workers
from flopsheet.pipeline.stream import Partition, Stream
from flopsheet.records import frozen
from flopsheet.yamlio import files

MANIFEST = "_manifest.json"  # readers of folders of Parquet pass over what begins like this
KEY = "flopsheet"


@frozen
class SweepJob:
    """The partitions of a stream; what comes back is the file of one."""

    stream: Stream
    digest: str

    def start(self) -> Callable[[Partition], bytes]:
        def work(partition: Partition) -> bytes:
            out = io.BytesIO()
            chunks = self.stream.chunks(export.BOTH, [partition])
            export.write_parquet(self.stream, chunks, out, lambda _: None, self.said(partition))
            return out.getvalue()

        return work

    def said(self, partition: Partition) -> dict[str, str]:
        """What stands in the file of a partition: of which sweep it is which."""
        return {KEY: f"{self.digest} {partition.number}"}

    def is_result(self, partition: Partition, result: object) -> bool:
        """Whether these bytes are a whole file of Parquet that says it is this partition, with as many rows."""
        return isinstance(result, bytes) and self.is_file_of(partition, io.BytesIO(result))

    def is_file_of(self, partition: Partition, file: Path | io.BytesIO) -> bool:
        import pyarrow
        import pyarrow.parquet as parquet

        try:
            found = parquet.read_metadata(file)
        except (OSError, pyarrow.ArrowException):
            return False
        said = {name.decode(): text.decode() for name, text in (found.metadata or {}).items() if name == KEY.encode()}
        rows = partition.n_models * len(self.stream.spec.context_lengths)
        return (said, found.num_rows) == (self.said(partition), rows)


@frozen
class Folder:
    """Where the partitions of a stream are written, and what says so."""

    path: Path
    stream: Stream

    @cached_property
    def job(self) -> SweepJob:
        return SweepJob(self.stream, digest(self.stream))

    @cached_property
    def manifest(self) -> dict[str, str | int]:
        """What the partitions are of; a folder is continued where this is the same."""
        import pyarrow

        lengths = len(self.stream.spec.context_lengths)
        return {
            "flopsheet": __version__,
            "pyarrow": pyarrow.__version__,
            "digest": self.job.digest,
            "models": self.stream.n_models,
            "rows": self.stream.n_models * lengths,
            "partitions": self.n_partitions,
        }

    @cached_property
    def n_partitions(self) -> int:
        return sum(1 for _ in self.partitions())

    def partitions(self) -> Iterator[Partition]:
        return self.stream.partitions(export.BOTH)

    def file(self, partition: Partition) -> Path:
        return self.path / f"part-{partition.number:06}.parquet"

    def open(self) -> None:
        """Makes the folder, or finds in it what an earlier command left of the same sweep; UsageError, SpecError."""
        if os.path.exists(self.path / MANIFEST):
            if self.read_manifest() != self.manifest:
                raise self.refusal("has partitions of another spec or version")
            for left in self.path.glob(".part-*.part"):  # of a command that was killed as it wrote
                left.unlink(missing_ok=True)
            return
        self.stream.check()
        files.make_folder(self.path)
        if any(self.path.iterdir()):
            raise self.refusal(f"is not empty, and has no {MANIFEST}")
        text = json.dumps(self.manifest, indent=1) + "\n"
        files.write_bytes(self.path / MANIFEST, text.encode())

    @contextmanager
    def opened(self) -> Iterator[None]:
        """The folder while it is written; one that gets no partition at all is left as it was."""
        was_there, is_continued = os.path.isdir(self.path), os.path.exists(self.path / MANIFEST)
        self.open()
        try:
            yield
        except BaseException:
            if not is_continued and not any(self.path.glob("part-*.parquet")):
                (self.path / MANIFEST).unlink(missing_ok=True)
                if not was_there:
                    with suppress(OSError):
                        self.path.rmdir()
            raise

    def read_manifest(self) -> object:
        try:
            found: object = json.loads((self.path / MANIFEST).read_bytes())
            return found
        except ValueError:
            return None

    def refusal(self, why: str) -> UsageError:
        return _refusal(diagnostics.not_this_sweep(str(self.path), why))


def digest(stream: Stream) -> str:
    """What a sweep is known by: its spec with settings, its formulas, and the build with all that ships beside them."""
    spec = json.dumps(stream.read.draft.data, ensure_ascii=False, default=repr)
    formulas = "\n".join(f"{name} {metric.ast!r}" for name, metric in stream.catalog.metrics.items())
    return hashlib.sha256(f"{spec}\n{formulas}\n{build_digest()}".encode()).hexdigest()


def export_folder(
    stream: Stream, style: export.ShowFormat, output: str, n_workers: int, scheduler: str | None
) -> tuple[int, int]:
    """Writes the partitions that are not there yet; how many there are, and how many were there.

    Each gets its name only when it is complete, so that the same command goes on after it was interrupted.
    """
    if style != "parquet":
        raise _refusal(diagnostics.only_parquet(style))
    export.require_parquet(output)
    folder = Folder(Path(output), stream)
    with folder.opened():
        return _write_parts(folder, n_workers, scheduler)


def _write_parts(folder: Folder, n_workers: int, scheduler: str | None) -> tuple[int, int]:
    """Writes the partitions that are not there yet; how many there are, and how many were there."""
    total, there = folder.n_partitions, 0
    with progress(folder.stream.n_models, "models") as advance:

        def missing() -> Iterator[Partition]:
            nonlocal there
            for partition in folder.partitions():
                if (file := folder.file(partition)).exists() and folder.job.is_file_of(partition, file):
                    there += 1
                    advance(partition.n_models)
                else:
                    yield partition

        left = missing()
        first = next(left, None)
        if first is not None:
            tasks = itertools.chain([first], left)
            for partition, data in done(folder.job, tasks, min(n_workers, total), scheduler):
                files.write_bytes(folder.file(partition), data)
                advance(partition.n_models)
    return total, there


def done(
    job: SweepJob, tasks: Iterator[Partition], n_workers: int, scheduler: str | None
) -> Iterator[tuple[Partition, bytes]]:
    """The file of each partition, in whatever order they are done."""
    if scheduler is not None:
        return cluster.results(job, tasks, scheduler)
    return workers.results(job, tasks, n_workers)


def _refusal(finding: Finding) -> UsageError:
    return UsageError(diagnostics.located(finding, "-o", None))
