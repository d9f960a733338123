"""What goes wrong while a workbook is written: at the target there is the old file or the new one, never a broken one.

Full disks and targets that cannot be written are in test_user_mistakes.py.
"""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands import ROOT, environment, run
from edited_studies import FAMILY
from flopsheet.api import build, compute
from flopsheet.workbook import plan
from flopsheet.workbook.write import xlsx

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that can be forked and killed")
OLD = b"the workbook of last week"
TINY = """\
version: 1
context_lengths: [128]
models: {m: {n_layers: 2, d_model: 64, n_heads: 2, vocab_size: 100, ffn: gelu, d_ff: 256}}
"""


@pytest.fixture(scope="module")
def planned() -> plan.Plan:
    return plan.plan_workbook(compute(FAMILY).study)


@pytest.fixture(scope="module")
def new(planned: plan.Plan) -> bytes:
    """What a build that nothing disturbs writes."""
    return xlsx.to_bytes(planned)


def ended(work: Callable[[], None]) -> int:
    """Does some work in a process of its own: how that ended, as `os.waitstatus_to_exitcode` says it."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(step: int, folder: Path, work: Callable[[], None]) -> bool:
    """Does some work that is killed right before its nth deed in a folder; whether it got so far.

    Python tells its audit hooks of every file that it opens, renames or removes, before it does so.
    """

    def watched() -> None:
        deeds = 0

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal deeds
            if event.startswith(("open", "os.")) and any(str(folder) in str(argument) for argument in arguments):
                deeds += 1
                if deeds == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        work()

    return ended(watched) == -signal.SIGKILL


def results_in(folder: Path) -> list[str]:
    """The files of a folder that somebody could take for a result."""
    return [path.name for path in folder.iterdir() if not (path.name.startswith(".") and path.name.endswith(".part"))]


@pytest.mark.parametrize("old", [OLD, None], ids=["over an old file", "where there was none"])
def test_a_build_killed_before_any_of_its_deeds_leaves_the_old_file_or_the_new_one(
    old: bytes | None, planned: plan.Plan, new: bytes, tmp_path: Path
) -> None:
    found = []
    for step in range(1, 50):
        folder = tmp_path / str(step)
        folder.mkdir()
        target = folder / "book.xlsx"
        if old is not None:
            target.write_bytes(old)
        if not killed_at(step, folder, lambda target=target: xlsx.save(planned, target)):
            break
        found.append((target.read_bytes() if target.exists() else None, results_in(folder)))
    finished = target.read_bytes()
    names = [] if old is None else ["book.xlsx"]
    # Opened, made readable, renamed: three deeds at the least, and until the last one is done nothing has changed.
    assert (len(found) >= 3, found, finished) == (True, [(old, names)] * len(found), new)


def test_a_build_killed_while_it_writes_leaves_the_old_file_or_the_new_one(
    planned: plan.Plan, new: bytes, tmp_path: Path
) -> None:
    dice = random.Random(7)
    target = tmp_path / "book.xlsx"
    found = set()
    for _ in range(40):
        target.write_bytes(OLD)
        child = os.fork()
        if child == 0:
            # Only the last steps, again and again: they take milliseconds, all before them touches no file of the user.
            for _ in range(10_000):  # killed long before; an end, should nobody be left to do it
                xlsx.write_bytes(target, new)
            os._exit(0)
        time.sleep(dice.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found.add(target.read_bytes())
        assert results_in(tmp_path) == ["book.xlsx"]
    assert found <= {OLD, new}


def test_a_command_killed_at_a_random_moment_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    dice = random.Random(11)
    (tmp_path / "spec.yaml").write_text(TINY)
    target = tmp_path / "book.xlsx"
    command = [sys.executable, "-m", "flopsheet", "build", str(tmp_path / "spec.yaml"), "-o", str(target)]
    start = time.monotonic()
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    took, new = time.monotonic() - start, target.read_bytes()
    for _ in range(3):
        target.write_bytes(OLD)
        process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0.2, 1.1) * took)
        process.kill()
        process.wait()
        assert (target.read_bytes() in {OLD, new}, sorted(results_in(tmp_path))) == (True, ["book.xlsx", "spec.yaml"])
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    assert target.read_bytes() == new


def test_two_builds_to_one_target_leave_the_whole_workbook_of_one(tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    whole = {}
    for at in (1, 2):
        spec = tmp_path / f"{at}.yaml"
        spec.write_text(TINY.replace("version: 1", f"version: 1\ntitle: study {at}"))
        build(spec, tmp_path / f"alone{at}.xlsx")
        whole[at] = (tmp_path / f"alone{at}.xlsx").read_bytes()
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "flopsheet", "build", str(tmp_path / f"{at}.yaml"), "-o", str(target)],
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        for at in (1, 2)
    ]
    codes = [process.wait() for process in both]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert (codes, whole[1] != whole[2], target.read_bytes() in whole.values(), left) == (
        [0, 0],
        True,
        True,
        ["1.yaml", "2.yaml", "alone1.xlsx", "alone2.xlsx", "book.xlsx"],
    )


def test_writers_and_readers_of_one_target_only_ever_meet_whole_files(new: bytes, tmp_path: Path) -> None:
    target = tmp_path / "book.xlsx"
    contents = [new, new[::-1] * 2]
    target.write_bytes(new)
    children = []
    for content in contents:
        child = os.fork()
        if child == 0:
            for _ in range(30):
                xlsx.write_bytes(target, content)
            os._exit(0)
        children.append(child)
    met = {target.read_bytes() for _ in range(200)}
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert (codes, met <= set(contents), results_in(tmp_path)) == ([0, 0], True, ["book.xlsx"])


@pytest.mark.parametrize("is_there", [True, False])
def test_a_target_that_is_a_link_stays_one_and_what_it_leads_to_is_written(is_there: bool, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    real, link = tmp_path / "shared" / "real.xlsx", tmp_path / "out.xlsx"
    link.symlink_to(real)
    if is_there:
        real.write_bytes(b"old")
    done = run("build", "specs/gpt2.yaml", "-q", "-o", str(link))
    assert (done.returncode, link.is_symlink(), real.read_bytes()[:2]) == (0, True, b"PK")
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["real.xlsx"]


def test_who_has_the_target_open_keeps_the_old_file_and_his_lock_stays(tmp_path: Path) -> None:
    target, lock = tmp_path / "book.xlsx", tmp_path / ".~lock.book.xlsx#"
    target.write_bytes(OLD)
    lock.write_text(",someone,desk,24.11.2026 19:00,file:///home/someone/.config/libreoffice/4;")
    with target.open("rb") as reading:
        build(FAMILY, target)
        held = reading.read()
    assert (held, target.read_bytes()[:2], lock.exists(), len(list(tmp_path.iterdir()))) == (OLD, b"PK", True, 2)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that everybody can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="flopsheet-faults-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def without_privileges() -> None:
    """Root may write everywhere; nobody may not."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


