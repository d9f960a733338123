"""A search on several processes: each looks at a few blocks at a time; what a process that dies had is done again."""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from flopsheet.pipeline.search.best import Found
from flopsheet.pipeline.search.engine import Engine
from flopsheet.spec import Search, Spec

AT_ONCE = 4  # blocks at a time
MOST_DEATHS = 8  # of one search, after which another try would end alike
Advance = Callable[[int], None]


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


def search_all(spec: Spec, search: Search, workers: int, advance: Advance, most: int) -> Found:
    """The result over the whole grid, in blocks of at most so many layouts, the same whatever the number of workers.

    `advance` is told how many layouts have been looked at since the last call.
    """
    engine = Engine(spec, search, most)
    n_blocks = engine.split.n_blocks
    workers = min(workers, n_blocks)
    found = Found(search.keep)
    if workers == 1:
        for number in range(n_blocks):
            before = found.n_seen
            engine.search_block(number, found)
            advance(found.n_seen - before)
        return found
    at_once = max(1, min(AT_ONCE, n_blocks // (8 * workers)))
    parts = [range(start, min(start + at_once, n_blocks)) for start in range(0, n_blocks, at_once)]
    left = dict(enumerate(parts))
    for at, part in _results(_alone(spec), search, workers, most, parts):
        del left[at]
        found.merge(part)
        advance(part.n_seen)
    for number in itertools.chain(*left.values()):  # where processes cannot live, this one does without
        engine.search_block(number, found)
    return found


def _alone(spec: Spec) -> Spec:
    """What a search reads of a spec: it goes to every process."""
    return dataclasses.replace(spec, runs={}, expectations=(), searches=(), text="", data={})


def _results(
    spec: Spec, search: Search, workers: int, most: int, parts: Sequence[range]
) -> Iterator[tuple[int, Found]]:
    """The results over parts of the grid by number, in whatever order they are done; not of all where too many die."""
    waiting, deaths = list(range(len(parts)))[::-1], 0
    at_work: dict[Connection, tuple[_Worker, int]] = {}
    with _processes(spec, search, most) as start:

        def give(worker: _Worker) -> None:
            at = waiting.pop()
            at_work[worker.pipe] = (worker, at)
            with suppress(OSError):  # where it has died, which is seen when its answer is read
                worker.pipe.send(parts[at])

        for _ in range(min(workers, len(parts))):
            give(start())
        while at_work:
            for pipe in wait(list(at_work)):
                assert isinstance(pipe, Connection)
                worker, at = at_work.pop(pipe)
                try:
                    found = pipe.recv()
                except (EOFError, OSError):
                    deaths += 1
                    waiting.append(at)
                    if deaths > MOST_DEATHS:
                        return
                    worker = start()
                else:
                    yield at, found
                if waiting:
                    give(worker)


@contextmanager
def _processes(spec: Spec, search: Search, most: int) -> Iterator[Callable[[], _Worker]]:
    """Gives what starts a process; all of them end with the search."""
    context = _context()
    started: list[_Worker] = []

    def start() -> _Worker:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, spec, search, most), daemon=True)
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


def _context() -> SpawnContext | ForkServerContext:
    """How processes are started: from one that has imported what they need, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _serve(pipe: Connection, spec: Spec, search: Search, most: int) -> None:
    """What a process does: the result over each part that it is given, until there is none.

    The best of earlier parts, which were sent, leave out what they beat in later ones.
    """
    engine = Engine(spec, search, most)
    found = Found(search.keep)
    while True:
        try:
            part: range = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        found = Found(search.keep, found.best, found.front)
        for number in part:
            engine.search_block(number, found)
        pipe.send(found)
