"""`flopsheet init`: from nothing to a workbook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import ROOT, run
from flopsheet import compute
from flopsheet.cli.init import TEMPLATES

CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 100,
    "max_position_embeddings": 2048, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "rms_norm_eps": 1e-5,
}  # fmt: skip


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_becomes_a_workbook_in_two_commands(tmp_path: Path, template: str) -> None:
    began, built = run("init", "--template", template, cwd=tmp_path), run("build", cwd=tmp_path)
    assert (began.returncode, built.returncode, files(tmp_path)) == (
        0,
        0,
        ["flopsheet.schema.json", "flopsheet.yaml", "output/flopsheet.xlsx"],
    )


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_names_the_schema_and_keeps_what_it_expects(tmp_path: Path, template: str) -> None:
    run("init", "--template", template, cwd=tmp_path)
    text = (tmp_path / "flopsheet.yaml").read_text(encoding="utf-8")
    report = compute(tmp_path / "flopsheet.yaml")
    assert (text.splitlines()[0], len(report.spec.expectations) > 0, list(report.findings)) == (
        "# yaml-language-server: $schema=flopsheet.schema.json",
        True,
        [],
    )


def test_init_says_what_to_do_next(tmp_path: Path) -> None:
    assert run("init", "my study", cwd=tmp_path).stdout == (
        "my study/flopsheet.yaml: a starter spec\n"
        "my study/flopsheet.schema.json: what editors complete and check it by\n"
        "\n"
        "Next:\n"
        "  cd 'my study'\n"
        "  flopsheet build             writes output/flopsheet.xlsx\n"
        "  flopsheet build --watch     writes it again whenever you save the spec\n"
        "  flopsheet explain n_params  shows the working of a number\n"
    )


def test_the_schema_that_init_writes_is_the_one_that_the_command_prints(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    assert (tmp_path / "flopsheet.schema.json").read_text(encoding="utf-8") == run("schema").stdout


def test_a_spec_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "flopsheet.yaml").write_text("mine")
    done = run("init", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr, files(tmp_path), (tmp_path / "flopsheet.yaml").read_text()) == (
        2,
        "",
        "'flopsheet.yaml' already exists; choose another folder: flopsheet init DIR\n",
        ["flopsheet.yaml"],
        "mine",
    )


def test_a_schema_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "flopsheet.schema.json").write_text("mine")
    done = run("init", cwd=tmp_path)
    assert (done.returncode, (tmp_path / "flopsheet.schema.json").read_text()) == (0, "mine")


def test_a_configuration_becomes_a_starter_spec(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    done = run("init", "study", "--from-config", "config.json", "--name", "ours", cwd=tmp_path)
    [model] = compute(tmp_path / "study" / "flopsheet.yaml").spec.models
    text = (tmp_path / "study" / "flopsheet.yaml").read_text(encoding="utf-8")
    assert (done.returncode, model.name, model.inputs["d_model"].value, text.splitlines()[0]) == (
        0,
        "ours",
        64,
        "# yaml-language-server: $schema=flopsheet.schema.json",
    )


def test_a_configuration_that_is_not_understood_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"model_type": "lama"}))
    done = run("init", "study", "--from-config", "config.json", cwd=tmp_path)
    assert (
        done.returncode,
        done.stderr.startswith("config.json: model_type: 'lama' is unknown; did you mean"),
        files(tmp_path),
    ) == (
        1,
        True,
        ["config.json"],
    )


def test_init_into_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = run("init", "taken", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "'taken' is not a folder; choose another one: flopsheet init DIR\n",
    )


@pytest.mark.parametrize(("folder", "reason"), [("taken/x", "not a directory"), ("x" * 300, "file name too long")])
def test_a_folder_that_cannot_be_made_is_told_with_another_one_as_remedy(tmp_path: Path, folder, reason) -> None:
    (tmp_path / "taken").write_text("")
    done = run("init", folder, cwd=tmp_path)
    message = f"cannot write '{folder}': {reason}; choose another folder: flopsheet init DIR\n"
    assert (done.returncode, done.stderr) == (2, message)


def test_without_a_spec_there_must_be_one_in_the_folder(tmp_path: Path) -> None:
    done = [run(command, cwd=tmp_path) for command in ("build", "show", "validate")]
    assert [(one.returncode, one.stdout, one.stderr) for one in done] == [
        (
            2,
            "",
            "no spec is named, and there is no 'flopsheet.yaml' here; name one, or write one with 'flopsheet init'\n",
        )
    ] * 3


def test_the_repository_and_the_package_ship_the_same_templates() -> None:
    shipped = {path.stem for path in (ROOT / "src/flopsheet/templates").glob("*.yaml")}
    assert shipped == set(TEMPLATES)
