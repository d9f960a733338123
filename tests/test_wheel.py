"""The wheel alone takes somebody from nothing to a workbook, with no file from the repository."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from commands import ROOT
from flopsheet import __version__

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("wheel"),
    pytest.mark.skipif(
        importlib.util.find_spec("hatchling") is None and os.environ.get("CI") != "true", reason="hatchling is missing"
    ),
]


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *arguments]
    subprocess.run(command, check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", str(ROOT), "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and the libraries of this one, but with nothing that this one says of flopsheet."""
    folder = tmp_path_factory.mktemp("home")
    venv.create(folder, with_pip=False)
    pip("--python", str(folder / "bin" / "python"), "install", "--no-index", "--no-deps", str(wheel))
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run(home: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [str(home / "bin" / arguments[0]), *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_two_commands_make_a_workbook_in_an_empty_folder(home: Path, tmp_path: Path) -> None:
    done = [run(home, tmp_path, "flopsheet", command) for command in ("init", "build")]
    where = run(home, tmp_path, "python", "-c", "import flopsheet; print(flopsheet.__file__)").stdout
    assert (
        [one.returncode for one in done],
        (tmp_path / "output" / "flopsheet.xlsx").exists(),
        str(home) in where,
    ) == (
        [0, 0],
        True,
        True,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "a", "--template", "llama-training"],
        ["init", "b", "--template", "moe-serving"],
        ["schema"],
        ["list", "models"],
        ["list", "hardware"],
        ["list", "metrics"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_every_file_that_a_command_reads_is_in_the_wheel(home: Path, tmp_path: Path, arguments: list[str]) -> None:
    done = run(home, tmp_path, "flopsheet", *arguments)
    assert (done.returncode, done.stderr, done.stdout != "") == (0, "", True)


def test_the_wheel_holds_the_package_its_licence_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0].removesuffix(f"-{__version__}.dist-info") for name in names}
    wanted = ["flopsheet/py.typed", "flopsheet/spec/flopsheet.schema.json", "flopsheet/templates/gpt2.yaml"]
    licence = [name for name in names if name.endswith("licenses/LICENSE")]
    assert (tops, [name for name in wanted if name not in names], len(licence)) == ({"flopsheet"}, [], 1)


def test_the_wheel_is_smaller_than_a_megabyte_and_a_half(wheel: Path) -> None:
    assert wheel.stat().st_size < 1.5e6


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(archive.read(name).decode())
    urls = {line.split(",")[0] for line in metadata.get_all("Project-URL") or []}
    assert (metadata["License-Expression"], urls, "Typing :: Typed" in metadata.get_all("Classifier")) == (
        "MIT",
        set(),  # until the project has an address
        True,
    )
