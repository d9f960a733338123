"""Makes small mistakes in a copy of the tree, one at a time, and runs the tests that should see each: `make mutants`.

Every mutation of mutants.yaml is a mistake that would give a wrong number or hide one. Texts that merely tell that
something changed are left out (`pytest --no-golden`). First run the test files that the mutation names; where these
pass, every fast test runs. A mutation that they all pass survives. One whose old text isn't found exactly once is an
error, so that the list stays true.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Queue
from typing import TypeVar

import yaml

ROOT = Path(__file__).resolve().parent.parent
LIST, PAGE = Path(__file__).with_suffix(".yaml"), ROOT / "docs" / "mutants.md"
CATALOG = "src/flopsheet/catalog/data"
FAST = "-m 'not slow and not libreoffice' tests"
PASSED, FAILED = 0, 1  # of pytest
Result = TypeVar("Result")
SURVIVES, REFUSED = "survives", "cannot be loaded"


@dataclass(frozen=True)
class Mutation:
    """One mistake: `old` becomes `new` in a file, or in the catalogue's entry of that name."""

    breaks: str
    old: str
    new: str
    tests: str
    file: str = ""
    entry: str = ""

    @property
    def where(self) -> str:
        return self.entry or self.file.removeprefix("src/flopsheet/")


class Stale(Exception):
    """The list names a text that isn't there, or stands there more than once."""


def read() -> list[Mutation]:
    """The mutations, in the order of the list."""
    listed = yaml.safe_load(LIST.read_text(encoding="utf-8"))
    return [Mutation(**{"tests": group["tests"], **entry}) for group in listed for entry in group["mutations"]]


def mutated(mutation: Mutation, tree: Path) -> tuple[Path, str]:
    """The file of a tree that a mutation changes, and its text after it."""
    path, start, end = _place(mutation, tree)
    text = path.read_text(encoding="utf-8")
    # The formatter of the catalogue may fold a formula at any blank.
    pattern = r"\s+".join(map(re.escape, mutation.old.split()))
    found = list(re.compile(pattern).finditer(text, start, end))
    if len(found) != 1:
        raise Stale(f"{mutation.where}: '{mutation.old}' is found {len(found)} times")
    return path, text[: found[0].start()] + mutation.new + text[found[0].end() :]


def _place(mutation: Mutation, tree: Path) -> tuple[Path, int, int]:
    """The file that holds the old text, and between which characters."""
    if mutation.file:
        path = tree / mutation.file
        if not path.is_file():
            raise Stale(f"there is no {mutation.file}")
        return path, 0, len(path.read_text(encoding="utf-8"))
    entry = re.compile(
        rf"^( *)(?:- name: {mutation.entry}|{mutation.entry}:)\n(?:\1 +.*\n)+", re.MULTILINE
    )  # a metric, or a function with arguments
    found = [
        (path, *match.span())
        for path in sorted((tree / CATALOG).rglob("*.yaml"))
        for match in entry.finditer(path.read_text(encoding="utf-8"))
    ]
    if len(found) != 1:
        raise Stale(f"{mutation.entry}: {len(found)} entries of that name in the catalogue")
    return found[0]


