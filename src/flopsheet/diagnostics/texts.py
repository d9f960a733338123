"""Wording: YAML that is not read."""

from __future__ import annotations

from flopsheet.diagnostics.codes import diagnostic
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
    "tab": ("a tab where YAML allows only spaces", "replace it with spaces"),
    "letter": ("a text cannot begin with '{letter}'", "put it in quotes"),
    "second colon": ("there is a second ': ' on this line", "put the text that contains it in quotes"),
    "colon": (
        "a key cannot stand here",
        "align it with the keys beside it, and write ': ' after every key above",
    ),
    "no space": ("a space is missing after this ':'", "write ': '"),
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
    "item among keys": ("a list item among the keys of a mapping", "indent it under its key"),
    "mapping": (
        "the indentation matches no line above",
        "align the key with the others of its mapping",
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
        "there is nothing before '{letter}'",
        "write what belongs there, or remove '{letter}'",
    ),
    "open quote": ("this quote is never closed", "close it with the same quote"),
    "escape": (
        "a backslash in double quotes begins an unknown escape sequence",
        "write \\\\ for a backslash, or use single quotes",
    ),
    "tag": ("YAML tags are not supported", "remove the word that begins with '!', or quote the text"),
    "block scalar": ("text follows '|' or '>' on its line", "begin it on the next line, or quote it all"),
    "directive": ("YAML directives are not supported", "remove the line that begins with '%'"),
    "outside": (
        "this is outside the document",
        "put everything into one mapping, without '%' and '...' lines",
    ),
    "": ("this is not YAML ({complaint})", "look at the quotes and the indentation"),
}


@diagnostic("FS010", "yaml-syntax")
def not_yaml(place: Place, kind: str, **facts: object) -> Problem:
    """The text is not YAML.

    Why: Nothing after the mistake can be read reliably.
    Fix: Correct the line that is shown; quotes, brackets, colons, tabs and indentation are the usual causes.
    Example:
        models:
          m: {model: gpt2-small
    """
    fact, remedy = YAML_SYNTAX[kind]
    return Problem(fact.format(**facts), remedy.format(**facts), "", place)


@diagnostic("FS011", "not-utf8")
def not_utf8(place: Place, byte: int, offset: int) -> Problem:
    r"""The file is not UTF-8.

    Why: Names and titles would be read as other letters.
    Fix: Save the file as UTF-8.
    Example:
        $ printf 'title: \377' | flopsheet validate -
    """
    return Problem(f"byte 0x{byte:02x} at offset {offset} is not UTF-8", "save the file as UTF-8", "", place)


@diagnostic("FS012", "workbook-for-spec")
def is_a_workbook(place: Place) -> Problem:
    """A workbook is named where a spec belongs.

    Why: Commands that read specs do not read workbooks.
    Fix: Name the spec; pull, check and diff read workbooks.
    Example:
        $ flopsheet validate book.xlsx
    """
    remedy = "name the spec; 'flopsheet pull', 'check' and 'diff' read workbooks"
    return Problem("this is a workbook, not a spec", remedy, "", place)


@diagnostic("FS013", "text-too-large")
def too_large(place: Place, most: int) -> Problem:
    """The text is larger than any spec.

    Why: A file of this size is another file by mistake.
    Fix: Check that it is the spec.
    Example:
        $ head -c 20000000 /dev/zero | flopsheet validate -
    """
    return Problem(f"the text is larger than {most // 2**20} MiB", "check that it is the spec", "", place)


@diagnostic("FS014", "text-empty")
def empty(place: Place) -> Problem:
    """The text is empty.

    Why: An empty file says nothing, not even its version.
    Fix: Begin with `version: 1`.
    Example:
        $ flopsheet validate - < /dev/null
    """
    return Problem("the text is empty", "begin with 'version: 1'", "", place)


@diagnostic("FS015", "invisible-character")
def invisible(place: Place, path: str, letter: str) -> Problem:
    r"""The text has a character that does not print.

    Why: Two names that look the same would be different.
    Fix: Remove it; the message has its code point.
    Example:
        $ printf 'title: a\342\200\213b' | flopsheet validate -
    """
    return Problem(f"the text contains the invisible character U+{ord(letter):04X}", "remove it", path, place)


@diagnostic("FS016", "nested-too-deep")
def too_deep(place: Place | None, most: int) -> Problem:
    """Lists and mappings are nested too deep.

    Why: A spec needs few levels; deeper nesting is an accident or an attack.
    Fix: Flatten them.
    Example:
        $ yes '[' | head -n 2000 | flopsheet validate -
    """
    return Problem(f"lists and mappings are nested more than {most} deep", "flatten them", "", place)


@diagnostic("FS017", "too-many-values")
def too_many_values(place: Place, most: int) -> Problem:
    """The text has more keys and values than any spec.

    Why: Reading it would take memory and time for nothing.
    Fix: Split it, or write a sweep instead of a model for each variant.
    Example:
        $ yes '- 1' | head -n 1000000 | flopsheet validate -
    """
    return Problem(f"the text contains more than {most:,} keys and values", "split it", "", place)


