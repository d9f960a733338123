"""After the stories of a reviewer's edits `pull`, `diff` and `check` say what somebody pastes into a pull request."""

from __future__ import annotations

import functools
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from books import book_of
from commands import run
from engines import recalculate_libreoffice
from flopsheet.api import Report
from review_helpers import type_into
from studies import SPECS
from test_change_stories import GPT, LLAMA, STORIES, edits_of

EDITED = [name for name, (_, edits, _) in STORIES.items() if edits]
# Name of the story → lines that `pull` and `diff` say beside others. By hand, as in test_change_stories: a margin of
# 37.8 % that becomes −95.0 % is 132.8 points less; 15.5 of 15 T tokens are 3.33 % more; 412.5 · 989.4 / 312 is 1,308 d.
TOLD = {
    "a run stops fitting": [
        "  pretraining: no longer fits, memory of one device 49.54 → 155.3 GiB (3.1×), "
        "margin 37.8 → −95.0 % (−132.8 pp)",
        "| `pretraining fits` | yes | no |",
        "| `pretraining` | Memory of one device | 49.54 GiB | 155.3 GiB | 3.1× |",
        "| `pretraining` | Margin | 37.8 % | −95.0 % | −132.8 pp |",
    ],
    "a budget breaks": [
        "| `training.pretraining.n_tokens` | 15 T | 15.5 T | +3.3 % |",
        "| `pretraining.days equals 412` | met | not met: 426 |",
        "| `pretraining` | Cost | 12.67 M USD | 13.09 M USD | +3.3 % |",
    ],
    "a price vanishes": [
        "| `pretraining-fsdp` | Cost | 12.67 M USD | no price |  |",
        "| `pretraining-fsdp` | Time | 412.5 days | 1,308 days | 3.2× |",
    ],
    "a width that heads do not divide": [
        "* B: ✘ 3 of N checks fail; gpt2-xl: n\\_heads 25 does not divide d\\_model 2,048."
        " ✘ 18 of 22 expected figures not matched.",
        "| `gpt2-xl` | Parameters | 2.127 B | 3.427 B | +61 % |",
    ],
    "a context edited in place, and five inputs more": [
        "| `context_lengths[0]` | 1,024 | 2,048 | 2× |",
        "| `gpt2-xl at 2,048 (was 1,024)` | Forward pass | 3.507 TFLOP | 9.671 TFLOP | 2.8× |",
    ],
}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Report]]:
    folder = tmp_path_factory.mktemp("commands")
    shared = {study: book_of(SPECS / f"{study}.yaml") for study in (LLAMA, GPT)}
    return {study: (shutil.copy(book.path, folder / f"{study}.xlsx"), book.report) for study, book in shared.items()}


def told(command: str, *names: str, cwd: Path) -> str:
    """What a command says on both streams; how many cells and checks there are changes with every new input."""
    done = run(command, *names, cwd=cwd)
    text = re.sub(r"[\d,]+ (formula cells|checks)", r"N \1", done.stdout)
    return f"$ flopsheet {' '.join((command, *names))}\n{text}{done.stderr}"


def said(folder: Path, study: str) -> str:
    return told("pull", "edited.xlsx", cwd=folder) + told(
        "diff", f"{study}.xlsx", "edited.xlsx", "--format", "md", cwd=folder
    )


@pytest.fixture(scope="module")
def typed(books: dict[str, tuple[Path, Report]]) -> Callable[[str], str]:
    """What is said of a story whose edits were typed into the file, where nothing recalculated it."""

    @functools.cache
    def of(story: str) -> str:
        study, edits, _ = STORIES[story]
        path, report = books[study]
        type_into(path, edits_of(report, edits), path.with_name("edited.xlsx"))
        return said(path.parent, study)

    return of


def test_pull_and_diff_tell_each_story(typed: Callable[[str], str], golden: Any) -> None:
    texts = {story: typed(story) for story in EDITED}
    missing = {story: [line for line in TOLD[story] if line not in texts[story].splitlines()] for story in EDITED}
    assert not any(missing.values()), missing
    golden("review.txt", "\n".join(f"=== {story}\n\n{text}" for story, text in texts.items()))


# In other words and figures, test_change_stories has LibreOffice tell all of them on the Summary; saving takes longest.
RECALCULATED = [story for story in EDITED if STORIES[story][0] == GPT or story == "a run stops fitting"]


@pytest.mark.libreoffice
@pytest.mark.parametrize("study", [LLAMA, GPT])
def test_the_stories_are_told_alike_after_a_spreadsheet_program_recalculated_them(
    study: str, books: dict[str, tuple[Path, Report]], typed: Callable[[str], str], tmp_path: Path
) -> None:
    path, report = books[study]
    stories = [story for story in RECALCULATED if STORIES[story][0] == study]
    edits = [edits_of(report, STORIES[story][1]) for story in stories]
    saves = [(tmp_path / f"{at}.xlsx", None) for at in range(len(stories))]
    recalculate_libreoffice(path, edits, [("Summary", "A4")], saves=saves)
    for story, typing, (saved, _) in zip(stories, edits, saves, strict=True):
        wanted = typed(story)
        saved.rename(path.with_name("edited.xlsx"))
        checked = told("check", "edited.xlsx", cwd=path.parent).splitlines()
        count = len(typing)
        differ = f"{count} {'input differs' if count == 1 else 'inputs differ'} from the spec"
        own = [line for line in TOLD[story] if line.startswith("* B: ")]
        verdicts = [f"the workbook's own verdict: {line[5:]}".replace("\\", "") for line in own]
        assert (said(path.parent, study), checked[1:]) == (
            wanted,
            [f"N formula cells compared, all agree with pandas; {differ}", *verdicts],
        )