class Tree:
    """A copy of the files that git knows, in which one mutation at a time is made."""

    clock = int(time.time())

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)

    def write(self, path: Path, text: str) -> None:
        """With a time of its own: bytecode of the same size and second would be taken for the present one."""
        path.write_text(text, encoding="utf-8")
        Tree.clock += 2
        os.utime(path, (Tree.clock, Tree.clock))

    def outcome(self, mutation: Mutation, quick: bool) -> str:
        """The test that fails, or that none does."""
        path, text = mutated(mutation, self.folder)
        original = path.read_text(encoding="utf-8")
        self.write(path, text)
        try:
            for tests in (mutation.tests, FAST)[: 1 if quick else 2]:
                code, said = self.test(tests)
                if code == FAILED:
                    return re.search(r"^FAILED (?:tests/)?(\S+)", said, re.MULTILINE)[1]  # type: ignore[index]
                if code != PASSED:
                    return REFUSED
            return SURVIVES
        finally:
            self.write(path, original)

    def test(self, tests: str) -> tuple[int, str]:
        """pytest's exit code and what it printed, of the tests that its arguments select."""
        options = ["-q", "-x", "--no-golden", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
        paths = os.pathsep.join(str(self.folder / part) for part in ("src", "tests"))
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONPYCACHEPREFIX": str(self.folder / ".bytecode")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "pytest", *options, *shlex.split(tests)]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout


def outcomes(mutations: Sequence[Mutation], workers: int, quick: bool) -> Iterator[tuple[Mutation, str]]:
    """What becomes of each mutation, in their order; the tests pass without any."""
    with tempfile.TemporaryDirectory(prefix="flopsheet-mutants-") as folder:
        trees: Queue[Tree] = Queue()
        for worker in range(workers):
            trees.put(Tree(Path(folder, str(worker))))

        def in_a_tree(work: Callable[[Tree], Result]) -> Result:
            tree = trees.get()
            try:
                return work(tree)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(workers) as pool:
            sound = [partial(Tree.test, tests=tests) for tests in dict.fromkeys(one.tests for one in mutations)]
            for code, said in () if quick else pool.map(in_a_tree, sound):
                if code != PASSED:
                    sys.exit(f"tests fail without any mutation:\n{said}")
            tried = [partial(Tree.outcome, mutation=mutation, quick=quick) for mutation in mutations]
            yield from zip(mutations, pool.map(in_a_tree, tried), strict=True)


def page(found: Sequence[tuple[Mutation, str]]) -> str:
    """The mutations that were tried and what became of them, for docs/."""
    survivors = sum(outcome == SURVIVES for _, outcome in found)
    lines = [
        "# Mutants",
        "",
        "Small mistakes that would give a wrong number or hide one, and the first test that fails for each.",
        "`make mutants` makes them one at a time in a copy of the tree and writes this page.",
        "Comparisons with generated text are switched off: they tell that something changed, never that it is wrong.",
        "",
        f"Tried: {len(found)} of {len(read())} mutations. Survivors: {survivors}.",
        "",
        "| Where | What would go wrong | Old | New | Seen by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for mutation, outcome in found:
        file, _, test = outcome.partition("::")
        seen = f"{file}: {test.partition('[')[0].removeprefix('test_').replace('_', ' ')}" if test else f"**{outcome}**"
        cells = (f"`{mutation.where}`", mutation.breaks, _code(mutation.old), _code(mutation.new), seen)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    return f"`{' '.join(text.split())}`".replace("|", "\\|") if text.strip() else "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="only look whether every old text is found")
    parser.add_argument("--quick", action="store_true", help="the named tests alone, not seen to pass before")
    parser.add_argument("--only", default="", help="only those whose place or words hold this; no page is written")
    arguments = parser.parse_args()
    mutations = [one for one in read() if arguments.only in f"{one.where} {one.breaks}"]
    stale = []
    for mutation in mutations:
        try:
            mutated(mutation, ROOT)
        except Stale as error:
            stale.append(str(error))
    if stale:
        sys.exit("\n".join([*stale, f"repair {LIST.relative_to(ROOT)}"]))
    if arguments.check:
        return
    found = []
    for mutation, outcome in outcomes(mutations, arguments.workers, arguments.quick):
        print(f"{outcome}  <-  {mutation.where}: {mutation.breaks}", flush=True)
        found.append((mutation, outcome))
    bad = [outcome for _, outcome in found if outcome in {SURVIVES, REFUSED}]
    if not arguments.only:
        PAGE.write_text(page(found), encoding="utf-8")
    print(f"{len(found)} mutations, {bad.count(SURVIVES)} survivors, {bad.count(REFUSED)} that cannot be loaded")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
