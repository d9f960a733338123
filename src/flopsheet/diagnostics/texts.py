"""Wording: YAML that is not read."""

from __future__ import annotations

from flopsheet.diagnostics.problem import Place, Problem, shown

# The parser tells what it stumbled over by a sentence alone: what it was at ("while parsing …") or, where it is silent
# about that, what it found. Only this table goes by these words; libyaml and PyYAML's own parser share most of them.
COMPLAINTS: tuple[tuple[str, str], ...] = (
    ("while scanning for the next token", "letter"),
    ("while scanning an alias", "anchor"),
    ("while scanning an anchor", "anchor"),
    ("while scanning a plain scalar", "tab"),
    ("mapping keys are not allowed", "letter"),
    ("mapping values are not allowed", "colon"),
    ("block sequence entries are not allowed", "list"),
    ("sequence entries are not allowed", "list"),
    ("while scanning a simple key", "line"),
    ("while parsing a block mapping", "mapping"),
    ("while parsing a block collection", "collection"),
    ("while parsing a flow sequence", "flow sequence"),
    ("while parsing a flow mapping", "flow mapping"),
    ("while parsing a block node", "block node"),
    ("while parsing a flow node", "flow node"),
    ("while scanning a quoted scalar", "open quote"),
    ("while scanning a double-quoted scalar", "escape"),
    ("while parsing a quoted scalar", "escape"),
    ("while scanning a block scalar", "block scalar"),
    ("while scanning a tag", "tag"),
    ("while parsing a tag", "tag"),
    ("while parsing a node", "tag"),
    ("while scanning a directive", "directive"),
    ("while scanning a %YAML directive", "directive"),
    ("found incompatible YAML document", "directive"),
    ("found duplicate", "directive"),
    ("duplicate tag handle", "tag"),
    ("did not find expected <document start>", "outside"),
    ("expected '<document start>'", "outside"),
)
# Complaints that are best shown where the matter began, not where it was noticed.
BEGAN = frozenset({"line", "open quote", "anchor", "tag", "directive"})
# Our fact and remedy for each, once its surroundings have told apart what one complaint can mean.
YAML_SYNTAX: dict[str, tuple[str, str]] = {
    "tab": ("a tab stands where only spaces may", "replace it with spaces"),
    "letter": ("a text cannot begin with '{letter}'", "put it in quotes"),
    "second colon": ("a second ': ' stands on this line", "put the text that holds it in quotes"),
    "colon": (
        "a key cannot stand here",
        "line it up with the keys beside it, and write ': ' after every key above",
    ),
    "list": ("a list cannot begin here", "begin it on the next line, or write [a, b]"),
    "line": (
        "this line is neither 'key: value' nor '- item'",
        "add what is missing, or indent the line if it continues the text above",
    ),
    "more text": (
        "more text follows the end of the value",
        "put the whole value in quotes; inside single quotes write '' for '",
    ),
    "no key": ("a key is missing before ':'", "write the key"),
    "item among keys": ("a list item stands among the keys of a mapping", "indent it under its key"),
    "mapping": (
        "the indentation matches no line above",
        "line the key up with the keys that it belongs to",
    ),
    "collection": ("a list item does not begin with '- '", "write '- ', or indent the line further"),
    "open bracket": ("this '{letter}' is never closed", "close it"),
    "flow sequence": (
        "',' or ']' is missing here, for the '[' on line {opened}",
        "put ',' between the items and ']' after the last",
    ),
    "flow mapping": (
        "',' or '}}' is missing here, for the '{{' on line {opened}",
        "put ',' between the keys and '}}' after the last",
    ),
    "inside brackets": ("the text ends inside brackets", "close every '[' and '{{'"),
    "closes nothing": ("this '{letter}' closes nothing", "remove it, or put the text in quotes"),
    "nothing before": (
        "nothing stands before '{letter}'",
        "write what belongs there, or remove '{letter}'",
    ),
    "open quote": ("this quote is never closed", "close it with the same quote"),
    "escape": (
        "a backslash in double quotes begins no known escape",
        "write \\\\ for a backslash, or use single quotes",
    ),
    "tag": ("tags are not read", "remove the word that begins with '!', or put the text in quotes"),
    "block scalar": ("text follows '|' or '>' on its line", "begin it on the next line, or quote it all"),
    "directive": ("directives are not read", "remove the line that begins with '%'"),
    "outside": (
        "this stands outside the document",
        "put everything into one mapping, without '%' and '...' lines",
    ),
    "": ("this is not YAML ({complaint})", "look at the quotes and the indentation"),
}


