# `make demo` and `make test` do their own set-up. What they need: Python 3.11 or newer, git, make.
# pip's own variables (PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_CACHE_DIR…) apply as usual.

VENV ?= .venv
WORKERS ?= 2
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip --disable-pip-version-check install --quiet
LOCKED = $(INSTALL) --constraint constraints.txt --build-constraint constraints.txt
# Two stamps: what the demo needs, and all that development needs.
RUNNABLE = $(VENV)/runnable
READY = $(VENV)/ready
LATEST = .venv-latest
DEMO = demo

.PHONY: help setup demo test check unit test-latest test-hostile lock campaign bench clean

help:
	@echo 'make demo          train two small models into $(DEMO)/ and list them'
	@echo 'make test          what continuous integration runs: linters, types, all tests'
	@echo 'make check         linters and types only'
	@echo 'make unit          quick tests only'
	@echo 'make test-latest   all tests with the newest version of every package but torch'
	@echo 'make test-hostile  tests under another date, time zone, locale, folder, user; on one core; without a network'
	@echo 'make lock          write constraints.txt: the newest version of every package but torch'
	@echo 'make campaign      every point of the fault campaigns (hours)'
	@echo 'make bench         benchmarks'
	@echo 'make clean         remove the virtual environments and $(DEMO)/'

setup: $(READY)

$(VENV)/pip-%:
	@test -n "$(PYTHON)" || { echo 'no Python 3.11 or newer found; name one: make PYTHON=/path/to/python' >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(INSTALL) --upgrade 'pip>=$*'
	@touch $@

# A stamp comes last, so that an installation that broke off is taken up again.
$(RUNNABLE): pyproject.toml constraints.txt | $(VENV)/pip-25.3
	$(LOCKED) --no-compile pip torch
	$(LOCKED) --no-compile --editable '.[datasets]'
	@touch $@

$(READY): $(RUNNABLE)
	$(LOCKED) --editable '.[datasets]' --group dev
	@touch $@

demo: $(RUNNABLE)
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

# torch is the one of constraints.txt: an index may have a newer one, or another build.
test-latest:
	$(MAKE) --no-print-directory $(LATEST)/pip-25.3 VENV=$(LATEST)
	grep '^torch==' constraints.txt >$(LATEST)/torch.txt
	$(LATEST)/bin/python -m pip --disable-pip-version-check install --quiet --upgrade --upgrade-strategy eager \
		--constraint $(LATEST)/torch.txt torch --editable '.[datasets]' --group dev
	$(LATEST)/bin/python -m pytest -n $(WORKERS)

test-hostile: $(READY)
	PYTHON=$(BIN)/python tests/hostile.sh

lock: | $(VENV)/pip-25.3
	$(BIN)/python .ci/lock.py

campaign: $(READY)
	HYPOTHESIS_PROFILE=drawn $(BIN)/python -m pytest -m campaign -o faulthandler_timeout=0 -n $(WORKERS)

bench: $(READY)
	set -e; for file in $(filter-out benchmarks/step_peers.py benchmarks/filling.py benchmarks/registry_peers.py,$(wildcard benchmarks/*.py)); do echo "== $$file"; $(BIN)/python "$$file"; done

clean:
	rm -rf $(VENV) $(LATEST) $(DEMO)
