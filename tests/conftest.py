"""What all tests share: the engines that recompute a workbook, and what happens where LibreOffice is missing."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

import kept
from engines import has_libreoffice, recalculate_ironcalc, recalculate_libreoffice
from formualizer_engine import recalculate_formualizer

# Without the phase that explains: it traces every line, and a failing law then takes minutes to be told.
settings.register_profile("told at once", phases=[phase for phase in Phase if phase is not Phase.explain])
settings.load_profile("told at once")

GOLDEN = Path(__file__).with_name("golden")

gc.set_threshold(200_000, 20, 100)  # the command collects rarely too: it takes a quarter of the time of a plan


def pytest_configure(config: pytest.Config) -> None:
    shared = kept.folder_for_all()
    shared.__enter__()
    config.add_cleanup(lambda: shared.__exit__(None, None, None))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the texts in tests/golden anew")
    parser.addoption(
        "--no-golden",
        action="store_true",
        help="leave out what holds generated text against a copy: that says what changed, not what is wrong",
    )


@pytest.fixture
def golden(request):
    """golden(name, text): hold a text against the file of that name, or write the file with --update-golden."""

    def hold(name, text):
        if request.config.getoption("update_golden"):
            GOLDEN.mkdir(exist_ok=True)
            (GOLDEN / name).write_text(text, encoding="utf-8")
        assert text.splitlines() == (GOLDEN / name).read_text(encoding="utf-8").splitlines()

    return hold


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that need LibreOffice where it is missing; on CI its absence would hide a failure, so it is one."""
    is_golden = "golden" in getattr(item, "fixturenames", ()) or item.get_closest_marker("golden")
    if is_golden and item.config.getoption("no_golden"):
        pytest.skip("--no-golden")
    if item.get_closest_marker("libreoffice") and not has_libreoffice():
        complaint = "LibreOffice or its Python bridge is not installed (Debian: libreoffice-calc, python3-uno)"
        if os.environ.get("CI") == "true":
            pytest.fail(complaint, pytrace=False)
        pytest.skip(complaint)


@pytest.fixture(
    params=[
        pytest.param(recalculate_ironcalc, id="ironcalc"),
        pytest.param(recalculate_formualizer, id="formualizer"),
        pytest.param(recalculate_libreoffice, id="libreoffice", marks=pytest.mark.libreoffice),
    ]
)
def recalculate(request):
    """Each engine in turn: recalculate(path, edits, cells)."""
    return request.param


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(recalculate_ironcalc, id="ironcalc"),
        pytest.param(recalculate_formualizer, id="formualizer"),
        pytest.param(recalculate_libreoffice, id="libreoffice", marks=pytest.mark.libreoffice),
    ],
)
def spreadsheet(request, tmp_path_factory):
    """What an engine computes from every spreadsheet text of the tests of formulas."""
    from formula_cases import recomputed

    return recomputed(request.param, tmp_path_factory.mktemp("formulas") / "formulas.xlsx")
