# Each target sets up what it needs in .venv; nothing has to be activated. `make` lists them.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# The newest Python here that the tests know, else any other that is new enough
FIND_PYTHON = for python in python3.13 python3.12 python3.11 python3.10 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$python && exit; \
	done; echo "set-up failed: no Python of version 3.10 or newer on PATH" >&2; exit 1
SET_UP = @python=$$($(FIND_PYTHON)) && $$python tests/tools/environment.py $(VENV)

.DEFAULT_GOAL := help
.PHONY: help demo test check frontend test-frontend test-browser test-kernels docs fuzz faults faults-network bench test-pythons test-lowest test-interchange test-clients clean set-up-demo set-up

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: set-up-demo  ## Run the demonstration study (BREAK=1: with a task that fails)
	@BREAK=$(BREAK) $(BIN)/python -m experimaestro.demo

test: check pytest test-frontend docs  ## Check, test and build the documentation

check: set-up  ## Style, types and layers, without running the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/tools/frontend.py check

frontend: set-up  ## Build the front-end of the widget into monitor/static
	$(BIN)/python tests/tools/frontend.py build

test-frontend: set-up  ## Run the tests of the front-end
	$(BIN)/python tests/tools/frontend.py test

.PHONY: pytest
pytest: set-up  ## Run all tests on the Python of .venv
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-browser: set-up  ## Test the live view in real Jupyter front-ends, in Chromium (a part of pytest)
	$(BIN)/python -m pytest tests/browser

test-kernels: set-up  ## Test the live view in older kernels and an older JupyterLab
	@$(BIN)/python tests/tools/kernels.py

docs: set-up  ## Build the documentation into site/; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean  # --quiet would let warnings pass

fuzz: set-up  ## Try 100,000 classes and values, right and wrong, and 100,000 damaged files (FUZZ_EXAMPLES=n for another number)
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-100000} $(BIN)/python -m pytest tests/core/test_fuzz.py tests/workspace/test_hostile_files.py

faults: set-up  ## Kill, stop, fill and damage: 1,000 random histories (HISTORIES=n, SEED=s to repeat)
	$(BIN)/python tests/faults/harness.py --histories $${HISTORIES:-1000} --seed $${SEED:-0}

faults-network: set-up  ## The same through two caching mounts of one folder; needs root, /dev/fuse and bindfs
	@HISTORIES=$${HISTORIES:-100} SEED=$${SEED:-0} $(BIN)/python tests/faults/network.py

bench: set-up  ## Measure the hot paths (tests/benchmarks)
	@for file in $$(ls tests/benchmarks/bench_*.py); do PYTHONPATH=tests/support $(BIN)/python $$file || exit; done

test-pythons: set-up  ## Run the quick tests on each supported Python that is here
	@$(BIN)/python tests/tools/pythons.py

test-lowest: set-up  ## Run the quick tests on the oldest supported dependencies
	@$(BIN)/python tests/tools/pythons.py --lowest

test-interchange: set-up  ## Continue workspaces of the published versions, and let them continue ours
	@$(BIN)/python tests/tools/originals.py .venvs/originals
	XPM_ORIGINALS=$(CURDIR)/.venvs/originals $(BIN)/python -m pytest tests/interchange

test-clients: set-up  ## Do small real things with packages that use this one (ALL=1: with all of them)
	@$(BIN)/python tests/tools/clients.py $(if $(ALL),--all)

clean:  ## Remove everything that was made from the sources
	rm -rf $(VENV) .venvs build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

set-up-demo:
	$(SET_UP) demo

set-up:
	$(SET_UP) demo test test-browser check frontend docs bench