def not_yaml(place: Place, kind: str, **facts: object) -> Problem:
    fact, remedy = YAML_SYNTAX[kind]
    return Problem(fact.format(**facts), remedy.format(**facts), "", place)


def not_utf8(place: Place, byte: int, offset: int) -> Problem:
    return Problem(f"byte 0x{byte:02x} at offset {offset} is not UTF-8", "save the file as UTF-8", "", place)


def is_a_workbook(place: Place) -> Problem:
    remedy = "name the spec; 'flopsheet pull', 'check' and 'diff' read workbooks"
    return Problem("this is a workbook, not a spec", remedy, "", place)


def too_large(place: Place, most: int) -> Problem:
    return Problem(f"the text is larger than {most // 2**20} MiB", "check that it is the spec", "", place)


def empty(place: Place) -> Problem:
    return Problem("the text is empty", "begin with 'version: 1'", "", place)


def invisible(place: Place, path: str, letter: str) -> Problem:
    return Problem(f"the text holds the invisible character U+{ord(letter):04X}", "remove it", path, place)


def too_deep(place: Place | None, most: int) -> Problem:
    return Problem(f"lists and mappings are nested more than {most} deep", "flatten them", "", place)


def too_many_values(place: Place, most: int) -> Problem:
    return Problem(f"the text holds more than {most:,} keys and values", "split it", "", place)


def second_document(place: Place) -> Problem:
    return Problem("a second document begins here", "keep one document in a file", "", place)


def anchored(place: Place, path: str, name: str) -> Problem:
    fact = f"anchors and aliases such as '{shown(name)}' are not read"
    return Problem(fact, "write the value out, let a model say 'extends:', or put the text in quotes", path, place)


def merge_key(place: Place, path: str) -> Problem:
    return Problem("merge keys '<<' are not read", "write the values out, or let a model say 'extends:'", path, place)


def tagged(place: Place, path: str) -> Problem:
    return Problem("tags are not read", "remove the word that begins with '!', or put the text in quotes", path, place)


def duplicate_key(place: Place, path: str, name: str, first: Place) -> Problem:
    fact = f"'{shown(name)}' is already given at line {first.line}, column {first.column}"
    return Problem(fact, "keep one of the two", path, place)


def key_is_not_text(place: Place, path: str, word: str, kind: str) -> Problem:
    if not word:
        return Problem("a key is missing before ':'", "write the key", path, place)
    return Problem(f"keys are text, but {shown(word)} reads as {kind}", f"quote it: '{shown(word)}'", path, place)


def key_is_collection(place: Place, path: str) -> Problem:
    return Problem("keys are text, but this is a list or a mapping", "write a text before ':'", path, place)


def comma_ends_value(place: Place, path: str) -> Problem:
    """A number or formula between { } with a comma in it."""
    return Problem("a comma ends the value before it", "write 4096 without a comma, a formula in quotes", path, place)


def zero_first(place: Place, path: str, word: str) -> Problem:
    sign = word[: word[0] in "+-"]
    remedy = f"write {sign}{word.lstrip('+-').lstrip('0') or '0'}, and numbers without commas"
    return Problem(f"{shown(word)} begins with a zero", remedy, path, place)


def not_a_cell_number(place: Place | None, path: str, word: str) -> Problem:
    fact = f"'{shown(word)}' is no finite number that a cell can hold"
    return Problem(fact, "write 0 or a number between 1e-300 and 1e300", path, place)
