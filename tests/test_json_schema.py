"""The schema that editors use says of a spec what `flopsheet validate` says, as far as a schema can."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import jsonschema
import pytest

import test_custom
import test_run_messages
import test_run_sweeps
import test_sweep
from flopsheet.diagnostics import SpecError
from flopsheet.spec import load_spec
from flopsheet.spec.schema.json_schema import to_schema, to_text
from flopsheet.yamlio import source
from spec_mistakes import REFUSED, REFUSED_TEXTS, VALID
from studies import SPECS, spec_of
from test_spec_messages import edited, told

ROOT = Path(__file__).resolve().parent.parent
MODELINE = "# yaml-language-server: $schema=../schema/flopsheet.schema.json\n"

# What no schema of one document can say, by kind, and the messages of that kind.
BEYOND = {
    "what one number must be for another: divisibility, sums, upper bounds": (
        r"does not divide|the groups under layers: have|is more than n_experts|stages|not divisible by"
        r"|, not the \d+ devices|is not a multiple of|does not support|the range from|least is greater than most"
        r"|zip pairs lists|[0-9,]+ (combinations|values|training runs)"
    ),
    "what inputs need of each other, since defaults or another model may say them": (
        r"latent attention with kv_lora_rank \d+ needs|shared_expert_gate is yes, but"
        r"|belongs to latent attention|experts need|a dense FFN or experts|has no shared experts"
        r"|no shared expert to scale|there are no experts|max_positions is 0|no experts to share"
    ),
    "what must be there, since defaults or another model may say it": r"(is|are) missing; write (it|them) here,? or",
    "cross-references: names of models, metrics, inputs and context lengths": (
        r"no (model|model or run|hardware) is called|no metric of a|is not a number that can be read here"
        r"|is not a context length|is an input, not a metric|is a model of the library|is swept, and stands for"
        r"|unknown name|is not an input that can be read here"
    ),
    "what a named metric is": (
        r"is a number, but|is a text, but|is a text, which|depends on the context length|does not depend on the context"
    ),
    "circles": r"a cycle: ",
    "the grammar of expressions": (
        r"not an expression|bracket is not closed|nothing to aggregate|is true or false|is not a comparison"
        r"|exclude\[\d\]: the operator|is a number, not a condition"
    ),
    "the value of an expression": r"has no finite value| = -?[0-9.]+ is ",
    "names that differ in case only, or that something else has": (
        r"are the same name to a spreadsheet|is called 'group 2'|is already the name of|is a built-in"
        r"|already has a meaning in"
        r"|already defines|reads like a variant|would have names of"
    ),
    "what a range or an exclusion is for the input that is swept": (
        r"\.(from|step): .*(out of range|not a whole number)|does not vary|is not among the swept|every combination"
    ),
    "the inputs and metrics that a spec defines, in its models and to each other": (
        r"models\.b\.(rnk|rank|side)|inputs\[\d\]\.(default|unit|choices)|the formula gives|is not a choice of"
        r"|has grain"
        r"|\[0\]\.formula"
    ),
}


@cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(to_schema())


def is_valid(text: str) -> bool:
    return validator().is_valid(source.parse(text, "s.yaml").data)


def refused(text: str) -> bool:
    with pytest.raises(SpecError):
        spec_of(text)
    return True


def beyond(message: str) -> list[str]:
    return [kind for kind, pattern in BEYOND.items() if re.search(pattern, message)]


def unmarked(text: str) -> str:
    return text.replace("«", "").replace("»", "")


BAD = [(told(edited(edits), message)[0], message) for edits, message in REFUSED]
BAD += [(told(text, message)[0], message) for text, message in REFUSED_TEXTS]
BAD += [(told(test_run_messages.edited(edits), message)[0], message) for edits, message in test_run_messages.REFUSED]
BAD += [(unmarked(test_sweep.edited(edits)), message) for edits, message in test_sweep.REFUSED]
BAD += [(test_run_sweeps.edited(edits), message) for edits, message in test_run_sweeps.REFUSED]
BAD += [(unmarked(test_custom.edited(old, new)), message) for old, new, message in test_custom.REFUSED]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(to_schema())


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.name)
def test_a_spec_that_is_valid_is_valid_by_the_schema(path: Path) -> None:
    assert (load_spec(path).name, is_valid(path.read_text(encoding="utf-8"))) == (path.stem, True)


def test_the_text_that_the_mistakes_are_made_in_is_valid_by_the_schema() -> None:
    assert is_valid(VALID)


@pytest.mark.parametrize("claim", ["equals: 1", "at_most: 1T", "at_least_change: 5 %", "at_most_change: 2e9"])
def test_an_expectation_with_one_condition_is_valid_by_the_schema(claim: str) -> None:
    text = VALID.replace("at_least: 1", claim)
    assert (len(spec_of(text).expectations), is_valid(text)) == (1, True)


@pytest.mark.parametrize(("text", "message"), [bad for bad in BAD if not beyond(bad[1])])
def test_what_validate_refuses_the_schema_refuses(text: str, message: str) -> None:
    assert (refused(text), is_valid(text)) == (True, False)


@pytest.mark.parametrize("kind", BEYOND)
def test_what_a_schema_cannot_say_is_only_what_it_lets_through(kind: str) -> None:
    mistakes = [(text, message) for text, message in BAD if kind in beyond(message)]
    assert mistakes
    assert [message for text, message in mistakes if not (refused(text) and is_valid(text))] == []


RUNS = """\
version: 1
context_lengths: [1024]
models:
  a: {n_layers: 4, d_model: 64, n_heads: 4, d_ff: 256, ffn: gelu, vocab_size: 128}
