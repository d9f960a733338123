"""What all tests share: the engines that recompute a workbook, and what happens where LibreOffice is missing."""

from __future__ import annotations

import os

import pytest

from engines import has_libreoffice, recalculate_ironcalc, recalculate_libreoffice


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that need LibreOffice where it is missing; on CI its absence would hide a failure, so it is one."""
    if item.get_closest_marker("libreoffice") and not has_libreoffice():
        complaint = "LibreOffice or its Python bridge is not installed (Debian: libreoffice-calc, python3-uno)"
        if os.environ.get("CI") == "true":
            pytest.fail(complaint, pytrace=False)
        pytest.skip(complaint)


@pytest.fixture(
    params=[
        pytest.param(recalculate_ironcalc, id="ironcalc"),
        pytest.param(recalculate_libreoffice, id="libreoffice", marks=pytest.mark.libreoffice),
    ]
)
def recalculate(request):
    """Each engine in turn: recalculate(path, edits, cells)."""
    return request.param
