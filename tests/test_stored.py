"""The catalogue that was kept from an earlier run: the same as a fresh one, or not used at all."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flopsheet.catalog import cache
from flopsheet.catalog.build import build_catalog
from flopsheet.formula.marked import marked
from flopsheet.pipeline.limits import rows

loading = importlib.import_module("flopsheet.catalog.load")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A place of its own for what is kept, on a machine that keeps bytecode."""
    monkeypatch.setattr(cache.sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(cache.sys, "dont_write_bytecode", False)
    return Path(cache.place("catalog"))


@pytest.fixture
def files(tmp_path):
    """What the catalogue would be built of."""
    path = tmp_path / "a.yaml"
    path.write_text("1")
    return [path]


def never():
    raise AssertionError("built again")


def test_what_was_kept_of_the_catalogue_equals_a_fresh_one(kept):
    texts, files = loading._texts(loading.TOPICS), loading._files(loading.TOPICS)
    fresh = cache.load_or_build("catalog", files, lambda: build_catalog(texts))
    again = cache.load_or_build("catalog", files, never)
    formulas = {name: marked(metric.ast) for name, metric in again.metrics.items()}
    kept_formulas = {name: metric.text for name, metric in again.metrics.items()}
    assert (kept.exists(), again, kept_formulas) == (True, fresh, formulas)


def test_a_file_of_other_contents_is_built_anew_though_its_size_and_time_are_the_same(kept, files):
    os.utime(files[0], (1, 1))
    cache.load_or_build("catalog", files, lambda: "before")
    files[0].write_text("2")
    os.utime(files[0], (1, 1))
    assert cache.load_or_build("catalog", files, lambda: "anew") == "anew"


def test_a_file_of_another_time_alone_is_not_built_anew(kept, files):
    cache.load_or_build("catalog", files, lambda: "before")
    os.utime(files[0], (1, 1))
    assert cache.load_or_build("catalog", files, never) == "before"


def test_what_moves_from_one_file_to_the_next_is_built_anew(kept, files, tmp_path):
    both = [*files, tmp_path / "b.yaml"]
    both[0].write_text("ab")
    both[1].write_text("c")
    cache.load_or_build("catalog", both, lambda: "before")
    both[0].write_text("a")
    both[1].write_text("bc")
    assert cache.load_or_build("catalog", both, lambda: "anew") == "anew"


def test_a_changed_figure_of_the_catalogue_gives_the_new_number_though_size_and_time_are_the_same(tmp_path):
    """As an archive unpacks that gives one time to every file."""
    package = tmp_path / "flopsheet"
    shutil.copytree(cache.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    figures = package / "catalog" / "data" / "formats.yaml"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONPYCACHEPREFIX": str(tmp_path / "cache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def bits_of_4():
        os.utime(figures, (1, 1))
        code = "from flopsheet import catalog; print(catalog.load_catalog().notation['bytes_4bit'])"
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    before, kept = bits_of_4(), list((tmp_path / "cache").rglob("catalog.*.pickle"))
    text = figures.read_text(encoding="utf-8")
    assert text.count("formula: 1 / 2\n") == 1
    figures.write_text(text.replace("formula: 1 / 2\n", "formula: 1 / 4\n"), encoding="utf-8")
    assert (before, len(kept), bits_of_4()) == ("1 / 2", 1, "1 / 4")


def test_all_code_that_loads_the_catalogue_is_part_of_its_key():
    code = "import sys; from flopsheet.catalog.build import build_catalog; "
    code += "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('flopsheet.')), sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    counted = set(cache.code())
    assert (len(loaded) > 10, set(loaded) - counted) == (True, set())


def test_other_code_builds_anew(kept, files, tmp_path, monkeypatch):
    cache.load_or_build("catalog", files, lambda: "before")
    (tmp_path / "quantities.py").write_text("# changed")
    monkeypatch.setattr(cache, "PACKAGE", tmp_path)
    assert cache.load_or_build("catalog", files, lambda: "anew") == "anew"


@pytest.mark.parametrize("damage", [b"", b"nothing", None], ids=["empty", "other", "cut"])
def test_a_damaged_copy_is_built_anew_and_replaced(kept, files, damage):
    cache.load_or_build("catalog", files, lambda: "before")
    kept.write_bytes(kept.read_bytes()[:-3] if damage is None else damage)
    found = cache.load_or_build("catalog", files, lambda: "anew")
    assert (found, cache.load_or_build("catalog", files, never)) == ("anew", "anew")


def test_where_nothing_can_be_kept_it_is_built_each_time(kept, files):
    kept.parent.parent.mkdir(parents=True)
    kept.parent.write_text("a file where the folder would be")
    assert [cache.load_or_build("catalog", files, lambda n=n: n) for n in range(2)] == [0, 1]


def test_python_told_to_write_no_bytecode_leaves_no_copy_either(kept, files, monkeypatch):
    monkeypatch.setattr(cache.sys, "dont_write_bytecode", True)
    cache.load_or_build("catalog", files, lambda: "made")
    assert not kept.exists()


def test_rows_of_limits_that_were_kept_equal_fresh_ones(kept):
    fresh = rows._shipped()
    first = cache.load_or_build("limits", rows._files(), lambda: fresh)
    again = cache.load_or_build("limits", rows._files(), never)
    every = [part for of_kind in again.values() for of_limit in of_kind for part in of_limit.parts]
    assert (first, again, [part.text for part in every]) == (fresh, fresh, [marked(part.node) for part in every])


def test_all_code_that_finds_the_rows_of_limits_is_part_of_their_key():
    code = "import sys; import flopsheet.pipeline.limits.rows; "
    code += "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('flopsheet.')), sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    counted = {*cache.code(), *rows._files()}
    assert (len(loaded) > 10, {path for path in loaded if Path(path).name != "__init__.py"} - counted) == (True, set())
