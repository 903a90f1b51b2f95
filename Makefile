# `make` lists the targets. Everything is set up from the locks into this folder; nothing is installed elsewhere
# except, for the browser tests, Chromium and Firefox when none is found.
PYTHON ?= python3
BIN := .venv/bin
NAME ?=
COVERED := tests/unit/smart tests/unit/audit tests/unit/test_cli.py tests/contract/network tests/contract/store \
  tests/interaction/launch tests/interaction/policy tests/interaction/mcp tests/interaction/mcp_client tests/unit/mcp_client \
  tests/interaction/warehouse/test_analyst.py
FRONTEND := $(shell find frontend/src -type f 2>/dev/null) $(wildcard frontend/*.ts frontend/*.json)

.PHONY: help run chartside test check static static-python static-frontend parties coverage others e2e bench types lock setup llama spark pictures wheel conformance conformance-check static-and-fetch options

help:
	@echo "make run      set up, then start the sandbox EHR, the copilot and its MCP server; prints the addresses"
	@echo "make chartside DO='export sandbox'   one of Chartside's commands with the settings of make run"
	@echo "make test     set up, then everything that must pass, browser tests included"
	@echo "make check    lint, types and unit tests, in under two minutes"
	@echo "make parties  every port's contract, and whole launches against the sandbox EHR"
	@echo "make coverage whole launches, and every branch of app/smart and app/audit taken"
	@echo "make e2e      the browser tests"
	@echo "make bench    figures as JSON lines; NAME=tokens|card|bundle|cache for one"
	@echo "make wheel    build the wheel, install it into an empty environment, read a chart through it"
	@echo "make llama    the model adapters against a real llama.cpp server"
	@echo "make spark    views, tables and cohorts on Spark as on DuckDB (Java 17; 590 MB are installed)"
	@echo "make pictures every state of the screen: drawn, checked for access, by keyboard"
	@echo "make conformance the MCP suites and the Inspector against our MCP server and client, and servers of others (400 MB; part of make test)"
	@echo "make options  the same twelve questions by each way to a chart: docs/options.md"
	@echo "make types    write the frontend's types from the Python ones"
	@echo "make lock     resolve requirements*.in again"

setup: .setup/python .setup/node

.setup/python: requirements-dev.txt
	@mkdir -p .setup
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

.setup/node: frontend/package-lock.json
	@mkdir -p .setup
	cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.setup/build: .setup/node $(FRONTEND)
	cd frontend && npm run --silent build
	@touch $@

.setup/browsers: .setup/python
	@mkdir -p .setup
	sh tests/e2e/install_browsers.sh
	@touch $@

run: .setup/python .setup/build
	@$(BIN)/python -m sandbox.demo

chartside: .setup/python
	@$(BIN)/python -m sandbox.command $(DO)

types: .setup/python
	$(BIN)/python frontend/generate_types.py

check: static
	$(BIN)/pytest -q -n 2 --dist loadfile tests/unit

# Both halves at once: mypy uses one core.
static: .setup/python .setup/node
	@$(MAKE) --no-print-directory -j 2 --output-sync=target static-python static-frontend

static-python: .setup/python
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python frontend/generate_types.py --check

static-frontend: .setup/node
	cd frontend && npm run --silent check && npm run --silent test

parties: .setup/python .setup/node
	$(BIN)/pytest -q -n 2 --dist loadfile tests/contract tests/interaction

# Branch coverage costs CPU, so it is measured where it is gated: what launches, proves and audits. `make test` runs these tests
# here and all others there, each once.
coverage: .setup/python .setup/node
	@mkdir -p .setup
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 2 --dist loadfile $(COVERED)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

# The longest files first, in the order written here, and many short ones last: else the files of a single long test, which
# have the fewest tests, come last and leave one worker alone.
others: .setup/python .setup/node
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder tests/interaction tests/contract tests/evals tests/unit $(COVERED:%=--ignore=%)

e2e: .setup/python .setup/build .setup/browsers
	$(BIN)/pytest -q tests/e2e

test: static-and-fetch others coverage conformance-check e2e

# The foreign programs are fetched while the static halves run.
static-and-fetch: .setup/python .setup/node
	@$(MAKE) --no-print-directory -j 3 --output-sync=target static-python static-frontend .setup/conformance

wheel: .setup/python .setup/build
	@$(BIN)/python -m bench.wheel

bench: .setup/python .setup/build .setup/browsers
	@$(BIN)/python -m bench $(NAME)

options: .setup/python .setup/node
	@$(BIN)/python -m bench.options

lock:
	for name in requirements requirements-dev requirements-charts requirements-clouds requirements-llama requirements-spark requirements-oracles requirements-postgres; do \
	  $(BIN)/uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes $$name.in -o $$name.txt || exit 1; \
	done
	for name in requirements-fhir-mcp-server requirements-mcp-fhir; do \
	  $(BIN)/uv pip compile --quiet --universal --no-strip-extras --python-version 3.12 --generate-hashes $$name.in -o $$name.txt || exit 1; \
	done

llama: .setup/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-llama.txt
	$(BIN)/pytest -q tests/contract/llm/test_llama.py

spark: .setup/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.txt
	$(BIN)/pytest -q tests/contract/warehouse/test_spark.py tests/contract/warehouse/test_spark_cohorts.py tests/contract/warehouse/test_spark_functions.py

# Programs that nobody here wrote, each from its own lock: from npm, and a FHIR MCP server from PyPI in an environment of its own.
.setup/conformance: tests/conformance/package-lock.json requirements-fhir-mcp-server.txt .setup/python
	@mkdir -p .setup
	cd tests/conformance && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	$(BIN)/python -m tests.peers fhir-mcp-server
	@touch $@

conformance: .setup/python .setup/conformance
	@$(BIN)/python -m tests.conformance.run
	$(BIN)/pytest -q tests/conformance

# As `make conformance`, but the page is compared, not written.
conformance-check: .setup/python .setup/conformance
	@$(BIN)/python -m tests.conformance.run --check
	$(BIN)/pytest -q tests/conformance

pictures: .setup/node .setup/browsers
	cd frontend && node dev/keyboard.mjs && node dev/pictures.mjs
