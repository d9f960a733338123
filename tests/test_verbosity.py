"""What a command says beside its result, what it says on a terminal, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import click
import pytest

from commands import ROOT, environment, run
from flopsheet import __version__
from flopsheet.cli.commands import MODULES, commands

GPT2 = str(ROOT / "specs" / "gpt2.yaml")
BAD = "version: 2\ncontext_lengths: [8]\nmodels: {a: {}}\n"


def test_quiet_says_nothing_where_nothing_is_wrong(tmp_path: Path) -> None:
    built = run("build", GPT2, "-o", str(tmp_path / "o.xlsx"), "--quiet")
    checked = run("validate", GPT2, "-q")
    assert [(done.returncode, done.stdout, done.stderr) for done in (built, checked)] == [(0, "", "")] * 2


def test_quiet_still_says_what_is_wrong(tmp_path: Path) -> None:
    text = Path(GPT2).read_text(encoding="utf-8").replace("equals: 2127057600", "equals: 2127057601")
    (tmp_path / "wrong.yaml").write_text(text, encoding="utf-8")
    done = run("build", "wrong.yaml", "-q", cwd=tmp_path)
    assert (done.returncode, done.stdout, re.sub(r"^wrong\.yaml:\d+:\d+: ", "", done.stderr)) == (
        1,
        "",
        "expected figure not matched: gpt2-xl.n_params is 2,127,057,600, expected 2,127,057,601 (-4.7e-08 %):"
        " published\n"
        "21 of 22 expectations hold\n",
    )


def test_what_is_unusual_is_noted_and_nothing_fails(tmp_path: Path) -> None:
    spec = """
        version: 1
        context_lengths: [1024]
        models: {m: {model: llama-3-8b}}
        training: {t: {model: m, hardware: h100-sxm, context_length: 1024, global_batch_size: 8, n_tokens: 500}}
    """
    (tmp_path / "tiny.yaml").write_text(textwrap.dedent(spec), encoding="utf-8")
    done = run("validate", "tiny.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        0,
        "note: t: n_tokens 500 is less than one step, whose batch has 8,192 tokens;"  # 8 sequences of 1,024
        " write the tokens of the whole run, such as n_tokens: 15T\n",
    )


def test_verbose_names_each_step_and_its_time_on_stderr(tmp_path: Path) -> None:
    done = run("build", GPT2, "-o", "o.xlsx", "-v", cwd=tmp_path)
    assert re.fullmatch(
        r"read: \d+\.\d\d s\ncomputed: \d+\.\d\d s\nwritten o\.xlsx: \d+\.\d\d s\n22 of 22 expectations hold\n",
        done.stderr,
    )


def test_the_version_is_one_line() -> None:
    assert run("--version").stdout == f"flopsheet, version {__version__}\n"


def on_a_terminal(*arguments: str, more: dict[str, str], cwd: Path) -> str:
    """What a command writes to a terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "flopsheet", *arguments]
    settings = {key: value for key, value in environment().items() if key != "NO_COLOR"} | {"TERM": "xterm"} | more
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=settings, cwd=cwd) as process:
        os.close(its)
        written = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the terminal's other end is closed
                break
            if not part:
                break
            written += part
        process.wait()
    os.close(ours)
    return written.decode()


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_shows_carets_in_colour_unless_it_is_asked_not_to(
    tmp_path: Path, more: dict[str, str], coloured: bool
) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert ("\x1b[31m" in on_a_terminal("validate", "bad.yaml", more=more, cwd=tmp_path)) == coloured


def test_a_table_on_a_terminal_has_no_colour_where_that_is_asked() -> None:
    shown = on_a_terminal("show", "specs/gpt2.yaml", more={"NO_COLOR": "1"}, cwd=ROOT)
    assert (re.findall(r"\x1b\[[0-9;]*3[0-7]m", shown), "gpt2-xl" in shown) == ([], True)


