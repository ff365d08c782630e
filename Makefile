# `make demo` and `make test` need nothing but Python 3.11+: they set up `.venv` themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m uv pip install --quiet --python $(BIN)/python
TORCH ?= 2.13.0

.PHONY: help demo test check rules app serve test-browser test-long fuzz data clean

help:
	@echo "make demo          set up and play the demo match"
	@echo "make test          set up everything and run every check"
	@echo "make app           open the before/after app (http://127.0.0.1:8501)"
	@echo "make serve         serve the environment (http://127.0.0.1:7860)"
	@echo "make test-browser  install Chromium and drive the app with it"
	@echo "make data          write the committed data sets again"
	@echo "make clean         remove .venv and caches"

$(VENV)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

# One stamp per extra: each target installs only what it needs.
$(VENV)/core: $(VENV)/uv pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/app: $(VENV)/core
	$(PIP) --editable '.[app]'
	@touch $@

$(VENV)/serve: $(VENV)/core
	$(PIP) --editable '.[serve]'
	@touch $@

# pip, not uv, fetches torch: pip honours a local wheel folder from its configuration.
$(VENV)/torch: $(VENV)/uv
	$(BIN)/python -c 'import torch' 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check torch==$(TORCH)
	@touch $@

$(VENV)/all: $(VENV)/core $(VENV)/torch
	$(PIP) --editable '.[serve,app,train,dev]'
	@touch $@

demo: $(VENV)/core
	@$(BIN)/opensoc play --episodes 50 --seed 1

test: $(VENV)/all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/opensoc check
	$(BIN)/opensoc test
	$(BIN)/python -m pytest -m "not slow and not browser"

app: $(VENV)/app
	$(BIN)/opensoc app

serve: $(VENV)/serve
	$(BIN)/opensoc serve

test-browser: $(VENV)/all
	$(PIP) --editable '.[browser]'
	command -v chromium >/dev/null || (apt-get update -q && apt-get install -y -q chromium)
	$(BIN)/python -m pytest -m browser

data: $(VENV)/core
	$(BIN)/opensoc generate datasets

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
