# Everything a person types here. `make` alone lists it. Each target sets up what it needs, once.
# Works with GNU make 3.81 (macOS) and /bin/sh; nothing needs root.
SHELL := /bin/sh
VENV ?= .venv
ARGS ?=
PY := $(VENV)/bin/python

# A set-up is done again when the files it reads have changed: their checksum is in the stamp's name.
sum = $(shell cat scripts/setup.py $(1) | cksum | cut -d ' ' -f 1)
LINT_READY := $(VENV)/made/lint-$(call sum,requirements-dev.txt)
APP_READY := $(VENV)/made/app-$(call sum,requirements.txt constraints.txt)
DEMO_READY := $(VENV)/made/demo-$(call sum,requirements.txt requirements-train.txt constraints.txt)
TEST_READY := $(VENV)/made/test-$(call sum,requirements.txt requirements-train.txt requirements-dev.txt constraints.txt)

PYTEST := $(PY) -m pytest
# Tests get a browser through this variable; see scripts/browser.py.
WITH_BROWSER = browser=$$($(PY) scripts/browser.py --get) && BROWSER_PATH="$$browser"

.PHONY: help demo run test test-unit test-hub test-e2e test-full lint format bench screenshots space clean
.NOTPARALLEL:

help:
	@echo 'make demo         the whole thing on this computer: no account, no network once it is set up'
	@echo 'make run          the same page with your own Hub account (hf auth login) and real, paid jobs'
	@echo 'make test         all quick tests, two kinds at a time: some 20 minutes on two cores'
	@echo 'make test-unit    tests without a server; test-hub: against the local Hub; test-e2e: in a browser'
	@echo 'make test-full    the quick tests and the long ones'
	@echo 'make lint         ruff, checking; make format: ruff, changing'
	@echo 'make bench        measures start-up, memory and page weight beside a bare Gradio app, choices, viewers, pure rooms'
	@echo 'make screenshots  takes the pictures in docs/'
	@echo 'make space        puts together and checks build/space, which is what is pushed to a Space'
	@echo 'make clean        removes what the targets above made, but not .venv'

demo: $(DEMO_READY)
	@exec $(PY) app.py --demo

run: $(APP_READY)
	@exec $(PY) app.py

test: $(TEST_READY)
	@$(WITH_BROWSER) $(PY) scripts/side_by_side.py $(ARGS)

test-unit: $(TEST_READY)
	@$(PYTEST) tests/unit $(ARGS)

test-hub: $(TEST_READY)
	@$(PYTEST) tests/hub $(ARGS)

test-e2e: $(TEST_READY)
	@$(WITH_BROWSER) $(PYTEST) tests/e2e $(ARGS)

test-full: $(TEST_READY)
	@$(WITH_BROWSER) $(PY) scripts/side_by_side.py -m '' $(ARGS)

lint: $(LINT_READY)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(LINT_READY)
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: $(TEST_READY)
	@$(WITH_BROWSER) $(PY) -m benchmarks $(ARGS)

screenshots: $(TEST_READY)
	@$(WITH_BROWSER) $(PY) scripts/screenshots.py $(ARGS)

space: $(APP_READY)
	@$(PY) scripts/space.py $(ARGS)

clean:
	@rm -rf build .demo .cache .pytest_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -type d -name __pycache__ -exec rm -rf {} +

$(PY):
	@python=$$(sh scripts/find_python.sh) && $$python -m venv $(VENV)

$(LINT_READY): | $(PY)
	@$(call setup,lint)
$(APP_READY): | $(PY)
	@$(call setup,app)
$(DEMO_READY): | $(PY)
	@$(call setup,demo)
$(TEST_READY): | $(PY)
	@$(call setup,test)

setup = $(PY) scripts/setup.py $(1) && mkdir -p $(VENV)/made && rm -f $(VENV)/made/$(1)-* && touch $@
