# Needs Python 3.11 and make, nothing else. Every target sets up .venv/ first if it is missing or stale.
PYTHON ?= $(firstword $(shell command -v python3.11 2>/dev/null) python3)
BIN := .venv/bin
SANDBOX_PORT ?= 8025
SEEDS ?= 1000000

# Git records no times, so a fresh clone sets up once; after that only a changed lock or pyproject does.
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench sandbox simulate format

help: ## Show what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Set up .venv/ with exactly what poetry.lock names

$(INSTALLED): pyproject.toml poetry.lock locked_requirements.py
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python locked_requirements.py --dev > .venv/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r .venv/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	$(BIN)/python -m pip check --disable-pip-version-check
	touch $@

demo: $(INSTALLED) ## Synchronize recorded source output into a sandbox and show the result
	$(BIN)/python -m demo

test: $(INSTALLED) ## Run every test
	$(BIN)/python -m pytest

check: $(INSTALLED) ## Formatter, linter, strict types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(INSTALLED) ## Measure cost per record, throughput and memory
	$(BIN)/python -m benchmark

sandbox: $(INSTALLED) ## Run the Maileon sandbox until stopped (SANDBOX_PORT=8025)
	$(BIN)/python -m maileon_sandbox --port $(SANDBOX_PORT)

simulate: $(INSTALLED) ## Compare random syncs with their sequence, one by one (SEEDS=1000000)
	$(BIN)/python -m unit_tests.simulation --seeds $(SEEDS)

format: $(INSTALLED) ## Format the code and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
