# Every target sets up what it needs: a virtual environment in .venv, made once and refreshed when pyproject.toml changes.
#
#   make PYTHON=/path/to/python3.12 report     names the Python that makes the environment
#   make WORKERS=1 test                        bounds the processes that run the tests
#   make STUDIES=20 FIRST=6000 agreement       fewer random studies, and others; OFFICE=20: LibreOffice takes every twentieth
#   make CASES=500 SEED=7 fuzz                 fewer hostile files, and others

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Where PYTHON is not given, the first of these that is new enough makes the environment.
ifeq ($(origin PYTHON),undefined)
PYTHONS := python3 python3.13 python3.12 python3.11 python3.14 python
else
PYTHONS := $(PYTHON)
endif
WORKERS ?= 2
STUDIES ?= 300
FIRST ?= 0
EDITS ?= 2
OFFICE ?= 1
CASES ?= 10000
SEED ?= 1

VENV := .venv
# Bytecode is kept, outside of the sources: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
# The stamp carries the place: a tree that was moved or copied gets an environment of its own.
MADE := $(VENV)/made-$(shell printf %s '$(CURDIR)' | cksum | cut -d ' ' -f 1)
RUNTIME := $(VENV)/installed-runtime
TEST := $(VENV)/installed-test
DEV := $(VENV)/installed-dev
BENCH := $(VENV)/installed-bench
SPECS := $(wildcard specs/*.yaml)

.PHONY: help report all-specs test check docs bench calibrate agreement programs fuzz mutants clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

report: $(RUNTIME) ## build two workbooks: output/llama3-70b-512xh100.xlsx and output/gpt2.xlsx
	@mkdir -p output
	$(BIN)/flopsheet build specs/llama3-70b-512xh100.yaml -o output/llama3-70b-512xh100.xlsx
	$(BIN)/flopsheet build specs/gpt2.yaml -o output/gpt2.xlsx

all-specs: $(RUNTIME) ## build a workbook from every file in specs/
	@mkdir -p output
	@set -e; for spec in $(SPECS); do \
	  echo "$(BIN)/flopsheet build $$spec"; \
	  $(BIN)/flopsheet build "$$spec" -o "output/$$(basename "$$spec" .yaml).xlsx"; \
	done

test: $(TEST) ## run the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: $(DEV) ## lint and check the types
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/format_catalog.py --check
	$(BIN)/python tools/make_library.py --check
	$(BIN)/python tools/mutants.py --check

docs: $(RUNTIME) ## write the references and the schema anew from the live definitions
	$(BIN)/python docs/generate.py

bench: $(BENCH) ## measure speed and memory: docs/performance.md
	$(BIN)/python benchmarks/bench.py

calibrate: $(TEST) $(DEV) ## fit the constants of predicted times to measured ones: docs/calibration-time.md, docs/calibration-serving.md
	$(BIN)/python benchmarks/calibrate.py
	$(BIN)/python benchmarks/calibrate_serving.py

agreement: $(TEST) ## hold every formula cell of specs/ and of STUDIES=300 random studies against pandas
	$(BIN)/python benchmarks/agreement.py --studies $(STUDIES) --first $(FIRST) --edits $(EDITS) --office $(OFFICE) --workers $(WORKERS)

programs: $(TEST) ## open the workbooks of specs/ in each program at hand and write docs/programs.md
	$(BIN)/python benchmarks/programs.py

fuzz: $(TEST) ## give flopsheet CASES=10000 hostile specs and workbooks
	$(BIN)/python benchmarks/fuzz.py --cases $(CASES) --seed $(SEED) --workers $(WORKERS)

mutants: $(TEST) ## make small mistakes, one at a time, and see that a test fails for each: docs/mutants.md
	$(BIN)/python tools/mutants.py --workers $(WORKERS)

clean: ## remove the environment, the caches and the workbooks built from specs/
	rm -rf $(VENV) build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	rm -f $(SPECS:specs/%.yaml=output/%.xlsx)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@for python in $(PYTHONS); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || { without_venv="$$python"; continue; }; \
	  echo "making $(VENV) with $$("$$python" --version) ($$(command -v "$$python"))"; \
	  "$$python" -m venv --clear $(VENV) && touch $@ && exit 0; \
	  exit 1; \
	done; \
	if [ -n "$$without_venv" ]; then \
	  echo "$$without_venv cannot make virtual environments: install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2; \
	else \
	  echo "flopsheet needs Python 3.11 or newer; tried: $(PYTHONS). Install one, or name it: make PYTHON=/path/to/python." >&2; \
	fi; \
	exit 1

$(RUNTIME): pyproject.toml $(MADE)
	@echo "installing flopsheet into $(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(TEST): pyproject.toml $(MADE)
	@echo "installing flopsheet and the test tools into $(VENV)"
	@$(PIP) install --editable '.[test]'
	@touch $@ $(RUNTIME)

$(BENCH): pyproject.toml $(MADE)
	@echo "installing flopsheet, the test tools and what it is measured against into $(VENV)"
	@$(PIP) install --editable '.[test,bench]'
	@touch $@ $(RUNTIME) $(TEST)

$(DEV): pyproject.toml $(MADE)
	@echo "installing flopsheet and the checkers into $(VENV)"
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(RUNTIME)
