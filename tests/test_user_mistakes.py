"""Mistakes with files, arguments and disks: one message each, never a traceback, never half a file."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import ROOT, environment, run
from flopsheet.cli.commands import MODULES

GPT2 = str(ROOT / "specs" / "gpt2.yaml")
HINT = "Usage: flopsheet {0} {1}\nTry 'flopsheet {0} --help' for help.\n\nError: "
LONG = "x" * 300
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that are no specs."""
    (tmp_path / "latin.yaml").write_bytes(b"version: 1\ntitle: caf\xe9\n")
    (tmp_path / "empty.yaml").write_bytes(b"")
    (tmp_path / "tab.yaml").write_bytes(b"version: 1\nmodels:\n\ta: {}\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * (4 * 2**20 + 1))
    (tmp_path / "bomb.yaml").write_text(BOMB)
    (tmp_path / "tag.yaml").write_text("version: !!python/object/apply:os.system [ls]\n")
    (tmp_path / "many.yaml").write_text("a: [" + "1, " * 200_000 + "1]\n")
    (tmp_path / "deep.yaml").write_text("[" * 40 + "]" * 40)
    (tmp_path / "twice.yaml").write_text("version: 1\nversion: 1\n")
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04\x14\x00\x06\x00")
    (tmp_path / "folder").mkdir()
    (tmp_path / "full.xlsx").symlink_to("/dev/full")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    return tmp_path


UNREADABLE = [
    ("none.yaml", 2, "cannot read 'none.yaml': no such file or directory; check the path\n"),
    ("folder", 2, "cannot read 'folder': is a directory; check the path\n"),
    ("empty.yaml/x", 2, "cannot read 'empty.yaml/x': not a directory; check the path\n"),
    ("loop.yaml", 2, "cannot read 'loop.yaml': too many levels of symbolic links; check the path\n"),
    ("x" * 300, 2, f"cannot read '{'x' * 300}': file name too long; check the path\n"),
    (
        "latin.yaml",
        1,
        "latin.yaml:2:11: byte 0xe9 at offset 21 is not UTF-8; save the file as UTF-8\n"
        "    title: caf\ufffd\n"
        "              ^\n",
    ),
    ("empty.yaml", 1, "empty.yaml:1:1: the text is empty; begin with 'version: 1'\n"),
    (
        "tab.yaml",
        1,
        "tab.yaml:3:1: a tab where YAML allows only spaces; replace it with spaces\n     a: {}\n    ^\n",
    ),
    (
        "book.xlsx",
        1,
        "book.xlsx:1:1: this is a workbook, not a spec; "
        "name the spec; 'flopsheet pull', 'check' and 'diff' read workbooks\n",
    ),
    ("large.yaml", 1, "large.yaml:1:1: the text is larger than 4 MiB; check that it is the spec\n"),
    (
        "tag.yaml",
        1,
        "tag.yaml:1:10: version: YAML tags are not supported; remove the word that begins with '!', or quote the text\n"
        "    version: !!python/object/apply:os.system [ls]\n"
        "             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n",
    ),
    (
        "twice.yaml",
        1,
        "twice.yaml:2:1: version: 'version' is already given at line 1, column 1; keep one of the two\n"
        "    version: 1\n"
        "    ^^^^^^^\n",
    ),
    (
        "deep.yaml",
        1,
        "deep.yaml:1:33: lists and mappings are nested more than 32 deep; flatten them\n"
        f"    {'[' * 40 + ']' * 40}\n"
        f"    {' ' * 32}^\n",
    ),
]


@pytest.mark.parametrize(("name", "code", "message"), UNREADABLE, ids=lambda value: str(value)[:20])
def test_a_file_that_is_no_spec_has_one_message(folder: Path, name: str, code: int, message: str) -> None:
    done = run("build", name, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr, (folder / "output").exists()) == (code, "", message, False)


def test_anchors_that_would_explode_are_told_by_name_and_never_followed(folder: Path) -> None:
    done = run("show", "bomb.yaml", cwd=folder)
    told = re.findall(r"(?m)^bomb\.yaml:(\d+):(\d+): .*? such as '(.*?)' are not supported; .*$", done.stderr)
    assert (done.returncode, told, done.stderr.splitlines()[-1]) == (
        1,
        [("1", "4", "&a"), ("2", "4", "&b")],
        "2 problems",
    )


def test_too_many_values_stop_the_reading(folder: Path) -> None:
    done = run("show", "many.yaml", cwd=folder)
    assert (done.returncode, done.stderr.splitlines()[0].partition(": ")[2]) == (
        1,
        "the text contains more than 200,000 keys and values; split it",
    )


def test_stdin_that_is_closed_is_named() -> None:
    command = f"{sys.executable} -m flopsheet show - <&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (2, "cannot read '<stdin>': it is closed; check the path\n")


ARGUMENTS = [
    (["bulid"], "no command is called 'bulid'; did you mean 'build'?\n"),
    (
        ["xyz"],
        f"no command is called 'xyz'; known: {', '.join(MODULES)}\n",
    ),
    (
        ["show", "--fromat", "json"],
        HINT.format("show", "[OPTIONS] [SPEC]...") + "No such option '--fromat'. Did you mean '--format'?\n",
    ),
    (
        ["show", "--format", "xml"],
        HINT.format("show", "[OPTIONS] [SPEC]...")
        + "Invalid value for '--format': 'xml' is not one of 'table', 'json', 'csv', 'md', 'html', 'parquet'.\n",
    ),
    (["explain"], HINT.format("explain", "[OPTIONS] METRIC [SPEC]...") + "Missing argument 'METRIC'.\n"),
    (
        ["explain", "n_params", GPT2, "--context", "1k"],
        HINT.format("explain", "[OPTIONS] METRIC [SPEC]...")
        + "Invalid value for '--context': '1k' is not a valid integer.\n",
    ),
    (["import"], HINT.format("import", "[OPTIONS] CONFIG") + "Missing argument 'CONFIG'.\n"),
    (["init", "a", "b"], HINT.format("init", "[OPTIONS] [DIR]") + "Got unexpected extra argument (b)\n"),
    (
        ["init", "--template", "gpt2", "--from-config", "config.json"],
        HINT.format("init", "[OPTIONS] [DIR]") + "--template and --from-config cannot go together.\n",
    ),
    (["init", "--name", "x"], HINT.format("init", "[OPTIONS] [DIR]") + "--name goes with --from-config.\n"),
    (["build", GPT2, "-o"], "Error: Option '-o' requires an argument.\n"),
    (["build", "-", "--watch"], "stdin cannot be watched; give the spec as a file\n"),
    (
        ["build"],
        "no spec is named, and there is no 'flopsheet.yaml' here; name one, or write one with 'flopsheet init'\n",
    ),
    (
        ["show", GPT2, "--format", "parquet", "-o", f"{LONG}/"],
        f"cannot write '{LONG}': file name too long; choose a shorter name with -o\n",
    ),
    (["explain", "FS999"], "no diagnostic has the code FS999; list them with 'flopsheet list diagnostics'\n"),
    (["import", "none.json"], "cannot read 'none.json': no such file or directory; check the path\n"),
    (
        ["explain", "flops_forwards", GPT2],
        "no metric is called 'flops_forwards'; did you mean 'flops_forward'?\n",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS, ids=lambda value: " ".join(value)[:30])
def test_an_argument_that_is_wrong_has_one_message(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr, list(tmp_path.iterdir())) == (2, "", message, [])


TARGETS = [
    (
        "none/o.xlsx",
        "cannot write 'none/o.xlsx': no such file or directory; "
        "make the folder first, or choose another file with -o\n",
    ),
    ("folder", "cannot write 'folder': it is a directory; name a file in it with -o\n"),
    ("empty.yaml/o.xlsx", "cannot write 'empty.yaml/o.xlsx': not a directory; choose another file with -o\n"),
    ("full.xlsx", "cannot write 'full.xlsx': it is not a regular file; choose another file with -o\n"),
    (f"{LONG}.xlsx", f"cannot write '{LONG}.xlsx': file name too long; choose a shorter name with -o\n"),
    ("twice.yaml", "'twice.yaml' does not end in .xlsx; write -o twice.xlsx\n"),
    ("v1.5/book", "'v1.5/book' does not end in .xlsx; write -o v1.5/book.xlsx\n"),
    (".book", "'.book' does not end in .xlsx; write -o .book.xlsx\n"),
    ("-", "a workbook cannot be written to stdout; name a file with -o, such as -o review.xlsx\n"),
]


@pytest.mark.parametrize(("target", "message"), TARGETS, ids=lambda value: value[:20])
def test_a_target_that_cannot_be_written_has_one_message(folder: Path, target: str, message: str) -> None:
    before = sorted(folder.rglob("*"))
    done = run("build", GPT2, "-o", target, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr, sorted(folder.rglob("*"))) == (2, "", message, before)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook that pull can read."""
    target = tmp_path_factory.mktemp("book") / "book.xlsx"
    assert run("build", GPT2, "-o", str(target), "-q").returncode == 0
    return target


MINE = "version: 1\n# mine\n"

# A command, and what it says of a file that is there and that it must not replace.
KEPT = [
    (["show", GPT2, "mine.yaml", "--format", "csv", "-o", "mine.yaml"], "a file that this command reads"),
    (["show", GPT2, "mine.yaml", "--format", "json", "-o", "./folder/../mine.yaml"], "a file that this command reads"),
    (["pull", "{book}", "-o", "mine.yaml"], "already exists and is not a patch of 'flopsheet pull'"),
]


@pytest.mark.parametrize(("arguments", "fact"), KEPT)
def test_a_file_of_the_author_is_never_replaced(folder: Path, book: Path, arguments: list[str], fact: str) -> None:
    (folder / "mine.yaml").write_text(MINE)
    done = run(*(argument.format(book=book) for argument in arguments), cwd=folder)
    is_there = f"'{arguments[-1]}' is {fact}" if fact.startswith("a ") else f"'{arguments[-1]}' {fact}"
    assert (done.returncode, done.stderr, (folder / "mine.yaml").read_text()) == (
        2,
        f"{is_there}; choose another file with -o\n",
        MINE,
    )


def test_a_patch_is_replaced_by_the_next_one(folder: Path, book: Path) -> None:
    done = [run("pull", str(book), "-o", "patch.yaml", cwd=folder) for _ in range(2)]
    assert ([one.returncode for one in done], (folder / "patch.yaml").read_text().splitlines()[-1]) == ([0, 0], "{}")


def test_stdin_is_not_edited_in_place(book: Path) -> None:
    done = run("pull", str(book), "--write", "-")
    assert (done.returncode, done.stderr) == (
        2,
        "stdin cannot be edited in place; name the spec's file after --write, or write a patch with -o\n",
    )


def test_the_default_folder_that_is_a_file_has_one_message(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("mine")
    done = run("build", GPT2, cwd=tmp_path)
    assert (done.returncode, done.stderr, (tmp_path / "output").read_text()) == (
        2,
        "cannot write 'output': it is not a folder; move it away, or choose another file with -o\n",
        "mine",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_target_without_permission_has_one_message(tmp_path: Path, what: str) -> None:
    target = tmp_path / "o.xlsx"
    target.write_bytes(b"old")
    (target if what == "file" else tmp_path).chmod(0o555)
    done = run("build", GPT2, "-o", str(target))
    tmp_path.chmod(0o755)
    reason = "it is read-only" if what == "file" else "permission denied"
    assert (done.returncode, done.stderr, target.read_bytes()) == (
        2,
        f"cannot write '{target}': {reason}; close it in other programs, or choose another file with -o\n",
        b"old",
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; skipped where none may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "flopsheet-test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_keeps_the_old_workbook_and_leaves_no_half_of_the_new_one(small_disk: Path) -> None:
    target = small_disk / "o.xlsx"
    target.write_bytes(b"old")
    done = run("build", GPT2, "-o", str(target))
    assert (done.returncode, done.stderr, [path.name for path in small_disk.iterdir()], target.read_bytes()) == (
        2,
        f"cannot write '{target}': no space left on device; make room, or choose another file with -o\n",
        ["o.xlsx"],
        b"old",
    )


def test_a_file_that_may_not_grow_keeps_the_old_workbook(tmp_path: Path) -> None:
    target = tmp_path / "o.xlsx"
    target.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-m", "flopsheet", "build", GPT2, "-o", str(target)],
        capture_output=True,
        text=True,
        env=environment({"PYTHONDONTWRITEBYTECODE": "1"}),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
        check=False,
    )
    assert (done.returncode, done.stderr, [path.name for path in tmp_path.iterdir()], target.read_bytes()) == (
        2,
        f"cannot write '{target}': file too large; make room, or choose another file with -o\n",
        ["o.xlsx"],
        b"old",
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["show", GPT2], ["show", GPT2, "--format", "json"], ["schema"], ["--help"]])
def test_results_that_cannot_be_written_have_one_message(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flopsheet", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "cannot write to stdout: no space left on device\n")


def test_one_misspelled_name_is_told_once_however_many_claims_repeat_it(tmp_path: Path) -> None:
    text = Path(GPT2).read_text(encoding="utf-8").replace("  gpt2-xl: ", "  gpt2-xll:").replace("extends: gpt2-xl,", "")
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    told = run("validate", "s.yaml", cwd=tmp_path).stderr
    assert told.count("no model is called 'gpt2-xl'") == 1


def test_no_models_is_one_mistake_whatever_is_expected_of_them() -> None:
    done = run("show", GPT2, "--set", "models={}")
    assert done.stderr == ("--set:1:8: models: there are no entries; write at least one\n    models={}\n           ^\n")