@diagnostic("FS018", "second-document")
def second_document(place: Place) -> Problem:
    """A second YAML document begins in the file.

    Why: A spec is one document; a line of three dashes begins another one.
    Fix: Keep one document in a file.
    Example:
        title: one
        ---
        title: two
    """
    return Problem("a second document begins here", "keep one document in a file", "", place)


@diagnostic("FS019", "anchor")
def anchored(place: Place, path: str, name: str) -> Problem:
    """An anchor or an alias of YAML is used.

    Why: An aliased value cannot be edited where it is used, and aliases can expand without bound.
    Fix: Write the value out, or let a model say `extends:`.
    Example:
        models:
          a: &a {model: gpt2-small}
          b: *a
    """
    fact = f"anchors and aliases such as '{shown(name)}' are not supported"
    return Problem(fact, "write the value out, let a model say 'extends:', or put the text in quotes", path, place)


@diagnostic("FS020", "merge-key")
def merge_key(place: Place, path: str) -> Problem:
    """A merge key of YAML is used.

    Why: YAML 1.2 has no merge keys, and readers disagree about their order.
    Fix: Write the values out, or let a model say `extends:`.
    Example:
        models:
          m: {<<: {n_layers: 2}, model: gpt2-small}
    """
    return Problem(
        "merge keys '<<' are not supported", "write the values out, or let a model say 'extends:'", path, place
    )


@diagnostic("FS021", "tag")
def tagged(place: Place, path: str) -> Problem:
    """A tag of YAML is used.

    Why: A spec has texts, numbers, truth values, lists and mappings only, and needs no tags.
    Fix: Remove the word that begins with an exclamation mark, or quote the text.
    Example:
        title: !!str 7
    """
    return Problem(
        "YAML tags are not supported", "remove the word that begins with '!', or quote the text", path, place
    )


@diagnostic("FS022", "duplicate-key")
def duplicate_key(place: Place, path: str, name: str, first: Place) -> Problem:
    """A key occurs twice in a mapping.

    Why: One of the two would be dropped silently.
    Fix: Keep one of them.
    Example:
        models:
          m: {model: gpt2-small, n_layers: 2, n_layers: 3}
    """
    fact = f"'{shown(name)}' is already given at line {first.line}, column {first.column}"
    return Problem(fact, "keep one of the two", path, place)


@diagnostic("FS023", "key-not-text")
def key_is_not_text(place: Place, path: str, word: str, kind: str) -> Problem:
    """A key reads as a number, a truth value or nothing.

    Why: Keys are names; YAML reads an unquoted 70 or true as something else.
    Fix: Put it in quotes.
    Example:
        models:
          70: {model: gpt2-small}
    """
    if not word:
        return Problem("a key is missing before ':'", "write the key", path, place)
    return Problem(f"keys are text, but YAML reads {shown(word)} as {kind}", f"quote it: '{shown(word)}'", path, place)


@diagnostic("FS024", "key-is-collection")
def key_is_collection(place: Place, path: str) -> Problem:
    """A key is a list or a mapping.

    Why: Keys are names.
    Fix: Write a text before the colon.
    Example:
        models:
          [m]: {model: gpt2-small}
    """
    return Problem("keys are text, but this is a list or a mapping", "write a text before ':'", path, place)


@diagnostic("FS025", "comma-in-number")
def comma_ends_value(place: Place, path: str) -> Problem:
    """A comma ends a number or a formula between braces.

    Why: Between braces a comma separates entries: `{d_ff: 4,196}` is the number 4 and a key 196.
    Fix: Write the number without commas, and a formula with a comma in quotes.
    Example:
        models:
          m: {model: gpt2-small, d_ff: 4,196}
    """
    return Problem(
        "a comma ends the value before it",
        "write 4096 without a comma, and quote a formula that contains one",
        path,
        place,
    )


@diagnostic("FS026", "leading-zero")
def zero_first(place: Place, path: str, word: str) -> Problem:
    """A number begins with a zero.

    Why: YAML 1.1 reads 010 as octal, YAML 1.2 as decimal, and in `[4,096]` it is the end of another number.
    Fix: Write the number without the zero and without commas.
    Example:
        context_lengths: [4,096]
    """
    sign = word[: word[0] in "+-"]
    remedy = f"write {sign}{word.lstrip('+-').lstrip('0') or '0'}, and numbers without commas"
    return Problem(f"{shown(word)} begins with a zero", remedy, path, place)


@diagnostic("FS027", "number-unrepresentable")
def not_a_cell_number(place: Place | None, path: str, word: str) -> Problem:
    """A number is not finite, or too large or too small for a cell.

    Why: Excel has no infinities and rounds numbers below 1e-307 to zero.
    Fix: Write 0 or a number between 1e-300 and 1e300.
    Example:
        context_lengths: [1e400]
    """
    fact = f"'{shown(word)}' is not a finite number that a cell can hold"
    return Problem(fact, "write 0 or a number between 1e-300 and 1e300", path, place)
