# Needs Python 3.11 and make, nothing else. Every target sets up .venv/ first if it is missing or stale.
PYTHON ?= $(firstword $(shell command -v python3.11 2>/dev/null) python3)
BIN := .venv/bin
SANDBOX_PORT ?= 8025
SEEDS ?= 1000000
RECORDS ?= 100000
IN_PARALLEL := --numprocesses 2 --dist loadfile
LOUD_FOLDER := $(CURDIR)/.loud

# Git records no times, so a fresh clone sets up once; after that only a changed lock or pyproject does.
INSTALLED := .venv/.installed
# Airbyte's own programs, which the tests meet; each in an environment of its own, since they pin other CDKs.
COUNTERPARTS := $(patsubst counterparts/%.in,.venv-%/.installed,$(wildcard counterparts/*.in))

# uv takes seconds where pip takes minutes, but knows nothing of pip's configuration: where it fails, pip does the same.
LOCKED := --quiet --no-deps --require-hashes
lay_out = $(BIN)/uv pip install $(LOCKED) --compile-bytecode --python $(1)/bin/python -r $(2) \
	|| $(BIN)/python -m pip --python $(1)/bin/python install $(LOCKED) --disable-pip-version-check -r $(2)

# As an installed package is: where Python may not write its bytecode, every start would compile it anew.
COMPILED = $(BIN)/python -m compileall -q destination_maileon maileon_sandbox

.DEFAULT_GOAL := help
.PHONY: help install counterparts locks demo look test check bench guard sandbox simulate soak kills loud format

help: ## Show what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Set up .venv/ with exactly what poetry.lock names

$(INSTALLED): pyproject.toml poetry.lock scripts/locked_requirements.py
	@echo "Setting up .venv/, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python scripts/locked_requirements.py --dev --only uv > .venv/uv.txt
	@$(BIN)/python -m pip install $(LOCKED) --disable-pip-version-check -r .venv/uv.txt
	@$(BIN)/python scripts/locked_requirements.py --dev > .venv/requirements.txt
	@$(call lay_out,.venv,.venv/requirements.txt)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@$(BIN)/python -m pip check --disable-pip-version-check
	@touch $@

# Without one the tests that need it are skipped, and say so; no trouble of a registry makes the others fail.
counterparts: $(COUNTERPARTS) ## Set up Airbyte's own programs, which the tests meet

.venv-%/.installed: counterparts/%.txt | $(INSTALLED)
	@echo "Setting up .venv-$*/, once"
	@test -x .venv-$*/bin/python || $(BIN)/python -m venv --without-pip .venv-$*
	@if $(call lay_out,.venv-$*,$<); then touch $@; \
		else echo "Could not install $<: the tests that need it will be SKIPPED" >&2; fi

demo: $(INSTALLED) ## Synchronize recorded source output into a sandbox and show the result
	$(BIN)/python -m demo

look: $(INSTALLED) ## The demo, with its result kept in a browser until stopped
	$(BIN)/python -m demo --look

test: $(INSTALLED) $(COUNTERPARTS) ## Run every test
	@$(COMPILED)
	$(BIN)/python -m pytest $(IN_PARALLEL)

check: $(INSTALLED) ## Formatter, linter, strict types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(INSTALLED) ## Measure cost per record, throughput and memory
	@$(COMPILED)
	$(BIN)/python -m benchmark

guard: $(INSTALLED) ## Hold the ratios of cost that are promised
	@$(COMPILED)
	$(BIN)/python -m benchmark --guard

sandbox: $(INSTALLED) ## Run the Maileon sandbox until stopped (SANDBOX_PORT=8025)
	$(BIN)/python -m maileon_sandbox --port $(SANDBOX_PORT)

simulate: $(INSTALLED) ## Compare random syncs with their sequence, one by one (SEEDS=1000000)
	$(BIN)/python -m unit_tests.simulation --seeds $(SEEDS)

soak: $(INSTALLED) ## One long sync through faults, compared with its records one at a time (RECORDS=100000)
	$(BIN)/python -m integration_tests.soak --records $(RECORDS)

kills: $(INSTALLED) ## A sync that is killed and starts again until it ends (RECORDS=100000)
	$(BIN)/python -m integration_tests.kill_soak --records $(RECORDS)

# Twice: as the program is, and then without its silence, to see what that keeps back.
loud: $(INSTALLED) $(COUNTERPARTS) ## Run every test with all logs on, and look for keys and values in them
	LOUD=1 $(BIN)/python -m pytest $(IN_PARALLEL)
	@rm -rf $(LOUD_FOLDER) && mkdir $(LOUD_FOLDER)
	LOUD=lifted LOUD_FOLDER=$(LOUD_FOLDER) $(BIN)/python -m pytest $(IN_PARALLEL) integration_tests
	@LOUD_FOLDER=$(LOUD_FOLDER) $(BIN)/python -m integration_tests.loud

format: $(INSTALLED) ## Format the code and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

locks: $(INSTALLED) ## Lock the counterparts' versions anew, after a change to counterparts/*.in
	for name in $(basename $(wildcard counterparts/*.in)); do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-header --no-annotate $$(sed -n 's/^# uv: //p' $$name.in) $$name.in -o $$name.txt; \
	done
