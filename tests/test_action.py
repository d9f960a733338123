"""The shipped action: what a pull request changes is one comment that is updated, and budgets that break fail it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from commands import environment
from studies import SPECS

ROOT = SPECS.parent
STUDY = """\
version: 1
context_lengths: [1024]
models:
  a: {{n_layers: 2, d_model: {width}, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 256}}
expect:
- {{that: a.n_params, at_most: 200000, note: budget}}
- {{that: a.n_params, at_most_change: 20 %}}
- {{that: a.weight_gib, at_most_change: 10 %, level: warn}}
"""
# The tool with which the action writes: it keeps one comment in a file, and what was asked of it in another.
GH = """\
#!/bin/sh
echo "$1 $2 $3" >> "$STATE.log"
case "$*" in
  *--paginate*) [ ! -e "$STATE" ] || echo 7 ;;
  *POST*|*PATCH*) for word; do case "$word" in body=@*) cp "${word#body=@}" "$STATE" ;; esac; done ;;
  *DELETE*) rm "$STATE" ;;
esac
"""


def steps() -> dict[str, str]:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return {step["name"]: step["run"] for step in action["runs"]["steps"]}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A repository with one study in it, and the tools of a runner."""
    tools, folder = tmp_path / "tools", tmp_path / "work"
    tools.mkdir()
    commands = {"gh": GH, "flopsheet": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m flopsheet "$@"\n'}
    for name, text in commands.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (folder / "specs").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    commit(folder, 64)
    return folder


def commit(folder: Path, width: int) -> None:
    (folder / "specs" / "study.yaml").write_text(STUDY.format(width=width), encoding="utf-8")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(folder), *author, "commit", "-q", "--allow-empty", "-m", "a"], check=True)


def push(folder: Path, width: int) -> tuple[int, str, list[str], str | None]:
    """A push to the pull request: the exit code and output of the budgets, what was asked of gh, and the comment."""
    commit(folder, width)
    first = subprocess.check_output(["git", "-C", str(folder), "rev-list", "--max-parents=0", "HEAD"], text=True)
    state = folder.parent / "comment"
    more = {
        "PATH": f"{folder.parent / 'tools'}:{os.environ['PATH']}",
        "BASE": first.strip(),
        "SPECS": "specs/*.yaml",
        "GITHUB_STEP_SUMMARY": str(folder.parent / "summary"),
        "GITHUB_REPOSITORY": "us/models",
        "RUNNER_TEMP": str(folder.parent),
        "NUMBER": "3",
        "STATE": str(state),
    }
    (folder.parent / "comment.log").write_text("")
    for name in ("What changes", "One comment", "Budgets hold"):
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", steps()[name]]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment(more), check=False)
        assert name == "Budgets hold" or (done.returncode, done.stderr) == (0, ""), (name, done)
    asked = [line for line in (folder.parent / "comment.log").read_text().splitlines() if "-X" in line]
    return done.returncode, done.stdout, asked, state.read_text(encoding="utf-8") if state.exists() else None


def test_a_pull_request_has_one_comment_that_follows_its_pushes(work: Path) -> None:
    # By hand: 2·100·D + 2·(4·D² + 2·D·256 + 2·D) + D; D of 64: 111,424, of 68: 120,564 (+8.2 %), of 72: 129,960
    # (+16.6 %), of 104: 214,344 (+92 %).
    pushes = [push(work, width) for width in (64, 68, 72, 104, 64)]
    codes, outputs, asked, comments = zip(*pushes, strict=True)
    assert (codes, [[line.split()[2] for line in lines] for lines in asked], [one is None for one in comments]) == (
        (0, 0, 0, 1, 0),
        [[], ["POST"], ["PATCH"], ["PATCH"], ["DELETE"]],
        [True, False, False, False, True],
    )
    levels = [[line.partition(" ")[0] for line in output.splitlines()] for output in outputs]
    assert levels == [[], [], ["::warning"], ["::error", "::error", "::warning"], []]


def test_the_comment_begins_with_the_verdicts(work: Path) -> None:
    code, output, _, comment = push(work, 80)  # 149,520 (+34 %)
    assert comment is not None
    lines = comment.splitlines()
    at = lines.index("### Verdicts")
    levels = [line.partition(" ")[0] for line in output.splitlines()]
    assert (code, levels, lines[:4], lines[at + 4 : at + 6], "| `models.a.d_model` | 64 | 80 | +25 % |" in lines) == (
        1,
        ["::error", "::warning"],
        ["<!-- flopsheet -->", "A is the base, B this pull request.", "", "## specs/study.yaml"],
        [
            "| `a.n_params a change of at most +20 %` | – | not met: 149,520 |",
            "| `a.weight_gib a change of at most +10 %` | – | warning: 0.00 |",
        ],
        True,
    )


def test_a_spec_that_cannot_be_read_fails_without_a_comment(work: Path) -> None:
    code, told, asked, comment = push(work, 0)
    assert (code, told.startswith("::error file=specs/study.yaml,line=4"), asked, comment) == (1, True, [], None)


def test_the_example_uses_the_action_with_inputs_that_it_has() -> None:
    workflow = yaml.safe_load((ROOT / "docs" / "examples" / "budget.yaml").read_text(encoding="utf-8"))
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    used = [step.get("with", {}) for step in workflow["jobs"]["budget"]["steps"] if "flopsheet" in step["uses"]]
    assert [set(one) <= set(action["inputs"]) for one in used] == [True]
