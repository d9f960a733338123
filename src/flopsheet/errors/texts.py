"""Wording: YAML that is not read."""

from __future__ import annotations

from flopsheet.errors.problem import Place, Problem, shown

# yaml's complaint and where it stands, as a pattern; our fact and remedy. The first row that fits counts.
# libyaml and PyYAML's own parser word the same complaint differently.
YAML_SYNTAX: tuple[tuple[str, str, str], ...] = (
    (
        r"tab character| \t$",
        "a tab stands where only spaces may",
        "replace it with spaces",
    ),
    (
        r"any token|an (alias|anchor):|mapping keys are not|block node: .* ,$",
        "a text cannot begin with '{letter}'",
        "put it in quotes",
    ),
    (
        r"mapping values.* after a key",
        "a second ': ' stands on this line",
        "put the text that holds it in quotes",
    ),
    (
        r"mapping values",
        "a key cannot stand here",
        "line it up with the keys beside it, and write ': ' after every key above",
    ),
    (
        r"sequence entries",
        "a list cannot begin here",
        "begin it on the next line, or write [a, b]",
    ),
    (
        r"expected ':'",
        "this line is neither 'key: value' nor '- item'",
        "add what is missing, or indent the line if it continues the text above",
    ),
    (
        r"block (mapping|collection).* after ",
        "more text follows the end of the value",
        "put the whole value in quotes; inside single quotes write '' for '",
    ),
    (
        r"block mapping.* :$",
        "a key is missing before ':'",
        "write the key",
    ),
    (
        r"block mapping.* -$",
        "a list item stands among the keys of a mapping",
        "indent it under its key",
    ),
    (
        r"block mapping",
        "the indentation matches no line above",
        "line the key up with the keys that it belongs to",
    ),
    (
        r"block collection",
        "a list item does not begin with '- '",
        "write '- ', or indent the line further",
    ),
    (
        r"flow (sequence|mapping).* the end$",
        "this '{letter}' is never closed",
        "close it",
    ),
    (
        r"flow sequence",
        "',' or ']' is missing here, for the '[' on line {opened}",
        "put ',' between the items and ']' after the last",
    ),
    (
        r"flow mapping",
        "',' or '}}' is missing here, for the '{{' on line {opened}",
        "put ',' between the keys and '}}' after the last",
    ),
    (
        r"node content.* the end$",
        "the text ends inside brackets",
        "close every '[' and '{{'",
    ),
    (
        r"node content.* [\]}]$",
        "this '{letter}' closes nothing",
        "remove it, or put the text in quotes",
    ),
    (
        r"node content",
        "nothing stands before '{letter}'",
        "write what belongs there, or remove '{letter}'",
    ),
    (
        r"quoted scalar.*unexpected",
        "this quote is never closed",
        "close it with the same quote",
    ),
    (
        r"quoted|chr\(\)|too large",
        "a backslash in double quotes begins no known escape",
        "write \\\\ for a backslash, or use single quotes",
    ),
    (
        r"\btag\b",
        "tags are not read",
        "remove the word that begins with '!', or put the text in quotes",
    ),
    (
        r"block scalar",
        "text follows '|' or '>' on its line",
        "begin it on the next line, or quote it all",
    ),
    (
        r"directive|version|YAML document",
        "directives are not read",
        "remove the line that begins with '%'",
    ),
    (
        r"document start",
        "this stands outside the document",
        "put everything into one mapping, without '%' and '...' lines",
    ),
    (
        r"",
        "this is not YAML ({complaint})",
        "look at the quotes and the indentation",
    ),
)


def not_yaml(place: Place, row: tuple[str, str, str], **facts: object) -> Problem:
    return Problem(row[1].format(**facts), row[2].format(**facts), "", place)


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
