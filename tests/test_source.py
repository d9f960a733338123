"""YAML text becomes plain data with places, or one message for each mistake; never anything else."""

from __future__ import annotations

from functools import reduce

import pytest
import yaml

from flopsheet import diagnostics
from flopsheet.diagnostics import FileError, Place, SpecError
from flopsheet.yamlio import source
from flopsheet.yamlio.source import parse, spell

SPEC = """\
# GPT-2
version: 1
title: 'the family'
context_lengths: [1024, 16384]
models:
  gpt2-xl:  {n_layers: 48, d_ff: 4 * d_model}
  tied:
    extends: gpt2-xl
    layers:
      - window: 0x10
      -
"""

# Scalars as in YAML 1.2, section 10.3.2; the rest by what YAML 1.1 is known to do differently.
DATA = [
    ("[15e12, 1e6, 1E+3, -2.5e-3]", [15e12, 1e6, 1e3, -2.5e-3]),
    ("[0.5, .5, 5., +1.5]", [0.5, 0.5, 5.0, 1.5]),
    ("[0, -0, 12, +12, -12]", [0, 0, 12, 12, -12]),
    ("[0, -0, 0o17, 0x1F, 0xff]", [0, 0, 15, 31, 255]),
    ("[0e9, -0.0, 0e-999]", [0.0, -0.0, 0.0]),
    ("[1_000, 0b11, 0o8, 1e, ., -, 1.2.3]", ["1_000", "0b11", "0o8", "1e", ".", "-", "1.2.3"]),
    ("[yes, no, on, off, y, n, Yes, NO]", ["yes", "no", "on", "off", "y", "n", "Yes", "NO"]),
    ("[1:30, 2024-01-31, 10:00:00]", ["1:30", "2024-01-31", "10:00:00"]),
    ("[true, True, TRUE, false, False, FALSE, tRUE]", [True, True, True, False, False, False, "tRUE"]),
    ("[null, Null, NULL, ~, nUll]", [None, None, None, None, "nUll"]),
    ("[nan, inf, .Nan, infinity]", ["nan", "inf", ".Nan", "infinity"]),
    ("['1024', \"1e6\", 'true', '', \"null\"]", ["1024", "1e6", "true", "", "null"]),
    ("['it''s', \"a\\tb\\n\", \"\\u00e9\"]", ["it's", "a\tb\n", "é"]),
    ("a:\nb: ~\nc: ''", {"a": None, "b": None, "c": ""}),
    ("{a, b: }", {"a": None, "b": None}),
    ("a: |\n  x\n  \ty\nb: >\n  x\n  y\n", {"a": "x\n\ty\n", "b": "x y\n"}),
    ("no: 1\n'2': 3\n'<<': 4\n1_0: 5", {"no": 1, "2": 3, "<<": 4, "1_0": 5}),
    ("'a: 1'", "a: 1"),
    ("[[], {}, [[1]], a: 1]", [[], {}, [[1]], {"a": 1}]),
    ("---\na: 1 # one\n...\n", {"a": 1}),
    ("%YAML 1.2\n---\na: 1", {"a": 1}),
    ("\ufeffa: 1\r\nb:\r\n  - 2\rc: 3", {"a": 1, "b": [2], "c": 3}),
    ("a: 😀 µ", {"a": "😀 µ"}),
    ("9" * 300, int("9" * 300)),
    ("[" * 32 + "]" * 32, reduce(lambda inner, _: [inner], range(31), [])),
]

