"""Types of public functions: `Any` where there is a reason, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import flopsheet

PACKAGE = Path(flopsheet.__file__).parent

# Module or room → why signatures of its public functions mention Any. A mapping of YAML or JSON is `Data`.
REASONS = {
    "catalog/build": "the entry that is being read, before its shape is checked",
    "diagnostics/codes": "a decorator of functions with any parameters",
    "formula/operators": "NumPy as a parameter, so that a spec is checked without importing it",
    "importers/huggingface": "values of a configuration: any JSON",
    "pipeline/search/layouts": "runs as a spec writes them",
    "pipeline/tables": "keys of rows: names and numbers side by side",
    "review/assign": "a spec as data, changed in place",
    "review/edit": "a spec as data",
    "review/patch": "a spec as data",
    "review/pull": "a spec as data",
    "spec/calibration/steps": "values of a measured step, or those of each layer group, by one evaluator",
    "spec/resolve/rules": "plain values or columns of them, by one set of rules",
    "spec/resolve/frozen": "a spec as data, changed in place",
    "spec/resolve/parts": "a spec as data, changed in place",
    "spec/resolve/stages": "a spec as data, changed in place",
    "spec/schema/json_schema": "methods of pydantic's generator, as it declares them",
    "spec/schema/shapes": "values of a spec before their kind is known, and errors of pydantic",
    "spec/sweep/axes": "values of a swept input: numbers, words, expressions",
    "spec/sweep/exclude": "plain values or columns of them, by one condition",
    "workbook/model/embedded": "a spec as data",
    "workbook/write/xlsx": "a method of zipfile, as it declares it",
    "yamlio/merge": "where the values of a mapping stand, whatever they are",
    "yamlio/source": "events of PyYAML, which carries no types",
}


def mentions_any(function: ast.FunctionDef) -> bool:
    listed = function.args
    arguments = [*listed.posonlyargs, *listed.args, *listed.kwonlyargs, listed.vararg, listed.kwarg]
    annotations = [function.returns, *(one.annotation for one in arguments if one)]
    return any(isinstance(part, ast.Name) and part.id == "Any" for one in annotations if one for part in ast.walk(one))


def public_functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def test_any_in_a_public_signature_has_a_reason() -> None:
    found = {
        next((known for known in REASONS if f"{module}/".startswith(f"{known}/")), module)
        for path in PACKAGE.rglob("*.py")
        for module in [path.relative_to(PACKAGE).with_suffix("").as_posix()]
        if any(map(mentions_any, public_functions(path)))
    }
    assert found == REASONS.keys()
