"""After the stories of a reviewer's edits `pull` and `diff` say what somebody pastes into a pull request."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import run
from flopsheet.api import Report, build
from review_helpers import type_into
from studies import SPECS
from test_change_stories import LLAMA, STORIES, edits_of

# Name of the story → what `pull` says, then the lines of the results of `diff`. A margin of 38 % that becomes −94 % is
# 132 percentage points less; 15.5 of 15 T tokens are 3.33 % more.
TOLD = {
    "a run stops fitting": (
        "training.pretraining.micro_batch_size: 1 → 4\n",
        [
            "| `pretraining` | Fits | yes | no |  |",
            "| `pretraining` | Memory of one device | 49.33 GiB | 154.47 GiB | +213.16 % |",
            "| `pretraining` | Margin | 38.07 % | -93.94 % | -132.01 pp |",
            "| `pretraining` | Predicted days, P10 to P90 | 410.8 to 517.5 | 398.7 to 502.3 |  |",
        ],
    ),
    "a budget breaks": (
        "training.pretraining.n_tokens: 15000000000000 → 15500000000000\n",
        [
            "| `pretraining` | Time | 412 day | 426 day | +3.33 % |",
            "| `pretraining` | Predicted days, P10 to P90 | 410.8 to 517.5 | 424.5 to 534.7 |  |",
            "| `pretraining` | Device-hours | 5,068,674 h | 5,237,630 h | +3.33 % |",
            "| `pretraining` | Cost | 12,671,684 USD | 13,094,074 USD | +3.33 % |",
            "| `pretraining` | Energy | 3,903 MWh | 4,033 MWh | +3.33 % |",
        ],
    ),
}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    path = tmp_path_factory.mktemp("commands") / "book.xlsx"
    return path, build(SPECS / f"{LLAMA}.yaml", path)


@pytest.mark.parametrize("story", TOLD)
def test_pull_and_diff_tell_the_story(story: str, book: tuple[Path, Report], tmp_path: Path) -> None:
    path, report = book
    edited = type_into(path, edits_of(report, STORIES[story][1]), tmp_path / "edited.xlsx")
    pulled, compared = run("pull", str(edited)), run("diff", str(path), str(edited), "--format", "md")
    results = compared.stdout.partition("### Results")[2].splitlines()[4:]
    assert (pulled.stdout, [line for line in results if line]) == TOLD[story]
