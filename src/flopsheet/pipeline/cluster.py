"""Work shared by a Dask cluster that runs: the same tasks as for processes, the same results."""

from __future__ import annotations

import hashlib
import pickle
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from flopsheet import __version__, diagnostics
from flopsheet.diagnostics import Finding, FlopsheetError, UsageError
from flopsheet.pipeline.workers import MOST_FAILURES, Job, Result, Task, Tasks
from flopsheet.records import NamedTuple

ANSWERS_WITHIN = 10.0  # seconds, of a scheduler
WORKERS_WITHIN = 30.0  # seconds, of the first worker, and of another where all have gone
PAUSE = 0.5  # seconds between two looks at a cluster that gives nothing
FAILED = ("error", "cancelled", "lost")


class Answer(NamedTuple):
    """What a worker sends: the version that computed it, and the result."""

    version: str
    result: Any


def results(job: Job[Task, Result], tasks: Iterable[Task], address: str) -> Iterator[tuple[Task, Result]]:
    """The result of every task, in whatever order they are done; a few for each thread of the cluster at a time.

    UsageError where there is no such cluster, or where it gives no results.
    """
    if find_spec("distributed") is None:
        raise _refusal(diagnostics.no_distributed())
    with _connected(address) as client:
        yield from _by_cluster(client, address, job, Tasks(tasks))


def _refusal(finding: Finding) -> UsageError:
    return UsageError(diagnostics.located(finding, "--scheduler", None))


def _connected(address: str) -> Any:
    """A client of the cluster."""
    distributed: Any = import_module("distributed")
    made: list[Any] = []

    def connect() -> None:
        try:
            made.append(distributed.Client(address, timeout=ANSWERS_WITHIN, set_as_default=False))
        except Exception as error:  # of many kinds, by what answers and what does not
            made.append(error)

    # Where something listens that says nothing, a client waits for ever.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(2 * ANSWERS_WITHIN)
    found = made[0] if made else TimeoutError("the server there does not answer")
    if isinstance(found, Exception):
        first, *_ = [*str(found).splitlines(), ""]
        raise _refusal(diagnostics.no_scheduler(address, ANSWERS_WITHIN, first))
    return found


def _by_cluster(client: Any, address: str, job: Job[Task, Result], left: Tasks[Task]) -> Iterator[tuple[Task, Result]]:
    distributed: Any = import_module("distributed")
    threads = _threads(client, address)
    # With every task, since what is sent once is lost with the worker that has it.
    sent = pickle.dumps(job)
    key = hashlib.sha256(sent).hexdigest()
    at_work: dict[Any, Task] = {}
    last = time.monotonic()
    try:
        while True:
            for task in left:
                at_work[client.submit(_work, key, sent, task, pure=False, retries=0)] = task
                if len(at_work) >= 2 * threads:
                    break
            if not at_work:
                return
            try:
                with client.as_current():
                    done, _ = distributed.wait(list(at_work), timeout=PAUSE, return_when="FIRST_COMPLETED")
            except TimeoutError:
                done = set()
                if client.status != "running" or (
                    time.monotonic() - last > WORKERS_WITHIN and not client.scheduler_info(n_workers=-1)["workers"]
                ):
                    raise _refusal(diagnostics.cluster_went(address)) from None
            for future in done:
                last = time.monotonic()
                task = at_work.pop(future)
                result = _result(future, address)
                if job.is_result(task, result):
                    yield task, result
                else:
                    left.fail(task)
                    if left.failures > MOST_FAILURES:
                        raise _refusal(diagnostics.no_results(address, left.failures, _why(future)))
    finally:
        if client.status == "running":
            client.cancel([*at_work], force=True)


def _threads(client: Any, address: str) -> int:
    """Of all workers, once there is one."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_WITHIN)
    except (TimeoutError, OSError):
        raise _refusal(diagnostics.no_cluster_workers(address, WORKERS_WITHIN)) from None
    n_threads: dict[str, int] = client.nthreads()
    return max(1, sum(n_threads.values()))


def _result(future: Any, address: str) -> Any:
    """What a worker sent; None where it failed."""
    if future.status == "error" and isinstance(error := future.exception(), FlopsheetError):
        raise error
    if future.status in FAILED:
        return None
    answer = future.result()
    if not isinstance(answer, Answer):
        return None
    version, result = answer
    if version != __version__:
        raise _refusal(diagnostics.other_version(address, str(version), __version__))
    return result


def _why(future: Any) -> str:
    """What a worker said of its failure."""
    error = future.exception() if future.status == "error" else None
    return f"{type(error).__name__}: {error}".splitlines()[0] if error else "what came back is no result"


# On a worker ----------------------------------------------------------------------------------------------------------

_ready = threading.local()  # of each thread the last job, made ready


def _work(key: str, sent: bytes, task: Any) -> Answer:
    """What a worker does with a task of a job, which is known by a key."""
    return Answer(__version__, _compute(key, sent, task))


def _compute(key: str, sent: bytes, task: Any) -> Any:
    if getattr(_ready, "key", None) != key:
        job: Job[Any, Any] = pickle.loads(sent)
        _ready.key, _ready.work = key, job.start()
    work: Callable[[Any], Any] = _ready.work
    return work(task)