def test_outside_a_terminal_nothing_is_coloured(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    assert "\x1b" not in run("validate", "bad.yaml", cwd=tmp_path).stderr


@pytest.mark.parametrize("name", MODULES)
def test_the_help_of_every_command_has_an_example_of_it(name: str) -> None:
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    examples = re.findall(rf"(?m)^ *flopsheet {name}\b.*$", command.help or "")
    first = (command.help or "").splitlines()[0]
    assert (examples != [], first.endswith("."), len(first) <= 58) == (True, True, True)


def test_every_option_and_command_says_what_it_is_for() -> None:
    silent = []
    for name in MODULES:
        command = commands.get_command(click.Context(commands), name)
        assert command is not None
        silent += [
            f"{name} {parameter.name}"
            for parameter in command.params
            if isinstance(parameter, click.Option)
            and not parameter.help
            and not isinstance(parameter.type, click.Choice)
        ]
    assert silent == []


def test_a_shell_completes_commands_options_and_metrics() -> None:
    found = []
    for words in ("flopsheet bu", "flopsheet show --form", "flopsheet explain kv_cache_gi"):
        more = {"_FLOPSHEET_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        found.append(run(more=more).stdout.splitlines())
    assert (found[0], found[1], "plain,kv_cache_gib" in found[2]) == (["plain,build"], ["plain,--format"], True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    done = run(more={"_FLOPSHEET_COMPLETE": f"{shell}_source"})
    assert (done.returncode, "_FLOPSHEET_COMPLETE" in done.stdout) == (0, True)


def heed_ctrl_c() -> None:
    """A shell that runs the tests in the background has them, and whatever they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Watched:
    """A build that watches, and what it has said so far."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.log = folder / "log"
        command = [sys.executable, "-m", "flopsheet", "build", *arguments, "--watch"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment(), cwd=folder, preexec_fn=heed_ctrl_c
            )

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def wait(self, times: int) -> str:
        """What was said once it has built so many times."""
        for _ in range(600):
            if self.said().count("Ctrl-C ends") >= times:
                break
            time.sleep(0.05)
        return self.said()


def test_a_watched_spec_is_built_again_on_every_save_until_ctrl_c(tmp_path: Path) -> None:
    spec = tmp_path / "s.yaml"
    text = Path(GPT2).read_text(encoding="utf-8")
    text = text[: text.index("expect:")]
    spec.write_text(text, encoding="utf-8")
    watched = Watched(tmp_path, "s.yaml", "-o", "o.xlsx")
    try:
        watched.wait(1)
        first = (tmp_path / "o.xlsx").read_bytes()
        spec.write_text("version: 1\n", encoding="utf-8")
        told = watched.wait(2)
        kept = (tmp_path / "o.xlsx").read_bytes()
        (tmp_path / "new.yaml").write_text(text.replace("n_layers: 48", "n_layers: 47"), encoding="utf-8")
        (tmp_path / "new.yaml").replace(spec)  # as editors save
        watched.wait(3)
        last = (tmp_path / "o.xlsx").read_bytes()
    finally:
        watched.process.send_signal(signal.SIGINT)
    code = watched.process.wait(10)
    assert (code, "models is missing" in told, first == kept, first == last, "Traceback" in watched.said()) == (
        0,
        True,
        True,
        False,
        False,
    )


def test_stdin_cannot_be_watched() -> None:
    done = run("build", "-", "--watch")
    assert (done.returncode, done.stderr) == (2, "stdin cannot be watched; give the spec as a file\n")


def test_ctrl_c_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flopsheet", "show", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stderr=pipe, env=environment(), preexec_fn=heed_ctrl_c) as process:
        time.sleep(3)  # it must have been imported, on a busy machine too
        process.send_signal(signal.SIGINT)
        stderr = process.communicate()[1]
    assert (process.returncode in {130, -signal.SIGINT}, stderr) == (True, b"\n")  # a shell says 130 for both


def test_a_reader_that_stops_early_is_no_mistake() -> None:
    command = f"{sys.executable} -m flopsheet show {GPT2} --format json | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment(), check=False)
    assert (done.stdout, done.stderr) == ("{\n", "")
