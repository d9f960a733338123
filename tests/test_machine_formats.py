"""`flopsheet validate --format json|github|sarif`: whole outputs, as programs read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from commands import run
from flopsheet import __version__
from flopsheet.catalog.diagnostics_list import diagnostics_by_code
from flopsheet.diagnostics import Place, Problem
from flopsheet.diagnostics.machine_formats import Checked, to_sarif

# An unusual name: GitHub's commands escape %, comma and colon in properties, SARIF's addresses the blank.
NAME = "two, 100%.yaml"
BAD = """\
version: 1
context_lengths: [8k]
models:
  "50%": {model: gpt2-small, n_kv_heads: 5}
"""
GOOD = """\
version: 1
context_lengths: [1024]
models: {m: {model: gpt2-small}}
"""
BUDGET = GOOD + "expect: [{that: m.n_params, at_most: 100M}]\n"

SUFFIX = "'8k' is 8,000 to some and 8,192 to others", "write 8000 or 8Ki"
HEADS = "n_kv_heads 5 does not divide n_heads 12", "write one of n_kv_heads: 2, 3, 4, 6"
# Radford et al. 2019, as counted by Hugging Face's transformers: GPT-2 small has 124,439,808 parameters.
OVER = (
    "m.n_params is 124,439,808, expected at most 100,000,000 (+24.4 %)",
    "change the model or run, or what is expected",
)


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    for name, text in ((NAME, BAD), ("good.yaml", GOOD), ("budget.yaml", BUDGET)):
        (tmp_path / name).write_text(text)
    return tmp_path


def problem(code: str, name: str, said: tuple[str, str], path: str, place: tuple[str, int, int, int] | None) -> object:
    file, line, column, end = place or (None, None, None, None)
    return {
        "code": code,
        "name": name,
        "level": "error",
        "message": said[0],
        "hint": said[1],
        "path": path,
        "file": file,
        "line": line,
        "column": column,
        "end_column": end,
    }


def test_json_has_the_problems_of_every_spec(specs: Path) -> None:
    done = run("validate", NAME, "good.yaml", "budget.yaml", "--format", "json", cwd=specs)
    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (
        1,
        "",
        {
            "layout": 1,
            "specs": [
                {
                    "spec": NAME,
                    "passed": False,
                    "problems": [
                        problem("FS451", "suffix", SUFFIX, "context_lengths[0]", (NAME, 2, 19, 21)),
                        problem("FS101", "kv-heads-divide", HEADS, "models.50%.n_kv_heads", (NAME, 4, 42, 43)),
                    ],
                },
                {"spec": "good.yaml", "passed": True, "problems": []},
                {
                    "spec": "budget.yaml",
                    "passed": False,
                    "problems": [
                        problem("FS661", "expectation-fails", OVER, "expect[0].at_most", ("budget.yaml", 4, 38, 42))
                    ],
                },
            ],
        },
    )


def test_a_file_that_cannot_be_read_is_a_problem_without_a_place(tmp_path: Path) -> None:
    done = run("validate", "absent.yaml", "--format", "json", cwd=tmp_path)
    said = "cannot read 'absent.yaml': no such file or directory", "check the path"
    [spec] = json.loads(done.stdout)["specs"]
    assert (done.returncode, spec["problems"]) == (2, [problem("FS001", "file-not-readable", said, "", None)])


@pytest.mark.parametrize("style", ["json", "github", "sarif"])
def test_problems_of_the_base_stand_with_the_others(style: str, specs: Path) -> None:
    done = run("validate", "budget.yaml", "--base", NAME, "--format", style, cwd=specs)
    told = [word in done.stdout for word in ("context_lengths[0]", "n_kv_heads 5", "expected at most")]
    assert (done.returncode, done.stderr, told) == (1, "", [True, True, True])


def test_annotations_of_github_escape_what_ends_a_property(specs: Path) -> None:
    done = run("validate", NAME, "good.yaml", "budget.yaml", "--format", "github", cwd=specs)
    # https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts escapes % as %25, comma %2C, colon %3A
    assert (done.returncode, done.stderr, done.stdout.splitlines()) == (
        1,
        "",
        [
            "::error file=two%2C 100%25.yaml,line=2,col=19,endColumn=21,title=FS451 suffix::"
            "context_lengths[0]: '8k' is 8,000 to some and 8,192 to others; write 8000 or 8Ki",
            "::error file=two%2C 100%25.yaml,line=4,col=42,endColumn=43,title=FS101 kv-heads-divide::"
            "models.50%25.n_kv_heads: n_kv_heads 5 does not divide n_heads 12; write one of n_kv_heads: 2, 3, 4, 6",
            "::error file=budget.yaml,line=4,col=38,endColumn=42,title=FS661 expectation-fails::"
            "expect[0].at_most: m.n_params is 124,439,808, expected at most 100,000,000 (+24.4 %25); "
            "change the model or run, or what is expected",
        ],
    )


@pytest.mark.parametrize(("style", "said"), [("github", ""), ("json", '"passed": true')])
def test_specs_without_problems_pass(style: str, said: str, specs: Path) -> None:
    done = run("validate", "good.yaml", "--format", style, cwd=specs)
    assert (done.returncode, done.stderr, said in done.stdout, bool(done.stdout)) == (0, "", True, bool(said))


def test_sarif_has_a_result_for_each_problem_and_a_rule_for_each_code(specs: Path) -> None:
    done = run("validate", NAME, "--format", "sarif", cwd=specs)

    def result(code: str, index: int, text: str, path: str, region: tuple[int, int, int]) -> object:
        where = {
            "artifactLocation": {"uri": "two%2C%20100%25.yaml"},
            "region": dict(zip(("startLine", "startColumn", "endColumn"), region, strict=True)),
        }
        places = [{"physicalLocation": where, "logicalLocations": [{"fullyQualifiedName": path}]}]
        return {"ruleId": code, "ruleIndex": index, "level": "error", "message": {"text": text}, "locations": places}

    log = json.loads(done.stdout)
    [ran] = log.pop("runs")
    driver = ran.pop("tool")["driver"]
    rules = driver.pop("rules")
    assert (done.returncode, done.stderr, log["version"], driver) == (
        1,
        "",
        "2.1.0",
        {"name": "flopsheet", "version": __version__},
    )
    assert rules == [
        {
            "id": "FS101",
            "name": "kv-heads-divide",
            "shortDescription": {"text": "Broken rule: Key/value heads divide query heads."},
            "fullDescription": {"text": "Each key/value head serves the same number of query heads."},
            "defaultConfiguration": {"level": "error"},
        },
        {
            "id": "FS451",
            "name": "suffix",
            "shortDescription": {"text": "A number has a suffix that is ambiguous, or of another unit."},
            "fullDescription": {"text": "8k is 8,000 to some and 8,192 to others, and 80G does not say of what."},
            "help": {"text": "Write one of the numbers that the message shows, or a suffix of the right unit."},
            "defaultConfiguration": {"level": "error"},
        },
    ]
    assert ran == {
        "columnKind": "unicodeCodePoints",
        "results": [
            result("FS451", 1, f"context_lengths[0]: {'; '.join(SUFFIX)}", "context_lengths[0]", (2, 19, 21)),
            result("FS101", 0, f"models.50%.n_kv_heads: {'; '.join(HEADS)}", "models.50%.n_kv_heads", (4, 42, 43)),
        ],
    }


SARIF = json.loads((Path(__file__).parent / "truth" / "sarif-2.1.0.json").read_text(encoding="utf-8"))


def sarif_of_everything() -> Any:
    """A log with each diagnostic: in a file whose name needs escapes, with a path alone, with neither."""
    places = [Place("a b/ü,100%.yaml", 3, 7, "    d_model: 4k", 2), Place("/whole/näme.yaml", 1, 1), None]
    problems = [
        Problem("said", "hint", path, place, code)
        for code in diagnostics_by_code()
        for place, path in zip(places, ("models.a", "", ""), strict=True)
    ]
    return json.loads(to_sarif([Checked("a.yaml", problems), Checked("b.yaml", [])], diagnostics_by_code()))


def test_sarif_is_what_its_schema_asks_for() -> None:
    log = sarif_of_everything()
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    jsonschema.validate(log, SARIF)
    # SARIF 2.1.0, 3.27.7: ruleIndex is that of the rule whose id is ruleId.
    assert {rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in log["runs"][0]["results"]} == {True}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: run.pop("tool"),
        lambda run: run["results"][0].pop("message"),
        lambda run: run["results"][0].update(level="fatal"),
        lambda run: run["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
        lambda run: run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"].update(uri="a b"),
        lambda run: run["tool"]["driver"]["rules"].append(run["tool"]["driver"]["rules"][0]),
    ],
)
def test_the_schema_refuses_what_is_no_sarif(spoil: Callable[[Any], object]) -> None:
    log = sarif_of_everything()
    spoil(log["runs"][0])
    assert not jsonschema.Draft7Validator(SARIF).is_valid(log)


def test_every_diagnostic_is_listed_with_its_code() -> None:
    lines = [line.split() for line in run("list", "diagnostics").stdout.splitlines()]
    codes = [code for code, *_ in lines]
    names = {code: name for code, name, *_ in lines}
    assert (codes, names["FS101"], names["FS451"]) == (sorted(set(codes)), "kv-heads-divide", "suffix")
