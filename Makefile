# `make test` needs nothing but Python 3.11+: it sets up `.venv` itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m uv pip install --quiet --python $(BIN)/python

.PHONY: help test clean

help:
	@echo "make test   set up and run every check"
	@echo "make clean  remove .venv and caches"

$(VENV)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/dev: $(VENV)/uv pyproject.toml
	$(PIP) --editable '.[dev]'
	@touch $@

test: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
