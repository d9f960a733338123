"""The catalogue that was kept from an earlier run: the same as a fresh one, or not used at all."""

from __future__ import annotations

import importlib
import os

import pytest

from flopsheet.catalog import stored

loading = importlib.import_module("flopsheet.catalog.load")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A place of its own for what is kept, on a machine that keeps bytecode."""
    monkeypatch.setattr(stored.sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(stored.sys, "dont_write_bytecode", False)
    return stored.place("catalog")


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
    fresh = stored.stored("catalog", files, lambda: loading.build(texts))
    assert (kept.exists(), stored.stored("catalog", files, never)) == (True, fresh)


def test_a_file_of_another_size_is_built_anew(kept, files):
    stored.stored("catalog", files, lambda: "before")
    files[0].write_text("12")
    assert stored.stored("catalog", files, lambda: "anew") == "anew"


def test_a_file_of_another_time_is_built_anew(kept, files):
    stored.stored("catalog", files, lambda: "before")
    files[0].write_text("2")
    os.utime(files[0], (1, 1))
    assert stored.stored("catalog", files, lambda: "anew") == "anew"


def test_other_code_builds_anew(kept, files, tmp_path, monkeypatch):
    stored.stored("catalog", files, lambda: "before")
    (tmp_path / "source.py").write_text("# changed")
    monkeypatch.setattr(stored, "PACKAGE", tmp_path)
    assert stored.stored("catalog", files, lambda: "anew") == "anew"


@pytest.mark.parametrize("damage", [b"", b"nothing", None], ids=["empty", "other", "cut"])
def test_a_damaged_copy_is_built_anew_and_replaced(kept, files, damage):
    stored.stored("catalog", files, lambda: "before")
    kept.write_bytes(kept.read_bytes()[:-3] if damage is None else damage)
    found = stored.stored("catalog", files, lambda: "anew")
    assert (found, stored.stored("catalog", files, never)) == ("anew", "anew")


def test_where_nothing_can_be_kept_it_is_built_each_time(kept, files):
    kept.parent.parent.mkdir(parents=True)
    kept.parent.write_text("a file where the folder would be")
    assert [stored.stored("catalog", files, lambda n=n: n) for n in range(2)] == [0, 1]


def test_python_told_to_write_no_bytecode_leaves_no_copy_either(kept, files, monkeypatch):
    monkeypatch.setattr(stored.sys, "dont_write_bytecode", True)
    stored.stored("catalog", files, lambda: "made")
    assert not kept.exists()
