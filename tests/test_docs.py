"""What the documentation shows is what the commands print; every command and snippet in it is run."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from books import book_of
from commands import ROOT, environment, run
from edits import planned
from flopsheet import catalog, compute
from flopsheet.cli.commands import MODULES
from flopsheet.workbook.write import xlsx
from flopsheet.yamlio import source
from test_init import CONFIG

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)

# Programs beside flopsheet that a page may name; they are not ours to run.
OTHERS = {"make", "soffice", "eval", "_FLOPSHEET_COMPLETE"}


def blocks(language: str) -> list[tuple[str, str]]:
    """Every snippet of a language: the page, the text. Those of diagnostics.md are mistakes, run where it is made."""
    return [
        (page.name, text)
        for page in PAGES
        if page.name != "diagnostics.md"
        for found, text in BLOCK.findall(page.read_text(encoding="utf-8"))
        if found == language
    ]


def commands_shown() -> Iterator[tuple[str, str]]:
    """Every command line in a snippet, without its remark; `$ ` may stand before it. The tutorial has its own test."""
    for page, text in [*blocks(""), *blocks("sh")]:
        if page == "tutorial.md":
            continue
        for line in text.splitlines():
            found = re.match(r"(?:\$ )?(flopsheet .*?)(?:\s+#.*)?$", line)
            if found:
                yield page, found[1]


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.golden
@pytest.mark.parametrize("path", generator().generators())
def test_a_generated_page_follows_the_live_definitions(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == generator().generators()[path](), "stale: run 'make docs'"


def test_the_references_name_every_key_metric_and_option() -> None:
    generators = generator().generators()
    pages = {path: generators[path]() for path in ("docs/metrics.md", "docs/spec.md", "docs/cli.md")}
    metrics = [name for name in catalog.load_catalog().metrics if f"`{name}`" not in pages["docs/metrics.md"]]
    inputs = [
        name
        for name, entry in catalog.load_catalog().inputs.items()
        if f"`{name}`" not in pages["docs/spec.md"] and name not in {"n_group_layers", "run_model"}
    ]
    missing = [name for name in MODULES if f"## flopsheet {name}\n" not in pages["docs/cli.md"]]
    assert (metrics, inputs, missing) == ([], [], [])


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands of the documentation read, and no `flopsheet.yaml` yet."""
    folder = tmp_path_factory.mktemp("workplace")
    for path in (ROOT / "specs").glob("*.yaml"):
        (folder / "specs").mkdir(exist_ok=True)
        (folder / "specs" / path.name).write_bytes(path.read_bytes())
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "million.yaml").write_text(next(text for page, text in blocks("yaml") if page == "sweeps.md"))
    (folder / "budget.yaml").write_text("expect: [{that: gpt2-xl.n_params, at_most: 3e9}]\n")
    assert run("init", cwd=folder).returncode == 0
    gpt2 = folder / "specs" / "gpt2.yaml"  # edited.xlsx: its workbook as a reviewer saved it after one edit
    edited = compute({**source.read_yaml(gpt2).data, "kv_cache": "fp8"})
    xlsx.save(planned(edited, compute(gpt2)), folder / "edited.xlsx")
    assert run("pull", "edited.xlsx", "-o", "patch.yaml", cwd=folder).returncode == 0
    return folder


# Several pages show the same command; `--watch` has its own test.
COMMANDS = {command.replace(" --watch", ""): page for page, command in reversed([*commands_shown()])}


@pytest.mark.parametrize(("command", "page"), COMMANDS.items())
def test_every_command_in_the_documentation_runs(command: str, page: str, workplace: Path, tmp_path: Path) -> None:
    for path in workplace.iterdir():
        is_new = command.startswith("flopsheet init") and path.name.startswith("flopsheet.")
        if path.name == "specs":  # a command may edit one
            shutil.copytree(path, tmp_path / path.name)
        elif path.name != "output" and not is_new:
            (tmp_path / path.name).symlink_to(path)
    if re.search(r"[|<>&;$*]", command):
        redirected = re.sub(r"^flopsheet", f"{shlex.quote(sys.executable)} -m flopsheet", command)
        done = subprocess.run(
            redirected, shell=True, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False
        )
    else:
        done = run(*shlex.split(command)[1:], cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_every_other_program_in_a_snippet_is_a_known_one() -> None:
    lines = [line for _, text in [*blocks("sh")] for line in text.splitlines()]
    first = {re.split(r"[ =]", line)[0] for line in lines if not line.startswith("flopsheet ")}
    assert first <= OTHERS


def test_every_make_target_in_the_documentation_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {
        target
        for page in PAGES
        for target in re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.M)
    }
    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.M)} == set()


