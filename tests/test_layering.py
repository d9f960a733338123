"""Everything flows one way: which module may import which, and what an import may cost."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import flopsheet

PACKAGE = Path(flopsheet.__file__).parent

# From low to high: a module imports its own layer and those before it.
LAYERS = [
    {"quantities", "records", "numerics"},
    {"diagnostics"},
    {"formula"},
    {"yamlio"},
    {"catalog"},
    {"spec", "importers"},
    {"pipeline"},
    {"workbook"},
    {"__init__", "__main__", "api", "cli", "output", "review", "templates"},
]

# Inside a room: which other parts each part may import. Modules at the top of a room, such as spec/load.py, are parts.
PARTS = {
    "spec": {
        "entries": set(),
        "library": set(),
        "schema": {"entries", "library"},
        "setting": {"schema"},
        "resolve": {"entries", "library", "schema"},
        "sweep": {"entries", "schema", "resolve"},
        "runs": {"entries", "schema", "resolve", "sweep"},
        "expect": {"entries", "resolve"},
        "search": {"entries", "schema", "resolve", "sweep", "runs"},
        "calibration": {"entries", "resolve", "runs"},
        "load": {"entries", "schema", "resolve", "sweep", "runs", "calibration", "expect", "search"},
        "combine": {"entries", "setting", "load"},
        "": {"entries", "load"},
    },
    "workbook": {
        "model": set(),
        "layout": {"model"},
        "sheets": {"model", "layout"},
        "arrange": {"model", "layout", "sheets"},
        "assemble": {"model", "layout", "sheets", "arrange"},
        "plan": {"model", "layout", "sheets", "arrange", "assemble"},
        "brief": {"model", "sheets"},
        "write": {"model"},
        "": set(),
    },
}

# Each of these is loaded in one place.
HOMES = {
    "yaml": {"yamlio", "review.edit"},
    "pandas": {"pipeline", "output.data_frames"},
    "openpyxl": {"workbook"},
    "numpy": {"pipeline", "formula.evaluate", "spec.sweep", "output"},
    "pydantic": {"spec"},
    "click": {"cli"},
}


def name_of(path):
    """`workbook/plan.py` → workbook.plan, as imports say it, without the package's own name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


PATHS = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def layer_of(module):
    [layer] = [at for at, tops in enumerate(LAYERS) if module.partition(".")[0] in tops]
    return layer


def found_imports(tree):
    """Every name that a module imports, at the top or inside a function: `flopsheet.diagnostics`, `yaml`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                if full.removeprefix("flopsheet.") in PATHS:
                    yield full
                elif full != "flopsheet.__version__":  # a fact about the package, not something above it
                    yield str(node.module)


def without_types(tree):
    """The module without what it imports for the type checker only."""
    kept = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return ast.Module(kept, [])


@cache
def imports(module, types=True):
    """The names that a module imports, also for the type checker only or without these."""
    tree = ast.parse(PATHS[module].read_text(encoding="utf-8"))
    return [*found_imports(tree if types else without_types(tree))]


def test_every_module_has_its_layer():
    assert {module.partition(".")[0] for module in PATHS} - set.union(*LAYERS) == set()


@pytest.mark.parametrize("module", PATHS)
def test_a_lower_layer_never_imports_a_higher_one(module):
    own = [name for name in imports(module) if name.partition(".")[0] == "flopsheet"]
    named = [name.removeprefix("flopsheet.") if name != "flopsheet" else "__init__" for name in own]
    assert [name for name in named if layer_of(name) > layer_of(module)] == []


@pytest.mark.parametrize("module", [module for module in PATHS if module.partition(".")[0] in PARTS])
def test_a_part_of_a_room_imports_only_the_parts_below_it(module):
    room, _, inside = module.partition(".")
    part = inside.partition(".")[0]
    named = [name.removeprefix("flopsheet.") for name in imports(module)]
    parts = {name.split(".")[1] for name in named if name in PATHS and name.startswith(f"{room}.")}
    assert parts - PARTS[room][part] - {part} == set()


@pytest.mark.parametrize(("library", "homes"), HOMES.items())
def test_a_library_is_loaded_in_one_place(library, homes):
    users = {module for module in PATHS if library in {name.partition(".")[0] for name in imports(module, types=False)}}
    assert {user for user in users if not any(f"{user}.".startswith(f"{home}.") for home in homes)} == set()


MOST_LINES = 400


def test_no_module_is_longer_than_400_lines():
    root = PACKAGE.parent.parent
    paths = [
        path for folder in ("src", "tests", "docs", "tools", "benchmarks") for path in (root / folder).rglob("*.py")
    ]
    lines = {str(path.relative_to(root)): path.read_text(encoding="utf-8").count("\n") for path in paths}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


# pandas takes 0.7 s and openpyxl 0.3 s to import; help and a mistake in a spec are told in a tenth of a second.
HEAVY = {"numpy", "pandas", "openpyxl", "pydantic", "rich"}


@pytest.mark.parametrize("module", ["flopsheet", "flopsheet.formula", "flopsheet.catalog", "flopsheet.cli"])
def test_an_import_waits_for_no_heavy_library(module):
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} does not exist yet")
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.intersection(loaded) == set()
