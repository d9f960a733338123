"""The page of a report: complete by itself, nothing of a spec becomes markup, a browser has nothing to complain of."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import flopsheet
from commands import run
from flopsheet.output.html import to_page
from studies import SPECS

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
VOID = {"meta", "rect", "line"}
EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(1)>"
RUNS: dict[str, Any] = {
    "version": 1,
    "title": EVIL,
    "context_lengths": [8192],
    "models": {"m": {"model": "llama-3-70b"}},
    "training": {"a&b <i>": {"model": "m", "context_length": 8192, "n_devices": 8, "hardware": "h100-sxm"}},
    "serving": {"c": {"model": "m", "prompt_length": 2048, "generated_length": 64, "hardware": "mi300x"}},
    "expect": [{"that": "m.n_params", "at_most": 1e9, "note": "<b>note</b>"}],
}


class Reader(HTMLParser):
    """The elements of a page, each with its attributes; what is opened is closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@functools.cache
def page_of(name: str) -> str:
    """The page of RUNS, or of a spec that ships."""
    return to_page(flopsheet.compute(RUNS if name == "evil" else SPECS / f"{name}.yaml"))


@pytest.mark.parametrize("name", ["evil", "gpt2", "deepseek-v3"])
def test_a_page_loads_nothing_runs_nothing_and_closes_every_element(name: str) -> None:
    text = page_of(name)
    page = Reader(text)
    tags = {tag for tag, _ in page.found}
    loading = [attributes for _, attributes in page.found if attributes.keys() & {"src", "href", "onerror", "onload"}]
    assert (tags & {"script", "img", "link", "iframe"}, loading) == (set(), [])
    assert (page.open, page.wrong, re.findall(r"url\(|@import", text)) == ([], [], [])


def test_no_text_of_a_spec_becomes_markup() -> None:
    text = page_of("evil")
    assert ("<script" in text, "a&b <i>" in text, "<b>note" in text) == (False, False, False)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text and "a&amp;b &lt;i&gt;" in text


def test_the_page_says_first_what_does_not_fit() -> None:
    page = page_of("published-step-times")
    [verdict] = re.findall(r'<p class="verdict (\w+)">([^<:]*)', page)
    assert verdict == ("bad", "✘ 2 of 2 runs do not fit, the first")
    assert page.index("verdict bad") < page.index("<table")


def test_a_verdict_without_runs_has_its_mark_too() -> None:
    assert '<p class="verdict good">✔ All ' in page_of("gpt2")


def test_the_tables_of_runs_say_on_what_each_runs() -> None:
    page = page_of("llama3-70b-512xh100")
    assert '<tr><th class="text">pretraining</th><td class="text long">512 h100-sxm, 8,192 tokens</td>' in page
    served = "8 h100-sxm, 64 sequences of 2,048 + 512 tokens"
    assert f'<tr><th class="text">chat</th><td class="text long">{served}</td>' in page


def test_a_chart_of_the_first_runs_says_how_many_there_are() -> None:
    run = RUNS["training"]["a&b <i>"]
    data = {**RUNS, "training": {f"r{number}": run for number in range(14)}}
    [title] = re.findall(r"<figcaption>(Training: memory[^<]*)<", to_page(flopsheet.compute(data)))
    assert title == "Training: memory of the fullest device against its capacity, the first 12 of 14"


def test_the_command_writes_the_page_to_a_file(tmp_path: Path) -> None:
    done = run("show", str(SPECS / "gpt2.yaml"), "--format", "html", "-o", str(tmp_path / "report.html"))
    assert (done.returncode, (tmp_path / "report.html").read_text(encoding="utf-8")[:15]) == (0, "<!doctype html>")


SEARCHED = {
    "version": 1,
    "title": "s",
    "context_lengths": [2048],
    "models": {"m": {"model": "gpt2-xl"}},
    "search": {
        "fastest": {
            "model": "m", "hardware": "h100-sxm", "n_devices": 8, "context_length": 2048, "global_batch_size": 64,
            "n_tokens": "1B", "vary": {"zero_stage": [0, 1]},
        }
    },
}  # fmt: skip
SAYS = "This study has a search; flopsheet search SPEC, or the workbook, shows its layouts."


def test_the_command_writes_a_page_of_the_layouts_that_a_search_finds(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(SEARCHED), encoding="utf-8")
    page = run("show", str(tmp_path / "s.json"), "--format", "html").stdout
    assert ("<b>fastest 1</b>" in page, SAYS in page) == (True, False)


@pytest.mark.parametrize("style", ["table", "md"])
def test_a_table_of_a_study_with_a_search_says_where_its_layouts_are(style: str, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(json.dumps(SEARCHED), encoding="utf-8")
    assert SAYS in " ".join(run("show", str(tmp_path / "s.json"), "--format", style).stdout.split())


def test_a_page_of_a_search_that_was_not_run_says_where_its_layouts_are() -> None:
    page = to_page(flopsheet.compute(SEARCHED))
    assert page.index(SAYS) < page.index("<table")


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_has_nothing_to_complain_of_and_nothing_sticks_out_of_the_page(width: int, tmp_path: Path) -> None:
    # What sticks out is told by a probe that the test adds to its copy: a page of ours has no script.
    probe = "<script>document.title = document.documentElement.scrollWidth <= innerWidth ? 'narrow' : 'wide'</script>"
    page = page_of("llama3-70b-512xh100").replace("</body>", f"{probe}</body>")
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900", "--enable-logging=stderr", "--dump-dom", (tmp_path / "report.html").as_uri(),
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert (complaints, re.findall(r"<title>(\w+)</title>", done.stdout)[0]) == ([], "narrow")
