"""The catalogue that was kept from an earlier run: the same as a fresh one, or not used at all."""

from __future__ import annotations

import importlib

import pytest

from flopsheet.catalog import stored

loading = importlib.import_module("flopsheet.catalog.load")
TEXTS = {"a": "1"}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A place of its own for what is kept, on a machine that keeps bytecode."""
    monkeypatch.setattr(stored.sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(stored.sys, "dont_write_bytecode", False)
    return stored.place("catalog")


def never(texts):
    raise AssertionError("built again")


def test_what_was_kept_of_the_catalogue_equals_a_fresh_one(kept):
    texts = loading._texts("units", *loading.TOPICS)
    fresh = stored.stored("catalog", texts, loading.build)
    assert (kept.exists(), stored.stored("catalog", texts, never)) == (True, fresh)


def test_another_text_is_built_anew(kept):
    stored.stored("catalog", TEXTS, dict)
    assert stored.stored("catalog", {"a": "2"}, dict) == {"a": "2"}


def test_other_code_builds_anew(kept, tmp_path, monkeypatch):
    stored.stored("catalog", TEXTS, dict)
    (tmp_path / "source.py").write_text("# changed")
    monkeypatch.setattr(stored, "PACKAGE", tmp_path)
    assert stored.stored("catalog", TEXTS, lambda texts: "anew") == "anew"


@pytest.mark.parametrize("damage", [b"", b"nothing", None], ids=["empty", "other", "cut"])
def test_a_damaged_copy_is_built_anew_and_replaced(kept, damage):
    stored.stored("catalog", TEXTS, dict)
    kept.write_bytes(kept.read_bytes()[:-3] if damage is None else damage)
    found = stored.stored("catalog", TEXTS, dict)
    assert (found, stored.stored("catalog", TEXTS, never)) == (TEXTS, TEXTS)


def test_where_nothing_can_be_kept_it_is_built_each_time(kept):
    kept.parent.parent.mkdir(parents=True)
    kept.parent.write_text("a file where the folder would be")
    assert [stored.stored("catalog", TEXTS, dict) for _ in range(2)] == [TEXTS, TEXTS]


def test_python_told_to_write_no_bytecode_leaves_no_copy_either(kept, monkeypatch):
    monkeypatch.setattr(stored.sys, "dont_write_bytecode", True)
    stored.stored("catalog", TEXTS, dict)
    assert not kept.exists()
