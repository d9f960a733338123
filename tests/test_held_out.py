"""Published times to which nothing was fitted: how far predictions are off, and that pages tell it as it is."""

from __future__ import annotations

import statistics

import pytest

from flopsheet.catalog import load_catalog
from held_out import FAR, PAGES, compared, page, spread_outside


@pytest.mark.parametrize("kind", ["training", "serving"])
def test_the_pages_have_the_deviations_of_today(kind):
    assert page(kind) == PAGES[kind].read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "what", "most"), [
    ("training", "seconds", 0.15), ("serving", "seconds_per_token", 0.15), ("serving", "time_to_first_token", 0.35),
])  # fmt: skip
def test_half_of_what_was_held_out_is_predicted_within(kind, what, most):
    assert statistics.median(abs(one.off) for one in compared(kind) if one.what == what) <= most


def test_time_per_token_of_what_was_held_out_is_off_by_at_most_thirty_per_cent_in_the_mean():
    assert statistics.fmean(abs(one.off) for one in compared("serving") if one.what == "seconds_per_token") <= 0.3


@pytest.mark.parametrize("kind", ["training", "serving"])
def test_what_is_far_off_has_a_cause(kind):
    assert [one.row["name"] for one in compared(kind) if abs(one.off) > FAR[one.what] and not one.row["cause"]] == []


def test_ranges_outside_what_was_measured_are_as_wide_as_the_errors_of_what_was_held_out():
    assert {name: load_catalog().inputs[name].default for name in spread_outside()} == spread_outside()