# Each is one mistake and has one message.
REFUSED = [
    # scalars that no cell holds
    (
        "a: .nan",
        "1:4: a: '.nan' is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
    ),
    (
        "a: [1, -.INF]",
        "1:8: a[1]: '-.INF' is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
    ),
    (
        "a: 1e999",
        "1:4: a: '1e999' is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
    ),
    (
        "a: 1e-999",
        "1:4: a: '1e-999' is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
    ),
    # keys
    (
        "models:\n  gpt2: {d_model: 768}\n  gpt2: {d_model: 768}",
        "3:3: models.gpt2: 'gpt2' is already given at line 2, column 3; keep one of the two",
    ),
    ("a: {b: 1, c: 2, b: 3}", "1:17: a.b: 'b' is already given at line 1, column 5; keep one of the two"),
    ("1024: a", "1:1: keys are text, but YAML reads 1024 as a number; quote it: '1024'"),
    ("true: a", "1:1: keys are text, but YAML reads true as a truth value; quote it: 'true'"),
    ("null: a", "1:1: keys are text, but YAML reads null as nothing; quote it: 'null'"),
    ("1e6: a", "1:1: keys are text, but YAML reads 1e6 as a number; quote it: '1e6'"),
    ("? \n: a", "1:2: a key is missing before ':'; write the key"),
    ("? [a, b]\n: c", "1:3: keys are text, but this is a list or a mapping; write a text before ':'"),
    ("{{ x }}: 1", "1:1: keys are text, but this is a list or a mapping; write a text before ':'"),
    # yaml features
    (
        "base: &base {n: 1}\na: *base\nb: *base",
        "1:7: base: anchors and aliases such as '&base' are not supported; "
        "write the value out, let a model say 'extends:', or put the text in quotes",
    ),
    (
        "d_ff: *wide",
        "1:7: d_ff: anchors and aliases such as '*wide' are not supported; "
        "write the value out, let a model say 'extends:', or put the text in quotes",
    ),
    ("<<: {a: 1}", "1:1: merge keys '<<' are not supported; write the values out, or let a model say 'extends:'"),
    (
        "base: &base {n: 1}\na: {<<: *base, m: 2}",
        "1:7: base: anchors and aliases such as '&base' are not supported; "
        "write the value out, let a model say 'extends:', or put the text in quotes",
    ),
    (
        "a: !!python/object:os.system 1",
        "1:4: a: YAML tags are not supported; remove the word that begins with '!', or quote the text",
    ),
    (
        "a: !foo [1]",
        "1:4: a: YAML tags are not supported; remove the word that begins with '!', or quote the text",
    ),
    (
        "a: !!str 5",
        "1:4: a: YAML tags are not supported; remove the word that begins with '!', or quote the text",
    ),
    ("a: !e!x 5", "1:4: YAML tags are not supported; remove the word that begins with '!', or quote the text"),
    ("a: 1\n---\nb: 2", "2:1: a second document begins here; keep one document in a file"),
    ("%FOO\n---\na: 1", "1:1: YAML directives are not supported; remove the line that begins with '%'"),
    ("%YAML 3.0\n---\na: 1", "1:1: YAML directives are not supported; remove the line that begins with '%'"),
    # tabs
    ("a:\n\tb: 1", "2:1: a tab where YAML allows only spaces; replace it with spaces"),
    ("a: 1\n  \tb: 2", "2:3: a tab where YAML allows only spaces; replace it with spaces"),
    ("a: |\n  x\n\ty", "3:1: a tab where YAML allows only spaces; replace it with spaces"),
    # syntax
    (
        "title: GPT-2: the accounts",
        "1:13: there is a second ': ' on this line; put the text that contains it in quotes",
    ),
    (
        "a: 1\n b: 2",
        "2:3: a key cannot stand here; align it with the keys beside it, and write ': ' after every key above",
    ),
    ("a:1\nb: 2", "1:2: a space is missing after this ':'; write ': '"),
    ("a: 1\nb:2", "2:2: a space is missing after this ':'; write ': '"),
    (
        "a: 1\nb 2\nc: 3",
        "2:1: this line is neither 'key: value' nor '- item'; "
        "add what is missing, or indent the line if it continues the text above",
    ),
    (
        "a:\n    b: 1\n  c: 2",
        "3:3: the indentation matches no line above; align the key with the others of its mapping",
    ),
    (
        "label: 'it's'",
        "1:12: more text follows the end of the value; "
        "put the whole value in quotes; inside single quotes write '' for '",
    ),
    ("a: 'x' # y\n: 1", "2:1: a key is missing before ':'; write the key"),
    ("a: 1\n- b", "2:1: a list item among the keys of a mapping; indent it under its key"),
    ("- a\nb: 1", "2:1: a list item does not begin with '- '; write '- ', or indent the line further"),
    ("- a: - b", "1:6: a list cannot begin here; begin it on the next line, or write [a, b]"),
    (
        "lengths: [1, 2\nb: 3",
        "2:2: ',' or ']' is missing here, for the '[' on line 1; put ',' between the items and ']' after the last",
    ),
    ("a: [1, 2", "1:4: this '[' is never closed; close it"),
    (
        "a: {b: 1\nc: 2}",
        "2:2: ',' or '}' is missing here, for the '{' on line 1; put ',' between the keys and '}' after the last",
    ),
    ("a: {b: 1", "1:4: this '{' is never closed; close it"),
    ("a: [1,", "1:7: the text ends inside brackets; close every '[' and '{'"),
    ("a: ]", "1:4: this ']' closes nothing; remove it, or put the text in quotes"),
    ("a: [1, , 2]", "1:8: there is nothing before ','; write what belongs there, or remove ','"),
    ("unit: %", "1:7: a text cannot begin with '%'; put it in quotes"),
    ("by: @me", "1:5: a text cannot begin with '@'; put it in quotes"),
    ("formula: * 4", "1:10: a text cannot begin with '*'; put it in quotes"),
    ("a: ? b", "1:4: a text cannot begin with '?'; put it in quotes"),
    ("a: ,b", "1:4: a text cannot begin with ','; put it in quotes"),
    ("a: 'open\nb: 2", "1:4: this quote is never closed; close it with the same quote"),
    (
        'a: "C:\\dir"',
        "1:7: a backslash in double quotes begins an unknown escape sequence; "
        "write \\\\ for a backslash, or use single quotes",
    ),
    ("a: > x\n  y", "1:6: text follows '|' or '>' on its line; begin it on the next line, or quote it all"),
    (
        "{a: 1}\nb",
        "2:1: this is outside the document; put everything into one mapping, without '%' and '...' lines",
    ),
    ("...\na: 1", "1:1: there is nothing before '.'; write what belongs there, or remove '.'"),
    # numbers with commas
    (
        "{a: 4,096}",
        "1:7: a comma ends the value before it; write 4096 without a comma, and quote a formula that contains one",
    ),
    ("{a: 4, 96: }", "1:8: keys are text, but YAML reads 96 as a number; quote it: '96'"),
    ("[4,096]", "1:4: [1]: 096 begins with a zero; write 96, and numbers without commas"),
    ("a: -007", "1:4: a: -007 begins with a zero; write -7, and numbers without commas"),
    ("a: 00", "1:4: a: 00 begins with a zero; write 0, and numbers without commas"),
    # characters
    ("a: 1\nb: x\x07y", "2:5: the text contains the invisible character U+0007; remove it"),
    ('a: "\\0"', "1:4: a: the text contains the invisible character U+0000; remove it"),
    ("a: 1\x85b: 2", "1:5: the text contains the invisible character U+0085; remove it"),
    ("a: \ufeff1", "1:4: the text contains the invisible character U+FEFF; remove it"),
    # size
    ("", "1:1: the text is empty; begin with 'version: 1'"),
    ("# only a comment\n", "1:1: the text is empty; begin with 'version: 1'"),
    ("---\n...\n", "1:1: the text is empty; begin with 'version: 1'"),
    ("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "1:33: lists and mappings are nested more than 32 deep; flatten them"),
]

LIBYAML = pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
LOADERS = [pytest.param("CSafeLoader", marks=LIBYAML, id="libyaml"), pytest.param("SafeLoader", id="python")]

# A text that makes the parser utter each complaint; None where this parser never does.
UTTERED: dict[str, tuple[str | None, str | None]] = {  # libyaml, PyYAML's own
    "while scanning for the next token": ("a: @x", "a: @x"),
    "while scanning an alias": ("a: *", "a: *"),
    "while scanning an anchor": ("a: &", "a: &"),
    "while scanning a plain scalar": ("a: {x\n\t: 1}", None),
    "mapping keys are not allowed": ("a: ? b", "a: ? b"),
    "mapping values are not allowed": ("a: b: c", "a: b: c"),
    "block sequence entries are not allowed": ("a: - b", None),
    "sequence entries are not allowed": (None, "a: - b"),
    "while scanning a simple key": ("a: 1\nb 2\nc: 3", "a: 1\nb 2\nc: 3"),
    "while parsing a block mapping": ("a: 'x' y", "a: 'x' y"),
    "while parsing a block collection": ("- a\nb: 1", "- a\nb: 1"),
    "while parsing a flow sequence": ("a: [1\nb: 2", "a: [1\nb: 2"),
    "while parsing a flow mapping": ("{a: 1", "{a: 1"),
    "while parsing a block node": ("a: ,", "a: ,"),
    "while parsing a flow node": ("[,]", "[,]"),
    "while scanning a quoted scalar": ("a: 'x", "a: 'x"),
    "while scanning a double-quoted scalar": (None, 'a: "\\q"'),
    "while parsing a quoted scalar": ('a: "\\q"', None),
    "while scanning a block scalar": ("a: |x", "a: |x"),
    "while scanning a tag": ("a: !<x", "a: !%"),
    "while parsing a tag": ("a: !<>", "a: !<x"),
    "while parsing a node": ("a: !e!x 5", "a: !e!x 5"),
    "while scanning a directive": ("%FOO\na: 1", "%YAML x\n---\na"),
    "while scanning a %YAML directive": ("%YAML x\n---\na", None),
    "found incompatible YAML document": ("%YAML 3.0\n---\na", "%YAML 3.0\n---\na"),
    "found duplicate": ("%YAML 1.1\n%YAML 1.1\n---\n", "%YAML 1.1\n%YAML 1.1\n---\n"),
    "duplicate tag handle": (None, "%TAG ! x\n%TAG ! x\n---\na"),
    "did not find expected <document start>": ("a: 1\n...\nb: 2", None),
    "expected '<document start>'": (None, "%FOO\na: 1"),
}


@pytest.mark.parametrize(("number", "name"), [pytest.param(0, "CSafeLoader", marks=LIBYAML), (1, "SafeLoader")])
def test_every_complaint_that_is_known_is_uttered_by_the_parser(number: int, name: str) -> None:
    found = {}
    for begins, texts in UTTERED.items():
        if (text := texts[number]) is not None:
            with pytest.raises(yaml.MarkedYAMLError) as caught:
                list(yaml.parse(text, Loader=getattr(yaml, name)))
            found[begins] = caught.value.context or caught.value.problem
    assert (list(UTTERED), [one for one in found if not found[one].startswith(one)]) == (
        [begins for begins, _ in diagnostics.COMPLAINTS],
        [],
    )


def test_every_kind_of_complaint_has_a_message_of_its_own() -> None:
    told_apart = {"anchor", "block node", "flow node"}  # become others by what surrounds them
    assert {kind for _, kind in diagnostics.COMPLAINTS} - told_apart <= diagnostics.YAML_SYNTAX.keys()


@pytest.fixture(params=LOADERS)
def loader(request, monkeypatch):
    """Each of PyYAML's two parsers in turn."""
    monkeypatch.setattr(source, "LOADER", getattr(yaml, request.param))


def refusal(act, *arguments):
    """The error that `act` ends in."""
    with pytest.raises((SpecError, FileError)) as caught:
        act(*arguments)
    return caught.value


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(("text", "data"), DATA)
def test_scalars_and_collections_read_as_yaml_1_2_says(text, data):
    # repr tells 1 from 1.0 and from True.
    assert repr(parse(text, "s.yaml").data) == repr(data)


@LIBYAML
@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_each_mistake_has_one_message(text, message):
    assert [str(problem).split("\n")[0] for problem in refusal(parse, text, "s.yaml").problems] == [f"s.yaml:{message}"]


# PyYAML's own parser passes over directives that it does not know.
@pytest.mark.parametrize("text", [text for text, _ in REFUSED if not text.startswith("%FOO")])
def test_the_parser_without_libyaml_refuses_the_same_texts_once(text, monkeypatch):
    monkeypatch.setattr(source, "LOADER", yaml.SafeLoader)
    assert len(refusal(parse, text, "s.yaml").problems) == 1


def test_all_mistakes_are_told_at_once_with_their_lines():
    text = """\
models:
  a: {n: .inf, n: 2}
  b: &b {n: !!int 1}
  1: {n: *b}
title: "x
"""
    assert (
        str(refusal(parse, text, "s.yaml"))
        == """\
s.yaml:2:10: models.a.n: '.inf' is not a finite number that a cell can hold; \
write 0 or a number between 1e-300 and 1e300
      a: {n: .inf, n: 2}
             ^^^^
s.yaml:2:16: models.a.n: 'n' is already given at line 2, column 7; keep one of the two
      a: {n: .inf, n: 2}
                   ^
s.yaml:3:6: models.b: anchors and aliases such as '&b' are not supported; \
write the value out, let a model say 'extends:', or put the text in quotes
      b: &b {n: !!int 1}
         ^^^^
s.yaml:3:13: models.b.n: YAML tags are not supported; remove the word that begins with '!', or quote the text
      b: &b {n: !!int 1}
                ^^^^^^^
s.yaml:4:3: models: keys are text, but YAML reads 1 as a number; quote it: '1'
      1: {n: *b}
      ^
s.yaml:5:8: this quote is never closed; close it with the same quote
    title: "x
           ^"""
    )


def test_a_key_given_three_times_names_the_first_place_each_time():
    text = "a: 1\nb: 2\na: {b: 1, c: 2}\na: 3"
    assert [problem.fact for problem in refusal(parse, text, "s.yaml").problems] == [
        "'a' is already given at line 1, column 1",
        "'a' is already given at line 1, column 1",
    ]


def test_a_long_word_is_cut_in_the_message():
    fact = "'99999999999999999999999999999999999999999999999999999999999…' is not a finite number that a cell can hold"
    assert refusal(parse, "a: " + "9" * 301, "s.yaml").problems[0].fact == fact


@pytest.mark.parametrize(
    ("path", "key", "spot"),
    [
        (("version",), False, (2, 10, 1)),
        (("version",), True, (2, 1, 7)),
        (("title",), False, (3, 8, 12)),
        (("context_lengths",), True, (4, 1, 15)),
        (("context_lengths", 1), False, (4, 25, 5)),
        (("context_lengths", 1), True, (4, 25, 5)),
        (("models",), False, (6, 3, 1)),
        (("models", "gpt2-xl"), True, (6, 3, 7)),
        (("models", "gpt2-xl"), False, (6, 13, 1)),
        (("models", "gpt2-xl", "d_ff"), False, (6, 34, 11)),
        (("models", "tied", "layers", 0, "window"), False, (10, 17, 4)),
        (("models", "tied", "layers", 1), False, (11, 8, 1)),
        ((), False, (2, 1, 1)),
        # What does not exist has the place of the nearest name above it.
        (("models", "gpt2-xl", "d_model"), False, (6, 3, 7)),
        (("models", "gpt2-xl", "d_ff", "x", 3), True, (6, 28, 4)),
        (("context_lengths", 7), False, (4, 1, 15)),
        (("weights",), False, (2, 1, 1)),
        ((), True, (2, 1, 1)),
    ],
)
def test_every_value_and_key_has_its_place(path, key, spot):
    place = parse(SPEC, "s.yaml").place(path, key)
    assert (place.line, place.column, place.width) == spot


def test_a_place_holds_its_source_and_the_whole_line():
    line = "  gpt2-xl:  {n_layers: 48, d_ff: 4 * d_model}"
    assert parse(SPEC, "s.yaml").place(("models", "gpt2-xl", "n_layers")) == Place("s.yaml", 6, 24, line, 2)


def test_places_do_not_depend_on_line_breaks_or_a_byte_order_mark():
    assert parse("\ufeff" + SPEC.replace("\n", "\r\n"), "s.yaml").values == parse(SPEC, "s.yaml").values


def test_a_text_over_several_lines_is_as_wide_as_its_first_line():
    values = parse("a: one two\n  three\nb: 'x \n  y'", "s.yaml").values
    assert (values["a",].width, values["b",].width) == (7, 2)


def test_a_path_is_spelled_with_dots_and_brackets():
    assert spell(("models", "gpt2-xl", "layers", 0, "a\nb")) == "models.gpt2-xl.layers[0].a b"
