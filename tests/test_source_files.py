"""Files, the standard input and hostile texts: read, or refused with one message."""

from __future__ import annotations

import io
import random
import sys
from pathlib import PurePath
from unittest.mock import Mock

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flopsheet.diagnostics import FileError, SpecError
from flopsheet.yamlio import files, source
from flopsheet.yamlio.source import parse, read_yaml
from test_source import LIBYAML, LOADERS, REFUSED, SPEC, refusal


def test_a_file_is_read_under_the_name_that_the_user_gave(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_bytes("\ufefftitle: é\r\n".encode())
    found = read_yaml("s.yaml")
    assert (found.name, found.data, found.text) == ("s.yaml", {"title": "é"}, "\ufefftitle: é\r\n")


def test_a_dash_reads_the_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a: 1\na: 2")))
    assert str(refusal(read_yaml, "-")).startswith("<stdin>:2:1: a: 'a' is already given at line 1, column 1")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [str(refusal(read_yaml, path)) for path in ("no.yaml", tmp_path, "a\0b")] == [
        "cannot read 'no.yaml': no such file or directory; check the path",
        f"cannot read '{tmp_path}': is a directory; check the path",
        "cannot read 'a\0b': embedded null byte; check the path",
    ]


def test_a_file_that_cannot_be_read_exits_with_2():
    assert refusal(read_yaml, "/no/such.yaml").exit_code == 2


def test_a_file_without_permission_says_so(monkeypatch):
    # Root may read every file, so the refusal is played.
    monkeypatch.setattr(files, "open", Mock(side_effect=PermissionError(13, "Permission denied")), raising=False)
    assert str(refusal(read_yaml, "s.yaml")) == "cannot read 's.yaml': permission denied; check the path"


@pytest.mark.parametrize("write", [lambda path: files.write_bytes(path, b""), files.make_folder])
def test_a_target_with_a_null_byte_in_its_name_is_refused(write):
    with pytest.raises(FileError, match="cannot write 'a\0b': embedded null byte"):
        write("a\0b")


def test_a_mistake_in_what_is_written_is_no_fault_of_the_target(tmp_path):
    with pytest.raises(ValueError, match="a bug"), files.replacing(tmp_path / "out"):
        raise ValueError("a bug")
    assert list(tmp_path.iterdir()) == []


def test_a_closed_standard_input_says_so(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert str(refusal(read_yaml, "-")) == "cannot read '<stdin>': it is closed; check the path"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "a: 1\r\né: caf".encode() + b"\xe9 x\n",
            "2:7: byte 0xe9 at offset 13 is not UTF-8; save the file as UTF-8\n    é: caf� x\n          ^",
        ),
        (
            "a: 1".encode("utf-16"),
            "1:1: byte 0xff at offset 0 is not UTF-8; save the file as UTF-8\n    ��a :   1 \n    ^",
        ),
        (b"#" * (4 * 2**20 + 1), "1:1: the text is larger than 4 MiB; check that it is the spec"),
        (b"", "1:1: the text is empty; begin with 'version: 1'"),
    ],
    ids=["latin-1", "utf-16", "large", "empty"],
)
def test_a_file_that_is_no_spec_at_all_says_why(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_bytes(content)
    assert str(refusal(read_yaml, "s.yaml")) == f"s.yaml:{message}"


LARGE = 2**20

HOSTILE = {
    "brackets": "[" * LARGE,
    "braces": "{" * LARGE,
    "dashes": "- " * LARGE,
    "question marks": "? " * LARGE,
    "indentation": "".join(" " * depth + "a:\n" for depth in range(1000)),
    "values": "[" + "1," * 300_000 + "]",
    "keys": "".join(f"{number}a: 1\n" for number in range(110_000)),
    "laughs": "a: &a [1]\n" + "".join(f"b{n}: &b{n} [{'*a,' * 9}]\n" for n in range(50)),
    "a key": "a" * LARGE + ": 1",
    "digits": "a: " + "9" * LARGE,
    "fraction": "a: ." + "9" * LARGE + "e-999",
    "zero bytes": "\0" * LARGE,
    "quotes": "'" * (LARGE + 1),
    "anchors": "&a " * LARGE,
    "tag": "!" + "a" * LARGE,
}


@LIBYAML
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_refused(text):
    assert isinstance(refusal(parse, text, "s.yaml"), SpecError)


def ends_well(text):
    """Whether a text ends in a Source whose places exist, or in a SpecError without yaml's own words."""
    try:
        found = parse(text, "s.yaml")
    except SpecError as error:
        spots = [(problem.place.line, problem.place.column) for problem in error.problems]
        return len(spots) == len(set(spots)) > 0 and "this is not YAML" not in str(error)
    places = [*found.keys.values(), *found.values.values()]
    return all(place.width >= 1 and 1 <= place.column <= len(place.text) + 1 for place in places)


SIGNS = ["a", "1", ": ", ":", "- ", "? ", ",", "[", "]", "{", "}", "#", "&", "*", "!", "|", ">", "'", '"', "%", "@"]


SIGNS += ["`", "\n", "\n  ", "\t", "\\", "<<: ", "~", "...", "---", "\r", "é", "\u2028", "😀", "\0", "\ufeff", "\ud800"]


@pytest.mark.parametrize("name", LOADERS)
@settings(max_examples=300, deadline=None)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(SIGNS)).map("".join)))
def test_any_text_ends_in_a_source_or_a_spec_error(name, text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "LOADER", getattr(yaml, name))
        assert ends_well(text)


@pytest.mark.parametrize("name", LOADERS)
@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_spec_ends_in_a_source_or_a_spec_error(name, seed):
    dice = random.Random(seed)
    text = dice.choice([SPEC, *(text for text, _ in REFUSED)])
    for _ in range(dice.randint(1, 4)):
        start = dice.randint(0, len(text))
        text = text[:start] + dice.choice([*SIGNS, ""]) + text[start + dice.randint(0, 3) :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "LOADER", getattr(yaml, name))
        assert ends_well(text)


NAMED = ["a.yaml", "specs/a.b.yaml", "/x.y/a", ".yaml", "a.", "../.a.yaml", "-.yaml", PurePath("b/c.yml")]


@pytest.mark.parametrize("path", NAMED)
def test_a_study_is_called_as_pathlib_calls_the_stem_of_its_file(path):
    assert files.study_name(path) == PurePath(path).stem


def test_a_study_from_stdin_is_called_spec():
    assert files.study_name("-") == "spec"
