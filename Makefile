# Every target sets itself up: all that is needed is Python 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo up test test-fast soak bench bench-quick explain trace check format lock screens clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 13

demo: $(VENV)/installed ## show the whole service at work, in a temporary folder
	@$(BIN)/crashq demo

up: $(VENV)/installed ## start the service on this machine; data stays in ./var
	@$(BIN)/crashq up

test: $(VENV)/installed-dev $(VENV)/senders/installed $(VENV)/browser/installed $(VENV)/generated/installed ## every test; those that need a server missing here are skipped and say so
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: $(VENV)/installed-dev ## unit and functional tests, on SQLite and without servers, two processes
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder tests/functional tests/unit $(ARGS)

soak: $(VENV)/installed-dev ## faults, random interleavings and hostile input, 20 repetitions of each; SOAK=100 for more
	@CRASHQ_SOAK=$(or $(SOAK),20) $(BIN)/python -m pytest tests/faults tests/properties tests/live/test_as_described.py $(ARGS)

bench: $(VENV)/installed-bench ## measure crashq beside its peers and limits, into bench/RESULTS.md; ARGS=--full for 10M rows
	@$(BIN)/python -m bench $(ARGS)

bench-quick: $(VENV)/installed-bench ## the same with fewer rows and rounds, in less than two minutes
	@$(BIN)/python -m bench --quick $(ARGS)

explain: $(VENV)/installed-dev ## how PostgreSQL runs the hot statements (app/db/hot), on a database with some thousand jobs
	@$(BIN)/python -m tests.explain

trace: $(VENV)/installed-dev ## how many calls and files of the project nine requests take; ARGS=files lists the files
	@$(BIN)/python -m tests.trace $(ARGS)

check: $(VENV)/installed-dev ## style, types, import rules, migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/integration/test_migrations.py

format: $(VENV)/installed-dev ## put the code into the project's form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## renew the lock files from pyproject.toml with the newest releases
	$(PYTHON) -m venv --clear $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --upgrade pip setuptools
	$(VENV)/lock/bin/pip install --quiet .
	$(VENV)/lock/bin/pip freeze --all --exclude pip --exclude crashq > .lock/run.txt
	$(VENV)/lock/bin/pip install --quiet '.[dev]'
	$(VENV)/lock/bin/pip freeze --all --exclude pip --exclude crashq > .lock/dev.txt
	$(PYTHON) -m venv --clear $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet --upgrade pip setuptools
	$(VENV)/lock/bin/pip install --quiet '.[bench]'
	$(VENV)/lock/bin/pip freeze --all --exclude pip --exclude crashq > .lock/bench.txt
	$(PYTHON) -m venv --clear $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet bugsink 'psycopg[binary]'
	$(VENV)/lock/bin/pip freeze > .lock/bugsink.txt
	rm -rf $(VENV)/lock build *.egg-info

screens: $(VENV)/installed-dev ## take the pictures of docs/screens anew, with Debian's chromium
	@$(BIN)/python -m tests.browser.screens

clean: ## remove what the targets made, except your data in ./var
	rm -rf $(VENV) build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "crashq needs Python 3.11 or newer; set PYTHON=")'
	@echo "Making $(VENV) and installing crashq (once)…"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: .lock/run.txt pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --disable-pip-version-check -r .lock/run.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/installed-dev: .lock/dev.txt $(VENV)/installed
	@$(BIN)/pip install --quiet --disable-pip-version-check -r .lock/dev.txt
	@touch $@

# From npm: real crash reporters, which tests/senders starts, the judge of pages of tests/browser, and the generators of clients
# of tests/generated; without npm, or without a way to its packages, the tests that need them are skipped.
$(VENV)/senders/installed $(VENV)/browser/installed $(VENV)/generated/installed: $(VENV)/%/installed: tests/%/package.json | $(VENV)/bin/python
	@mkdir -p $(@D)
	@cp $< $(@D)/package.json
	@if command -v npm >/dev/null; then \
	  cd $(@D) && npm install --silent --no-package-lock --no-audit --no-fund --ignore-scripts && touch installed || \
	  echo "$< could not be installed; the tests that need it are skipped"; fi

$(VENV)/installed-bench: .lock/bench.txt .lock/bugsink.txt $(VENV)/installed-dev
	@$(BIN)/pip install --quiet --disable-pip-version-check -r .lock/bench.txt
	@$(PYTHON) -m venv $(VENV)/bugsink
	@$(VENV)/bugsink/bin/pip install --quiet --disable-pip-version-check -r .lock/bugsink.txt || \
	  echo "Bugsink could not be installed; the bench leaves it out"
	@touch $@
