"""docs/diagnostics.md: every diagnostic with its code; the messages come from running the examples."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from markdown_tables import NOTE

from flopsheet import api, catalog, diagnostics
from flopsheet.catalog.diagnostics_list import diagnostics_by_code
from flopsheet.diagnostics import TOPICS, Diagnostic, FlopsheetError, Problem
from flopsheet.importers import huggingface
from flopsheet.output.markdown import code
from flopsheet.spec.load import from_source
from flopsheet.yamlio.source import parse

# What an example leaves out; hardware, runs and expectations are of model m.
REST = {
    "version": "version: 1\n",
    "context_lengths": "context_lengths: [1024]\n",
    "models": "models:\n  m: {model: gpt2-small}\n",
}
SEARCH = "best: {"  # in an example, the search of which it shows a part
REST_OF_SEARCH = "model: m, context_length: 1024, hardware: h100-sxm, n_devices: 8, "
CONFIGURATION = {
    "model_type": "llama",
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 4,
    "num_attention_heads": 32,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
}
# Where the edit of Inputs that breaks each rule stands, and what a spreadsheet engine then reads on Checks.
EDITS = Path(__file__).resolve().parent.parent / "tests" / "test_rules.py"
# Texts that are no YAML on their own: an example cannot be completed by reading its keys.
WORDS = ("$ ", ">>> ", "In ", "On ", "Without ")


def diagnostic_reference() -> str:
    known = diagnostics_by_code()
    lines = [
        "# Diagnostics",
        "",
        NOTE,
        "",
        "Every problem that flopsheet reports has a stable code; the wording may change. The codes are printed by",
        "`flopsheet validate --format json|github|sarif` ([in CI](continuous-integration.md#problems-at-their-lines)),",
        "listed by `flopsheet list diagnostics`, explained one by one by `flopsheet explain CODE`, and in Python they",
        "are `Problem.code`. The examples leave out the rest of the spec (a model `m` of GPT-2 small at one context",
        "length; of a search its model, context length and devices) or of the configuration.",
    ]
    for prefix, topic in TOPICS.items():
        entries = [entry for entry in known.values() if entry.code.startswith(prefix)]
        lines += ["", f"## {prefix}xx: {topic}"]
        for entry in entries:
            lines += ["", *section(entry)]
    return "\n".join([*lines, ""])


def section(entry: Diagnostic) -> Iterator[str]:
    yield f"### {entry.code} {entry.name}"
    yield ""
    yield f"{entry.what} {entry.why}"
    if entry.fix:
        yield ""
        yield f"Fix: {entry.fix}"
    for message in messages_of_rules().get(entry.code, ()):
        yield from ("", f"Message: {code(message)}")
    if entry.code in edits_of_rules():
        yield from ("", *edit_of_inputs(*edits_of_rules()[entry.code]))
    if not entry.example:
        return
    yield ""
    if is_run(entry):
        yield from ("```json" if entry.example.startswith("{") else "```yaml", entry.example, "```", "")
        told = messages(entry)
        yield from ("```text", *map(str, (one._replace(place=None) for one in told)), "```")
    elif entry.example.startswith(("$ ", ">>> ")):
        yield from ("```console" if entry.example.startswith("$ ") else "```python", entry.example, "```")
    else:
        yield entry.example


@cache
def edits_of_rules() -> dict[str, tuple[list[tuple[str, str, Any]], str]]:
    """Code → what the tests type on Inputs to break a rule, and the sentence that they expect on Checks."""
    tables = (node for node in ast.parse(EDITS.read_text(encoding="utf-8")).body if isinstance(node, ast.AnnAssign))
    [broken] = [node.value for node in tables if ast.unparse(node.target) == "BROKEN"]
    known = catalog.load_inputs().rules
    return {known[name].code: edit for name, edit in ast.literal_eval(broken).items()} if broken else {}


def edit_of_inputs(typed: list[tuple[str, str, Any]], sentence: str) -> Iterator[str]:
    """An edit of a workbook and what it then says."""
    edits = " and ".join(f"{code(name)} of {code(row)} is {value}" for name, row, value in typed)
    yield f"Example: where {edits} on *Inputs*, *Checks* says"
    yield from ("", "```text", sentence, "```")


def is_run(entry: Diagnostic) -> bool:
    """Whether the example is a part of a spec or a configuration, whose messages the page shows."""
    return bool(entry.example) and not entry.example.startswith(WORDS)


def messages(entry: Diagnostic) -> Iterable[Problem]:
    """The problems that an example really has."""
    try:
        if entry.example.startswith("{"):
            with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
                Path("config.json").write_text(completed_configuration(entry.example), encoding="utf-8")
                huggingface.convert("config.json")
        else:
            report = api.compute_spec(from_source(parse(completed(entry.example), "spec.yaml"), "spec"))
            return [diagnostics.located(one.to_finding(report.catalog), "", None) for one in report.missed()]
    except FlopsheetError as error:
        return error.problems
    return ()


def completed(example: str) -> str:
    """A part of a spec with the parts that it leaves out in front of it; a version of its own says that it is whole."""
    said = {line.partition(":")[0] for line in example.splitlines() if line[:1].isalpha()}
    if "version" in said:
        return example + "\n"
    whole = example.replace(SEARCH, SEARCH + REST_OF_SEARCH)
    return "".join(text for key, text in REST.items() if key not in said) + whole + "\n"


def completed_configuration(example: str) -> str:
    said = json.loads(example)
    return json.dumps({key: value for key, value in {**CONFIGURATION, **said}.items() if value is not None})


def messages_of_rules() -> dict[str, list[str]]:
    """Code → the messages of a rule, with the names of inputs where their values stand."""
    return {
        rule.code: [re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", one) for one in rule.templates]
        for rule in catalog.load_inputs().rules.values()
    }
