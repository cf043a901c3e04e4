# make hello   set up .venv and run the course's case: train a recogniser from nothing, offline, in minutes
# make course  make every picture and number of the lesson in recipes/course again
# make test    lint, types, tests
# make test-slow   the tests too that train for minutes
# make check   lint and types
# make clean   remove what these made

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: hello course check test test-slow clean

hello: $(VENV)/installed
	$(BIN)/speechrnn hello

course: $(VENV)/installed
	sed -n 's/^\$$ //p' recipes/course/README.md | PATH="$(CURDIR)/$(BIN):$$PATH" sh -ex

test: check
	$(BIN)/pytest -m "not slow"

test-slow: $(VENV)/installed-dev
	$(BIN)/pytest

check: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

clean:
	rm -rf $(VENV) runs/hello runs/course .mypy_cache .pytest_cache .ruff_cache .hypothesis

# torch comes first and by its pinned version: of several builds, a looser requirement may choose a larger one.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "speechrnn needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) "$$(grep ^torch== constraints.txt)"
	$(PIP) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --editable '.[dev]'
	touch $@