training:
  t: {model: a, hardware: h100-sxm, n_devices: 4, context_length: 1024}
serving:
  s: {model: a, hardware: h100-sxm, prompt_length: 8, generated_length: 8}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("t: {model: a, ", "t: {"),
        ("s: {model: a, ", "s: {"),
        ("a, hardware: h100-sxm, n_devices", "a, n_devices"),
        (", context_length: 1024}", "}"),
        ("prompt_length: 8, ", ""),
        (", generated_length: 8", ""),
        ("n_devices: 4", "n_devices: 0"),
        ("n_devices: 4", "n_device: 4"),
        ("n_devices: 4", "n_devices: 4, optimizer: adam"),
        ("n_devices: 4", "n_devices: 4, zero_stage: 4"),
        ("n_devices: 4", "n_devices: 4, assumed_mfu: 1.5"),
        ("  t: {", "  t*: {"),
        ("generated_length: 8", "generated_length: 8, weight_format: fp7"),
        ("serving:", "hardware: {ours: {memory_byte: 1}}\nserving:"),
        ("training:\n  t: {", "training:\n- {"),
    ],
)
def test_what_validate_refuses_of_a_run_the_schema_refuses(old: str, new: str) -> None:
    assert old in RUNS
    text = RUNS.replace(old, new)
    assert (is_valid(RUNS), refused(text), is_valid(text)) == (True, True, False)


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_spec_names_the_schema_to_the_editor(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith(MODELINE)


@pytest.mark.golden
@pytest.mark.parametrize("path", ["schema/flopsheet.schema.json", "src/flopsheet/spec/flopsheet.schema.json"])
def test_the_schema_that_ships_is_the_one_of_the_data_model(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == to_text(), "stale: run 'make docs'"


def test_the_command_prints_the_schema() -> None:
    command = [sys.executable, "-m", "flopsheet", "schema"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == to_schema()


def properties(node: dict, path: str) -> list[tuple[str, dict]]:
    found = []
    for name, value in node.get("properties", {}).items():
        found.append((f"{path}.{name}", value))
    return found


def test_every_key_has_a_description_and_pydantics_own_words_are_gone() -> None:
    drawn = to_schema()
    keys = properties(drawn, "") + [key for name, kind in drawn["$defs"].items() for key in properties(kind, name)]
    silent = [path for path, value in keys if not value.get("description")]
    null = [path for path, value in keys if value.get("default", "") is None]
    assert (len(keys) > 100, silent, null) == (True, [], [])
