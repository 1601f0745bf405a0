# `make demo` and `make test` do all their own set-up; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
# Each Python but the first one has an environment of its own: `make test PYTHON=python3.12` uses .venv-python3.12.
VENV := .venv$(if $(filter-out python3,$(notdir $(PYTHON))),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
# Most of the quick tests wait for processes; a file's tests stay together, so that its servers are started once.
PARALLEL := -n 4 --dist loadfile
# The slow ones wait for Airflow or keep a core busy with Spark; tests/conftest.py divides them.
SIDE_BY_SIDE := -n 2 --dist loadscope
INPUTS := pyproject.toml constraints.txt

.PHONY: help demo ui test test-fast schemas crash-points lint format bench requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## run a DAG on the local stack: create a cluster, run pi on Spark, delete the cluster
	@scripts/requirements.sh $(BIN)/python
	@$(BIN)/python scripts/demo.py

ui: $(RUNTIME) ## start Airflow with the local stack and the example DAGs, until Ctrl-C
	@scripts/requirements.sh $(BIN)/python
	@$(BIN)/python scripts/ui.py

test: $(DEV) lint ## all tests, real Spark and real Airflow included
	@$(BIN)/pytest -m "not slow" $(PARALLEL)
	@$(BIN)/pytest -m slow $(SIDE_BY_SIDE)

test-fast: $(DEV) ## the quick tests: no Spark, no Airflow processes
	@$(BIN)/pytest -m "not slow" $(PARALLEL)

lint: $(DEV) ## ruff, mypy and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(DEV) ## format and fix with ruff
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

crash-points: $(DEV) ## kill each operator's process before and after each request, and check the next try
	@$(BIN)/python -m tests.crash_points

schemas: $(RUNTIME) ## write the JSON Schemas and docs/configuration.md from the models
	@$(BIN)/python -m scripts.schemas

bench: $(DEV) ## all benchmarks; each prints a ratio
	@for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

requirements: ## list what is missing on this machine, and how to install it
	@scripts/requirements.sh $(PYTHON)

clean: ## remove the virtual environment and everything that was made by running
	rm -rf .venv .venv-* .run .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@scripts/requirements.sh $(PYTHON)
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): $(VENV)/bin/python $(INPUTS)
	@echo "Installing the provider and the local stack into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[local]'
	@$(BIN)/python -m airflow_provider_aztk.local install
	@touch $@

$(DEV): $(RUNTIME)
	@echo "Installing the tools for development ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
