# `make demo` and `make test` need nothing but Python 3.11+: they set up `.venv` themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m uv pip install --quiet --python $(BIN)/python
TORCH := torch==2.13.0
BASE := models/smollm2-135m-instruct

.PHONY: help demo test test-browser test-service test-container app serve datasets base-model train bake clean \
  fuzz fuzz-language fuzz-atheris

help:
	@echo "make demo          set up and play a match of the built-in defenders"
	@echo "make test          set up everything and run every check"
	@echo "make app           the before/after app in a browser, on port 8501"
	@echo "make serve         the environment's HTTP server, on port 7860"
	@echo "make test-browser  install Chromium and drive the app in it"
	@echo "make test-service  the long forms of the server's tests (some 10 minutes)"
	@echo "make test-container the steps of the Dockerfile, in an empty folder"
	@echo "make fuzz          hunt what breaks the laws (an hour, OPENSOC_HUNT_SECONDS)"
	@echo "make fuzz-language 20,000 comparisons with other Rego engines"
	@echo "make fuzz-atheris  ten minutes of coverage-guided fuzzing"
	@echo "make datasets      write the training and hold-out sets again"
	@echo "make train         base model, SFT, GRPO and evaluation (over an hour on 2 cores)"
	@echo "make bake          record the answers that the app shows, after make train"
	@echo "make clean         remove .venv and caches"

$(VENV)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/core: $(VENV)/uv pyproject.toml
	$(PIP) --editable .
	@touch $@

$(VENV)/app: $(VENV)/core
	$(PIP) --editable '.[app]'
	@touch $@

$(VENV)/serve: $(VENV)/core
	$(PIP) --editable '.[serve]'
	@touch $@

# pip, not uv, installs torch: it finds a local CPU build where there is one.
$(VENV)/train: $(VENV)/core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(PIP) --editable '.[train]'
	@touch $@

$(VENV)/dev: $(VENV)/train $(VENV)/serve $(VENV)/app
	$(PIP) --editable '.[dev,lsp]'
	@touch $@

demo: $(VENV)/core
	@$(BIN)/opensoc play

test: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/opensoc check
	$(BIN)/opensoc lint
	$(BIN)/opensoc fmt --check
	$(BIN)/opensoc test
	$(BIN)/python -m pytest -n auto -m "not browser and not slow"

test-browser: $(VENV)/dev
	command -v chromium >/dev/null || (apt-get update -qq && apt-get install -y -qq chromium)
	$(PIP) --editable '.[browser]'
	$(BIN)/python -m pytest -m browser

# OpenAPI and WebSocket fuzzing, the crash of a real server, the walk over every route,
# a model that fails behind a real server.
test-service: $(VENV)/dev
	$(BIN)/python -m pytest -m slow tests/env/test_server_openapi.py \
	  tests/env/test_server_sockets.py tests/env/test_service_leaks.py \
	  tests/env/test_store_crash.py tests/env/test_service_benchmarks.py \
	  tests/env/test_server_kept.py tests/env/test_endpoint_opponent.py

test-container: $(VENV)/dev
	$(BIN)/python -m pytest -m slow tests/env/test_container.py

# Findings are printed as cases; docs/hunting.md says what to do with one.
fuzz: $(VENV)/dev
	$(BIN)/python tests/property/hunting/hunt.py

# The long form of the comparison with other Rego engines; its report has the counts.
fuzz-language: $(VENV)/dev
	OPENSOC_DIFFERENTIAL=20000 $(BIN)/python -m pytest -m slow \
	  tests/property/test_outside_engines.py tests/property/test_backends_agree.py

# Findings are left in fuzz/, beside the corpora that grow there.
fuzz-atheris: $(VENV)/core
	$(PIP) --editable '.[fuzz]'
	mkdir -p fuzz
	for target in policy incident rego; do \
	  $(BIN)/python tests/fuzz/fuzz.py $$target fuzz/$$target -max_total_time=200 \
	    -rss_limit_mb=1024 -artifact_prefix=fuzz/$$target-finding- || exit 1; \
	done

app: $(VENV)/app
	$(BIN)/streamlit run app_streamlit.py

serve: $(VENV)/serve $(VENV)/app
	$(BIN)/opensoc serve

base-model: $(BASE)

$(BASE): $(VENV)/train
	$(BIN)/opensoc train base-model --out $(BASE)

# Stops by itself after about an hour on 2 cores; `--resume` goes on.
train: $(BASE)
	$(BIN)/opensoc train sft --base $(BASE) --max-seconds 2400 --out runs/sft
	$(BIN)/opensoc train grpo --base $(BASE) --adapter runs/sft --steps 20 \
	  --task stage1_basic --task stage2_multi --max-seconds 1500 --out runs/grpo
	$(BIN)/opensoc eval $(BASE) --adapter runs/grpo

# Records what the app shows: the base model before, the trained adapter after.
bake: $(BASE)
	rm -f opensoc_app/answers/before.jsonl opensoc_app/answers/after.jsonl
	$(BIN)/opensoc eval $(BASE) --limit 50 -o opensoc_app/answers/before.jsonl
	$(BIN)/opensoc eval $(BASE) --adapter runs/grpo --limit 50 \
	  -o opensoc_app/answers/after.jsonl

datasets: $(VENV)/core
	$(BIN)/opensoc generate datasets

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
