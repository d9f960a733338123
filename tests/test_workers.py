"""Work that processes or a Dask cluster share has the results of one process, whoever dies or lies."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dask_clusters import local_cluster
from flopsheet import diagnostics
from flopsheet.diagnostics import UsageError
from flopsheet.pipeline import cluster, workers
from flopsheet.pipeline.search.best import Found
from flopsheet.pipeline.search.workers import SearchJob, search_all
from flopsheet.spec import load_spec
from test_search import WIDE, searched, spec_of

SQUARES = [(number, number * number) for number in range(20)]


@dataclass(frozen=True)
class Squares:
    """Numbers to be squared; the first that takes a number out of `folder` does something else."""

    folder: str = ""
    deed: str = ""

    def start(self) -> Callable[[int], Any]:
        parent = os.getpid()

        def work(number: int) -> Any:
            marked = Path(self.folder) / str(number)
            if self.deed == "always dies" and os.getpid() != parent:
                os._exit(1)
            if self.deed == "always lies" and os.getpid() != parent:
                return -1
            if self.folder and marked.exists():
                marked.unlink()
                if self.deed == "dies":
                    os.kill(os.getpid(), signal.SIGKILL)
                return {"lies": -1, "talks": lambda: 1}[self.deed]
            if self.deed == "refuses" and number == 7:
                raise UsageError(diagnostics.located(diagnostics.no_pyarrow(), "", None))
            return number * number

        return work

    def is_result(self, task: int, result: object) -> bool:
        return result == task * task


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_task_is_done_once(count: int) -> None:
    assert sorted(workers.results(Squares(), range(20), count)) == SQUARES


@pytest.mark.parametrize("deed", ["dies", "lies", "talks"])
def test_a_task_whose_process_dies_or_answers_wrongly_is_done_again(deed: str, tmp_path: Path) -> None:
    for number in (3, 11, 19):
        (tmp_path / str(number)).touch()
    found = sorted(workers.results(Squares(str(tmp_path), deed), range(20), 2))
    assert (found, list(tmp_path.iterdir())) == (SQUARES, [])


@pytest.mark.parametrize("deed", ["always dies", "always lies"])
def test_work_whose_processes_always_fail_is_done_without_them(deed: str) -> None:
    assert sorted(workers.results(Squares("", deed), range(20), 2)) == SQUARES


def test_what_a_task_refuses_is_refused_once() -> None:
    with pytest.raises(UsageError, match="Parquet needs pyarrow"):
        list(workers.results(Squares("", "refuses"), range(20), 2))


@pytest.mark.parametrize("start", ["fork", "forkserver"])
def test_processes_may_be_started_in_any_way(start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import multiprocessing

    monkeypatch.setattr(workers, "_context", lambda: multiprocessing.get_context(start))
    assert sorted(workers.results(Squares(), range(20), 2)) == SQUARES


def test_tasks_are_asked_for_as_they_are_needed() -> None:
    asked: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            asked.append(number)
            yield number

    results = workers.results(Squares(), tasks(), 2)
    for _ in range(10):
        next(results)
    assert len(asked) <= 12
    results.close()  # type: ignore[attr-defined]


# What comes back of a search ------------------------------------------------------------------------------------------


def a_part() -> tuple[SearchJob, range, Found]:
    spec = load_spec(WIDE)
    job = SearchJob(spec, spec.searches[0], 500)
    part = range(2, 4)
    return job, part, job.start()(part)


def test_the_result_over_some_blocks_is_one() -> None:
    job, part, found = a_part()
    assert job.is_result(part, found)


UNTIMED: dict[str, Any] = {
    **spec_of({"micro_batch_size": [1, 2]}, hardware=["odd", "h100-sxm"], minimise="device_gib", keep=1),
    "hardware": {"odd": {"extends": "h100-sxm", "link_bandwidth": "none"}},
}  # two layouts on hardware that lacks what a time needs, then the same two on hardware that has it


def test_the_result_over_layouts_without_a_time_is_one() -> None:
    spec = load_spec(UNTIMED)
    job = SearchJob(spec, spec.searches[0], 1)
    assert job.is_result(range(2), job.start()(range(2)))


@pytest.mark.parametrize("most", [1, 2, 4])
def test_no_time_is_worse_than_any_whatever_is_looked_at_first(most: int) -> None:
    assert list(searched(UNTIMED, most)[1].best.number) == [2]


@pytest.mark.parametrize("most", [1, 2, 4, 8])
def test_what_has_no_time_is_not_of_a_front_against_time(most: int) -> None:
    # The first four have none; of the others tensor 2 on 2 devices and tensor 4 on 4 are the fastest.
    inputs = {"prompt_length": 512, "generated_length": 64, "n_sequences": 8, "vary": {"tensor_parallel": [2, 4]}}
    search = {"kind": "serving", "model": "m", "hardware": ["odd", "h100-sxm"], "n_devices": [2, 4], **inputs}
    data = {**UNTIMED, "models": {"m": {"model": "llama-3-8b"}}, "search": {"s": search}}
    assert list(searched(data, most)[1].front.number) == [4, 7]


def changed(found: Found, lie: str) -> Any:
    best = found.best
    match lie:
        case "no result":
            return "all is well"
        case "a layout of elsewhere":
            best.number[0] = 0
        case "a layout twice":
            best.number[1] = best.number[0]
        case "one layout less":
            found.n_seen -= 1
        case "one more is possible":
            found.n_valid += 1
        case "less than nothing fails":
            found.fails["no_value"] -= 1
        case "no number":
            best.objective[0] = float("nan")
        case "a column less":
            best.time = best.time[1:]
        case "texts":
            best.objective = best.objective.astype(str)
    return found


@pytest.mark.parametrize(
    "lie",
    [
        "no result", "a layout of elsewhere", "a layout twice", "one layout less", "one more is possible",
        "less than nothing fails", "no number", "a column less", "texts",
    ],
)  # fmt: skip
def test_what_cannot_be_a_result_is_none(lie: str) -> None:
    job, part, found = a_part()
    assert not job.is_result(part, changed(found, lie))


def work_of_an_old_version(key: str, sent: bytes, task: Any) -> cluster.Answer:
    return cluster.Answer("0.0.7", None)


# Dask -----------------------------------------------------------------------------------------------------------------


def told(scheduler: str | None, n_workers: int = 1) -> list[Any]:
    """The result of a search in many small blocks."""
    spec = load_spec(WIDE)
    found = search_all(spec, spec.searches[0], n_workers, lambda _: None, 500, scheduler)
    return [*map(list, (*found.best.columns, *found.front.columns)), found.n_valid, found.n_seen, +found.fails]


@functools.cache
def told_by_one() -> list[Any]:
    """The result of one process."""
    return told(None)


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    """A cluster of two processes."""
    with local_cluster(n_workers=2, threads_per_worker=1) as found:
        yield found


@pytest.fixture
def within() -> Iterator[Any]:
    """A cluster in this process, whose functions a test may replace."""
    with local_cluster(n_workers=1, threads_per_worker=1, processes=False, protocol="tcp") as found:
        yield found


def test_a_cluster_gives_the_result_of_one_process(running: Any) -> None:
    assert told(running.scheduler_address) == told_by_one()


def test_a_worker_of_a_cluster_that_is_killed_loses_nothing(running: Any) -> None:
    from distributed import Client

    with Client(running.scheduler_address, set_as_default=False) as client:
        [pid, *_] = client.run(os.getpid).values()
    killed = []

    def kill() -> None:
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    found = told(running.scheduler_address)
    killer.join()
    assert (killed, found) == ([pid], told_by_one())


def test_a_task_that_a_cluster_answers_wrongly_is_done_again(within: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, lies = cluster._compute, iter(["nothing", Found(3)])
    monkeypatch.setattr(cluster, "_compute", lambda key, sent, task: next(lies, None) or honest(key, sent, task))
    assert (told(within.scheduler_address), next(lies, None)) == (told_by_one(), None)


def test_a_cluster_that_always_answers_wrongly_is_told(within: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_compute", lambda key, sent, task: "nothing")
    with pytest.raises(UsageError, match=r"9 tasks failed on the cluster at .*what came back is no result"):
        told(within.scheduler_address)


def test_a_cluster_without_what_is_needed_is_told(within: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(key: str, sent: bytes, task: Any) -> None:
        raise ModuleNotFoundError("No module named 'flopsheet'")

    monkeypatch.setattr(cluster, "_compute", fail)
    with pytest.raises(UsageError, match="No module named 'flopsheet'; install the same version"):
        told(within.scheduler_address)


def test_a_cluster_of_another_version_is_told(within: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_work", work_of_an_old_version)
    with pytest.raises(UsageError, match=r"have flopsheet 0.0.7, this is .*; install flopsheet .* on every worker"):
        told(within.scheduler_address)


def test_a_cluster_without_workers_is_told(within: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "WORKERS_WITHIN", 0.2)
    within.scale(0)
    within.sync(within.scheduler.retire_workers)
    with pytest.raises(UsageError, match=r"has no workers after 0 s; run 'dask worker tcp://"):
        told(within.scheduler_address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere", "tcp://", "ftp://127.0.0.1:1"])
def test_an_address_that_answers_nothing_is_told_in_time(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "ANSWERS_WITHIN", 0.5)
    began = time.monotonic()
    with pytest.raises(UsageError, match=f"no Dask scheduler answered at '{address}'"):
        told(address)
    assert time.monotonic() - began < 20


def test_a_port_that_something_else_listens_at_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "ANSWERS_WITHIN", 0.5)
    refused = pytest.raises(UsageError, match="no Dask scheduler answered")
    with socket.create_server(("127.0.0.1", 0)) as silent, refused:
        told(f"tcp://127.0.0.1:{silent.getsockname()[1]}")


def test_without_dask_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs dask.distributed, which is not installed; pip install distributed,"):
        told("tcp://127.0.0.1:8786")
