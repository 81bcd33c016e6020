# `make demo` and `make test` do their own set-up. What they need: Python 3.11 or newer, git, make.
# pip's own variables (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_CACHE_DIR…) apply as usual.

VENV ?= .venv
WORKERS ?= 2
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check
READY = $(VENV)/ready
DEMO = demo

.PHONY: help setup demo test check unit campaign bench clean

help:
	@echo 'make demo       train two small models into $(DEMO)/ and list them'
	@echo 'make test       what continuous integration runs: linters, types, all tests'
	@echo 'make check      linters and types only'
	@echo 'make unit       quick tests only'
	@echo 'make campaign   every point of the fault campaigns (hours)'
	@echo 'make bench      benchmarks'
	@echo 'make clean      remove $(VENV)/ and $(DEMO)/'

setup: $(READY)

# The stamp comes last, so that an installation that broke off is taken up again.
$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo 'no Python 3.11 or newer found; name one: make PYTHON=/path/to/python' >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(PIP) install --quiet --upgrade 'pip>=25.1'
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable '.[datasets]' --group dev
	@touch $@

demo: $(READY)
	REGTRAIN_HOME=$(DEMO)/.regtrain $(BIN)/regtrain run examples/digits.yaml --output-dir $(DEMO)/runs
	REGTRAIN_HOME=$(DEMO)/.regtrain $(BIN)/regtrain run examples/mnist.yaml --output-dir $(DEMO)/runs
	REGTRAIN_HOME=$(DEMO)/.regtrain $(BIN)/regtrain models list

test: check
	$(BIN)/python -m pytest -n $(WORKERS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(READY)
	$(BIN)/python -m pytest -m 'not slow and not campaign' -n $(WORKERS)

campaign: $(READY)
	HYPOTHESIS_PROFILE=drawn $(BIN)/python -m pytest -m campaign -o faulthandler_timeout=0 -n $(WORKERS)

bench: $(READY)
	set -e; for file in $(filter-out benchmarks/step_peers.py benchmarks/filling.py benchmarks/registry_peers.py,$(wildcard benchmarks/*.py)); do echo "== $$file"; $(BIN)/python "$$file"; done

clean:
	rm -rf $(VENV) $(DEMO)