@pytest.mark.parametrize(
    ("read_only", "reason"), [("book.xlsx", "it is read-only"), (".", "permission denied")], ids=["file", "folder"]
)
def test_a_read_only_target_stays_as_it_was(read_only: str, reason: str, planned: plan.Plan, elsewhere: Path) -> None:
    target = elsewhere / "book.xlsx"
    target.write_bytes(OLD)
    target.chmod(0o666)
    (elsewhere / read_only).chmod(0o555)

    def work() -> None:
        without_privileges()
        try:
            xlsx.save(planned, target)
        except Exception as error:
            os._exit(0 if f"cannot write '{target}': {reason}; " in str(error) else 3)
        os._exit(4)

    assert (ended(work), target.read_bytes(), results_in(elsewhere)) == (0, OLD, ["book.xlsx"])


PLACES = [
    {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C", "LANG": "C", "ADDS": "exactly"},
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8", "OPENPYXL_LXML": "False"},
    {"PYTHONHASHSEED": "random", "TZ": "America/New_York", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
]


BUILDS = {  # what a study is called, and its epoch
    "llama3-70b-512xh100": None,
    "published-step-times": None,  # it has widths that are not the same with both ways to add up
    "layout-search": "1700000000",
}
BUILD_THEM = f"""\
import builtins, math, os, sys

# As `sum` adds up floats before Python 3.12; since then it makes up for what is rounded.
def one_after_another(values, start=0):
    for value in values:
        start = start + value
    return start

def exactly(values, start=0):
    values = [start, *values]
    floats = all(isinstance(value, (int, float)) for value in values) and any(isinstance(one, float) for one in values)
    return math.fsum(values) if floats else one_after_another(values[1:], start)

builtins.sum = exactly if os.environ.get("ADDS") == "exactly" else one_after_another
from flopsheet.cli import main
if __name__ == "__main__":  # workers of a search read this file too
    for name, epoch in {BUILDS}.items():
        sys.argv = ["flopsheet", "build", f"{{name}}.yaml", "-o", f"{{name}}.xlsx"]
        os.environ |= {{"SOURCE_DATE_EPOCH": epoch}} if epoch else {{}}
        try:
            main()
        except SystemExit as ended:
            assert not ended.code
"""


def test_hash_seed_time_zone_locale_folder_lxml_and_the_sums_of_python_change_no_byte(tmp_path: Path) -> None:
    books: dict[str, set[bytes]] = {name: set() for name in BUILDS}
    for at, place in enumerate(PLACES):
        folder = tmp_path / str(at)
        folder.mkdir()
        (folder / "build_them.py").write_text(BUILD_THEM)
        for name in BUILDS:
            shutil.copy(ROOT / "specs" / f"{name}.yaml", folder)
        command = [sys.executable, "build_them.py"]  # one process for both: it takes as long to start as to build one
        subprocess.run(command, cwd=folder, env=environment(place), check=True, capture_output=True)
        for name, found in books.items():
            found.add((folder / f"{name}.xlsx").read_bytes())
    assert {name: len(found) for name, found in books.items()} == dict.fromkeys(BUILDS, 1)


@pytest.mark.parametrize(
    ("epoch", "day"),
    [("", "2000-01-01"), ("0", "1970-01-01"), ("1700000000", "2023-11-14"), ("4354819199", "2107-12-31")],
)
def test_source_date_epoch_is_the_day_of_the_document(
    epoch: str, day: str, planned: plan.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with zipfile.ZipFile(io.BytesIO(xlsx.to_bytes(planned))) as archive:
        days = re.findall(r"(\d{4}-\d\d-\d\d)T", archive.read("docProps/core.xml").decode())
    assert days == [day, day]


@pytest.mark.parametrize("epoch", ["-1", "later", "1e9", "4354819200", "99999999999999999999", "²", " 1"])
def test_a_source_date_epoch_that_is_none_has_one_message_and_leaves_nothing(
    epoch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spec.yaml").write_text(TINY)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    done = run("build", "spec.yaml", "-o", "book.xlsx", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr, results_in(tmp_path)) == (
        2,
        "",
        f"SOURCE_DATE_EPOCH is '{epoch}', which is not a time; "
        "write whole seconds since 1970, up to the year 2107, or unset it\n",
        ["spec.yaml"],
    )
