# lampwell: everything starts here. `make` alone tells what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-ready
TOOLS := $(VENV)/.test-ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench faults mutants servers pins clean

help:  ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/bin/python:
	@sh tools/check_python.sh "$(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements/onebox.txt pyproject.toml | $(VENV)/bin/python
	@echo "lampwell: installing what the county needs into $(VENV) (once; about 150 MB) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/onebox.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS): requirements/test.txt $(RUNTIME)
	@echo "lampwell: installing the tools for tests and lint into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

setup: $(RUNTIME)  ## make .venv with everything pinned

demo: setup  ## a county comes alive on this screen (ARGS="--speed 10 --storm P=20")
	@$(BIN)/lampwell demo $(ARGS)

servers:
	@sh tools/ensure_servers.sh

test: $(TOOLS) servers  ## the whole suite, against real brokers, stores and Modbus servers
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(TOOLS)  ## ruff, strict types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(TOOLS) servers  ## speed, as ratios within one run; ends with one line of JSON
	@$(BIN)/python -m bench $(ARGS)

faults: $(TOOLS) servers  ## what survives what: kills, outages, hostile frames; ends with one line of JSON
	@$(BIN)/python -m bench.hostile $(ARGS)
	@$(BIN)/python -m bench.faults $(ARGS)
	@$(BIN)/python -m bench.faults_alarms $(ARGS)
	@$(BIN)/python -m bench.faults_lighting $(ARGS)
	@$(BIN)/python -m bench.lighting_month $(ARGS)

mutants: $(TOOLS)  ## do the alarm engine's tests notice when it is wrong; ends with one line of JSON
	@$(BIN)/python -m bench.mutants $(ARGS)

pins: $(TOOLS)  ## renew requirements/*.txt from pyproject.toml (needs uv)
	@sh tools/pin.sh

clean:  ## remove .venv and run data
	@rm -rf $(VENV) run build *.egg-info
