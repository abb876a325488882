# Needs Python 3.11 and make, nothing else. Every target sets up .venv/ first if it is missing or stale.
PYTHON ?= $(firstword $(shell command -v python3.11 2>/dev/null) python3)
BIN := .venv/bin
SANDBOX_PORT ?= 8025
SEEDS ?= 10000
# A file's tests run in one process, since they share servers.
PYTEST := $(BIN)/python -m pytest --dist loadfile --numprocesses
ECOSYSTEM := integration_tests/ecosystem

# Git records no times, so a fresh clone sets up once; after that only a changed lock or pyproject does.
INSTALLED := .venv/.installed
# What tests meet, each in an environment of its own: Airbyte's programs, which pin other CDKs, browsers' drivers, ...
COUNTERPARTS := $(patsubst counterparts/%.in,.venv-%/.installed,$(wildcard counterparts/*.in))

# uv takes seconds where pip takes minutes, and removes what a lock names no more, but knows nothing of pip's configuration:
# where it fails, pip does the same, and removes nothing.
LOCKED := --quiet --no-deps --require-hashes
lay_out = $(BIN)/uv pip sync --quiet --require-hashes --allow-empty-requirements --python $(1)/bin/python $(2) \
	|| $(BIN)/python -m pip --python $(1)/bin/python install $(LOCKED) --no-compile --disable-pip-version-check -r $(2)

# Where Python may not write its bytecode, every start would make it anew. Not for packages that no command imports.
NEVER_IMPORTED := google|grpc|mypy|mypyc|moto|nltk|numpy|pandas|pip|pygments|setuptools
COMPILED = $(BIN)/python -m compileall -q -x '/($(NEVER_IMPORTED))/'

.DEFAULT_GOAL := help
.PHONY: help install counterparts demo test test-all test-long simulate check format bench guard sandbox locks

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Set up .venv/ with exactly what poetry.lock names

$(INSTALLED): pyproject.toml poetry.lock scripts/locked_requirements.py
	@echo "Setting up .venv/, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python scripts/locked_requirements.py --dev --only uv > .venv/uv.txt
	@$(BIN)/python -m pip install $(LOCKED) --no-compile --disable-pip-version-check -r .venv/uv.txt
	@$(BIN)/python scripts/locked_requirements.py --dev > .venv/requirements.txt
	@$(call lay_out,.venv,.venv/requirements.txt)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@$(BIN)/python -m pip check --disable-pip-version-check
	@$(COMPILED) .venv/lib
	@touch $@

# Without one the tests that need it are skipped, and say so; no trouble of a registry makes the others fail.
counterparts: $(COUNTERPARTS)

set_up = echo "Setting up $(1)/, once"; test -x $(1)/bin/python || $(BIN)/python -m venv --without-pip $(1); \
	if $(call lay_out,$(1),$(2)); then touch $(1)/.installed; \
	else echo "Could not install $(2): the tests that need it will be SKIPPED" >&2; fi

.venv-%/.installed: counterparts/%.txt | $(INSTALLED)
	@$(call set_up,.venv-$*,$<)

# What the connector runs with and nothing else, which a release lists.
.venv-runtime/.installed: poetry.lock | $(INSTALLED)
	@$(BIN)/python scripts/locked_requirements.py > .venv/runtime.txt
	@$(call set_up,.venv-runtime,.venv/runtime.txt)

demo: $(INSTALLED) ## Synchronize recorded source output into a sandbox and show the result
	$(BIN)/python -m demo

# Twice as many processes as cores, since many tests wait for a service or a program; the files with the short tests last.
test: $(INSTALLED) ## Run the unit tests, and the program against the sandbox
	@$(COMPILED) destination_maileon maileon_sandbox
	$(PYTEST) 4 --no-loadscope-reorder -m "not long" --ignore $(ECOSYSTEM)

test-all: test test-long ## The same, thousands of syncs, Airbyte's programs, databases, a browser, the image, other versions

# The tests' bytecode is made when it is first needed, and the counterparts' of what is needed.
test test-long: export PYTHONDONTWRITEBYTECODE =
# What `make test` tries with few examples is tried again with more.
test-long: export HYPOTHESIS_PROFILE ?= more
test-long: $(INSTALLED) $(COUNTERPARTS) .venv-runtime/.installed
	@$(COMPILED) destination_maileon maileon_sandbox
	$(PYTEST) 2 -m "long or hypothesis"

simulate: $(INSTALLED) ## Compare random syncs with their sequence, on all cores (SEEDS=10000)
	@$(COMPILED) destination_maileon
	$(BIN)/python -m unit_tests.simulation --seeds $(SEEDS) --all --workers $$(getconf _NPROCESSORS_ONLN)

check: $(INSTALLED) ## Formatter, linter, strict types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(INSTALLED) ## Format the code and repair what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## Measure cost per record, throughput and memory
	@$(COMPILED) destination_maileon maileon_sandbox
	$(BIN)/python -m benchmark

guard: $(INSTALLED) ## Hold what is promised of the cost
	@$(COMPILED) destination_maileon maileon_sandbox
	$(BIN)/python -m benchmark --guard

sandbox: $(INSTALLED) ## Run the Maileon sandbox until stopped (SANDBOX_PORT=8025)
	$(BIN)/python -m maileon_sandbox --port $(SANDBOX_PORT)

locks: $(INSTALLED) ## Lock anew what counterparts/*.in name
	for name in $(basename $(wildcard counterparts/*.in)); do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
			--no-header --no-annotate $$(sed -n 's/^# uv: //p' $$name.in) $$name.in -o $$name.txt || exit 1; \
	done
