"""Wording: Hugging Face configurations that cannot be imported."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Place, Problem, quoted, shown
from flopsheet.diagnostics.specs import divisors
from flopsheet.diagnostics.values import kind_of

MOST_EDITS = 2  # of a typing error in the name of a model type
LONG = 9  # letters: a shorter name with two edits is another name, as internlm and internvl are
SHORT = 5  # letters: so short a name with another letter is another name


@diagnostic("FS701", "not-json")
def not_json(place: Place, complaint: str) -> Problem:
    """The configuration is not JSON.

    Why: `flopsheet import` reads the config.json of a model.
    Fix: Give that file, unchanged.
    Example:
        $ echo '{"model_type": "llama",}' | flopsheet import -
    """
    fact = f"this is not JSON ({complaint[:1].lower()}{complaint[1:]})"
    return Problem(fact, "give the config.json of a model", "", place)


@diagnostic("FS702", "not-a-configuration")
def no_configuration(name: str, reason: str) -> Problem:
    """The file is not a configuration.

    Why: A configuration is one JSON object of a plausible size.
    Fix: Give the config.json of a model.
    Example:
        $ echo '[1, 2]' | flopsheet import -
    """
    return Problem(f"'{shown(name)}' is not a configuration: {reason}", "give the config.json of a model")


@diagnostic("FS703", "json-key-twice")
def said_twice_in_json(name: str, key: str) -> Problem:
    """A key occurs twice in the configuration.

    Why: Readers disagree about which of the two counts.
    Fix: Keep one of the two.
    Example:
        $ echo '{"hidden_size": 8, "hidden_size": 16}' | flopsheet import -
    """
    return Problem(f"'{shown(key)}' occurs twice in '{shown(name)}'", "keep one of the two")


@diagnostic("FS704", "model-type-missing")
def no_model_type(value: object) -> Problem:
    """The configuration has no model_type.

    Why: It determines which keys a configuration has, and what they mean.
    Fix: Give a config.json as Hugging Face transformers writes it.
    Example:
        {"model_type": null}
    """
    fact = "is missing" if value is None else f"{kind_of(value)} is not a text"
    return Problem(fact, "give a config.json as Hugging Face transformers writes it", "model_type")


@diagnostic("FS705", "model-type-unknown")
def unknown_model_type(name: str, known: Sequence[str], is_elsewhere: bool = False) -> Problem:
    """The model_type is unknown.

    Why: Its keys may mean something else than those of a similar architecture.
    Fix: Write the spec by hand; `flopsheet list model-types` shows what is known.
    Example:
        {"model_type": "lama"}
    """
    near = mistyped(name, known)
    remedy = f"did you mean '{near}'? " if near else ""
    listed = f"{len(known)} are supported, see 'flopsheet list model-types'"
    reason = ": its code comes with its files, not with transformers" if is_elsewhere else ""
    return Problem(f"'{shown(name)}' is unknown{reason}", remedy + listed, "model_type")


@diagnostic("FS706", "model-type-out-of-scope")
def model_type_not_modelled(name: str, what: str) -> Problem:
    """The model_type is not a decoder that predicts the next token from text alone.

    Why: flopsheet models decoder-only language models.
    Fix: None; such a model cannot be described.
    Example:
        {"model_type": "bert"}
    """
    return Problem(f"'{shown(name)}' is {what}", "flopsheet models decoder-only language models", "model_type")


def mistyped(name: str, known: Sequence[str]) -> str | None:
    """The known model type of which a name is a typing error.

    `qwen3_vl` and `glm5` are none of `qwen3` and `glm4`: a part added or another number is another architecture. So is
    another first letter, and in a short name any other letter: `mllama`, `llada` and `cpm` are not `llama` and `cwm`.
    """

    def is_typing_error(other: str) -> bool:
        one, two = name.lower(), other.lower()
        if _digits(one) != _digits(two) or name.startswith(other) or one[:1] != two[:1]:
            return False
        if min(len(one), len(two)) <= SHORT and len(one) == len(two) and sorted(one) != sorted(two):
            return False
        return _distance(one, two) <= (MOST_EDITS if min(len(one), len(two)) >= LONG else 1)

    return min(filter(is_typing_error, known), key=lambda other: _distance(name.lower(), other.lower()), default=None)


def _digits(name: str) -> str:
    return re.sub(r"\D+", " ", name)


def _distance(one: str, other: str) -> int:
    """Letters to insert, delete, replace or swap with the next until one word is the other (restricted Damerau)."""
    if abs(len(one) - len(other)) > MOST_EDITS:
        return MOST_EDITS + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [at]
        for to, wanted in enumerate(other, start=1):
            row.append(min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (letter != wanted)))
            if at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == wanted:
                row[to] = min(row[to], earlier[to - 2] + 1)
    return row[-1]


@diagnostic("FS707", "experts-missing")
def experts_from_defaults(model_type: str) -> Wording:
    """The configuration of a mixture of experts does not mention experts.

    Why: The defaults of its family would give a model that nobody released.
    Fix: Write the key, or check the model_type.
    Example:
        {"model_type": "mixtral"}
    """
    fact = f"is missing, and the file does not mention experts, although model_type {model_type} has them"
    return fact, "write it, or check the model_type"


@diagnostic("FS708", "configuration-key-unknown")
def key_not_understood(key: str, model_type: str, known: Sequence[str]) -> Problem:
    """The configuration has an unsupported key.

    Why: It may change a count.
    Fix: Leave it aside with `--ignore-key` if it does not.
    Example:
        {"hidden_layers_shared": 2}
    """
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    hint = f"did you mean '{near[0]}'? If not, and " if near else ""
    remedy = f"{hint}if it changes no count, leave it aside with --ignore-key {shown(key)}"
    return Problem(f"not supported for model_type {model_type}", remedy, shown(key))


@diagnostic("FS709", "configuration-value-unknown")
def value_not_understood(value: object, accepted: Sequence[object]) -> Wording:
    """A key has an unsupported value.

    Why: It may change a count.
    Fix: Check the value; the message lists those that are supported.
    Example:
        {"is_encoder_decoder": true}
    """
    words = " or ".join(kind_of(one) for one in accepted) or "null"
    return f"{kind_of(value)} is not supported, since it may change a count", f"only {words} is"


@diagnostic("FS710", "head-unknown")
def not_a_language_model(name: str, heads: Sequence[str]) -> Wording:
    """The architecture is not known to have the head of a language model.

    Why: A classifier or an embedder has another head, and other parameters.
    Fix: Remove `architectures` if it is a language model.
    Example:
        {"architectures": ["LlamaForSequenceClassification"]}
    """
    fact = f"'{shown(name)}' is not known to have the head of a language model"
    return fact, f"names that end in {quoted(heads)} are known; remove the key if this is a language model"


@diagnostic("FS711", "configuration-key-missing")
def no_default(model_type: str) -> Wording:
    """A key is missing for which its family has no default.

    Why: A guess would give another model.
    Fix: Write it.
    Example:
        $ flopsheet import config-without-a-size.json
    """
    return "is missing", f"write it: model_type {model_type} has no default"


@diagnostic("FS712", "configuration-keys-disagree")
def keys_disagree(other: str) -> Wording:
    """Two keys that set the same thing have different values.

    Why: It would be unclear which of them counts.
    Fix: Keep one of the two.
    Example:
        {"model_type": "gpt2", "n_embd": 768, "hidden_size": 1024, "intermediate_size": null}
    """
    return f"differs from {other}, which sets the same thing", "keep one of the two"


@diagnostic("FS713", "configuration-does-not-divide")
def does_not_divide(value: int, other: str, number: int) -> Wording:
    """A number of heads does not divide evenly.

    Why: Heads have equal widths, and query heads share key/value heads evenly.
    Fix: Write one of the numbers that the message lists.
    Example:
        {"num_attention_heads": 32, "num_key_value_heads": 5}
    """
    return f"{value:,} does not divide {other} {number:,}", f"write one of {quoted(divisors(number, value))}"


@diagnostic("FS714", "configuration-more-than")
def more_than(value: int, other: str, most: int) -> Wording:
    """More experts are active than there are.

    Why: A token cannot go through the same expert twice.
    Fix: Write at most their number.
    Example:
        {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 8}
    """
    return f"{value:,} is more than {other} {most:,}", f"write at most {most:,}"


@diagnostic("FS715", "layer-list-length")
def wrong_layer_count(count: int, n_layers: int) -> Wording:
    """A list of layers is longer or shorter than the model.

    Why: Each entry is about one layer.
    Fix: Write one entry for each layer.
    Example:
        {"model_type": "qwen3", "num_hidden_layers": 4, "layer_types": ["full_attention"]}
    """
    return f"the list has {count:,} entries, but the model has {n_layers:,} layers", "write one for each layer"


@diagnostic("FS718", "layer-list-empty")
def no_layers() -> Wording:
    """A list with one entry for each layer is empty.

    Why: A model has at least one layer, and the list says what each layer is.
    Fix: Write one item for each layer.
    Example:
        {"model_type": "nemotron_h", "layers_block_type": []}
    """
    return "is empty", "write one item for each layer"


@diagnostic("FS716", "layer-numbers")
def not_layer_numbers(value: object) -> Wording:
    """A list of layer numbers has other entries.

    Why: They name layers, beginning with 0.
    Fix: Write whole numbers.
    Example:
        {"model_type": "qwen2_moe", "num_experts": 8, "mlp_only_layers": ["first"]}
    """
    return f"{kind_of(value)} is not a list of layer numbers", "write whole numbers, 0 for the first layer"


@diagnostic("FS717", "attention-types")
def not_attention_types() -> Wording:
    """The attention types are not a list of patterns and how often each is repeated.

    Why: This is how GPT-Neo says which layers are local.
    Fix: Write `[[["global", "local"], 12]]`.
    Example:
        {"model_type": "gpt_neo", "attention_types": "local"}
    """
    return "this is not a list of patterns with their repeat counts", 'write [[["global", "local"], 12]]'
