"""The command line: what is printed where, and the exit code."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import ROOT, environment, run

GPT2 = "specs/gpt2.yaml"


def test_build_writes_the_workbook_and_at_most_ten_lines(tmp_path: Path) -> None:
    done = run("build", GPT2, "-o", str(tmp_path / "out.xlsx"))
    lines = done.stdout.splitlines()
    assert (done.returncode, (tmp_path / "out.xlsx").exists(), len(lines) <= 10, lines[1], done.stderr) == (
        0,
        True,
        True,
        "  gpt2-xl at 1,024: 2.13 B parameters, 3.51 TFLOP forward, FFN dominates",
        "22 of 22 expectations hold\n",
    )


def test_build_tells_of_runs_of_both_kinds_in_ten_lines(tmp_path: Path) -> None:
    done = run("build", "specs/llama3-70b-512xh100.yaml", "-o", str(tmp_path / "out.xlsx"))
    lines = done.stdout.splitlines()
    # 52,786,708,484 B, 2·8,192·3·28,672/8 of a layer's backward pass and twice its gathered input,
    # 2·8,192·8,192·7/8, of 81,559 MiB;
    # 989.4 TFLOP/s, 40 %, 15e12 tokens: 412 days, as published;
    # 81,559 MiB · 0.9 = 71.68 GiB; 16.43 of weights, 64/10.24 of cache, 0.315 of logits and 0.35 reserved are 23.34.
    # What weights and reserve leave, 58,952,184,627 B, takes 535 sequences of 104,857,600 and 5,284,823 of logits.
    assert (len(lines) <= 10, lines[3], lines[5][:56], lines[-1]) == (
        True,
        "  pretraining: 49.54 of 79.65 GiB per device, margin 37.80 %; 412 days (assumed), 5,068,674 device-hours, "
        "12,671,684 USD",
        "  chat: 23.34 of 71.68 GiB per device, 535 sequences at ",
        "  … 2 more runs in the workbook",
    )


def test_build_writes_beside_the_specs_name_by_default(tmp_path: Path) -> None:
    done = run("build", str(ROOT / GPT2), cwd=tmp_path)
    assert (done.returncode, [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.xlsx")]) == (
        0,
        ["output/gpt2.xlsx"],
    )


def test_json_holds_integers_as_integers() -> None:
    shown = json.loads(run("show", GPT2, "--format", "json").stdout)
    xl = next(row for row in shown["scenarios"] if row["model"] == "gpt2-xl" and row["context_length"] == 16384)
    total, flops = shown["models"]["gpt2-xl"]["n_params"], xl["flops_forward"]
    assert (
        sorted(shown),
        total,
        type(total),
        flops,
        type(flops),
        shown["models"]["gpt2-xl-tied"]["tie_embeddings"],
    ) == (
        ["limits", "models", "scenarios", "serving", "training"],
        2127057600,
        int,
        133416668364800,
        int,
        True,
    )


def test_csv_has_a_line_for_every_scenario_with_the_numbers_of_its_model() -> None:
    lines = list(csv.DictReader(io.StringIO(run("show", GPT2, "--format", "csv").stdout)))
    xl = [line for line in lines if line["model"] == "gpt2-xl"]
    assert (len(lines), [(line["context_length"], line["n_params"], line["flops_forward"]) for line in xl]) == (
        10,
        [("1024", "2127057600", "3506703564800"), ("16384", "2127057600", "133416668364800")],
    )


def test_markdown_has_a_table_for_models_and_one_for_scenarios() -> None:
    lines = run("show", GPT2, "--format", "md").stdout.splitlines()
    tables = "\n".join(lines).split("### ")[1:]
    rows = [[line for line in table.splitlines() if line.startswith("|")] for table in tables]
    assert (
        lines[0],
        [table.splitlines()[0] for table in tables],
        [len(table) for table in rows],
        [len({line.count("|") for line in table}) for table in rows],
        rows[0][5],
        sum(line.startswith("* ") for line in lines),
        lines[-1],
    ) == (
        "## GPT-2 shapes with a SwiGLU FFN and untied head, as published",
        ["Models", "Forward pass"],
        [7, 12],
        [1, 1],
        "| `gpt2-xl` | 2,127,057,600 | 2,127,057,600 | 8.51 | 7.92 | 307,200 | 0 |",
        3,
        "**22 of 22 expectations hold.**",
    )


def test_markdown_shows_runs_and_expectations_that_fail() -> None:
    done = run("show", "specs/llama3-70b-512xh100.yaml", "--format", "md", "--set", "expect[5].equals='no'")
    titles = [line for line in done.stdout.splitlines() if line.startswith("### ")]
    assert (done.returncode, titles, done.stdout.splitlines()[-3:]) == (
        0,
        [
            "### Models",
            "### Forward pass",
            "### Training",
            "### Memory by stage",
            "### Serving",
            "### How far each run can go",
        ],
        ["**6 of 7 expectations hold.**", "", "* pretraining.fits is yes, expected no"],
    )


def test_markdown_shows_names_and_titles_as_they_stand() -> None:
    spec = {
        "version": 1,
        "title": "A *wide* <b>study</b> | @all",
        "context_lengths": [8],
        "models": {"a|b_c`d": {"n_layers": 1, "d_model": 8, "n_heads": 1, "d_ff": 8, "ffn": "gelu", "vocab_size": 9}},
    }
    shown = run("show", "-", "--format", "md", stdin=json.dumps(spec)).stdout
    assert (shown.splitlines()[0], "| a\\|b\\_c\\`d |" in shown) == (
        "## A \\*wide\\* \\<b\\>study\\</b\\> \\| @&#8203;all",
        True,
    )


def test_the_table_names_every_scenario() -> None:
    done = run("show", GPT2)
    assert (done.returncode, done.stdout.count("gpt2-xl "), "133.417" in done.stdout) == (0, 3, True)


def test_explain_tells_what_the_code_of_a_diagnostic_means_without_a_spec() -> None:
    assert run("explain", "fs404").stdout.splitlines() == [
        "FS404 name-missing (error)",
        "",
        "The inputs of a model or run are given where its name belongs. Models, runs and kinds of hardware have names, "
        "which the workbook shows.",
        "",
        "Fix: Put a name above them.",
        "",
        "Example:",
        "    models: {n_layers: 12, d_model: 768}",
    ]


def test_explain_shows_the_working_as_a_person_writes_it() -> None:
    done = run("explain", "flops_ffn_expand", GPT2, "--model", "gpt2-xl", "--context", "1024")
    lines = done.stdout.splitlines()
    assert (lines[:5], lines[-2].startswith("gpt2-xl, 1,024  (cell 'Forward FLOPs'!F"), lines[-1]) == (
        [
            "flops_ffn_expand: FFN expand (up), FLOP",
            "  One dense product per layer.",
            "  2 · S · D · f · ℓ · B",
            "  with S = context_length, D = d_model, f = d_ff, ℓ = n_layer_passes, B = batch_size",
            "  shape: (S × D) · (D × f)",
        ],
        True,
        "  2 · S · D · f · ℓ · B = 2 · 1,024 · 1,600 · 6,400 · 48 · 1 = 1,006,632,960,000",
    )


def test_explain_tells_an_input_by_its_values_cells_and_sources() -> None:
    from flopsheet import compute
    from flopsheet.output.explain import explain

    report = compute(ROOT / "specs" / "llama3-70b-512xh100.yaml")
    row = [device.name for device in report.spec.hardware].index("h100-sxm")
    at = report.cells("price_per_hour")[row].seen_from("")
    lines = explain(report, "price_per_hour", None, None).splitlines()
    assert (lines[0], lines[2], "run_cost" in lines[-1]) == (
        "price_per_hour: Price, USD/h, an input",
        f"  h100-sxm: 2.5  (cell {at})  source: the spec",
        True,
    )


def test_explain_goes_back_as_many_steps_as_it_is_told() -> None:
    from flopsheet import compute
    from flopsheet.output.explain import explain

    report = compute(ROOT / "specs" / "llama3-70b-512xh100.yaml")
    none, two = (explain(report, "days", None, None, depth).splitlines() for depth in (0, 2))
    steps = [line.partition(" = ")[0] for line in two if line.startswith("    ")]
    assert (steps[:2], [line for line in none if line.startswith("    ")]) == (
        ["    hours", "      tokens_per_second"],
        [],
    )


def test_explain_sums_the_parts_that_it_gathers() -> None:
    lines = run("explain", "n_params_ffn", "specs/gpt2.yaml", "--model", "gpt2-xl").stdout.splitlines()
    assert lines[-1] == "  Σ n_group_params_ffn = 1,474,560,000 = 1,474,560,000"


def test_every_metric_can_be_explained() -> None:
    from flopsheet import compute
    from flopsheet.output.explain import explain

    report = compute(ROOT / GPT2)
    texts = [explain(report, name, None, None) for name in report.catalog.metrics]
    assert all(text.count("\n") >= 3 for text in texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["explain", "n_parms", GPT2],
            "no metric is called 'n_parms'; did you mean 'n_params'?",
        ),
        (
            ["explain", "n_params", GPT2, "--model", "gpt2-xxl"],
            "--model: no model is called 'gpt2-xxl'; did you mean 'gpt2-xl'?",
        ),
        (
            ["explain", "flops_forward", GPT2, "--context", "2048"],
            "--context: 2,048 is not a context length of this spec; write one of context_length: 1024, 16384",
        ),
        (
            ["explain", "n_params", GPT2, "--context", "1024"],
            "--context: n_params does not depend on the context length; leave --context out",
        ),
        (["show", "specs/gpt3.yaml"], "cannot read 'specs/gpt3.yaml': no such file or directory; check the path"),
        (["build", "specs"], "cannot read 'specs': is a directory; check the path"),
    ],
)
def test_a_request_for_what_does_not_exist_ends_with_its_message_and_code_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message + "\n")


def test_an_unknown_option_or_command_ends_with_code_2_and_no_traceback() -> None:
    codes = [run("show", GPT2, "--fromat", "json"), run("bulid", GPT2), run("show")]
    assert [(done.returncode, "Traceback" in done.stderr) for done in codes] == [(2, False)] * 3


def test_an_invalid_spec_ends_with_all_its_problems_and_code_1() -> None:
    spec = (
        "version: 1\ncontext_lengths: [1024]\nmodels:\n"
        "  a: {n_layers: 2, d_modle: 64, n_heads: -1, vocab_size: 9, ffn: gelu, d_ff: 8}\n"
    )
    done = run("show", "-", stdin=spec)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "<stdin>:4:20: models.a.d_modle: unknown key 'd_modle'; did you mean 'd_model'?\n"
        "      a: {n_layers: 2, d_modle: 64, n_heads: -1, vocab_size: 9, ffn: gelu, d_ff: 8}\n"
        "                       ^^^^^^^\n"
        "<stdin>:4:42: models.a.n_heads: -1 is out of range; write 0 or more\n"
        "      a: {n_layers: 2, d_modle: 64, n_heads: -1, vocab_size: 9, ffn: gelu, d_ff: 8}\n"
        "                                             ^^\n"
        "2 problems\n",
    )


def test_an_expectation_that_does_not_hold_is_named_and_ends_with_code_1(tmp_path: Path) -> None:
    text = (ROOT / GPT2).read_text().replace("equals: 2127057600", "equals: 2127057601")
    (tmp_path / "wrong.yaml").write_text(text)
    before = text[: text.index("2127057601")].split("\n")
    place = f"wrong.yaml:{len(before)}:{len(before[-1]) + 1}"
    done = run("validate", "wrong.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "wrong.yaml: expectations fail\n",
        f"{place}: expected figure not matched: gpt2-xl.n_params is 2,127,057,600, expected 2,127,057,601 (-4.7e-08 %):"
        " published\n"
        "21 of 22 expectations hold\n",
    )


def test_validate_checks_every_spec_and_reports_the_worst(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("version: 2\n")
    done = run("validate", str(ROOT / GPT2), "bad.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, f"{ROOT / GPT2}: valid\nbad.yaml: 3 problems\n")


@pytest.mark.parametrize("what", ["models", "hardware", "metrics", "inputs", "conventions"])
def test_list_gives_a_line_for_each(what: str) -> None:
    done = run("list", what)
    assert (done.returncode, len(done.stdout.splitlines()) > 4) == (0, True)


def test_help_and_spec_errors_load_neither_pandas_nor_openpyxl(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("version: 2\n")
    script = (
        "import sys\nfrom flopsheet.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pandas', 'numpy', 'openpyxl', 'rich'} & set(sys.modules)))"
    )
    loaded = []
    for arguments in (["--help"], ["validate", str(tmp_path / "bad.yaml")]):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=environment, check=False
        )
        loaded.append(done.stdout.splitlines()[-1])
    assert loaded == ["[]", "[]"]


def test_a_sweep_with_a_mistake_is_told_without_pandas_and_a_workbook_is_built_with_it(tmp_path: Path) -> None:
    sweep = "{n_layers: 2, n_heads: 7, vocab_size: 9, ffn: swiglu, d_ff: 8, sweep: {d_model: [64, 128]}}"
    (tmp_path / "bad.yaml").write_text(f"version: 1\ncontext_lengths: [8]\nmodels: {{swept: {sweep}}}\n")
    script = (
        "import sys\nfrom flopsheet.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('pandas' in sys.modules)"
    )
    said = []
    for arguments in (
        ["validate", str(tmp_path / "bad.yaml")],
        ["build", str(ROOT / "specs" / "gpt2.yaml"), "-o", str(tmp_path / "gpt2.xlsx")],
    ):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=environment, check=False
        )
        said.append((done.stdout.splitlines()[-1], "does not divide" in done.stderr))
    assert said == [("False", True), ("True", False)]


@pytest.mark.parametrize("width", [80, 100, 132, 200])
def test_on_any_terminal_no_name_and_no_number_is_cut(width: int) -> None:
    from rich.console import Console

    from flopsheet import compute
    from flopsheet.output import headline, terminal

    report = compute(ROOT / GPT2)
    console = Console(width=width, file=io.StringIO(), highlight=False)
    for table in terminal.to_tables(report, width):
        console.print(table)
    text = console.file.getvalue()
    missing = [cell for table in headline.summarise(report) for line in table.body for cell in line if cell not in text]
    assert (missing, max(map(len, text.splitlines())) <= width) == ([], True)


def test_a_result_that_no_cell_can_hold_is_what_validate_finds() -> None:
    spec = (
        "version: 1\ncontext_lengths: [1024]\nmodels:\n"
        "  a: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 9, ffn: gelu, d_ff: 8}\n"
        "training:\n"
        "  t: {model: a, hardware: h100-sxm, context_length: 8, n_tokens: 1e9, measured_tokens_per_second: 1e-300}\n"
    )
    done = run("validate", "-", stdin=spec)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "-: 1 problem\n",
        "hours (run t): the result is not a finite number; check the inputs for zeros and for sizes out of range\n",
    )


SAID = [("show", GPT2), ("show", GPT2, "--format", "json"), ("show", GPT2, "--format", "csv"), ("list", "metrics")]
PLAIN = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}  # a system that is not on UTF-8


@pytest.mark.parametrize("arguments", SAID, ids=" ".join)
def test_what_goes_into_a_pipe_is_utf8_whatever_the_system_writes(arguments: tuple[str, ...]) -> None:
    usual, plain = run(*arguments), run(*arguments, more=PLAIN)
    assert "QKᵀ" in usual.stdout
    assert (plain.returncode, plain.stdout, plain.stderr) == (0, usual.stdout, usual.stderr)


@pytest.mark.parametrize("arguments", SAID, ids=" ".join)
def test_letters_that_an_encoding_lacks_end_in_no_traceback(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "flopsheet", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, check=False, env=environment({"PYTHONIOENCODING": "cp1252"})
    )
    assert (done.returncode, done.stderr, "QK\\u1d40" in done.stdout.decode("cp1252")) == (0, b"", True)


@pytest.mark.skipif(os.name == "nt", reason="a shell of Unix closes the output")
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
@pytest.mark.parametrize("said", [f"build {GPT2} -q -o", f"show {GPT2} --format csv -o", f"show {GPT2}"])
def test_a_closed_output_is_no_mistake(said: str, closed: str, tmp_path: Path) -> None:
    target = tmp_path / ("out.xlsx" if "build" in said else "out.csv")
    command = f'"{sys.executable}" -m flopsheet {said} {target if "-o" in said else ""} {closed}'
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, check=False, env=environment())
    assert (done.returncode, done.stderr, target.exists()) == (0, b"", "-o" in said)
