"""Work shared by processes: what one that dies, or that answers with no result, was at is done again."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Protocol, TypeAlias, TypeVar

from flopsheet.diagnostics import FlopsheetError
from flopsheet.records import NamedTuple

Task = TypeVar("Task")
Result = TypeVar("Result")
Asked = TypeVar("Asked", contravariant=True)
Given = TypeVar("Given", covariant=True)
Advance: TypeAlias = Callable[[int], None]  # is told how many things were done since the last call
MOST_FAILURES = 8  # of one job, after which another try would end alike


class Job(Protocol[Asked, Given]):
    """What processes share; it can be pickled."""

    def start(self) -> Callable[[Asked], Given]:
        """Makes one process ready: gives what it does with each task."""

    def is_result(self, task: Asked, result: object) -> bool:
        """Whether what came back can be the result of a task."""


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


class Failed(NamedTuple):
    """What a process sends of a task that has no result, such as one of a spec that cannot be computed."""

    error: FlopsheetError


class Tasks(Iterator[Task]):
    """Tasks in their order, before them those that are to be done again."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self.later, self.again = iter(tasks), list[Task]()
        self.failures = 0

    def __next__(self) -> Task:
        return self.again.pop() if self.again else next(self.later)

    def fail(self, task: Task) -> None:
        """A task that was lost."""
        self.failures += 1
        self.again.append(task)


def results(job: Job[Task, Result], tasks: Iterable[Task], workers: int) -> Iterator[tuple[Task, Result]]:
    """The result of every task, in whatever order they are done; as many tasks as workers are held at a time."""
    work = job.start()
    left = Tasks(tasks)
    if workers > 1:
        yield from _by_processes(job, work, left, workers)
    for task in left:  # all of them, or those that are left where processes cannot live
        yield task, work(task)


def _by_processes(
    job: Job[Task, Result], work: Callable[[Task], Result], left: Tasks[Task], workers: int
) -> Iterator[tuple[Task, Result]]:
    at_work: dict[Connection, tuple[_Worker, Task]] = {}
    with _processes(job, work) as start:

        def give(worker: _Worker) -> None:
            for task in left:
                at_work[worker.pipe] = (worker, task)
                with suppress(OSError):  # where it has died, which is seen when its answer is read
                    worker.pipe.send(task)
                return

        for _ in range(workers):
            give(start())
        while at_work and left.failures <= MOST_FAILURES:
            for pipe in wait(list(at_work)):
                assert isinstance(pipe, Connection)
                worker, task = at_work.pop(pipe)
                try:
                    result = pipe.recv()
                except Exception:  # it died, or what it sent cannot be read
                    result = None
                if isinstance(result, Failed):
                    raise result.error
                if job.is_result(task, result):
                    yield task, result
                else:
                    left.fail(task)
                    worker.process.kill()
                    if left.failures > MOST_FAILURES:
                        break
                    worker = start()
                give(worker)
        left.again += [task for _, task in at_work.values()]


@contextmanager
def _processes(job: Job[Task, Result], work: Callable[[Task], Result]) -> Iterator[Callable[[], _Worker]]:
    """Gives what starts a process; all of them end with the work."""
    started: list[_Worker] = []

    def start() -> _Worker:
        context = _context()
        is_forked = context.get_start_method() == "fork"
        ours, theirs = context.Pipe()
        arguments = (theirs, work, None) if is_forked else (theirs, None, job)
        process = context.Process(target=_serve, args=arguments, daemon=True)  # type: ignore[attr-defined]
        with warnings.catch_warnings():  # of forks beside threads: this is one of a single thread of Python's
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()  # so that the end of the process ends the pipe
        started.append(_Worker(process, ours))
        return started[-1]

    try:
        yield start
    finally:
        for worker in started:
            worker.pipe.close()
            worker.process.terminate()
        for worker in started:
            worker.process.join()


def _context() -> BaseContext:
    """How processes are started: as copies of this one, which is ready, where that is safe.

    Elsewhere from one that has imported what they need, where the system can do that.
    """
    methods = multiprocessing.get_all_start_methods()
    if sys.platform == "linux" and "fork" in methods and threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    if "forkserver" not in methods:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _serve(pipe: Connection, work: Callable[[Task], Result] | None, job: Job[Task, Result] | None) -> None:
    """What a process does: the result of each task that it is given, until there is none."""
    with suppress(EOFError, OSError, KeyboardInterrupt):
        if work is None:
            assert job is not None
            work = job.start()
        while True:
            task = pipe.recv()
            try:
                result: Result | Failed = work(task)
            except FlopsheetError as error:
                result = Failed(error)
            pipe.send(result)
