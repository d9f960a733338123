"""Every error that a user can meet, and its wording: where, what, remedy."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A spot in a text file; line and column count from 1, `text` is the whole offending line."""

    source: str
    line: int
    column: int
    text: str = ""
    width: int = 1


@dataclass(frozen=True)
class Problem:
    """One mistake: the place, the path of the value (`models.gpt2-xl.d_model`), the fact and what to write instead."""

    fact: str
    remedy: str = ""
    path: str = ""
    place: Place | None = None

    def __str__(self) -> str:
        where = f"{self.place.source}:{self.place.line}:{self.place.column}: " if self.place else ""
        path = f"{self.path}: " if self.path else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        head = f"{where}{path}{self.fact}{remedy}"
        if not self.place or not self.place.text.strip():
            return head
        return head + "\n" + pointed(self.place)


def pointed(place: Place, window: int = 120) -> str:
    """The offending line with a caret under its column; a long line is cut to the part around the caret."""
    start = max(0, place.column - 1 - window // 2) if len(place.text) > window else 0
    # A tab is shown as one space, so that the caret stands under its character on every terminal.
    line = "".join(letter if letter.isprintable() else " " for letter in place.text[start : start + window])
    offset = place.column - 1 - start
    width = max(1, min(place.width, len(line) - offset))
    return f"    {line}\n    {' ' * offset}{'^' * width}"


class FlopsheetError(Exception):
    """One or more problems, all reported at once; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class SpecError(FlopsheetError):
    """The spec is not valid."""


class FormulaError(FlopsheetError):
    """The text of a formula is not in the language."""


class CatalogError(FlopsheetError):
    """A metric's definition breaks a rule of the catalogue."""


class ComputeError(FlopsheetError):
    """A metric has no finite value."""


class SizeError(FlopsheetError):
    """The study does not fit into a workbook."""


class FileError(FlopsheetError):
    """A file cannot be read or written."""

    exit_code = 2


class UsageError(FlopsheetError):
    """A command was asked for something that does not exist."""

    exit_code = 2


def quoted(names: Iterable[object], most: int = 12) -> str:
    """`a, b, c`, cut after `most` names."""
    listed = [shown(str(name)) for name in names]
    more = f", … ({len(listed)} in all)" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known name that somebody probably meant."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return near[0] if near else None


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The remedy for a name that nobody knows: the nearest known one, or the list where it is short."""
    near = nearest(word, known)
    if near is not None:
        return f"did you mean '{shown(near)}'?"
    return f"known: {quoted(known)}" if known else ""


# Files ---------------------------------------------------------------------------------------------------------------


def cannot_read(source: str, reason: str) -> Problem:
    return Problem(f"cannot read '{source}': {reason}", "check the path")


def cannot_write(target: str, reason: str) -> Problem:
    return Problem(f"cannot write '{target}': {reason}", "close it where it is open, or choose another file with -o")


def already_there(target: str) -> Problem:
    return Problem(f"'{target}' exists already", "choose another file with -o, or add --force")


# Formulas ------------------------------------------------------------------------------------------------------------


def formula_syntax(
    text: str, fact: str, remedy: str, column: int, width: int, place: Place | None, path: str
) -> Problem:
    """A formula that leaves the language; the caret stands in the file's line where the formula is on it as written."""
    if place is None:
        return Problem(fact, remedy, path, Place("formula", 1, column + 1, text, width))
    if not text:
        return Problem(fact, remedy, path, place)
    start = place.text.find(text, place.column - 1)
    if start < 0:
        return Problem(f"{fact}, at column {column + 1} of '{shown(text)}'", remedy, path, place)
    return Problem(fact, remedy, path, Place(place.source, place.line, start + column + 1, place.text, width))


# YAML ----------------------------------------------------------------------------------------------------------------

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


def shown(text: str, most: int = 60) -> str:
    """Text from a file, fit to stand in a message: on one line, cut where it is long."""
    line = "".join(letter if letter.isprintable() else " " for letter in text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


def not_utf8(place: Place, byte: int, offset: int) -> Problem:
    return Problem(f"byte 0x{byte:02x} at offset {offset} is not UTF-8", "save the file as UTF-8", "", place)


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


def not_a_cell_number(place: Place | None, path: str, word: str) -> Problem:
    fact = f"'{shown(word)}' is no finite number that a cell can hold"
    return Problem(fact, "write 0 or a number between 1e-300 and 1e300", path, place)


# Specs: a finding is what is wrong and what to write instead; `located` gives it its path and place -------------------

Finding = tuple[str, str]


def located(finding: Finding, path: str, place: Place | None) -> Problem:
    fact, remedy = finding
    return Problem(fact, remedy, path, place)


def kind_of(value: object) -> str:
    """A value of a spec in words: `true`, `'text'`, `a list`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"'{shown(value)}'"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case float():
            return f"{value:,.15g}"
        case int():
            return shown(f"{value:,}")
    return type(value).__name__


def bounds(value: float, least: float | None, most: float) -> str:
    if least is not None and most < 1e15:
        return f"write {least:,.15g} to {most:,.15g}"
    return f"write at most {most:,.0f}" if value > most else f"write {least:,.15g} or more"


def number_problem(value: object, least: float | None, most: float, *, whole: bool) -> Finding | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{kind_of(value)} is not a number", "write a whole number" if whole else "write a number"
    if (least is not None and value < least) or value > most:
        return f"{kind_of(value)} is out of range", bounds(value, least, most)
    if whole and value != int(value):
        return f"{kind_of(value)} is not a whole number", f"write {math.floor(value):,} or {math.ceil(value):,}"
    return None


def choice_problem(value: object, choices: Sequence[int | str]) -> Finding | None:
    if not isinstance(value, bool) and value in choices:
        return None
    words = [str(choice) for choice in choices]
    near = difflib.get_close_matches(value, words, n=1) if isinstance(value, str) else []
    remedy = f"did you mean {kind_of(choices[words.index(near[0])])}? " if near else ""
    return f"{kind_of(value)} is not a choice", f"{remedy}choices: {quoted(words)}"


def flag_problem(value: object) -> Finding | None:
    return None if isinstance(value, bool) else (f"{kind_of(value)} is neither true nor false", "write true or false")


def text_problem(value: object, most: int) -> Finding | None:
    if not isinstance(value, str):
        return f"{kind_of(value)} is not a text", "put it in quotes"
    if not value.strip():
        return "the text is empty", "write something, or remove the key"
    if len(value) > most:
        return f"the text has {len(value):,} characters", f"{most:,} are the most"
    return None


def equals_problem(value: object) -> Finding | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return f"{kind_of(value)} is neither a number nor a text", "write what the metric should be"
    return None


def version_problem(value: object) -> Finding | None:
    return None if type(value) is int and value == 1 else ("this version of the format is unknown", "write version: 1")


def not_plain(value: object, path: str) -> Problem:
    return Problem(f"{type(value).__name__} is no type of a spec", "give texts, numbers, lists and mappings", path)


def not_a_text_key(key: object, path: str) -> Problem:
    return Problem(f"keys are text, but {shown(repr(key))} is none", "give it as a str", path)


def model_name_problem(name: str, most: int, forbidden: str) -> Finding | None:
    if found := [letter for letter in forbidden if letter in name]:
        return f"'{shown(name)}' holds '{found[0]}', which a spreadsheet reads as a pattern", "choose another name"
    if not name:
        return "the name is empty", "choose another name"
    if name != name.strip():
        return f"'{shown(name)}' begins or ends with a blank", "choose another name"
    if not name.isprintable():
        return f"'{shown(name)}' holds a line break or another sign that does not print", "choose another name"
    if len(name) > most:
        return f"the name has {len(name):,} characters", f"{most} are the most"
    return None


def same_name(name: str, other: str) -> Finding:
    fact = f"'{shown(name)}' and '{shown(other)}' are one name to a spreadsheet"
    return fact, "choose names that differ in more than case"


def same_length(length: float) -> Finding:
    return f"{kind_of(length)} is already in the list", "keep one of the two"


def wrong_count(count: int, most: int) -> Finding:
    if not count:
        return "there are no entries", "write at least one"
    return f"there are {count:,} entries", f"{most:,} are the most"


def same_group_name(name: str) -> Finding:
    return f"another layer group is called '{shown(name)}'", "write another name:"


def not_a_mapping(value: object) -> Finding:
    return f"the spec is {kind_of(value)}, not a mapping", "begin with 'version: 1'"


def not_a_list(value: object) -> Finding:
    return f"{kind_of(value)} stands where a list should", "write [a, b]"


def not_keys(value: object) -> Finding:
    return f"{kind_of(value)} stands where a mapping should", "write {key: value}"


def unknown_key(key: str, known: Sequence[str]) -> Finding:
    return f"unknown key '{shown(key)}'", did_you_mean(key, known)


def missing_key(key: str) -> Finding:
    return f"{key} is missing", f"write {key}: …"


def missing_inputs(names: Sequence[str]) -> Finding:
    verb, them = ("is", "it") if len(names) == 1 else ("are", "them")
    return f"{', '.join(names)} {verb} missing", f"write {them} here or under defaults:"


def said_twice(one: str, other: str) -> Finding:
    return f"{one} and {other} say the same thing", "keep one of the two"


def unknown_model(name: str, known: Sequence[str]) -> Finding:
    return f"no model is called '{shown(name)}'", did_you_mean(name, known)


def unknown_metric(name: str, known: Sequence[str]) -> Finding:
    return f"no metric of a model or scenario is called '{shown(name)}'", did_you_mean(name, known)


def unknown_input(name: str, known: Sequence[str]) -> Finding:
    return f"'{name}' is not a number that can be read here", did_you_mean(name, known)


def cycle(chain: Sequence[str]) -> Finding:
    return f"a cycle: {' → '.join(map(shown, chain))}", "break it at one of them"


def not_for_inputs(function: str) -> Finding:
    return f"{function}(…) has nothing to gather in an input", "write a number or an expression of other inputs"


def no_number(text: str) -> Finding:
    return f"'{shown(text)}' is true or false, not a number", "write where(condition, a, b)"


def gives(text: str, finding: Finding | None) -> Finding | None:
    """What is wrong with the value of an expression, which the line of the file does not show."""
    return (f"{shown(text)} = {finding[0]}", finding[1]) if finding else None


def inherited(finding: Finding, model: str) -> Finding:
    """What is wrong in a model with something that it does not say itself."""
    return f"{finding[0]} in model '{shown(model)}'", finding[1]


def no_value(text: str) -> Finding:
    return f"'{shown(text)}' has no value", "check for a division by zero or a number out of range"


def divisors(number: float, near: float) -> list[int]:
    """The divisors of a whole number nearest to a wish, in order."""
    whole = int(number)
    small = [low for low in range(1, min(int(whole**0.5), 10**6) + 1) if whole % low == 0]
    found = sorted({*small, *(whole // low for low in small)}, key=lambda one: (abs(one - near), one))
    return sorted(found[:4])


def heads_do_not_divide(width: float, heads: float) -> Finding:
    near = quoted(divisors(width, heads))
    return f"n_heads {heads:,.0f} does not divide d_model {width:,.0f}", f"write d_head, or one of n_heads: {near}"


def heads_do_not_share(heads: float, shared: float) -> Finding:
    near = quoted(divisors(heads, shared))
    return f"n_kv_heads {shared:,.0f} does not divide n_heads {heads:,.0f}", f"write one of n_kv_heads: {near}"


def layers_do_not_add_up(claimed: float, total: float) -> Finding:
    fact = f"n_layers is {claimed:,.0f}, the groups under layers: have {total:,.0f}"
    return fact, "remove n_layers, or correct a group"


def learned_without_positions() -> Finding:
    return "positions are learned, but max_positions is 0", "write max_positions: …, the rows of the position table"


def not_a_claim(that: str) -> Finding:
    return f"'{shown(that)}' names no number", "write MODEL.METRIC, such as gpt2-xl.n_params"


def claims_nothing() -> Finding:
    return "the expectation claims nothing", "write equals:, at_least: or at_most:"


def claim_of_another_type(metric: str, value: object, *, is_text: bool) -> Finding:
    kind, remedy = ("a text", "write equals: and a text") if is_text else ("a number", "write a number")
    return f"{metric} is {kind}, which {kind_of(value)} is not", remedy


def claim_without_context(metric: str) -> Finding:
    return f"{metric} does not depend on the context length", "remove context_length"


def claim_needs_context(length: float | None, lengths: Sequence[float]) -> Finding:
    remedy = f"write one of context_length: {quoted(f'{one:.0f}' for one in lengths)}"
    if length is None:
        return "the number depends on the context length", remedy
    return f"{length:,.0f} is not a context length of this spec", remedy


# Import --------------------------------------------------------------------------------------------------------------


def not_json(place: Place, complaint: str) -> Problem:
    fact = f"this is not JSON ({complaint[:1].lower()}{complaint[1:]})"
    return Problem(fact, "give the config.json of a model", "", place)


def no_configuration(name: str, reason: str) -> Problem:
    return Problem(f"'{shown(name)}' is no configuration: {reason}", "give the config.json of a model")


def said_twice_in_json(name: str, key: str) -> Problem:
    return Problem(f"'{shown(name)}' says '{shown(key)}' twice", "keep one of the two")


def no_model_type(value: object) -> Problem:
    fact = "is missing" if value is None else f"{kind_of(value)} is not a text"
    return Problem(fact, "give a config.json as Hugging Face transformers writes it", "model_type")


def unknown_model_type(name: str, known: Sequence[str]) -> Problem:
    near = nearest(name, known)
    remedy = f"did you mean '{near}'? " if near else ""
    return Problem(f"'{shown(name)}' is not known", f"{remedy}known: {quoted(known, len(known))}", "model_type")


def key_not_understood(key: str, model_type: str, known: Sequence[str]) -> Problem:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    remedy = f"did you mean '{near[0]}'? If not, remove" if near else "remove"
    return Problem(f"not understood for model_type {model_type}", f"{remedy} it if it changes no count", shown(key))


def value_not_understood(value: object, accepted: Sequence[object]) -> Finding:
    words = " or ".join(kind_of(one) for one in accepted) or "null"
    return f"{kind_of(value)} may change a count and is not understood", f"only {words} is"


def not_a_language_model(name: str, heads: Sequence[str]) -> Finding:
    fact = f"'{shown(name)}' is not known to have the head of a language model"
    return fact, f"known are names that end in {quoted(heads)}; remove it if this is one"


def no_default(model_type: str) -> Finding:
    return "is missing", f"write it: model_type {model_type} has no default"


def keys_disagree(other: str) -> Finding:
    return f"differs from {other}, which says the same thing", "keep one of the two"


def does_not_divide(value: int, other: str, number: int) -> Finding:
    return f"{value:,} does not divide {other} {number:,}", f"write one of {quoted(divisors(number, value))}"


def more_than(value: int, other: str, most: int) -> Finding:
    return f"{value:,} is more than {other} {most:,}", f"write at most {most:,}"


def wrong_layer_count(count: int, n_layers: int) -> Finding:
    return f"the list has {count:,} entries, the model {n_layers:,} layers", "write one for each layer"


def not_layer_numbers(value: object) -> Finding:
    return f"{kind_of(value)} is not a list of layer numbers", "write whole numbers, 0 for the first layer"


def not_attention_types() -> Finding:
    return "this is not a list of patterns and how often each stands", 'write [[["global", "local"], 12]]'


def unknown_library_model(name: str, known: Sequence[str]) -> Finding:
    return f"the library has no model '{shown(name)}'", did_you_mean(name, known) + " (flopsheet list models)"


def kind_needs(kind: str, absent: Sequence[str]) -> Finding:
    return f"{kind} attention needs {', '.join(absent)}", "write it beside kind" if len(
        absent
    ) == 1 else "write them beside kind"


def kind_sets(kind: str, key: str, value: int | str) -> Finding:
    return f"{kind} attention already says {key}: {value}", f"remove {key}, or choose another kind"


def layer_findings(value: dict[str, float]) -> Iterator[tuple[Finding, str]]:
    """What does not fit together in one layer, each with the input to point at."""
    latent = [name for name in ("q_lora_rank", "d_qk_nope", "d_qk_rope") if value.get(name)]
    if value.get("kv_lora_rank"):
        for name in ("d_qk_nope", "d_qk_rope"):
            if value.get(name) == 0:
                yield (f"latent attention needs {name}", f"write {name}: …, or kv_lora_rank: 0"), "kv_lora_rank"
    elif latent and value.get("kv_lora_rank") == 0:
        yield (f"{latent[0]} belongs to latent attention, but kv_lora_rank is 0", "write kv_lora_rank: …"), latent[0]
    experts, active, width = (value.get(name, 0.0) for name in ("n_experts", "n_active_experts", "d_expert"))
    if active > experts:
        fact = f"n_active_experts {active:,.0f} is more than n_experts {experts:,.0f}"
        yield (fact, f"write at most {experts:,.0f}" if experts else "write n_experts: …"), "n_active_experts"
    if experts and not active:
        yield ("experts need n_active_experts", "write how many a token passes (top-k)"), "n_experts"
    if experts and not width:
        yield ("experts need d_expert", "write the inner width of one expert"), "n_experts"
    if experts and value.get("d_ff"):
        remedy = "write d_ff: 0; an FFN beside the routed experts is a shared expert"
        yield ("a layer has a dense FFN or experts, and here are both", remedy), "d_ff"
    if not experts and value.get("d_ff") == 0:
        yield ("d_ff is 0 and there are no experts", "write d_ff: …, or n_experts: …"), "d_ff"


# Computing -----------------------------------------------------------------------------------------------------------


def not_finite(metric: str, row: dict[str, object]) -> Problem:
    where = ", ".join(f"{name} {value}" for name, value in row.items())
    remedy = "check the inputs for zeros and for sizes out of range"
    return Problem("the result is not a finite number", remedy, f"{metric} ({where})")


# Workbooks -----------------------------------------------------------------------------------------------------------


def too_wide_for_a_sheet(title: str, columns: int, most: int) -> Problem:
    fact = f"sheet '{title}' would need {columns:,} columns, a sheet holds {most:,}"
    return Problem(fact, "split the study, or print it with 'flopsheet show --format csv'")
