"""Frozen classes promise what `dataclass(frozen=True)` promises."""

from __future__ import annotations

import dataclasses
import pickle
from dataclasses import field
from functools import cached_property

import pytest

from flopsheet.records import frozen


@frozen
class Box:
    width: int
    height: int = 2
    labels: dict[str, str] = field(default_factory=dict)
    hidden: str = field(default="", repr=False)

    @cached_property
    def area(self) -> int:
        return self.width * self.height


@frozen
class Crate:
    width: int
    height: int = 2
    labels: dict[str, str] = field(default_factory=dict)
    hidden: str = field(default="", repr=False)


@dataclasses.dataclass(frozen=True)
class Generated:
    """The standard library's own."""

    width: int
    height: int = 2
    labels: dict[str, str] = field(default_factory=dict)
    hidden: str = field(default="", repr=False)


def test_a_record_is_shown_as_a_dataclass_shows_it():
    assert repr(Box(1, labels={"a": "b"}, hidden="x")) == repr(Generated(1, 2, {"a": "b"}, "x")).replace(
        "Generated", "Box"
    )


def test_a_record_equals_one_of_the_same_fields_whatever_was_found_out_about_it():
    looked_at = Box(3)
    assert looked_at.area == 6
    assert looked_at == Box(3, 2)


def test_a_record_equals_none_of_another_kind():
    assert Box(3) != Crate(3)


def test_equal_records_have_one_hash():
    boxes = {dataclasses.replace(Box(width, labels=()), height=1) for width in (1, 1, 2)}
    assert len(boxes) == 2


def test_each_record_has_default_objects_of_its_own():
    assert Box(1).labels is not Box(1).labels


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, 2, {}, "", 5), {}), ((1,), {"width": 2}), ((1,), {"depth": 2}), ((), {"depth": 2})],
)
def test_arguments_that_do_not_fit_are_refused_as_by_a_dataclass(values, named):
    for kind in (Box, Generated):
        with pytest.raises(TypeError):
            kind(*values, **named)


@pytest.mark.parametrize("change", [lambda box: setattr(box, "width", 2), lambda box: delattr(box, "width")])
def test_a_record_cannot_be_changed(change):
    with pytest.raises(dataclasses.FrozenInstanceError):
        change(Box(1))


def test_a_record_comes_back_from_a_pickle():
    assert pickle.loads(pickle.dumps(Box(1, labels={"a": "b"}))) == Box(1, labels={"a": "b"})


def test_a_record_matches_by_position():
    match Box(3, 4):
        case Box(width, height):
            assert (width, height) == (3, 4)