def test_every_command_that_a_page_names_exists_with_its_options() -> None:
    from flopsheet.cli.commands import commands as group
    from flopsheet.cli.run import click

    wrong = []
    for page in PAGES:
        for name, rest in re.findall(r"`flopsheet ([a-z]+)([^`]*)`", page.read_text(encoding="utf-8")):
            command = group.get_command(click.Context(group), name) if name in MODULES else None
            known = {one for parameter in command.params for one in parameter.opts} if command else set()
            options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest))
            if name not in MODULES or (command and options - known - {"--help"}):
                wrong.append((page.name, name, sorted(options - known)))
    assert wrong == []


def test_the_command_at_the_top_of_the_readme_prints_what_stands_below_it() -> None:
    command, shown = re.search(r"```\n\$ flopsheet (.*?)\n(.*?)```", README, re.S).groups()
    assert run(*shlex.split(command)).stdout == shown


def test_every_spec_in_the_documentation_computes_and_holds_what_it_expects(tmp_path: Path) -> None:
    specs = [text for _, text in blocks("yaml") if text.startswith("version:")]
    for at, spec in enumerate(specs):
        (tmp_path / f"{at}.yaml").write_text(spec, encoding="utf-8")
    assert [list(compute(tmp_path / f"{at}.yaml").findings) for at in range(len(specs))] == [[]] * len(specs)
    assert len(specs) >= 2


def test_every_other_yaml_snippet_is_part_of_a_spec_of_the_catalogue_or_of_a_configuration() -> None:
    metrics = catalog.load_catalog().metrics
    keys = json.loads((ROOT / "schema" / "flopsheet.schema.json").read_text(encoding="utf-8"))["properties"]
    for page, text in blocks("yaml"):
        data = source.parse(text, page).data
        if isinstance(data, list):  # entries of the catalogue
            for entry in data:
                metric = metrics[entry["name"]]
                said = {"label": metric.label, "unit": metric.unit, "doc": metric.doc, "shape": metric.shape}
                assert {**said, "formula": metric.source_text} | entry == {**said, "formula": metric.source_text} | {
                    "name": metric.name
                }
        else:
            assert data.keys() <= {*keys, "repos", "rent"}  # of pre-commit, and an input that the page defines


def test_every_python_snippet_runs(tmp_path: Path) -> None:
    for at, (_, text) in enumerate(blocks("python")):
        (tmp_path / "output").mkdir(exist_ok=True)
        if not (tmp_path / "specs").exists():
            (tmp_path / "specs").symlink_to(ROOT / "specs")
        (tmp_path / f"{at}.py").write_text(text, encoding="utf-8")
        command = [sys.executable, f"{at}.py"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False)
        assert (done.returncode, done.stderr) == (0, "")


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page: small letters, without punctuation, blanks as hyphens."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
            leads_to = page.parent / target if target else page
            if not leads_to.exists() or (anchor and anchor not in anchors(leads_to)):
                broken.append((page.name, target, anchor))
    assert broken == []


def test_nothing_is_installed_from_an_index_on_which_it_is_not() -> None:
    texts = [*PAGES, *(ROOT / "src").rglob("*.py")]
    found = re.compile(r"(pip|uv|pipx|conda) install [^\n`]*\bflopsheet\b(?!\.)")
    assert [path.name for path in texts if found.search(path.read_text(encoding="utf-8"))] == []


def test_the_formula_that_how_it_works_shows_stands_in_the_workbook() -> None:
    import openpyxl

    text = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    shown = re.search(r"formula/excel.py`\): `(=[^`]*)`", text).group(1)
    book = book_of(ROOT / "specs" / "gpt2.yaml")
    cell_ref = book.report.cells("flops_ffn_expand")[3]  # gpt2-xl at 1,024
    assert openpyxl.load_workbook(book.path, read_only=True)[cell_ref.sheet][cell_ref.address].value == shown


@pytest.mark.parametrize("page", ["docs/workbook.md", "README.md"])
def test_a_page_about_the_workbook_names_every_sheet_that_a_study_can_have(page: str) -> None:
    from flopsheet.workbook import plan

    described = set(re.findall(r"^\| ([A-Z][\w ]+) \|", (ROOT / page).read_text(encoding="utf-8"), re.M))
    assert described == plan.TITLES


# The hook of pre-commit -----------------------------------------------------------------------------------------------


def test_the_pre_commit_hook_runs_a_command_that_exists(tmp_path: Path) -> None:
    [hook] = source.read_yaml(ROOT / ".pre-commit-hooks.yaml").data
    arguments = shlex.split(hook["entry"])
    good = run(*arguments[1:], "specs/gpt2.yaml")
    (tmp_path / "bad.yaml").write_text("version: 2\n")
    bad = run(*arguments[1:], "bad.yaml", cwd=tmp_path)
    assert (arguments[0], hook["id"], good.returncode, bad.returncode) == ("flopsheet", "flopsheet-validate", 0, 1)
