"""The register of diagnostics: every code is unique, documented and shown; no problem is made without one."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import flopsheet
from flopsheet import catalog, diagnostics
from flopsheet.catalog.diagnostics_list import diagnostics_by_code

PACKAGE = Path(flopsheet.__file__).parent
ROOT = PACKAGE.parent.parent
sys.path.append(str(ROOT / "docs"))

from diagnostic_reference import edits_of_rules, is_run, messages  # noqa: E402  docs are no package

KNOWN = diagnostics_by_code()
RUN = [code for code, entry in KNOWN.items() if is_run(entry)]


def test_a_code_belongs_to_one_diagnostic() -> None:
    listed = [*diagnostics.REGISTRY, *(rule.code for rule in catalog.load_inputs().rules.values())]
    names = [entry.name for entry in KNOWN.values()]
    assert ([one for one in {*listed} if listed.count(one) > 1], [one for one in {*names} if names.count(one) > 1]) == (
        [],
        [],
    )


def defined_in(path: Path) -> set[str]:
    """The public names that a module defines at its top."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {
                name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            }
    return {name for name in found if not name.startswith("_")}


def test_two_wording_modules_define_no_public_name_alike() -> None:
    # All of them are told by the package, where the later one would hide the other.
    modules = [defined_in(path) for path in Path(diagnostics.__file__).parent.glob("[!_]*.py")]
    assert [name for name in set().union(*modules) if sum(name in module for module in modules) > 1] == []


def test_two_diagnostics_cannot_share_a_code() -> None:
    with pytest.raises(ValueError, match="FS001 is both file-not-readable and another"):
        diagnostics.diagnostic("FS001", "another")(lambda: ("a", "b"))


@pytest.mark.parametrize("code", KNOWN)
def test_every_diagnostic_says_what_why_and_how_to_fix_it(code: str) -> None:
    entry = KNOWN[code]
    is_rule = code not in diagnostics.REGISTRY  # a rule's own hint says how
    assert (
        bool(re.fullmatch(r"FS[0-9]{3}", code)),
        bool(re.fullmatch(r"[a-z0-9-]+", entry.name)),
        entry.what.endswith("."),
        entry.why.endswith("."),
        is_rule or entry.fix.endswith("."),
        bool(entry.example) or code in edits_of_rules(),
    ) == (True, True, True, True, True, True)


@pytest.mark.parametrize("code", RUN)
def test_an_example_has_the_problem_that_it_shows(code: str) -> None:
    assert code in {problem.code for problem in messages(KNOWN[code])}


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def calls(node: ast.AST, names: set[str]) -> list[ast.Call]:
    return [
        one
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id in names
    ]


def test_no_problem_is_made_without_a_code() -> None:
    """Outside of wording functions a problem is made from another one, whose code it takes.

    What the catalogue that ships is refused for is for its authors, who read no codes.
    """
    bare = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        decorated = {
            id(call)
            for function in functions(tree)
            if any(
                isinstance(one, ast.Call) and ast.unparse(one.func) == "diagnostic" for one in function.decorator_list
            )
            for call in calls(function, {"Problem"})
        }
        for call in calls(tree, {"Problem", "Finding"}):
            has_code = any("code" in ast.unparse(one) for one in (*call.args, *(word.value for word in call.keywords)))
            is_spread = any(word.arg is None for word in call.keywords)  # the fields of a finding
            if id(call) not in decorated and not has_code and not is_spread and module != "catalog/build.py":
                bare.append(f"{module}:{call.lineno}")
    assert bare == []
